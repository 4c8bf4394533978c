//! What the hub may ask: a short list, each allowed by the configuration, each with an end, each done once.
//!
//! ```text
//!   cmd/recycle/<district>/<bin>/<name>/<id> ──> known? allowed? in time? new? ──> done ──> ledger, audit log
//!                                                      │ no                          │
//!                                                      └──────────> .../reply <──────┘
//! ```
//!
//! What takes a while is answered twice (`answers.rs`). Files come from the hub's own folder only (`files.rs`).
//!
//! Never a movement: no [`Order`] turns the flap, ends a jam or maintenance, or says that a hand is none. Never twice: an
//! id is answered from the ledger when it comes again, after a restart too. Never late: without a synchronised clock
//! nobody can tell, so nothing is done then.

use std::future::Future;
use std::pin::Pin;

use super::client::Message;
use super::files::HubFile;
use super::settings::Settings;
use super::wire::{BinName, Brought, Command, Language};
use crate::clock::WallTime;
use crate::streams::Stream;
use crate::tally::Answered;

/// Every command there is.
pub const COMMANDS: [&str; 8] =
    ["report", "compartment", "threshold", "language", "support", "model", "rollback", "restart"];
/// Those of them that need the hub's folder of files.
pub const WITH_FILES: [&str; 2] = ["support", "model"];
/// Characters of an id.
const ID_LENGTH_MAX: usize = 64;
/// Bytes of a command; a bundle's signature is the longest part of one.
const PAYLOAD_MAX: usize = 4096;
/// Letters of a SHA-256.
const SHA256_LENGTH: usize = 64;

/// What the hub asks of the rest of the bin.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Close a compartment, or open it: its items go elsewhere meanwhile.
    Compartment {
        /// What it collects.
        stream: Stream,
        /// Closed or open.
        closed: bool,
    },
    /// The least probability at which an item of a stream is accepted.
    Threshold {
        /// The stream.
        stream: Stream,
        /// 0 to 1.
        value: f64,
    },
    /// What the pages and the resident's screen speak.
    Language(Language),
    /// Put the support bundle there.
    Support(HubFile),
    /// Fetch a model bundle and install it, in the shadow of the live one.
    Install {
        /// The archive.
        file: HubFile,
        /// Its hash, in hexadecimal digits.
        sha256: String,
        /// Its minisign signature.
        signature: String,
    },
    /// Withdraw a new bundle, or go back to the one that was live before.
    Rollback,
    /// Stop in order and begin again.
    Restart,
}

impl Order {
    /// Whether it is answered a second time, when it has ended.
    pub(super) const fn takes_a_while(&self) -> bool {
        matches!(self, Self::Support(_) | Self::Install { .. } | Self::Rollback)
    }
}

/// Resolves when an order was obeyed, or with why not.
pub type Obeyed = Pin<Box<dyn Future<Output = Result<Brought, String>> + Send>>;

/// A command as it came.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// The name, as far as it is known.
    pub(super) name: &'static str,
    pub(super) id: String,
    /// With which values, for the audit log.
    pub(super) detail: String,
    /// What to do (`None`: report), or why it is refused.
    pub(super) order: Result<Option<Order>, Answered>,
}

/// The filter under which commands come.
pub(super) fn filter(bin: &BinName) -> String {
    format!("cmd{}/+/+", bin.source())
}

/// Reads a command; `None` for what is none and gets no answer.
pub(super) fn read(settings: &Settings, message: &Message, wall: WallTime) -> Option<Asked> {
    let Settings { bin, commands: allowed, .. } = settings;
    let (name, id) = message.topic.strip_prefix(&format!("cmd{}/", bin.source()))?.split_once('/')?;
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if id.is_empty() || id.len() > ID_LENGTH_MAX || !id.bytes().all(letters) {
        return None;
    }
    let known = COMMANDS.into_iter().find(|known| *known == name);
    let order = match known {
        None => Err(refused(format!("there is no such command; there are {}", COMMANDS.join(", ")))),
        Some(_) if message.retain => Err(refused("a command must not be retained")),
        Some(name) if !allowed.iter().any(|allowed| allowed == name) => {
            Err(refused("uplink.commands in this bin's configuration does not allow it"))
        }
        Some(_) if message.payload.len() > PAYLOAD_MAX => {
            Err(refused(format!("it is longer than {PAYLOAD_MAX} bytes")))
        }
        Some(name) => order(name, settings, &message.payload, wall),
    };
    let detail = &message.payload[..message.payload.len().min(PAYLOAD_MAX)];
    let detail = String::from_utf8_lossy(detail).into_owned();
    Some(Asked { name: known.unwrap_or("unknown"), id: id.to_owned(), detail, order })
}

