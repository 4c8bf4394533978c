//! A DC motor behind an H-bridge, with a switch at each place.
//!
//! The switches stand in the order of travel, an end-stop at either end and, where there are more than two places,
//! position switches between them. The motor runs towards the place asked for and stops on its switch's edge, which
//! the kernel has stamped and keeps even when the flap coasts on.
//!
//! ```text
//! off --start--> known side --> driving --edge of the place asked for--> off, reached
//!                side unknown --> searching towards home's end --any edge--> known
//! driving --start the other way--> off for the dead time --> driving
//! any --release, a passed place, two switches at once--> off
//! ```
//!
//! - Never both directions, never another direction while enabled: what changes first is the enable line.
//! - Never on after the switch of the place asked for, or of a place beyond it, has answered.
//! - Never trusts where it was: what is known of its position widens whenever it could have moved unseen.

use std::time::Duration;

use super::lines::{Input, Levels, Lines, LinesSpec, OpenLines, Output, bit};
use super::{Drive, MechanismError, Place, Sensed, Track};
use crate::clock::Moment;

/// How the H-bridge is told the direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Direction {
    /// One line: active is forward.
    Line(Output),
    /// Two lines of which at most one is active.
    Pair {
        /// Towards greater angles.
        forward: Output,
        /// Towards smaller angles.
        reverse: Output,
    },
}

/// What the rig's file says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct DcMotorSettings {
    /// Force on.
    pub enable: Output,
    /// Which way.
    pub direction: Direction,
    /// One switch for each of the track's positions, in its order.
    pub switches: Vec<Input>,
    /// The places along the way.
    pub track: Track,
    /// How long the bridge stays off before the other direction.
    pub dead_time: Duration,
}

