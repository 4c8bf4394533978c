//! What this room tells the log. Requests are not logged.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Streams (pictures or events) refused since the process started because too many were open.
pub static STREAMS_REFUSED: AtomicU64 = AtomicU64::new(0);
/// Connections closed since the process started because the client read nothing for too long.
pub static CLIENTS_STALLED: AtomicU64 = AtomicU64::new(0);

/// The page can be opened.
pub(super) struct Listening {
    pub(super) address: SocketAddr,
}

impl Listening {
    pub(super) fn emit(&self) {
        tracing::info!("the page is at http://{}", self.address);
    }
}

/// A stream was refused.
pub(super) struct StreamRefused {
    pub(super) open: usize,
}

impl StreamRefused {
    pub(super) fn emit(&self) {
        let before = STREAMS_REFUSED.fetch_add(1, Relaxed);
        // A client may try for ever: the first time says it all.
        if before == 0 {
            tracing::warn!(
                open = self.open,
                "too many streams of the page are open; further ones are refused"
            );
        }
    }
}

/// A client did not read what it had asked for.
pub(super) struct ClientStalled;

impl ClientStalled {
    pub(super) fn emit(&self) {
        CLIENTS_STALLED.fetch_add(1, Relaxed);
        tracing::debug!("a client of the page read nothing for too long; its connection was closed");
    }
}

/// The ledger could not be read for the page.
pub(super) struct BookUnreadable<'a> {
    pub(super) error: &'a crate::tally::TallyError,
    /// Whether the attempt before failed too: then it is not said again.
    pub(super) repeated: bool,
}

impl BookUnreadable<'_> {
    pub(super) fn emit(&self) {
        if !self.repeated {
            tracing::warn!("the page cannot read the ledger: {}", self.error);
        }
    }
}

/// A picture could not be encoded for the page.
pub(super) struct PictureFailed<'a> {
    pub(super) error: &'a crate::capture::CaptureError,
}

impl PictureFailed<'_> {
    pub(super) fn emit(&self) {
        tracing::debug!("a picture for the page was not encoded: {}", self.error);
    }
}

/// The page ended in order.
pub(super) struct Stopped {
    /// Connections that had to be cut.
    pub(super) cut: usize,
}

impl Stopped {
    pub(super) fn emit(&self) {
        tracing::info!(cut = self.cut, "page stopped");
    }
}
