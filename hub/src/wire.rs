//! What a bin says, read as `CONTRACT.md` has it: topic and payload in, one checked [`Message`] out.
//!
//! Tolerant where the contract allows growth (unknown fields are passed over), strict everywhere else: what comes out
//! fits the tables, so that one bad message cannot stop the others of its batch.
//!
//! Never trusts a payload over its topic: the broker's access list guards topics, so `source` must be the topic's bin.

mod told;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use told::{ALARM_TYPE, Alarm, Compartment, Disk, FILL_TYPE, Fill, HEALTH_TYPE, Health, TWIN_TYPE, Twin};

/// `type` of a drop.
pub const DROP_TYPE: &str = "kr.yangcheon.bunri.drop.v1";
/// `type` of a correction.
pub const CORRECTION_TYPE: &str = "kr.yangcheon.bunri.correction.v1";
/// `type` of the cumulative counts.
pub const COUNTS_TYPE: &str = "kr.yangcheon.bunri.counts.v1";
/// `type` of the availability.
pub const AVAILABILITY_TYPE: &str = "kr.yangcheon.bunri.availability.v1";

/// The district's nine streams, in the order in which they are shown.
pub const STREAMS: [&str; 9] =
    ["clear_pet", "plastic", "can", "glass", "paper", "carton", "film", "foam", "general"];

/// Places for streams that a city invents; what they are called is said by `[page.streams.city_1]`.
pub const INVENTED: [&str; 3] = ["city_1", "city_2", "city_3"];

/// Every stream of the contract, in the order in which they are shown.
pub fn streams() -> impl Iterator<Item = &'static str> {
    STREAMS.into_iter().chain(INVENTED)
}

/// Whether the contract has this stream.
pub fn is_stream(id: &str) -> bool {
    streams().any(|stream| stream == id)
}

const NAME_LENGTH_MAX: usize = 64;
const EPOCH_LENGTH_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 256;
const CONNECTION_LENGTH_MAX: usize = 200;
/// A day: no step of a drop takes longer.
const STEP_MS_MAX: u64 = 86_400_000;

/// Who a bin is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BinName {
    /// The district's name.
    pub district: String,
    /// The bin's name within it.
    pub bin: String,
}

impl BinName {
    /// `source` of every event of this bin.
    pub fn source(&self) -> String {
        format!("/recycle/{}/{}", self.district, self.bin)
    }

    /// Where it hears what it is to send again.
    pub fn again_topic(&self) -> String {
        format!("cmd{}/again", self.source())
    }
}

/// One understood message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Whose it is.
    pub bin: BinName,
    /// When it happened by the bin's clock, milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// One item left the chamber.
    Drop(Drop),
    /// The crew says what an item truly was.
    Correction(Correction),
    /// Everything counted since the epoch began.
    Counts(Counts),
    /// Whether the bin is connected.
    Availability(Availability),
    /// How full its compartments are.
    Fill(Fill),
    /// How it is.
    Health(Health),
    /// Something needs a person, or no longer.
    Alarm(Alarm),
    /// What it is made of.
    Twin(Twin),
}

/// One item that left the chamber; the fields are the contract's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drop {
    /// The ledger it was written to.
    pub epoch: String,
    /// Its number there.
    pub seq: u64,
    /// Where it went.
    pub stream: String,
    /// What it looked like.
    pub seen: String,
    /// The model's best label.
    pub label: String,
    /// Calibrated probability of `seen`.
    pub probability: f64,
    /// Whether it went where it looks like.
    pub accepted: bool,
    /// Why not, if not.
    pub reason: Option<String>,
    /// Position in the bin; `None` when the resident was asked to take it back.
    pub compartment: Option<u8>,
    /// Durations of its steps.
    pub timings: Timings,
    /// Whether the bin's clock was synchronised.
    pub clock_synchronised: bool,
    /// Whether this transmission left long after the drop: may differ between repetitions.
    pub late: bool,
}

/// What the crew says that an item truly was. What the bin did with it stays what it was: no count changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Correction {
    /// The ledger.
    pub epoch: String,
    /// The drop's number there; the drop itself may come later.
    pub seq: u64,
    /// Of several corrections of one drop the one with the highest number holds.
    pub number: u64,
    /// What the item was; as `seen` where the crew agrees. With `withdrawn`: the word that is taken back.
    pub truth: String,
    /// Whether the crew takes its word back: it says nothing of the drop then.
    #[serde(default)]
    pub withdrawn: bool,
    /// What it looked like.
    pub seen: String,
    /// Where it went.
    pub stream: String,
    /// The model's best label.
    pub label: String,
    /// Name and version of the model; `None` where none was loaded.
    pub model: Option<String>,
}

