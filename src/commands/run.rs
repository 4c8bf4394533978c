//! `bunri run`: the daemon.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::VERSION;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::Daemon;

pub(super) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::load(path)?;
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let stop = stop_signal()?;
        let daemon = Daemon::start(&config, VERSION, Arc::new(SystemClock)).await?;
        daemon.run(stop).await?;
        Ok(ExitCode::SUCCESS)
    });
    // A name that is being looked up cannot be interrupted; the process does not wait for it.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

/// The one runtime: uplink, page, signals and the watchdog share its thread.
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
