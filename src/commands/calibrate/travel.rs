//! Travel times of a flap: each place from home and back, several times, while somebody holds a key.

use std::time::Duration;

use super::keys::Keys;
use crate::clock::{Clock, Moment};
use crate::judge::{CompartmentId, Movement};
use crate::mechanism::jog::TICK;
use crate::mechanism::{Request, Stage};

/// How often each way is gone.
pub(super) const ROUNDS: usize = 3;
/// A held key repeats within this time, also the first time; then the flap is turned back.
const HELD_WITHIN: Duration = Duration::from_millis(700);
/// The time limit is so many times the slowest movement, in steps of this.
const LIMIT_FACTOR: u32 = 2;
const LIMIT_STEP: Duration = Duration::from_millis(100);
const LIMIT_LEAST: Duration = Duration::from_millis(500);

/// What one movement took; `to`: `None` is home.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Leg {
    pub(super) from: Option<CompartmentId>,
    pub(super) to: Option<CompartmentId>,
    pub(super) took: Duration,
}

/// Why it ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The operator let go, or wants to stop.
    LetGo,
    /// A guard turned it back.
    Guarded,
    /// The flap did not get there.
    Failed,
}

/// Goes home, then to each compartment and back, [`ROUNDS`] times; `say` tells what is to be done now.
pub(super) fn measure(
    stage: &mut Stage,
    compartments: u8,
    keys: &Keys,
    clock: &dyn Clock,
    mut say: impl FnMut(Option<CompartmentId>),
) -> Result<Vec<Leg>, Stopped> {
    let mut legs = Vec::new();
    let mut from = None;
    say(None);
    move_held(stage, None, keys, clock)?;
    for _ in 0..ROUNDS {
        for id in (0..compartments).map(CompartmentId) {
            for to in [Some(id), None] {
                say(to);
                let took = move_held(stage, to, keys, clock)?;
                legs.push(Leg { from, to, took });
                from = to;
            }
        }
    }
    Ok(legs)
}

/// One movement while the operator holds a key; typed input has no holding, so a press is for one movement, and the
/// next one stops it.
fn move_held(
    stage: &mut Stage,
    to: Option<CompartmentId>,
    keys: &Keys,
    clock: &dyn Clock,
) -> Result<Duration, Stopped> {
    let mut held_at = wait_for_hold(keys, clock)?;
    let began = clock.now();
    let mut report = stage.request(to.map_or(Request::Home, Request::Move), began);
    let mut let_go = false;
    loop {
        match report {
            Some(Movement::Homed | Movement::Arrived(_)) if !let_go => return Ok(clock.now().since(began)),
            Some(Movement::Failed) => return Err(Stopped::Failed),
            Some(_) => return Err(if let_go { Stopped::LetGo } else { Stopped::Guarded }),
            None => {}
        }
        clock.sleep_until(clock.now() + TICK);
        let now = clock.now();
        let key = keys.next();
        held_at = if key == Some(' ') { now } else { held_at };
        let lost = match keys.repeats() {
            true => now.since(held_at) >= HELD_WITHIN || key == Some('q'),
            // A pipe that has ended is a hand that has let go, too.
            false => key.is_some_and(|key| key != '\n'),
        };
        report = if lost && !let_go {
            let_go = true;
            stage.request(Request::Halt, now)
        } else {
            stage.poll(now)
        };
    }
}

fn wait_for_hold(keys: &Keys, clock: &dyn Clock) -> Result<Moment, Stopped> {
    loop {
        match keys.next() {
            Some(' ') => return Ok(clock.now()),
            Some('q') => return Err(Stopped::LetGo),
            _ => clock.sleep_until(clock.now() + TICK),
        }
    }
}

/// What follows from the times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Proposal {
    /// A movement that takes longer has failed.
    pub(super) limit: Duration,
    /// The middle one of all speeds, in whole degrees a second; `None` where nothing lies between places.
    pub(super) speed_deg_per_s: Option<f32>,
    pub(super) slowest: Duration,
    pub(super) fastest: Duration,
}

