//! Guards: switches and sensors that forbid every movement while they are active.
//!
//! A service door that opens and a hand in the throat turn a moving flap back without waiting for a picture: the
//! thread sleeps until the kernel has an edge, sets the flag that the flap looks at, then tells the judge.
//!
//! - Never shorter than its hold: a beam that flickers is one veto, and the judge cannot miss it.
//! - Never silent: a guard that cannot be read ends the process, and the kernel takes the enable line back.
//! - A wire that breaks is active where the rig is wired as its examples are: the contact opens, the pull-up pulls up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::MechanismError;
use super::events::GuardChanged;
use super::lines::{Input, Levels, Lines, LinesSpec, OpenLines, bit};
use crate::clock::{Clock, Moment};

/// What a guard looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The crew's door to the mechanism; active is open.
    ServiceDoor,
    /// A light barrier across the throat; active is broken.
    ThroatBeam,
    /// A movement sensor that looks at the throat; active is movement.
    ThroatPir,
}

impl Guard {
    /// The identifier used in the rig's file.
    pub const fn id(self) -> &'static str {
        match self {
            Guard::ServiceDoor => "service_door",
            Guard::ThroatBeam => "throat_beam",
            Guard::ThroatPir => "throat_pir",
        }
    }
}

/// The guards of a rig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardSettings {
    /// Each with its line.
    pub guards: Vec<(Guard, Input)>,
    /// A veto lasts at least this long after its guard's last sign.
    pub hold: Duration,
}

/// What one look at the guards comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Movement is forbidden from now on, or allowed again.
    pub veto: Option<bool>,
    /// The service door was closed: whoever opened it is done.
    pub door_closed: bool,
    /// Other guards are active than at the last look: these.
    pub active: Option<Levels>,
}

/// The pure part: which guards are active, and how long each still counts.
#[derive(Clone, Debug)]
pub struct GuardState {
    settings: GuardSettings,
    active: Levels,
    /// No veto ends before.
    held_until: Moment,
    vetoed: bool,
}

impl GuardState {
    /// No guard has shown anything yet: movement is forbidden until they have.
    pub const fn new(settings: GuardSettings, now: Moment) -> Self {
        Self { settings, active: 0, held_until: now, vetoed: true }
    }

    /// Whether movement is forbidden.
    pub const fn vetoed(&self) -> bool {
        self.vetoed
    }

    /// Takes the levels, and which guards were active at any time since the last look.
    pub fn step(&mut self, levels: Levels, touched: Levels, now: Moment) -> Told {
        let (before, seen) = (self.active, levels | touched);
        self.active = levels;
        for (index, (guard, _)) in self.settings.guards.iter().enumerate() {
            let (was, is) = (before & bit(index) != 0, seen & bit(index) != 0);
            if was != is {
                GuardChanged { guard: guard.id(), active: is }.emit();
            }
        }
        if seen != 0 {
            self.held_until = now + self.settings.hold;
        }
        let vetoed = seen != 0 || now < self.held_until;
        let veto = (vetoed != self.vetoed).then_some(vetoed);
        self.vetoed = vetoed;
        let is_door = |index: &usize| self.settings.guards[*index].0 == Guard::ServiceDoor;
        let door_closed = (0..self.settings.guards.len())
            .filter(is_door)
            .any(|index| (before | touched) & bit(index) != 0 && levels & bit(index) == 0);
        Told { veto, door_closed, active: (before != levels).then_some(levels) }
    }
}

/// How long the guards may sleep without an edge.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The guards and their lines.
pub struct Guards {
    state: GuardState,
    lines: Box<dyn Lines>,
    /// Read by the flap at every step.
    veto: Arc<AtomicBool>,
}

impl Guards {
    /// Requests the lines and looks at them once, so that `veto` is true to them before anything can move.
    ///
    /// # Errors
    /// When a line is missing, busy or refused.
    pub fn open(
        settings: GuardSettings,
        veto: Arc<AtomicBool>,
        open: OpenLines<'_>,
        now: Moment,
    ) -> Result<Self, MechanismError> {
        veto.store(true, Ordering::SeqCst);
        let inputs = settings.guards.iter().map(|(_, input)| input.clone()).collect();
        let lines = open(&LinesSpec { consumer: "bunri-guard", outputs: Vec::new(), inputs })?;
        let mut guards = Self { state: GuardState::new(settings, now), lines, veto };
        guards.look(now)?;
        Ok(guards)
    }

