//! `bunri-hub --demo`: the pages over a made-up district, with nothing to install: no broker, no database server.
//!
//! What the bins say is invented here, and then goes the real way: JSON as the contract has it, `wire`, `store`. Only
//! MQTT is left out. The database is a file in a temporary folder that ends with the demo.
//!
//! Never listens beyond this machine, never reads a configuration, never keeps anything.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bunri_hub::clock::now_ms;
use bunri_hub::config::PageConfig;
use bunri_hub::ingest::Status;
use bunri_hub::store::{Batch, Store};
use bunri_hub::web::{Pages, user_line};
use bunri_hub::wire::{self, STREAMS};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::sync::watch;

/// The only login.
const LOGIN: &str = "demo";
const PASSWORD: &str = "demo-password";
const DISTRICT: &str = "yangcheon";
const BINS: [&str; 8] =
    ["mok-1", "mok-2", "mok-3", "sinjeong-1", "sinjeong-2", "sinwol-1", "sinwol-2", "sinwol-3"];
/// Where the first one would stand, and how far the next is from it, degrees.
const PLACE: [f64; 2] = [126.866, 37.517];
const APART: f64 = 0.004;
/// What each bin has compartments for: the first streams of the contract.
const COMPARTMENTS: u64 = 6;
/// Items that fit into one of them.
const HOLDS: u64 = 120;
/// The bin with something wrong.
const JAMMED: &str = "sinjeong-2";
const HISTORY: Duration = Duration::from_secs(3 * 24 * 3600);
/// In the history an item comes to each bin this often on average, now somewhere in the district this often.
const THEN_EVERY_MS: u64 = 12 * 60_000;
const NOW_EVERY: Duration = Duration::from_millis(700);

/// One bin that is not there.
struct MadeUp {
    name: &'static str,
    random: fastrand::Rng,
    seq: u64,
    streams: [u64; 9],
    rejected: u64,
    returned: u64,
    /// The compartment that is full, if one is.
    full: Option<u64>,
    /// Items in each compartment.
    inside: [u64; COMPARTMENTS as usize],
}

/// Runs until the process is told to stop.
pub(crate) async fn run(port: u16, stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let url = format!("sqlite://{}/hub.db", folder.path().display());
    let store = Arc::new(Store::open(&url, 4).await?);
    let mut bins: Vec<_> = BINS.iter().zip(0..).map(|(name, seed)| MadeUp::new(name, seed)).collect();
    tracing::info!(bins = bins.len(), "inventing three days of a district");
    let now_ms = now_ms();
    for bin in &mut bins {
        bin.history(&store, now_ms).await?;
    }
    let status = Status { connected: true, ..Status::default() };
    let (_status, seen) = watch::channel(status);
    let config = page(folder.path(), port)?;
    let pages = Pages::open(&config, Arc::clone(&store), seen, TimeZone::get("Asia/Seoul")?).await?;
    let address = pages.address()?;
    tracing::info!(
        "residents: http://{address}/open    the district: http://{address}/ as {LOGIN}, password {PASSWORD}"
    );
    let served = tokio::spawn(pages.serve(stop.clone()));
    live(&mut bins, &store, stop).await?;
    served.await.context("the pages failed")??;
    store.close().await;
    Ok(())
}

/// The files that the pages want, in the temporary folder.
fn page(folder: &Path, port: u16) -> anyhow::Result<PageConfig> {
    let (users_file, locations_file) = (folder.join("users"), folder.join("bins.geojson"));
    std::fs::write(&users_file, user_line(LOGIN, PASSWORD)?)?;
    let features = BINS.iter().zip(0_u8..).map(|(name, number)| {
        let (column, row) = (f64::from(number % 3), f64::from(number / 3));
        let place = [PLACE[0] + APART * column, PLACE[1] - APART * row];
        json!({"type": "Feature", "id": format!("{DISTRICT}/{name}"),
               "geometry": {"type": "Point", "coordinates": place}})
    });
    let features: Vec<Value> = features.collect();
    std::fs::write(&locations_file, json!({"type": "FeatureCollection", "features": features}).to_string())?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(PageConfig {
        listen,
        users_file,
        behind_tls: false,
        locations_file: Some(locations_file),
        files_folder: None,
        streams: BTreeMap::new(),
    })
}

