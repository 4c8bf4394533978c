//! Bundles through the real program: packed, signed with a key made here, installed, used, and gone back from.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test stops where it failed")]

#[allow(dead_code, reason = "each test file uses its part")]
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bunri::identify::pack;
use minisign::KeyPair;
use rustix::process::Signal;
use serde_json::Value;

use program::running::{Running, pause};
use program::{Bin, Ran, bunri, clip_folder, copy_folder, root};

/// A bin that trusts a maker of bundles.
struct Street {
    bin: Bin,
    pair: KeyPair,
}

impl Street {
    fn new() -> Self {
        let mut street = Self { bin: Bin::new(), pair: KeyPair::generate_unencrypted_keypair().unwrap() };
        street.bin.set("model.keys", vec![street.pair.pk.to_base64()]);
        // A loaded machine must not decide this.
        street.bin.set("model.change.slowest_look_ms", 60_000);
        street
    }

    /// The shipped bundle as another version, packed by the program and signed.
    fn send(&self, version: &str) -> PathBuf {
        let folder = self.bin.path(version);
        copy_folder(&root().join("models/bunri-lite0"), &folder);
        let manifest = folder.join("manifest.toml");
        // Other reference pictures than its own.
        let text = fs::read_to_string(&manifest).unwrap();
        let text = text.split("\n[reference]\n").next().unwrap().to_owned();
        let _none = fs::remove_dir_all(folder.join("reference")).is_err();
        let line = text.lines().find(|line| line.starts_with("version = ")).unwrap();
        fs::write(&manifest, text.replacen(line, &format!("version = \"{version}\""), 1)).unwrap();
        let archive = self.bin.path(&format!("{version}.tar"));
        let mut pack = bunri(["model", "pack"]);
        pack.arg(&folder).arg(&archive).arg("--reference");
        pack.args([clip_folder("can").join("0041.jpg"), clip_folder("glass-bottle").join("0039.jpg")]);
        Ran::of(&mut pack).fine();
        self.sign(&archive);
        archive
    }

