//! What the broker acknowledged and lost: the hub finds it missing by the counts, asks, and has it out of the ledger.

use std::time::Duration;

use bunri::commands::demo_hub::{HubListener, LocalBroker};
use bunri::streams::Stream;
use bunri::uplink::wire::{Again, Correction, Event};
use bunri::uplink::{Message, Settings, Subscriber};
use rumqttc::mqttbytes::v5::Packet;
use rumqttc::{AsyncClient, Event as Traffic, MqttOptions, QoS};
use tokio::time::sleep;

use crate::support::bin::{Bin, bin_name, soon};
use crate::support::gate::Gate;
use crate::{assert_agreement, ids, settings};

/// A hub that was here and will come back: for its session the broker keeps what it acknowledges.
async fn hub_that_is_away(port: u16) {
    let mut options = MqttOptions::new("hub-that-is-away", ("127.0.0.1", port));
    options.set_clean_start(true);
    options.set_session_expiry_interval(Some(3_600));
    let (client, mut event_loop) = AsyncClient::builder(options).capacity(8).build();
    for filter in ["dt/recycle/+/+/drop", "dt/recycle/+/+/correction"] {
        client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
    }
    for _ in 0..2 {
        while !matches!(event_loop.poll().await.unwrap(), Traffic::Incoming(Packet::SubAck(_))) {}
    }
}

async fn ask(asker: &mut Subscriber, again: &Again) {
    let payload = serde_json::to_vec(again).unwrap();
    let message = Message { topic: bin_name().again_topic(), payload, retain: false };
    asker.publish(message).await.unwrap();
}

#[tokio::test]
async fn what_a_killed_broker_had_acknowledged_comes_out_of_the_ledger_once_more() {
    let mut broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    hub_that_is_away(broker.port()).await;
    let bin = Bin::new();
    bin.drop_items(40);
    bin.correct(2, Stream::Glass);
    bin.correct(2, Stream::Can);
    let uplink = bin.uplink(settings(&gate));
    soon("every acknowledgement", bin.outbox_empty()).await;
    broker.kill().await;
    broker.launch().await.unwrap();

    let hub = HubListener::start(broker.settings(bin_name())).await.unwrap();
    let mut received = hub.received();
    let counted = soon("the counts", received.wait_for(|hub| !hub.counts.is_empty())).await.unwrap().clone();
    let counts = &counted.counts["/recycle/yangcheon/mok-1"];
    assert_eq!((counted.drops.len(), counts.total + counts.returned, counts.corrections), (0, 40, 2));
    sleep(Duration::from_millis(300)).await;
    assert_eq!(bin.outbox_len(), 0, "nobody has asked, and yet something is sent again");

    let filter = ["dt/recycle/+/+/correction"];
    let mut asker = Subscriber::connect(&broker.settings(bin_name()), "asker", &filter).await.unwrap();
    let mut again =
        Again { epoch: "another-ledger".to_owned(), drops: vec![(1, 9)], corrections: vec![(1, 2)] };
    ask(&mut asker, &again).await;
    // The newest first, in pieces; a question too soon after another one is not heard, and asked again.
    again.epoch.clone_from(&counts.epoch);
    let last = counts.last_seq;
    for (first, last, held) in [(last - 10, last + 5, 1), (1, last, 40)] {
        again.drops = vec![(first, last)];
        soon("the answer", async {
            while received.borrow().drops.len() < held {
                ask(&mut asker, &again).await;
                sleep(Duration::from_millis(200)).await;
            }
        })
        .await;
        assert!(received.borrow().drops.len() < 40 || held == 40, "more than was asked for");
    }
    assert_agreement(&hub, &bin).await;
    let mut said = Vec::new();
    while said.len() < 2 {
        let message = soon("a correction", asker.next()).await.unwrap();
        let event: Event<Correction> = serde_json::from_slice(&message.payload).unwrap();
        if !said.contains(&(event.data.number, event.data.truth)) {
            said.push((event.data.number, event.data.truth));
        }
    }
    assert_eq!(said, [(1, Stream::Glass), (2, Stream::Can)]);
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn what_only_an_onlooker_heard_is_found_missing_and_sent() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let filter = ["dt/recycle/+/+/drop"];
    // Its subscription has the broker acknowledge what no hub has.
    let onlooker = Subscriber::connect(&broker.settings(bin_name()), "onlooker", &filter).await.unwrap();
    let bin = Bin::new();
    bin.drop_items(12);
    let uplink = bin.uplink(Settings { commands: Vec::new(), ..settings(&gate) });
    soon("every acknowledgement", bin.outbox_empty()).await;
    drop(onlooker);
    let hub = HubListener::start(broker.settings(bin_name())).await.unwrap();
    let mut received = hub.received();
    let counted = soon("the counts", received.wait_for(|hub| !hub.counts.is_empty())).await.unwrap().clone();
    let counts = &counted.counts["/recycle/yangcheon/mok-1"];
    let again = Again { epoch: counts.epoch.clone(), drops: vec![(1, counts.last_seq)], corrections: vec![] };
    let mut asker = Subscriber::connect(&broker.settings(bin_name()), "asker", &[]).await.unwrap();
    ask(&mut asker, &again).await;
    assert_agreement(&hub, &bin).await;
    assert_eq!(ids(&received.borrow()), bin.ids(), "out of order");
    assert_eq!(received.borrow().duplicates, 0);
    assert!(uplink.stop().await);
}
