//! outbox -> MQTT: tells the city's hub of every drop, through every outage.
//!
//! ```text
//!            ┌──────────── wait (back-off with jitter) ◄───────────┐
//!            ▼                                                     │ refused, lost, silent
//!  run ──► connect ──► online (retained) ──► drain the outbox ─────┤
//!          last will:                        oldest first,         │ stop
//!          offline                           counts after it       ▼
//!                                                       offline, DISCONNECT
//! ```
//!
//! - A row leaves the outbox only on its own PUBACK with the reason "success". Whatever was not acknowledged is sent
//!   again on the next connection: at least once, with the same `id`, so that the hub can tell repetitions.
//! - What the hub misses all the same it asks for, and it goes out of the ledger once more (`again.rs`).
//! - "No matching subscribers" is a success to MQTT 5 and none to us: the broker has thrown the row away. It stays, and
//!   is tried again with growing waits ([`Status::nobody_listens`]).
//! - What waited when a connection began is sent in order, at a limited rate and beside what happens now (`lanes.rs`).
//! - The MQTT client's memory lives as long as one connection; the outbox is the only storage. No session is kept at
//!   the broker, so it does not matter what a broker remembers or forgets over a restart.
//! - Never blocks, slows or stops anything else: the network's health is no concern of the sorting.
//! - Never gives up and never spins: every failure is followed by a wait, every wait has an upper bound.
//! - Never ends the process: a refusal is shown and tried again slowly.

mod again;
mod answers;
mod backoff;
mod client;
mod commands;
mod drain;
mod error;
mod events;
mod files;
mod home_assistant;
mod lanes;
mod outbox;
mod settings;
mod standing;
mod status;
mod surroundings;
mod tls;
pub mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

pub use client::{Message, Subscriber};
pub use commands::{COMMANDS, Obeyed, Order, WITH_FILES};
pub use error::Error as UplinkError;
pub use events::{CONNECTIONS, FAILURES, PUBLISHED};
pub use files::{FileError, HubFile, HubFolder};
pub use home_assistant::HomeAssistant;
pub use settings::{MESSAGE_BYTES, Protocol, Secret, Settings};
pub use status::Status;
pub use surroundings::{CompartmentNow, Surroundings};
pub use tls::{OwnCertificate, Tls};
pub use wire::BinName;

use crate::clock::{Clock, Identity};
use crate::tally::{GivenUp, OutboxKind, OutboxRow, TallyHandle};
use answers::Jobs;
use backoff::Backoff;
use drain::Drain;
use error::Error;
use events::Said;
use outbox::Outbox;
use surroundings::AlarmBook;
use wire::Cause;

/// A connection that held this long was a success, even if there was nothing to send.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Commands that may wait; one more is not heard, and sent again by whoever gets no answer.
const HEARD_MOST: usize = 16;

/// So many connections in a row that are closed as soon as drops are sent are no accident.
const UNHEARD_MAX: u32 = 3;

/// Runs the uplink until `stop` is true (or its sender is gone), then says goodbye within a second.
///
/// `status` is what the page shows. Runs on one thread with others: nothing in it blocks. Returns whether the
/// broker acknowledged the goodbye.
pub async fn run(
    settings: Settings,
    tally: TallyHandle,
    identity: Identity,
    clock: Arc<dyn Clock>,
    status: watch::Sender<Status>,
    stop: watch::Receiver<bool>,
) -> bool {
    run_within(settings, tally, identity, clock, status, stop, None).await
}

/// The same, with the rest of the bin to tell of.
pub async fn run_within(
    settings: Settings,
    tally: TallyHandle,
    identity: Identity,
    clock: Arc<dyn Clock>,
    status: watch::Sender<Status>,
    mut stop: watch::Receiver<bool>,
    surroundings: Option<Arc<dyn Surroundings>>,
) -> bool {
    let backoff = Backoff::new(settings.retry_min, settings.retry_max);
    let alarms = Mutex::new(AlarmBook::default());
    let shared = Shared {
        settings,
        outbox: Outbox::new(tally),
        identity,
        clock,
        status,
        surroundings,
        alarms,
        jobs: Jobs::default(),
    };
    let mut uplink = Uplink {
        shared,
        backoff,
        random: fastrand::Rng::new(),
        connections: 0,
        unheard: 0,
        said: Said::default(),
    };
    let mut said_goodbye = false;
    while !is_stopped(&stop) {
        match uplink.connect_and_work(&mut stop).await {
            Ok(goodbye) => {
                said_goodbye = goodbye;
                break;
            }
            Err(error) => uplink.wait(&error, &mut stop).await,
        }
    }
    events::Stopped { said_goodbye }.emit();
    said_goodbye
}