    /// Changes the manifest inside an archive, and signs it again.
    fn change(&self, archive: &Path, change: impl Fn(&str) -> String) {
        let mut files = BTreeMap::new();
        let bytes = fs::read(archive).unwrap();
        for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(name, bytes);
        }
        let manifest = String::from_utf8(files["manifest.toml"].clone()).unwrap();
        files.insert("manifest.toml".to_owned(), change(&manifest).into_bytes());
        fs::write(archive, pack(&files).unwrap()).unwrap();
        self.sign(archive);
    }

    fn sign(&self, archive: &Path) {
        let signed =
            minisign::sign(None, &self.pair.sk, fs::File::open(archive).unwrap(), None, None).unwrap();
        fs::write(format!("{}.minisig", archive.display()), signed.into_string()).unwrap();
    }

    /// `bunri model WHAT... --config ...`
    fn model(&self, what: &[&str]) -> Command {
        let mut command = bunri(["model"]);
        command.args(what).arg("--config").arg(self.bin.write());
        command
    }

    fn json(&self, what: &[&str]) -> Value {
        Ran::of(self.model(what).arg("--json")).fine().json().remove(0)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_signed_bundle_is_installed_used_and_gone_back_from() {
    let street = Street::new();
    let archive = street.send("2027.1");
    let shipped = street.json(&["list"])["factory"]["bundle"].as_str().unwrap().to_owned();
    assert_eq!(street.json(&["verify", text(&archive)])["sound"][0], "bunri-lite0 2027.1");
    assert_eq!(street.json(&["list"])["live"], Value::Null, "to verify installs nothing");

    let installed = street.json(&["install", "--at-once", text(&archive)]);
    assert_eq!(
        (&installed["installed"], &installed["state"]),
        (&"bunri-lite0@2027.1".into(), &"trial".into())
    );
    let list = street.json(&["list"]);
    assert_eq!(
        (&list["bundles"][0]["state"], &list["factory"]["state"]),
        (&"trial".into(), &"before".into())
    );
    assert_eq!(street.json(&["verify"])["sound"].as_array().unwrap().len(), 2);
    let check = Ran::of(&mut street.bin.command("check")).fine();
    assert!(check.stdout.contains("bundle bunri-lite0 2027.1"), "{check}");

    let said = Ran::of(&mut street.model(&["rollback"])).fine();
    assert!(said.stdout.contains("the factory's bundle is live"), "{said}");
    let check = Ran::of(&mut street.bin.command("check")).fine();
    assert!(check.stdout.contains(&format!("bundle {shipped}")), "{check}");
    Ran::of(&mut street.model(&["rollback"])).refuses(&["nothing to go back to"]);
    let listed = Ran::of(&mut street.model(&["list"])).fine();
    assert_eq!(listed.stdout.lines().count(), 2, "{listed}");
}

#[test]
fn the_running_bin_names_the_installed_bundle_and_passes_over_a_damaged_one() {
    let mut street = Street::new();
    street.bin.play(&["can"]);
    let archive = street.send("2027.1");
    street.json(&["install", "--at-once", text(&archive)]);
    let mut running = Running::start(&mut street.bin.command("run"));
    let started = running.wait_for("started");
    assert!(started.contains("bunri-lite0 2027.1"), "{started}");
    running.stop();

    let model = street.bin.state().join("bundles/bunri-lite0@2027.1/model.onnx");
    fs::write(&model, b"half of a network").unwrap();
    let mut running = Running::start(&mut street.bin.command("run"));
    running.wait_for("the new bundle is refused");
    let started = running.wait_for("started");
    assert!(!started.contains("2027.1"), "the factory's bundle: {started}");
    running.stop();
    let refused = street.json(&["list"])["refused"]["why"].as_str().unwrap().to_owned();
    assert!(refused.contains("model.onnx is not the file that was unpacked"), "{refused}");
    Ran::of(&mut street.model(&["verify"])).refuses(&["bunri-lite0@2027.1 is damaged", "install it again"]);
    street.json(&["install", text(&archive)]);
    Ran::of(&mut street.model(&["verify"])).fine();
}

#[test]
fn what_is_refused_is_one_line_that_says_why() {
    let mut street = Street::new();
    let archive = street.send("2027.1");
    let signature = format!("{}.minisig", archive.display());
    fs::rename(&signature, street.bin.path("elsewhere")).unwrap();
    Ran::of(&mut street.model(&["install", text(&archive)])).refuses(&["2027.1.tar.minisig", "copy both"]);
    let elsewhere = street.bin.path("elsewhere");
    street.json(&["verify", text(&archive), "--signature", text(&elsewhere)]);
    fs::rename(&elsewhere, &signature).unwrap();

    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&archive, bytes).unwrap();
    Ran::of(&mut street.model(&["install", text(&archive)])).refuses(&["2027.1.tar", "damaged, incomplete"]);
    Ran::of(&mut street.model(&["install", "/nowhere.tar"])).refuses(&["/nowhere.tar.minisig is not there"]);
    Ran::of(&mut street.model(&["verify", "bunri-lite0@1"])).refuses(&["no bundle 'bunri-lite0@1'"]);

    street.bin.set("model.keys", vec!["RWnonsense"]);
    Ran::of(&mut street.model(&["list"])).refuses(&["model.keys[0]", "not a minisign public key"]);
    street.bin.set("model.keys", Vec::<String>::new());
    Ran::of(&mut street.model(&["install", text(&archive)])).refuses(&["[model] keys"]);
}

