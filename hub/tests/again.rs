//! What is reported and not held is asked for again: the right numbers, by one hub, of a bin that can answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bunri_hub::clock::now_ms;
use bunri_hub::ingest::{self, BrokerSettings, Status};
use bunri_hub::store::{Batch, State, Store};
use bunri_hub::wire::{self, Again};
use rumqttc::mqttbytes::v5::Packet;
use rumqttc::{AsyncClient, Event, MqttOptions, QoS};
use serde_json::Value;
use support::broker::Broker;
use support::events::{
    availability_event, correction_event, counts_event, drop_event, epoch_of, topic, withdrawal_event,
};
use support::postgres::Postgres;
use support::publisher::publish;
use support::until;
use tokio::sync::watch;

const NOW: i64 = 1_780_000_000_000;
const MINUTE: Duration = Duration::from_secs(60);

type Message = (String, Vec<u8>);

/// Everything that `bin` says up to the number `last`, but for the drops in `lost`.
fn day(bin: &str, last: u64, lost: &[std::ops::RangeInclusive<u64>], voided: &[u64]) -> Vec<Message> {
    let epoch = epoch_of(bin);
    let absent = |seq: &u64| voided.contains(seq) || lost.iter().any(|lost| lost.contains(seq));
    let drops = (1..=last).filter(|seq| !absent(seq));
    let mut messages = vec![(topic(bin, "availability"), availability_event(bin, "run:1", "connected"))];
    messages.extend(drops.map(|seq| (topic(bin, "drop"), drop_event(bin, &epoch, seq, false))));
    messages.push((topic(bin, "counts"), counts_event(bin, &epoch, last, voided)));
    messages
}

async fn write(store: &Store, messages: &[Message], now_ms: i64) {
    let mut batch = Batch::default();
    for (topic, payload) in messages {
        batch.add(wire::parse(topic, payload).unwrap(), false);
    }
    store.write(&batch, now_ms).await.unwrap();
}

async fn ask(store: &Store, minutes: i64) -> Vec<(String, Again)> {
    let asks = store.to_ask(NOW + minutes * 60_000, MINUTE).await.unwrap();
    asks.into_iter().map(|(bin, again)| (bin.bin, again)).collect()
}

async fn the_right_numbers_are_asked_for(url: &str) {
    let store = Store::open(url, 4).await.unwrap();
    let lost = [7..=9, 20..=20, 95..=100];
    write(&store, &day("mok-1", 100, &lost, &[50]), NOW).await;
    write(&store, &day("mok-2", 100, &[], &[50]), NOW).await;
    write(&store, &day("gone-1", 100, &lost, &[]), NOW).await;
    let gone = (topic("gone-1", "availability"), availability_event("gone-1", "run:1", "connection_lost"));
    write(&store, &[gone], NOW).await;

    assert_eq!(ask(&store, 0).await, [], "the rest may be on its way");
    let asks = ask(&store, 1).await;
    let drops = vec![(95, 100), (50, 50), (20, 20), (7, 9)];
    let expected = Again { epoch: epoch_of("mok-1"), drops, corrections: vec![] };
    assert_eq!(
        asks,
        [("mok-1".to_owned(), expected.clone())],
        "newest first; the voided one only the bin knows"
    );
    assert_eq!(ask(&store, 1).await, [], "another hub has just asked");
    assert_eq!(ask(&store, 2).await, [("mok-1".to_owned(), expected)], "nothing came");

    let answer: Vec<Message> = lost
        .into_iter()
        .flatten()
        .map(|seq| (topic("mok-1", "drop"), drop_event("mok-1", &epoch_of("mok-1"), seq, true)))
        .collect();
    write(&store, &answer, NOW + 125_000).await;
    assert_eq!(ask(&store, 9).await, []);
    store.close().await;
}

