//! Stages as threads: heartbeats, ends, and the watchdog.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use super::DaemonError;
use super::events::StageSilent;
use crate::clock::{Clock, Moment};

/// A stage without a sign of life for this long hangs.
pub(super) const SILENT_AFTER: Duration = Duration::from_secs(5);

/// A stage's sign of life.
#[derive(Clone, Debug, Default)]
pub(super) struct Beat(Arc<AtomicU64>);

impl Beat {
    pub(super) fn beat(&self, now: Moment) {
        self.0.store(now.as_nanos(), Ordering::Relaxed);
    }

    fn last(&self) -> Moment {
        Moment::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A stage that ended, with what it said.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) stage: &'static str,
    pub(super) result: Result<(), String>,
}

/// The running stages.
pub(super) struct Stages {
    clock: Arc<dyn Clock>,
    beats: Vec<(&'static str, Beat, bool)>,
    threads: Vec<(&'static str, JoinHandle<()>)>,
    ended: mpsc::Sender<Ended>,
}

impl Stages {
    pub(super) fn new(clock: Arc<dyn Clock>) -> (Self, mpsc::Receiver<Ended>) {
        let (ended, ends) = mpsc::channel(8);
        (Self { clock, beats: Vec::new(), threads: Vec::new(), ended }, ends)
    }

    /// A heartbeat that must stay fresh.
    pub(super) fn watch(&mut self, stage: &'static str) -> Beat {
        let beat = Beat::default();
        beat.beat(self.clock.now());
        self.beats.push((stage, beat.clone(), false));
        beat
    }

    /// Starts a stage's thread; its end, by itself, by an error or by a panic, is told to the supervisor.
    pub(super) fn spawn<E: std::fmt::Display>(
        &mut self,
        stage: &'static str,
        run: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) -> Result<(), DaemonError> {
        let ended = self.ended.clone();
        let body = move || {
            let result = match catch_unwind(AssertUnwindSafe(run)) {
                Ok(result) => result.map_err(|error| error.to_string()),
                Err(_) => Err("it panicked; see the log above".to_owned()),
            };
            // The supervisor is gone when the process is ending anyway.
            let _ = ended.blocking_send(Ended { stage, result });
        };
        let thread = std::thread::Builder::new()
            .name(stage.to_owned())
            .spawn(body)
            .map_err(|source| DaemonError::System { doing: format!("start the thread '{stage}'"), source })?;
        self.threads.push((stage, thread));
        Ok(())
    }

    /// The present, as every stage has it.
    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Whether every stage gave a sign of life lately. A silent one is named once.
    pub(super) fn all_alive(&mut self) -> bool {
        let now = self.clock.now();
        let mut alive = true;
        for (stage, beat, told) in &mut self.beats {
            let silent = now.since(beat.last()) >= SILENT_AFTER;
            if silent && !*told {
                StageSilent { stage, since: beat.last() }.emit();
            }
            *told = silent;
            alive &= !silent;
        }
        alive
    }

    /// Waits for a stage's thread, at most `limit`; false when it does not end.
    pub(super) async fn join(&mut self, stage: &'static str, limit: Duration) -> bool {
        let Some(index) = self.threads.iter().position(|(name, _)| *name == stage) else { return true };
        let until = self.clock.now() + limit;
        while !self.threads[index].1.is_finished() {
            if self.clock.now() >= until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (_, thread) = self.threads.swap_remove(index);
        thread.join().is_ok()
    }
}
