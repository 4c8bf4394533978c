//! Whoever teaches: the daemon's side of the Teach page.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::teach::{Ask, Board, TeachError};

/// The way to whoever teaches. Neither call waits.
pub trait Teaching: Send + Sync {
    /// Everything there is to show.
    fn board(&self) -> Arc<Board>;

    /// Asks for something; the answer says what was done, for the audit log. It is dropped when nobody can be asked.
    fn ask(&self, ask: Ask) -> oneshot::Receiver<Result<String, TeachError>>;

    /// Tells that the ledger has a new word of the crew on what a drop was.
    fn said(&self);
}
