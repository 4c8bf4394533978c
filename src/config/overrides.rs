//! What the crew changed by the page: `overrides.toml` beside the ledger, laid over `bunri.toml` before both are checked
//! as one.
//!
//! Never a key outside [`TUNABLE`]: where the bin listens and what it is wired to is not changed from a phone. Never a
//! change without a way back: the file before it is kept, the last fifty of them.

use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::streams::Stream;

/// Changes that can be undone.
const STEPS_MOST: usize = 50;

/// A key that may be changed while the bin runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunable {
    /// Its path in `bunri.toml`.
    pub path: &'static str,
    /// What its value may be.
    pub takes: Takes,
    /// Whether a change holds at once; otherwise from the next start.
    pub live: bool,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A whole number.
    Whole,
    /// Any number.
    Number,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

const fn whole(path: &'static str) -> Tunable {
    Tunable { path, takes: Takes::Whole, live: true }
}

const fn number(path: &'static str) -> Tunable {
    Tunable { path, takes: Takes::Number, live: true }
}

const fn later(path: &'static str) -> Tunable {
    Tunable { path, takes: Takes::Whole, live: false }
}

/// Every key that may be changed, in the order in which they are shown.
pub const TUNABLE: [Tunable; 26] = [
    number("judge.thresholds.clear_pet"),
    number("judge.thresholds.plastic"),
    number("judge.thresholds.can"),
    number("judge.thresholds.glass"),
    number("judge.thresholds.paper"),
    number("judge.thresholds.carton"),
    number("judge.thresholds.film"),
    number("judge.thresholds.foam"),
    number("judge.thresholds.general"),
    number("judge.thresholds.city_1"),
    number("judge.thresholds.city_2"),
    number("judge.thresholds.city_3"),
    number("judge.cost.lost"),
    number("judge.cost.contaminated"),
    number("judge.cost.dirty"),
    whole("judge.settle_ms"),
    whole("judge.vote_limit_ms"),
    whole("judge.votes_least"),
    whole("judge.votes_most"),
    whole("judge.clear_hold_ms"),
    whole("judge.clear_limit_ms"),
    whole("judge.retries"),
    later("mechanism.move_limit_ms"),
    later("web.idle_min"),
    Tunable { path: "web.language", takes: Takes::OneOf(&["ko", "en"]), live: true },
    whole("web.screen.voice_volume_percent"),
];

impl Tunable {
    /// The key of this path.
    pub fn find(path: &str) -> Option<Self> {
        TUNABLE.into_iter().find(|tunable| tunable.path == path)
    }

    /// The stream whose threshold it is.
    pub fn stream(&self) -> Option<Stream> {
        Stream::from_id(self.path.strip_prefix("judge.thresholds.")?)
    }

    /// What stands in a field, as a value of the file; `None` where it is none of its kind.
    pub fn value(&self, text: &str) -> Option<Value> {
        match self.takes {
            Takes::Whole => text.parse().ok().map(Value::Integer),
            Takes::Number => {
                let number = text.replace(',', ".").parse().ok();
                number.filter(|number: &f64| number.is_finite()).map(Value::Float)
            }
            Takes::OneOf(words) => words.contains(&text).then(|| Value::String(text.to_owned())),
        }
    }
}

/// The override file of a bin, with its history.
#[derive(Clone, Debug)]
pub struct Overrides {
    state_dir: PathBuf,
}

impl Overrides {
    /// Those of the bin whose ledger is in this folder.
    pub fn of(state_dir: &Path) -> Self {
        Self { state_dir: state_dir.to_owned() }
    }

    /// The file.
    pub fn file(&self) -> PathBuf {
        self.state_dir.join("overrides.toml")
    }

    fn history(&self) -> PathBuf {
        self.state_dir.join("overrides")
    }

