//! What the hub is told, and under which topics: the contract, version 1.
//!
//! Payloads are CloudEvents 1.0 in structured JSON. `source` and `id` together name one event for ever: whoever
//! sees the same pair again has seen the same drop again. `time` is when the drop happened and never changes.
//!
//! | topic | type | retained | id |
//! |---|---|---|---|
//! | `dt/recycle/<district>/<bin>/drop` | `kr.yangcheon.bunri.drop.v1` | no | `<epoch>:<seq>` |
//! | `dt/recycle/<district>/<bin>/counts` | `kr.yangcheon.bunri.counts.v1` | yes | `<epoch>:<last seq>:counts:<sent>` |
//! | `st/recycle/<district>/<bin>/availability` | `kr.yangcheon.bunri.availability.v1` | yes | `<connection>:<state>` |
//!
//! Never a frame, never anything about a person. Fields are only ever added; anything else is a new version.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::clock::{Moment, WallTime};
use crate::streams::Stream;
use crate::tally::{DropRecord, Totals};

/// `type` of a drop.
pub const DROP_TYPE: &str = "kr.yangcheon.bunri.drop.v1";
/// `type` of the cumulative counts.
pub const COUNTS_TYPE: &str = "kr.yangcheon.bunri.counts.v1";
/// `type` of the availability.
pub const AVAILABILITY_TYPE: &str = "kr.yangcheon.bunri.availability.v1";

const NAME_LENGTH_MAX: usize = 64;
/// A message that leaves longer than this after its drop says so.
const LATE_AFTER: Duration = Duration::from_secs(60);

/// Who a bin is: its district and its own name there, both fit to stand in topics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BinName {
    district: String,
    bin: String,
}

impl BinName {
    /// Checks both parts.
    ///
    /// # Errors
    /// [`Error::Name`] for a part that is not 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter or digit.
    pub fn new(district: &str, bin: &str) -> Result<Self, Error> {
        for (field, value) in [("district", district), ("bin", bin)] {
            let letters = value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
            if value.is_empty() || value.len() > NAME_LENGTH_MAX || !letters || value.starts_with('-') {
                return Err(Error::Name { field, value: value.to_owned() });
            }
        }
        Ok(Self { district: district.to_owned(), bin: bin.to_owned() })
    }

    /// The district's name.
    pub fn district(&self) -> &str {
        &self.district
    }

    /// The bin's name within its district.
    pub fn bin(&self) -> &str {
        &self.bin
    }

    /// `source` of every event of this bin.
    pub fn source(&self) -> String {
        format!("/recycle/{}/{}", self.district, self.bin)
    }

    /// Where drops go.
    pub fn drop_topic(&self) -> String {
        format!("dt{}/drop", self.source())
    }

    /// Where the cumulative counts are kept.
    pub fn counts_topic(&self) -> String {
        format!("dt{}/counts", self.source())
    }

    /// Where the availability is kept.
    pub fn availability_topic(&self) -> String {
        format!("st{}/availability", self.source())
    }
}

/// The envelope: CloudEvents 1.0, structured mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event<T> {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique within `source`.
    pub id: String,
    /// `/recycle/<district>/<bin>`.
    pub source: String,
    /// What kind of event, with its version.
    #[serde(rename = "type")]
    pub kind: String,
    /// RFC 3339, UTC.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The event's own fields.
    pub data: T,
}

impl<T: Serialize> Event<T> {
    fn new(bin: &BinName, kind: &str, id: String, unix_ms: i64, data: T) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id,
            source: bin.source(),
            kind: kind.to_owned(),
            time: rfc3339(unix_ms),
            datacontenttype: "application/json".to_owned(),
            data,
        }
    }

    /// The JSON text.
    ///
    /// # Errors
    /// When `data` cannot be JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// One item the bin decided on and that left the chamber.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drop {
    /// Identifier of the ledger the drop was written to; a new one when a bin had to begin a new ledger.
    pub epoch: String,
    /// Number of the drop within the epoch, from 1, never used twice; numbers of voided drops are missing.
    #[schemars(range(min = 1))]
    pub seq: u64,
    /// Where it went: `seen` when accepted, `general` otherwise.
    pub stream: Stream,
    /// What it looked like.
    pub seen: Stream,
    /// The model's best label.
    pub label: String,
    /// Calibrated probability of `seen`, 0 to 1, four decimals.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
    /// Whether it went where it looks like.
    pub accepted: bool,
    /// Why not, if not: `not_sure`, `unknown`, `two_items`, `compartment_full`, `compartment_disabled` or
    /// `not_collected_here`.
    pub reason: Option<String>,
    /// Position of the compartment in the rig, from 0; null when the resident was asked to take the item back.
    pub compartment: Option<u8>,
    /// Durations of the steps.
    pub timings: Timings,
    /// Whether the bin's clock was synchronised when `time` was taken; if not, `time` may be far off.
    pub clock_synchronised: bool,
    /// Whether this transmission left more than a minute after the drop. May differ between repetitions.
    pub late: bool,
}

