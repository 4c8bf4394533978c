//! What can go wrong between the broker and the hub.

use crate::store::StoreError;

/// A failure of the ingest. Each ends one connection; the next one is tried after a wait.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Nobody answers as a broker.
    #[error("no broker answers at {broker} ({why}): check host, port, TLS and that the broker runs")]
    Unreachable {
        /// `host:port`.
        broker: String,
        /// What the system said.
        why: String,
    },
    /// The broker does not grant a subscription.
    #[error("the broker at {broker} does not let this user read {filter} ({why}): change its access list")]
    NotGranted {
        /// `host:port`.
        broker: String,
        /// The subscription.
        filter: String,
        /// What it said.
        why: String,
    },
    /// The connection was there and is gone.
    #[error("the connection to the broker at {broker} was lost ({why}): trying again")]
    Lost {
        /// `host:port`.
        broker: String,
        /// What is known of the reason.
        why: String,
    },
    /// The broker is there and does not want this hub.
    #[error(
        "the broker at {broker} refuses this hub ({why}): check username, password_file and certificate_file, and \
             that it knows this user"
    )]
    Refused {
        /// `host:port`.
        broker: String,
        /// Its answer.
        why: String,
    },
    /// A certificate or a key cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Its path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database refuses in a way that trying again does not mend.
    #[error(transparent)]
    Store(#[from] StoreError),
}
