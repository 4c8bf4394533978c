//! What can be set by the page, and who sets it: the daemon's side of the settings.

/// One setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// Its path in the configuration.
    pub path: &'static str,
    /// The value in force, as it is written.
    pub value: String,
    /// It was changed by the page; otherwise the file, or the model's bundle, says so.
    pub changed: bool,
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

/// Whoever keeps the settings. Calls read and write files: never on the runtime's own thread.
pub trait Tuning: Send + Sync {
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
