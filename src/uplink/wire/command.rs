//! What the hub may ask of a bin, and what the bin answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BinName, Event, REPLY_TYPE};
use crate::streams::Stream;
use crate::tally::{Answered, AuditOutcome};

/// What the hub sends on `cmd/recycle/<district>/<bin>/<name>/<id>`: plain JSON, not retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// RFC 3339; a bin that reads it later refuses it.
    #[schemars(extend("format" = "date-time"))]
    pub expires: String,
    /// `compartment` and `threshold`: the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// `compartment`: true closes it, false opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<bool>,
    /// `threshold`: the least calibrated probability at which an item is accepted, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// `language`: that of the pages and of the resident's screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// A language that the bin speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Language {
    /// As the configuration names it.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }
}

/// What came of a command. The same command sent again gets the same answer, and is not done again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    /// The command's id, as in its topic.
    pub command: String,
    /// The command's name, as in its topic.
    pub name: String,
    /// `done`, `refused` (it may not be, or not now) or `failed` (it was tried).
    pub outcome: String,
    /// Why not; empty when it was done.
    pub why: String,
}

/// The event that answers a command. `run` tells answers of different runs apart.
pub fn reply_event(
    bin: &BinName,
    run: &str,
    [name, command]: [&str; 2],
    answered: &Answered,
    unix_ms: i64,
) -> Event<Reply> {
    let data = Reply {
        command: command.to_owned(),
        name: name.to_owned(),
        outcome: answered.outcome.id().to_owned(),
        why: answered.why.clone(),
    };
    let id = format!("{run}:reply:{command}:{unix_ms}");
    Event::new(bin, REPLY_TYPE, id, unix_ms, data)
}

/// The answer to a command that is not done.
pub(in crate::uplink) fn refused(why: impl Into<String>) -> Answered {
    Answered { outcome: AuditOutcome::Refused, why: why.into() }
}