/// Returns when the uplink should stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Whether it should. A daemon that dropped the sender is gone: that is a stop too.
fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// What the uplink and its connections have in common.
struct Shared {
    settings: Settings,
    outbox: Outbox,
    identity: Identity,
    clock: Arc<dyn Clock>,
    status: watch::Sender<Status>,
    surroundings: Option<Arc<dyn Surroundings>>,
    alarms: Mutex<AlarmBook>,
    jobs: Jobs,
}

struct Uplink {
    shared: Shared,
    backoff: Backoff,
    random: fastrand::Rng,
    connections: u64,
    /// How many connections in a row were closed after drops were sent, before any was answered.
    unheard: u32,
    said: Said,
}

impl Uplink {
    /// One connection from its beginning to its end: `Ok` (with whether the goodbye was acknowledged) when asked
    /// to stop.
    async fn connect_and_work(&mut self, stop: &mut watch::Receiver<bool>) -> Result<bool, Error> {
        self.connections += 1;
        let shared = &self.shared;
        let connection = format!("{}:{}", shared.identity.run_id, self.connections);
        let bin = &shared.settings.bin;
        let will = wire::availability(bin, &connection, Cause::ConnectionLost, shared.clock.wall().unix_ms);
        let will = drain::message(bin.availability_topic(), &will, true)?;
        let (publisher, mut traffic) = tokio::select! {
            connected = client::connect(&shared.settings, will) => connected?,
            () = stopped(stop) => return Ok(false),
        };
        shared.give_up().await;
        let since = shared.clock.now();
        let (hear, heard) = mpsc::channel(HEARD_MOST);
        let mut drain = Drain::new(shared, &connection, self.random.fork(), heard);
        let end = tokio::select! {
            biased;
            end = traffic.run(&hear) => end,
            end = drain.work(&publisher, stop) => end,
        };
        let refusal = drain.settle().await.err().filter(|error| !error.is_transient());
        let (unheard, said_goodbye) = (drain.is_unheard(), drain.said_goodbye);
        if drain.delivered > 0 || shared.clock.now().since(since) >= STABLE_AFTER {
            self.backoff.reset();
        }
        shared.disconnected();
        match end {
            Ok(()) => Ok(said_goodbye),
            Err(error) => Err(self.explain(refusal.unwrap_or(error), unheard)),
        }
    }

    /// Finds the refusal behind losses: mosquitto 2.0.11 closes the connection on a message that its access list
    /// forbids, and its answer is lost in the closing.
    fn explain(&mut self, error: Error, unheard: bool) -> Error {
        let closed_on_us = unheard && matches!(error, Error::Lost { .. });
        self.unheard = if closed_on_us { self.unheard.saturating_add(1) } else { 0 };
        if self.unheard < UNHEARD_MAX {
            return error;
        }
        Error::MessageRefused {
            topic: self.shared.settings.bin.drop_topic(),
            why: "it closes the connection each time drops are sent".to_owned(),
            remedy: "see the broker's log; probably its access list must let this user publish there",
        }
    }

    /// Reports a failure and waits; `stop` ends the wait.
    async fn wait(&mut self, error: &Error, stop: &mut watch::Receiver<bool>) {
        let retry_in = self.backoff.next(self.random.f64());
        let now = self.shared.clock.now();
        let text = error.to_string();
        let repeated = self.said.is_repeated(&text, error.is_transient(), now);
        events::Failed { error, retry_in, repeated }.emit();
        self.shared.failed(error, &text).await;
        self.shared.look_at_alarms();
        let wait = sleep(retry_in);
        tokio::pin!(wait);
        let mut news = self.shared.outbox.news();
        loop {
            tokio::select! {
                () = stopped(stop) => return,
                () = &mut wait => return,
                // What is raised and cleared during an outage is told after it.
                () = sleep(standing::LOOK_EVERY) => self.shared.look_at_alarms(),
                // The page shows the growing backlog even while nobody can be told of it.
                () = outbox::changed(&mut news) => self.shared.refresh_backlog().await,
            }
        }
    }
}

