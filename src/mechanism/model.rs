//! A model of the mechanism for tests: lines whose inputs follow from what was written to the outputs.
//!
//! It keeps books on the way: whatever must never happen on the lines ends the test where it happens.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::MechanismError;
use super::lines::{Edge, Levels, Lines, LinesSpec, bit};
use crate::clock::Moment;

/// What turns and what it turns, as the lines' levels move it.
pub(super) trait Body: Send {
    /// Passes one step of time under these outputs.
    fn pass(&mut self, outputs: Levels, step: Duration);
    /// What the inputs show.
    fn inputs(&self) -> Levels;
    /// Looks at a change of the outputs; may end the test.
    fn check(&self, before: Levels, after: Levels);
}

/// The lines and the body behind them.
pub(super) struct World<B> {
    pub(super) body: B,
    pub(super) now: Moment,
    pub(super) outputs: Levels,
    /// What the outputs were, from when on.
    pub(super) trace: Vec<(Moment, Levels)>,
    pub(super) refuses: bool,
    shown: Levels,
    edges: VecDeque<Edge>,
}

/// A handle that is both the test's and the drive's.
pub(super) struct Model<B>(pub(super) Arc<Mutex<World<B>>>);

impl<B> Clone for Model<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Body + 'static> Model<B> {
    pub(super) fn new(body: B) -> Self {
        let shown = body.inputs();
        Self(Arc::new(Mutex::new(World {
            body,
            now: Moment::from_millis(0),
            outputs: 0,
            trace: Vec::new(),
            refuses: false,
            shown,
            edges: VecDeque::new(),
        })))
    }

    /// Gives the lines out, as the kernel would.
    pub(super) fn open(&self, _spec: &LinesSpec) -> Result<Box<dyn Lines>, MechanismError> {
        Ok(Box::new(self.clone()))
    }

    /// Lets time pass.
    pub(super) fn pass(&self, time: Duration) {
        const STEP: Duration = Duration::from_micros(500);
        let mut world = self.0.lock().unwrap();
        let until = world.now + time;
        while world.now < until {
            let outputs = world.outputs;
            world.body.pass(outputs, STEP);
            world.now = world.now + STEP;
            world.look();
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.0.lock().unwrap().now
    }

    pub(super) fn outputs(&self) -> Levels {
        self.0.lock().unwrap().outputs
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut World<B>)) {
        let mut world = self.0.lock().unwrap();
        change(&mut world);
        world.look();
    }
}

impl<B: Body> World<B> {
    fn look(&mut self) {
        let inputs = self.body.inputs();
        for input in 0..64 {
            if (inputs ^ self.shown) & bit(input) != 0 {
                self.edges.push_back(Edge { input, active: inputs & bit(input) != 0, at: self.now });
            }
        }
        self.shown = inputs;
    }

    fn answer(&self) -> Result<(), MechanismError> {
        match self.refuses {
            true => Err(MechanismError::Hardware { doing: "testing", message: "refused".to_owned() }),
            false => Ok(()),
        }
    }
}

impl<B: Body> Lines for Model<B> {
    fn write(&mut self, active: Levels) -> Result<(), MechanismError> {
        let mut world = self.0.lock().unwrap();
        world.answer()?;
        world.body.check(world.outputs, active);
        if active != world.outputs {
            let now = world.now;
            world.outputs = active;
            world.trace.push((now, active));
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Levels, MechanismError> {
        let world = self.0.lock().unwrap();
        world.answer()?;
        Ok(world.shown)
    }

    fn next_edge(&mut self) -> Result<Option<Edge>, MechanismError> {
        let mut world = self.0.lock().unwrap();
        world.answer()?;
        Ok(world.edges.pop_front())
    }

    fn wait_edge(&mut self, _limit: Duration) -> Result<bool, MechanismError> {
        let world = self.0.lock().unwrap();
        world.answer()?;
        Ok(!world.edges.is_empty())
    }
}
