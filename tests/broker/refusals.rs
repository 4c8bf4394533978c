//! Brokers that say no, and things that are no broker.

use std::time::Duration;

use bunri::clock::{Clock, SystemClock};
use bunri::commands::demo_hub::{HubListener, LocalBroker};
use bunri::uplink::{Secret, Settings, Status};
use tokio::time::sleep;

use crate::support::bin::{Bin, bin_name, soon};
use crate::support::gate::Gate;
use crate::{assert_agreement, settings};

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