fn order(name: &str, settings: &Settings, payload: &[u8], wall: WallTime) -> Result<Option<Order>, Answered> {
    let command: Command =
        serde_json::from_slice(payload).map_err(|error| refused(format!("it cannot be read: {error}")))?;
    let expires: jiff::Timestamp =
        command.expires.parse().map_err(|_| refused("expires is not a time as RFC 3339 has it"))?;
    if !wall.synchronised {
        return Err(refused("this bin's clock is not synchronised: it cannot tell whether this is late"));
    }
    if expires.as_millisecond() <= wall.unix_ms {
        return Err(refused("it has expired"));
    }
    let missing = |field: &str| refused(format!("{field} is missing"));
    let stream = command.stream.ok_or_else(|| missing("stream"));
    Ok(match name {
        "compartment" => {
            let closed = command.closed.ok_or_else(|| missing("closed"))?;
            Some(Order::Compartment { stream: stream?, closed })
        }
        "threshold" => {
            let value = command.value.ok_or_else(|| missing("value"))?;
            if !(0.0..=1.0).contains(&value) {
                return Err(refused("value is not 0 to 1"));
            }
            Some(Order::Threshold { stream: stream?, value })
        }
        "language" => Some(Order::Language(command.language.ok_or_else(|| missing("language"))?)),
        "support" => Some(Order::Support(file(settings, command.url)?)),
        "model" => {
            let file = file(settings, command.url)?;
            let sha256 = command.sha256.ok_or_else(|| missing("sha256"))?;
            let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if sha256.len() != SHA256_LENGTH || !sha256.bytes().all(digit) {
                return Err(refused("sha256 is not 64 of 0-9 and a-f"));
            }
            let signature = command.signature.ok_or_else(|| missing("signature"))?;
            Some(Order::Install { file, sha256, signature })
        }
        "rollback" => Some(Order::Rollback),
        "restart" => Some(Order::Restart),
        _ => None,
    })
}

/// The file of the hub that a command names.
fn file(settings: &Settings, url: Option<String>) -> Result<HubFile, Answered> {
    let url = url.ok_or_else(|| refused("url is missing"))?;
    let folder = settings.hub_url.as_ref();
    let folder = folder.ok_or_else(|| refused("uplink.hub_url in this bin's configuration is not set"))?;
    folder.file(&url).map_err(refused)
}

