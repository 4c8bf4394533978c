//! What can go wrong between the hub and a context broker.

use std::path::PathBuf;

use crate::store::StoreError;

/// A failure of the export.
#[derive(Debug, thiserror::Error)]
pub enum NgsiError {
    /// The places of the bins cannot be read.
    #[error("{path}: {why}")]
    Locations {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No client can be made of the settings.
    #[error("ngsi.url, ngsi.token_file or ngsi.tenant cannot be used: {why}")]
    Settings {
        /// Why.
        why: String,
    },
    /// Nobody answers, or not in time.
    #[error("no context broker answers at {url} ({why}): check ngsi.url and that it runs")]
    Unreachable {
        /// Where.
        url: String,
        /// What the system said.
        why: String,
    },
    /// It answers, and does not take what it is sent.
    #[error("the context broker at {url} refuses with {status}: {why}")]
    Refused {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        why: String,
    },
    /// It took a part of a batch.
    #[error("the context broker at {url} took {taken} entities and refused {refused}, the first with {why}")]
    Partly {
        /// Where.
        url: String,
        /// How many it took.
        taken: usize,
        /// How many it refused.
        refused: usize,
        /// What it said of the first.
        why: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