/// How long the steps of one drop took, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// From lying still to the decision.
    pub settled_to_decided_ms: u64,
    /// From the decision to the empty chamber; `None` when the power went in between.
    pub decided_to_confirmed_ms: Option<u64>,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It went where it looks like.
    Accepted,
    /// It went to general waste.
    Rejected,
    /// The resident took it back.
    Returned,
}

impl Outcome {
    /// The word in the tables.
    pub const fn id(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Rejected => "rejected",
            Outcome::Returned => "returned",
        }
    }
}

impl Drop {
    /// What became of it.
    pub const fn outcome(&self) -> Outcome {
        match (self.compartment, self.accepted) {
            (None, _) => Outcome::Returned,
            (Some(_), true) => Outcome::Accepted,
            (Some(_), false) => Outcome::Rejected,
        }
    }

    /// A number that two drops share only if their contents are the same (`late` aside).
    pub fn digest(&self, time_ms: i64) -> i64 {
        let same = Self { late: false, ..self.clone() };
        // A struct of plain fields is always JSON; if it were not, equal contents would still be equal.
        digest(&[&time_ms.to_be_bytes(), &serde_json::to_vec(&same).unwrap_or_default()])
    }
}

/// Everything counted since the epoch began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The ledger.
    pub epoch: String,
    /// The newest number given out.
    pub last_seq: u64,
    /// Items by the stream they went to; rejects are `general`.
    pub streams: BTreeMap<String, u64>,
    /// Their sum.
    pub total: u64,
    /// Those of them that were rejected.
    pub rejected: u64,
    /// Items taken back.
    pub returned: u64,
    /// Numbers given out for drops that did not happen.
    pub voided: u64,
    /// Drops that were counted and will never be sent; bins of before this field gave up none.
    #[serde(default)]
    pub given_up: u64,
    /// Corrections that the crew has made, numbered from 1; bins of before this field do not say.
    #[serde(default)]
    pub corrections: u64,
}

/// What a hub asks a bin to send again: ranges of numbers, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Again {
    /// The ledger.
    pub epoch: String,
    /// Numbers of drops that are not held; voided ones among them.
    pub drops: Vec<(u64, u64)>,
    /// Numbers of corrections that are not held.
    pub corrections: Vec<(u64, u64)>,
}

/// Whether the bin is connected, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// `online` or `offline`.
    pub state: String,
    /// `connected`, `stopped` or `connection_lost`.
    pub cause: String,
    /// Which connection: what `id` says before its last colon.
    #[serde(skip_deserializing, default)]
    pub connection: String,
}

/// Why a message was not understood, for the people who read dead letters.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The topic is none of the contract's.
    #[error("the topic is none of the contract's")]
    Topic,
    /// The payload is not the JSON that this topic carries.
    #[error("not what this topic carries: {0}")]
    Json(String),
    /// A field contradicts the topic, the envelope or the contract.
    #[error("{field} is {found:?}, expected {expected}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it says, cut.
        found: String,
        /// What it should say.
        expected: String,
    },
}

fn refuse<T>(field: &'static str, found: &str, expected: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Field { field, found: found.chars().take(80).collect(), expected: expected.into() })
}

#[derive(Deserialize)]
struct Envelope<T> {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    time: String,
    data: T,
}

