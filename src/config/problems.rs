//! Every problem of a file, with its path in it.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::missing;

/// One thing that must be changed in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Where in it, as `table.key`; empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}: {}{separator}{}", self.file.display(), self.path, self.message)
    }
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Everything that is wrong with it; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl From<Problems> for ConfigError {
    fn from(problems: Problems) -> Self {
        Self { problems: problems.0 }
    }
}

/// Collects problems over files.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

/// Wrong keys reported from one file, at most.
const MOST_PER_FILE: usize = 50;

impl Problems {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    pub(super) fn in_file<'a>(&'a mut self, file: &'a Path) -> InFile<'a> {
        InFile { all: self, file }
    }

    /// Reads a file as TOML; returns its text too.
    pub(super) fn read(&mut self, file: &Path) -> Option<(toml::Table, String)> {
        let mut problems = self.in_file(file);
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                problems.add("", format!("cannot be read: {error}"));
                return None;
            }
        };
        self.parse(&text, file).map(|table| (table, text))
    }

    /// Reads a file's text as TOML.
    pub(super) fn parse(&mut self, text: &str, file: &Path) -> Option<toml::Table> {
        let table = text.parse::<toml::Table>();
        table
            .map_err(|error| {
                let why = crate::one_line::toml(&error, text);
                self.in_file(file).add("", format!("is not TOML: {why}"));
            })
            .ok()
    }

    /// Makes a `T` of a table. serde stops at the first problem, so missing keys are looked for beforehand, and
    /// every other offending key is noted, taken out, and the rest read again. `None` when nothing can be made.
    pub(super) fn take<T: DeserializeOwned + JsonSchema>(
        &mut self,
        mut table: toml::Table,
        file: &Path,
    ) -> Option<T> {
        let mut problems = self.in_file(file);
        let schema = schemars::schema_for!(T).to_value();
        let missing = missing::keys(&schema, &table);
        for path in &missing {
            problems.add(path, "is missing");
        }
        let mut complete = missing.is_empty();
        let mut removed = Vec::new();
        for _ in 0..MOST_PER_FILE {
            let error = match serde_path_to_error::deserialize::<_, T>(toml::Value::Table(table.clone())) {
                Ok(read) => return Some(read).filter(|_| complete),
                Err(error) => error,
            };
            let message = crate::one_line::joined(&error.inner().to_string());
            let path = path_of(&error.path().to_string(), &message);
            if message.starts_with("missing field") {
                // It has its line already, or was taken out because of one.
                complete = false;
            } else {
                problems.add(&as_written(&path, &removed), message);
            }
            if !remove(&mut table, &path, &mut removed) {
                return None;
            }
        }
        None
    }
}

/// Problems of one file.
pub(super) struct InFile<'a> {
    all: &'a mut Problems,
    file: &'a Path,
}

impl InFile<'_> {
    pub(super) fn add(&mut self, path: &str, message: impl Into<String>) {
        let problem = Problem { file: self.file.to_owned(), path: path.to_owned(), message: message.into() };
        self.all.0.push(problem);
    }

    pub(super) fn check(&mut self, ok: bool, path: &str, message: impl FnOnce() -> String) {
        if !ok {
            self.add(path, message());
        }
    }

    /// All problems, to read another file that this one names.
    pub(super) fn all(&mut self) -> &mut Problems {
        self.all
    }
}

/// The path of the offending key: an unknown key is named in the message, its table in the path.
fn path_of(path: &str, message: &str) -> String {
    let path = if path == "." { "" } else { path };
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    match unknown {
        Some(key) if path.rsplit('.').next() != Some(key) => {
            if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            }
        }
        _ => path.to_owned(),
    }
}

/// Items taken out of lists: which list, and which item of what was left of it then.
type Removed = Vec<(String, usize)>;

/// Takes the value at `path` (`table.key`, `list[0].key` or `list[0]`) out; false when there is none.
fn remove(table: &mut toml::Table, path: &str, removed: &mut Removed) -> bool {
    let (parents, key) = path.rsplit_once('.').map_or((None, path), |(parents, key)| (Some(parents), key));
    let mut at = table;
    for step in parents.into_iter().flat_map(|parents| parents.split('.')) {
        let (name, index) = split_index(step);
        let Some(mut value) = at.get_mut(name) else { return false };
        if let Some(index) = index {
            let Some(item) = value.as_array_mut().and_then(|list| list.get_mut(index)) else { return false };
            value = item;
        }
        let Some(inner) = value.as_table_mut() else { return false };
        at = inner;
    }
    match split_index(key) {
        (name, None) => at.remove(name).is_some(),
        (name, Some(index)) => match at.get_mut(name).and_then(toml::Value::as_array_mut) {
            Some(list) if index < list.len() => {
                list.remove(index);
                removed.push((split_index(path).0.to_owned(), index));
                true
            }
            _ => false,
        },
    }
}

/// `name[3]` as `name` and 3, split at the last index.
fn split_index(step: &str) -> (&str, Option<usize>) {
    let split = step.strip_suffix(']').and_then(|step| step.rsplit_once('['));
    let split = split.and_then(|(name, index)| Some((name, index.parse().ok()?)));
    split.map_or((step, None), |(name, index)| (name, Some(index)))
}

/// The path as it is in the file, before items were taken out of its lists.
fn as_written(path: &str, removed: &Removed) -> String {
    let mut path = path.to_owned();
    for (list, index) in removed.iter().rev() {
        let rest = path.strip_prefix(list.as_str()).and_then(|rest| rest.strip_prefix('['));
        let Some((now, rest)) = rest.and_then(|rest| rest.split_once(']')) else { continue };
        if let Some(now) = now.parse().ok().filter(|now: &usize| now >= index) {
            path = format!("{list}[{}]{rest}", now + 1);
        }
    }
    path
}
