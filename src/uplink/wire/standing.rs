//! What holds until the next message of its kind: the counts and the availability.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AVAILABILITY_TYPE, BinName, COUNTS_TYPE, Event};
use crate::streams::Stream;
use crate::tally::{GivenUp, Totals};

/// Everything counted since the epoch began. Whoever keeps only the newest has missed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// As in [`super::drop::Drop::epoch`]; counts of different epochs add up.
    pub epoch: String,
    /// The newest number given out when this was counted: `total` + `returned` + `voided`, and one more while an
    /// item is under way. The hub has missed nothing when it holds `total` + `returned` drops up to this number.
    pub last_seq: u64,
    /// Items that went into compartments, by the stream they went to; every stream is named, rejects are `general`.
    pub streams: BTreeMap<String, u64>,
    /// Their sum.
    pub total: u64,
    /// Those of them that were rejected.
    pub rejected: u64,
    /// Items that residents were asked to take back; in no stream.
    pub returned: u64,
    /// Numbers given out for drops that then did not happen; in no stream, and never sent.
    pub voided: u64,
    /// Drops among `total` and `returned` that the bin has given up sending, because they had waited too long or were
    /// too many: so many may be missing at the hub for ever, and no more.
    #[serde(default)]
    pub given_up: u64,
    /// Corrections that the crew has made so far, numbered from 1 without a gap.
    #[serde(default)]
    pub corrections: u64,
}

/// Whether the bin is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It is connected.
    Online,
    /// It said goodbye, or its connection was lost.
    Offline,
}

/// Why the availability is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The bin has just connected.
    Connected,
    /// The bin was stopped in order.
    Stopped,
    /// The last will: the broker says it for a bin that vanished. `time` is then when the bin connected.
    ConnectionLost,
}

/// The state of the bin's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Availability {
    /// Whether it is there.
    pub state: Presence,
    /// Why.
    pub cause: Cause,
}

/// The availability event of one connection; `connection` is unique per connection.
pub fn availability(bin: &BinName, connection: &str, cause: Cause, unix_ms: i64) -> Event<Availability> {
    let (state, word) = match cause {
        Cause::Connected => (Presence::Online, "connected"),
        Cause::Stopped => (Presence::Offline, "stopped"),
        Cause::ConnectionLost => (Presence::Offline, "lost"),
    };
    let id = format!("{connection}:{word}");
    Event::new(bin, AVAILABILITY_TYPE, id, unix_ms, Availability { state, cause })
}

/// The event of the cumulative counts, sent at `unix_ms`.
pub fn counts_event(bin: &BinName, totals: &Totals, given_up: GivenUp, unix_ms: i64) -> Event<Counts> {
    let counts = &totals.counts;
    // A hub of an older version knows no stream that a city invented: it must hear of none that never came.
    let told = |stream: &Stream| !stream.is_invented() || counts.stream(*stream) > 0;
    let streams = Stream::ALL.into_iter().filter(told);
    let streams: BTreeMap<_, _> =
        streams.map(|stream| (stream.id().to_owned(), counts.stream(stream))).collect();
    let data = Counts {
        epoch: totals.epoch.clone(),
        last_seq: totals.last_seq,
        total: streams.values().sum(),
        streams,
        rejected: counts.rejected(),
        returned: counts.returned(),
        voided: counts.voided(),
        given_up: given_up.drops,
        corrections: totals.corrections,
    };
    let id = format!("{}:{}:counts:{unix_ms}", data.epoch, data.last_seq);
    Event::new(bin, COUNTS_TYPE, id, unix_ms, data)
}
