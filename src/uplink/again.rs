//! The hub misses something: what it names goes out of the ledger into the outbox once more.
//!
//! ```text
//!   counts ──> hub: reported > held ──> cmd/recycle/<district>/<bin>/again ──> ledger ──> outbox ──> the usual way
//! ```
//!
//! An acknowledgement is the broker's word, and brokers are killed, restored and misled. The ledger keeps every drop
//! for ever, the counts say how many there are, and so the hub can find out what is missing and have it, whatever it
//! was lost by. No command: it changes nothing at the bin but what waits, so it needs no permission and no answer
//! but the messages themselves.
//!
//! Never more than a bounded number of messages for one question (`Ledger::outbox_again`), never two questions within
//! [`PAUSE`]: whoever asks in a loop only gets the same messages, at a bounded rate.

use std::time::Duration;

use super::client::Message;
use super::wire::{Again, BinName};

/// Questions that come sooner after one are not heard: the hub will ask again.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// Ranges in one question; what is beyond is not heard.
const RANGES_MAX: usize = 1_000;

/// Reads a question; `None` for what is none.
pub(super) fn read(bin: &BinName, message: &Message) -> Option<Again> {
    if message.retain || message.topic != bin.again_topic() {
        return None;
    }
    let mut again: Again = serde_json::from_slice(&message.payload).ok()?;
    again.drops.truncate(RANGES_MAX);
    again.corrections.truncate(RANGES_MAX);
    Some(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_question_to_this_bin_is_one_and_it_has_an_end() {
        let bin = BinName::new("yangcheon", "mok-1").unwrap();
        let ask = |topic: &str, payload: &str, retain| {
            read(&bin, &Message { topic: topic.to_owned(), payload: payload.as_bytes().to_vec(), retain })
        };
        let topic = "cmd/recycle/yangcheon/mok-1/again";
        let again = ask(topic, r#"{"epoch": "e", "drops": [[3, 9], [12, 12]], "since": 1}"#, false).unwrap();
        assert_eq!((again.drops, again.corrections), (vec![(3, 9), (12, 12)], Vec::new()));
        assert_eq!(ask(topic, r#"{"epoch": "e"}"#, true), None, "a retained one would be asked for ever");
        assert_eq!(ask("cmd/recycle/yangcheon/mok-2/again", r#"{"epoch": "e"}"#, false), None);
        assert_eq!(ask(topic, r#"{"epoch": "e", "drops": [[3]]}"#, false), None);
        let many = serde_json::json!({"epoch": "e", "drops": vec![(1, 1); 5_000]}).to_string();
        assert_eq!(ask(topic, &many, false).unwrap().drops.len(), RANGES_MAX);
    }
}
