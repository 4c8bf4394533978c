//! Bundles through the real program: packed, signed with a key made here, installed, used, and gone back from.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test stops where it failed")]

#[allow(dead_code, reason = "each test file uses its part")]
mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use minisign::KeyPair;
use serde_json::Value;

use program::running::Running;
use program::{Bin, Ran, bunri, copy_folder, root};

/// A bin that trusts a maker of bundles.
struct Street {
    bin: Bin,
    pair: KeyPair,
}

impl Street {
    fn new() -> Self {
        let mut street = Self { bin: Bin::new(), pair: KeyPair::generate_unencrypted_keypair().unwrap() };
        street.bin.set("model.keys", vec![street.pair.pk.to_base64()]);
        street
    }

    /// The shipped bundle as another version, packed by the program and signed.
    fn send(&self, version: &str) -> PathBuf {
        let folder = self.bin.path(version);
        copy_folder(&root().join("models/bunri-lite0"), &folder);
        let manifest = folder.join("manifest.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let line = text.lines().find(|line| line.starts_with("version = ")).unwrap();
        fs::write(&manifest, text.replacen(line, &format!("version = \"{version}\""), 1)).unwrap();
        let archive = self.bin.path(&format!("{version}.tar"));
        Ran::of(bunri(["model", "pack"]).arg(&folder).arg(&archive)).fine();
        self.sign(&archive);
        archive
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

    assert_eq!(street.json(&["install", text(&archive)])["live"], "bunri-lite0@2027.1");
    let list = street.json(&["list"]);
    assert_eq!((&list["bundles"][0]["state"], &list["factory"]["state"]), (&"live".into(), &"before".into()));
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
    street.json(&["install", text(&archive)]);
    let mut running = Running::start(&mut street.bin.command("run"));
    let started = running.wait_for("started");
    assert!(started.contains("bunri-lite0 2027.1"), "{started}");
    running.stop();

    let model = street.bin.state().join("bundles/bunri-lite0@2027.1/model.onnx");
    fs::write(&model, b"half of a network").unwrap();
    let mut running = Running::start(&mut street.bin.command("run"));
    running.wait_for("bunri-lite0@2027.1 is damaged: model.onnx is not the file that was unpacked");
    let started = running.wait_for("started");
    assert!(!started.contains("2027.1"), "the factory's bundle: {started}");
    running.stop();
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