/// How long the steps of one drop took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// From the item lying still to the decision, milliseconds.
    pub settled_to_decided_ms: u64,
    /// From the decision to the chamber seen empty, milliseconds; null when the power went in between.
    pub decided_to_confirmed_ms: Option<u64>,
}

/// Everything counted since the epoch began. Whoever keeps only the newest has missed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// As in [`Drop::epoch`]; counts of different epochs add up.
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

/// The event of one drop. `late`: see [`Drop::late`].
pub fn drop_event(bin: &BinName, record: &DropRecord, late: bool) -> Event<Drop> {
    let verdict = &record.verdict;
    let confirmed = record.closed.as_ref().filter(|closed| closed.boot_id == record.boot_id);
    let timings = Timings {
        settled_to_decided_ms: record.settled_to_decided_ms(),
        decided_to_confirmed_ms: confirmed
            .map(|closed| closed.moment.as_millis().saturating_sub(verdict.decided_at.as_millis())),
    };
    let data = Drop {
        epoch: record.id.rsplit_once(':').map_or("", |(epoch, _)| epoch).to_owned(),
        seq: record.seq,
        stream: verdict.stream,
        seen: verdict.seen,
        label: verdict.label.to_string(),
        probability: (f64::from(verdict.probability) * 1e4).round() / 1e4,
        accepted: verdict.accepted(),
        reason: verdict.reason.map(|reason| reason.id().to_owned()),
        compartment: verdict.compartment.map(|compartment| compartment.0),
        timings,
        clock_synchronised: record.wall.synchronised,
        late,
    };
    Event::new(bin, DROP_TYPE, record.id.clone(), record.wall.unix_ms, data)
}

/// Whether a drop sent now, in the boot `boot_id`, leaves more than a minute after it happened.
///
/// Within one boot the monotonic clock knows. A drop of an earlier boot counts as late unless two synchronised
/// clocks say otherwise.
pub fn is_late(record: &DropRecord, boot_id: &str, now: Moment, wall: WallTime) -> bool {
    if record.boot_id == boot_id {
        return now.since(record.moment) > LATE_AFTER;
    }
    let passed_ms = wall.unix_ms.saturating_sub(record.wall.unix_ms);
    let known = wall.synchronised && record.wall.synchronised;
    !known || u128::try_from(passed_ms).unwrap_or(0) > LATE_AFTER.as_millis()
}

/// The event of the cumulative counts, sent at `unix_ms`.
pub fn counts_event(bin: &BinName, totals: &Totals, unix_ms: i64) -> Event<Counts> {
    let counts = &totals.counts;
    let streams: BTreeMap<_, _> =
        Stream::ALL.into_iter().map(|stream| (stream.id().to_owned(), counts.stream(stream))).collect();
    let data = Counts {
        epoch: totals.epoch.clone(),
        last_seq: totals.last_seq,
        total: streams.values().sum(),
        streams,
        rejected: counts.rejected(),
        returned: counts.returned(),
        voided: counts.voided(),
    };
    let id = format!("{}:{}:counts:{unix_ms}", data.epoch, data.last_seq);
    Event::new(bin, COUNTS_TYPE, id, unix_ms, data)
}

