//! Errands for the hub: the support bundle goes there, a model bundle comes from there.
//!
//! Never in this process what a bundle could spoil: `bunri model install`, the crew's own command, checks, tests and
//! installs it in a process of its own, which may end as it likes and gives its memory back. A power cut at any point leaves
//! the live bundle, and at most a folder that the next start removes. Never a wait for the sorting.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::config::Config;
use crate::identify::{ARCHIVE_LIMIT, BundleStore, sha256};
use crate::uplink::wire::Brought;
use crate::uplink::{HubFile, Tls};
use crate::web;

/// The folder, beside the ledger, of what has just come from the hub.
const FROM_HUB: &str = "from-hub";
/// This very program, also where its file has been replaced by a newer one.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// How long checking, testing and installing may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Room that the ledger must keep.
const ROOM_LEAST: u64 = 256 << 20;
/// A bundle is there as it came, unpacked, and a little more.
const ROOM_PER_BYTE: u64 = 3;

/// Does the errands of one bin.
#[derive(Clone, Debug)]
pub struct Errands {
    /// The `bunri` program.
    pub program: PathBuf,
    config: PathBuf,
    state_dir: PathBuf,
    bundles: BundleStore,
    tls: Option<Tls>,
}

impl Errands {
    /// Those of the bin with this configuration, once what an earlier one left behind is removed.
    pub fn of(config: &Config) -> Self {
        let errands = Self {
            program: PathBuf::from(THIS_PROGRAM),
            config: config.file.clone(),
            state_dir: config.state_dir.clone(),
            bundles: config.bundles.clone(),
            tls: config.uplink.as_ref().and_then(|uplink| uplink.tls.clone()),
        };
        errands.tidy();
        errands
    }

    /// Puts a support bundle at the hub; returns its size and hash.
    ///
    /// # Errors
    /// Why not.
    pub async fn deliver(&self, file: &HubFile, bundle: Vec<u8>) -> Result<Brought, String> {
        let (bytes, sha256) = (bundle.len() as u64, sha256(&bundle));
        file.put(self.tls.as_ref(), "application/gzip", bundle).await.map_err(|error| error.to_string())?;
        Ok(Brought { bytes: Some(bytes), sha256: Some(sha256), ..Brought::default() })
    }

    /// Fetches an archive from the hub and installs it as the crew would; returns the bundle and how it begins.
    ///
    /// # Errors
    /// Why not; the live bundle is the old one then.
    pub async fn install(
        &self,
        file: &HubFile,
        expected: String,
        signature: String,
    ) -> Result<Brought, String> {
        let archive =
            file.fetch(self.tls.as_ref(), ARCHIVE_LIMIT).await.map_err(|error| error.to_string())?;
        let (errands, url) = (self.clone(), file.url());
        let kept = spawn_blocking(move || {
            let found = sha256(&archive);
            if found != expected {
                return Err(format!("{url} has sha256 {found}: it is not the file that was meant"));
            }
            errands.keep(&archive, &signature)
        });
        let path = kept.await.map_err(|error| error.to_string())??;
        let installed = self.run_install(&path).await;
        let errands = self.clone();
        // What is left is removed at the next start.
        let _gone = spawn_blocking(move || errands.tidy()).await.is_ok();
        installed
    }

    /// Withdraws a new bundle, or goes back to the one before; returns the live one.
    ///
    /// # Errors
    /// Why not; the live bundle is as it was then.
    pub async fn roll_back(&self) -> Result<Brought, String> {
        let bundles = self.bundles.clone();
        let live = spawn_blocking(move || bundles.rollback()).await.map_err(|error| error.to_string())?;
        let bundle = live.map_err(|error| error.to_string())?;
        Ok(Brought { bundle, ..Brought::default() })
    }

    fn tidy(&self) {
        // Mostly there is nothing; what cannot be removed is in nobody's way.
        let _gone = std::fs::remove_dir_all(self.state_dir.join(FROM_HUB)).is_ok();
    }

    /// Writes an archive and its signature where there is room; returns the archive's path.
    fn keep(&self, archive: &[u8], signature: &str) -> Result<PathBuf, String> {
        let needed = ROOM_LEAST + ROOM_PER_BYTE * archive.len() as u64;
        // Where nobody can tell how much is left, the writing will.
        let disk = web::Health::read(&self.state_dir).disk;
        if let Some((free, _)) = disk.filter(|(free, _)| *free < needed) {
            let (free, needed) = (free >> 20, needed >> 20);
            return Err(format!(
                "the disk has {free} MiB left and it takes {needed}: free some, then ask again under a new id"
            ));
        }
        self.tidy();
        let folder = self.state_dir.join(FROM_HUB);
        let path = folder.join("bundle.tar");
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, archive))
            .and_then(|()| std::fs::write(folder.join("bundle.tar.minisig"), signature));
        written.map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(path)
    }

    async fn run_install(&self, archive: &Path) -> Result<Brought, String> {
        let mut command = Command::new(&self.program);
        command.args(["model", "install", "--json"]).arg(archive).arg("--config").arg(&self.config);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let ran = timeout(INSTALL_LIMIT, command.output()).await;
        let ran = ran.map_err(|_| format!("it is not installed after {INSTALL_LIMIT:?}"))?;
        let ran = ran.map_err(|error| format!("{} cannot be started: {error}", self.program.display()))?;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr);
            let why = said.lines().find_map(|line| line.strip_prefix("bunri: "));
            return Err(why.map_or_else(|| format!("bunri model install: {}", ran.status), str::to_owned));
        }
        let Installed { installed, state } =
            serde_json::from_slice(&ran.stdout).map_err(|error| format!("bunri model install: {error}"))?;
        Ok(Brought { bundle: Some(installed), state: Some(state), ..Brought::default() })
    }
}

/// What `bunri model install --json` says.
#[derive(Deserialize)]
struct Installed {
    installed: String,
    state: String,
}
