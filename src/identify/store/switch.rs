//! `switch.toml`: the small file that says which bundle is live, and how far a new one is. To replace it is to switch.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::error::StoreError;

/// The version of the file's grammar.
const FORMAT: u32 = 1;
/// Bundles that are remembered as having been live.
const REMEMBERED: usize = 16;

/// Which bundle is live, and which were before it. A bundle is named as its folder in the store; `None` is the factory's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Switch {
    /// The one that decides.
    pub live: Option<String>,
    /// Those to go back to, the last one first to be taken: each has been good.
    pub before: Vec<Option<String>>,
    /// Whether a new one is being tried.
    pub stage: Stage,
    /// The last one that was refused by the bin itself.
    pub refused: Option<Refused>,
}

/// How far a change is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Stage {
    /// The live bundle has proved itself, or is the factory's.
    #[default]
    Settled,
    /// A new one judges beside it.
    Shadow(Shadow),
    /// The live one is new.
    Trial(Trial),
}

/// A new bundle that judges beside the live one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// Its folder's name.
    pub bundle: String,
    /// Processes that began with it since the last one that ended in order.
    pub starts: u32,
    /// Items that both have judged.
    pub judged: u32,
    /// Those of them that both send to the same stream.
    pub agreed: u32,
    /// Those of them that the live one rejected.
    pub rejected: u32,
}

/// A new bundle that is live and not yet known to be good.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Processes that began with it since the last one that ended in order.
    pub starts: u32,
    /// Items it has judged.
    pub items: u32,
    /// Share of items that the one before it rejected; not known where it went live without a shadow period.
    pub rejects: Option<f32>,
}

/// A bundle that the bin tried and did not keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Its folder's name.
    pub bundle: String,
    /// Why, for people.
    pub why: String,
}

/// Stands for the factory's bundle in the file: no bundle of the store has a name like it.
const FACTORY: &str = "factory";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    live: String,
    before: Vec<String>,
    shadow: Option<Shadow>,
    trial: Option<Trial>,
    refused: Option<Refused>,
}

impl Switch {
    /// Reads the file; none is the factory's bundle.
    pub(super) fn read(path: &Path) -> Result<Self, StoreError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            // A state folder that is none is the ledger's to complain about.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(source) => return Err(StoreError::Read { path: path.to_owned(), source }),
        };
        let refuse = |message| StoreError::Switch { path: path.to_owned(), message };
        let written: Written =
            toml::from_str(&text).map_err(|error| refuse(crate::one_line::toml(&error, &text)))?;
        if written.format != FORMAT {
            return Err(refuse(format!("format is {}, this program reads {FORMAT}", written.format)));
        }
        let stage = match (written.shadow, written.trial) {
            (None, None) => Stage::Settled,
            (Some(shadow), None) => Stage::Shadow(shadow),
            (None, Some(trial)) => Stage::Trial(trial),
            (Some(_), Some(_)) => return Err(refuse("it has both a shadow and a trial".to_owned())),
        };
        let name = |name: String| (name != FACTORY).then_some(name);
        let before = written.before.into_iter().map(name).collect();
        Ok(Self { live: name(written.live), before, stage, refused: written.refused })
    }

    /// Replaces the file, in one step.
    pub(super) fn write(&self, path: &Path, disk: &dyn Disk) -> Result<(), StoreError> {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| FACTORY.to_owned());
        let (shadow, trial) = match self.stage.clone() {
            Stage::Settled => (None, None),
            Stage::Shadow(shadow) => (Some(shadow), None),
            Stage::Trial(trial) => (None, Some(trial)),
        };
        let written = Written {
            format: FORMAT,
            live: name(&self.live),
            before: self.before.iter().map(name).collect(),
            shadow,
            trial,
            refused: self.refused.clone(),
        };
        let failed = |source| StoreError::Write { doing: "write", path: path.to_owned(), source };
        let text = toml::to_string(&written).map_err(|error| failed(io::Error::other(error)))?;
        let new = path.with_extension("new");
        let folder = path.parent().unwrap_or(Path::new("."));
        disk.remove(&new)
            .and_then(|()| disk.write(&new, text.as_bytes()))
            .and_then(|()| disk.rename(&new, path))
            .and_then(|()| disk.sync_folder(folder))
            .map_err(failed)
    }

    /// The bundle that judges beside the live one.
    pub fn shadow(&self) -> Option<&str> {
        if let Stage::Shadow(shadow) = &self.stage { Some(&shadow.bundle) } else { None }
    }

    /// Whether a process that began with `other` works with the same bundles as one that begins with this.
    pub fn same_bundles(&self, other: &Switch) -> bool {
        self.live == other.live && self.shadow() == other.shadow()
    }

    /// Lets a bundle judge beside the last good one.
    pub(super) fn in_shadow(&self, bundle: String) -> Self {
        let good = self.good();
        let shadow = Shadow { bundle, starts: 0, judged: 0, agreed: 0, rejected: 0 };
        Self { stage: Stage::Shadow(shadow), refused: None, ..good }
    }

    /// Makes a bundle the live one, on trial.
    pub(super) fn on_trial(&self, bundle: String, rejects: Option<f32>) -> Self {
        let Self { live: good, mut before, .. } = self.good();
        let live = Some(bundle);
        before.retain(|name| *name != live && *name != good);
        before.push(good);
        let forgotten = before.len().saturating_sub(REMEMBERED);
        let trial = Trial { starts: 0, items: 0, rejects };
        Self { live, before: before.split_off(forgotten), stage: Stage::Trial(trial), refused: None }
    }

    /// Goes back: a new bundle is left out, a proven one gives way to the one before, of those that `are_there`; `None`
    /// where there is nothing to go back from.
    pub(super) fn back(&self, are_there: impl Fn(&str) -> bool) -> Option<Self> {
        if self.shadow().is_some() {
            return Some(self.good());
        }
        let mut before = self.before.clone();
        before.retain(|name| name.as_deref().is_none_or(&are_there));
        let live = before.pop()?;
        Some(Self { live, before, stage: Stage::Settled, refused: None })
    }

    /// With the last bundle that has proved itself, and nothing new.
    fn good(&self) -> Self {
        let mut before = self.before.clone();
        let live = match self.stage {
            Stage::Trial(_) => before.pop().unwrap_or_default(),
            Stage::Settled | Stage::Shadow(_) => self.live.clone(),
        };
        Self { live, before, stage: Stage::Settled, refused: self.refused.clone() }
    }
}