    /// Whether movement is forbidden.
    pub const fn vetoed(&self) -> bool {
        self.state.vetoed()
    }

    /// The guards that are active.
    pub const fn active(&self) -> Levels {
        self.state.active
    }

    /// Looks at every edge and level there is; the flap's flag is set before this returns.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn look(&mut self, now: Moment) -> Result<Told, MechanismError> {
        let mut touched = 0;
        while let Some(edge) = self.lines.next_edge()? {
            if edge.active {
                touched |= bit(edge.input);
            }
        }
        let told = self.state.step(self.lines.read()?, touched, now);
        self.veto.store(self.state.vetoed(), Ordering::SeqCst);
        Ok(told)
    }

    /// Watches until `stop`; `tell` hears of every change, `beat` at least every 200 ms.
    ///
    /// # Errors
    /// When the kernel refuses. Movement stays forbidden then.
    pub fn run(
        mut self,
        clock: &dyn Clock,
        stop: &AtomicBool,
        mut tell: impl FnMut(Told),
        mut beat: impl FnMut(),
    ) -> Result<(), MechanismError> {
        while !stop.load(Ordering::Relaxed) {
            let look = self.lines.wait_edge(LOOK_EVERY).and_then(|_| self.look(clock.now()));
            let told = look.inspect_err(|_| self.veto.store(true, Ordering::SeqCst))?;
            if told != Told::default() {
                tell(told);
            }
            beat();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::{Bias, LineId};
    use super::super::model::{Body, Model};
    use super::*;

    struct Switches(Levels);

    impl Body for Switches {
        fn pass(&mut self, _outputs: Levels, _step: Duration) {}

        fn inputs(&self) -> Levels {
            self.0
        }

        fn check(&mut self, _before: Levels, after: Levels) {
            assert_eq!(after, 0, "guards drive nothing");
        }
    }

    fn input(guard: Guard) -> (Guard, Input) {
        let id = LineId::Named { chip: None, name: guard.id().to_owned() };
        let role = format!("guard.{}", guard.id());
        (guard, Input { role, id, active_low: false, bias: Bias::PullUp, debounce: Duration::ZERO })
    }

    fn guards(active: Levels) -> (Guards, Model<Switches>, Arc<AtomicBool>) {
        let guards = [Guard::ServiceDoor, Guard::ThroatBeam].map(input).to_vec();
        let settings = GuardSettings { guards, hold: Duration::from_millis(300) };
        let model = Model::new(Switches(active));
        let veto = Arc::new(AtomicBool::new(false));
        let guards =
            Guards::open(settings, Arc::clone(&veto), &|spec| model.open(spec), model.now()).unwrap();
        (guards, model, veto)
    }

    fn set(model: &Model<Switches>, active: Levels) {
        model.change(|world| world.body.0 = active);
    }

    #[test]
    fn an_open_door_forbids_from_the_start_and_closing_it_is_told() {
        let (mut guards, model, veto) = guards(1);
        assert!(veto.load(Ordering::SeqCst));
        set(&model, 0);
        let told = guards.look(Moment::from_millis(100)).unwrap();
        assert_eq!(told, Told { veto: None, door_closed: true, active: Some(0) }, "held a while longer");
        let told = guards.look(Moment::from_millis(300)).unwrap();
        assert_eq!(told, Told { veto: Some(false), door_closed: false, active: None });
        assert!(!veto.load(Ordering::SeqCst));
    }

    #[test]
    fn a_flicker_between_two_looks_is_a_veto_of_the_full_hold() {
        let (mut guards, model, veto) = guards(0);
        assert!(!veto.load(Ordering::SeqCst), "nothing in the way");
        set(&model, 2);
        set(&model, 0);
        let told = guards.look(Moment::from_millis(1000)).unwrap();
        assert_eq!(told, Told { veto: Some(true), door_closed: false, active: None });
        assert_eq!(guards.look(Moment::from_millis(1299)).unwrap(), Told::default());
        assert_eq!(guards.look(Moment::from_millis(1300)).unwrap().veto, Some(false));
    }

    #[test]
    fn guards_that_cannot_be_read_forbid_and_end() {
        let (guards, model, veto) = guards(0);
        model.change(|world| world.refuses = true);
        let clock = crate::clock::SimClock::new(0);
        let ended = guards.run(&clock, &AtomicBool::new(false), |_| {}, || {});
        assert!(ended.is_err() && veto.load(Ordering::SeqCst));
    }
}