/// Items now and then, until `stop`.
async fn live(bins: &mut [MadeUp], store: &Store, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            () = tokio::time::sleep(NOW_EVERY) => {}
        }
        // The last one is away.
        let bin = fastrand::usize(0..bins.len() - 1);
        let mut said = Said::default();
        bins[bin].item(&mut said, now_ms());
        bins[bin].counts(&mut said, now_ms());
        bins[bin].condition(&mut said, now_ms());
        said.write(store).await?;
    }
}

/// Messages on their way to the store.
#[derive(Default)]
struct Said {
    batch: Batch,
    messages: usize,
}

impl Said {
    fn take(&mut self, topic: &str, event: &Value) {
        let payload = event.to_string();
        match wire::parse(topic, payload.as_bytes()) {
            Ok(message) => self.batch.add(message, false),
            Err(refusal) => self.batch.add_dead(topic, payload.as_bytes(), &refusal.to_string()),
        }
        self.messages += 1;
    }

    async fn write(&mut self, store: &Store) -> anyhow::Result<()> {
        store.write(&std::mem::take(&mut self.batch), now_ms()).await?;
        self.messages = 0;
        Ok(())
    }
}

impl MadeUp {
    fn new(name: &'static str, seed: u64) -> Self {
        let full = (seed % 3 == 1).then_some(seed % COMPARTMENTS);
        let mut random = fastrand::Rng::with_seed(seed);
        let inside = std::array::from_fn(|_| random.u64(0..HOLDS / 2));
        Self { name, random, seq: 0, streams: [0; 9], rejected: 0, returned: 0, full, inside }
    }

    fn epoch(&self) -> String {
        format!("demo-{}", self.name)
    }

    /// What it said in the days before; the last of all bins is away since.
    async fn history(&mut self, store: &Store, now_ms: i64) -> anyhow::Result<()> {
        let mut said = Said::default();
        let begin_ms = now_ms - i64::try_from(HISTORY.as_millis())?;
        self.availability(&mut said, "connected", begin_ms);
        let mut time_ms = begin_ms;
        let full = self.full.take();
        while time_ms < now_ms {
            self.full = full.filter(|_| now_ms - time_ms < 3_600_000);
            self.item(&mut said, time_ms);
            if self.seq.is_multiple_of(40) {
                self.correction(&mut said, time_ms);
            }
            time_ms += i64::try_from(self.random.u64(1..2 * THEN_EVERY_MS))?;
            if said.messages >= 500 {
                said.write(store).await?;
            }
        }
        self.counts(&mut said, now_ms);
        self.condition(&mut said, now_ms);
        if Some(&self.name) == BINS.last() {
            self.availability(&mut said, "connection_lost", now_ms);
            said.take(&format!("dt/recycle/{DISTRICT}/{}/drop", self.name), &json!({"specversion": "1.0"}));
        }
        said.write(store).await
    }

    fn item(&mut self, said: &mut Said, time_ms: i64) {
        self.seq += 1;
        let kind = self.random.u64(0..COMPARTMENTS);
        let reason = match self.random.u8(0..40) {
            _ if self.full == Some(kind) => Some("compartment_full"),
            0..2 => Some("not_sure"),
            2 => Some("two_items"),
            3 => Some("unknown"),
            _ => None,
        };
        let (seen, is_back) = (STREAMS[usize::try_from(kind).unwrap_or(0)], reason == Some("two_items"));
        let accepted = reason.is_none();
        match (accepted, is_back) {
            (true, _) => {
                let place = usize::try_from(kind).unwrap_or(0);
                self.streams[place] += 1;
                // The crew comes before it is full.
                self.inside[place] = (self.inside[place] + 1) % HOLDS;
            }
            (false, true) => self.returned += 1,
            (false, false) => {
                self.rejected += 1;
                self.streams[8] += 1;
            }
        }
        let data = json!({
            "epoch": self.epoch(), "seq": self.seq, "stream": if accepted { seen } else { "general" }, "seen": seen,
            "label": seen, "probability": f64::from(self.random.u32(7_000..10_000)) / 1e4, "accepted": accepted,
            "reason": reason, "compartment": (!is_back).then_some(kind),
            "timings": {"settled_to_decided_ms": self.random.u32(90..400), "decided_to_confirmed_ms": 2_300},
            "clock_synchronised": true, "late": false,
        });
        self.say(said, "drop", &format!("{}:{}", self.epoch(), self.seq), time_ms, &data);
    }

