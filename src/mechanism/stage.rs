//! The shell: a [`Flap`] with its [`Drive`], stepped by a thread of its own, or by hand in simulated time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use super::events::{Failed, Moved, TurnedBack};
use super::flap::{Flap, FlapState, Order, Step};
use super::lines::Levels;
use super::{Drive, Place, Sensed, Settings};
use crate::clock::{Clock, Moment};
use crate::judge::{CompartmentId, Movement};

/// What the judge may ask of this room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Move to a compartment.
    Move(CompartmentId),
    /// Move home.
    Home,
    /// Stop and turn back.
    Halt,
}

/// What the page shows of the flap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MechanismStatus {
    /// Where the flap is.
    pub state: FlapState,
    /// What the drive made of its inputs last.
    pub sensed: Sensed,
    /// The inputs themselves, as they were when the flap was at rest last.
    pub inputs: Levels,
}

/// Nobody asks for movements any more.
struct Gone;

/// How often the inputs are read at rest.
const AT_REST: Duration = Duration::from_millis(100);

/// A flap and its drive.
pub struct Stage {
    flap: Flap,
    drive: Box<dyn Drive>,
    settings: Settings,
    started_at: Moment,
    veto: Option<Arc<AtomicBool>>,
    sensed: Sensed,
    inputs: Levels,
}

impl Stage {
    /// A flap at rest, its drive released.
    ///
    /// # Errors
    /// When the drive cannot even be released.
    pub fn new(
        mut drive: Box<dyn Drive>,
        settings: Settings,
        now: Moment,
    ) -> Result<Self, super::MechanismError> {
        drive.release(now)?;
        let flap = Flap::new(settings.clone());
        let (sensed, inputs) = (Sensed::default(), 0);
        Ok(Self { flap, drive, settings, started_at: now, veto: None, sensed, inputs })
    }

    /// A flap that also obeys the guards' flag, by itself: it is looked at before every order and at every poll.
    pub fn guarded(self, veto: Arc<AtomicBool>) -> Self {
        Self { veto: Some(veto), ..self }
    }

    /// Where the flap is.
    pub const fn status(&self) -> MechanismStatus {
        MechanismStatus { state: self.flap.state(), sensed: self.sensed, inputs: self.inputs }
    }

    /// Carries out one request; a report may follow at once.
    pub fn request(&mut self, request: Request, now: Moment) -> Option<Movement> {
        if let Some(movement) = self.obey_guards(now) {
            return Some(movement);
        }
        let before = self.flap.state();
        let order = match request {
            Request::Move(compartment) => Order::Go(Place::At(compartment)),
            Request::Home => Order::Go(Place::Home),
            Request::Halt => Order::Halt,
        };
        let step = self.flap.order(order, now);
        if let (FlapState::Going { to, .. }, Order::Halt) = (before, order) {
            TurnedBack { from: to }.emit();
        }
        self.carry_out(step, now)
    }

    /// Looks at the inputs once.
    pub fn poll(&mut self, now: Moment) -> Option<Movement> {
        if let Some(movement) = self.obey_guards(now) {
            return Some(movement);
        }
        let step = match self.drive.sense(now) {
            Ok(sensed) => {
                self.sensed = sensed;
                if !self.flap.is_moving() {
                    // Only to be shown: a drive that cannot be read says so by its next `sense`.
                    self.inputs = self.drive.inputs().unwrap_or(self.inputs);
                }
                self.flap.step(sensed, now)
            }
            Err(error) => {
                Failed { why: "the drive gave up", error: Some(&error) }.emit();
                self.flap.fail();
                // The reason is told already; a drive that refuses this too loses its lines with the process.
                let _ = self.drive.release(now);
                return Some(Movement::Failed);
            }
        };
        self.carry_out(step, now)
    }

    fn obey_guards(&mut self, now: Moment) -> Option<Movement> {
        let vetoed = self.veto.as_ref()?.load(Ordering::SeqCst);
        let before = self.flap.state();
        let step = self.flap.veto(vetoed, now);
        if let (FlapState::Going { to, .. }, true) = (before, step != Step::default()) {
            TurnedBack { from: to }.emit();
        }
        self.carry_out(step, now)
    }

    fn carry_out(&mut self, step: Step, now: Moment) -> Option<Movement> {
        let mut outcome = Ok(());
        if let Some(place) = step.start {
            self.started_at = now;
            outcome = self.drive.start(place, now);
        }
        if step.release {
            // A place was reached, or what has ended must let go at once.
            let rests = matches!(self.flap.state(), FlapState::Resting(_));
            outcome = outcome.and(if rests { self.drive.rest(now) } else { self.drive.release(now) });
        }
        if let Err(error) = outcome {
            Failed { why: "the drive refused", error: Some(&error) }.emit();
            self.flap.fail();
            // Nothing more can be done about a drive that also refuses this; its enable line goes with the process.
            let _ = self.drive.release(now);
            return Some(Movement::Failed);
        }
        match step.report {
            Some(Movement::Failed) => {
                Failed { why: "no end-stop in time, or contradicting ones", error: None }.emit()
            }
            Some(Movement::Homed) => Moved { to: Place::Home, took: now.since(self.started_at) }.emit(),
            Some(Movement::Arrived(at)) => {
                Moved { to: Place::At(at), took: now.since(self.started_at) }.emit()
            }
            Some(Movement::Reversed) | None => {}
        }
        step.report
    }

