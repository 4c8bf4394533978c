//! A stepper behind a driver chip: step, direction and enable lines, and a switch at home.
//!
//! Steps are timed by a thread of their own against absolute deadlines, so that a late one does not delay the next; one
//! that is later than a quarter of its interval delays all that follow. [`measure_jitter`] says how late they are on a
//! machine. Position is counted in steps from the home switch's edge.
//!
//! ```text
//! position unknown --start--> homing, slowly towards the switch --edge--> known --> on to the place asked for
//! known --start--> ramp, run, ramp --> reached (at home the switch must agree)
//! any --release--> off; while it turned faster than its start speed: position unknown
//! ```
//!
//! - Never a step without the enable line on, never one after it went off: both happen under one lock.
//! - Never two steps closer than three quarters of their interval, however late the thread was woken.
//! - Never a change of direction above the start speed ([`super::profile`]).
//! - Never trusts the count alone: home without its switch is an error, and the next movement homes again.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::lines::{Input, Levels, Lines, LinesSpec, OpenLines, Output, bit};
use super::profile::{Profile, Speeds};
use super::{Drive, MechanismError, Place, Sensed, Track};
use crate::clock::{Clock, Moment};

/// What the rig's file says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct StepperSettings {
    /// Current on.
    pub enable: Output,
    /// Active towards greater angles.
    pub direction: Output,
    /// One step at each change to active.
    pub step: Output,
    /// Active at home.
    pub home_switch: Input,
    /// Steps of each of the track's positions from angle zero.
    pub steps: Vec<i64>,
    /// Steps of a whole turn, where it may go on turning (a carousel); it then takes the shorter way.
    pub turn: Option<i64>,
    /// How it moves.
    pub speeds: Speeds,
    /// How fast it looks for home: slow enough to stop at once.
    pub homing_hz: f64,
    /// The places.
    pub track: Track,
}

impl StepperSettings {
    /// Enable, direction and step, and home's switch.
    pub fn lines(&self) -> LinesSpec {
        let outputs = vec![self.enable.clone(), self.direction.clone(), self.step.clone()];
        LinesSpec { consumer: "bunri-drive", outputs, inputs: vec![self.home_switch.clone()] }
    }
}

const ENABLE: Levels = bit(0);
const DIRECTION: Levels = bit(1);
const STEP: Levels = bit(2);
const HOME: Levels = bit(0);

/// What the drive and the pulse thread share.
struct Shared {
    lines: Box<dyn Lines>,
    profile: Profile,
    on: bool,
    direction: Levels,
    /// Counts the times at which what was under way was called off.
    calls_off: u64,
    search: Search,
    /// What home is counted as.
    home: i64,
    failed: Option<MechanismError>,
}

/// Where the search for home is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    Off,
    On,
    Found,
}

/// A step that was counted, to be pulsed in its time unless it is called off.
#[derive(Clone, Copy)]
struct Due {
    after: Duration,
    direction: Levels,
    calls_off: u64,
}

impl Shared {
    /// Counts the next step, if there is one to take.
    fn next(&mut self) -> Result<Option<Due>, MechanismError> {
        if !self.on {
            return Ok(None);
        }
        if self.search == Search::On && self.sees_home()? {
            self.search = Search::Found;
            self.stand(self.home);
            return Ok(None);
        }
        let Some(step) = self.profile.step() else { return Ok(None) };
        let direction = if step.forward { DIRECTION } else { 0 };
        if direction != self.direction {
            // A whole step's time before the pulse: far longer than any driver chip asks for.
            self.lines.write(ENABLE | direction)?;
            self.direction = direction;
        }
        Ok(Some(Due { after: step.after, direction, calls_off: self.calls_off }))
    }

    /// Looked at before every step of a search, so that it ends on the very step, whoever else is late.
    fn sees_home(&mut self) -> Result<bool, MechanismError> {
        let mut seen = self.lines.read()? & HOME != 0;
        while let Some(edge) = self.lines.next_edge()? {
            seen |= edge.active;
        }
        Ok(seen)
    }

    /// Stands where it is, which is called `position`.
    fn stand(&mut self, position: i64) {
        self.profile.stand(position);
        self.calls_off += 1;
    }

