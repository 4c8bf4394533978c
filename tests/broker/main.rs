//! The uplink against a real mosquitto on loopback, and against everything that happens to networks.
//!
//! The property behind every test: the hub's deduplicated drops are exactly the ledger's, and a row is in the outbox
//! until its acknowledgement has come.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod again;
mod commands;
mod errands;
mod files;
mod older;
mod outages;
#[allow(dead_code, reason = "each test file uses its part")]
#[path = "../program/mod.rs"]
mod program;
mod refusals;
mod secure;
#[path = "../support"]
mod support {
    pub(crate) mod around;
    pub(crate) mod bin;
    pub(crate) mod files;
    pub(crate) mod gate;
}
mod waiting;

use std::time::Duration;

use bunri::clock::{Clock, SystemClock};
use bunri::commands::demo_hub::{HubListener, LocalBroker, Received};
use bunri::uplink::wire::{Availability, Cause, Counts, Event, Presence};
use bunri::uplink::{Settings, Subscriber};
use support::bin::{Bin, bin_name, soon};
use support::gate::Gate;
use tokio::time::sleep;

async fn start() -> (LocalBroker, HubListener, Gate) {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let hub = HubListener::start(broker.settings(bin_name())).await.unwrap();
    let gate = Gate::before(broker.port()).await;
    (broker, hub, gate)
}

/// Impatient settings, through the gate.
fn settings(gate: &Gate) -> Settings {
    Settings {
        connect_timeout: Duration::from_secs(2),
        retry_min: Duration::from_millis(20),
        retry_max: Duration::from_millis(200),
        ..Settings::new("127.0.0.1".to_owned(), gate.port, bin_name())
    }
}

/// Waits until the hub holds as many drops as the ledger, and the outbox is empty; then compares them.
async fn assert_agreement(hub: &HubListener, bin: &Bin) {
    let expected = bin.ids();
    let mut received = hub.received();
    soon("every drop at the hub", received.wait_for(|hub| hub.drops.len() >= expected.len())).await.unwrap();
    soon("an empty outbox", bin.outbox_empty()).await;
    let total = expected.len() as u64;
    let counted = |hub: &Received| {
        hub.counts
            .get("/recycle/yangcheon/mok-1")
            .is_some_and(|counts| counts.total + counts.returned == total)
    };
    soon("counts that agree", received.wait_for(counted)).await.unwrap();
    let received = received.borrow();
    let mut ids = ids(&received);
    ids.sort_by_key(|id| seq(id));
    assert_eq!(ids, expected, "what the hub holds is not what the ledger holds");
    assert!(received.drops.iter().all(|(source, _)| source == "/recycle/yangcheon/mok-1"));
    assert_eq!(received.broken, 0);
}

/// The ids of the drops in the order in which they came.
fn ids(received: &Received) -> Vec<String> {
    received.drops.iter().map(|(_, id)| id.clone()).collect()
}

fn seq(id: &str) -> u64 {
    id.rsplit(':').next().unwrap().parse().unwrap()
}

/// Reads availability messages until one satisfies `wanted`; returns all of them.
async fn availability_until(witness: &mut Subscriber, wanted: Cause) -> Vec<Event<Availability>> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|event: &Event<Availability>| event.data.cause != wanted) {
        let message = soon("an availability message", witness.next()).await.unwrap();
        seen.push(serde_json::from_slice(&message.payload).unwrap());
    }
    seen
}

async fn witness(broker: &LocalBroker) -> Subscriber {
    Subscriber::connect(&broker.settings(bin_name()), "witness", &["st/recycle/#"]).await.unwrap()
}

#[tokio::test]
async fn everything_arrives_in_order_and_the_counts_agree() {
    let (mut broker, hub, gate) = start().await;
    let bin = Bin::new();
    bin.drop_items(40);
    let uplink = bin.uplink(settings(&gate));
    assert_agreement(&hub, &bin).await;
    bin.drop_items(25);
    assert_agreement(&hub, &bin).await;
    assert_eq!(ids(&hub.received().borrow()), bin.ids(), "out of order");
    assert_eq!(hub.received().borrow().duplicates, 0);
    let mut status = uplink.status();
    let sent = status.wait_for(|status| status.published == 65 && status.backlog == 0);
    let status = soon("a status that agrees", sent).await.unwrap().clone();
    assert!(status.connected, "{status:?}");
    assert_eq!((status.last_error, status.refused, status.oldest_unsent), (None, None, None));
    assert!(uplink.stop().await);
    broker.stop().await;
    assert_eq!(broker.pid(), None);
}

