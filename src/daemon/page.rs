//! The page beside the sorting: what it is told once, and the thread that serves it.
//!
//! Never in another thread's turn: the page's own runtime runs at a lower priority, and the threads it makes for passwords,
//! pictures and check-ups inherit that. Two hundred clients cost the sorting loop, the uplink and the watchdog what is left
//! over; `cargo bench -- crowd` measures it.

use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use super::DaemonError;
use super::events::PriorityKept;
use crate::clock::Moment;
use crate::config::{Camera, Config};
use crate::mechanism::DriveSettings;
use crate::mechanism::guard::Guard;
use crate::mechanism::lines::Levels;
use crate::web::{self, Door, Info, Page, WebError};

/// By how much the page's threads come after the others: with 10, a busy processor is theirs for a tenth.
const STEPS_BACK: i32 = 10;

/// Tells how the page ended.
pub(super) type Serving = oneshot::Receiver<Result<(), WebError>>;

/// Listens where the page is to be, if it is to be anywhere.
pub(super) async fn open_door(config: &Config) -> Result<Option<Door>, DaemonError> {
    match &config.web {
        Some(settings) => Ok(Some(web::bind(settings).await?)),
        None => Ok(None),
    }
}

/// Serves the page, if there is a door, in a thread of its own until it is told to stop.
///
/// # Errors
/// When the system gives no thread or no runtime.
pub(super) fn start_web(
    door: Option<Door>,
    page: Arc<Page>,
) -> Result<(watch::Sender<bool>, Option<Serving>), DaemonError> {
    let (stop, stopped) = watch::channel(false);
    let Some(door) = door else { return Ok((stop, None)) };
    let system = |source| DaemonError::System { doing: "start the thread 'web'".to_owned(), source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    let (end, ended) = oneshot::channel();
    let serve = move || {
        if let Err(error) = rustix::process::nice(STEPS_BACK) {
            PriorityKept { error: &error.into() }.emit();
        }
        let result = runtime.block_on(web::serve(door, page, stopped));
        // A check-up that hangs must not hold up the end.
        runtime.shutdown_background();
        let _nobody_waits = end.send(result).is_err();
    };
    std::thread::Builder::new().name("web".to_owned()).spawn(serve).map_err(system)?;
    Ok((stop, Some(ended)))
}

pub(super) fn page_info(config: &Config, software: &str, bundle: &str, started_at: Moment) -> Info {
    Info {
        bin: config.bin.bin().to_owned(),
        software: software.to_owned(),
        bundle: bundle.to_owned(),
        bundle_change: config.change.clone(),
        config_hash: config.hash.clone(),
        zone: config.zone.clone(),
        started_at,
        compartments: config.compartments.iter().map(|compartment| compartment.stream).collect(),
        screen: config.screen.clone(),
        configuration: config.text.clone(),
        has_camera: !matches!(config.camera, Camera::None),
        has_rig: config.drive != DriveSettings::None,
        inputs: config.drive.lines().inputs.into_iter().map(|input| input.role).collect(),
        guards: config.guards.guards.iter().map(|(_, input)| input.role.clone()).collect(),
        doors: doors(config),
        state_dir: config.state_dir.clone(),
    }
}

/// Which guards are service doors.
pub(super) fn doors(config: &Config) -> Levels {
    let guards = config.guards.guards.iter().enumerate();
    guards
        .filter(|(_, (guard, _))| *guard == Guard::ServiceDoor)
        .fold(0, |doors, (index, _)| doors | 1 << index)
}
