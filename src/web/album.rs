//! Small pictures of the chamber, one for each drop, for the crew's page; only where `[web.keep_frames]` says so.
//!
//! ```text
//! <state folder>/frames/<epoch>-<seq>-<taken at, ms since 1970>.jpg
//! ```
//!
//! - Never without a last day, and never more, larger or older ones than the limits: the oldest go first. One whose age
//!   cannot be told, because the clock went back, goes too.
//! - Never beside another ledger's drop: the name holds the epoch. Never half a picture: written whole or not at all.
//! - Never the disk's last room: that is the ledger's.
//! - Never shown before the audit log says to whom (`Album::show`). Never by the uplink, never in a support bundle.
//! - Never left behind: with the key gone from the configuration, the next start removes them all.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::events::{PicturesForgotten, PicturesStay};
use super::health;
use crate::whole_file;

/// The longest that a picture may be kept, in days.
pub const KEEP_DAYS_MOST: u32 = 30;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// The last day; on the next one all of them go, and no more are taken.
    pub until: Date,
    /// Days that a picture is kept, at most.
    pub days_most: u32,
    /// Pictures, at most.
    pub pictures_most: usize,
    /// Bytes of all of them, at most.
    pub bytes_most: u64,
}

/// The pictures of one ledger.
#[derive(Debug)]
pub struct Album {
    folder: PathBuf,
    epoch: String,
    keeping: Keeping,
    zone: TimeZone,
    kept: Mutex<BTreeMap<u64, Kept>>,
}

#[derive(Debug)]
struct Kept {
    taken_ms: i64,
    bytes: u64,
    /// The logins that have a row in the audit log for it.
    shown_to: BTreeSet<String>,
}

