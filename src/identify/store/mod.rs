//! Bundles that came after the factory's: signed archives, unpacked into the state folder, and which of them is live.
//!
//! ```text
//! <state folder>/bundles/
//!   switch.toml               which bundle is live, and which were before it
//!   bunri-lite0@2026.12.01/   a bundle as any other, and installed.toml: whence it came, the hash of each file
//!   .incoming/, .gone/        what is being unpacked or removed; swept away at the next change
//! ```
//!
//! - A folder gets its name only when every file in it is on the disk, and a bundle is live only once `switch.toml` was
//!   replaced, in one step: a power cut at any point leaves the old bundle live or the new one, whole.
//! - A bundle that arrives judges in the shadow first, then on trial: [`Change`] says how it becomes the live one.
//! - Nothing is unpacked whose signature is not good, and nothing stays that does not open or is for another bin.
//! - Neither the live bundle nor the one to go back to is ever removed. The factory's is not in the store at all.

mod archive;
mod change;
mod disk;
mod error;
#[cfg(test)]
mod power_cut;
mod switch;
#[cfg(test)]
mod tests;

pub use archive::{ARCHIVE_LIMIT, REFERENCE, TrustedKey, pack};
pub(super) use change::median;
pub use change::{Change, Limits};
pub use error::StoreError;
pub use switch::{Refused, Shadow, Stage, Switch, Trial};

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::bundle::{Bundle, Label, Manifest, sha256};
use super::error::IdentifyError;
use crate::streams::Stream;
use archive::{RECORD, Signed, is_plain};
use disk::{Disk, RealDisk};

const MANIFEST: &str = "manifest.toml";
const SWITCH: &str = "switch.toml";
const INCOMING: &str = ".incoming";
const GONE: &str = ".gone";
/// Held by whoever unpacks or removes bundles; readers need no lock.
const LOCK: &str = ".lock";
/// Held, for a moment, by whoever replaces the switch.
const SWITCH_LOCK: &str = ".switch.lock";
/// Between a bundle's name and its version, which cannot contain it.
const AT: char = '@';

/// What a bundle must pass on this board before it is taken in.
pub type BundleTest<'a> = &'a mut dyn FnMut(Bundle) -> Result<(), IdentifyError>;

/// What a bundle must know to be for this bin.
#[derive(Clone, Debug, Default)]
pub struct Address {
    /// The streams that it must tell apart: those of the bin's compartments that the live bundle knows.
    pub streams: Vec<Stream>,
    /// The live bundle's labels: what one means must not change.
    pub labels: Vec<Label>,
}

/// How an installed bundle begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It judges beside the live one, which alone decides, until it has proved itself.
    InShadow,
    /// It is live at once, on trial.
    AtOnce,
}

/// What the store notes beside a bundle's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// Counts the installed bundles up: the order in which they came.
    number: u64,
    archive_sha256: String,
    signed_by: String,
    comment: String,
    /// Hash of each file.
    files: BTreeMap<String, String>,
}

/// A bundle of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its folder's name: name, `@` and version.
    pub id: String,
    /// The order in which it came, counting up.
    pub number: u64,
    /// The public key it was signed for.
    pub signed_by: String,
    /// What its signer wrote beside it.
    pub comment: String,
}

/// The bundles of one bin.
#[derive(Clone, Debug)]
pub struct BundleStore {
    folder: PathBuf,
    keys: Vec<TrustedKey>,
    keep: usize,
    disk: Arc<dyn Disk>,
}

impl BundleStore {
    /// The store of a bin with this state folder, which trusts these keys and keeps so many bundles besides those that
    /// are needed; nothing is made yet.
    pub fn of(state_dir: &Path, keys: &[TrustedKey], keep: usize) -> Self {
        let folder = state_dir.join("bundles");
        Self { folder, keys: keys.to_vec(), keep, disk: Arc::new(RealDisk) }
    }

