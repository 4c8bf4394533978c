//! `bunri run`: the daemon.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::VERSION;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::{Daemon, End};

pub(super) fn run(path: &Path, site: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let mut config = Config::load(path)?;
    config.site = site.or(config.site);
    let runtime = runtime()?;
    let result: anyhow::Result<End> = runtime.block_on(async {
        let stop = stop_signal()?;
        let daemon = Daemon::start(&config, VERSION, Arc::new(SystemClock)).await?;
        Ok(daemon.run(stop).await?)
    });
    // A name that is being looked up cannot be interrupted; the process does not wait for it.
    runtime.shutdown_timeout(Duration::from_millis(500));
    match result? {
        End::Stopped => Ok(ExitCode::SUCCESS),
        End::Again => Err(begin_again()),
    }
}

/// Puts the program in its own place, under the same process id: systemd sees one that runs on. Returns only when that fails;
/// systemd then starts it.
fn begin_again() -> anyhow::Error {
    let begin = |program| Command::new(program).args(std::env::args_os().skip(1)).exec();
    let error = std::env::current_exe().map_or_else(|error| error, begin);
    anyhow::Error::new(error).context("cannot begin again by itself; start the program anew")
}

/// The runtime of uplink, signals and watchdog, which share its thread.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the network runtime")
}

/// Completes at the first SIGTERM or SIGINT; a second one ends the process at once.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let (told, tell) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut told = Some(told);
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            match told.take() {
                Some(told) => drop(told.send(())),
                // Convention of shells: 128 and the number of SIGINT.
                None => std::process::exit(130),
            }
        }
    });
    Ok(async move {
        let _ = tell.await;
    })
}
