//! Brokers that die, links that break, acknowledgements that do not come.

use std::time::Duration;

use bunri::clock::{Clock, SystemClock};
use bunri::uplink::{Settings, Status};
use tokio::time::sleep;

use crate::support::bin::{Bin, soon};
use crate::{assert_agreement, ids, settings, start};

#[tokio::test]
async fn a_broker_killed_again_and_again_loses_nothing() {
    let (mut broker, hub, gate) = start().await;
    let bin = Bin::new();
    let uplink = bin.uplink(settings(&gate));
    let mut received = hub.received();
    for round in 1..=4 {
        bin.drop_items(15);
        soon("an empty outbox", bin.outbox_empty()).await;
        let so_far = bin.ids().len();
        soon("all of them", received.wait_for(|hub| hub.drops.len() == so_far)).await.unwrap();
        // From here no acknowledgement reaches the bin. A broker without memory loses what it acknowledged and
        // its listener had not yet read when it died: that is the broker's loss, which no bin can make good.
        gate.hold_answers(true);
        let before = received.borrow().drops.len();
        bin.drop_items(15);
        soon("some of the drops", received.wait_for(|hub| hub.drops.len() > before)).await.unwrap();
        gate.open(false);
        broker.kill().await;
        // What it said before it died dies with it.
        gate.cut();
        gate.hold_answers(false);
        soon("the hub to notice", received.wait_for(|hub| !hub.listening)).await.unwrap();
        assert!(bin.outbox_len() >= 15, "drops went out of the outbox unacknowledged");
        bin.drop_items(5);
        broker.launch().await.unwrap();
        soon("the hub to return", received.wait_for(|hub| hub.listening)).await.unwrap();
        gate.open(true);
        assert!(bin.ids().len() == 35 * round);
    }
    assert_agreement(&hub, &bin).await;
    assert!(hub.received().borrow().duplicates > 0, "nothing was ever sent again: this tested nothing");
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn connections_cut_at_every_byte_lose_nothing_and_make_progress() {
    let (_broker, hub, gate) = start().await;
    let bin = Bin::new();
    gate.cut_after_answers(1);
    let uplink = bin.uplink(settings(&gate));
    // CONNACK, then PUBACKs of 4 bytes: each round ends the connection somewhere else in them.
    for bytes in [1, 7, 13, 18, 19, 20, 21, 22, 23, 24, 26, 29, 33, 38, 44, 51] {
        let before = gate.accepted();
        gate.cut_after_answers(bytes);
        bin.drop_items(20);
        soon("another attempt", async {
            while gate.accepted() < before + 2 {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
    gate.cut_after_answers(0);
    assert_agreement(&hub, &bin).await;
    assert!(hub.received().borrow().duplicates > 0, "no acknowledgement was ever lost: this tested nothing");
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn a_broker_that_is_absent_at_the_start_is_waited_for() {
    let (mut broker, hub, gate) = start().await;
    let mut received = hub.received();
    gate.open(false);
    broker.kill().await;
    soon("the hub to notice", received.wait_for(|hub| !hub.listening)).await.unwrap();
    let bin = Bin::new();
    bin.drop_items(3);
    // Straight at the port where nobody listens.
    let direct = bin.uplink(Settings { port: broker.port(), ..settings(&gate) });
    let mut status = direct.status();
    let status =
        soon("an error", status.wait_for(|status| status.last_error.is_some() && status.backlog == 3));
    let status = status.await.unwrap().clone();
    assert!(!status.connected && status.refused.is_none(), "{status:?}");
    assert!(status.last_error.unwrap().contains("no broker answers at 127.0.0.1:"));
    assert!(status.oldest_unsent.is_some());
    bin.drop_items(2);
    let mut status = direct.status();
    soon("a growing backlog", status.wait_for(|status| status.backlog == 5)).await.unwrap();
    drop(status);
    assert!(!direct.stop().await, "there was nobody to say goodbye to");

    let through_gate = bin.uplink(settings(&gate));
    broker.launch().await.unwrap();
    soon("the hub to return", received.wait_for(|hub| hub.listening)).await.unwrap();
    gate.open(true);
    assert_agreement(&hub, &bin).await;
    assert!(through_gate.stop().await);
}

#[tokio::test]
async fn no_more_than_the_bound_is_in_flight_while_the_broker_is_silent() {
    let (_broker, hub, gate) = start().await;
    let bin = Bin::new();
    let uplink = bin.uplink(Settings { in_flight: 4, ..settings(&gate) });
    let mut status = uplink.status();
    soon("the connection", status.wait_for(|status| status.connected)).await.unwrap();
    gate.hold_answers(true);
    bin.drop_items(20);
    let mut received = hub.received();
    soon("the first four", received.wait_for(|hub| hub.drops.len() == 4)).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(received.borrow().drops.len(), 4, "more than four were in flight");
    assert_eq!(bin.outbox_len(), 20, "a row left without its acknowledgement");
    gate.hold_answers(false);
    assert_agreement(&hub, &bin).await;
    assert_eq!(received.borrow().duplicates, 0);
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn a_broker_that_never_acknowledges_is_left_and_everything_sent_again() {
    let (_broker, hub, gate) = start().await;
    let bin = Bin::new();
    let impatient = Duration::from_millis(700);
    let uplink = bin.uplink(Settings { in_flight: 4, acknowledge_timeout: impatient, ..settings(&gate) });
    let mut status = uplink.status();
    soon("the connection", status.wait_for(|status| status.connected)).await.unwrap();
    gate.hold_answers(true);
    bin.drop_items(6);
    let silent = |status: &Status| {
        status.last_error.as_ref().is_some_and(|text| text.contains("acknowledged nothing"))
    };
    soon("the silence to be noticed", status.wait_for(silent)).await.unwrap();
    drop(status);
    gate.hold_answers(false);
    assert_agreement(&hub, &bin).await;
    assert!(hub.received().borrow().duplicates >= 4);
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn after_an_outage_old_drops_come_in_order_and_new_ones_pass_them() {
    let (_broker, hub, gate) = start().await;
    let bin = Bin::new();
    bin.drop_items(300);
    let began = SystemClock.now();
    let uplink = bin.uplink(Settings { replay_per_s: 50, ..settings(&gate) });
    let mut received = hub.received();
    soon("the first of them", received.wait_for(|hub| !hub.drops.is_empty())).await.unwrap();
    bin.drop_items(1);
    let newest = bin.ids().pop().unwrap();
    let passed = soon("the new one", received.wait_for(|hub| ids(hub).contains(&newest))).await.unwrap();
    assert!(passed.drops.len() < 300, "it waited behind all {} old ones", passed.drops.len());
    drop(passed);
    assert_agreement(&hub, &bin).await;
    // One second's worth at once, the other 250 at 50 a second.
    let took = SystemClock.now().since(began);
    assert!(took >= Duration::from_millis(4_900), "300 old drops in {took:?}");
    let mut arrived = ids(&received.borrow());
    arrived.retain(|id| *id != newest);
    assert_eq!(arrived, bin.ids()[..300], "out of order");
    assert!(uplink.stop().await);
}
