//! Pictures of taught items, so that another network can be taught the same: only where the configuration keeps pictures.
//!
//! `<state folder>/taught/<what the network said of it, hashed>-<taken at, ms since 1970>.jpg`
//!
//! - Of the still item that the crew showed, as the network saw it. Never of a lesson that was not applied.
//! - Never after the last day, and never more, larger or older ones than the limits: the oldest go first.
//! - Never shown to anybody, never by the uplink, never in a support bundle: only this program looks at them.
//! - Never left behind: with the key gone from the configuration, the next start removes them all.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::error::TeachError;
use super::store::gone;
use crate::identify::{TaughtItem, sha256};
use crate::whole_file;

const SUFFIX: &str = ".jpg";
/// Letters of a hash that are enough to tell items apart.
const KEY_LETTERS: usize = 32;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long and how many.
#[derive(Clone, Debug)]
pub struct PictureLimits {
    /// The last day, in this zone.
    pub until: Date,
    /// Whose days.
    pub zone: TimeZone,
    /// Days that a picture is kept, at most.
    pub days_most: u32,
    /// Bytes of all of them, at most.
    pub bytes_most: u64,
}

/// The pictures of one bin's taught items.
#[derive(Clone, Debug)]
pub struct Pictures {
    folder: PathBuf,
    limits: PictureLimits,
}

#[derive(Debug)]
struct Kept {
    taken_ms: i64,
    key: String,
    bytes: u64,
    path: PathBuf,
}

fn folder_in(state_dir: &Path) -> PathBuf {
    state_dir.join("taught")
}

/// What an item's picture is found by: it changes with whatever the network says of it.
fn key(item: &TaughtItem) -> String {
    let bytes: Vec<u8> = item.embedding.iter().flat_map(|value| value.to_le_bytes()).collect();
    sha256(&bytes).chars().take(KEY_LETTERS).collect()
}

impl Pictures {
    /// The pictures in this state folder; nothing is made yet.
    pub fn of(state_dir: &Path, limits: PictureLimits) -> Self {
        Self { folder: folder_in(state_dir), limits }
    }

    /// Removes every picture.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn forget(state_dir: &Path) -> Result<(), TeachError> {
        gone(&folder_in(state_dir), |folder| std::fs::remove_dir_all(folder))
    }

    /// Keeps the picture of an item, unless the last day is past.
    ///
    /// # Errors
    /// When it cannot be written, or what is too old cannot be removed.
    pub fn put(&self, item: &TaughtItem, jpeg: &[u8], now_ms: i64) -> Result<(), TeachError> {
        let bytes = jpeg.len() as u64;
        if self.is_over(now_ms) || bytes > self.limits.bytes_most {
            return self.make_room(0, now_ms);
        }
        self.make_room(bytes, now_ms)?;
        self.write(&key(item), now_ms, jpeg)
    }

    /// The picture of an item, if there is one.
    pub fn get(&self, item: &TaughtItem) -> Option<Vec<u8>> {
        let kept = self.find(item)?;
        std::fs::read(kept.path).ok()
    }

    /// Whether there is a picture of an item.
    pub fn holds(&self, item: &TaughtItem) -> bool {
        self.find(item).is_some()
    }

    /// Keeps the picture of an item under what another network says of it, too; it gets no younger by that.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn pass_on(&self, from: &TaughtItem, to: &TaughtItem, now_ms: i64) -> Result<(), TeachError> {
        let Some(kept) = self.find(from) else { return Ok(()) };
        let Ok(jpeg) = std::fs::read(&kept.path) else { return Ok(()) };
        self.make_room(jpeg.len() as u64, now_ms)?;
        self.write(&key(to), kept.taken_ms, &jpeg)
    }

    /// Removes what is too old.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn tidy(&self, now_ms: i64) -> Result<(), TeachError> {
        self.make_room(0, now_ms)
    }

    fn write(&self, key: &str, taken_ms: i64, jpeg: &[u8]) -> Result<(), TeachError> {
        let path = self.folder.join(format!("{key}-{taken_ms}{SUFFIX}"));
        whole_file::write(&path, jpeg).map_err(|source| TeachError::Store { doing: "write", path, source })
    }

    fn find(&self, item: &TaughtItem) -> Option<Kept> {
        let key = key(item);
        self.kept().into_iter().rfind(|kept| kept.key == key)
    }

    /// Every picture, the oldest first; what is none is nobody's.
    fn kept(&self) -> Vec<Kept> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let kept = |entry: std::fs::DirEntry| {
            let name = entry.file_name();
            let (key, taken) = name.to_str()?.strip_suffix(SUFFIX)?.split_once('-')?;
            let (key, taken_ms) = (key.to_owned(), taken.parse().ok()?);
            Some(Kept { taken_ms, key, bytes: entry.metadata().ok()?.len(), path: entry.path() })
        };
        let mut found: Vec<Kept> = entries.filter_map(kept).collect();
        found.sort_by(|left, right| (left.taken_ms, &left.key).cmp(&(right.taken_ms, &right.key)));
        found
    }

    /// Removes what is too old, and the oldest until so many bytes more have room.
    fn make_room(&self, bytes: u64, now_ms: i64) -> Result<(), TeachError> {
        let (over, longest) = (self.is_over(now_ms), i64::from(self.limits.days_most) * DAY_MS);
        let mut room = self.limits.bytes_most.checked_sub(bytes);
        for kept in self.kept().into_iter().rev() {
            room = room.and_then(|room| room.checked_sub(kept.bytes));
            let of_age = (-DAY_MS..=longest).contains(&now_ms.saturating_sub(kept.taken_ms));
            if over || !of_age || room.is_none() {
                gone(&kept.path, |path| std::fs::remove_file(path))?;
            }
        }
        Ok(())
    }

    /// Whether the last day is past.
    fn is_over(&self, now_ms: i64) -> bool {
        let zone = self.limits.zone.clone();
        let today = Timestamp::from_millisecond(now_ms).map(|now| now.to_zoned(zone).date());
        today.map_or(true, |today| today > self.limits.until)
    }
}
