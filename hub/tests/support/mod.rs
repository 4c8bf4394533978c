//! What the tests stand on: a mosquitto and a PostgreSQL of their own, on loopback, in temporary folders.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test file uses a part"
)]

pub(crate) mod broker;
pub(crate) mod events;
pub(crate) mod postgres;
pub(crate) mod publisher;

use std::future::Future;
use std::time::Duration;

/// Every wait ends here at the latest.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `check` says so, not for ever.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let wait = async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("waited {LIMIT:?} for {what}"));
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
