//! The real daemon, stopped and killed: in order, in the middle of a drop, and with its hub away.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test stops where it failed")]

#[allow(dead_code, reason = "each test file uses its part")]
mod program;
mod support {
    #[allow(dead_code, reason = "each test file uses its part")]
    pub(crate) mod gate;
}

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use bunri::commands::demo_hub::{HubListener, LocalBroker, Received};
use bunri::tally::{Report, verify};
use bunri::uplink::{BinName, Settings};
use rustix::process::Signal;
use tokio::sync::watch;

use program::running::{Running, pause};
use program::{Bin, Ran, bunri, clip_folder, path_value};
use support::gate::Gate;

/// Every wait ends here at the latest.
const LIMIT: Duration = Duration::from_secs(60);

/// Three seconds made of one of the demo's clips: empty, an item that lies there, empty. What the flap does takes
/// its own time; a drop passes through every state of the judge.
fn short_clip(bin: &Bin, from: &str) -> toml::Value {
    let folder = bin.path("clips").join(from);
    std::fs::create_dir_all(&folder).unwrap();
    for (picture, frame) in [("0000", "0000"), ("0041", "0025"), ("0136", "0065")] {
        let source = clip_folder(from).join(picture).with_extension("jpg");
        std::fs::copy(source, folder.join(frame).with_extension("jpg")).unwrap();
    }
    let stream = if from == "can" { "can" } else { "paper" };
    let toml = format!(
        "fps = 30\nframes = 90\n[[item]]\nstream = \"{stream}\"\nfirst_frame = 25\nlast_frame = 64\n"
    );
    std::fs::write(folder.join("clip.toml"), toml).unwrap();
    path_value(folder)
}

fn short_bin() -> Bin {
    let mut bin = Bin::new();
    let clips = vec![short_clip(&bin, "can"), short_clip(&bin, "cardboard-box")];
    bin.set("camera.replay.clips", clips);
    bin
}

fn ledger(bin: &Bin) -> PathBuf {
    bin.state().join("tally.db")
}

/// The ledger as `bunri tally verify` sees it, which must find it sound.
fn sound(bin: &Bin) -> Report {
    Ran::of(bunri(["tally", "verify", "--ledger"]).arg(ledger(bin))).fine();
    verify(&ledger(bin)).unwrap()
}

/// Starts `bunri run`, with the judge's states in its log.
fn run(bin: &Bin) -> Running {
    Running::start(bin.command("run").env("RUST_LOG", "bunri=debug"))
}

/// Waits until the judge goes into `state`.
fn wait_for_state(running: &mut Running, state: &str) {
    running.wait_for(&format!("to=\"{state}\""));
}

/// Waits until the drop under way has left the chamber and the flap goes home.
fn wait_for_drop(running: &mut Running) {
    wait_for_state(running, "clearing");
    wait_for_state(running, "homing");
}

/// A hub on loopback: a real mosquitto, a listener at it, and a gate before it for the bin.
struct Hub {
    broker: LocalBroker,
    gate: Gate,
    received: watch::Receiver<Received>,
    _listener: HubListener,
}

impl Hub {
    async fn start(users: &[(&str, &str)]) -> Self {
        let broker = LocalBroker::start(users, "").await.unwrap();
        let gate = Gate::before(broker.port()).await;
        let mut settings: Settings = broker.settings(BinName::new("yangcheon", "demo-1").unwrap());
        if let Some((name, password)) = users.first() {
            settings.username = Some((*name).to_owned());
            settings.password = Some(bunri::uplink::Secret::new((*password).to_owned()));
        }
        let listener = HubListener::start(settings).await.unwrap();
        Self { broker, gate, received: listener.received(), _listener: listener }
    }

    /// The bin of a configuration talks to this hub, through the gate.
    fn serves(&self, bin: &mut Bin) {
        bin.set("uplink.host", "127.0.0.1");
        bin.set("uplink.port", i64::from(self.gate.port));
    }

    /// Waits until the hub has understood that many different drops.
    async fn has(&mut self, drops: u64) {
        let enough = self.received.wait_for(|received| received.drops.len() as u64 >= drops);
        let waited = tokio::time::timeout(LIMIT, enough).await.map(drop);
        assert!(waited.is_ok(), "the hub has {:?} instead of {drops}", self.received.borrow().drops);
    }