    fn counts(&mut self, said: &mut Said, time_ms: i64) {
        let streams: serde_json::Map<String, Value> = STREAMS
            .iter()
            .zip(self.streams)
            .map(|(stream, items)| ((*stream).to_owned(), items.into()))
            .collect();
        let total: u64 = self.streams.iter().sum();
        let data = json!({
            "epoch": self.epoch(), "last_seq": self.seq, "streams": streams, "total": total,
            "rejected": self.rejected, "returned": self.returned, "voided": 0,
        });
        self.say(said, "counts", &format!("{}:{}:counts:{time_ms}", self.epoch(), self.seq), time_ms, &data);
    }

    /// How it is: its compartments, its health, and one bin's alarm.
    fn condition(&self, said: &mut Said, time_ms: i64) {
        let compartments = self.inside.iter().zip(0..).map(|(items, kind)| {
            let full = self.full == Some(kind);
            #[allow(clippy::cast_precision_loss, reason = "a share with two decimals")]
            let level = if full { 1.0 } else { (*items as f64 / HOLDS as f64 * 100.0).round() / 100.0 };
            json!({
                "position": kind, "stream": STREAMS[usize::try_from(kind).unwrap_or(0)], "level": level,
                "basis": if full { "said" } else { "counts" }, "items": items, "full": full, "closed": false,
                "emptied": Timestamp::from_millisecond(time_ms - 20_000_000).unwrap_or_default().to_string(),
            })
        });
        let compartments: Vec<Value> = compartments.collect();
        self.say(
            said,
            "fill",
            &format!("demo:fill:{time_ms}"),
            time_ms,
            &json!({"compartments": compartments}),
        );
        let alarms: &[&str] = if self.name == JAMMED { &["jam"] } else { &[] };
        let health = json!({
            "state": "empty", "alarms": alarms, "temperature_c": 41.5, "clock_synchronised": true, "up_s": 86_400,
            "disk": {"free_bytes": 21_474_836_480_u64, "size_bytes": 31_138_512_896_u64}, "waiting": 0,
        });
        self.say(said, "health", &format!("demo:health:{time_ms}"), time_ms, &health);
        let twin = json!({"software": "0.1.0", "model": "bunri-lite0 2026.11.23-1", "configuration": "demo"});
        self.say(said, "twin", "demo:1:twin", time_ms, &twin);
    }

    /// The crew looks into a bag, and agrees three times of four.
    fn correction(&mut self, said: &mut Said, time_ms: i64) {
        let (seen, number) = (STREAMS[self.random.usize(0..3)], self.seq / 40);
        let truth = if self.random.u8(0..4) == 0 { "plastic" } else { seen };
        let data = json!({
            "epoch": self.epoch(), "seq": self.seq, "number": number, "truth": truth, "seen": seen, "stream": seen,
            "label": seen, "model": "demo 1.0", "clock_synchronised": true, "late": false,
        });
        self.say(said, "correction", &format!("{}:correction:{number}", self.epoch()), time_ms, &data);
    }

    fn availability(&self, said: &mut Said, cause: &str, time_ms: i64) {
        let state = if cause == "connected" { "online" } else { "offline" };
        self.say(
            said,
            "availability",
            &format!("demo:1:{cause}"),
            time_ms,
            &json!({"state": state, "cause": cause}),
        );
    }

    fn say(&self, said: &mut Said, what: &str, id: &str, time_ms: i64, data: &Value) {
        let tree = if ["availability", "twin"].contains(&what) { "st" } else { "dt" };
        let source = format!("/recycle/{DISTRICT}/{}", self.name);
        let event = json!({
            "specversion": "1.0", "id": id, "source": source, "type": format!("kr.yangcheon.bunri.{what}.v1"),
            "time": Timestamp::from_millisecond(time_ms).unwrap_or_default().to_string(),
            "datacontenttype": "application/json", "data": data,
        });
        said.take(&format!("{tree}{source}/{what}"), &event);
    }
}
