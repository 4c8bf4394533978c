//! `switch.toml`: the small file that says which bundle is live. To replace it is to switch.

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switch {
    /// The one that decides.
    pub live: Option<String>,
    /// Those to go back to, the last one first to be taken.
    pub before: Vec<Option<String>>,
}

/// Stands for the factory's bundle in the file: no bundle of the store has a name like it.
const FACTORY: &str = "factory";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    live: String,
    before: Vec<String>,
}

impl Switch {
    /// Reads the file; none is the factory's bundle.
    pub(super) fn read(path: &Path) -> Result<Self, StoreError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(StoreError::Read { path: path.to_owned(), source }),
        };
        let refuse = |message| StoreError::Switch { path: path.to_owned(), message };
        let written: Written =
            toml::from_str(&text).map_err(|error| refuse(crate::one_line::toml(&error, &text)))?;
        if written.format != FORMAT {
            return Err(refuse(format!("format is {}, this program reads {FORMAT}", written.format)));
        }
        let name = |name: String| (name != FACTORY).then_some(name);
        Ok(Self { live: name(written.live), before: written.before.into_iter().map(name).collect() })
    }

    /// Replaces the file, in one step.
    pub(super) fn write(&self, path: &Path, disk: &dyn Disk) -> Result<(), StoreError> {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| FACTORY.to_owned());
        let written = Written {
            format: FORMAT,
            live: name(&self.live),
            before: self.before.iter().map(name).collect(),
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

    /// Makes another bundle the live one.
    pub(super) fn to(&self, live: Option<String>) -> Self {
        let mut before = self.before.clone();
        before.retain(|name| *name != live);
        if self.live != live {
            before.retain(|name| *name != self.live);
            before.push(self.live.clone());
        }
        let forgotten = before.len().saturating_sub(REMEMBERED);
        Self { live, before: before.split_off(forgotten) }
    }

    /// Goes back to the one before, of those that `are_there`; `None` where there is none.
    pub(super) fn back(&self, are_there: impl Fn(&str) -> bool) -> Option<Self> {
        let mut before = self.before.clone();
        before.retain(|name| name.as_deref().is_none_or(&are_there));
        let live = before.pop()?;
        Some(Self { live, before })
    }
}
