//! MQTT 3.1.1: the same outbox through the same outages, and the one thing that it cannot know.

use bunri::commands::demo_hub::{HubListener, LocalBroker};
use bunri::uplink::wire::Cause;
use bunri::uplink::{Protocol, Secret, Settings, Subscriber};

use crate::support::bin::{Bin, bin_name, soon};
use crate::support::gate::Gate;
use crate::{assert_agreement, availability_until, settings, start};

fn older(gate: &Gate) -> Settings {
    Settings { protocol: Protocol::V311, ..settings(gate) }
}

#[tokio::test]
async fn the_older_mqtt_loses_nothing_through_outages_either() {
    let (mut broker, hub, gate) = start().await;
    let filter = ["st/recycle/#"];
    let mut witness = Subscriber::connect(
        &Settings { protocol: Protocol::V311, ..broker.settings(bin_name()) },
        "witness",
        &filter,
    )
    .await
    .unwrap();
    let bin = Bin::new();
    bin.drop_items(10);
    let uplink = bin.uplink(older(&gate));
    availability_until(&mut witness, Cause::Connected).await;
    let mut received = hub.received();
    for round in 0..3 {
        // What was acknowledged has been heard: a broker killed between the two is `again.rs`'s matter.
        assert_agreement(&hub, &bin).await;
        gate.hold_answers(true);
        let before = received.borrow().drops.len();
        bin.drop_items(10);
        soon("some of the drops", received.wait_for(|hub| hub.drops.len() > before)).await.unwrap();
        gate.open(false);
        if round == 1 {
            broker.kill().await;
            soon("the hub to notice", received.wait_for(|hub| !hub.listening)).await.unwrap();
            broker.launch().await.unwrap();
            soon("the hub to return", received.wait_for(|hub| hub.listening)).await.unwrap();
        }
        gate.cut();
        gate.hold_answers(false);
        assert_eq!(bin.outbox_len(), 10, "drops went out of the outbox unacknowledged");
        gate.open(true);
    }
    assert_agreement(&hub, &bin).await;
    assert!(hub.received().borrow().duplicates > 0, "nothing was ever sent again: this tested nothing");
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn the_older_mqtt_has_a_last_will_and_says_why_it_was_refused() {
    let broker = LocalBroker::start(&[("hub", "h"), ("bin", "right")], "").await.unwrap();
    let login = |name: &str, password: &str, settings: Settings| Settings {
        username: Some(name.to_owned()),
        password: Some(Secret::new(password.to_owned())),
        ..settings
    };
    let hub = login("hub", "h", broker.settings(bin_name()));
    let mut witness = Subscriber::connect(&hub, "witness", &["st/recycle/#"]).await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let bin = Bin::new();
    let uplink = bin.uplink(login("bin", "wrong", older(&gate)));
    let mut status = uplink.status();
    let refused = soon("a refusal", status.wait_for(|status| status.refused.is_some())).await.unwrap();
    assert!(refused.refused.as_ref().unwrap().contains("check username and password"), "{refused:?}");
    drop(refused);
    drop(status);
    assert!(!uplink.stop().await);
    let uplink = bin.uplink(login("bin", "right", older(&gate)));
    availability_until(&mut witness, Cause::Connected).await;
    uplink.vanish();
    availability_until(&mut witness, Cause::ConnectionLost).await;
}

/// What `hub/CONTRACT.md` warns of: here the acknowledgement means nothing more than that the broker had the message.
#[tokio::test]
async fn the_older_mqtt_cannot_tell_that_nobody_listens() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let bin = Bin::new();
    bin.drop_items(3);
    let uplink = bin.uplink(older(&gate));
    soon("an empty outbox", bin.outbox_empty()).await;
    assert!(!uplink.status().borrow().nobody_listens);
    // Totals are retained: whoever comes later learns how many it missed.
    let hub = HubListener::start(broker.settings(bin_name())).await.unwrap();
    let mut received = hub.received();
    let counted = soon("the counts", received.wait_for(|hub| !hub.counts.is_empty())).await.unwrap();
    assert_eq!((counted.counts["/recycle/yangcheon/mok-1"].total, counted.drops.len()), (3, 0));
    drop(counted);
    assert!(uplink.stop().await);
}
