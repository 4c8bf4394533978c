//! What this room tells the log. Requests are not logged.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::tally::AuditEntry;

/// Streams (pictures or events) refused since the process started because too many were open.
pub static STREAMS_REFUSED: AtomicU64 = AtomicU64::new(0);
/// Connections closed since the process started because the client read nothing for too long.
pub static CLIENTS_STALLED: AtomicU64 = AtomicU64::new(0);

/// The page can be opened.
pub(super) struct Listening {
    pub(super) address: SocketAddr,
    pub(super) encrypted: bool,
    /// Without a login.
    pub(super) open: bool,
}

impl Listening {
    pub(super) fn emit(&self) {
        let scheme = if self.encrypted { "https" } else { "http" };
        tracing::info!(open = self.open, "the page is at {scheme}://{}", self.address);
    }
}

/// A certificate was made.
pub(super) struct CertificateMade<'a> {
    pub(super) path: &'a Path,
    /// To be compared with what the browser shows.
    pub(super) fingerprint: &'a str,
}

impl CertificateMade<'_> {
    pub(super) fn emit(&self) {
        tracing::info!(
            "the page's certificate was made as {}, SHA-256 {}",
            self.path.display(),
            self.fingerprint
        );
    }
}

/// Somebody asked for a change.
pub(super) struct Acted<'a> {
    pub(super) entry: &'a AuditEntry,
}

impl Acted<'_> {
    pub(super) fn emit(&self) {
        let AuditEntry { who, address, what, detail, outcome, why, .. } = self.entry;
        tracing::info!(who, address, what, detail, outcome = outcome.id(), why, "asked by the page");
    }
}

/// The audit log could not be written.
pub(super) struct AuditNotKept<'a> {
    pub(super) error: &'a crate::tally::TallyError,
}

impl AuditNotKept<'_> {
    pub(super) fn emit(&self) {
        tracing::error!("the audit log cannot be written, the line above is all there is: {}", self.error);
    }
}

/// The sessions could not be written.
pub(super) struct SessionsNotKept<'a> {
    pub(super) path: &'a Path,
    pub(super) error: &'a std::io::Error,
}

impl SessionsNotKept<'_> {
    pub(super) fn emit(&self) {
        tracing::warn!(
            "the page's sessions cannot be written to {}; after a restart everybody logs in again: {}",
            self.path.display(),
            self.error
        );
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

/// The pictures of drops were removed, since they are not to be kept any more.
pub(super) struct PicturesForgotten<'a> {
    pub(super) folder: &'a Path,
}

impl PicturesForgotten<'_> {
    pub(super) fn emit(&self) {
        tracing::info!("the pictures in {} are removed: web.keep_frames is gone", self.folder.display());
    }
}

/// Pictures of drops that must go cannot be removed.
pub(super) struct PicturesStay<'a> {
    pub(super) path: &'a Path,
    pub(super) error: &'a std::io::Error,
}

impl PicturesStay<'_> {
    pub(super) fn emit(&self) {
        tracing::warn!("{} cannot be removed, and must be: {}", self.path.display(), self.error);
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
