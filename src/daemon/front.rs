//! The thread of the lamp and the buzzer: they say what the resident's screen says.
//!
//! Not one of the supervised stages: a bin whose lamp is broken goes on sorting, and the check-up says what is broken.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::DaemonError;
use super::events::FrontFailed;
use super::page::doors;
use crate::clock::Clock;
use crate::config::Config;
use crate::mechanism::front::{Front, Lamp, Sound};
use crate::mechanism::gpio::open_boxed;
use crate::web::screen::{Face, Follower, Outcome};
use crate::web::{Live, SILENT_AFTER};

/// Short against the shortest beep.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Starts it where the rig has a lamp or a buzzer; it ends, dark, when the loop's news do.
pub(super) fn start(
    config: &Config,
    live: watch::Receiver<Live>,
    clock: &Arc<dyn Clock>,
) -> Result<(), DaemonError> {
    if config.front.outputs().next().is_none() {
        return Ok(());
    }
    let front = match Front::open(config.front.clone(), &open_boxed) {
        Ok(front) => front,
        Err(error) => {
            FrontFailed { error: &error }.emit();
            return Ok(());
        }
    };
    let (follower, clock) = (Follower::new(doors(config)), Arc::clone(clock));
    std::thread::Builder::new()
        .name("front".to_owned())
        .spawn(move || follow(front, follower, live, &*clock))
        .map_err(|source| DaemonError::System { doing: "start the thread 'front'".to_owned(), source })?;
    Ok(())
}

fn follow(mut front: Front, mut follower: Follower, mut live: watch::Receiver<Live>, clock: &dyn Clock) {
    let (mut heard_at, mut failing) = (clock.now(), false);
    while let Ok(changed) = live.has_changed() {
        let now = clock.now();
        if changed {
            heard_at = now;
        }
        let (lamp, decided) = {
            let live = live.borrow_and_update();
            let face = follower.look(&live, now.since(heard_at) > SILENT_AFTER, now);
            let decided_at = live.last_verdict.as_ref().map(|verdict| verdict.decided_at);
            (lamp(face), decided_at.zip(sound(face)))
        };
        match front.show(lamp, decided, now) {
            Ok(()) => failing = false,
            // Once is enough: it is tried again at every look.
            Err(error) if !std::mem::replace(&mut failing, true) => FrontFailed { error: &error }.emit(),
            Err(_) => {}
        }
        clock.sleep_until(now + LOOK_EVERY);
    }
}

const fn lamp(face: Face) -> Lamp {
    match face {
        Face::Ready | Face::Result { next: true, .. } => Lamp::Lit,
        Face::Moment | Face::Looking | Face::Result { next: false, .. } => Lamp::Waiting,
        Face::Hold => Lamp::Warning,
        Face::Full | Face::Out(_) => Lamp::Dark,
    }
}

const fn sound(face: Face) -> Option<Sound> {
    match face {
        Face::Result { result: Outcome::Sorted(_), .. } => Some(Sound::Accepted),
        Face::Result { result: Outcome::General(..), .. } => Some(Sound::General),
        Face::Result { result: Outcome::Back(..), .. } => Some(Sound::Back),
        _ => None,
    }
}
