//! The ledger's thread: owns the file, does one call at a time, answers when it is on the disk.
//!
//! ```text
//!   judge (a plain thread)  ── call ──┐   bounded    ┌────────────┐
//!                                     ├── queue ───> │ tally:     │ ──> disk ──> answer
//!   uplink, web (runtime)   ── ask ───┘              │ one Ledger │ ──> news: the newest message's id
//!                                                    └────────────┘ ──> heartbeat
//! ```
//!
//! Never answers before the disk has it. Never reorders. Never drops a call: a full queue makes callers wait.
//! Ends when it is told to stop or nobody can call it any more, with the end of the run written.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::error::TallyError;
use super::ledger::Ledger;
use crate::clock::Clock;

/// Calls that may wait. Callers wait for their answers, so this many tasks would have to call at once.
const QUEUE_CALLS: usize = 64;

/// The longest time between two heartbeats of an idle thread.
const IDLE_BEAT: Duration = Duration::from_millis(250);

type Job = Box<dyn FnOnce(&mut Ledger) + Send>;

enum Command {
    Call(Job),
    Stop,
}

/// The running thread.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<Result<(), TallyError>>,
}

/// A way to call the ledger, from any thread or task. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TallyHandle {
    queue: SyncSender<Command>,
    news: watch::Receiver<u64>,
}

impl Writer {
    /// Starts the thread `tally`. It calls `heartbeat` after every call and several times a second when idle, not
    /// while it waits for the disk.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(
        ledger: Ledger,
        clock: Arc<dyn Clock>,
        heartbeat: impl FnMut() + Send + 'static,
    ) -> std::io::Result<(Self, TallyHandle)> {
        let (queue, calls) = sync_channel(QUEUE_CALLS);
        let (newest, news) = watch::channel(ledger.outbox_head());
        let thread = std::thread::Builder::new()
            .name("tally".into())
            .spawn(move || serve(ledger, &*clock, &calls, &newest, heartbeat))?;
        Ok((Self { thread }, TallyHandle { queue, news }))
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the thread to end.
    ///
    /// # Errors
    /// When the end of the run could not be written, or [`TallyError::Stopped`] when the thread panicked.
    pub fn join(self) -> Result<(), TallyError> {
        self.thread.join().unwrap_or(Err(TallyError::Stopped))
    }
}

impl TallyHandle {
    /// Does `job` on the ledger and waits for its answer. For plain threads: it blocks. Never from inside a job.
    ///
    /// # Errors
    /// What the job returns, or [`TallyError::Stopped`]; then the job may or may not have been done.
    pub fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Ledger) -> Result<T, TallyError> + Send + 'static,
    ) -> Result<T, TallyError> {
        let (reply, answer) = sync_channel(1);
        let job: Job = Box::new(move |ledger| {
            let _nobody_waits = reply.send(job(ledger)).is_err();
        });
        self.queue.send(Command::Call(job)).map_err(|_| TallyError::Stopped)?;
        answer.recv().map_err(|_| TallyError::Stopped)?
    }

    /// Does `job` on the ledger and waits for its answer. For tasks of the runtime. A job once queued is done even
    /// if the task is cancelled.
    ///
    /// # Errors
    /// As [`TallyHandle::call`].
    pub async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Ledger) -> Result<T, TallyError> + Send + 'static,
    ) -> Result<T, TallyError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |ledger| {
            let _nobody_waits = reply.send(job(ledger)).is_err();
        });
        match self.queue.try_send(Command::Call(job)) {
            Ok(()) => {}
            Err(TrySendError::Full(command)) => {
                let queue = self.queue.clone();
                let sent = tokio::task::spawn_blocking(move || queue.send(command).is_ok()).await;
                if !sent.unwrap_or(false) {
                    return Err(TallyError::Stopped);
                }
            }
            Err(TrySendError::Disconnected(_)) => return Err(TallyError::Stopped),
        }
        answer.await.map_err(|_| TallyError::Stopped)?
    }

    /// Queues `job` and returns at once; whoever wants an answer lets the job send it. For threads that must not wait
    /// for the disk.
    ///
    /// # Errors
    /// [`TallyError::Stopped`] when the thread is gone or its queue is full: the job will not be done.
    pub fn post(&self, job: impl FnOnce(&mut Ledger) + Send + 'static) -> Result<(), TallyError> {
        self.queue.try_send(Command::Call(Box::new(job))).map_err(|_| TallyError::Stopped)
    }

    /// Tells when there is something new for the hub: the newest message's id.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.clone()
    }

    /// Ends the thread after the calls queued before this one. Later ones get [`TallyError::Stopped`].
    pub fn stop(&self) {
        let _stopped_already = self.queue.send(Command::Stop).is_err();
    }
}

fn serve(
    mut ledger: Ledger,
    clock: &dyn Clock,
    calls: &Receiver<Command>,
    newest: &watch::Sender<u64>,
    mut heartbeat: impl FnMut(),
) -> Result<(), TallyError> {
    loop {
        heartbeat();
        match calls.recv_timeout(IDLE_BEAT) {
            Ok(Command::Call(job)) => {
                job(&mut ledger);
                let head = ledger.outbox_head();
                newest.send_if_modified(|known| std::mem::replace(known, head) != head);
            }
            Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    ledger.close(clock.now(), clock.wall())
}
