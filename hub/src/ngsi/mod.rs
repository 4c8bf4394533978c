//! store -> context broker (NGSI-LD): each bin is a `WasteContainerIsle`, each of its compartments a `WasteContainer` of
//! the Smart Data Models.
//!
//! ```text
//!   bins as they are ──> entities ──> those that differ from what was taken last ──> batches ──> context broker
//!                                       ▲                                                             │
//!                                       └─────── a row an entity, in the database ◄── what it took ───┘
//! ```
//!
//! What the context broker has taken is remembered for each entity in the database: after a refusal, an outage or a
//! restart exactly what it has not taken is sent, as it is then. Run by one copy of the hub.
//!
//! Never holds up the ingest, never tells of people or single drops, never gives up.

mod client;
mod entities;
mod error;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;

pub use entities::{Entity, entities};
pub use error::NgsiError;

use crate::clock::now_ms;
use crate::locations;
use crate::store::Store;
use client::ContextBroker;

/// Entities in one request: context brokers limit its size, often to a megabyte.
const BATCH_MAX: usize = 50;
/// The longest wait after failures, as a multiple of the usual one.
const PATIENCE: u32 = 32;

/// Where the context broker is, and how it wants to be spoken to.
#[derive(Clone, Debug)]
pub struct NgsiConfig {
    /// Its NGSI-LD root, for example `https://context.example/ngsi-ld/v1`.
    pub url: String,
    /// The JSON-LD context that the attributes' names are from.
    pub context: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<String>,
    /// Sent as `NGSILD-Tenant`.
    pub tenant: Option<String>,
    /// Where bins stand; the model asks for it, so that bins that are not in this file are not told of.
    pub locations_file: PathBuf,
    /// How often it is told of changes.
    pub every: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// What it takes to tell a context broker.
pub struct Export {
    config: NgsiConfig,
    broker: ContextBroker,
    locations: HashMap<String, Value>,
}

impl Export {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// [`NgsiError`] for a configuration that cannot work.
    pub fn open(config: NgsiConfig) -> Result<Self, NgsiError> {
        let locations = locations::read(&config.locations_file)
            .map_err(|why| NgsiError::Locations { path: config.locations_file.clone(), why })?;
        Ok(Self { broker: ContextBroker::new(&config)?, locations, config })
    }

    /// Tells of every change until `stop` is true or its sender is gone; refusals and outages only cost time.
    pub async fn run(self, store: Arc<Store>, mut stop: watch::Receiver<bool>) {
        let mut wait = self.config.every;
        loop {
            match self.tell(&store).await {
                Ok(told) => {
                    wait = self.config.every;
                    if told > 0 {
                        tracing::info!(entities = told, "told the context broker");
                    }
                }
                Err(error) => {
                    wait = (wait * 2).min(self.config.every * PATIENCE);
                    tracing::warn!(retry_in_ms = wait.as_millis(), "{error}");
                }
            }
            tokio::select! {
                () = sleep(wait) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Sends what has changed; returns how many entities were taken.
    async fn tell(&self, store: &Store) -> Result<usize, NgsiError> {
        let taken = store.exported().await?;
        let mut changed = entities(&store.bins().await?, &self.locations, &self.config.context);
        changed.retain(|entity| taken.get(&entity.id) != Some(&entity.digest));
        let mut told = 0;
        for batch in changed.chunks(BATCH_MAX) {
            let answer = self.broker.upsert(batch).await?;
            let rows: Vec<_> = batch.iter().filter(|entity| answer.took(&entity.id)).collect();
            store.mark_exported(rows.iter().map(|entity| (&*entity.id, entity.digest)), now_ms()).await?;
            told += rows.len();
            answer.complete()?;
        }
        Ok(told)
    }
}
