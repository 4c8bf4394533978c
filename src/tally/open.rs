//! Opening the file: for the one writer, under its lock, or for reading beside it.
//!
//! The lock is a file of its own (`tally.db.lock`), because closing any descriptor of the database itself would
//! drop SQLite's own locks in this process. The kernel frees it when its owner dies; it is never deleted, since
//! deleting it could let two owners in.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::{Doing, TallyError};
use super::upgrade::{self, Found};

/// How long a call waits for another program's lock.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// The write-ahead log is cut back to this after it had to grow further.
const LOG_LIMIT_BYTES: i64 = 4 << 20;

/// Held for as long as this process may write.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn lock(path: &Path) -> Result<Lock, TallyError> {
    let doing = "lock the ledger";
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(beside(path, ".lock"))
        .doing(path, doing)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only to name it: whoever it is, it holds the lock.
            let named = (&file).take(64).read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if named { holder.trim().to_owned() } else { "another process".to_owned() };
            return Err(TallyError::Locked { path: path.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(error).doing(path, doing),
    }
    let sign = |file: &mut File| -> std::io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "process {}", std::process::id())
    };
    // The name is a courtesy: on a full disk the lock holds without it.
    let _unsigned = sign(&mut file).is_err();
    Ok(Lock { _file: file })
}

/// Opens the ledger for writing, making it or bringing it to this schema. Returns the version it had, 0 if new.
pub(super) fn for_writing(path: &Path) -> Result<(Connection, Lock, i64), TallyError> {
    if path.is_dir() {
        return Err(TallyError::NotALedger { path: path.to_owned() });
    }
    let lock = lock(path)?;
    let doing = "open the ledger";
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut connection = Connection::open_with_flags(path, flags).doing(path, doing)?;
    // SQLite opens a write-protected file for reading without a word.
    if connection.is_readonly(rusqlite::MAIN_DB).doing(path, doing)? {
        return Err(TallyError::NoAccess { path: path.to_owned(), doing });
    }
    connection.busy_timeout(BUSY_WAIT).doing(path, doing)?;
    upgrade::inspect(&connection, path, upgrade::SCHEMA_VERSION)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).doing(path, doing)?;
    if mode != "wal" {
        let source = std::io::Error::other(format!("its file system has no write-ahead log (mode {mode})"));
        return Err(TallyError::Io { path: path.to_owned(), doing, source });
    }
    for (pragma, value) in [("synchronous", 2), ("foreign_keys", 1), ("cell_size_check", 1)] {
        connection.pragma_update(None, pragma, value).doing(path, doing)?;
    }
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT_BYTES).doing(path, doing)?;
    let before = upgrade::apply(&mut connection, path, upgrade::STEPS)?;
    if before == 0 {
        // The file's name must survive a power cut as well as its content.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .doing(path, "write the folder of the ledger")?;
    }
    Ok((connection, lock, before))
}

/// Opens the ledger for reading only, also while the daemon writes.
///
/// # Errors
/// As for writing, but no lock is needed.
pub(super) fn for_reading(path: &Path) -> Result<Connection, TallyError> {
    let doing = "open the ledger for reading";
    std::fs::metadata(path).doing(path, doing)?;
    File::open(path).doing(path, doing)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let usable = |connection: &Connection| -> rusqlite::Result<()> {
        connection.busy_timeout(BUSY_WAIT)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
    };
    let ordinary = Connection::open_with_flags(path, flags)
        .and_then(|connection| usable(&connection).map(|()| connection));
    let connection = match ordinary {
        // Nobody writes (no log) and this user may not make the log's index: read the file as it lies there.
        Err(error) if cannot_make_index(&error) && !beside(path, "-wal").exists() => {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(immutable_uri(path), flags).doing(path, doing)?;
            usable(&connection).doing(path, doing)?;
            connection
        }
        other => other.doing(path, doing)?,
    };
    match upgrade::inspect(&connection, path, upgrade::SCHEMA_VERSION)? {
        Found::Ledger(_) => Ok(connection),
        Found::Empty => Err(TallyError::NotALedger { path: path.to_owned() }),
    }
}

/// Opens the ledger for reading from the process that writes it. Only through SQLite: any other descriptor of the file
/// would, when it is closed, take the writer's locks with it.
///
/// # Errors
/// What the file met.
pub(super) fn beside_the_writer(path: &Path) -> Result<Connection, TallyError> {
    let doing = "open the ledger for reading";
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags).doing(path, doing)?;
    connection.busy_timeout(BUSY_WAIT).doing(path, doing)?;
    Ok(connection)
}

/// Whether a running bin writes the ledger at `path`, by the name it left beside it. Takes no lock: that could keep a
/// bin from starting.
pub fn in_use(path: &Path) -> bool {
    let name = std::fs::read_to_string(beside(path, ".lock")).unwrap_or_default();
    let process = name.trim().strip_prefix("process ").and_then(|number| number.parse::<u32>().ok());
    let program = |process| std::fs::read_to_string(format!("/proc/{process}/comm"));
    process.is_some_and(|process| program(process).is_ok_and(|name| name.trim() == "bunri"))
}

fn cannot_make_index(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn immutable_uri(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _infallible = write!(uri, "%{byte:02X}");
        }
    }
    uri + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, _lock, before) = for_writing(&folder.path().join("tally.db")).unwrap();
        assert_eq!(before, 0);
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(number("PRAGMA synchronous"), 2, "FULL: the log is synchronised at every commit");
        assert_eq!(number("PRAGMA foreign_keys"), 1);
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[test]
    fn odd_paths_survive_the_uri() {
        assert_eq!(immutable_uri(Path::new("/a b/ü?#%.db")), "file:/a%20b/%C3%BC%3F%23%25.db?immutable=1");
    }
}
