//! What can go wrong with the ledger, where, and what a person does about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::record::DropState;

/// Why the ledger did not do what it was asked. Each message says what, where and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TallyError {
    /// The file, its folder or the file system may not be read or written by this process.
    #[error("could not {doing}: no access to {}; give the user of this process read and write access to it and \
             its folder, or remount the file system read-write", path.display())]
    NoAccess {
        /// The ledger.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// No room left. Nothing of what was tried is written; it may be tried again.
    #[error("could not {doing}: no space left for {}; free some, the ledger goes on by itself", path.display())]
    DiskFull {
        /// The ledger.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// The file is damaged.
    #[error("could not {doing}: {} is damaged ({detail}); save what `bunri tally export` still reads, then move \
             the file away: the next start makes a new ledger with a new epoch", path.display())]
    Corrupt {
        /// The ledger.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A file of something else.
    #[error("{} is not a ledger of this program; check the path, or move that file away", path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("{} has schema {found} and this program knows only up to {known}; install the newer program again, or \
             move the file away to begin a new ledger", path.display())]
    SchemaNewer {
        /// The ledger.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// Another process owns it.
    #[error("{} is in use by {holder}; stop that daemon first: a bin has one", path.display())]
    Locked {
        /// The ledger.
        path: PathBuf,
        /// Who holds it, as far as it said.
        holder: String,
    },
    /// Somebody else's program kept it locked longer than we wait.
    #[error("could not {doing}: another program keeps {} locked (a database shell left open?); close it and it goes \
             on by itself", path.display())]
    Busy {
        /// The ledger.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// There is no such file or folder.
    #[error("could not {doing}: {} does not exist; check the path, or create its folder", path.display())]
    Missing {
        /// The ledger.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// The operating system failed to read or write.
    #[error("could not {doing} at {}: {source}; look at the disk (`dmesg`)", path.display())]
    Io {
        /// The ledger.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite failed in a way not named above.
    #[error("could not {doing} at {}: {source}; run `bunri tally verify` and report this", path.display())]
    Sqlite {
        /// The ledger.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A second intent while one is open.
    #[error("drop {seq} is still open; confirm or void it before the next one")]
    IntentOpen {
        /// The open one.
        seq: u64,
    },
    /// No such drop.
    #[error("there is no drop {seq} in this ledger")]
    UnknownDrop {
        /// The number asked for.
        seq: u64,
    },
    /// Nothing is said of the drop, or no longer.
    #[error("the crew says nothing of drop {seq} that could be taken back")]
    NothingSaid {
        /// The number asked for.
        seq: u64,
    },
    /// The drop was closed the other way.
    #[error("could not {doing} drop {seq}: it is already {state}")]
    AlreadyClosed {
        /// The drop.
        seq: u64,
        /// What was tried.
        doing: &'static str,
        /// How it was closed.
        state: DropState,
    },
    /// A verdict that cannot be true. Nothing is written, so nothing may move.
    #[error("refused to write a verdict: {what}; this is a fault of the program, please report it")]
    InvalidIntent {
        /// What is wrong with it.
        what: String,
    },
    /// The ledger's thread is gone.
    #[error("the ledger's thread has stopped; nothing more is written until the next start")]
    Stopped,
    /// The export's destination failed.
    #[error("could not write the export: {source}; check where it goes")]
    Export {
        /// What the system said.
        source: io::Error,
    },
}

impl TallyError {
    /// Whether the same call may succeed later with no change to the call itself.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::DiskFull { .. } | Self::Busy { .. } | Self::Io { .. } => true,
            Self::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory | ErrorCode::OperationInterrupted)
            ),
            _ => false,
        }
    }
}

/// Says where a failure happened and what was being done.
pub(super) trait Doing<T> {
    /// Turns the failure into a [`TallyError`] about the ledger at `path`.
    fn doing(self, path: &Path, doing: &'static str) -> Result<T, TallyError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, path: &Path, doing: &'static str) -> Result<T, TallyError> {
        self.map_err(|source| from_sqlite(source, path.to_owned(), doing))
    }
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, path: &Path, doing: &'static str) -> Result<T, TallyError> {
        let path = path.to_owned();
        self.map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                TallyError::NoAccess { path, doing }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TallyError::DiskFull { path, doing },
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => TallyError::Missing { path, doing },
            _ => TallyError::Io { path, doing, source },
        })
    }
}

fn from_sqlite(source: rusqlite::Error, path: PathBuf, doing: &'static str) -> TallyError {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    if let FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) = source {
        return TallyError::Corrupt { path, doing, detail: source.to_string() };
    }
    // The index of the log could not grow: SQLite calls only that an input or output error.
    if source.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
        return TallyError::DiskFull { path, doing };
    }
    match source.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            TallyError::NoAccess { path, doing }
        }
        Some(ErrorCode::DiskFull) => TallyError::DiskFull { path, doing },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            TallyError::Corrupt { path, doing, detail: source.to_string() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => TallyError::Busy { path, doing },
        _ => TallyError::Sqlite { path, doing, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_one_line_that_names_the_place() {
        let path = || PathBuf::from("/var/lib/bunri/tally.db");
        let doing = "write the intent";
        let all = [
            TallyError::NoAccess { path: path(), doing },
            TallyError::DiskFull { path: path(), doing },
            TallyError::Corrupt { path: path(), doing, detail: "malformed".into() },
            TallyError::NotALedger { path: path() },
            TallyError::SchemaNewer { path: path(), found: 9, known: 1 },
            TallyError::Locked { path: path(), holder: "process 12".into() },
            TallyError::Busy { path: path(), doing },
            TallyError::Missing { path: path(), doing },
            TallyError::Io { path: path(), doing, source: io::Error::other("gone") },
        ];
        for error in all {
            let line = error.to_string();
            assert!(line.contains("/var/lib/bunri/tally.db"), "{line}");
            assert!(!line.contains('\n') && !line.contains("  "), "{line}");
        }
    }
}
