//! What `deploy/` ships works: the broker's configuration on a real mosquitto with TLS, users and access list, the hub's
//! against it, the dashboard's questions against the real tables, and every file parses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support;

use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bunri_hub::config::Config;
use bunri_hub::ingest::{self, BrokerSettings, Status};
use bunri_hub::store::{Batch, Store};
use bunri_hub::wire;
use rumqttc::{AsyncClient, MqttOptions, PublishOptions, Transport};
use serde_json::Value;
use support::broker::Broker;
use support::certificates::Authority;
use support::events::{availability_event, counts_event, drop_event, epoch_of, topic};
use support::postgres::Postgres;
use support::until;
use tokio::sync::watch;
use tokio::task::JoinHandle;

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

/// The shipped broker on a free port, with certificates and users of this test.
struct Shipped {
    broker: Broker,
    authority: Authority,
    folder: PathBuf,
}

impl Shipped {
    /// `more` is added to the shipped configuration.
    async fn start(more: &str) -> Self {
        let (mut broker, authority) = (Broker::prepare(), Authority::new("the city"));
        let folder = broker.folder().to_owned();
        authority.issue(&folder, "server", "localhost");
        authority.write(&folder, "ca.pem");
        std::fs::copy(deploy("mosquitto/access"), folder.join("access")).unwrap();
        std::fs::write(folder.join("passwords"), "").unwrap();
        for user in ["hub", "yangcheon/mok-1", "yangcheon/mok-2"] {
            let mut command = Command::new("mosquitto_passwd");
            let command = command.arg("-b").arg(folder.join("passwords")).args([user, "a long secret"]);
            assert!(command.stderr(Stdio::null()).status().unwrap().success());
        }
        let shipped = read_to_string(deploy("mosquitto/mosquitto.conf")).unwrap();
        let shipped = shipped
            .replace("/mosquitto/config", &folder.display().to_string())
            .replace("/mosquitto/data", &folder.display().to_string())
            .replace("listener 8883", &format!("listener {} 127.0.0.1", broker.port));
        std::fs::write(folder.join("mosquitto.conf"), format!("{shipped}user root\n{more}")).unwrap();
        broker.launch().await;
        Self { broker, authority, folder }
    }

    fn settings(&self) -> BrokerSettings {
        BrokerSettings {
            username: Some("hub".to_owned()),
            password: Some("a long secret".to_owned()),
            ca_file: Some(self.folder.join("ca.pem")),
            retry_min: Duration::from_millis(20),
            retry_max: Duration::from_millis(200),
            ..BrokerSettings::new("localhost", self.broker.port, "1")
        }
    }

    /// As that bin's user would: sends messages and waits until each was answered.
    async fn publish_as(&self, user: &str, messages: Vec<(String, Vec<u8>)>) {
        let mut options = MqttOptions::new(user.replace('/', "-"), ("localhost", self.broker.port));
        options.set_credentials(user, "a long secret");
        options.set_transport(Transport::tls(std::fs::read(self.folder.join("ca.pem")).unwrap(), None, None));
        let (client, mut event_loop) = AsyncClient::builder(options).capacity(64).build();
        let traffic = tokio::spawn(async move { while event_loop.poll().await.is_ok() {} });
        for (topic, payload) in messages {
            let sent = client.publish_tracked(topic, payload, PublishOptions::at_least_once()).await.unwrap();
            // A refused message is answered too.
            let _ =
                tokio::time::timeout(Duration::from_secs(20), sent.wait_completion_async()).await.unwrap();
        }
        traffic.abort();
    }
}

