//! votes + rules -> one [`Verdict`], and what the flap may do about it and when.
//!
//! A pure state machine: [`Judge::step`] takes one [`Input`] and the time and returns [`Action`]s.
//!
//! ```text
//!  camera lost --> starting --> empty <----------------------- homing <---------.
//!       ^  (any state)           |  ^                            ^              |
//!       '--no frames             v  |gone                        |confirm       |
//!                      .---> arriving <--moved again--.          |              |
//!                      |         |still               |      clearing --> retry |
//!                      |         v                    |          ^        |     |
//!                      |     settled (votes) ---------'          |        v     |
//!                      |         |enough                  arrived|       jam ---'
//!                      |         v          on disk              |
//!                      '---- decided ----------------> routing --'--> mechanism fault
//!                      disk  |    '--> returning ("please take it back")
//!                      fails v
//!                        ledger fault
//! ```
//!
//! - Never a movement while something moves, a hand is in view or the picture cannot be trusted.
//! - Never a verdict about an item that does not lie still, never a movement before its intent is on disk.
//! - Never anything but a return on the resident's button: before the flap moves, *settled*, *decided* and what is on disk
//!   give way to *returning*; afterwards it is not heard.
//! - Never two drops for one item: a disturbed item's intent is void and the item is judged anew.
//! - No state waits for ever: each has a time limit or waits for a person, and then an alarm is raised.

mod inputs;
mod machine;
mod rules;
mod verdict;

pub use inputs::{
    Action, Alarm, Command, Input, Leg, LegEnd, Look, Refusal, Service, Settings, StateName, Timing,
};
pub use machine::Judge;
pub use rules::{Compartment, CostTable, Decision, Rules, Votes, cost_table, decide};
pub use verdict::{CompartmentId, Movement, Reason, Verdict, VoidCause};

#[cfg(test)]
mod tests;
