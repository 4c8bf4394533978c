//! Other processes, foreign and damaged files, read-only and full disks: refused by name, nothing lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bunri::streams::Stream;
use bunri::tally::{Problem, TallyError, verify};
use rusqlite::Connection;

use super::tally_support::{accepted, intend, moment, open, wall};
use super::{confirm, fresh, tamper};

#[test]
fn a_second_daemon_is_refused_and_told_who_is_first() {
    let (_folder, path) = fresh();
    let first = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, TallyError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(first);
    open(&path).unwrap();
}

#[test]
fn a_shell_left_open_in_the_field_delays_and_loses_nothing() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    let shell = Connection::open(&path).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = intend(&mut ledger, &accepted(Stream::Can)).unwrap_err();
    assert!(matches!(error, TallyError::Busy { .. }) && error.is_transient(), "{error}");
    shell.execute_batch("ROLLBACK").unwrap();
    assert_eq!(intend(&mut ledger, &accepted(Stream::Can)).unwrap(), 1);
}

#[test]
fn files_that_are_no_ledger_are_refused_untouched() {
    let (folder, path) = fresh();
    fs::write(&path, "a letter to the district office, long enough to be a page\n".repeat(100)).unwrap();
    let before = fs::read(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, TallyError::Corrupt { .. }), "{error}");
    assert!(matches!(verify(&path), Err(TallyError::Corrupt { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);

    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(&foreign).unwrap();
    assert!(matches!(open(&foreign), Err(TallyError::NotALedger { .. })));
    assert!(matches!(verify(&foreign), Err(TallyError::NotALedger { .. })));
    assert_eq!(fs::read(&foreign).unwrap(), before);

    assert!(matches!(open(folder.path()), Err(TallyError::NotALedger { .. })));
    let nowhere = folder.path().join("nowhere/tally.db");
    assert!(matches!(open(&nowhere), Err(TallyError::Missing { .. })));
    assert!(matches!(verify(&nowhere), Err(TallyError::Missing { .. })));
}

#[test]
fn a_ledger_of_a_newer_program_is_refused_untouched() {
    let (_folder, path) = fresh();
    open(&path).unwrap().close(moment(1), wall(1)).unwrap();
    tamper(&path, "PRAGMA user_version = 99");
    let before = fs::read(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, TallyError::SchemaNewer { found: 99, known: 9, .. }), "{error}");
    assert!(!error.is_transient());
    assert!(matches!(verify(&path), Err(TallyError::SchemaNewer { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_file_is_noticed_at_the_start_and_by_verify() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    for _ in 0..200 {
        confirm(&mut ledger, &accepted(Stream::Plastic));
    }
    drop(ledger); // no goodbye: the next start looks closely
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(&path, &bytes).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, TallyError::Corrupt { .. }) && !error.is_transient(), "{error}");
    match verify(&path) {
        Ok(report) => assert!(report.problems.iter().any(|p| matches!(p, Problem::Damage(_))), "{report}"),
        Err(error) => assert!(matches!(error, TallyError::Corrupt { .. }), "{error}"),
    }
    assert_eq!(fs::read(&path).unwrap(), bytes, "evidence is left as it was");
}

/// Runs `work` on a thread without the right of root to overlook file modes.
fn as_an_ordinary_user(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
            let mut sets = capabilities(None).unwrap();
            let overlook = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            sets.effective -= overlook;
            sets.permitted -= overlook;
            set_capabilities(None, sets).unwrap();
            work();
        });
        thread.join().unwrap();
    });
}

#[test]
fn a_read_only_file_or_folder_is_said_so_and_can_still_be_verified() {
    let (folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    confirm(&mut ledger, &accepted(Stream::Can));
    ledger.close(moment(9), wall(9)).unwrap();
    let mode = |of: &Path, mode| fs::set_permissions(of, fs::Permissions::from_mode(mode)).unwrap();
    as_an_ordinary_user(|| {
        mode(&path, 0o444);
        let error = open(&path).unwrap_err();
        assert!(matches!(error, TallyError::NoAccess { .. }) && !error.is_transient(), "{error}");
        mode(&path, 0o644);

        mode(folder.path(), 0o555);
        let missing = open(&folder.path().join("other.db")).unwrap_err();
        assert!(matches!(missing, TallyError::NoAccess { .. }), "{missing}");
        let report = verify(&path);
        mode(folder.path(), 0o755);
        let report = report.unwrap();
        assert!(report.sound() && report.counts.confirmed() == 1, "{report}");

        // A log left by a crash, in a folder where this user may not make its index.
        drop(open(&path).unwrap());
        fs::write(path.with_extension("db-wal"), b"left over").unwrap();
        mode(folder.path(), 0o555);
        let left = verify(&path);
        mode(folder.path(), 0o755);
        assert!(matches!(left, Err(TallyError::NoAccess { .. })), "{left:?}");

        mode(&path, 0o000);
        assert!(matches!(verify(&path), Err(TallyError::NoAccess { .. })));
    });
}

/// A disk of 1 MiB, where this process may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// With a page limit instead of a disk the same is tested in `src/tally/ledger.rs`, for those who may not mount.
#[test]
fn a_full_disk_stops_the_bin_and_loses_nothing_and_then_it_goes_on() {
    let Some(disk) = SmallDisk::mount() else {
        println!("may not mount a small disk here; the page-limit test stands alone");
        return;
    };
    let path = disk.0.path().join("tally.db");
    let ballast = disk.0.path().join("ballast");
    let mut ledger = open(&path).unwrap();
    let verdict = accepted(Stream::Can);
    for round in 0..3u8 {
        let waiting = intend(&mut ledger, &verdict).unwrap();
        let fill = Command::new("dd")
            .args(["if=/dev/zero", "bs=1024", &format!("of={}", ballast.display())])
            .stderr(std::process::Stdio::null())
            .status();
        assert!(!fill.unwrap().success(), "dd fills the disk to its end");
        // What the log's last page still takes is taken; soon nothing is.
        let mut last = waiting;
        let error = loop {
            match ledger.confirm(last, moment(2), wall(2)).and_then(|_| intend(&mut ledger, &verdict)) {
                Ok(seq) => last = seq,
                Err(error) => break error,
            }
            assert!(last < waiting + 1_000, "the disk never gets full");
        };
        assert!(matches!(error, TallyError::DiskFull { .. }) && error.is_transient(), "{error}");
        let before = ledger.totals().unwrap();
        if let Some(open) = ledger.open_intent().unwrap() {
            let again = ledger.confirm(open.record.seq, moment(3), wall(3)).unwrap_err();
            assert!(matches!(again, TallyError::DiskFull { .. }), "{again}");
            assert_eq!(ledger.open_intent().unwrap().unwrap().record.seq, open.record.seq);
        }
        assert_eq!(ledger.totals().unwrap(), before, "a refused write leaves no trace");
        if round == 1 {
            drop(ledger);
            let error = open(&path).map(drop).unwrap_err();
            assert!(matches!(error, TallyError::DiskFull { .. }), "{error}");
            fs::remove_file(&ballast).unwrap();
            ledger = open(&path).unwrap();
        } else {
            fs::remove_file(&ballast).unwrap();
        }
        if let Some(open) = ledger.open_intent().unwrap() {
            assert!(!ledger.confirm(open.record.seq, moment(4), wall(4)).unwrap().already);
        }
        let report = verify(&path).unwrap();
        assert!(report.sound() && report.open_intent.is_none(), "{report}");
        assert_eq!(report.counts.confirmed(), report.last_seq);
    }
}