/// Reads one message.
///
/// # Errors
/// [`Refusal`], to be kept with the message.
pub fn parse(topic: &str, payload: &[u8]) -> Result<Message, Refusal> {
    let parts: Vec<&str> = topic.split('/').collect();
    let (district, bin, what) = match parts.as_slice() {
        [
            "dt",
            "recycle",
            district,
            bin,
            what @ ("drop" | "correction" | "counts" | "fill" | "health" | "alarm"),
        ]
        | ["st", "recycle", district, bin, what @ ("availability" | "twin")] => (district, bin, *what),
        _ => return Err(Refusal::Topic),
    };
    if !is_name(district) || !is_name(bin) {
        return Err(Refusal::Topic);
    }
    let bin = BinName { district: (*district).to_owned(), bin: (*bin).to_owned() };
    match what {
        "drop" => {
            let (id, time_ms, drop) = open::<Drop>(payload, &bin, DROP_TYPE)?;
            check_drop(&drop, &id)?;
            Ok(Message { bin, time_ms, body: Body::Drop(drop) })
        }
        "correction" => {
            let (id, time_ms, correction) = open::<Correction>(payload, &bin, CORRECTION_TYPE)?;
            check_correction(&correction, &id)?;
            Ok(Message { bin, time_ms, body: Body::Correction(correction) })
        }
        "counts" => {
            let (_, time_ms, counts) = open::<Counts>(payload, &bin, COUNTS_TYPE)?;
            check_counts(&counts)?;
            Ok(Message { bin, time_ms, body: Body::Counts(counts) })
        }
        "fill" => {
            let (_, time_ms, fill) = open::<Fill>(payload, &bin, FILL_TYPE)?;
            fill.check()?;
            Ok(Message { bin, time_ms, body: Body::Fill(fill) })
        }
        "health" => {
            let (_, time_ms, health) = open::<Health>(payload, &bin, HEALTH_TYPE)?;
            health.check()?;
            Ok(Message { bin, time_ms, body: Body::Health(health) })
        }
        "alarm" => {
            let (_, time_ms, alarm) = open::<Alarm>(payload, &bin, ALARM_TYPE)?;
            alarm.check()?;
            Ok(Message { bin, time_ms, body: Body::Alarm(alarm) })
        }
        "twin" => {
            let (_, time_ms, twin) = open::<Twin>(payload, &bin, TWIN_TYPE)?;
            twin.check()?;
            Ok(Message { bin, time_ms, body: Body::Twin(twin) })
        }
        _ => {
            let (id, time_ms, mut availability) = open::<Availability>(payload, &bin, AVAILABILITY_TYPE)?;
            availability.connection =
                id.rsplit_once(':').map_or(id.as_str(), |(before, _)| before).to_owned();
            check_availability(&availability)?;
            Ok(Message { bin, time_ms, body: Body::Availability(availability) })
        }
    }
}

/// The first eight bytes of SHA-256 over the parts, each with its length before it.
pub fn digest(parts: &[&[u8]]) -> i64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    i64::from_be_bytes(first)
}

fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    letters && (1..=NAME_LENGTH_MAX).contains(&text.len()) && !text.starts_with('-')
}

fn open<T: serde::de::DeserializeOwned>(
    payload: &[u8],
    bin: &BinName,
    kind: &'static str,
) -> Result<(String, i64, T), Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(payload);
    let event: Envelope<T> =
        serde_path_to_error::deserialize(&mut reader).map_err(|error| Refusal::Json(error.to_string()))?;
    reader.end().map_err(|error| Refusal::Json(error.to_string()))?;
    if event.specversion != "1.0" {
        return refuse("specversion", &event.specversion, "1.0");
    }
    if event.kind != kind {
        return refuse("type", &event.kind, kind);
    }
    if event.source != bin.source() {
        return refuse("source", &event.source, bin.source());
    }
    let Ok(time) = event.time.parse::<Timestamp>() else {
        return refuse("time", &event.time, "RFC 3339, UTC");
    };
    Ok((event.id, time.as_millisecond(), event.data))
}

/// Epochs stand in ids before a colon, and PostgreSQL takes no NUL.
fn check_epoch(epoch: &str) -> Result<(), Refusal> {
    let letters = epoch.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    if !letters || !(1..=EPOCH_LENGTH_MAX).contains(&epoch.len()) {
        return refuse("data.epoch", epoch, "1 to 64 printable characters without a colon");
    }
    Ok(())
}

/// Numbers that fit the tables' signed ones.
fn check_number(field: &'static str, number: u64, max: u64) -> Result<(), Refusal> {
    if number > max {
        return refuse(field, &number.to_string(), format!("at most {max}"));
    }
    Ok(())
}

/// Far more items than a bin sees in its life, and sums of them still fit 64 bits.
const COUNT_MAX: u64 = 1 << 40;

