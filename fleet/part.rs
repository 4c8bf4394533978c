//! A process of the city: started, ended by a signal, started again; and what it weighs.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What does not end by itself this long after its signal is killed.
const END_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Part {
    pub(crate) name: String,
    arguments: Vec<OsString>,
    log: PathBuf,
    child: Option<Child>,
}

impl Part {
    /// A process not yet started, whose words go to a file in `folder`.
    pub(crate) fn new(name: &str, folder: &Path, program: impl AsRef<OsStr>) -> Self {
        let log = folder.join(format!("{name}.log"));
        Self { name: name.to_owned(), arguments: vec![program.as_ref().to_owned()], log, child: None }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<T: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub(crate) fn launch(&mut self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log: File = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        let [program, arguments @ ..] = self.arguments.as_slice() else {
            bail!("{} has no program", self.name)
        };
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            // A group of its own: Ctrl-C in the terminal is for the fleet, which ends the others itself.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}: run `make setup` first", program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Sends a signal and waits for the end. Returns whether the process called it a success.
    pub(crate) async fn end(&mut self, signal: Signal) -> anyhow::Result<bool> {
        let Some(mut child) = self.child.take() else { return Ok(false) };
        if let Some(pid) = child.id().and_then(pid) {
            // An error means that it has just ended by itself.
            let _ = kill_process(pid, signal);
        }
        if let Ok(status) = timeout(END_TIMEOUT, child.wait()).await {
            return Ok(status?.success());
        }
        child.kill().await?;
        bail!("{} did not end after {signal:?}: {}", self.name, self.last_words())
    }

    /// Asks it to end, without waiting.
    pub(crate) fn ask_to_end(&self) {
        if let Some(pid) = self.id().and_then(pid) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Whether it has ended, and if so whether it called that a success.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<bool>> {
        let Some(child) = &mut self.child else { return Ok(Some(false)) };
        Ok(child.try_wait()?.map(|status| status.success()))
    }

    /// Fails when it has ended although nobody asked it to.
    pub(crate) fn must_run(&mut self) -> anyhow::Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(_) => bail!("{} has ended by itself: {}", self.name, self.last_words()),
        }
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut lines: Vec<_> = text.lines().rev().take(5).collect();
        lines.reverse();
        lines.join(" | ")
    }
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}
