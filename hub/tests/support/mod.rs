//! What the tests stand on: a mosquitto and a PostgreSQL of their own, on loopback, in temporary folders.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test file uses a part"
)]

pub(crate) mod broker;
pub(crate) mod certificates;
pub(crate) mod events;
pub(crate) mod postgres;
pub(crate) mod publisher;

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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

/// Whether it says that it takes in messages. What is published before a hub's first subscription nobody hears.
pub(crate) async fn is_healthy(page: u16) -> bool {
    health(page).await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Messages that it says it has stored and acknowledged since it began; 0 where it does not answer.
pub(crate) async fn messages_taken(page: u16) -> u64 {
    let answer = health(page).await.unwrap_or_default();
    let said = answer.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
    said.and_then(|said: serde_json::Value| said["messages"].as_u64()).unwrap_or(0)
}

async fn health(page: u16) -> Option<String> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", page)).await.ok()?;
    let mut answer = String::new();
    let request = b"GET /healthz HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.ok()?;
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}
