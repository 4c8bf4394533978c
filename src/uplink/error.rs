//! What can go wrong on the way to the hub. Nothing here is ever the sorting's concern.

use std::time::Duration;

use crate::tally::TallyError;

/// A failure of the uplink.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of the bin's name cannot stand in a topic.
    #[error(
        "{field} {value:?} cannot stand in an MQTT topic: use 1 to 64 of a-z, 0-9 and '-', \
         beginning with a letter or a digit"
    )]
    Name {
        /// Which part: `district` or `bin`.
        field: &'static str,
        /// What was given.
        value: String,
    },
    /// A setting outside its range.
    #[error("{field} = {value} is out of range: {expected}")]
    Setting {
        /// Name of the setting.
        field: &'static str,
        /// What was given.
        value: u64,
        /// What would be right.
        expected: &'static str,
    },
    /// Nobody answers as a broker.
    #[error("no broker answers at {broker} ({why}): check host, port, cable and that the broker runs")]
    Unreachable {
        /// `host:port`.
        broker: String,
        /// What the system said.
        why: String,
    },
    /// The broker said no to the connection.
    #[error("the broker at {broker} refuses this bin ({why}): {remedy}")]
    Refused {
        /// `host:port`.
        broker: String,
        /// The broker's reason.
        why: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The broker said no to a message.
    #[error("the broker refuses messages on {topic} ({why}): {remedy}")]
    MessageRefused {
        /// The topic of the refused message.
        topic: String,
        /// The broker's reason.
        why: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The broker answers that nobody is subscribed: what it does not deliver it does not keep either.
    #[error(
        "nobody is subscribed to {topic}: what is sent there goes on waiting here; start the hub, or check its \
         subscription"
    )]
    NobodyListens {
        /// The topic.
        topic: String,
    },
    /// The connection was there and is gone.
    #[error("the connection to the broker at {broker} was lost ({why}): trying again")]
    Lost {
        /// `host:port`.
        broker: String,
        /// What the client saw.
        why: String,
    },
    /// The broker took a message and never acknowledged it.
    #[error("the broker at {broker} acknowledged nothing for {limit:?}: reconnecting")]
    Silent {
        /// `host:port`.
        broker: String,
        /// How long a message may wait.
        limit: Duration,
    },
    /// The outbox could not be read or marked.
    #[error("the outbox could not be used: {0}")]
    Outbox(#[from] TallyError),
    /// A message could not be written as JSON.
    #[error("a message for {topic} could not be encoded")]
    Encode {
        /// The topic it was for.
        topic: String,
        /// What serde said.
        source: serde_json::Error,
    },
}

impl Error {
    /// Whether waiting may cure it. A refusal needs somebody to change something, though the uplink keeps trying
    /// slowly, because that somebody may sit at the broker.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { .. }
            | Error::NobodyListens { .. }
            | Error::Lost { .. }
            | Error::Silent { .. } => true,
            Error::Outbox(error) => error.is_transient(),
            Error::Name { .. }
            | Error::Setting { .. }
            | Error::Refused { .. }
            | Error::MessageRefused { .. }
            | Error::Encode { .. } => false,
        }
    }
}