    /// Asserts that the hub's drops are the ledger's confirmed ones, exactly.
    fn agrees_with(&self, bin: &Bin) {
        let export = Ran::of(bunri(["tally", "export", "--json", "--ledger"]).arg(ledger(bin))).fine().json();
        let confirmed: Vec<String> = export
            .iter()
            .filter(|line| line["state"] == "confirmed")
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .collect();
        let received = self.received.borrow();
        let at_hub: BTreeSet<&String> = received.drops.iter().map(|(_, id)| id).collect();
        assert_eq!(at_hub, confirmed.iter().collect());
        assert_eq!(received.drops.len(), confirmed.len(), "a drop is counted twice: {:?}", received.drops);
        assert_eq!(received.broken, 0);
        let counts = received.counts.values().next().unwrap();
        assert_eq!(counts.total + counts.returned, confirmed.len() as u64, "{counts:?}");
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Does what blocks beside the runtime, on which the hub goes on listening.
async fn meanwhile<T: Send + 'static>(
    mut running: Running,
    work: impl FnOnce(&mut Running) -> T + Send + 'static,
) -> (Running, T) {
    tokio::task::spawn_blocking(move || {
        let value = work(&mut running);
        (running, value)
    })
    .await
    .unwrap()
}

#[test]
fn told_to_stop_in_the_middle_of_a_drop_it_stops_in_order() {
    block_on(async {
        let mut hub = Hub::start(&[]).await;
        let mut bin = short_bin();
        hub.serves(&mut bin);
        let (running, ()) = meanwhile(run(&bin), |running| {
            running.wait_for("uplink connected");
            wait_for_drop(running);
            wait_for_state(running, "clearing");
        })
        .await;
        let log = tokio::task::spawn_blocking(move || running.stop()).await.unwrap();
        let steps: Vec<_> = log.iter().filter_map(|line| line.split("stop: ").nth(1)).collect();
        let expected =
            ["capture", "judge", "flap to rest", "ledger written", "uplink", "page", "ledger closed"];
        assert_eq!(steps, expected, "{log:#?}");
        assert!(log.iter().any(|line| line.contains("said_goodbye=true")), "{log:#?}");
        let report = sound(&bin);
        assert_eq!((report.runs, report.runs_lost), (1, 0), "{report}");
        assert_eq!((report.counts.confirmed(), report.open_intent), (1, Some(2)), "{report}");
        hub.has(1).await;
        hub.agrees_with(&bin);
    });
}

#[test]
fn killed_at_any_moment_of_a_drop_it_counts_each_item_once() {
    block_on(async {
        let mut hub = Hub::start(&[]).await;
        let mut bin = short_bin();
        hub.serves(&mut bin);
        // Intents on disk at the last kill: confirmed, or open and to be settled by the next run.
        let mut before = 0;
        let moments: [(&str, &[u64]); 7] = [
            ("settled", &[0]),
            // The kill may come before or after the disk has answered.
            ("decided", &[0, 1]),
            ("routing", &[1]),
            ("clearing", &[1]),
            ("homing", &[1]),
            ("arriving", &[0]),
            ("routing", &[1]),
        ];
        for (number, (state, may_add)) in (1..).zip(moments) {
            let (mut running, ()) = meanwhile(run(&bin), move |running| {
                // The start passes through some of the same states.
                wait_for_state(running, "arriving");
                if state != "arriving" {
                    wait_for_state(running, state);
                }
                running.signal(Signal::KILL);
            })
            .await;
            assert_eq!(running.end().code(), None, "killed by a signal");
            let report = sound(&bin);
            let now = report.counts.confirmed() + u64::from(report.open_intent.is_some());
            assert_eq!(report.counts.voided(), 0, "nothing came to nothing: {report}");
            assert!(
                now >= before && may_add.contains(&(now - before)),
                "killed in {state}: {before}, {report}"
            );
            assert_eq!(report.runs, number, "{report}");
            before = now;
        }
        let (running, ()) = meanwhile(run(&bin), |running| {
            wait_for_drop(running);
            wait_for_drop(running);
            wait_for_state(running, "empty");
        })
        .await;
        tokio::task::spawn_blocking(move || running.stop()).await.unwrap();
        let report = sound(&bin);
        assert_eq!((report.counts.confirmed(), report.open_intent), (before + 2, None), "{report}");
        assert_eq!((report.last_seq, report.runs_lost), (before + 2, 7), "no number is lost: {report}");
        assert_eq!(report.outbox, 0, "{report}");
        hub.has(before + 2).await;
        hub.agrees_with(&bin);
    });
}

#[test]
fn with_the_broker_away_it_sorts_on_and_tells_afterwards() {
    block_on(async {
        let mut hub = Hub::start(&[]).await;
        let mut bin = short_bin();
        hub.serves(&mut bin);
        let (running, ()) = meanwhile(run(&bin), |running| {
            wait_for_drop(running);
        })
        .await;
        hub.has(1).await;
        hub.gate.open(false);
        hub.gate.cut();
        hub.broker.kill().await;
        let path = ledger(&bin);
        let (running, away) = meanwhile(running, move |running| {
            running.wait_for("drops wait in the outbox");
            wait_for_drop(running);
            wait_for_drop(running);
            // The flap does not wait for the disk to take the end of the second one.
            wait_for_state(running, "clearing");
            verify(&path).unwrap()
        })
        .await;
        assert!(away.sound() && away.counts.confirmed() >= 3 && away.outbox >= 2, "{away}");
        assert!((hub.received.borrow().drops.len() as u64) < away.counts.confirmed());
        hub.broker.launch().await.unwrap();
        let listening = hub.received.wait_for(|received| received.listening);
        tokio::time::timeout(LIMIT, listening).await.unwrap().unwrap();
        hub.gate.open(true);
        let (running, ()) = meanwhile(running, |running| {
            running.wait_for("uplink connected");
            wait_for_state(running, "empty");
        })
        .await;
        hub.has(away.counts.confirmed()).await;
        tokio::task::spawn_blocking(move || running.stop()).await.unwrap();
        let report = sound(&bin);
        hub.has(report.counts.confirmed()).await;
        hub.agrees_with(&bin);
        assert_eq!(report.outbox, 0, "{report}");
    });
}

#[test]
fn a_broker_that_refuses_the_password_is_said_once_and_nothing_is_lost() {
    block_on(async {
        let hub = Hub::start(&[("bin", "right")]).await;
        let mut bin = short_bin();
        hub.serves(&mut bin);
        std::fs::write(bin.path("password"), "wrong\n").unwrap();
        bin.set("uplink.username", "bin");
        bin.set("uplink.password_file", path_value(bin.path("password")));
        let (running, line) = meanwhile(run(&bin), |running| {
            let line = running.wait_for("refuses this bin");
            wait_for_drop(running);
            wait_for_state(running, "empty");
            line
        })
        .await;
        let log = tokio::task::spawn_blocking(move || running.stop()).await.unwrap();
        let address = format!("127.0.0.1:{}", hub.gate.port);
        assert!(line.contains(&address) && line.contains("ERROR") && !line.contains("wrong"), "{line}");
        let loud = log.iter().filter(|line| line.contains("refuses this bin") && !line.contains("DEBUG"));
        assert_eq!(loud.count(), 1, "{log:#?}");
        let report = sound(&bin);
        assert!(report.counts.confirmed() >= 1, "{report}");
        assert_eq!(report.outbox, report.counts.confirmed(), "all of it waits: {report}");
    });
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_ledger_is_sound() {
    let bin = short_bin();
    let mut running = run(&bin);
    wait_for_drop(&mut running);
    running.signal(Signal::INT);
    running.signal(Signal::TERM);
    // Two signals may be taken as one; a third cannot.
    pause(Duration::from_millis(50));
    running.signal(Signal::INT);
    let code = running.end().code();
    assert!(code == Some(130) || code == Some(0), "{code:?}");
    sound(&bin);
}

#[test]
fn the_demo_agrees_and_says_so() {
    let bin = short_bin();
    let ran = Ran::of(bin.command("demo").args(["--for", "5s"])).fine();
    assert!(ran.stdout.contains("they agree"), "{ran}");
    let total = ran.stdout.lines().find_map(|line| line.strip_prefix("total")).unwrap();
    let total: Vec<u64> = total.split_whitespace().map(|number| number.parse().unwrap()).collect();
    assert!(total[0] >= 1 && total.iter().all(|number| *number == total[0]), "{ran}");
    // A line per drop: time, stream, probability, compartment, milliseconds from settled to verdict.
    let drops: Vec<_> =
        ran.stdout.lines().filter(|line| line.contains(" % ") && line.contains(" ms")).collect();
    assert_eq!(drops.len() as u64, total[0], "{ran}");
    assert!(drops.iter().all(|line| line.as_bytes()[2] == b':' && line.as_bytes()[5] == b':'), "{ran}");
}