/// `way_deg`: from one place to another, in degrees.
pub(super) fn propose(
    legs: &[Leg],
    way_deg: impl Fn(Option<CompartmentId>, Option<CompartmentId>) -> f32,
) -> Option<Proposal> {
    let slowest = legs.iter().map(|leg| leg.took).max()?;
    let fastest = legs.iter().map(|leg| leg.took).min()?;
    let steps = (slowest * LIMIT_FACTOR).as_millis().div_ceil(LIMIT_STEP.as_millis());
    let limit = LIMIT_STEP * u32::try_from(steps).unwrap_or(u32::MAX);
    let speed = |leg: &Leg| way_deg(leg.from, leg.to).abs() / leg.took.as_secs_f32();
    let mut speeds: Vec<f32> =
        legs.iter().map(speed).filter(|speed| speed.is_finite() && *speed > 0.0).collect();
    speeds.sort_by(f32::total_cmp);
    let speed_deg_per_s = speeds.get(speeds.len() / 2).map(|speed| speed.round().clamp(1.0, 5_000.0));
    Some(Proposal { limit: limit.max(LIMIT_LEAST), speed_deg_per_s, slowest, fastest })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::clock::SimClock;
    use crate::mechanism::{FlapState, Place, Settings, SimDrive};

    fn stage(veto: &Arc<AtomicBool>) -> Stage {
        let at = |id| Place::At(CompartmentId(id));
        let angles = HashMap::from([(Place::Home, 0.0), (at(0), -60.0), (at(1), 60.0)]);
        let drive = Box::new(SimDrive::new(angles, 150.0));
        Stage::new(drive, Settings::default(), Moment::from_millis(0)).unwrap().guarded(Arc::clone(veto))
    }

    #[test]
    fn each_way_is_gone_three_times_and_the_limits_follow() {
        let (send, keys) = Keys::played(false);
        // One press for each movement.
        (0..=ROUNDS * 4).for_each(|_| send.send(' ').unwrap());
        let (clock, mut said) = (SimClock::new(0), 0);
        // A press that waits would stop the movement: they are given out one by one.
        let (give, given) = Keys::played(false);
        let presses = std::cell::RefCell::new(keys);
        let legs = measure(&mut stage(&Arc::default()), 2, &given, &clock, |_| {
            said += 1;
            give.send(presses.borrow_mut().next().unwrap()).unwrap();
        });
        let legs = legs.unwrap();
        assert_eq!((said, legs.len()), (1 + ROUNDS * 4, ROUNDS * 4));
        let proposal = propose(&legs, |from, to| {
            let deg = |id: Option<CompartmentId>| id.map_or(0.0, |id| if id.0 == 0 { -60.0 } else { 60.0 });
            deg(to) - deg(from)
        });
        let proposal = proposal.unwrap();
        // 60 degrees at 150 a second, and 80 ms until the end-stop answers.
        assert!((470..500).contains(&proposal.slowest.as_millis()), "{proposal:?}");
        assert_eq!(proposal.limit, Duration::from_millis(1_000));
        assert!((120.0..130.0).contains(&proposal.speed_deg_per_s.unwrap()), "{proposal:?}");
        assert_eq!(propose(&[], |_, _| 0.0), None);
    }

    #[test]
    fn letting_go_and_the_end_of_the_input_turn_it_back() {
        for repeats in [true, false] {
            let (send, keys) = Keys::played(repeats);
            let (clock, veto) = (SimClock::new(0), Arc::default());
            let mut stage = stage(&veto);
            send.send(' ').unwrap();
            let send = std::cell::RefCell::new(Some(send));
            let mut said = 0;
            let ended = measure(&mut stage, 2, &keys, &clock, |_| {
                said += 1;
                if said == 2 {
                    let send = send.borrow_mut().take().unwrap();
                    send.send(' ').unwrap();
                    // Held no longer, or the connection broke.
                }
            });
            assert_eq!(ended, Err(Stopped::LetGo), "repeats: {repeats}");
            assert_eq!(stage.status().state, FlapState::Resting(Place::Home));
        }
    }

    #[test]
    fn a_guard_turns_it_back_and_says_so() {
        let (send, keys) = Keys::played(false);
        let (clock, veto) = (SimClock::new(0), Arc::new(AtomicBool::new(false)));
        let mut said = 0;
        let ended = measure(&mut stage(&veto), 2, &keys, &clock, |_| {
            said += 1;
            veto.store(said == 2, Ordering::SeqCst);
            send.send(' ').unwrap();
        });
        assert_eq!(ended, Err(Stopped::Guarded));
    }
}