#[test]
fn a_new_bundle_judges_beside_the_old_one_then_on_trial_and_then_stays() {
    let mut street = Street::new();
    street.bin.play(&["can"]);
    street.bin.set("model.change.shadow_items", 2);
    street.bin.set("model.change.trial_items", 2);
    let archive = street.send("2027.1");
    assert_eq!(street.json(&["install", text(&archive)])["state"], "shadow");
    let mut running = Running::start(&mut street.bin.command("run"));
    running.wait_for("a new bundle judges beside the live one");
    let old = running.wait_for("started");
    assert!(!old.contains("2027.1"), "{old}");
    running.wait_for("a new bundle is live, on trial");
    let new = running.wait_for("another bundle works");
    assert!(new.contains("bunri-lite0 2027.1"), "{new}");
    running.wait_for("the new bundle has proved itself");
    assert!(!running.log.iter().any(|line| line.contains("stop: ")), "nothing was stopped for it");
    running.stop();
    let list = street.json(&["list"]);
    assert_eq!((&list["bundles"][0]["state"], &list["refused"]), (&"live".into(), &Value::Null));
    // Every item of both is in the ledger once, with the bundle that judged it.
    let ledger = street.bin.state().join("tally.db");
    Ran::of(bunri(["tally", "verify", "--ledger"]).arg(&ledger)).fine();
    let drops = Ran::of(bunri(["tally", "export", "--json", "--ledger"]).arg(&ledger)).fine();
    assert!(
        drops.stdout.contains("bunri-lite0 2027.1") && drops.stdout.contains("bunri-lite0 2026."),
        "{drops}"
    );
}

#[test]
fn a_bundle_that_ends_the_process_twice_is_gone_at_the_third_start() {
    let mut street = Street::new();
    street.bin.play(&["can"]);
    let archive = street.send("2027.1");
    // The running bin notices what is installed beside it, and goes on with it.
    let mut running = Running::start(&mut street.bin.command("run"));
    running.wait_for("started");
    street.json(&["install", "--at-once", text(&archive)]);
    let works = running.wait_for("another bundle works");
    assert!(works.contains("bunri-lite0 2027.1"), "{works}");
    running.stop();
    for _ in 0..2 {
        let mut running = Running::start(&mut street.bin.command("run"));
        let started = running.wait_for("started");
        assert!(started.contains("bunri-lite0 2027.1"), "{started}");
        running.signal(Signal::KILL);
        running.end();
    }
    let mut running = Running::start(&mut street.bin.command("run"));
    running.wait_for("it ended the process 2 times");
    let started = running.wait_for("started");
    assert!(!started.contains("2027.1"), "{started}");
    running.stop();
    assert_eq!(street.json(&["list"])["refused"]["bundle"], "bunri-lite0@2027.1");
}

#[test]
fn a_bundle_that_ends_the_process_in_which_it_came_counts_that_end_too() {
    let mut street = Street::new();
    street.bin.play(&["can"]);
    let archive = street.send("2027.1");
    let mut running = Running::start(&mut street.bin.command("run"));
    running.wait_for("started");
    street.json(&["install", "--at-once", text(&archive)]);
    running.wait_for("another bundle works");
    running.signal(Signal::KILL);
    running.end();
    let mut running = Running::start(&mut street.bin.command("run"));
    assert!(running.wait_for("started").contains("bunri-lite0 2027.1"));
    running.signal(Signal::KILL);
    running.end();
    let mut running = Running::start(&mut street.bin.command("run"));
    running.wait_for("it ended the process 2 times");
    running.stop();
}

#[test]
fn a_bundle_that_is_too_slow_on_trial_gives_way_to_the_one_before_without_a_stop() {
    let mut street = Street::new();
    street.bin.play(&["can"]);
    let archive = street.send("2027.1");
    street.json(&["install", "--at-once", text(&archive)]);
    // From now on every look is too slow.
    street.bin.set("model.change.slowest_look_ms", 1);
    let mut running = Running::start(&mut street.bin.command("run"));
    let started = running.wait_for("started");
    assert!(started.contains("bunri-lite0 2027.1"), "{started}");
    assert!(running.wait_for("the new bundle is refused").contains("1 ms is the limit"));
    let works = running.wait_for("another bundle works");
    assert!(!works.contains("2027.1"), "the factory's: {works}");
    let stopped = running.log.iter().any(|line| line.contains("stop: "));
    assert!(!stopped, "nothing was stopped for it");
    running.stop();
    let refused = street.json(&["list"])["refused"]["why"].as_str().unwrap().to_owned();
    assert!(refused.contains("a look takes"), "{refused}");
}

