//! `make throughput`: how many drops a second one bunri-hub on one core puts into PostgreSQL, against the way a simple
//! script does it on the same core: a drop, its commit, its acknowledgement, the next drop.
//!
//! All find the same messages waiting at the same mosquitto and write to the same PostgreSQL, with every commit on the
//! disk (`fsync` on). The simple way is measured twice: into the hub's own six tables, with totals and without
//! repetitions; and with every advantage but batches, into a single table with a single prepared statement.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed bench should stop there"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bunri_hub::clock::{Stopwatch, now_ms};
use bunri_hub::store::{Batch, Store};
use bunri_hub::wire::{self, Body, Message};
use rumqttc::mqttbytes::v5::{Packet, SubscribeFilter};
use rumqttc::{AckMode, AsyncClient, Event, MqttOptions, QoS};
use sqlx::{Connection as _, Executor as _};
use support::broker::Broker;
use support::events::{drop_event, epoch_of, topic};
use support::postgres::Postgres;
use support::publisher::publish;
use support::{free_port, until};

/// The core that both contenders are held to.
const CORE: &str = "0";
/// Bins that the messages come from.
const BINS: u64 = 500;
/// Messages for the hub, and for the simple way, which would take minutes for as many.
const FOR_THE_HUB: u64 = 120_000;
const FOR_SIMPLE: u64 = 3_000;
/// The first argument of this program when it is to be the simple way itself.
const ALL_TABLES: &str = "--drop-by-drop";
const ONE_TABLE: &str = "--row-by-row";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, port, url] = arguments.as_slice()
        && [ALL_TABLES, ONE_TABLE].contains(&mode.as_str())
    {
        return simple(mode, port.parse().unwrap(), url).await;
    }
    let postgres = Postgres::start_durable().await;
    let hub = measure_hub(&postgres).await;
    println!(
        "bunri-hub                  {hub:>6.0} drops a second on one core ({FOR_THE_HUB} drops of {BINS} bins)"
    );
    for (mode, what) in [(ALL_TABLES, "the same, drop by drop"), (ONE_TABLE, "one table, row by row")] {
        let rate = measure_simple(&postgres, mode).await;
        println!(
            "{what:<25}  {rate:>6.0} drops a second, {:.1} times fewer ({FOR_SIMPLE} drops)",
            hub / rate
        );
    }
}

/// Drops of all bins, each bin's in order.
fn messages(count: u64) -> Vec<(String, Vec<u8>)> {
    let message = |number: u64| {
        let bin = format!("bin-{}", number % BINS);
        (topic(&bin, "drop"), drop_event(&bin, &epoch_of(&bin), number / BINS + 1, false))
    };
    (0..count).map(message).collect()
}

fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", CORE]).arg(program);
    command
}

async fn measure_hub(postgres: &Postgres) -> f64 {
    let (broker, url, page) = (Broker::start().await, postgres.database().await, free_port());
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    let text = format!(
        "[hub]\nname = '1'\n[broker]\nhost = '127.0.0.1'\nport = {}\n[database]\nurl = '{url}'\n\
         [page]\nlisten = '127.0.0.1:{page}'\nusers_file = 'users'\n",
        broker.port
    );
    std::fs::write(&config, text).unwrap();
    std::fs::write(folder.path().join("users"), "").unwrap();
    let start = || {
        let mut command = pinned(Path::new(env!("CARGO_BIN_EXE_bunri-hub")));
        command.args(["run", "--config"]).arg(&config).env("RUST_LOG", "error").spawn().unwrap()
    };
    // Once, so that the broker keeps what comes for it.
    let mut hub = start();
    until("a subscribed hub", || support::is_healthy(page)).await;
    end(&mut hub);
    publish(broker.port, messages(FOR_THE_HUB)).await;
    let mut hub = start();
    let rate = watch(async || support::messages_taken(page).await, FOR_THE_HUB).await;
    end(&mut hub);
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let held: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM drops").fetch_one(&mut connection).await.unwrap();
    assert_eq!(held.unsigned_abs(), FOR_THE_HUB, "the hub said that it held more");
    let size = "SELECT pg_database_size(current_database()) - pg_database_size('postgres')";
    let bytes: i64 = sqlx::query_scalar(size).fetch_one(&mut connection).await.unwrap();
    println!(
        "on disk        {:>9} bytes a drop, with its indices and totals",
        bytes.unsigned_abs() / FOR_THE_HUB
    );
    rate
}

