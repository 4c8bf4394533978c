//! Where a bin's site heads are kept: the newest counts, a few older ones stay for going back.
//!
//! `<state folder>/site/head-000001.safetensors`, counting up; going back renames the newest to `.undone`. Each file is
//! written whole or not at all: a power cut leaves the old one or the new one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::TeachError;
use crate::identify::SiteHead;

/// Site heads that are kept.
const KEPT: usize = 5;
const SUFFIX: &str = ".safetensors";
const UNDONE: &str = ".undone";

/// The site heads of one bin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store of a bin with this state folder; nothing is made yet.
    pub fn of(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("site") }
    }

    /// The site head that counts.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn current(&self) -> Result<Option<PathBuf>, TeachError> {
        let newest = self.numbered()?.into_iter().rfind(|(_, path)| !is_undone(path));
        Ok(newest.map(|(_, path)| path))
    }

    /// Keeps a site head as the one that counts, and removes the oldest beyond the last few.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn apply(&self, site: &SiteHead) -> Result<PathBuf, TeachError> {
        let numbered = self.numbered()?;
        let number = numbered.last().map_or(1, |(number, _)| number + 1);
        let path = self.folder.join(format!("head-{number:06}{SUFFIX}"));
        write(&path, site)?;
        let old = (numbered.len() + 1).saturating_sub(KEPT);
        for (_, path) in numbered.into_iter().take(old) {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(path)
    }

    /// Goes back to the site head before; returns the one that counts then, `None` for the network alone.
    ///
    /// # Errors
    /// When there is none to go back from, or it cannot be renamed.
    pub fn undo(&self) -> Result<Option<PathBuf>, TeachError> {
        let Some(path) = self.current()? else {
            return Err(TeachError::NothingToUndo { folder: self.folder.clone() });
        };
        let mut undone = path.clone().into_os_string();
        undone.push(UNDONE);
        fs::rename(&path, &undone).map_err(failed("rename", &path))?;
        sync(&self.folder)?;
        self.current()
    }

    /// Every file of the store with its number, oldest first; anything else is none of ours.
    fn numbered(&self) -> Result<Vec<(u64, PathBuf)>, TeachError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            // A state folder that is none is somebody else's complaint.
            Err(_) if !self.folder.parent().is_some_and(Path::is_dir) => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &self.folder)(error)),
        };
        let number = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            let name = name.strip_suffix(UNDONE).unwrap_or(name);
            name.strip_prefix("head-")?.strip_suffix(SUFFIX)?.parse().ok()
        };
        let mut found: Vec<(u64, PathBuf)> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| number(&entry.path()).map(|number| (number, entry.path())))
            .collect();
        found.sort();
        Ok(found)
    }
}

/// Writes a site file whole or not at all.
///
/// # Errors
/// When it would not be read again, or the folder cannot be written.
pub fn write(path: &Path, site: &SiteHead) -> Result<(), TeachError> {
    let bytes = site.to_bytes().map_err(|message| TeachError::Unwritable { message })?;
    crate::whole_file::write(path, &bytes).map_err(failed("write", path))
}

/// Brings a folder's entries to disk.
fn sync(folder: &Path) -> Result<(), TeachError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("write", folder))
}

fn is_undone(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == &UNDONE[1..])
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TeachError {
    let path = path.to_owned();
    move |source| TeachError::Store { doing, path, source }
}