#[tokio::test]
async fn counts_come_at_most_once_a_second_and_stay_for_who_comes_later() {
    let (broker, _hub, gate) = start().await;
    let filter = ["dt/recycle/+/+/counts"];
    let mut witness = Subscriber::connect(&broker.settings(bin_name()), "witness", &filter).await.unwrap();
    let bin = Bin::new();
    let uplink = bin.uplink(settings(&gate));
    let began = SystemClock.now();
    let read = async |subscriber: &mut Subscriber| {
        let message = soon("counts", subscriber.next()).await.unwrap();
        serde_json::from_slice::<Event<Counts>>(&message.payload).unwrap().data
    };
    let mut messages = vec![read(&mut witness).await];
    while messages.len() < 4 {
        bin.drop_items(2);
        tokio::select! {
            counts = read(&mut witness) => messages.push(counts),
            () = sleep(Duration::from_millis(100)) => {}
        }
    }
    let passed = SystemClock.now().since(began);
    assert!(passed >= Duration::from_secs(3), "four messages within {passed:?}");
    let last_seqs: Vec<_> = messages.iter().map(|counts| counts.last_seq).collect();
    assert!(last_seqs.is_sorted_by(|a, b| a < b), "{last_seqs:?}");
    for counts in &messages {
        assert_eq!(counts.total + counts.returned + counts.voided, counts.last_seq);
        assert_eq!(counts.streams.values().sum::<u64>(), counts.total);
    }
    assert!(uplink.stop().await);
    let mut late = Subscriber::connect(&broker.settings(bin_name()), "late", &filter).await.unwrap();
    assert!(read(&mut late).await.last_seq >= messages[3].last_seq);
}

#[tokio::test]
async fn a_daemon_that_is_gone_without_a_word_ends_the_uplink() {
    let (broker, _hub, gate) = start().await;
    let mut witness = witness(&broker).await;
    let bin = Bin::new();
    let uplink = bin.uplink(settings(&gate));
    availability_until(&mut witness, Cause::Connected).await;
    assert!(uplink.orphan().await);
    availability_until(&mut witness, Cause::Stopped).await;
}

#[tokio::test]
async fn the_last_will_speaks_for_a_bin_that_vanishes() {
    let (broker, _hub, gate) = start().await;
    let mut witness = witness(&broker).await;
    let bin = Bin::new();
    let uplink = bin.uplink(settings(&gate));
    let seen = availability_until(&mut witness, Cause::Connected).await;
    assert_eq!((seen.len(), seen[0].data.state), (1, Presence::Online));
    uplink.vanish();
    let seen = availability_until(&mut witness, Cause::ConnectionLost).await;
    assert_eq!((seen.len(), seen[0].data.state), (1, Presence::Offline));
    // Retained: whoever comes later learns it too.
    let mut late =
        Subscriber::connect(&broker.settings(bin_name()), "late", &["st/recycle/#"]).await.unwrap();
    let message = soon("the retained state", late.next()).await.unwrap();
    assert!(message.retain && message.topic == "st/recycle/yangcheon/mok-1/availability");
    let event: Event<Availability> = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(event.data.cause, Cause::ConnectionLost);
}

#[tokio::test]
async fn online_is_said_again_after_every_reconnect_and_the_goodbye_silences_the_will() {
    let (broker, _hub, gate) = start().await;
    let mut witness = witness(&broker).await;
    let bin = Bin::new();
    let uplink = bin.uplink(settings(&gate));
    let mut ids = std::collections::HashSet::new();
    for round in 0..3 {
        let seen = availability_until(&mut witness, Cause::Connected).await;
        let lost = seen.iter().filter(|event| event.data.cause == Cause::ConnectionLost).count();
        assert_eq!(lost, usize::from(round > 0), "{seen:?}");
        for event in seen {
            assert!(ids.insert(event.id.clone()), "{} was said twice", event.id);
        }
        if round < 2 {
            gate.cut();
        }
    }
    let mut status = uplink.status();
    soon("the connection", status.wait_for(|status| status.connected)).await.unwrap();
    drop(status);
    assert!(uplink.stop().await);
    // A new connection makes the next message: nothing (no will) may stand between it and the goodbye.
    let again = bin.uplink(settings(&gate));
    let seen = availability_until(&mut witness, Cause::Connected).await;
    let causes: Vec<_> = seen.iter().map(|event| event.data.cause).collect();
    assert_eq!(causes, [Cause::Stopped, Cause::Connected]);
    assert!(again.stop().await);
}

#[tokio::test]
async fn a_goodbye_nobody_acknowledges_ends_in_time_and_leaves_it_to_the_will() {
    let (broker, _hub, gate) = start().await;
    let mut witness = witness(&broker).await;
    let bin = Bin::new();
    let uplink = bin.uplink(settings(&gate));
    let mut status = uplink.status();
    soon("the connection", status.wait_for(|status| status.connected)).await.unwrap();
    drop(status);
    availability_until(&mut witness, Cause::Connected).await;
    gate.hold_answers(true);
    assert!(!uplink.stop().await, "the goodbye cannot have been acknowledged");
    availability_until(&mut witness, Cause::ConnectionLost).await;
}