    /// Runs until every sender of `requests` is gone, then turns the flap to rest and releases the drive.
    /// `report` is called with every movement's end, `beat` at least every 200 ms.
    pub fn run(
        mut self,
        clock: &dyn Clock,
        requests: &Receiver<Request>,
        mut report: impl FnMut(Movement),
        mut beat: impl FnMut(MechanismStatus),
    ) {
        loop {
            let movement = match self.next_request(requests) {
                Ok(Some(request)) => self.request(request, clock.now()),
                Ok(None) => self.poll(clock.now()),
                Err(Gone) => break,
            };
            if let Some(movement) = movement {
                report(movement);
            }
            beat(self.status());
        }
        self.come_to_rest(clock, beat);
    }

    /// The next request, or `None` when it is time to look at the inputs. While the flap moves an edge ends the wait
    /// at once, so that it stops there and not at the next poll.
    fn next_request(&mut self, requests: &Receiver<Request>) -> Result<Option<Request>, Gone> {
        let moving = self.flap.is_moving();
        // A request that came meanwhile goes first: it may be a halt.
        match requests.try_recv() {
            Ok(request) => return Ok(Some(request)),
            Err(TryRecvError::Disconnected) => return Err(Gone),
            Err(TryRecvError::Empty) => {}
        }
        // A drive that cannot even wait is told so by the poll that follows.
        if moving && self.drive.wait(self.settings.poll).unwrap_or(false) {
            return Ok(None);
        }
        let wait = if moving { self.settings.poll } else { AT_REST };
        match requests.recv_timeout(wait) {
            Ok(request) => Ok(Some(request)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Gone),
        }
    }

    /// A movement that has begun ends at its place, or fails at its time limit; then the drive is released.
    fn come_to_rest(mut self, clock: &dyn Clock, mut beat: impl FnMut(MechanismStatus)) {
        while self.flap.is_moving() {
            clock.sleep_until(clock.now() + self.settings.poll);
            self.poll(clock.now());
            beat(self.status());
        }
        if let Err(error) = self.drive.release(clock.now()) {
            Failed { why: "it could not be released at the end", error: Some(&error) }.emit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::mpsc;

    use super::super::{SimDrive, SimFault};
    use super::*;
    use crate::clock::SimClock;

    fn stage(fault: SimFault) -> Stage {
        let angles = HashMap::from([(Place::Home, 0.0), (Place::At(CompartmentId(0)), 45.0)]);
        let mut drive = SimDrive::new(angles, 150.0);
        drive.set_fault(fault);
        Stage::new(Box::new(drive), Settings::default(), Moment::from_millis(0)).unwrap()
    }

    /// Polls every 5 ms until something is reported; also returns when.
    fn until_report(stage: &mut Stage, from: u64) -> (Movement, u64) {
        (from..from + 10_000)
            .step_by(5)
            .find_map(|now| stage.poll(Moment::from_millis(now)).map(|movement| (movement, now)))
            .expect("a movement must end")
    }

    #[test]
    fn a_request_ends_in_a_report() {
        let mut stage = stage(SimFault::None);
        assert_eq!(stage.request(Request::Home, Moment::from_millis(0)), None);
        assert_eq!(until_report(&mut stage, 0).0, Movement::Homed);
        stage.request(Request::Move(CompartmentId(0)), Moment::from_millis(1000));
        let (movement, at) = until_report(&mut stage, 1000);
        assert_eq!(movement, Movement::Arrived(CompartmentId(0)));
        assert!((1370..1400).contains(&at), "45 degrees at 150 a second and 80 ms: {at}");
    }

    #[test]
    fn every_fault_is_reported_within_the_limit() {
        for fault in [SimFault::Stuck, SimFault::DeafEndStops, SimFault::Contradiction] {
            let mut stage = stage(fault);
            stage.request(Request::Home, Moment::from_millis(0));
            let (movement, at) = until_report(&mut stage, 0);
            assert_eq!((movement, at <= 3000), (Movement::Failed, true), "{fault:?} at {at}");
        }
        let mut stage = stage(SimFault::None);
        stage.request(Request::Home, Moment::from_millis(0));
        until_report(&mut stage, 0);
        let nowhere = stage.request(Request::Move(CompartmentId(7)), Moment::from_millis(1000));
        assert_eq!(nowhere, Some(Movement::Failed));
    }

    #[test]
    fn a_guard_turns_it_back_without_the_judge() {
        let veto = Arc::new(AtomicBool::new(false));
        let mut stage = stage(SimFault::None).guarded(Arc::clone(&veto));
        stage.request(Request::Home, Moment::from_millis(0));
        until_report(&mut stage, 0);
        stage.request(Request::Move(CompartmentId(0)), Moment::from_millis(1000));
        veto.store(true, Ordering::SeqCst);
        assert_eq!(stage.poll(Moment::from_millis(1205)), None);
        assert!(matches!(stage.status().state, FlapState::TurningBack { to: Place::Home, .. }));
        let (movement, at) = until_report(&mut stage, 1205);
        assert_eq!(movement, Movement::Reversed, "at {at}");
        let refused = stage.request(Request::Move(CompartmentId(0)), Moment::from_millis(3000));
        assert_eq!(refused, Some(Movement::Reversed), "still forbidden");
        veto.store(false, Ordering::SeqCst);
        assert_eq!(stage.request(Request::Move(CompartmentId(0)), Moment::from_millis(4000)), None);
    }

    #[test]
    fn when_nobody_asks_any_more_it_comes_to_rest() {
        let clock = SimClock::new(0);
        let (requests, receiver) = mpsc::sync_channel(4);
        requests.send(Request::Home).unwrap();
        drop(requests);
        let mut last = None;
        stage(SimFault::None).run(&clock, &receiver, |_| {}, |status| last = Some(status.state));
        assert_eq!(last, Some(FlapState::Resting(Place::Home)));
    }
}
