//! The flap's two threads: the mechanism with its drive, and the guards that forbid it to move.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, sync_channel};

use super::judging::Message;
use super::supervise::Stages;
use super::{DaemonError, ledger};
use crate::clock::Clock;
use crate::config::Config;
use crate::judge::Command;
use crate::mechanism::gpio::open_boxed;
use crate::mechanism::guard::{Guards, Told};
use crate::mechanism::{Board, Request, Stage};

/// Requests that may wait for the flap.
const REQUESTS: usize = 16;

/// Opens the rig's drive, switched off, then its guards, and starts both threads.
///
/// # Errors
/// When a line or the drive is missing, busy or refused.
pub(super) fn start(
    config: &Config,
    stages: &mut Stages,
    inbox: &SyncSender<Message>,
    stop_guards: &Arc<AtomicBool>,
    clock: &Arc<dyn Clock>,
) -> Result<SyncSender<Request>, DaemonError> {
    let calibration = &config.calibration;
    let board = Board { open_lines: &open_boxed, clock };
    let drive = config.drive.open(&calibration.angles_deg, calibration.speed_deg_per_s, &board)?;
    let stage = Stage::new(drive, config.mechanism.clone(), clock.now())?;
    let veto = start_guards(config, stages, inbox.clone(), stop_guards, clock)?;
    start_mechanism(stage.guarded(veto), stages, inbox.clone(), clock)
}

/// Starts the guards of the rig, if it has any; returns the flag by which they forbid movement.
fn start_guards(
    config: &Config,
    stages: &mut Stages,
    inbox: SyncSender<Message>,
    stop: &Arc<AtomicBool>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<AtomicBool>, DaemonError> {
    let veto = Arc::new(AtomicBool::new(false));
    if config.guards.guards.is_empty() {
        return Ok(veto);
    }
    let settings = config.guards.clone();
    let guards = Guards::open(settings, Arc::clone(&veto), &open_boxed, clock.now())?;
    ledger::send(&inbox, Message::Veto(guards.vetoed()));
    ledger::send(&inbox, Message::Guards(guards.active()));
    let beat = stages.watch("guard");
    let (stop, clock) = (Arc::clone(stop), Arc::clone(clock));
    stages.spawn("guard", move || {
        let tell = |told: Told| {
            if let Some(vetoed) = told.veto {
                ledger::send(&inbox, Message::Veto(vetoed));
            }
            if let Some(active) = told.active {
                ledger::send(&inbox, Message::Guards(active));
            }
            // Whoever closes the service door has mended what was behind it.
            if told.door_closed {
                ledger::send(&inbox, Message::Command(Command::Reset));
            }
        };
        guards.run(&*clock, &stop, tell, || beat.beat(clock.now()))
    })?;
    Ok(veto)
}

fn start_mechanism(
    stage: Stage,
    stages: &mut Stages,
    inbox: SyncSender<Message>,
    clock: &Arc<dyn Clock>,
) -> Result<SyncSender<Request>, DaemonError> {
    let (requests, receiver) = sync_channel(REQUESTS);
    let beat = stages.watch("mechanism");
    let clock = Arc::clone(clock);
    stages.spawn("mechanism", move || {
        let mut shown = None;
        let flap_inbox = inbox.clone();
        let report = move |movement| ledger::send(&inbox, Message::Movement(movement));
        stage.run(&*clock, &receiver, report, |status| {
            beat.beat(clock.now());
            if shown.replace(status) != Some(status) {
                ledger::send(&flap_inbox, Message::Flap(status));
            }
        });
        Ok::<(), DaemonError>(())
    })?;
    Ok(requests)
}