struct Hub {
    store: Arc<Store>,
    status: watch::Receiver<Status>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Hub {
    async fn start(settings: BrokerSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/hub.db", folder.path().display());
        let store = Arc::new(Store::open(&url, 2).await.unwrap());
        let (sender, status) = watch::channel(Status::default());
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(ingest::run(settings, Arc::clone(&store), sender, stop.subscribe()));
        Self { store, status, stop, task, _folder: folder }
    }

    async fn connected(&mut self) {
        let wait = self.status.wait_for(|status| status.connected);
        assert!(tokio::time::timeout(Duration::from_secs(30), wait).await.is_ok(), "no subscription");
    }

    /// What it says of why it is not connected.
    async fn refusal(mut self) -> String {
        let wait = self.status.wait_for(|status| status.last_error.is_some());
        let status = tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap().unwrap().clone();
        self.stop().await;
        assert!(!status.connected);
        status.last_error.unwrap()
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_broker_lets_hubs_hear_everything_and_bins_speak_for_themselves_only() {
    let shipped = Shipped::start("").await;
    let mut hub = Hub::start(shipped.settings()).await;
    hub.connected().await;
    let drop = |bin: &str, seq| (topic(bin, "drop"), drop_event(bin, &epoch_of(bin), seq, false));
    let own = vec![drop("mok-1", 1), drop("mok-1", 2)];
    let foreign = vec![drop("mok-2", 1)];
    shipped.publish_as("yangcheon/mok-1", [own, foreign].concat()).await;
    shipped.publish_as("yangcheon/mok-2", vec![drop("mok-2", 2)]).await;
    until("three drops", || async { hub.status.borrow().written.new == 3 }).await;
    let bins = hub.store.reconcile(0).await.unwrap();
    let held: Vec<_> = bins.iter().map(|check| (check.bin.as_str(), check.held)).collect();
    assert_eq!(held, [("mok-1", 2), ("mok-2", 1)]);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_the_brokers_or_the_hubs_says_what_to_look_at() {
    let shipped = Shipped::start("").await;
    let good = shipped.settings();
    let other = Authority::new("somebody else").write(&shipped.folder, "other.pem");
    let cases = [
        (BrokerSettings { ca_file: Some(other), ..good.clone() }, "UnknownIssuer"),
        (BrokerSettings { host: "127.0.0.1".to_owned(), ..good.clone() }, "not valid for name"),
        (BrokerSettings { password: Some("wrong".to_owned()), ..good.clone() }, "refuses this hub"),
        (BrokerSettings { ca_file: Some(shipped.folder.join("nowhere.pem")), ..good.clone() }, "cannot read"),
        (BrokerSettings { ca_file: None, ..good }, "check host, port, TLS"),
    ];
    for (settings, word) in cases {
        let said = Hub::start(settings).await.refusal().await;
        assert!(said.contains(word), "{word} is not in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_asks_for_certificates_gets_the_hubs() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let more = format!("cafile {}\nrequire_certificate true\n", ca.display());
    // The broker reads the file when it starts, so the authority comes first.
    let clients = Authority::new("clients");
    clients.write(folder.path(), "ca.pem");
    let shipped = Shipped::start(&more).await;
    let own = clients.issue(folder.path(), "hub", "hub");
    let mut hub = Hub::start(BrokerSettings { certificate: Some(own), ..shipped.settings() }).await;
    hub.connected().await;
    hub.stop().await;
    let foreign = shipped.authority.issue(folder.path(), "foreign", "hub");
    for certificate in [None, Some(foreign)] {
        let said = Hub::start(BrokerSettings { certificate, ..shipped.settings() }).await.refusal().await;
        assert!(said.contains("check host, port, TLS") || said.contains("lost"), "{said}");
    }
}

#[test]
fn the_shipped_hub_configuration_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password"), "a long secret").unwrap();
    std::fs::write(folder.path().join("url"), "postgres://hub:secret@postgres/hub").unwrap();
    let text = read_to_string(deploy("hub/hub.toml")).unwrap();
    let text =
        text.replace("/run/secrets/hub-password", "password").replace("/run/secrets/database-url", "url");
    std::fs::write(folder.path().join("hub.toml"), text).unwrap();
    let config = Config::read(&folder.path().join("hub.toml")).unwrap();
    assert!(config.broker.ca_file.is_some() && config.page.unwrap().behind_tls);
}

/// Every question of the dashboard, with Grafana's own words replaced by a time span.
fn questions() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&read_to_string(deploy("grafana/dashboards/bunri.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let texts = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let texts = texts.map(|target| target["rawSql"].as_str().unwrap());
    texts
        .map(|sql| sql.replace("$__unixEpochFrom()", "1772000000").replace("$__unixEpochTo()", "1773000000"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_asks_what_the_tables_can_answer_and_its_reader_cannot_write() {
    let postgres = Postgres::start().await;
    let url = postgres.database().await;
    let name = url.rsplit_once('/').unwrap().1.to_owned();
    let store = Store::open(&url, 2).await.unwrap();
    let mut batch = Batch::default();
    for seq in 1..=100 {
        let payload = drop_event("mok-1", &epoch_of("mok-1"), seq, false);
        batch.add(wire::parse(&topic("mok-1", "drop"), &payload).unwrap(), false);
    }
    let counts = counts_event("mok-1", &epoch_of("mok-1"), 100, &[]);
    batch.add(wire::parse(&topic("mok-1", "counts"), &counts).unwrap(), false);
    let online = availability_event("mok-1", "run:1", "connected");
    batch.add(wire::parse(&topic("mok-1", "availability"), &online).unwrap(), false);
    batch.add_dead("dt/x", b"{}", "a test");
    store.write(&batch, 1_772_500_000_000).await.unwrap();
    store.close().await;

    let reader = read_to_string(deploy("grafana/reader.sql")).unwrap().replace(":'password'", "'secret'");
    assert!(postgres.run(&reader, &name));
    let as_reader = |sql: &str| postgres.run(&format!("SET ROLE grafana; {sql}"), &name);
    let questions = questions();
    assert!(questions.len() >= 10, "{questions:#?}");
    for sql in &questions {
        assert!(!sql.contains("$__"), "{sql}");
        assert!(as_reader(sql), "{sql}");
    }
    assert!(!as_reader("DELETE FROM drops"));
    assert!(!as_reader("SELECT * FROM sessions"));
}

#[test]
fn every_yaml_file_parses_and_names_only_files_that_are_there() {
    let yaml =
        |path: &str| -> Value { serde_saphyr::from_str(&read_to_string(deploy(path)).unwrap()).unwrap() };
    let compose = yaml("compose.yaml");
    let services = compose["services"].as_object().unwrap();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["grafana", "hub", "mosquitto", "postgres"]);
    let mounts = services.values().flat_map(|service| service["volumes"].as_array().unwrap());
    for mount in mounts.filter_map(|mount| mount.as_str()?.split(':').next()?.strip_prefix("./")) {
        assert!(deploy(mount).is_dir(), "{mount}");
    }
    assert!(deploy("Dockerfile").is_file());
    // Only the broker is open to the outside.
    for (name, service) in services {
        let ports = service["ports"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(
            ports.iter().all(|port| name == "mosquitto" || port.as_str().unwrap().starts_with("127.0.0.1:"))
        );
    }
    let source = yaml("grafana/provisioning/datasources/postgres.yaml");
    assert_eq!(source["datasources"][0]["uid"], "bunri");
    let provider = yaml("grafana/provisioning/dashboards/bunri.yaml");
    assert_eq!(provider["providers"][0]["options"]["path"], "/var/lib/grafana/dashboards");
}
