//! What the uplink is told of the rest of the bin, and the hub through it.

use std::collections::{BTreeMap, VecDeque};

use super::commands::{Obeyed, Order};
use super::wire::{Alarm, Basis, CompartmentFill, Fill, Health, Twin, rfc3339};
use crate::clock::WallTime;
use crate::streams::Stream;
use crate::tally::CompartmentBook;

/// Changes of alarms that are kept while nobody can be told; beyond them the oldest is forgotten.
const CHANGES_MOST: usize = 64;

/// The rest of the bin, as the uplink asks it. Calls may read files: never on the runtime's own thread.
pub trait Surroundings: Send + Sync {
    /// What the bin is made of.
    fn twin(&self) -> Twin;

    /// How it is right now; the uplink itself fills in what waits.
    fn health(&self) -> Health;

    /// The compartments as the sorting has them, in the rig's order.
    fn compartments(&self) -> Vec<CompartmentNow>;

    /// The alarms that are up, as [`Alarm::alarm`] names them.
    fn alarms(&self) -> Vec<&'static str>;

    /// Does what the hub asks; the configuration allows it, and it has not expired.
    fn obey(&self, order: Order) -> Obeyed;
}

/// One compartment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompartmentNow {
    /// What it collects.
    pub stream: Stream,
    /// Nothing more fits in.
    pub full: bool,
    /// It is closed.
    pub closed: bool,
    /// How many items fit in, about; `None`: nobody has said.
    pub holds_items: Option<u32>,
    /// What its sensor says, 0 to 1; `None`: unknown, or there is none.
    pub measured: Option<f32>,
}

/// How full the compartments are, from what the sorting and the ledger know of them.
pub(super) fn fill(compartments: &[(CompartmentNow, CompartmentBook)]) -> Fill {
    let compartments = (0..).zip(compartments).map(|(position, (now, book))| {
        let estimated = now.holds_items.map(|holds| estimate(book.items_since, holds));
        let measured = now.measured.map(|level| hundredths(f64::from(level)));
        let (level, basis) = match (now.full, measured, estimated) {
            (_, Some(level), _) => (Some(level), Some(Basis::Measured)),
            (true, None, _) => (Some(1.0), Some(Basis::Said)),
            (false, None, Some(level)) => (Some(level), Some(Basis::Counts)),
            (false, None, None) => (None, None),
        };
        CompartmentFill {
            position,
            stream: now.stream,
            level,
            basis,
            items: book.items_since,
            full: now.full,
            closed: now.closed,
            emptied: book.emptied.filter(|wall| wall.synchronised).map(|wall| rfc3339(wall.unix_ms)),
        }
    });
    Fill { compartments: compartments.collect() }
}

/// The share of what fits in, two decimals.
fn estimate(items: u64, holds: u32) -> f64 {
    hundredths(items as f64 / f64::from(holds.max(1)))
}

fn hundredths(level: f64) -> f64 {
    (level.clamp(0.0, 1.0) * 100.0).round() / 100.0
}

/// One change of an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) number: u64,
    pub(super) alarm: &'static str,
    pub(super) raised: bool,
    pub(super) wall: WallTime,
}

impl Change {
    pub(super) fn to_wire(&self) -> Alarm {
        Alarm {
            alarm: self.alarm.to_owned(),
            raised: self.raised,
            clock_synchronised: self.wall.synchronised,
        }
    }
}

/// Which alarms are up, and which changes the hub has not been told. Lives as long as the process.
#[derive(Debug, Default)]
pub(super) struct AlarmBook {
    up: BTreeMap<&'static str, u64>,
    changes: u64,
    untold: VecDeque<Change>,
}

impl AlarmBook {
    /// Compares what is up now with what was; each difference is one change to tell.
    pub(super) fn look(&mut self, now_up: &[&'static str], wall: WallTime) {
        let cleared: Vec<_> = self.up.keys().copied().filter(|alarm| !now_up.contains(alarm)).collect();
        for alarm in cleared {
            self.up.remove(alarm);
            self.note(alarm, false, wall);
        }
        for alarm in now_up {
            if !self.up.contains_key(alarm) {
                self.note(alarm, true, wall);
                self.up.insert(alarm, self.changes);
            }
        }
    }

    fn note(&mut self, alarm: &'static str, raised: bool, wall: WallTime) {
        self.changes += 1;
        if self.untold.len() == CHANGES_MOST {
            self.untold.pop_front();
        }
        self.untold.push_back(Change { number: self.changes, alarm, raised, wall });
    }

    /// The oldest change that was not told.
    pub(super) fn next(&self) -> Option<Change> {
        self.untold.front().cloned()
    }

    /// The change has arrived.
    pub(super) fn told(&mut self, number: u64) {
        self.untold.retain(|change| change.number != number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: WallTime = WallTime { unix_ms: 1_772_336_096_789, synchronised: true };

    #[test]
    fn an_alarm_is_told_when_it_changes_and_once() {
        let mut book = AlarmBook::default();
        for up in [&["jam"][..], &["jam"], &["jam", "disk"], &["disk"], &["disk"], &[]] {
            book.look(up, WALL);
        }
        let mut told = Vec::new();
        while let Some(change) = book.next() {
            assert_eq!(book.next().as_ref(), Some(&change), "it stays until it has arrived");
            book.told(change.number);
            told.push((change.number, change.alarm, change.raised));
        }
        let expected = [(1, "jam", true), (2, "disk", true), (3, "jam", false), (4, "disk", false)];
        assert_eq!(told, expected);
        for round in 0..1_000 {
            book.look(if round % 2 == 0 { &["hot"] } else { &[] }, WALL);
        }
        assert_eq!((book.untold.len(), book.next().unwrap().number), (CHANGES_MOST, 4 + 1_000 - 63));
    }

    #[test]
    fn a_level_says_how_it_is_known() {
        let seen = |full, holds_items, measured| CompartmentNow {
            stream: Stream::Can,
            full,
            closed: false,
            holds_items,
            measured,
        };
        let now = |full, holds_items| seen(full, holds_items, None);
        let book =
            |items_since| CompartmentBook { full: false, closed: None, emptied: Some(WALL), items_since };
        let cases = [
            (now(false, None), book(7), (None, None)),
            (now(false, Some(300)), book(100), (Some(0.33), Some(Basis::Counts))),
            (now(false, Some(300)), book(900), (Some(1.0), Some(Basis::Counts))),
            (now(true, Some(300)), book(1), (Some(1.0), Some(Basis::Said))),
            (now(true, None), book(1), (Some(1.0), Some(Basis::Said))),
            (seen(false, Some(300), Some(0.577)), book(900), (Some(0.58), Some(Basis::Measured))),
            (seen(true, None, Some(0.4)), book(1), (Some(0.4), Some(Basis::Measured))),
        ];
        for (now, book, expected) in cases {
            let fill = fill(&[(now, book)]);
            let told = &fill.compartments[0];
            assert_eq!((told.level, told.basis), expected, "{now:?} {book:?}");
            assert_eq!((told.position, told.items), (0, book.items_since));
            assert_eq!(told.emptied.as_deref(), Some("2026-03-01T03:34:56.789Z"));
        }
    }
}