/// JSON Schema of every message, by the last part of its topic; `hub/schemas/` keeps them for the hub's people.
///
/// Fields that may come later are allowed: a hub must pass over what it does not know.
pub fn schemas() -> [(&'static str, serde_json::Value); 3] {
    [
        ("drop", schema::<Drop>(DROP_TYPE)),
        ("counts", schema::<Counts>(COUNTS_TYPE)),
        ("availability", schema::<Availability>(AVAILABILITY_TYPE)),
    ]
}

fn schema<T: JsonSchema>(kind: &str) -> serde_json::Value {
    let mut schema = schemars::schema_for!(Event<T>).to_value();
    schema["title"] = kind.into();
    for (field, value) in [("specversion", "1.0"), ("type", kind), ("datacontenttype", "application/json")] {
        schema["properties"][field]["const"] = value.into();
    }
    schema["properties"]["source"]["pattern"] =
        "^/recycle/[a-z0-9][a-z0-9-]{0,63}/[a-z0-9][a-z0-9-]{0,63}$".into();
    schema
}

/// RFC 3339 in UTC with milliseconds; the Unix epoch for a time outside what a calendar can say.
fn rfc3339(unix_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{CompartmentId, Reason, Verdict};
    use crate::tally::{Closing, Counts as Counted, DropState, Outcome};

    const EPOCH: &str = "6f9619ff-8b86-4d01-b42d-00c04fc964ff";
    // 2026-03-01T03:34:56.789Z
    const WALL_MS: i64 = 1_772_336_096_789;

    fn bin() -> BinName {
        BinName::new("yangcheon", "mok-1").unwrap()
    }

    fn record(verdict: Verdict) -> DropRecord {
        let wall = WallTime { unix_ms: WALL_MS, synchronised: true };
        DropRecord {
            seq: 41,
            id: format!("{EPOCH}:41"),
            state: DropState::Confirmed,
            moment: verdict.decided_at,
            verdict,
            wall,
            boot_id: "boot-a".to_owned(),
            run_id: "run-a".to_owned(),
            software: "0.1.0".to_owned(),
            bundle: None,
            closed: Some(Closing {
                wall,
                moment: Moment::from_millis(9_400),
                boot_id: "boot-a".to_owned(),
                run_id: "run-a".to_owned(),
            }),
            void_cause: None,
        }
    }

    fn can() -> Verdict {
        Verdict {
            label: "drink_can".into(),
            seen: Stream::Can,
            probability: 0.971_234,
            stream: Stream::Can,
            compartment: Some(CompartmentId(2)),
            reason: None,
            votes: 4,
            settled_at: Moment::from_millis(7_000),
            decided_at: Moment::from_millis(7_180),
        }
    }

    #[test]
    fn a_drop_as_the_hub_sees_it() {
        insta::assert_json_snapshot!("drop", drop_event(&bin(), &record(can()), false));
    }

    #[test]
    fn a_rejected_drop_resolved_after_a_power_cut() {
        let verdict = Verdict { stream: Stream::General, reason: Some(Reason::NotSure), ..can() };
        let mut record = record(verdict);
        record.wall.synchronised = false;
        if let Some(closed) = &mut record.closed {
            closed.boot_id = "boot-b".to_owned();
        }
        insta::assert_json_snapshot!("drop_rejected_late", drop_event(&bin(), &record, true));
    }

    #[test]
    fn an_item_given_back_has_no_compartment() {
        let verdict =
            Verdict { stream: Stream::General, reason: Some(Reason::TwoItems), compartment: None, ..can() };
        insta::assert_json_snapshot!("drop_returned", drop_event(&bin(), &record(verdict), false));
    }

    #[test]
    fn the_counts_as_the_hub_sees_them() {
        let mut counts = Counted::default();
        for (seen, outcome) in [
            (Stream::Can, Outcome::Accepted),
            (Stream::Can, Outcome::Accepted),
            (Stream::ClearPet, Outcome::Accepted),
            (Stream::Glass, Outcome::Rejected(Reason::Unknown)),
            (Stream::Glass, Outcome::Returned),
            (Stream::Paper, Outcome::Void),
        ] {
            counts.add(seen, outcome);
        }
        let totals = Totals { epoch: EPOCH.to_owned(), last_seq: 6, counts };
        insta::assert_json_snapshot!("counts", counts_event(&bin(), &totals, WALL_MS));
    }

    #[test]
    fn the_availability_in_its_three_forms() {
        for cause in [Cause::Connected, Cause::Stopped, Cause::ConnectionLost] {
            let event = availability(&bin(), "run-a:3", cause, WALL_MS);
            insta::assert_json_snapshot!(format!("availability_{cause:?}").to_lowercase(), event);
        }
    }

    #[test]
    fn lateness_is_told_by_the_clock_that_knows() {
        let record = record(can());
        let decided = record.moment;
        let wall = |unix_ms, synchronised| WallTime { unix_ms, synchronised };
        // The same boot: a wall clock that jumped by a year changes nothing.
        let next_year = wall(WALL_MS + 31_536_000_000, true);
        assert!(!is_late(&record, "boot-a", decided + Duration::from_secs(60), next_year));
        assert!(is_late(&record, "boot-a", decided + Duration::from_secs(61), wall(WALL_MS, true)));
        // Another boot: only synchronised clocks can say that it was just now.
        assert!(!is_late(&record, "boot-b", Moment::default(), wall(WALL_MS + 60_000, true)));
        assert!(is_late(&record, "boot-b", Moment::default(), wall(WALL_MS + 60_001, true)));
        assert!(is_late(&record, "boot-b", Moment::default(), wall(WALL_MS + 1, false)));
    }

    #[test]
    fn topics_and_source_name_the_bin() {
        let bin = bin();
        assert_eq!(bin.source(), "/recycle/yangcheon/mok-1");
        assert_eq!(bin.drop_topic(), "dt/recycle/yangcheon/mok-1/drop");
        assert_eq!(bin.counts_topic(), "dt/recycle/yangcheon/mok-1/counts");
        assert_eq!(bin.availability_topic(), "st/recycle/yangcheon/mok-1/availability");
    }

    #[test]
    fn names_that_would_break_a_topic_are_refused() {
        let long = "a".repeat(65);
        for bad in ["", "a/b", "+", "#", "Mok", "-a", "목동", "a b", &long] {
            assert!(BinName::new("yangcheon", bad).unwrap_err().to_string().starts_with("bin "), "{bad:?}");
            assert!(BinName::new(bad, "mok-1").unwrap_err().to_string().starts_with("district "), "{bad:?}");
        }
        assert!(BinName::new("7", &"a".repeat(64)).is_ok());
    }

    #[test]
    fn what_is_written_can_be_read_and_impossible_times_do_no_harm() {
        let event = drop_event(&bin(), &record(can()), false);
        let read: Event<Drop> = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
        assert_eq!(read, event);
        assert_eq!(rfc3339(i64::MAX), "1970-01-01T00:00:00.000Z");
    }
}