impl DcMotorSettings {
    /// The enable line, the direction's one or two, and a switch for each position.
    pub fn lines(&self) -> LinesSpec {
        let mut outputs = vec![self.enable.clone()];
        match &self.direction {
            Direction::Line(line) => outputs.push(line.clone()),
            Direction::Pair { forward, reverse } => outputs.extend([forward.clone(), reverse.clone()]),
        }
        LinesSpec { consumer: "bunri-drive", outputs, inputs: self.switches.clone() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heading {
    Forward,
    Reverse,
}

/// Where the flap may be: twice the index of a position, odd in between. Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: i32,
    to: i32,
}

impl Span {
    const fn at(position: usize) -> Self {
        Self { from: position as i32 * 2, to: position as i32 * 2 }
    }
}

/// A movement under way.
#[derive(Clone, Copy, Debug)]
struct Motion {
    target: usize,
    heading: Heading,
    /// Nobody knows which side of the target the flap is on.
    searching: bool,
    /// The bridge stays off until then.
    on_from: Moment,
    is_on: bool,
}

const ENABLE: Levels = bit(0);
const FORWARD: Levels = bit(1);
const REVERSE: Levels = bit(2);

/// The drive.
pub struct DcMotor {
    settings: DcMotorSettings,
    lines: Box<dyn Lines>,
    span: Span,
    asked: Option<Place>,
    motion: Option<Motion>,
    /// The switch of the place asked for has answered since the start.
    reached: bool,
}

impl DcMotor {
    /// Requests the lines; the motor is off.
    ///
    /// # Errors
    /// When a line is missing, busy or refused.
    pub fn open(settings: DcMotorSettings, open: OpenLines<'_>) -> Result<Self, MechanismError> {
        let lines = open(&settings.lines())?;
        let span = everywhere(&settings);
        Ok(Self { settings, lines, span, asked: None, motion: None, reached: false })
    }

    fn off(&mut self) -> Result<(), MechanismError> {
        self.lines.write(0)
    }

    /// The direction is set up before the force comes on.
    fn on(&mut self, heading: Heading) -> Result<(), MechanismError> {
        let direction = match (&self.settings.direction, heading) {
            (_, Heading::Forward) => FORWARD,
            (Direction::Line(_), Heading::Reverse) => 0,
            (Direction::Pair { .. }, Heading::Reverse) => REVERSE,
        };
        self.lines.write(direction)?;
        self.lines.write(direction | ENABLE)
    }

    /// Which way `target` lies; `None` when the flap may be on either side of it.
    fn side_of(&self, target: usize) -> Option<Heading> {
        let target = Span::at(target).from;
        match self.span {
            span if span.to < target => Some(Heading::Forward),
            span if span.from > target => Some(Heading::Reverse),
            _ => None,
        }
    }

    /// Where home's end is: what is searched for stops there at the latest.
    fn search_heading(&self) -> Heading {
        let home = self.settings.track.position(Place::Home).unwrap_or(0);
        if home > 0 && home + 1 == self.settings.switches.len() { Heading::Forward } else { Heading::Reverse }
    }

    fn aim(&mut self, target: usize, now: Moment) -> Result<(), MechanismError> {
        let side = self.side_of(target);
        let heading = side.unwrap_or_else(|| self.search_heading());
        let running = self.motion.filter(|motion| motion.is_on);
        if let Some(motion) = running
            && motion.heading == heading
        {
            self.motion = Some(Motion { target, searching: side.is_none(), ..motion });
            return Ok(());
        }
        let mut on_from = now;
        if let Some(motion) = self.motion {
            self.off()?;
            let waited = if running.is_some() { now } else { motion.on_from };
            on_from = if running.is_some() { now + self.settings.dead_time } else { waited };
        }
        self.motion = Some(Motion { target, heading, searching: side.is_none(), on_from, is_on: false });
        self.switch_on(now)
    }

    /// Switches the bridge on once its dead time is over.
    fn switch_on(&mut self, now: Moment) -> Result<(), MechanismError> {
        if let Some(motion) = self.motion.filter(|motion| !motion.is_on && now >= motion.on_from) {
            self.on(motion.heading)?;
            self.motion = Some(Motion { is_on: true, ..motion });
        }
        Ok(())
    }

    /// The switch of `position` is active.
    fn visit(&mut self, position: usize, now: Moment) -> Result<(), MechanismError> {
        self.span = Span::at(position);
        let Some(motion) = self.motion else { return Ok(()) };
        if motion.target == position {
            self.off()?;
            self.motion = None;
            self.reached = true;
            return Ok(());
        }
        if self.side_of(motion.target) == Some(motion.heading) {
            self.motion = Some(Motion { searching: false, ..motion });
            return Ok(());
        }
        if motion.searching {
            return self.aim(motion.target, now);
        }
        self.off()?;
        self.motion = None;
        Err(MechanismError::Passed { place: self.settings.track.name(motion.target) })
    }

    /// No switch is active: the flap has left the place where it was.
    fn leave(&mut self) {
        if self.span.from != self.span.to || self.span.from % 2 != 0 {
            return;
        }
        let step = match self.motion.map(|motion| (motion.heading, motion.is_on)) {
            Some((Heading::Forward, true)) => (1, 1),
            Some((Heading::Reverse, true)) => (-1, -1),
            // It coasts, or somebody turns it.
            _ => (-1, 1),
        };
        let last = everywhere(&self.settings).to;
        self.span = Span {
            from: (self.span.from + step.0).clamp(-1, last),
            to: (self.span.to + step.1).clamp(-1, last),
        };
    }

    /// Takes what the switches say; two at once stop the motor.
    fn look(&mut self, now: Moment) -> Result<Levels, MechanismError> {
        while let Some(edge) = self.lines.next_edge()? {
            if edge.active && edge.input < self.settings.switches.len() {
                self.visit(edge.input, now)?;
            }
        }
        let levels = self.lines.read()?;
        match levels.count_ones() {
            0 if !self.reached => self.leave(),
            0 => {}
            1 => self.visit(levels.trailing_zeros() as usize, now)?,
            _ => {
                self.motion = None;
                self.span = everywhere(&self.settings);
                self.off()?;
            }
        }
        Ok(levels)
    }
}

fn everywhere(settings: &DcMotorSettings) -> Span {
    Span { from: -1, to: settings.switches.len() as i32 * 2 - 1 }
}

impl Drive for DcMotor {
    fn start(&mut self, place: Place, now: Moment) -> Result<(), MechanismError> {
        let Some(target) = self.settings.track.position(place) else {
            return Err(MechanismError::NoSuchPlace { place: format!("{place:?}") });
        };
        // What happened since the last look still belongs to the movement before.
        self.reached = false;
        let levels = self.look(now)?;
        (self.asked, self.reached) = (Some(place), false);
        if levels.count_ones() > 1 {
            return Ok(());
        }
        if levels == bit(target) {
            self.motion = None;
            self.reached = true;
            return self.off();
        }
        self.aim(target, now)
    }

    fn release(&mut self, _now: Moment) -> Result<(), MechanismError> {
        self.motion = None;
        self.off()
    }

    fn inputs(&mut self) -> Result<Levels, MechanismError> {
        self.lines.read()
    }

    fn sense(&mut self, now: Moment) -> Result<Sensed, MechanismError> {
        let levels = self.look(now)?;
        if levels.count_ones() > 1 {
            return Ok(Sensed { place: None, contradiction: true });
        }
        self.switch_on(now)?;
        if self.reached {
            return Ok(Sensed { place: self.asked, contradiction: false });
        }
        let at =
            (levels != 0).then(|| self.settings.track.place(levels.trailing_zeros() as usize, self.asked));
        Ok(Sensed { place: at.flatten(), contradiction: false })
    }

    fn wait(&mut self, limit: Duration) -> Result<bool, MechanismError> {
        self.lines.wait_edge(limit).map(|_| true)
    }
}

#[cfg(test)]
mod tests;
