//! Settings changed while the bin runs: checked as a whole with the file, written, and told to the judge.

use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};

use toml::Table;

use super::judging::Message;
use super::{judge_settings, ledger};
use crate::config::{Config, Overrides, TUNABLE, Takes, Tunable};
use crate::identify::Head;
use crate::judge;
use crate::web::{Changed, Display, Knob, Tuning};

/// Keeps the settings of the running bin.
pub(super) struct Tuner {
    file: PathBuf,
    overrides: Overrides,
    head: Mutex<Head>,
    running: Mutex<Config>,
    /// Apart, so that nobody who draws a page waits for the disk.
    display: Mutex<Display>,
    inbox: SyncSender<Message>,
}

impl Tuner {
    pub(super) fn new(config: &Config, head: Head, inbox: SyncSender<Message>) -> Self {
        Self {
            file: config.file.clone(),
            overrides: Overrides::of(&config.state_dir),
            head: Mutex::new(head),
            running: Mutex::new(config.clone()),
            display: Mutex::new(config.display),
            inbox,
        }
    }

    /// Takes this head's thresholds from now on; returns the judge's settings with them.
    pub(super) fn use_head(&self, head: Head) -> judge::Settings {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
        self.judge(&running)
    }

    /// The judge's settings with this head, which is not in use yet.
    pub(super) fn settings_of(&self, head: &Head) -> judge::Settings {
        judge_settings(&self.running.lock().unwrap_or_else(PoisonError::into_inner), head)
    }

    fn judge(&self, config: &Config) -> judge::Settings {
        judge_settings(config, &self.head.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn table(&self) -> Result<Table, Vec<String>> {
        let text = self.overrides.text().map_err(|error| self.disk(&error))?;
        text.parse().map_err(|error| vec![format!("{}: {error}", self.overrides.file().display())])
    }

    fn disk(&self, error: &std::io::Error) -> Vec<String> {
        vec![format!("{}: {error}", self.overrides.file().display())]
    }

    /// The value of a setting, as it is written.
    fn value(&self, config: &Config, tunable: Tunable) -> String {
        config.tunable(tunable, &self.judge(config))
    }

    /// Puts `table` in force by `write`, unless the configuration would not hold.
    fn put(
        &self,
        table: &Table,
        write: impl FnOnce() -> std::io::Result<()>,
    ) -> Result<Changed, Vec<String>> {
        let next = Config::load_with(&self.file, table).map_err(|error| {
            error
                .problems
                .iter()
                .map(|problem| format!("{}: {}", problem.path, problem.message))
                .collect::<Vec<_>>()
        })?;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Changed::default();
        for tunable in TUNABLE {
            let (before, after) = (self.value(&running, tunable), self.value(&next, tunable));
            if before != after {
                changed.what.push(format!("{}: {before} -> {after}", tunable.path));
                changed.restart |= !tunable.live;
            }
        }
        write().map_err(|error| self.disk(&error))?;
        // What needs a restart is in the file only: the flap's own limit is the mechanism's.
        let mut judge = self.judge(&next);
        judge.timing.move_limit = running.judge.timing.move_limit;
        running.judge = next.judge;
        running.judge.timing.move_limit = judge.timing.move_limit;
        running.display = next.display;
        *self.display.lock().unwrap_or_else(PoisonError::into_inner) = next.display;
        ledger::send(&self.inbox, Message::Retune(Box::new(judge)));
        Ok(changed)
    }
}

impl Tuning for Tuner {
    fn display(&self) -> Display {
        *self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knobs(&self) -> Vec<Knob> {
        let table = self.table().unwrap_or_default();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let knob = |tunable: Tunable| {
            let changed = table.get(tunable.path);
            let choices = if let Takes::OneOf(words) = tunable.takes { words } else { &[][..] };
            // What waits for the next start is shown as it will be.
            let value = match changed.filter(|_| !tunable.live) {
                Some(value) => value.to_string(),
                None => self.value(&running, tunable),
            };
            Knob { path: tunable.path, value, choices, changed: changed.is_some(), live: tunable.live }
        };
        let enabled = |tunable: &Tunable| {
            let taken = |stream| running.compartments.iter().any(|compartment| compartment.stream == stream);
            tunable.stream().is_none_or(taken)
        };
        TUNABLE.into_iter().filter(enabled).map(knob).collect()
    }

    fn text(&self) -> String {
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).unwrap_or_else(|error| error.to_string());
            format!("# {}\n{text}\n", path.display())
        };
        let over = self.overrides.file();
        if over.exists() { read(&self.file) + "\n" + &read(&over) } else { read(&self.file) }
    }

    fn can_undo(&self) -> bool {
        !self.overrides.steps().is_empty()
    }

    fn change(&self, fields: &[(String, String)]) -> Result<Changed, Vec<String>> {
        let mut table = self.table()?;
        let known = self.knobs();
        let mut problems = Vec::new();
        for (path, text) in fields {
            let Some(tunable) = Tunable::find(path) else { continue };
            let unchanged = known.iter().any(|knob| knob.path == path && knob.value == *text);
            match tunable.value(text) {
                _ if unchanged => {}
                _ if text.is_empty() => drop(table.remove(path)),
                Some(value) => drop(table.insert(path.clone(), value)),
                None => problems.push(format!("{path}: '{text}' is not a value of its kind")),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        if table == self.table()? {
            return Ok(Changed::default());
        }
        self.put(&table, || self.overrides.put(&table))
    }

    fn undo(&self) -> Result<Changed, Vec<String>> {
        let Some(text) = self.overrides.before().map_err(|error| self.disk(&error))? else {
            return Ok(Changed::default());
        };
        let table: Table = text.parse().map_err(|error| vec![format!("the kept file: {error}")])?;
        self.put(&table, || self.overrides.undo())
    }
}