impl Shared {
    /// The message that a row of the outbox is.
    fn row_message(&self, row: &OutboxRow) -> Result<Message, Error> {
        let (bin, wall) = (&self.settings.bin, self.clock.wall());
        match row.kind {
            OutboxKind::Drop => {
                let late = wire::is_late(&row.record, &self.identity.boot_id, self.clock.now(), wall);
                drain::message(bin.drop_topic(), &wire::drop_event(bin, &row.record, late), false)
            }
            OutboxKind::Correction(correction) => {
                let late = wire::is_late_since(correction.wall, wall);
                let event = wire::correction_event(bin, &row.record, &correction, late);
                drain::message(bin.correction_topic(), &event, false)
            }
        }
    }

    async fn counts_event(&self) -> Result<wire::Event<wire::Counts>, Error> {
        let (totals, given_up) = self.outbox.totals().await?;
        Ok(wire::counts_event(&self.settings.bin, &totals, given_up, self.clock.wall().unix_ms))
    }

    fn alarm_book(&self) -> MutexGuard<'_, AlarmBook> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_at_alarms(&self) {
        if let Some(around) = &self.surroundings {
            self.alarm_book().look(&around.alarms(), self.clock.wall());
        }
    }

    async fn connected(&self) {
        let since = self.clock.now();
        self.status.send_modify(|status| {
            status.connected = true;
            status.since = since;
        });
        self.refresh_backlog().await;
        let backlog = self.status.borrow().backlog;
        if backlog == 0 {
            self.status.send_modify(Status::forget_errors);
        }
        events::Connected { broker: &self.settings.broker(), backlog }.emit();
    }

    fn disconnected(&self) {
        let since = self.clock.now();
        self.status.send_if_modified(|status| {
            let was = std::mem::replace(&mut status.connected, false);
            if was {
                status.since = since;
            }
            was
        });
    }

    async fn failed(&self, error: &Error, text: &str) {
        self.status.send_modify(|status| {
            status.last_error = Some(text.to_owned());
            status.refused = (!error.is_transient()).then(|| text.to_owned());
        });
        self.give_up().await;
        self.refresh_backlog().await;
    }

    async fn delivered(&self, drops: u64) {
        if drops > 0 && self.status.borrow().nobody_listens {
            events::SomebodyListens.emit();
        }
        self.status.send_modify(|status| {
            status.published += drops;
            // Only now: a broker may take the bin in and yet refuse its drops.
            if drops > 0 {
                status.forget_errors();
            }
        });
        self.refresh_backlog().await;
    }

    /// Nobody was subscribed to what was sent: drops, or else corrections, which an older hub does not know.
    async fn unheard(&self, drops: bool, first: bool, rows: u64, retry_in: Duration) {
        let bin = &self.settings.bin;
        let topic = if drops { bin.drop_topic() } else { bin.correction_topic() };
        let error = Error::NobodyListens { topic };
        self.status.send_modify(|status| {
            status.unheard += rows;
            if drops {
                status.nobody_listens = true;
                status.last_error = Some(error.to_string());
            }
        });
        if first {
            events::NobodyListens { error: &error, retry_in }.emit();
        }
        self.give_up().await;
        self.refresh_backlog().await;
    }

    /// Keeps the outbox within its limits.
    async fn give_up(&self) {
        let wall = self.clock.wall();
        // An outbox that cannot be used is reported where it is drained.
        let Ok([now, ever]) = self.outbox.give_up(self.settings.keep_limits(wall), wall).await else {
            return;
        };
        if now != GivenUp::default() {
            events::GaveUp(now).emit();
        }
        self.status.send_modify(|status| status.given_up = ever.drops + ever.corrections);
    }

    async fn refresh_backlog(&self) {
        // An outbox that cannot be read is reported where it is drained.
        if let Ok((backlog, oldest)) = self.outbox.backlog().await {
            self.status.send_modify(|status| {
                status.backlog = backlog;
                status.oldest_unsent = oldest;
            });
        }
    }
}
