//! What the hub may ask: a short list, each allowed by the configuration, each with an end, each done once.
//!
//! ```text
//!   cmd/recycle/<district>/<bin>/<name>/<id> ──> known? allowed? in time? new? ──> done ──> ledger, audit log
//!                                                      │ no                          │
//!                                                      └──────────> .../reply <──────┘
//! ```
//!
//! Never a movement: no [`Order`] turns the flap, ends a jam or maintenance, or says that a hand is none. Never twice: an
//! id is answered from the ledger when it comes again, after a restart too. Never late: without a synchronised clock
//! nobody can tell, so nothing is done then.

use std::future::Future;
use std::pin::Pin;

use super::client::Message;
use super::wire::{BinName, Command, Language, refused};
use crate::clock::WallTime;
use crate::streams::Stream;
use crate::tally::Answered;

/// Every command there is.
pub const COMMANDS: [&str; 5] = ["report", "compartment", "threshold", "language", "restart"];
/// Characters of an id.
const ID_LENGTH_MAX: usize = 64;

/// What the hub asks of the rest of the bin.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// Stop in order, to be started again by whoever watches over the program.
    Restart,
}

/// Resolves when an order was obeyed, or with why not.
pub type Obeyed = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

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
pub(super) fn read(bin: &BinName, allowed: &[String], message: &Message, wall: WallTime) -> Option<Asked> {
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
        Some(name) => order(name, &message.payload, wall),
    };
    let detail = String::from_utf8_lossy(&message.payload).into_owned();
    Some(Asked { name: known.unwrap_or("unknown"), id: id.to_owned(), detail, order })
}

fn order(name: &str, payload: &[u8], wall: WallTime) -> Result<Option<Order>, Answered> {
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
        "restart" => Some(Order::Restart),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::AuditOutcome;

    const WALL: WallTime = WallTime { unix_ms: 1_772_336_096_789, synchronised: true };
    const LATER: &str = "2026-03-01T03:35:00Z";

    fn ask(topic: &str, payload: &str, wall: WallTime) -> Option<Asked> {
        let allowed: Vec<String> = COMMANDS.iter().map(ToString::to_string).collect();
        let message =
            Message { topic: topic.to_owned(), payload: payload.as_bytes().to_vec(), retain: false };
        read(&BinName::new("yangcheon", "mok-1").unwrap(), &allowed, &message, wall)
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
        let bin = BinName::new("yangcheon", "mok-1").unwrap();
        let nothing = read(&bin, &["restart".to_owned()], &message, WALL).unwrap();
        assert!(why(nothing.order).contains("uplink.commands"));
        let retained = Message { retain: true, ..message };
        assert!(why(read(&bin, &["report".to_owned()], &retained, WALL).unwrap().order).contains("retained"));
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
