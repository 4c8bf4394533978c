//! broker -> store: takes what the broker hands out, stores it in batches, and acknowledges what is committed.
//!
//! ```text
//!            ┌────────── wait (longer each time) ◄───────────┐
//!            ▼                                               │ refused, lost
//!  run ──► connect ──► subscribe ──► feed ══ bounded ══► batches ──► store ──► acknowledge
//!          own session   shared        │     lanes         ▲           │ the database is away:
//!          at the broker               └ pings go on       └── again ◄─┘ wait, same batch
//! ```
//!
//! - A bin's messages take one lane, in their order; lanes are written at the same time, as many as the database bears.
//! - A batch is whatever came while the one before was written: alone when it is quiet, hundreds under load.
//! - While the database is away nothing is acknowledged, so the broker stops at `in_flight` messages and keeps the
//!   rest; the connection stays.
//! - What bins report and the tables do not hold is asked for again (`asking.rs`).
//! - A message that the database itself refuses is found by halving its batch, and put to the dead letters.
//!
//! Never acknowledges before the commit, never holds more messages than twice `in_flight`, never gives up.

mod asking;
mod client;
mod error;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use error::IngestError;
pub use settings::BrokerSettings;

use crate::clock::{Stopwatch, now_ms};
use crate::store::{Batch, Store, StoreError, Written};
use crate::wire;
use client::{Acks, Delivery};

/// Messages in one transaction at most.
const BATCH_MAX: usize = 1024;
/// A connection that held this long was a success.
const STABLE_AFTER: Duration = Duration::from_secs(10);
/// How long the acknowledgements of the last batch may take on the way out.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// How the ingest stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether it is subscribed.
    pub connected: bool,
    /// Why not, one line.
    pub last_error: Option<String>,
    /// Messages stored and acknowledged.
    pub messages: u64,
    /// Transactions they took.
    pub batches: u64,
    /// What those changed.
    pub written: Written,
}

/// Runs until `stop` is true or its sender is gone.
pub async fn run(
    settings: BrokerSettings,
    store: Arc<Store>,
    status: watch::Sender<Status>,
    mut stop: watch::Receiver<bool>,
) {
    let ending = stop.clone();
    let mut wait = settings.retry_min;
    loop {
        let watch = Stopwatch::start();
        let end = tokio::select! {
            end = connection(&settings, &store, &status, &ending) => end,
            // Only while it connects: a connection ends by itself, its batch finished.
            () = stopped_unconnected(&mut stop, &status) => Ok(()),
        };
        let error = match end {
            Ok(()) => break,
            Err(error) => error.to_string(),
        };
        if watch.elapsed() >= STABLE_AFTER {
            wait = settings.retry_min;
        }
        tracing::warn!(retry_in_ms = wait.as_millis(), "{error}");
        status.send_modify(|status| {
            status.connected = false;
            status.last_error = Some(error);
        });
        tokio::select! {
            () = sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)) => {}
            () = stopped(&mut stop) => break,
        }
        wait = (wait * 2).min(settings.retry_max);
    }
    status.send_modify(|status| status.connected = false);
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn stopped_unconnected(stop: &mut watch::Receiver<bool>, status: &watch::Sender<Status>) {
    stopped(stop).await;
    let mut status = status.subscribe();
    let _ = status.wait_for(|status| !status.connected).await;
}

/// One connection from its beginning to its end: `Ok` when asked to stop.
async fn connection(
    settings: &BrokerSettings,
    store: &Arc<Store>,
    status: &watch::Sender<Status>,
    stop: &watch::Receiver<bool>,
) -> Result<(), IngestError> {
    let (mut feed, lanes, acks) = client::connect(settings, store.writers()).await?;
    let mut writers = JoinSet::new();
    for lane in lanes {
        let (store, status) = (Arc::clone(store), status.clone());
        writers.spawn(batches(lane, acks.clone(), store, status, stop.clone()));
    }
    let feeding = async {
        feed.subscribe(settings).await?;
        status.send_modify(|status| {
            status.connected = true;
            status.last_error = None;
        });
        tracing::info!(broker = settings.address(), name = settings.name, "subscribed");
        feed.run().await
    };
    tokio::select! {
        end = feeding => return end,
        end = ended(writers) => end?,
        never = asking::ask_again(&acks, store, settings.ask_after) => match never {},
    }
    acks.goodbye().await;
    // Unflushed acknowledgements only mean repetitions.
    let _ = timeout(GOODBYE_TIMEOUT, feed.run()).await;
    Ok(())
}

/// Waits for every lane's end, or for the first that fails; then the others are given up, unacknowledged.
async fn ended(mut writers: JoinSet<Result<(), IngestError>>) -> Result<(), IngestError> {
    while let Some(end) = writers.join_next().await {
        match end {
            Ok(end) => end?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    Ok(())
}

/// Stores and acknowledges batch after batch of one lane until asked to stop.
async fn batches(
    mut deliveries: mpsc::Receiver<Delivery>,
    acks: Acks,
    store: Arc<Store>,
    status: watch::Sender<Status>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), IngestError> {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return Ok(()),
            received = deliveries.recv_many(&mut batch, BATCH_MAX) => {
                if received == 0 {
                    return Ok(());
                }
            }
        }
        let written = store_all(&batch, &store, &status).await?;
        for delivery in &batch {
            acks.send(delivery).await;
        }
        let messages = batch.len() as u64;
        batch.clear();
        status.send_modify(|status| {
            status.last_error = None;
            status.messages += messages;
            status.batches += 1;
            status.written.add(written);
        });
    }
}

/// Stores every delivery, a batch that the database refuses for its contents in halves.
async fn store_all(
    deliveries: &[Delivery],
    store: &Store,
    status: &watch::Sender<Status>,
) -> Result<Written, IngestError> {
    let mut written = Written::default();
    let mut parts = vec![deliveries];
    while let Some(part) = parts.pop() {
        match write_patiently(&understand(part), store, status).await {
            Ok(one) => written.add(one),
            Err(_) if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            Err(error) => {
                let mut letter = Batch::default();
                for delivery in part {
                    letter.add_dead(&delivery.topic, delivery.payload(), &error.to_string());
                }
                written.add(write_patiently(&letter, store, status).await?);
            }
        }
    }
    Ok(written)
}

/// Messages and dead letters, as they came.
fn understand(deliveries: &[Delivery]) -> Batch {
    let mut batch = Batch::default();
    for delivery in deliveries {
        match wire::parse(&delivery.topic, delivery.payload()) {
            Ok(message) => batch.add(message, delivery.retained),
            Err(refusal) => batch.add_dead(&delivery.topic, delivery.payload(), &refusal.to_string()),
        }
    }
    batch
}

/// Writes one batch, as often as it takes; fails only on an answer that will not change.
async fn write_patiently(
    batch: &Batch,
    store: &Store,
    status: &watch::Sender<Status>,
) -> Result<Written, StoreError> {
    let mut wait = Duration::from_millis(20);
    loop {
        let error = match store.write(batch, now_ms()).await {
            Err(error) if error.is_transient() => error.to_string(),
            end => return end,
        };
        // Two hubs in each other's way are over with the first try; anything longer is told.
        if wait > Duration::from_millis(50) {
            tracing::warn!(retry_in_ms = wait.as_millis(), "{error}");
            status.send_modify(|status| status.last_error = Some(error));
        }
        sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}
