//! What the hub may ask of a bin, and what the bin answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BinName, Event, REPLY_TYPE};
use crate::streams::Stream;
use crate::uplink::answers::Answer;

/// What the hub sends on `cmd/recycle/<district>/<bin>/<name>/<id>`: plain JSON, not retained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// `support` and `model`: the file, below the `hub_url` of the bin's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `model`: the archive's SHA-256, in hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// `model`: the archive's minisign signature, as its file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
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
    /// `accepted` (it has begun, and another reply says what came of it), `done`, `refused` (it may not be, or not now) or
    /// `failed` (it was tried).
    pub outcome: String,
    /// Why not; empty when it was accepted or done.
    pub why: String,
    /// What it brought, where there is something to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Brought>,
}

/// What a command brought. What does not belong to it is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Brought {
    /// `support`: the size of what was put there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// `support`: its SHA-256, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// `model`: name and version of the installed bundle. `rollback`: those of the live one, left out for the factory's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// `model`: how it begins: `shadow` (it judges beside the live one), `trial` or `live`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl Brought {
    /// As the ledger keeps it; empty where there is nothing to tell.
    pub(in crate::uplink) fn to_text(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The event that answers a command. `run` tells answers of different runs apart.
pub(in crate::uplink) fn reply_event(
    bin: &BinName,
    run: &str,
    [name, command]: [&str; 2],
    answer: &Answer,
    unix_ms: i64,
) -> Event<Reply> {
    let (outcome, why, result) = match answer {
        Answer::Accepted => ("accepted", "", None),
        Answer::Ended(answered) => {
            let result = serde_json::from_str(&answered.result).ok();
            (answered.outcome.id(), answered.why.as_str(), result)
        }
    };
    let (command, name) = (command.to_owned(), name.to_owned());
    let data =
        Reply { command: command.clone(), name, outcome: outcome.to_owned(), why: why.to_owned(), result };
    let id = format!("{run}:reply:{command}:{unix_ms}");
    Event::new(bin, REPLY_TYPE, id, unix_ms, data)
}
