//! What the hub is told, and under which topics: the contract, version 1.
//!
//! Payloads are CloudEvents 1.0 in structured JSON. `source` and `id` together name one event for ever: whoever
//! sees the same pair again has seen the same drop again. `time` is when the drop happened and never changes.
//!
//! | topic | type | retained | id |
//! |---|---|---|---|
//! | `dt/recycle/<district>/<bin>/drop` | `kr.yangcheon.bunri.drop.v1` | no | `<epoch>:<seq>` |
//! | `dt/recycle/<district>/<bin>/correction` | `kr.yangcheon.bunri.correction.v1` | no | `<epoch>:correction:<number>` |
//! | `dt/recycle/<district>/<bin>/counts` | `kr.yangcheon.bunri.counts.v1` | yes | `<epoch>:<last seq>:counts:<sent>` |
//! | `dt/recycle/<district>/<bin>/fill` | `kr.yangcheon.bunri.fill.v1` | yes | `<run>:fill:<sent>` |
//! | `dt/recycle/<district>/<bin>/health` | `kr.yangcheon.bunri.health.v1` | no | `<run>:health:<sent>` |
//! | `dt/recycle/<district>/<bin>/alarm` | `kr.yangcheon.bunri.alarm.v1` | no | `<run>:alarm:<number>` |
//! | `st/recycle/<district>/<bin>/twin` | `kr.yangcheon.bunri.twin.v1` | yes | `<connection>:twin` |
//! | `cmd/recycle/<district>/<bin>/<name>/<id>/reply` | `kr.yangcheon.bunri.reply.v1` | no | `<run>:reply:<id>:<sent>` |
//! | `st/recycle/<district>/<bin>/availability` | `kr.yangcheon.bunri.availability.v1` | yes | `<connection>:<state>` |
//!
//! Never a frame, never anything about a person. Fields are only ever added; anything else is a new version.

mod again;
mod command;
mod drop;
mod standing;
mod state;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use again::Again;
pub(super) use command::reply_event;
pub use command::{Brought, Command, Language, Reply};
pub use drop::{Correction, Drop, Timings, correction_event, drop_event, is_late, is_late_since};
pub use standing::{Availability, Cause, Counts, Presence, availability, counts_event};
pub use state::{
    Alarm, Basis, CameraHealth, CompartmentFill, DiskHealth, Fill, Health, InferenceHealth, Location, Twin,
    alarm_event, fill_event, health_event, twin_event,
};

use super::error::Error;

/// `type` of a drop.
pub const DROP_TYPE: &str = "kr.yangcheon.bunri.drop.v1";
/// `type` of a correction by the crew.
pub const CORRECTION_TYPE: &str = "kr.yangcheon.bunri.correction.v1";
/// `type` of the cumulative counts.
pub const COUNTS_TYPE: &str = "kr.yangcheon.bunri.counts.v1";
/// `type` of how full the compartments are.
pub const FILL_TYPE: &str = "kr.yangcheon.bunri.fill.v1";
/// `type` of the health.
pub const HEALTH_TYPE: &str = "kr.yangcheon.bunri.health.v1";
/// `type` of an alarm.
pub const ALARM_TYPE: &str = "kr.yangcheon.bunri.alarm.v1";
/// `type` of the twin.
pub const TWIN_TYPE: &str = "kr.yangcheon.bunri.twin.v1";
/// `type` of the answer to a command.
pub const REPLY_TYPE: &str = "kr.yangcheon.bunri.reply.v1";
/// `type` of the availability.
pub const AVAILABILITY_TYPE: &str = "kr.yangcheon.bunri.availability.v1";

const NAME_LENGTH_MAX: usize = 64;

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

    /// Where the crew's corrections go.
    pub fn correction_topic(&self) -> String {
        format!("dt{}/correction", self.source())
    }

    /// Where the cumulative counts are kept.
    pub fn counts_topic(&self) -> String {
        format!("dt{}/counts", self.source())
    }

    /// Where it is kept how full the compartments are.
    pub fn fill_topic(&self) -> String {
        format!("dt{}/fill", self.source())
    }

    /// Where the health goes.
    pub fn health_topic(&self) -> String {
        format!("dt{}/health", self.source())
    }

    /// Where alarms go.
    pub fn alarm_topic(&self) -> String {
        format!("dt{}/alarm", self.source())
    }

    /// Where the twin is kept.
    pub fn twin_topic(&self) -> String {
        format!("st{}/twin", self.source())
    }

    /// Where the hub asks for what it misses.
    pub fn again_topic(&self) -> String {
        format!("cmd{}/again", self.source())
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

/// JSON Schema of every message, by the last part of its topic; `hub/schemas/` keeps them for the hub's people.
///
/// Fields that may come later are allowed: a hub must pass over what it does not know.
pub fn schemas() -> [(&'static str, serde_json::Value); 11] {
    [
        ("drop", schema::<Drop>(DROP_TYPE)),
        ("correction", schema::<Correction>(CORRECTION_TYPE)),
        ("counts", schema::<Counts>(COUNTS_TYPE)),
        ("fill", schema::<Fill>(FILL_TYPE)),
        ("health", schema::<Health>(HEALTH_TYPE)),
        ("alarm", schema::<Alarm>(ALARM_TYPE)),
        ("twin", schema::<Twin>(TWIN_TYPE)),
        ("again", schemars::schema_for!(Again).to_value()),
        ("command", schemars::schema_for!(Command).to_value()),
        ("reply", schema::<Reply>(REPLY_TYPE)),
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
pub(super) fn rfc3339(unix_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests;
