//! The real `bunri` program, and configurations for it in folders of their own.

#[allow(dead_code, reason = "each test file uses its part")]
pub(crate) mod running;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program in the repository's folder, as `make demo` runs it.
pub(crate) fn bunri<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bunri"));
    command.args(arguments).current_dir(root());
    for variable in ["BUNRI_ONNXRUNTIME", "RUST_LOG", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command
}

/// What a run of the program left behind.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// Asserts that it ended well.
    pub(crate) fn fine(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// Asserts that it failed in order, and returns its lines of complaint: all there is but the daemon's log.
    pub(crate) fn complaints(&self) -> Vec<&str> {
        assert_eq!(self.code, Some(1), "{self}");
        assert!(!self.stderr.contains("panicked"), "{self}");
        self.stderr.lines().filter(|line| !line.contains("  INFO ")).collect()
    }

    /// Asserts that it failed with one line that says each of `says`.
    pub(crate) fn refuses(&self, says: &[&str]) {
        let lines = self.complaints();
        assert_eq!(lines.len(), 1, "one line was expected:\n{self}");
        assert!(lines[0].starts_with("bunri: "), "{self}");
        for part in says {
            assert!(lines[0].contains(part), "it does not say {part:?}:\n{self}");
        }
    }

    /// The objects of `--json`.
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        self.stdout.lines().map(parse).collect()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }
}

/// The demo's configuration in a folder of its own, without hub and page, to be changed.
pub(crate) struct Bin {
    folder: tempfile::TempDir,
    pub(crate) config: toml::Table,
}

impl Bin {
    pub(crate) fn new() -> Self {
        let text = std::fs::read_to_string(root().join("calibration/demo/bunri.toml")).unwrap();
        let mut bin = Self { folder: tempfile::tempdir().unwrap(), config: text.parse().unwrap() };
        bin.config.remove("uplink");
        bin.config.remove("web");
        bin.set("bin.state_dir", bin.state().display().to_string());
        bin.set("camera.replay.clips", vec![path_value(root().join("tests/data/clips"))]);
        bin.set("rig.calibration", path_value(root().join("calibration/demo/rig.toml")));
        bin.set("model.bundle", path_value(root().join("models/bunri-lite0")));
        bin
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of the ledger; the program makes it.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Sets `table.key`, making tables on the way.
    pub(crate) fn set(&mut self, path: &str, value: impl Into<toml::Value>) {
        let (tables, key) = path.rsplit_once('.').unwrap_or(("", path));
        let mut at = &mut self.config;
        for table in tables.split('.').filter(|table| !table.is_empty()) {
            let inner = at.entry(table).or_insert_with(|| toml::Table::new().into());
            at = inner.as_table_mut().unwrap();
        }
        at.insert(key.to_owned(), value.into());
    }

    /// Serves the page on this machine, at a port of the kernel's choice, for whoever is on it.
    pub(crate) fn serve_page(&mut self) {
        self.set("web.listen", "127.0.0.1:0");
        self.set("web.open_on_loopback", true);
    }

    /// Takes the picture of the empty chamber out of the calibration: the bin learns it at each start.
    pub(crate) fn forget_the_empty_chamber(&mut self) {
        let rig = std::fs::read_to_string(root().join("calibration/demo/rig.toml")).unwrap();
        let mut rig: toml::Table = rig.parse().unwrap();
        rig["camera"].as_table_mut().unwrap().remove("empty_chamber");
        let path = self.path("rig.toml");
        std::fs::write(&path, rig.to_string()).unwrap();
        self.set("rig.calibration", path_value(path));
    }

    /// Plays these demo clips.
    pub(crate) fn play(&mut self, clips: &[&str]) {
        let clips: Vec<_> = clips.iter().map(|clip| path_value(clip_folder(clip))).collect();
        self.set("camera.replay.clips", clips);
    }

    /// Writes the configuration; returns its path.
    pub(crate) fn write(&self) -> PathBuf {
        let path = self.path("bunri.toml");
        std::fs::write(&path, self.config.to_string()).unwrap();
        path
    }

    /// `bunri COMMAND --config ...`
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = bunri([name, "--config"]);
        command.arg(self.write());
        command
    }
}

/// The folder of one of the demo's clips.
pub(crate) fn clip_folder(name: &str) -> PathBuf {
    root().join("tests/data/clips").join(name)
}

/// A path as it stands in a file.
pub(crate) fn path_value(path: impl AsRef<Path>) -> toml::Value {
    path.as_ref().display().to_string().into()
}

/// Copies the files of a folder.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