async fn pages_and_corrections_are_asked_for(url: &str) {
    let store = Store::open(url, 4).await.unwrap();
    // Every second number is missing: more ranges than one question has.
    let lost: Vec<_> = (1..=600).map(|number| number * 2..=number * 2).collect();
    write(&store, &day("sin-1", 1_200, &lost, &[]), NOW).await;
    let [first, second, third] = [ask(&store, 1).await, ask(&store, 2).await, ask(&store, 3).await]
        .map(|asks| asks[0].1.drops.clone());
    assert_eq!((first.len(), first[0], first[499]), (500, (1_200, 1_200), (202, 202)));
    assert_eq!((second.len(), second[0], second[99]), (100, (200, 200), (2, 2)));
    assert_eq!(third, first, "from the top again");
    // Something has come: from the top as well.
    let came = (topic("sin-1", "drop"), drop_event("sin-1", &epoch_of("sin-1"), 1_200, true));
    write(&store, &[came], NOW).await;
    assert_eq!(ask(&store, 4).await[0].1.drops[0], (1_198, 1_198));

    let mut messages = day("sin-2", 10, &[], &[]);
    let mut counts: Value = serde_json::from_slice(&messages.pop().unwrap().1).unwrap();
    counts["data"]["corrections"] = 5.into();
    messages.push((topic("sin-2", "counts"), serde_json::to_vec(&counts).unwrap()));
    // A word taken back has its number like any other.
    for (number, event) in [(1, correction_event as fn(&str, &str, u64, u64) -> _), (4, withdrawal_event)] {
        let payload = event("sin-2", &epoch_of("sin-2"), number, 1);
        messages.push((topic("sin-2", "correction"), payload));
    }
    write(&store, &messages, NOW).await;
    let asks = ask(&store, 5).await;
    let again = &asks.iter().find(|(bin, _)| bin == "sin-2").unwrap().1;
    assert_eq!((again.drops.as_slice(), again.corrections.as_slice()), (&[][..], &[(5, 5), (2, 3)][..]));
    store.close().await;
}

#[tokio::test]
async fn what_sqlite_does_not_hold_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    the_right_numbers_are_asked_for(&format!("sqlite://{}/hub.db", folder.path().display())).await;
    pages_and_corrections_are_asked_for(&format!("sqlite://{}/two.db", folder.path().display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgres_does_not_hold_is_asked_for() {
    let postgres = Postgres::start().await;
    the_right_numbers_are_asked_for(&postgres.database().await).await;
    pages_and_corrections_are_asked_for(&postgres.database().await).await;
}

/// A bin that hears one question, and what it says.
async fn question(port: u16) -> Value {
    let mut options = MqttOptions::new("bin", ("127.0.0.1", port));
    options.set_clean_start(true);
    let (client, mut event_loop) = AsyncClient::builder(options).capacity(8).build();
    client.subscribe("cmd/recycle/yangcheon/mok-1/again", QoS::AtLeastOnce).await.unwrap();
    loop {
        if let Event::Incoming(Packet::Publish(publish)) = event_loop.poll().await.unwrap() {
            return serde_json::from_slice(&publish.payload).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_hub_asks_and_the_ledger_is_complete() {
    let broker = Broker::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/hub.db", folder.path().display());
    let store = Arc::new(Store::open(&url, 4).await.unwrap());
    let settings = BrokerSettings {
        ask_after: Duration::from_millis(300),
        ..BrokerSettings::new("127.0.0.1", broker.port, "1")
    };
    let (sender, mut status) = watch::channel(Status::default());
    let stop = watch::Sender::new(false);
    let hub = tokio::spawn(ingest::run(settings, Arc::clone(&store), sender, stop.subscribe()));
    status.wait_for(|status| status.connected).await.unwrap();

    let heard = tokio::spawn(question(broker.port));
    publish(broker.port, day("mok-1", 30, &[4..=6, 29..=30], &[10])).await;
    let asked = tokio::time::timeout(MINUTE, heard).await.unwrap().unwrap();
    let expected = serde_json::json!({
        "epoch": epoch_of("mok-1"), "drops": [[29, 30], [10, 10], [4, 6]], "corrections": [],
    });
    assert_eq!(asked, expected);
    let answer = [4, 5, 6, 29, 30]
        .map(|seq| (topic("mok-1", "drop"), drop_event("mok-1", &epoch_of("mok-1"), seq, true)));
    publish(broker.port, answer.to_vec()).await;
    until("a complete ledger", || async {
        store.reconcile(now_ms()).await.unwrap().iter().all(|check| check.state == State::Complete)
    })
    .await;
    stop.send_replace(true);
    hub.await.unwrap();
}
