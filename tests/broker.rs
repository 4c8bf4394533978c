//! The uplink against a real mosquitto on loopback, and against everything that happens to networks.
//!
//! The property behind every test: the hub's deduplicated drops are exactly the ledger's, and a row is in the outbox
//! until its acknowledgement has come.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support {
    pub(crate) mod bin;
    pub(crate) mod gate;
}

use std::time::Duration;

use bunri::clock::{Clock, SystemClock};
use bunri::commands::demo_hub::{HubListener, LocalBroker, Received};
use bunri::uplink::wire::{Availability, Cause, Counts, Event, Presence};
use bunri::uplink::{Secret, Settings, Status, Subscriber};
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
async fn a_broker_that_says_why_it_disconnects_is_understood() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // By hand, because mosquitto 2.0 closes without a word: CONNACK, then DISCONNECT "session taken over". (With its
    // empty properties; our MQTT crate takes the allowed short form for half a packet and waits for the close.)
    let server = tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let _connect = client.read(&mut [0; 1024]).await.unwrap();
            client.write_all(b"\x20\x03\x00\x00\x00\xe0\x02\x8e\x00").await.unwrap();
            while client.read(&mut [0; 1024]).await.is_ok_and(|length| length > 0) {}
        }
    });
    let bin = Bin::new();
    let uplink = bin.uplink(Settings::new("127.0.0.1".to_owned(), port, bin_name()));
    let mut status = uplink.status();
    let taken = |status: &Status| {
        status.refused.as_ref().is_some_and(|text| text.contains("another machine connects as this bin"))
    };
    soon("the collision to be noticed", status.wait_for(taken)).await.unwrap();
    drop(status);
    assert!(!uplink.stop().await);
    server.abort();
}

