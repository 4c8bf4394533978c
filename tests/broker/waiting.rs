//! What waits in the outbox: for somebody to listen, with what the crew said, and within its limits.

use std::time::Duration;

use bunri::clock::{Clock, SystemClock};
use bunri::commands::demo_hub::{HubListener, LocalBroker, Received};
use bunri::streams::Stream;
use bunri::uplink::wire::{Correction, Event};
use bunri::uplink::{Settings, Status, Subscriber};
use tokio::time::sleep;

use crate::support::bin::{Bin, bin_name, soon};
use crate::support::gate::Gate;
use crate::{assert_agreement, ids, seq, settings};

#[tokio::test]
async fn what_nobody_is_subscribed_to_is_kept_until_somebody_is() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let bin = Bin::new();
    bin.drop_items(12);
    let began = SystemClock.now();
    let uplink = bin.uplink(settings(&gate));
    let mut status = uplink.status();
    // The broker acknowledges each of them, and has nobody to give it to.
    soon("the silence to be noticed", status.wait_for(|status| status.nobody_listens)).await.unwrap();
    bin.drop_items(3);
    let several = soon("several attempts", status.wait_for(|status| status.unheard >= 20)).await.unwrap();
    assert!(several.connected && several.published == 0, "{several:?}");
    assert!(several.last_error.as_ref().unwrap().contains("nobody is subscribed"), "{several:?}");
    drop(several);
    assert_eq!(bin.outbox_len(), 15, "a drop that no hub has was deleted");
    sleep(Duration::from_secs(1)).await;
    // At first a window full, each fresh one, and then one at a time with waits that grow to 100 ms and more.
    let attempts = status.borrow().unheard;
    let passed = SystemClock.now().since(began);
    assert!(attempts <= 26 + passed.as_millis() as u64 / 100, "{attempts} attempts in {passed:?}");
    assert_eq!(gate.accepted(), 1, "no reason to reconnect");

    let hub = HubListener::start(broker.settings(bin_name())).await.unwrap();
    assert_agreement(&hub, &bin).await;
    assert_eq!(hub.received().borrow().duplicates, 0);
    let content = |status: &Status| !status.nobody_listens && status.published == 15;
    soon("a content status", status.wait_for(content)).await.unwrap();
    assert_eq!(status.borrow().last_error, None);
    drop(status);
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn a_new_drop_does_not_wait_behind_those_that_nobody_took() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let bin = Bin::new();
    bin.drop_items(5);
    let patient = Duration::from_secs(3600);
    let uplink = bin.uplink(Settings { retry_min: patient, retry_max: patient, ..settings(&gate) });
    let mut status = uplink.status();
    soon("the silence to be noticed", status.wait_for(|status| status.unheard == 5)).await.unwrap();
    let hub = HubListener::start(broker.settings(bin_name())).await.unwrap();
    assert_eq!(bin.outbox_len(), 5);
    bin.drop_items(1);
    assert_agreement(&hub, &bin).await;
    let arrived = ids(&hub.received().borrow());
    assert_eq!(arrived.iter().map(|id| seq(id)).collect::<Vec<_>>()[0], seq(bin.ids().last().unwrap()));
    drop(status);
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn corrections_arrive_once_each_also_those_that_nobody_heard_at_first() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let bin = Bin::new();
    bin.drop_items(3);
    bin.correct(1, Stream::Glass);
    let uplink = bin.uplink(settings(&gate));
    let mut status = uplink.status();
    soon("the silence to be noticed", status.wait_for(|status| status.nobody_listens)).await.unwrap();
    bin.correct(2, Stream::Can);
    bin.correct(1, Stream::Paper);
    assert_eq!(bin.outbox_len(), 6);
    let filter = ["dt/recycle/+/+/drop", "dt/recycle/+/+/correction"];
    let mut hub = Subscriber::connect(&broker.settings(bin_name()), "hub", &filter).await.unwrap();
    let mut said = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..6 {
        let message = soon("a message", hub.next()).await.unwrap();
        let event: Event<serde_json::Value> = serde_json::from_slice(&message.payload).unwrap();
        assert!(ids.insert(event.id.clone()), "{} came twice", event.id);
        if message.topic.ends_with("/correction") {
            let data: Correction = serde_json::from_value(event.data).unwrap();
            assert_eq!(event.id, format!("{}:correction:{}", data.epoch, data.number));
            said.push((data.number, data.seq, data.truth));
        }
    }
    soon("an empty outbox", bin.outbox_empty()).await;
    said.sort_unstable_by_key(|(number, ..)| *number);
    assert_eq!(said, [(1, 1, Stream::Glass), (2, 2, Stream::Can), (3, 1, Stream::Paper)]);
    drop(status);
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn what_is_too_much_is_given_up_and_the_counts_say_so() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    gate.open(false);
    let bin = Bin::new();
    bin.drop_items(1_030);
    let uplink = bin.uplink(Settings { keep_mib: 1, replay_per_s: 5_000, ..settings(&gate) });
    let mut status = uplink.status();
    soon("the rule to be applied", status.wait_for(|status| status.given_up == 6)).await.unwrap();
    drop(status);
    assert_eq!(bin.outbox_len(), 1_024);
    let hub = HubListener::start(broker.settings(bin_name())).await.unwrap();
    gate.open(true);
    let mut received = hub.received();
    let complete = |hub: &Received| {
        let counts = hub.counts.get("/recycle/yangcheon/mok-1");
        counts.is_some_and(|counts| {
            hub.drops.len() as u64 + counts.given_up == counts.total + counts.returned && counts.given_up == 6
        })
    };
    let hub = soon("everything but six", received.wait_for(complete)).await.unwrap();
    assert_eq!((hub.drops.len(), hub.duplicates, seq(&ids(&hub)[0])), (1_024, 0, 8));
    drop(hub);
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn a_hub_that_knows_no_corrections_gets_its_drops_all_the_same() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let bin = Bin::new();
    bin.drop_items(2);
    bin.correct(1, Stream::Glass);
    bin.drop_items(60);
    let older = HubListener::of_topics(
        broker.settings(bin_name()),
        &["dt/recycle/+/+/drop", "dt/recycle/+/+/counts"],
    );
    let older = older.await.unwrap();
    let uplink = bin.uplink(settings(&gate));
    let mut received = older.received();
    soon("every drop", received.wait_for(|hub| hub.drops.len() == 62)).await.unwrap();
    let mut status = uplink.status();
    soon("a refused correction", status.wait_for(|status| status.unheard > 0)).await.unwrap();
    soon("all but the correction gone", async {
        while bin.outbox_len() > 1 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(!status.borrow().nobody_listens);
    let filter = ["dt/recycle/+/+/correction"];
    let mut newer = Subscriber::connect(&broker.settings(bin_name()), "newer", &filter).await.unwrap();
    soon("the correction", newer.next()).await.unwrap();
    soon("an empty outbox", bin.outbox_empty()).await;
    drop(status);
    assert!(uplink.stop().await);
}