    /// Which bundle is live.
    ///
    /// # Errors
    /// When the file that says so cannot be read or understood.
    pub fn switch(&self) -> Result<Switch, StoreError> {
        Switch::read(&self.folder.join(SWITCH))
    }

    /// The folder of a bundle in the store.
    pub fn folder_of(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// Holds an archive against its signature and the limits, and what is in it against the bin; keeps nothing of it.
    ///
    /// # Errors
    /// The first reason to refuse it.
    pub fn check(
        &self,
        archive: &Path,
        signature: &Path,
        bin: &Address,
        test: BundleTest<'_>,
    ) -> Result<Manifest, StoreError> {
        let signed = Signed::read(archive, signature, &self.keys)?;
        let _lock = self.lock(LOCK)?;
        let (manifest, _) = self.unpack(&signed, bin, test)?;
        self.sweep()?;
        Ok(manifest)
    }

    /// Installs an archive whose bundle passes `test`, and begins with it. One that is installed already, and sound, is
    /// only begun with.
    ///
    /// # Errors
    /// The first reason to refuse it, or what the disk said; the live bundle is then the old one.
    pub fn install(
        &self,
        archive: &Path,
        signature: &Path,
        bin: &Address,
        test: BundleTest<'_>,
        start: Start,
    ) -> Result<String, StoreError> {
        let signed = Signed::read(archive, signature, &self.keys)?;
        let _lock = self.lock(LOCK)?;
        let (manifest, files) = self.unpack(&signed, bin, test)?;
        let id = format!("{}{AT}{}", manifest.name, manifest.version);
        self.take_in(&id, &signed, files)?;
        let next = |switch: &Switch| match start {
            _ if switch.live.as_ref() == Some(&id) => switch.clone(),
            Start::InShadow => switch.in_shadow(id.clone()),
            Start::AtOnce => switch.on_trial(id.clone(), None),
        };
        self.prune(&next(&self.switch()?))?;
        let _switching = self.lock(SWITCH_LOCK)?;
        self.put(&next(&self.switch()?))?;
        Ok(id)
    }

    /// Replaces the switch by what became of it, unless somebody else has changed the bundles meanwhile; returns whether
    /// it was replaced.
    ///
    /// # Errors
    /// What the disk said; the switch is then as it was.
    pub fn note(&self, known: &Switch, new: &Switch) -> Result<bool, StoreError> {
        let _switching = self.lock(SWITCH_LOCK)?;
        let same = self.switch()?.same_bundles(known);
        if same {
            self.put(new)?;
        }
        Ok(same)
    }

    /// Goes back: withdraws a bundle that is in the shadow, or makes the one live that was before the live one. Returns
    /// the live one's name then, `None` for the factory's.
    ///
    /// # Errors
    /// When there was none, or what the disk said; the live bundle is then as it was.
    pub fn rollback(&self) -> Result<Option<String>, StoreError> {
        let _lock = self.lock(LOCK)?;
        let _switching = self.lock(SWITCH_LOCK)?;
        let switch = self.switch()?.back(|id| self.verify(id).is_ok()).ok_or(StoreError::NothingBefore)?;
        self.put(&switch)?;
        Ok(switch.live)
    }

    /// Every bundle of the store, in the order in which they came. What is no bundle is left out.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Installed>, StoreError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(StoreError::Read { path: self.folder.clone(), source }),
        };
        let names = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok());
        let installed = |id: String| {
            let Record { number, signed_by, comment, .. } = self.record(&id).ok()?;
            Some(Installed { id, number, signed_by, comment })
        };
        let mut found: Vec<_> = names.filter(|name| name.contains(AT)).filter_map(installed).collect();
        found.sort_by_key(|bundle| bundle.number);
        Ok(found)
    }

    /// Holds every file of an installed bundle against what was unpacked, and opens it.
    ///
    /// # Errors
    /// When it is not there, or which of its files is not what it was.
    pub fn verify(&self, id: &str) -> Result<Bundle, StoreError> {
        let record = self.record(id)?;
        let damaged = |message: String| StoreError::Damaged { bundle: id.to_owned(), message };
        let folder = self.folder_of(id);
        for (name, expected) in &record.files {
            let bytes =
                std::fs::read(folder.join(name)).map_err(|error| damaged(format!("{name}: {error}")))?;
            if sha256(&bytes) != *expected {
                return Err(damaged(format!("{name} is not the file that was unpacked")));
            }
        }
        Bundle::open(&folder).map_err(|error| damaged(error.to_string()))
    }

    fn record(&self, id: &str) -> Result<Record, StoreError> {
        let missing = || StoreError::Missing { bundle: id.to_owned(), folder: self.folder.clone() };
        let path = self.folder.join(id).join(RECORD);
        if !id.split(AT).all(is_plain) {
            return Err(missing());
        }
        let text = std::fs::read_to_string(&path).map_err(|_| missing())?;
        toml::from_str(&text).map_err(|error| StoreError::Damaged {
            bundle: id.to_owned(),
            message: format!("{RECORD}: {}", crate::one_line::toml(&error, &text)),
        })
    }

    /// Unpacks an archive beside the others and opens it; what is refused is swept away.
    fn unpack(
        &self,
        signed: &Signed,
        bin: &Address,
        test: BundleTest<'_>,
    ) -> Result<(Manifest, BTreeMap<String, String>), StoreError> {
        self.sweep()?;
        let folder = self.folder.join(INCOMING);
        let unpacked = signed.unpack(&folder, &*self.disk).and_then(|files| {
            let bundle = Bundle::open(&folder).map_err(|error| {
                let message = error.to_string();
                signed.refuse(message.replace(&format!("{}/", folder.display()), ""))
            })?;
            named(&bundle.manifest).map_err(|message| signed.refuse(message))?;
            bin.fits(&bundle.manifest)
                .map_err(|message| StoreError::Address { path: signed.path().to_owned(), message })?;
            let manifest = bundle.manifest.clone();
            test(bundle)?;
            Ok((manifest, files))
        });
        if unpacked.is_err() {
            // Why it was refused is what to tell; the next change sweeps again.
            let _swept = self.sweep().is_ok();
        }
        unpacked
    }

    /// Gives what was unpacked its name, unless the same is there already.
    fn take_in(&self, id: &str, signed: &Signed, files: BTreeMap<String, String>) -> Result<(), StoreError> {
        let (incoming, folder) = (self.folder.join(INCOMING), self.folder_of(id));
        if folder.exists() {
            let other = self.record(id).is_ok_and(|record| record.archive_sha256 != signed.sha256);
            if other {
                self.sweep()?;
                return Err(StoreError::Taken { bundle: id.to_owned() });
            }
            if self.verify(id).is_ok() {
                return self.sweep();
            }
        }
        let number = self.list()?.last().map_or(1, |bundle| bundle.number + 1);
        let record = Record {
            number,
            archive_sha256: signed.sha256.clone(),
            signed_by: signed.key.clone(),
            comment: signed.comment.clone(),
            files,
        };
        let path = incoming.join(RECORD);
        let text = toml::to_string(&record).map_err(|error| signed.refuse(error.to_string()))?;
        let disk = &*self.disk;
        disk.write(&path, text.as_bytes()).map_err(failed("write", &path))?;
        disk.sync_folder(&incoming).map_err(failed("write", &incoming))?;
        if folder.exists() {
            // It is damaged, and this is the same archive again.
            disk.rename(&folder, &self.folder.join(GONE)).map_err(failed("rename", &folder))?;
        }
        disk.rename(&incoming, &folder).map_err(failed("rename", &incoming))?;
        disk.sync_folder(&self.folder).map_err(failed("write", &self.folder))
    }

    fn put(&self, switch: &Switch) -> Result<(), StoreError> {
        switch.write(&self.folder.join(SWITCH), &*self.disk)
    }

    /// Removes the oldest bundles beyond those that are kept. `next` is what will be live; what is live now stays too.
    fn prune(&self, next: &Switch) -> Result<(), StoreError> {
        let now = self.switch()?;
        let needed = |id: &str| {
            let is = |name: &Option<String>| name.as_deref() == Some(id);
            let by = |switch: &Switch| {
                is(&switch.live) || switch.before.last().is_some_and(is) || switch.shadow() == Some(id)
            };
            by(&now) || by(next)
        };
        let mut spare = self.list()?;
        spare.retain(|bundle| !needed(&bundle.id));
        let old = spare.len().saturating_sub(self.keep);
        for bundle in spare.into_iter().take(old) {
            let (folder, gone) = (self.folder_of(&bundle.id), self.folder.join(GONE));
            // Under another name first: half a bundle never has a bundle's name.
            self.disk.remove(&gone).map_err(failed("remove", &gone))?;
            self.disk.rename(&folder, &gone).map_err(failed("rename", &folder))?;
            self.disk.sync_folder(&self.folder).map_err(failed("write", &self.folder))?;
            self.disk.remove(&gone).map_err(failed("remove", &gone))?;
        }
        Ok(())
    }

    /// Removes what an earlier change left behind.
    fn sweep(&self) -> Result<(), StoreError> {
        for name in [INCOMING, GONE] {
            let path = self.folder.join(name);
            self.disk.remove(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    /// Waits until nobody else has the lock. It ends with the file, and with the process.
    fn lock(&self, name: &str) -> Result<File, StoreError> {
        if !self.folder.is_dir() {
            let above = self.folder.parent().unwrap_or(Path::new("."));
            let made = self.disk.make_folder(&self.folder).and_then(|()| self.disk.sync_folder(above));
            made.map_err(failed("make the folder", &self.folder))?;
        }
        let path = self.folder.join(name);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(failed("open", &path))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| failed("lock", &path)(error.into()))?;
        Ok(file)
    }
}

impl Address {
    /// What a bin with these compartments needs, whose live bundle is this one.
    pub fn of(compartments: impl IntoIterator<Item = Stream>, live: &Manifest) -> Self {
        let known = |stream: &Stream| knows(&live.labels, *stream);
        Self { streams: compartments.into_iter().filter(known).collect(), labels: live.labels.clone() }
    }

    /// Whether a bundle can stand in for the live one; if not, why not.
    fn fits(&self, other: &Manifest) -> Result<(), String> {
        for stream in &self.streams {
            if !knows(&other.labels, *stream) {
                return Err(format!(
                    "it has no label for the stream {}, which this bin has a compartment for and the live bundle knows",
                    stream.id()
                ));
            }
        }
        for label in &other.labels {
            let own = self.labels.iter().find(|own| own.id == label.id);
            let differs = |own: &&Label| own.stream != label.stream || own.unknown != label.unknown;
            if let Some(own) = own.filter(differs) {
                return Err(format!(
                    "its label '{}' means the stream {}, in the live bundle it means {}",
                    label.id,
                    meaning(label),
                    meaning(own)
                ));
            }
            if Stream::ALL.iter().any(|stream| stream.id() == label.id && *stream != label.stream) {
                return Err(format!(
                    "its label '{}' means the stream {}, although a stream has that name",
                    label.id,
                    label.stream.id()
                ));
            }
        }
        Ok(())
    }
}

fn knows(labels: &[Label], stream: Stream) -> bool {
    labels.iter().any(|label| label.stream == stream && !label.unknown)
}

fn meaning(label: &Label) -> &'static str {
    if label.unknown { "none" } else { label.stream.id() }
}

/// Whether a manifest's name and version can name a folder.
fn named(manifest: &Manifest) -> Result<(), String> {
    for (key, value) in [("name", &manifest.name), ("version", &manifest.version)] {
        if !is_plain(value) {
            return Err(format!(
                "{MANIFEST}: {key} '{value}' must be letters, digits, '.', '_' and '-', so that it can name a folder"
            ));
        }
    }
    Ok(())
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Write { doing, path, source }
}