#[tokio::test]
async fn a_broker_that_closes_on_every_drop_is_called_a_refusal() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // What mosquitto 2.0.11 does to a forbidden message when its answer is lost in the closing.
    let server = tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
            let _connect = client.read(&mut buffer).await.unwrap();
            client.write_all(b"\x20\x03\x00\x00\x00").await.unwrap();
            while !String::from_utf8_lossy(&heard).contains("bunri.drop.v1") {
                let length = client.read(&mut buffer).await.unwrap();
                heard.extend_from_slice(&buffer[..length]);
            }
        }
    });
    let bin = Bin::new();
    bin.drop_items(1);
    let fast = Duration::from_millis(10);
    let settings = Settings::new("127.0.0.1".to_owned(), port, bin_name());
    let uplink = bin.uplink(Settings { retry_min: fast, retry_max: fast, ..settings });
    let mut status = uplink.status();
    let refused =
        soon("a refusal", status.wait_for(|status| status.refused.is_some())).await.unwrap().clone();
    let text = refused.refused.unwrap();
    assert!(text.contains("dt/recycle/yangcheon/mok-1/drop") && text.contains("access list"), "{text}");
    assert_eq!(bin.outbox_len(), 1);
    uplink.stop().await;
    server.abort();
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
async fn a_wrong_password_is_said_clearly_and_cured_without_a_restart() {
    let mut broker = LocalBroker::start(&[("hub", "secret-hub"), ("bin", "secret-bin")], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let with = |password: &str, settings: Settings| Settings {
        username: Some("bin".to_owned()),
        password: Some(Secret::new(password.to_owned())),
        ..settings
    };
    let hub_settings = Settings {
        username: Some("hub".to_owned()),
        password: Some(Secret::new("secret-hub".to_owned())),
        ..broker.settings(bin_name())
    };
    let hub = HubListener::start(hub_settings).await.unwrap();
    let bin = Bin::new();
    bin.drop_items(4);
    let uplink = bin.uplink(with("mistyped", settings(&gate)));
    let mut status = uplink.status();
    let refused =
        soon("a refusal", status.wait_for(|status| status.refused.is_some())).await.unwrap().clone();
    let text = refused.refused.unwrap();
    assert!(text.contains("refuses this bin") && text.contains("check username and password"), "{text}");
    assert!(!text.contains("mistyped") && !text.contains('\n'), "{text}");
    let (tried, began) = (gate.accepted(), SystemClock.now());
    sleep(Duration::from_secs(1)).await;
    // Waits grow from 10 ms at the least to 100 ms at the least.
    let most = 6 + SystemClock.now().since(began).as_millis() / 100;
    let tried = u128::from(gate.accepted() - tried);
    assert!(tried <= most, "{tried} attempts where at most {most} are polite");
    assert_eq!(bin.ids().len(), 4);

    // Somebody gives the broker the password that the bin has.
    let mut received = hub.received();
    gate.open(false);
    broker.kill().await;
    soon("the hub to notice", received.wait_for(|hub| !hub.listening)).await.unwrap();
    broker.set_users(&[("hub", "secret-hub"), ("bin", "mistyped")]).await.unwrap();
    broker.launch().await.unwrap();
    soon("the hub to return", received.wait_for(|hub| hub.listening)).await.unwrap();
    gate.open(true);
    assert_agreement(&hub, &bin).await;
    let mut status = uplink.status();
    soon("no refusal any more", status.wait_for(|status| status.connected && status.refused.is_none()))
        .await
        .unwrap();
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn a_topic_that_is_not_allowed_is_said_clearly_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("access");
    let allow = |topics: &[&str]| {
        let text: String = topics.iter().map(|topic| format!("topic readwrite {topic}\n")).collect();
        std::fs::write(&list, text).unwrap();
    };
    let readable = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    allow(&["st/#", "dt/recycle/+/+/counts"]);
    readable(folder.path());
    readable(&list);
    let config = format!("acl_file {}\n", list.display());
    let mut broker = LocalBroker::start(&[], &config).await.unwrap();
    let hub = HubListener::start(broker.settings(bin_name())).await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let bin = Bin::new();
    bin.drop_items(2);
    let uplink = bin.uplink(settings(&gate));
    let mut status = uplink.status();
    let refused =
        soon("a refusal", status.wait_for(|status| status.refused.is_some())).await.unwrap().clone();
    let text = refused.refused.unwrap();
    assert!(text.contains("dt/recycle/yangcheon/mok-1/drop") && text.contains("access list"), "{text}");
    assert_eq!(bin.outbox_len(), 2);

    allow(&["st/#", "dt/#"]);
    let mut received = hub.received();
    gate.open(false);
    broker.kill().await;
    soon("the hub to notice", received.wait_for(|hub| !hub.listening)).await.unwrap();
    broker.launch().await.unwrap();
    soon("the hub to return", received.wait_for(|hub| hub.listening)).await.unwrap();
    gate.open(true);
    assert_agreement(&hub, &bin).await;
    assert!(uplink.stop().await);
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

#[tokio::test]
async fn something_that_is_no_broker_is_survived() {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"", b"\xff\xff\xff\xff\xff", b"\x20\x00"] {
            let (mut client, _) = listener.accept().await.unwrap();
            client.write_all(answer).await.unwrap();
        }
        // The last one is taken and never answered.
        let (client, _) = listener.accept().await.unwrap();
        sleep(Duration::from_secs(60)).await;
        drop(client);
    });
    let bin = Bin::new();
    bin.drop_items(1);
    let uplink = bin.uplink(Settings {
        connect_timeout: Duration::from_millis(300),
        retry_min: Duration::from_millis(10),
        retry_max: Duration::from_millis(50),
        ..Settings::new("127.0.0.1".to_owned(), port, bin_name())
    });
    let mut status = uplink.status();
    let timed_out =
        |status: &Status| status.last_error.as_ref().is_some_and(|text| text.contains("no answer in time"));
    soon("the time limit", status.wait_for(timed_out)).await.unwrap();
    drop(status);
    assert_eq!(bin.outbox_len(), 1);
    assert!(!uplink.stop().await);
    server.abort();
}
