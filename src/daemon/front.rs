//! The thread of the front: lamp and buzzer say what the resident's screen says, and the button is heard.
//!
//! Not one of the supervised stages: a bin whose lamp is broken goes on sorting, and the check-up says what is broken.
//! Never moves anything: a press is a command to the judge, which moves the flap for none of them.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::sync::watch;

use super::events::{ButtonPressed, ButtonStuck, FrontFailed};
use super::judging::Message;
use super::page::doors;
use super::{DaemonError, ledger};
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::judge::Command;
use crate::mechanism::MechanismError;
use crate::mechanism::button::{Button, ButtonMeans, ButtonNow, ButtonSettings};
use crate::mechanism::front::{Front, Lamp, Sound};
use crate::mechanism::gpio::open_boxed;
use crate::web::screen::{Face, Follower, Outcome};
use crate::web::{Live, SILENT_AFTER};

/// Short against the shortest beep and against a press.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// A button whose line failed is tried again this much later.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Starts it where the rig has a lamp, a buzzer or a button; it ends, dark, when the loop's news do.
pub(super) fn start(
    config: &Config,
    live: watch::Receiver<Live>,
    inbox: &SyncSender<Message>,
    clock: &Arc<dyn Clock>,
) -> Result<(), DaemonError> {
    let settings = &config.front;
    if settings.outputs().next().is_none() && settings.button.is_none() {
        return Ok(());
    }
    let shown = settings.outputs().next().and_then(|_| {
        let front = Front::open(settings.clone(), &open_boxed);
        front.map_err(|error| FrontFailed { error: &error }.emit()).ok()
    });
    let button = settings.button.clone().map(|settings| Pressing::new(settings, inbox.clone()));
    let (follower, clock) = (Follower::new(doors(config)), Arc::clone(clock));
    std::thread::Builder::new()
        .name("front".to_owned())
        .spawn(move || follow(shown, button, follower, live, &*clock))
        .map_err(|source| DaemonError::System { doing: "start the thread 'front'".to_owned(), source })?;
    Ok(())
}

fn follow(
    mut front: Option<Front>,
    mut button: Option<Pressing>,
    mut follower: Follower,
    mut live: watch::Receiver<Live>,
    clock: &dyn Clock,
) {
    let (mut heard_at, mut failing) = (clock.now(), false);
    while let Ok(changed) = live.has_changed() {
        let now = clock.now();
        if changed {
            heard_at = now;
        }
        if let Some(button) = &mut button {
            button.look(now);
        }
        let (lamp, told) = {
            let live = live.borrow_and_update();
            let silent = now.since(heard_at) > SILENT_AFTER;
            (lamp(follower.beneath(&live, silent, now)), told(&live, follower.look(&live, silent, now)))
        };
        match front.as_mut().map_or(Ok(()), |front| front.show(lamp, told, now)) {
            Ok(()) => failing = false,
            // Once is enough: it is tried again at every look.
            Err(error) if !std::mem::replace(&mut failing, true) => FrontFailed { error: &error }.emit(),
            Err(_) => {}
        }
        clock.sleep_until(now + LOOK_EVERY);
    }
}

/// The button, while its line can be had.
struct Pressing {
    settings: ButtonSettings,
    inbox: SyncSender<Message>,
    button: Option<Button>,
    shown: Option<ButtonNow>,
    next_try: Moment,
}

impl Pressing {
    fn new(settings: ButtonSettings, inbox: SyncSender<Message>) -> Self {
        Self { settings, inbox, button: None, shown: None, next_try: Moment::from_millis(0) }
    }

    fn look(&mut self, now: Moment) {
        let looked = match &mut self.button {
            Some(button) => button.look(now),
            None if now < self.next_try => return,
            None => Button::open(&self.settings, &open_boxed, now).map(|button| {
                self.button = Some(button);
                (false, ButtonNow::Released)
            }),
        };
        match looked {
            Ok((pressed, button)) => self.tell(pressed, button),
            Err(error) => self.fail(&error, now),
        }
    }

    fn tell(&mut self, pressed: bool, button: ButtonNow) {
        let calls = pressed && self.settings.means == ButtonMeans::CallCrew;
        if pressed {
            ButtonPressed { means: self.settings.means }.emit();
            let command = if calls { Command::CallCrew } else { Command::TakeBack };
            ledger::send(&self.inbox, Message::Command(command));
        }
        if self.shown != Some(button) || calls {
            if button == ButtonNow::Stuck {
                ButtonStuck.emit();
            }
            self.shown = Some(button);
            ledger::send(&self.inbox, Message::Button(button, calls));
        }
    }

    fn fail(&mut self, error: &MechanismError, now: Moment) {
        (self.button, self.next_try) = (None, now + AGAIN_AFTER);
        if self.shown != Some(ButtonNow::Failed) {
            FrontFailed { error }.emit();
            self.shown = Some(ButtonNow::Failed);
            ledger::send(&self.inbox, Message::Button(ButtonNow::Failed, false));
        }
    }
}

const fn lamp(face: Face) -> Lamp {
    match face {
        Face::Ready | Face::Result { next: true, .. } => Lamp::Lit,
        Face::Moment | Face::Looking | Face::Withdrawn | Face::Called | Face::Result { next: false, .. } => {
            Lamp::Waiting
        }
        Face::Hold => Lamp::Warning,
        Face::Full | Face::Out(_) => Lamp::Dark,
    }
}

/// What sounds, by the moment it is about: once each.
fn told(live: &Live, face: Face) -> Option<(Moment, Sound)> {
    let decided = live.last_verdict.as_ref().map(|verdict| verdict.decided_at);
    let (at, sound) = match face {
        Face::Result { result: Outcome::Sorted(_), .. } => (decided, Sound::Accepted),
        Face::Result { result: Outcome::General(..), .. } => (decided, Sound::General),
        Face::Result { result: Outcome::Back(..), .. } => (decided, Sound::Back),
        Face::Withdrawn => (live.withdrawn, Sound::Back),
        Face::Called => (live.called, Sound::Called),
        _ => return None,
    };
    Some((at?, sound))
}