/// Removes every picture, if there are any: they are not wanted any more.
pub fn forget(state_dir: &Path) {
    let folder = folder_in(state_dir);
    match std::fs::remove_dir_all(&folder) {
        Ok(()) => PicturesForgotten { folder: &folder }.emit(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => PicturesStay { path: &folder, error: &error }.emit(),
    }
}

fn folder_in(state_dir: &Path) -> PathBuf {
    state_dir.join("frames")
}

impl Album {
    /// The album beside the ledger of this epoch; what does not belong there, or is too old at `now_ms`, goes. A disk
    /// that cannot be read makes an empty one.
    pub fn open(keeping: Keeping, zone: TimeZone, state_dir: &Path, epoch: &str, now_ms: i64) -> Self {
        let folder = folder_in(state_dir);
        let mut kept = BTreeMap::new();
        for entry in std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            let known = entry.file_name().to_str().and_then(|name| parse(name, epoch));
            match known.zip(entry.metadata().ok()) {
                Some(((seq, taken_ms), file)) => {
                    let shown_to = BTreeSet::new();
                    kept.insert(seq, Kept { taken_ms, bytes: file.len(), shown_to });
                }
                None => {
                    remove(&entry.path());
                }
            }
        }
        let album = Self { folder, epoch: epoch.to_owned(), keeping, zone, kept: Mutex::new(kept) };
        album.tidy(now_ms);
        album
    }

    /// How long and how many.
    pub const fn keeping(&self) -> Keeping {
        self.keeping
    }

    /// Whether the last day is past.
    fn is_over(&self, now_ms: i64) -> bool {
        let today = Timestamp::from_millisecond(now_ms).map(|now| now.to_zoned(self.zone.clone()).date());
        today.map_or(true, |today| today > self.keeping.until)
    }

    /// Keeps a picture, unless the last day is past.
    ///
    /// # Errors
    /// What the disk said, or that there is too little room; nothing was written then.
    pub fn put(&self, seq: u64, jpeg: &[u8], now_ms: i64) -> io::Result<()> {
        let bytes = jpeg.len() as u64;
        if bytes > self.keeping.bytes_most || self.folder.parent().is_some_and(health::is_full) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.make_room(1, bytes, now_ms);
        if self.is_over(now_ms) {
            return Ok(());
        }
        whole_file::write(&self.file(seq, now_ms), jpeg)?;
        self.lock().insert(seq, Kept { taken_ms: now_ms, bytes, shown_to: BTreeSet::new() });
        Ok(())
    }

    /// Removes what is too old.
    pub fn tidy(&self, now_ms: i64) {
        self.make_room(0, 0, now_ms);
    }

    /// Removes what is too old, and the oldest until so many pictures of so many bytes have room.
    fn make_room(&self, pictures: usize, bytes: u64, now_ms: i64) {
        let (over, longest) = (self.is_over(now_ms), i64::from(self.keeping.days_most) * DAY_MS);
        let mut kept = self.lock();
        let mut places = self.keeping.pictures_most.checked_sub(pictures);
        let mut room = self.keeping.bytes_most.checked_sub(bytes);
        let mut gone = Vec::new();
        for (seq, picture) in kept.iter().rev() {
            // From the first that has no place on, all older ones go.
            places = places.and_then(|places| places.checked_sub(1));
            room = room.and_then(|room| room.checked_sub(picture.bytes));
            let of_age = (-DAY_MS..=longest).contains(&now_ms.saturating_sub(picture.taken_ms));
            if over || !of_age || places.is_none() || room.is_none() {
                gone.push((*seq, self.file(*seq, picture.taken_ms)));
            }
        }
        for (seq, path) in gone {
            if remove(&path) {
                kept.remove(&seq);
            }
        }
    }

    /// Whether there is a picture of this drop.
    pub fn holds(&self, drop_id: &str, seq: u64) -> bool {
        let ours = drop_id.rsplit_once(':').is_some_and(|(epoch, _)| epoch == self.epoch);
        ours && self.lock().contains_key(&seq)
    }

    /// Notes that these pictures are being shown to somebody: call it when the audit log says so.
    pub(super) fn show(&self, who: &str, seqs: &[u64]) {
        let mut kept = self.lock();
        for seq in seqs {
            if let Some(picture) = kept.get_mut(seq) {
                picture.shown_to.insert(who.to_owned());
            }
        }
    }

    /// The file of a picture that is being shown to somebody.
    pub(super) fn shown(&self, who: &str, seq: u64) -> Option<PathBuf> {
        let kept = self.lock();
        let picture = kept.get(&seq).filter(|picture| picture.shown_to.contains(who))?;
        Some(self.file(seq, picture.taken_ms))
    }

    fn file(&self, seq: u64, taken_ms: i64) -> PathBuf {
        self.folder.join(format!("{}-{seq}-{taken_ms}.jpg", self.epoch))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Number and time of a picture of this epoch.
fn parse(name: &str, epoch: &str) -> Option<(u64, i64)> {
    let (seq, taken_ms) =
        name.strip_prefix(epoch)?.strip_prefix('-')?.strip_suffix(".jpg")?.split_once('-')?;
    Some((seq.parse().ok()?, taken_ms.parse().ok()?))
}

/// Whether it is gone.
fn remove(path: &Path) -> bool {
    match std::fs::remove_file(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => {
            PicturesStay { path, error: &error }.emit();
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon of 1 March 2026 in Seoul.
    const NOON: i64 = 1_772_334_000_000;
    const NONE: [u64; 0] = [];
    const KEEPING: Keeping =
        Keeping { until: jiff::civil::date(2026, 3, 20), days_most: 14, pictures_most: 3, bytes_most: 100 };

    fn open(folder: &Path, now_ms: i64) -> Album {
        Album::open(KEEPING, TimeZone::get("Asia/Seoul").unwrap(), folder, "a1", now_ms)
    }

    fn held(album: &Album) -> Vec<u64> {
        (0..100).filter(|seq| album.holds(&format!("a1:{seq}"), *seq)).collect()
    }

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder.join("frames")).map_or(0, Iterator::count)
    }

    #[test]
    fn the_oldest_go_first_by_number_by_bytes_and_by_age() {
        let folder = tempfile::tempdir().unwrap();
        let album = open(folder.path(), NOON);
        for seq in 1..=4 {
            album.put(seq, &[0; 20], NOON + seq as i64).unwrap();
        }
        assert_eq!(held(&album), [2, 3, 4]);
        album.put(5, &[0; 70], NOON + DAY_MS).unwrap();
        assert_eq!(held(&album), [4, 5], "90 bytes");
        album.put(6, &[0; 101], NOON + DAY_MS).unwrap_err();
        assert_eq!(held(&album), [4, 5], "one that is larger than everything");
        album.put(7, &[0; 90], NOON + DAY_MS).unwrap();
        assert_eq!((held(&album), files(folder.path())), (vec![7], 1));
        album.tidy(NOON + 15 * DAY_MS);
        assert_eq!(held(&album), [7], "fourteen days old");
        album.tidy(NOON + 15 * DAY_MS + 1);
        assert_eq!((held(&album), files(folder.path())), (vec![], 0));
    }

    #[test]
    fn nothing_is_kept_after_the_last_day_or_with_a_clock_that_went_back() {
        let folder = tempfile::tempdir().unwrap();
        let album = open(folder.path(), NOON);
        let last_evening = NOON + 19 * DAY_MS + 11 * 60 * 60 * 1_000;
        album.put(1, &[0; 20], last_evening).unwrap();
        assert_eq!(held(&album), [1]);
        album.tidy(NOON + 17 * DAY_MS);
        assert_eq!(held(&album), NONE, "it would be two days younger than now");
        album.put(2, &[0; 20], last_evening).unwrap();
        album.put(3, &[0; 20], last_evening + DAY_MS).unwrap();
        assert_eq!((held(&album), files(folder.path())), (vec![], 0), "the last day is past");
    }

    #[test]
    fn pictures_survive_a_restart_and_what_is_none_of_theirs_goes() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), NOON).put(8, &[7; 20], NOON).unwrap();
        for stranger in ["b2-8-1772334000000.jpg", "a1-9-1772334000000.jpg.new", "notes.txt"] {
            std::fs::write(folder.path().join("frames").join(stranger), "x").unwrap();
        }
        let album = open(folder.path(), NOON + 1);
        assert_eq!((held(&album), files(folder.path())), (vec![8], 1));
        assert!(!album.holds("b2:8", 8), "another ledger's drop");
        forget(folder.path());
        assert_eq!(held(&open(folder.path(), NOON)), NONE);
        assert!(!folder.path().join("frames").exists());
        forget(folder.path());
    }

    #[test]
    fn a_picture_is_only_for_those_it_is_being_shown_to() {
        let folder = tempfile::tempdir().unwrap();
        let album = open(folder.path(), NOON);
        album.put(1, &[0; 20], NOON).unwrap();
        assert_eq!(album.shown("kim", 1), None);
        album.show("kim", &[1, 2]);
        assert!(album.shown("kim", 1).is_some_and(|path| path.is_file()));
        assert_eq!((album.shown("lee", 1), album.shown("kim", 2)), (None, None));
    }

    #[test]
    fn a_disk_that_refuses_is_an_error_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("frames"), "a file in the way").unwrap();
        let album = open(folder.path(), NOON);
        assert!(album.put(1, &[0; 20], NOON).is_err());
        assert_eq!(held(&album), NONE);
    }
}
