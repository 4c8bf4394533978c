//! Asks bins again for what they report and the tables do not hold, whatever it was lost by: a broker that was killed, a
//! database that came back from a backup, a listener that made the broker believe the hubs were there.
//!
//! Never waits for an answer: what is still missing later is asked for again later.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use super::client::Acks;
use crate::clock::now_ms;
use crate::store::{Store, StoreError};

/// Asks as long as it is polled; see [`Store::to_ask`] for who is asked, and when.
pub(super) async fn ask_again(acks: &Acks, store: &Store, after: Duration) -> Infallible {
    loop {
        // Copies of the hub do not look at the same moment.
        sleep(after.mul_f64(0.4 + 0.2 * fastrand::f64())).await;
        if let Err(error) = ask_once(acks, store, after).await {
            tracing::warn!("what is missing is not asked for: {error}");
        }
    }
}

async fn ask_once(acks: &Acks, store: &Store, after: Duration) -> Result<(), StoreError> {
    for (bin, again) in store.to_ask(now_ms(), after).await? {
        let (drops, corrections) = (again.drops.len(), again.corrections.len());
        tracing::info!(bin = bin.source(), drops, corrections, "ranges are missing: asking for them again");
        acks.ask(bin.again_topic(), serde_json::to_vec(&again).unwrap_or_default()).await;
    }
    Ok(())
}