fn refused(why: impl Into<String>) -> Answered {
    Answered::refused(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::AuditOutcome;
    use crate::uplink::files::HubFolder;

    const WALL: WallTime = WallTime { unix_ms: 1_772_336_096_789, synchronised: true };
    const LATER: &str = "2026-03-01T03:35:00Z";
    const FILES: &str = "https://hub.example/files/";

    fn ask(topic: &str, payload: &str, wall: WallTime) -> Option<Asked> {
        let message =
            Message { topic: topic.to_owned(), payload: payload.as_bytes().to_vec(), retain: false };
        read(&allowing(&COMMANDS), &message, wall)
    }

    fn allowing(commands: &[&str]) -> Settings {
        Settings {
            commands: commands.iter().map(ToString::to_string).collect(),
            hub_url: Some(HubFolder::parse(FILES).unwrap()),
            ..Settings::new("hub".to_owned(), 1883, BinName::new("yangcheon", "mok-1").unwrap())
        }
    }

    fn asked(name: &str, fields: &str) -> Result<Option<Order>, Answered> {
        let payload = format!("{{\"expires\": \"{LATER}\"{fields}}}");
        ask(&format!("cmd/recycle/yangcheon/mok-1/{name}/a-1"), &payload, WALL).unwrap().order
    }

    fn why(asked: Result<Option<Order>, Answered>) -> String {
        let answered = asked.unwrap_err();
        assert_eq!(answered.outcome, AuditOutcome::Refused);
        answered.why
    }

    #[test]
    fn the_list_is_all_there_is_and_nothing_on_it_moves_the_flap() {
        assert_eq!(asked("report", ""), Ok(None));
        let close = Order::Compartment { stream: Stream::Can, closed: true };
        assert_eq!(asked("compartment", ", \"stream\": \"can\", \"closed\": true"), Ok(Some(close)));
        let threshold = Order::Threshold { stream: Stream::Glass, value: 0.8 };
        assert_eq!(asked("threshold", ", \"stream\": \"glass\", \"value\": 0.8"), Ok(Some(threshold)));
        let english = Order::Language(Language::En);
        assert_eq!(asked("language", ", \"language\": \"en\""), Ok(Some(english)));
        assert_eq!(asked("restart", ""), Ok(Some(Order::Restart)));
        for name in ["turn", "flap", "flap_turn", "move", "home", "tour", "reset", "maintenance", "stop"] {
            assert!(why(asked(name, "")).contains("no such command"), "{name}");
        }
        assert!(why(asked("compartment", ", \"stream\": \"can\", \"turn\": 1")).contains("cannot be read"));
    }

    #[test]
    fn what_is_late_unclear_or_not_allowed_is_refused_with_the_reason() {
        assert!(why(asked("compartment", ", \"stream\": \"can\"")).contains("closed is missing"));
        assert!(why(asked("threshold", ", \"value\": 0.5")).contains("stream is missing"));
        assert!(why(asked("threshold", ", \"stream\": \"can\", \"value\": 1.5")).contains("0 to 1"));
        assert!(why(asked("language", "")).contains("language is missing"));
        assert!(why(asked("language", ", \"language\": \"fr\"")).contains("cannot be read"));
        let topic = "cmd/recycle/yangcheon/mok-1/report/a-1";
        let order = |payload: &str, wall| why(ask(topic, payload, wall).unwrap().order);
        let in_time = format!("{{\"expires\": \"{LATER}\"}}");
        assert!(order("{\"expires\": \"2026-03-01T03:34:56Z\"}", WALL).contains("expired"));
        assert!(order("{\"expires\": \"soon\"}", WALL).contains("RFC 3339"));
        assert!(order(&in_time, WallTime { synchronised: false, ..WALL }).contains("clock"));
        let message = Message { topic: topic.to_owned(), payload: in_time.into_bytes(), retain: false };
        let nothing = read(&allowing(&["restart"]), &message, WALL).unwrap();
        assert!(why(nothing.order).contains("uplink.commands"));
        let retained = Message { retain: true, ..message };
        assert!(why(read(&allowing(&["report"]), &retained, WALL).unwrap().order).contains("retained"));
        let long = order(&" ".repeat(PAYLOAD_MAX + 1), WALL);
        assert!(long.contains("longer than 4096"), "{long}");
    }

    #[test]
    fn a_file_is_named_by_its_place_at_the_hub_and_a_bundle_by_hash_and_signature_too() {
        let folder = HubFolder::parse(FILES).unwrap();
        let url = format!("{FILES}models/new.tar");
        let file = folder.file(&url).unwrap();
        let fields = format!(", \"url\": \"{url}\"");
        assert_eq!(asked("support", &fields), Ok(Some(Order::Support(file.clone()))));
        let sha256 = "0f".repeat(32);
        let whole = format!("{fields}, \"sha256\": \"{sha256}\", \"signature\": \"untrusted comment: x\"");
        let signature = "untrusted comment: x".to_owned();
        let install = Order::Install { file, sha256: sha256.clone(), signature };
        assert_eq!(asked("model", &whole), Ok(Some(install)));
        assert_eq!(asked("rollback", ""), Ok(Some(Order::Rollback)));
        assert!(why(asked("support", "")).contains("url is missing"));
        assert!(why(asked("model", &fields)).contains("sha256 is missing"));
        assert!(why(asked("model", &whole.replace("0f0f", "0F0F"))).contains("sha256 is not 64"));
        assert!(why(asked("model", &whole.replace("signature", "signed"))).contains("cannot be read"));
        assert!(why(asked("model", &whole.replace("hub.", "hob."))).contains("below uplink.hub_url"));
        let payload = format!("{{\"expires\": \"{LATER}\"{fields}}}").into_bytes();
        let topic = "cmd/recycle/yangcheon/mok-1/support/a".to_owned();
        let message = Message { topic, payload, retain: false };
        let without = Settings { hub_url: None, ..allowing(&["support"]) };
        assert!(why(read(&without, &message, WALL).unwrap().order).contains("hub_url"));
    }

    #[test]
    fn what_is_no_command_gets_no_answer() {
        for topic in [
            "cmd/recycle/yangcheon/mok-2/report/a",
            "cmd/recycle/yangcheon/mok-1/report",
            "cmd/recycle/yangcheon/mok-1/report/",
            "cmd/recycle/yangcheon/mok-1/report/a/reply",
            "cmd/recycle/yangcheon/mok-1/report/a b",
        ] {
            assert_eq!(ask(topic, "{}", WALL), None, "{topic}");
        }
    }
}
