//! Broker, hubs and database together: what a bin was acknowledged is in the tables, once, whatever is stopped, killed
//! or away meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bunri_hub::clock::now_ms;
use bunri_hub::ingest::{self, BrokerSettings, Status};
use bunri_hub::store::{State, Store};
use support::broker::Broker;
use support::events::{availability_event, counts_event, drop_event, epoch_of, topic};
use support::postgres::Postgres;
use support::publisher::publish;
use support::until;
use tokio::sync::watch;
use tokio::task::JoinHandle;

struct Hub {
    task: JoinHandle<()>,
    status: watch::Receiver<Status>,
    stop: watch::Sender<bool>,
}

impl Hub {
    async fn start(broker: u16, url: &str, name: &str) -> Self {
        Self::start_with(BrokerSettings::new("127.0.0.1", broker, name), url).await
    }

    async fn start_with(settings: BrokerSettings, url: &str) -> Self {
        let store = Arc::new(Store::open(url, 4).await.unwrap());
        let settings = BrokerSettings {
            retry_min: Duration::from_millis(20),
            retry_max: Duration::from_millis(200),
            ..settings
        };
        let (sender, status) = watch::channel(Status::default());
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(ingest::run(settings, store, sender, stop.subscribe()));
        let hub = Self { task, status, stop };
        hub.subscribed().await;
        hub
    }

    async fn subscribed(&self) {
        let mut status = self.status.clone();
        let connected =
            tokio::time::timeout(Duration::from_secs(30), status.wait_for(|status| status.connected));
        assert!(connected.await.is_ok(), "no subscription: {:?}", self.status.borrow());
    }

    /// Ends it as a kill would: nothing is finished, nothing is said.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    async fn stop(self) -> Status {
        self.stop.send_replace(true);
        self.task.await.unwrap();
        self.status.borrow().clone()
    }
}

fn messages(bins: std::ops::Range<u32>, seqs: std::ops::RangeInclusive<u64>) -> Vec<(String, Vec<u8>)> {
    let mut messages = Vec::new();
    for seq in seqs.clone() {
        for bin in bins.clone() {
            let bin = format!("bin-{bin}");
            messages.push((topic(&bin, "drop"), drop_event(&bin, &epoch_of(&bin), seq, false)));
            if seq == *seqs.end() {
                messages.push((topic(&bin, "counts"), counts_event(&bin, &epoch_of(&bin), seq, &[])));
            }
        }
    }
    messages
}

/// Waits until every bin's ledger is held as reported, together so many drops.
async fn complete(url: &str, bins: usize, held: i64) {
    let store = Store::open(url, 2).await.unwrap();
    let all = async || {
        let checks = store.reconcile(now_ms()).await.unwrap();
        let sum: i64 = checks.iter().map(|check| check.held).sum();
        checks.len() == bins && sum >= held && checks.iter().all(|check| check.state == State::Complete)
    };
    until("complete ledgers", all).await;
    let checks = store.reconcile(now_ms()).await.unwrap();
    assert_eq!(checks.iter().map(|check| check.held).sum::<i64>(), held);
    for check in &checks {
        assert_eq!(check.streams, check.reported_streams, "{check:#?}");
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_share_a_city_through_stops_kills_and_an_absent_database() {
    let mut broker = Broker::start().await;
    let mut postgres = Postgres::start().await;
    let url = postgres.database().await;
    let (one, two) = tokio::join!(Hub::start(broker.port, &url, "1"), Hub::start(broker.port, &url, "2"));

    publish(broker.port, messages(0..10, 1..=30)).await;
    complete(&url, 10, 300).await;
    let shares = [one.status.borrow().written.new, two.status.borrow().written.new];
    assert!(shares[0] + shares[1] == 300 && shares.iter().all(|share| *share > 0), "{shares:?}");

    // A hub is killed under load; what it had not acknowledged waits for it or comes again.
    let port = broker.port;
    let sending = tokio::spawn(publish(port, messages(0..10, 31..=120)));
    tokio::time::sleep(Duration::from_millis(150)).await;
    two.kill().await;
    sending.await.unwrap();
    let two = Hub::start(broker.port, &url, "2").await;
    complete(&url, 10, 1_200).await;

    // The database goes away under load.
    let sending = tokio::spawn(publish(port, messages(0..10, 121..=200)));
    postgres.crash_and_return(Duration::from_millis(500)).await;
    sending.await.unwrap();
    complete(&url, 10, 2_000).await;

    // The broker is stopped in order while both hubs have work, and comes back with what it kept.
    let sending = tokio::spawn(publish(port, messages(0..10, 201..=300)));
    tokio::time::sleep(Duration::from_millis(150)).await;
    broker.stop();
    broker.launch().await;
    tokio::join!(one.subscribed(), two.subscribed());
    sending.await.unwrap();
    complete(&url, 10, 3_000).await;
    let (one, two) = (one.stop().await, two.stop().await);
    assert!(!one.connected && !two.connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_while_no_hub_runs_is_taken_in_later_and_retained_states_are_found_by_a_new_hub() {
    let broker = Broker::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/hub.db", folder.path().display());
    let hub = Hub::start(broker.port, &url, "1").await;
    publish(broker.port, messages(0..3, 1..=20)).await;
    complete(&url, 3, 60).await;
    hub.stop().await;
    publish(broker.port, messages(0..3, 21..=60)).await;
    let hub = Hub::start(broker.port, &url, "1").await;
    complete(&url, 3, 180).await;
    hub.stop().await;

    // Another database: only what is retained can reach it, and that is no sign of life.
    let url = format!("sqlite://{}/new.db", folder.path().display());
    let hub = Hub::start(broker.port, &url, "new").await;
    let store = Store::open(&url, 2).await.unwrap();
    let found = async || {
        let checks = store.reconcile(now_ms()).await.unwrap();
        checks.iter().filter(|check| (check.held, check.reported) == (0, Some(60))).count() == 3
    };
    until("retained counts", found).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hands_out_more_than_it_may_is_taken_in_all_the_same() {
    let mut broker = Broker::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/hub.db", folder.path().display());
    let settings = BrokerSettings { in_flight: 8, ..BrokerSettings::new("127.0.0.1", broker.port, "1") };
    Hub::start_with(settings.clone(), &url).await.stop().await;
    publish(broker.port, messages(0..3, 1..=100)).await;
    // mosquitto 2.0.11 sends all that it kept over a restart, whatever the hub said of Receive Maximum.
    broker.stop();
    broker.launch().await;
    let hub = Hub::start_with(settings, &url).await;
    complete(&url, 3, 300).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_goes_to_the_dead_letters_and_stops_nothing() {
    let broker = Broker::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/hub.db", folder.path().display());
    let hub = Hub::start(broker.port, &url, "1").await;
    let mut all = messages(0..2, 1..=10);
    for (index, payload) in
        [&b""[..], b"{}", b"[1]", b"\xff\xfe", b"{\"specversion\":\"1.0\"}"].iter().enumerate()
    {
        all.insert(index * 3, (topic("bin-0", "drop"), payload.to_vec()));
    }
    all.push((topic("bin-0", "availability"), availability_event("bin-0", "run:1", "connected")));
    publish(broker.port, all).await;
    complete(&url, 2, 20).await;
    until("five dead letters", || async { hub.status.borrow().written.dead == 5 }).await;
    let status = hub.stop().await;
    assert_eq!((status.written.new, status.written.repeated), (20, 0));
    assert!(status.batches <= status.messages);
}