    /// The text in force; empty where nothing was changed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn text(&self) -> io::Result<String> {
        match std::fs::read_to_string(self.file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read,
        }
    }

    /// Puts `table` in force and keeps what was, to be undone.
    ///
    /// # Errors
    /// When the disk refuses; then what was in force still is.
    pub fn put(&self, table: &Table) -> io::Result<()> {
        let steps = self.steps();
        let next = steps.last().map_or(1, |last| last + 1);
        crate::whole_file::write(&self.step(next), self.text()?.as_bytes())?;
        let text = format!(
            "# Changed by the page; bunri.toml has the rest, and `bunri check` reads both.\n\n{table}"
        );
        crate::whole_file::write(&self.file(), text.as_bytes())?;
        for old in steps.iter().rev().skip(STEPS_MOST - 1) {
            // One too many is no harm.
            let _gone = std::fs::remove_file(self.step(*old)).is_ok();
        }
        Ok(())
    }

    /// What was in force before the last change; `None` where nothing was changed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn before(&self) -> io::Result<Option<String>> {
        self.steps().last().map(|last| std::fs::read_to_string(self.step(*last))).transpose()
    }

    /// Takes the last change back.
    ///
    /// # Errors
    /// When the disk refuses; then nothing was changed, or the same step can be taken back again.
    pub fn undo(&self) -> io::Result<()> {
        let Some(last) = self.steps().last().copied() else { return Ok(()) };
        let before = std::fs::read(self.step(last))?;
        crate::whole_file::write(&self.file(), &before)?;
        std::fs::remove_file(self.step(last))
    }

    /// The numbers of the changes that can be undone, oldest first.
    pub fn steps(&self) -> Vec<u32> {
        let entries = std::fs::read_dir(self.history()).into_iter().flatten().filter_map(Result::ok);
        let number = |name: std::ffi::OsString| name.to_str()?.strip_suffix(".toml")?.parse().ok();
        let mut steps: Vec<u32> = entries.filter_map(|entry| number(entry.file_name())).collect();
        steps.sort_unstable();
        steps
    }

    fn step(&self, number: u32) -> PathBuf {
        self.history().join(format!("{number:06}.toml"))
    }
}

/// Lays `over` on `base`: each of its keys is a path in it. Returns the keys that may not be changed so.
pub(super) fn lay(over: &Table, base: &mut Table) -> Vec<String> {
    let mut foreign = Vec::new();
    for (path, value) in over {
        if Tunable::find(path).is_none() || !set(base, path, value) {
            foreign.push(path.clone());
        }
    }
    foreign
}

/// Sets a path, making tables on the way; false where something else is in the way.
fn set(base: &mut Table, path: &str, value: &Value) -> bool {
    let (tables, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = base;
    for name in tables.split('.').filter(|name| !name.is_empty()) {
        let inner = at.entry(name).or_insert_with(|| Value::Table(Table::new()));
        let Some(inner) = inner.as_table_mut() else { return false };
        at = inner;
    }
    at.insert(key.to_owned(), value.clone());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_laid_over_the_file_and_foreign_keys_are_named() {
        let mut base: Table = "[judge]\nsettle_ms = 300\n[bin]\nid = \"b\"".parse().unwrap();
        let over: Table =
            "\"judge.settle_ms\" = 250\n\"judge.cost.lost\" = 2.0\n\"bin.id\" = \"other\"".parse().unwrap();
        assert_eq!(lay(&over, &mut base), ["bin.id"]);
        assert_eq!(base["judge"]["settle_ms"].as_integer(), Some(250));
        assert_eq!(base["judge"]["cost"]["lost"].as_float(), Some(2.0));
        assert_eq!(base["bin"]["id"].as_str(), Some("b"));
    }

    #[test]
    fn every_change_can_be_undone_in_turn_and_history_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let overrides = Overrides::of(folder.path());
        assert_eq!((overrides.text().unwrap().as_str(), overrides.before().unwrap()), ("", None));
        let table = |number: usize| format!("\"judge.retries\" = {number}").parse::<Table>().unwrap();
        for number in 0..STEPS_MOST + 10 {
            overrides.put(&table(number)).unwrap();
        }
        assert_eq!(overrides.steps().len(), STEPS_MOST);
        for number in (10..STEPS_MOST + 10).rev() {
            assert_eq!(overrides.text().unwrap().parse::<Table>().unwrap(), table(number));
            overrides.undo().unwrap();
        }
        assert!(overrides.steps().is_empty());
        overrides.undo().unwrap();
        assert_eq!(overrides.text().unwrap().parse::<Table>().unwrap(), table(9), "nothing left to undo");
    }

    #[test]
    fn fields_hold_numbers_of_their_kind() {
        let (settle, lost) =
            (Tunable::find("judge.settle_ms").unwrap(), Tunable::find("judge.cost.lost").unwrap());
        assert_eq!(settle.value("250"), Some(Value::Integer(250)));
        assert_eq!(
            [settle.value("2.5"), settle.value(""), lost.value("NaN"), lost.value("x")],
            [None, None, None, None]
        );
        assert_eq!(lost.value("1,5"), Some(Value::Float(1.5)));
        let language = Tunable::find("web.language").unwrap();
        assert_eq!((language.value("en"), language.value("fr")), (Some(Value::String("en".into())), None));
        assert_eq!(Tunable::find("judge.thresholds.can").unwrap().stream(), Some(Stream::Can));
    }
}
