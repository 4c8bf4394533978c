//! Where a bin's site heads are kept: the newest counts, a few older ones stay for going back.
//!
//! `<state folder>/site/head-000001.safetensors`, counting up; going back renames the newest to `.undone`. Each file is
//! written whole or not at all: a power cut leaves the old one or the new one. `corrected.safetensors`, where there is one,
//! is the one that counts with what was learnt of corrections; it is made anew whenever either changes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::TeachError;
use crate::identify::{Bundle, SiteHead};

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

    /// The newest site head, whatever bundle it is for.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn current(&self) -> Result<Option<PathBuf>, TeachError> {
        let newest = self.numbered()?.into_iter().rfind(|(_, path)| !is_undone(path));
        Ok(newest.map(|(_, path)| path))
    }

    /// The site head that counts with this bundle: the newest that was taught on its network. A bin that goes back to the
    /// bundle before finds what that one was taught.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn current_for(&self, bundle: &Bundle) -> Result<Option<(PathBuf, SiteHead)>, TeachError> {
        let newest = self.numbered()?.into_iter().rev().filter(|(_, path)| !is_undone(path));
        let fits = |(_, path): (u64, PathBuf)| SiteHead::open(&path, bundle).ok().map(|site| (path, site));
        Ok(newest.filter_map(fits).next())
    }

    /// What the bin was taught last, if that was on another network and nothing was taught on this one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn left_behind(&self, bundle: &Bundle) -> Result<Option<SiteHead>, TeachError> {
        if self.current_for(bundle)?.is_some() {
            return Ok(None);
        }
        let newest = self.numbered()?.into_iter().rev().filter(|(_, path)| !is_undone(path));
        Ok(newest.filter_map(|(_, path)| SiteHead::read(&path).ok()).next())
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

    /// Goes back to the site head before, of this bundle; returns the one that counts then, `None` for the network alone.
    ///
    /// # Errors
    /// When there is none to go back from, or it cannot be renamed.
    pub fn undo(&self, bundle: &Bundle) -> Result<Option<PathBuf>, TeachError> {
        let Some((path, _)) = self.current_for(bundle)? else {
            return Err(TeachError::NothingToUndo { folder: self.folder.clone() });
        };
        let mut undone = path.clone().into_os_string();
        undone.push(UNDONE);
        fs::rename(&path, &undone).map_err(failed("rename", &path))?;
        sync(&self.folder)?;
        Ok(self.current_for(bundle)?.map(|(path, _)| path))
    }

    /// The site head with what was learnt of corrections on top of `base`, what the bin was shown. One that was made on top
    /// of something else, that is damaged or of another bundle counts for nothing: it is made again.
    pub fn corrected(&self, base: Option<&SiteHead>, bundle: &Bundle) -> Option<SiteHead> {
        let site = SiteHead::open(&self.corrected_file(), bundle).ok()?;
        let same = site.shown().eq(base.into_iter().flat_map(SiteHead::shown));
        (same && site.taught.iter().any(|item| item.correction.is_some())).then_some(site)
    }

    /// Keeps it, or removes it where there is nothing to keep.
    ///
    /// # Errors
    /// When it cannot be written or removed.
    pub fn keep_corrected(&self, site: Option<&SiteHead>) -> Result<(), TeachError> {
        let path = self.corrected_file();
        match site {
            Some(site) => write(&path, site),
            None => gone(&path, |path| fs::remove_file(path)),
        }
    }

    fn corrected_file(&self) -> PathBuf {
        self.folder.join(format!("corrected{SUFFIX}"))
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

/// Removes what may be gone already.
pub(super) fn gone(path: &Path, remove: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), TeachError> {
    match remove(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TeachError {
    let path = path.to_owned();
    move |source| TeachError::Store { doing, path, source }
}