#[test]
fn a_bundle_that_rejects_what_the_one_before_took_gives_way_to_it() {
    let mut street = Street::new();
    street.bin.play(&["can"]);
    street.bin.set("model.change.shadow_items", 1);
    // The shadow period would find it, too.
    street.bin.set("model.change.agreement", 0.0);
    let archive = street.send("2027.1");
    street.change(&archive, |good| good.replace("threshold = 0.90", "threshold = 1.00"));
    assert_eq!(street.json(&["install", text(&archive)])["state"], "shadow");
    let mut running = Running::start(&mut street.bin.command("run"));
    assert!(running.wait_for("another bundle works").contains("2027.1"));
    let refused = running.wait_for("the new bundle is refused");
    assert!(refused.contains("it rejected 100 % of the last 12 items"), "{refused}");
    assert!(!running.wait_for("another bundle works").contains("2027.1"));
    running.stop();
    let ledger = street.bin.state().join("tally.db");
    Ran::of(bunri(["tally", "verify", "--ledger"]).arg(&ledger)).fine();
}

/// `BUNRI_SWITCHES=200 BUNRI_CURVE=FILE cargo test --test model memory` writes the curve of docs/BUNDLES.md.
#[test]
fn the_memory_of_a_bin_that_switches_again_and_again_is_flat() {
    let switches: u64 = std::env::var("BUNRI_SWITCHES").map_or(8, |number| number.parse().unwrap());
    let mut street = Street::new();
    street.bin.play(&["can"]);
    let archive = street.send("2027.1");
    street.json(&["install", "--at-once", text(&archive)]);
    let switch = street.bin.state().join("bundles/switch.toml");
    let live = |id: &str| {
        let new = switch.with_extension("test");
        fs::write(&new, format!("format = 1\nlive = \"{id}\"\nbefore = []\n")).unwrap();
        fs::rename(&new, &switch).unwrap();
    };
    live("factory");
    let mut running = Running::start(&mut street.bin.command("run"));
    running.wait_for("started");
    let (mut curve, mut settled) = ("switch,resident_kib\n".to_owned(), 0);
    for number in 1..=switches {
        live(if number % 2 == 0 { "factory" } else { "bunri-lite0@2027.1" });
        running.wait_for("another bundle works");
        // The old one is dropped after that.
        pause(Duration::from_millis(400));
        // The first few fill the allocator's pools.
        if number <= 4 {
            settled = running.resident_kib();
        }
        curve.push_str(&format!("{number},{}\n", running.resident_kib()));
    }
    if let Some(path) = std::env::var_os("BUNRI_CURVE") {
        fs::write(path, &curve).unwrap();
    }
    let grown = running.resident_kib().saturating_sub(settled);
    // A network takes more: one that stayed each time would show.
    assert!(grown < 16 * 1024, "it grew by {grown} KiB\n{curve}");
    running.stop();
}

#[test]
fn a_bundle_that_answers_otherwise_on_this_board_is_refused_by_its_self_test() {
    let street = Street::new();
    let archive = street.send("2027.1");
    let good = fs::read(&archive).unwrap();
    type Change = fn(&str) -> String;
    let cases: [(Change, &str); 4] = [
        (
            |good| good.replace("label = \"can\"\nlogits", "label = \"foam\"\nlogits"),
            "0041.jpg is 'can' here, it must be 'foam'",
        ),
        (|good| good.replace("logits = [", "logits = [0.5, "), "has 11 logits for 10 labels"),
        (|good| good.replace("file = \"0039.jpg\"", "file = \"0041.jpg\""), "0041.jpg has sha256"),
        (|good| good.split("[reference]").next().unwrap().to_owned(), "it has no reference pictures"),
    ];
    for (change, says) in cases {
        fs::write(&archive, &good).unwrap();
        street.change(&archive, change);
        Ran::of(&mut street.model(&["install", text(&archive)])).refuses(&[says]);
    }
    assert_eq!(street.json(&["list"])["bundles"].as_array().unwrap().len(), 0);
}
