//! What can be set by the page, and who sets it: the daemon's side of the settings.

use super::text::Language;

/// What the pages look and sound like, as far as it may change while they are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Display {
    /// Language of the crew's pages until somebody switches, and the first one on the resident's screen; `None`: the
    /// browser's, and Korean.
    pub language: Option<Language>,
    /// How loud the resident's screen speaks, 0 (silent) to 100.
    pub volume_percent: u32,
}

/// One setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// Its path in the configuration.
    pub path: &'static str,
    /// The value in force, as it is written.
    pub value: String,
    /// It was changed by the page; otherwise the file, or the model's bundle, says so.
    pub changed: bool,
    /// The words it may be, where it is no number.
    pub choices: &'static [&'static str],
    /// Whether a change holds at once; otherwise from the next start.
    pub live: bool,
}

/// What a change came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// What was changed, as `path: before -> after`.
    pub what: Vec<String>,
    /// Some of it holds only from the next start.
    pub restart: bool,
}

/// Whoever keeps the settings. Calls read and write files: never on the runtime's own thread, but for the first.
pub trait Tuning: Send + Sync {
    /// Language and loudness. Never waits.
    fn display(&self) -> Display;

    /// Every setting, in the order in which they are shown.
    fn knobs(&self) -> Vec<Knob>;

    /// The configuration in force, as text. It names files with secrets and holds none.
    fn text(&self) -> String;

    /// Whether there is a change to undo.
    fn can_undo(&self) -> bool;

    /// Puts these values in force, all or none; an empty one goes back to what the file says.
    ///
    /// # Errors
    /// Every problem of the configuration as it would be.
    fn change(&self, fields: &[(String, String)]) -> Result<Changed, Vec<String>>;

    /// Takes the last change back.
    ///
    /// # Errors
    /// Every problem of the configuration as it would be.
    fn undo(&self) -> Result<Changed, Vec<String>>;
}
