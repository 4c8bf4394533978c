//! What one transaction writes, folded from messages before the database is asked.
//!
//! Where only the newest counts (cumulative counts, availability, openings), a batch keeps one row each. Rows are
//! sorted by key: every writer takes the locks of shared rows in one order, so that no two hubs wait for each other.

use std::collections::{BTreeMap, BTreeSet};

use super::told::alarm_kind;
use crate::wire::{Availability, BinName, Body, Correction, Counts, Drop, Message, digest};

/// The longest payload kept of a dead letter, bytes.
const DEAD_PAYLOAD_MAX: usize = 4096;

/// One drop on its way in.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) bin: BinName,
    pub(super) time_ms: i64,
    pub(super) digest: i64,
    pub(super) drop: Drop,
}

/// A message that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeadLetter {
    pub(super) topic: String,
    pub(super) reason: String,
    pub(super) payload: String,
    pub(super) times: i64,
}

/// Messages to be stored together, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) drops: Vec<Arrived>,
    /// Whose, when it was said, and what.
    pub(super) corrections: Vec<(BinName, i64, Correction)>,
    pub(super) counts: BTreeMap<(BinName, String), (i64, Counts)>,
    pub(super) availability: BTreeMap<BinName, Vec<(i64, Availability)>>,
    /// The last word of each bin and kind: when it was said, and what, as JSON.
    pub(super) told: BTreeMap<(BinName, String), (i64, String)>,
    /// Bins that themselves said something just now, and whether it is something that is counted.
    pub(super) seen: BTreeMap<BinName, bool>,
    pub(super) dead: BTreeMap<i64, DeadLetter>,
}

impl Batch {
    /// Adds one understood message. `retained`: the broker's memory, not the bin, says it now.
    pub fn add(&mut self, message: Message, retained: bool) {
        let Message { bin, time_ms, body } = message;
        let from_the_bin = match &body {
            Body::Availability(availability) => availability.cause != "connection_lost",
            _ => true,
        };
        let counted = matches!(body, Body::Drop(_) | Body::Correction(_));
        if from_the_bin && !retained {
            *self.seen.entry(bin.clone()).or_default() |= counted;
        }
        match body {
            Body::Drop(drop) => {
                self.drops.push(Arrived { bin, time_ms, digest: drop.digest(time_ms), drop });
            }
            Body::Correction(correction) => self.corrections.push((bin, time_ms, correction)),
            Body::Counts(counts) => {
                let key = (bin, counts.epoch.clone());
                let newest =
                    self.counts.get(&key).is_none_or(|(at, old)| is_newer(&counts, time_ms, old, *at));
                if newest {
                    self.counts.insert(key, (time_ms, counts));
                }
            }
            // Seldom, and each may end the one before: kept in the order in which they came.
            Body::Availability(availability) => {
                self.availability.entry(bin).or_default().push((time_ms, availability));
            }
            Body::Fill(fill) => self.tell(bin, "fill".to_owned(), time_ms, &fill),
            Body::Health(health) => self.tell(bin, "health".to_owned(), time_ms, &health),
            Body::Twin(twin) => self.tell(bin, "twin".to_owned(), time_ms, &twin),
            Body::Alarm(alarm) => self.tell(bin, alarm_kind(&alarm), time_ms, &alarm),
        }
    }

    fn tell(&mut self, bin: BinName, kind: String, time_ms: i64, what: &impl serde::Serialize) {
        // A struct of plain fields is always JSON.
        let data = serde_json::to_string(what).unwrap_or_default();
        self.told.insert((bin, kind), (time_ms, data));
    }

    /// Adds a message that was not understood, with the reason.
    pub fn add_dead(&mut self, topic: &str, payload: &[u8], reason: &str) {
        let key = digest(&[topic.as_bytes(), payload]);
        let letter = self.dead.entry(key).or_insert_with(|| DeadLetter {
            topic: topic.replace('\0', "\u{fffd}"),
            reason: reason.replace('\0', "\u{fffd}"),
            payload: String::from_utf8_lossy(&payload[..payload.len().min(DEAD_PAYLOAD_MAX)])
                .replace('\0', "\u{fffd}"),
            times: 0,
        });
        letter.times += 1;
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.drops.is_empty()
            && self.corrections.is_empty()
            && self.counts.is_empty()
            && self.availability.is_empty()
            && self.told.is_empty()
            && self.dead.is_empty()
    }

    /// Every bin that is named.
    pub(super) fn bins(&self) -> BTreeSet<&BinName> {
        let drops = self.drops.iter().map(|arrived| &arrived.bin);
        let drops = drops.chain(self.corrections.iter().map(|(bin, ..)| bin));
        let told = self.told.keys().map(|(bin, _)| bin);
        let drops = drops.chain(self.counts.keys().map(|(bin, _)| bin)).chain(told);
        drops.chain(self.availability.keys()).collect()
    }
}

/// Cumulative counts only grow, so the larger ones are the newer, whatever a clock says.
fn is_newer(new: &Counts, new_ms: i64, old: &Counts, old_ms: i64) -> bool {
    let age = |counts: &Counts| {
        let sum = counts.total + counts.returned + counts.voided + counts.given_up + counts.corrections;
        (counts.last_seq, sum)
    };
    (age(new), new_ms) > (age(old), old_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(last_seq: u64, total: u64) -> Counts {
        let streams = [("can".to_owned(), total)].into();
        Counts {
            epoch: "e".to_owned(),
            last_seq,
            streams,
            total,
            rejected: 0,
            returned: 0,
            voided: 0,
            given_up: 0,
            corrections: 0,
        }
    }

    #[test]
    fn of_cumulative_counts_the_largest_stays_in_any_order() {
        let bin = BinName { district: "d".to_owned(), bin: "b".to_owned() };
        let message = |time_ms, counts| Message { bin: bin.clone(), time_ms, body: Body::Counts(counts) };
        let mut messages = [message(30, counts(2, 1)), message(10, counts(2, 2)), message(20, counts(1, 1))];
        for _ in 0..3 {
            messages.rotate_left(1);
            let mut batch = Batch::default();
            messages.iter().for_each(|message| batch.add(message.clone(), false));
            let kept: Vec<_> = batch.counts.into_values().map(|(_, counts)| counts).collect();
            assert_eq!(kept, [counts(2, 2)]);
        }
    }

    #[test]
    fn a_dead_letter_is_cut_counted_and_free_of_nul() {
        let mut batch = Batch::default();
        let payload = [0; 10_000];
        batch.add_dead("t\0", &payload, "why");
        batch.add_dead("t\0", &payload, "why");
        let letter = batch.dead.into_values().next().unwrap();
        assert_eq!((letter.times, letter.topic.as_str()), (2, "t\u{fffd}"));
        assert_eq!(letter.payload.chars().count(), DEAD_PAYLOAD_MAX);
        assert!(!letter.payload.contains('\0'));
    }
}