async fn measure_simple(postgres: &Postgres, mode: &str) -> f64 {
    let (broker, url) = (Broker::start().await, postgres.database().await);
    let mut command = pinned(&std::env::current_exe().unwrap());
    let command = command.args([mode, &broker.port.to_string(), &url]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut answers = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    assert_eq!(line, "subscribed\n");
    publish(broker.port, messages(FOR_SIMPLE)).await;
    child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let count = async || {
        let rows = sqlx::query_scalar("SELECT COUNT(*) FROM drops").fetch_one(&mut connection).await;
        rows.map_or(0, i64::unsigned_abs)
    };
    let rate = watch(count, FOR_SIMPLE).await;
    child.kill().unwrap();
    child.wait().unwrap();
    rate
}

fn end(child: &mut Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

/// Rows a second from the first ones seen to the last.
async fn watch(mut count: impl AsyncFnMut() -> u64, wanted: u64) -> f64 {
    let mut first: Option<(Stopwatch, u64)> = None;
    loop {
        let rows = count().await;
        if let Some((since, at_first)) = first
            && rows >= wanted
        {
            #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
            return (rows - at_first) as f64 / since.elapsed().as_secs_f64();
        }
        if rows > 0 && first.is_none() {
            first = Some((Stopwatch::start(), rows));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The simple way: subscribes, waits for a line on its input, then stores and acknowledges one drop after another.
async fn simple(mode: &str, port: u16, url: &str) {
    let mut way = if mode == ALL_TABLES {
        Way::AllTables(Store::open(url, 2).await.unwrap())
    } else {
        Way::OneTable(one_table(url).await)
    };
    let mut options = MqttOptions::new("simple", ("127.0.0.1", port));
    options.set_ack_mode(AckMode::Manual);
    options.set_keep_alive(3_600);
    // Room for every acknowledgement: the loop takes them only after the messages that it has already read.
    let room = usize::try_from(FOR_SIMPLE).unwrap() + 1;
    let (client, mut event_loop) = AsyncClient::builder(options).capacity(room).build();
    client.subscribe_many([SubscribeFilter::new("dt/recycle/+/+/drop", QoS::AtLeastOnce)]).await.unwrap();
    while !matches!(event_loop.poll().await.unwrap(), Event::Incoming(Packet::SubAck(_))) {}
    println!("subscribed");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    loop {
        let Event::Incoming(Packet::Publish(publish)) = event_loop.poll().await.unwrap() else { continue };
        let message = wire::parse(&String::from_utf8_lossy(&publish.topic), &publish.payload).unwrap();
        way.store(message).await;
        client.ack(&publish).await.unwrap();
    }
}

enum Way {
    AllTables(Store),
    OneTable(sqlx::PgConnection),
}

impl Way {
    async fn store(&mut self, message: Message) {
        match self {
            Self::AllTables(store) => {
                let mut one = Batch::default();
                one.add(message, false);
                store.write(&one, now_ms()).await.unwrap();
            }
            Self::OneTable(database) => insert(database, message).await,
        }
    }
}

async fn one_table(url: &str) -> sqlx::PgConnection {
    let mut database = sqlx::PgConnection::connect(url).await.unwrap();
    let table = "CREATE TABLE drops (bin TEXT, epoch TEXT, seq BIGINT, time_ms BIGINT, stream TEXT, seen TEXT, \
                 label TEXT, probability DOUBLE PRECISION, accepted BOOLEAN, reason TEXT, PRIMARY KEY (bin, epoch, seq))";
    database.execute(table).await.unwrap();
    database
}

async fn insert(database: &mut sqlx::PgConnection, message: Message) {
    let Body::Drop(drop) = message.body else { panic!("only drops were published") };
    let insert = "INSERT INTO drops VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    sqlx::query(insert)
        .bind(message.bin.bin)
        .bind(drop.epoch)
        .bind(i64::try_from(drop.seq).unwrap())
        .bind(message.time_ms)
        .bind(drop.stream)
        .bind(drop.seen)
        .bind(drop.label)
        .bind(drop.probability)
        .bind(drop.accepted)
        .bind(drop.reason)
        .execute(database)
        .await
        .unwrap();
}
