//! What the network said of the last drops, until the crew may have said what they were.
//!
//! `<state folder>/recent/<epoch>-<seq>-<kept at, ms since 1970>.safetensors`
//!
//! - Embeddings, never pictures. Never more, or older ones, than the limits: the oldest go first.
//! - Never another network's: its numbers would mean something else. Never half of one: written whole or not at all.
//! - Never left behind: where corrections are not learnt, the next start removes them all.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::error::TeachError;
use super::store::gone;
use crate::identify::{Bundle, Embedded, sha256};
use crate::whole_file;

/// Drops that are remembered: most of a busy day.
pub const REMEMBERED: usize = 500;
/// Days that one is remembered.
pub const REMEMBERED_DAYS: i64 = 30;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Bytes of one at most: what is larger is none of ours.
const FILE_LIMIT: u64 = 256 << 10;
const SUFFIX: &str = ".safetensors";
const NETWORK: &str = "network_sha256";
const CONTENTS: &str = "contents_sha256";
const TENSORS: [&str; 2] = ["embedding", "logits"];

/// The last drops of one ledger, as one network saw them.
#[derive(Debug)]
pub struct Recent {
    folder: PathBuf,
    epoch: String,
    network_sha256: String,
    /// When each was kept.
    kept: BTreeMap<u64, i64>,
}

fn folder_in(state_dir: &Path) -> PathBuf {
    state_dir.join("recent")
}

impl Recent {
    /// What is remembered beside the ledger of this epoch; what does not belong there, or is too old at `now_ms`, goes.
    ///
    /// # Errors
    /// When the folder cannot be read or tidied.
    pub fn open(state_dir: &Path, epoch: &str, bundle: &Bundle, now_ms: i64) -> Result<Self, TeachError> {
        let folder = folder_in(state_dir);
        let network_sha256 = bundle.manifest.model.sha256.clone();
        let mut recent = Self { folder, epoch: epoch.to_owned(), network_sha256, kept: BTreeMap::new() };
        let entries = match std::fs::read_dir(&recent.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(recent),
            Err(source) => {
                return Err(TeachError::Store { doing: "read", path: recent.folder.clone(), source });
            }
        };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let known = path.file_name().and_then(|name| recent.parse(name.to_str()?));
            match known {
                Some((seq, kept_ms)) if recent.read(&path).is_some() => {
                    recent.kept.insert(seq, kept_ms);
                }
                _ => remove(&path)?,
            }
        }
        recent.make_room(0, now_ms)?;
        Ok(recent)
    }

    /// Removes everything that is remembered.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget(state_dir: &Path) -> Result<(), TeachError> {
        gone(&folder_in(state_dir), |folder| std::fs::remove_dir_all(folder))
    }

    /// Remembers what the network said of a drop.
    ///
    /// # Errors
    /// When it cannot be written; nothing was then.
    pub fn put(&mut self, seq: u64, seen: &Embedded, now_ms: i64) -> Result<(), TeachError> {
        self.make_room(1, now_ms)?;
        let path = self.file(seq, now_ms);
        let parts = [&seen.embedding, &seen.logits]
            .map(|values| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        let unwritable =
            |error: &dyn std::fmt::Display| TeachError::Unwritable { message: error.to_string() };
        let mut views = Vec::new();
        for (name, bytes) in TENSORS.iter().zip(&parts) {
            let view = TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes);
            views.push((*name, view.map_err(|error| unwritable(&error))?));
        }
        let metadata = HashMap::from([
            (NETWORK.to_owned(), self.network_sha256.clone()),
            (CONTENTS.to_owned(), sha256(&parts.concat())),
        ]);
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| unwritable(&error))?;
        whole_file::write(&path, &bytes).map_err(|source| TeachError::Store {
            doing: "write",
            path,
            source,
        })?;
        self.kept.insert(seq, now_ms);
        Ok(())
    }

    /// What the network said of a drop, if that is still known.
    pub fn get(&self, seq: u64) -> Option<Embedded> {
        self.read(&self.file(seq, *self.kept.get(&seq)?))
    }

    /// When a drop was kept, in milliseconds since 1970.
    pub fn kept_ms(&self, seq: u64) -> Option<i64> {
        self.kept.get(&seq).copied()
    }

    /// The drops that are remembered, the oldest first.
    pub fn drops(&self) -> impl Iterator<Item = u64> {
        self.kept.keys().copied()
    }

    /// The name of a drop, as the ledger and the hub know it.
    pub fn drop_id(&self, seq: u64) -> String {
        format!("{}:{seq}", self.epoch)
    }

    /// The number of the drop with this name, if it is of this ledger.
    pub fn seq_of(&self, drop_id: &str) -> Option<u64> {
        let (epoch, seq) = drop_id.rsplit_once(':')?;
        (epoch == self.epoch).then(|| seq.parse().ok()).flatten()
    }

    /// Removes what is too old, and the oldest until so many more have room.
    fn make_room(&mut self, more: usize, now_ms: i64) -> Result<(), TeachError> {
        let of_age =
            |kept_ms: i64| (-DAY_MS..=REMEMBERED_DAYS * DAY_MS).contains(&now_ms.saturating_sub(kept_ms));
        let mut gone: Vec<u64> =
            self.kept.iter().filter(|(_, kept_ms)| !of_age(**kept_ms)).map(|(seq, _)| *seq).collect();
        let left = self.kept.len() - gone.len();
        let beyond = (left + more).saturating_sub(REMEMBERED);
        let oldest = self.kept.iter().filter(|(_, kept_ms)| of_age(**kept_ms)).take(beyond);
        gone.extend(oldest.map(|(seq, _)| *seq));
        for seq in gone {
            if let Some(kept_ms) = self.kept.get(&seq) {
                remove(&self.file(seq, *kept_ms))?;
            }
            self.kept.remove(&seq);
        }
        Ok(())
    }

    /// What a file holds, if it is whole and this network's.
    fn read(&self, path: &Path) -> Option<Embedded> {
        if std::fs::metadata(path).ok()?.len() > FILE_LIMIT {
            return None;
        }
        let bytes = std::fs::read(path).ok()?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).ok()?;
        let metadata = metadata.metadata().clone()?;
        let tensors = SafeTensors::deserialize(&bytes).ok()?;
        let parts = TENSORS.map(|name| tensors.tensor(name).ok());
        let [Some(embedding), Some(logits)] = parts else { return None };
        let contents = [embedding.data(), logits.data()].concat();
        let ours = metadata.get(NETWORK) == Some(&self.network_sha256)
            && metadata.get(CONTENTS) == Some(&sha256(&contents));
        let numbers = |tensor: &TensorView<'_>| -> Vec<f32> {
            tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        ours.then(|| Embedded { embedding: numbers(&embedding), logits: numbers(&logits) })
    }

    fn file(&self, seq: u64, kept_ms: i64) -> PathBuf {
        self.folder.join(format!("{}-{seq}-{kept_ms}{SUFFIX}", self.epoch))
    }

    /// Number and time of a file of this epoch.
    fn parse(&self, name: &str) -> Option<(u64, i64)> {
        let (seq, kept_ms) =
            name.strip_prefix(&self.epoch)?.strip_prefix('-')?.strip_suffix(SUFFIX)?.split_once('-')?;
        Some((seq.parse().ok()?, kept_ms.parse().ok()?))
    }
}

fn remove(path: &Path) -> Result<(), TeachError> {
    gone(path, |path| std::fs::remove_file(path))
}