    fn pulse(&mut self, due: Due) -> Result<(), MechanismError> {
        if !self.on || due.calls_off != self.calls_off {
            return Ok(());
        }
        let direction = due.direction;
        self.lines.write(ENABLE | direction | STEP)?;
        self.lines.write(ENABLE | direction)
    }
}

/// A poisoned lock means that the other thread panicked, which ends the process; until then off is off.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From when the next step's time counts: from the deadline, so that small delays do not add up; but a step that came
/// very late must not be followed by a burst of others, which no motor can follow.
fn not_too_soon(due: Moment, woke: Moment, after: Duration) -> Moment {
    let made_up = after / 4;
    due + woke.since(due).saturating_sub(made_up)
}

/// The pulse thread: woken for each movement, ends with the drive.
fn pulses(shared: &Mutex<Shared>, wake: &Receiver<()>, clock: &dyn Clock) {
    while wake.recv().is_ok() {
        let mut due = clock.now();
        loop {
            let next = lock(shared).next();
            let outcome = match next {
                Ok(Some(step)) => {
                    due = due + step.after;
                    clock.sleep_until(due);
                    due = not_too_soon(due, clock.now(), step.after);
                    lock(shared).pulse(step)
                }
                Ok(None) => break,
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                let mut shared = lock(shared);
                (shared.on, shared.failed) = (false, Some(error));
                // The drive tells it at its next look, and then tries the same again.
                let _ = shared.lines.write(0);
                break;
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Off,
    Homing,
    Going,
    Reached,
}

/// The drive.
pub struct Stepper {
    settings: StepperSettings,
    shared: Arc<Mutex<Shared>>,
    wake: Sender<()>,
    phase: Phase,
    /// The count is right.
    known: bool,
    asked: Option<(Place, usize)>,
}

impl Stepper {
    /// Requests the lines, the motor without current, and starts the pulse thread.
    ///
    /// # Errors
    /// When a line is missing, busy or refused, or there is no thread to be had.
    pub fn open(
        settings: StepperSettings,
        open: OpenLines<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MechanismError> {
        let lines = open(&settings.lines())?;
        let profile = Profile::new(settings.speeds, 0);
        let shared = Shared {
            lines,
            profile,
            on: false,
            direction: 0,
            calls_off: 0,
            search: Search::Off,
            home: 0,
            failed: None,
        };
        let home = settings.track.position(Place::Home).and_then(|home| settings.steps.get(home));
        let home = home.copied().unwrap_or(0);
        let shared = Arc::new(Mutex::new(Shared { home, ..shared }));
        let (wake, woken) = channel();
        let threads_own = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("steps".to_owned())
            .spawn(move || pulses(&threads_own, &woken, &*clock))
            .map_err(|error| MechanismError::Hardware {
                doing: "starting its pulse thread",
                message: error.to_string(),
            })?;
        Ok(Self { settings, shared, wake, phase: Phase::Off, known: false, asked: None })
    }

    fn home_position(&self) -> usize {
        self.settings.track.position(Place::Home).unwrap_or(0)
    }

    /// The nearest count that stands for a position.
    fn target(&self, position: usize, from: i64) -> i64 {
        let steps = self.settings.steps.get(position).copied().unwrap_or(0);
        let Some(turn) = self.settings.turn.filter(|turn| *turn > 0) else { return steps };
        let ahead = (steps - from).rem_euclid(turn);
        from + if ahead > turn / 2 { ahead - turn } else { ahead }
    }

    /// On towards the place asked for, the count being right.
    fn go(&mut self, shared: &mut Shared, position: usize) {
        shared.search = Search::Off;
        shared.profile.limit(self.settings.speeds);
        let target = self.target(position, shared.profile.position());
        shared.profile.aim(target);
        self.phase = Phase::Going;
    }

    /// Farther than home can be, slowly, backwards: a carousel finds its switch once a turn, a flap at its end.
    fn search(&mut self, shared: &mut Shared) {
        let last = self.settings.steps.iter().map(|steps| steps.abs()).max().unwrap_or(0);
        let way = self.settings.turn.unwrap_or(last * 2) * 5 / 4 + 1;
        let homing_hz = self.settings.homing_hz;
        let homing = Speeds { start_hz: homing_hz, top_hz: homing_hz, ..self.settings.speeds };
        shared.profile.limit(homing);
        shared.profile.aim(shared.profile.position() - way);
        shared.search = Search::On;
        self.phase = Phase::Homing;
    }

    fn switch_on(&self, shared: &mut Shared) -> Result<(), MechanismError> {
        if !shared.on {
            shared.lines.write(shared.direction)?;
            shared.lines.write(shared.direction | ENABLE)?;
            shared.on = true;
        }
        self.wake.send(()).map_err(|_| MechanismError::Hardware {
            doing: "waking its pulse thread",
            message: "it has ended".to_owned(),
        })
    }
}

impl Drive for Stepper {
    fn start(&mut self, place: Place, _now: Moment) -> Result<(), MechanismError> {
        let Some(position) = self.settings.track.position(place) else {
            return Err(MechanismError::NoSuchPlace { place: format!("{place:?}") });
        };
        self.asked = Some((place, position));
        let shared = Arc::clone(&self.shared);
        let mut shared = lock(&shared);
        while shared.lines.next_edge()?.is_some() {}
        let at_home = shared.lines.read()? & HOME != 0;
        if at_home && !self.known {
            let home = shared.home;
            shared.stand(home);
            self.known = true;
        }
        // Somebody has turned it while it had no current.
        let counted_home = self.target(self.home_position(), shared.profile.position());
        if !shared.on && !at_home && counted_home == shared.profile.position() {
            self.known = false;
        }
        if self.known {
            self.go(&mut shared, position);
        } else {
            self.search(&mut shared);
        }
        self.switch_on(&mut shared)
    }

    fn release(&mut self, _now: Moment) -> Result<(), MechanismError> {
        let mut shared = lock(&self.shared);
        // Without current a fast rotor runs on, past what was counted.
        self.known &= shared.profile.is_slow();
        self.phase = Phase::Off;
        (shared.on, shared.search) = (false, Search::Off);
        let position = shared.profile.position();
        shared.stand(position);
        shared.lines.write(0)
    }

    fn inputs(&mut self) -> Result<Levels, MechanismError> {
        lock(&self.shared).lines.read()
    }

    fn sense(&mut self, _now: Moment) -> Result<Sensed, MechanismError> {
        let shared = Arc::clone(&self.shared);
        let mut shared = lock(&shared);
        if let Some(error) = shared.failed.take() {
            return Err(error);
        }
        let Some((place, position)) = self.asked else { return Ok(Sensed::default()) };
        let stands = shared.profile.position() == shared.profile.target() && shared.profile.speed_hz() <= 0.0;
        match self.phase {
            Phase::Homing if shared.search == Search::Found => {
                self.known = true;
                self.go(&mut shared, position);
                self.switch_on(&mut shared)?;
            }
            Phase::Homing if stands => return Err(MechanismError::NoHome),
            Phase::Going if stands => {
                // The home switch says whether steps were lost on the way.
                if place == Place::Home && shared.lines.read()? & HOME == 0 {
                    self.known = false;
                    return Err(MechanismError::LostSteps);
                }
                self.phase = Phase::Reached;
            }
            _ => {}
        }
        let place = (self.phase == Phase::Reached).then_some(place);
        Ok(Sensed { place, contradiction: false })
    }
}

/// How late steps were, in microseconds: median, 99th percentile and worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// Half of the steps were at most this late.
    pub p50_us: u64,
    /// All but one in a hundred.
    pub p99_us: u64,
    /// The latest.
    pub worst_us: u64,
}

/// Sleeps to `steps` deadlines at a rate, as the pulse thread does, and says how late it woke.
pub fn measure_jitter(rate_hz: u32, steps: u32, clock: &dyn Clock) -> Jitter {
    let interval = Duration::from_secs(1) / rate_hz.max(1);
    let mut due = clock.now();
    let mut late: Vec<u64> = Vec::new();
    for _ in 0..steps.max(1) {
        due = due + interval;
        clock.sleep_until(due);
        late.push(u64::try_from(clock.now().since(due).as_micros()).unwrap_or(u64::MAX));
    }
    late.sort_unstable();
    let at = |share: usize| late[(late.len() - 1) * share / 100];
    Jitter { p50_us: at(50), p99_us: at(99), worst_us: at(100) }
}

#[cfg(test)]
mod tests;