fn check_drop(drop: &Drop, id: &str) -> Result<(), Refusal> {
    check_epoch(&drop.epoch)?;
    check_number("data.seq", drop.seq, COUNT_MAX)?;
    if drop.seq == 0 {
        return refuse("data.seq", "0", "at least 1");
    }
    check_id(id, &format!("{}:{}", drop.epoch, drop.seq))?;
    check_streams(&[("data.stream", &drop.stream), ("data.seen", &drop.seen)])?;
    check_text("data.label", &drop.label)?;
    if !(0.0..=1.0).contains(&drop.probability) {
        return refuse("data.probability", &drop.probability.to_string(), "0 to 1");
    }
    let word = |reason: &str| reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    match &drop.reason {
        Some(reason) if !word(reason) || reason.is_empty() || reason.len() > 64 => {
            return refuse("data.reason", reason, "a word of a-z and '_'");
        }
        Some(reason) if drop.accepted => return refuse("data.reason", reason, "null for an accepted item"),
        _ => {}
    }
    if drop.accepted && (drop.stream != drop.seen || drop.compartment.is_none()) {
        return refuse("data.accepted", "true", "false for an item that did not go where it looks like");
    }
    check_number("data.timings.settled_to_decided_ms", drop.timings.settled_to_decided_ms, STEP_MS_MAX)?;
    let confirmed = drop.timings.decided_to_confirmed_ms.unwrap_or(0);
    check_number("data.timings.decided_to_confirmed_ms", confirmed, STEP_MS_MAX)
}

fn check_correction(correction: &Correction, id: &str) -> Result<(), Refusal> {
    let Correction { epoch, seq, number, truth, withdrawn: _, seen, stream, label, model } = correction;
    check_epoch(epoch)?;
    for (field, number) in [("data.seq", *seq), ("data.number", *number)] {
        check_number(field, number, COUNT_MAX)?;
        if number == 0 {
            return refuse(field, "0", "at least 1");
        }
    }
    check_id(id, &format!("{epoch}:correction:{number}"))?;
    check_streams(&[("data.truth", truth), ("data.seen", seen), ("data.stream", stream)])?;
    check_text("data.label", label)?;
    check_text("data.model", model.as_deref().unwrap_or(""))
}

fn check_id(id: &str, expected: &str) -> Result<(), Refusal> {
    if id == expected { Ok(()) } else { refuse("id", id, expected) }
}

fn check_streams(streams: &[(&'static str, &String)]) -> Result<(), Refusal> {
    let unknown = streams.iter().find(|(_, stream)| !is_stream(stream));
    unknown.map_or(Ok(()), |(field, stream)| refuse(field, stream, "a stream of the contract"))
}

fn check_text(field: &'static str, text: &str) -> Result<(), Refusal> {
    if text.len() > LABEL_BYTES_MAX || text.contains('\0') {
        return refuse(field, text, "at most 256 bytes, none of them NUL");
    }
    Ok(())
}

fn check_counts(counts: &Counts) -> Result<(), Refusal> {
    check_epoch(&counts.epoch)?;
    let numbers = [
        ("data.last_seq", counts.last_seq),
        ("data.total", counts.total),
        ("data.rejected", counts.rejected),
        ("data.returned", counts.returned),
        ("data.voided", counts.voided),
        ("data.given_up", counts.given_up),
        ("data.corrections", counts.corrections),
    ];
    for (field, number) in numbers {
        check_number(field, number, COUNT_MAX)?;
    }
    for (stream, items) in &counts.streams {
        if !is_stream(stream) {
            return refuse("data.streams", stream, "streams of the contract");
        }
        check_number("data.streams", *items, COUNT_MAX)?;
    }
    let sum: u64 = counts.streams.values().sum();
    if sum != counts.total {
        return refuse("data.total", &counts.total.to_string(), format!("{sum}, the sum of data.streams"));
    }
    if counts.rejected > counts.total {
        return refuse("data.rejected", &counts.rejected.to_string(), "a part of data.total");
    }
    let closed = counts.total + counts.returned + counts.voided;
    if closed > counts.last_seq {
        return refuse("data.last_seq", &counts.last_seq.to_string(), format!("at least {closed}"));
    }
    Ok(())
}

fn check_availability(availability: &Availability) -> Result<(), Refusal> {
    let Availability { state, cause, connection } = availability;
    if !matches!(
        (state.as_str(), cause.as_str()),
        ("online", "connected") | ("offline", "stopped" | "connection_lost")
    ) {
        return refuse("data.cause", &format!("{state}, {cause}"), "a cause of that state");
    }
    if connection.len() > CONNECTION_LENGTH_MAX || connection.contains('\0') {
        return refuse("id", connection, "at most 200 characters, none of them NUL");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
