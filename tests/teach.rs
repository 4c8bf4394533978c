//! Teaching, through the real program: from folders of pictures to a site head that `classify` and `replay` use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test stops where it failed"
)]

#[path = "web/client.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod client;
#[allow(dead_code, reason = "each test file uses its part")]
mod program;

use std::fs;
use std::path::{Path, PathBuf};

use bunri::identify::sha256;
use program::running::Running;
use program::{Bin, Ran, bunri, clip_folder, copy_folder, path_value, root};
use serde_json::Value;

/// The picture of a clip with its item at rest.
fn at_rest(clip: &str) -> PathBuf {
    clip_folder(clip).join("0041.jpg")
}

/// Puts clips' pictures into `folder/<stream>/`, as the crew would.
fn show(folder: &Path, items: &[(&str, &str)]) {
    for (number, (stream, clip)) in items.iter().enumerate() {
        fs::create_dir_all(folder.join(stream)).unwrap();
        fs::copy(at_rest(clip), folder.join(stream).join(format!("{number}.jpg"))).unwrap();
    }
}

const SHOWN: [(&str, &str); 6] = [
    ("can", "can"),
    ("glass", "glass-bottle"),
    ("carton", "carton"),
    ("paper", "cardboard-box"),
    ("paper", "paper"),
    ("foam", "foam-tray"),
];

fn taught(bin: &Bin) -> (PathBuf, Value) {
    let (from, out) = (bin.path("shown"), bin.path("street.site"));
    show(&from, &SHOWN);
    // An item of several pictures is one item.
    let several = from.join("film/bag");
    fs::create_dir_all(&several).unwrap();
    for frame in ["0039.jpg", "0041.jpg"] {
        fs::copy(clip_folder("plastic-bag").join(frame), several.join(frame)).unwrap();
    }
    let ran = Ran::of(bunri(["teach", "--json", "--from"]).arg(&from).arg("--out").arg(&out)).fine();
    (out, ran.json().remove(0))
}

fn stream_of(clip: &str, site: Option<&Path>) -> String {
    let mut command = bunri(["classify", "--json"]);
    if let Some(site) = site {
        command.arg("--site").arg(site);
    }
    let ran = Ran::of(command.arg(at_rest(clip))).fine();
    ran.json()[0]["label_stream"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_shown_is_found_and_counted_by_items() {
    let bin = Bin::new();
    let (site, report) = taught(&bin);
    assert_eq!(report["items"], 7);
    assert_eq!(report["applied"], true);
    assert!(report["accuracy_after"].as_f64() >= report["accuracy_before"].as_f64(), "{report}");
    assert!(fs::metadata(&site).unwrap().len() < 2_000_000);
    for (stream, clip) in SHOWN {
        assert_eq!(stream_of(clip, Some(&site)), stream, "{clip}");
    }
    let ran = Ran::of(bunri(["replay", "--json", "--site"]).arg(&site).arg(clip_folder("can"))).fine();
    assert_eq!(ran.json()[0]["stream"], "can");
    let ran = Ran::of(bunri(["teach", "report", "--site"]).arg(&site)).fine();
    let stdout = &ran.stdout;
    assert!(stdout.contains("found (columns), before") && stdout.contains("found (columns), after"), "{ran}");
    let ran = Ran::of(bunri(["teach", "report", "--json", "--site"]).arg(&site)).fine();
    assert_eq!(ran.json()[0]["confusion_after"], report["confusion_after"]);
}

#[test]
fn the_bin_keeps_its_site_head_goes_on_from_it_and_goes_back() {
    let mut bin = Bin::new();
    let from = bin.path("shown");
    let teach = |bin: &mut Bin| {
        let ran = Ran::of(bin.command("teach").args(["--json", "--from"]).arg(&from)).fine();
        ran.json().remove(0)["items"].clone()
    };
    show(&from, &SHOWN[..3]);
    assert_eq!(teach(&mut bin), 3);
    let first = Ran::of(&mut bin.command("check")).fine();
    assert!(first.stdout.contains("3 items taught here"), "{first}");
    fs::remove_dir_all(&from).unwrap();
    show(&from, &SHOWN[3..]);
    assert_eq!(teach(&mut bin), 6, "what was taught on an earlier day is still known");
    let undo = |bin: &mut Bin| Ran::of(bunri(["teach", "undo", "--config"]).arg(bin.write()));
    assert!(undo(&mut bin).fine().stdout.contains("head-000001"));
    assert!(Ran::of(&mut bin.command("check")).fine().stdout.contains("3 items taught here"));
    assert!(undo(&mut bin).fine().stdout.contains("network alone"));
    undo(&mut bin).refuses(&["nothing to undo"]);
}

/// The shipped bundle with another network: the same one, with a word more in its file, so that its hash is another.
fn other_bundle(bin: &Bin) -> PathBuf {
    let folder = bin.path("other");
    copy_folder(&root().join("models/bunri-lite0"), &folder);
    let mut network = fs::read(folder.join("model.onnx")).unwrap();
    // Field 6 of a model, its description.
    network.extend_from_slice(&[0x32, 1, b'x']);
    fs::write(folder.join("model.onnx"), &network).unwrap();
    let manifest = fs::read_to_string(folder.join("manifest.toml")).unwrap();
    let old = manifest.split("sha256 = \"").nth(1).unwrap().split('"').next().unwrap();
    fs::write(folder.join("manifest.toml"), manifest.replacen(old, &sha256(&network), 1)).unwrap();
    folder
}

/// Whether the page of a running bin says all of this.
fn page_says(address: std::net::SocketAddr, texts: &[&str]) {
    let said = (0..200).any(|_| {
        program::running::pause(std::time::Duration::from_millis(50));
        let page = client::get(address, "/teach?lang=en").text();
        texts.iter().all(|text| page.contains(text))
    });
    assert!(said, "{texts:?} is not on the page: {}", client::get(address, "/teach?lang=en").text());
}

#[test]
fn another_network_is_taught_again_from_the_pictures_that_were_kept() {
    let mut bin = Bin::new();
    bin.play(&["can"]);
    bin.serve_page();
    bin.set("web.keep_frames.until", "9999-12-31");
    let from = bin.path("shown");
    show(&from, &SHOWN);
    Ran::of(bin.command("teach").args(["--json", "--from"]).arg(&from)).fine();
    assert_eq!(fs::read_dir(bin.state().join("taught")).unwrap().count(), SHOWN.len());
    let check = |bin: &mut Bin| Ran::of(&mut bin.command("check")).fine().stdout;
    assert!(check(&mut bin).contains("6 items taught here"));

    bin.set("model.bundle", path_value(other_bundle(&bin)));
    assert!(!check(&mut bin).contains("taught here"), "its numbers mean something else");
    let doctor = Ran::of(&mut bin.command("doctor")).stdout;
    assert!(doctor.contains("not on this one") && doctor.contains("paper 2"), "{doctor}");
    let (mut running, address) = Running::with_page(&bin);
    assert!(running.wait_for("taught again by itself").contains("items=6"));
    assert!(running.wait_for("the bin judges by what it was taught").contains("items=6"));
    page_says(address, &["6 items were taught again by itself"]);
    running.stop();
    assert!(check(&mut bin).contains("6 items taught here"));
    assert!(!Ran::of(&mut bin.command("doctor")).stdout.contains("not on this one"));
    bin.set("model.bundle", path_value(root().join("models/bunri-lite0")));
    assert!(check(&mut bin).contains("6 items taught here"), "the bundle before finds what it was taught");
}

#[test]
fn without_pictures_the_crew_is_told_what_to_show_again() {
    let mut bin = Bin::new();
    bin.play(&["can"]);
    bin.serve_page();
    let from = bin.path("shown");
    show(&from, &SHOWN);
    Ran::of(bin.command("teach").args(["--json", "--from"]).arg(&from)).fine();
    assert!(!bin.state().join("taught").exists(), "no picture touches the disk unasked");
    bin.set("model.bundle", path_value(other_bundle(&bin)));
    let (mut running, address) = Running::with_page(&bin);
    let told = running.wait_for("must be shown again");
    assert!(told.contains("can 1") && told.contains("paper 2"), "{told}");
    page_says(address, &["Show these again", "carton/2.jpg"]);
    running.stop();
}

/// Gives the compartment of foam to a stream that the city invents.
fn invent(bin: &mut Bin) {
    let rig = fs::read_to_string(root().join("calibration/demo/rig.toml")).unwrap();
    fs::write(bin.path("rig.toml"), rig.replace("foam = ", "city_1 = ")).unwrap();
    fs::copy(root().join("calibration/demo/empty.png"), bin.path("empty.png")).unwrap();
    bin.set("rig.calibration", path_value(bin.path("rig.toml")));
    for compartment in bin.config["compartment"].as_array_mut().unwrap() {
        let stream = &mut compartment.as_table_mut().unwrap()["stream"];
        if stream.as_str() == Some("foam") {
            *stream = "city_1".into();
        }
    }
}

#[test]
fn a_stream_that_the_city_invents_is_named_taught_sorted_and_counted() {
    let mut bin = Bin::new();
    bin.play(&["foam-tray"]);
    bin.serve_page();
    invent(&mut bin);
    Ran::of(&mut bin.command("check")).refuses(&[
        "compartment[7].stream",
        "city_1 is nothing yet",
        "[web.screen] rules",
    ]);
    let rules = fs::read_to_string(root().join("calibration/rules.toml")).unwrap();
    // The example in its comment.
    let named = rules.replace("# [rule.city_1]", "[rule.city_1]").replace("# name_", "name_");
    let named = named.replace("# ko = ", "ko = ").replace("# en = ", "en = ");
    fs::write(bin.path("rules.toml"), named).unwrap();
    bin.set("web.screen.rules", "rules.toml");

    let from = bin.path("shown");
    show(&from, &SHOWN[..5]);
    fs::create_dir_all(from.join("city_1")).unwrap();
    // The hardest case: the network is sure that it is something else.
    for frame in ["0030", "0032", "0034", "0036", "0039", "0041", "0125", "0127", "0129"] {
        let name = format!("{frame}.jpg");
        fs::copy(clip_folder("foam-tray").join(&name), from.join("city_1").join(name)).unwrap();
    }
    let taught = Ran::of(bin.command("teach").args(["--json", "--from"]).arg(&from)).fine();
    assert_eq!(taught.json()[0]["items"], 14, "{taught}");

    let (running, address) = Running::with_page(&bin);
    let counted = "bunri_drops_total{stream=\"city_1\",outcome=\"accepted\"} 1";
    let told = (0..400).any(|_| {
        program::running::pause(std::time::Duration::from_millis(50));
        client::get(address, "/metrics").text().contains(counted)
    });
    assert!(told, "{}", client::get(address, "/metrics").text());
    for (page, name) in
        [("/?lang=ko", "폐건전지"), ("/counts?lang=en", "Batteries"), ("/teach?lang=en", "Batteries")]
    {
        let text = client::get(address, page).text();
        assert!(text.contains(name) && !text.contains("City stream"), "{name} is not on {page}: {text}");
    }
    running.stop();
    Ran::of(bunri(["tally", "verify", "--ledger"]).arg(bin.state().join("tally.db"))).fine();
}

#[test]
fn items_on_clips_are_taught_as_they_come_to_rest() {
    let mut bin = Bin::new();
    bin.serve_page();
    bin.set("web.keep_frames.until", "9999-12-31");
    let teach = |stream: &str, clips: &[&str]| {
        let mut command = bin.command("teach");
        command.args(["--json", "--stream", stream]).args(clips.iter().map(|clip| clip_folder(clip)));
        Ran::of(&mut command)
    };
    let ran = teach("can", &["can"]).fine();
    assert_eq!(ran.json()[0]["items"], 1, "{ran}");
    let ran = teach("glass", &["glass-bottle", "pet-bottle"]).fine();
    assert_eq!(ran.json()[0]["items"], 3, "what was taught before is still known\n{ran}");
    assert!(ran.stderr.contains("glass 2"), "{ran}");
    assert_eq!(
        fs::read_dir(bin.state().join("taught")).unwrap().count(),
        3,
        "another network can be taught the same"
    );
    assert!(teach("tin", &["can"]).complaints()[0].contains("'tin'"));
}

#[test]
fn a_site_head_that_cannot_be_used_is_refused_with_its_reason() {
    let mut bin = Bin::new();
    let (site, _) = taught(&bin);
    let good = fs::read(&site).unwrap();
    let mut flipped = good.clone();
    let middle = good.len() / 2;
    flipped[middle] ^= 1;
    let cases: [(&[u8], &str); 4] = [
        (&good[..good.len() - 1], "no whole safetensors file"),
        (&flipped, "it is damaged"),
        (b"hello", "no whole safetensors file"),
        (&vec![0; 2_000_001], "larger than"),
    ];
    let broken = bin.path("broken.site");
    for (bytes, says) in cases {
        fs::write(&broken, bytes).unwrap();
        let says = ["broken.site", says];
        Ran::of(bunri(["classify", "--site"]).arg(&broken).arg(at_rest("can"))).refuses(&says);
    }
    Ran::of(bin.command("run").arg("--site").arg(&broken)).refuses(&["broken.site", "larger than"]);
    bin.set("model.site", path_value(&broken));
    Ran::of(&mut bin.command("run")).refuses(&["broken.site", "larger than"]);
    Ran::of(bunri(["classify", "--site", "/nowhere.site"]).arg(at_rest("can")))
        .refuses(&["/nowhere.site", "cannot read"]);
}

#[test]
fn folders_that_cannot_be_taught_are_named() {
    let bin = Bin::new();
    let from = bin.path("shown");
    let teach = || Ran::of(bunri(["teach", "--from"]).arg(&from).arg("--out").arg(bin.path("x.site")));
    teach().refuses(&["shown", "cannot read"]);
    fs::create_dir_all(from.join("can")).unwrap();
    teach().refuses(&["no item", "shown"]);
    show(&from, &[("tin", "can")]);
    teach().refuses(&["'tin'", "neither a stream nor a label", "clear_pet"]);
    fs::remove_dir_all(from.join("tin")).unwrap();
    show(&from, &[("can", "can")]);
    Ran::of(bunri(["teach", "--from"]).arg(&from)).refuses(&["--out FILE"]);
    let shipped = root().join("models/bunri-lite0");
    Ran::of(bunri(["teach", "report", "--bundle"]).arg(shipped)).refuses(&["no site head"]);
}

#[test]
fn after_a_new_bundle_the_bin_goes_on_without_what_was_taught_and_says_so() {
    let mut bin = Bin::new();
    let (site, _) = taught(&bin);
    bin.set("model.site", path_value(&site));
    let ran = Ran::of(&mut bin.command("check")).fine();
    assert!(ran.stdout.contains("7 items taught here"), "{ran}");
    // The same network with a field that no reader knows is another one.
    let folder = bin.path("other");
    copy_folder(&root().join("models/bunri-lite0"), &folder);
    let mut model = fs::read(folder.join("model.onnx")).unwrap();
    let manifest = fs::read_to_string(folder.join("manifest.toml")).unwrap();
    let before = sha256(&model);
    model.extend([0xa0, 0x06, 0x01]);
    assert!(manifest.contains(&before));
    fs::write(folder.join("manifest.toml"), manifest.replace(&before, &sha256(&model))).unwrap();
    fs::write(folder.join("model.onnx"), &model).unwrap();
    bin.set("model.bundle", path_value(&folder));
    let ran = Ran::of(&mut bin.command("check")).fine();
    assert!(ran.stderr.contains("left aside") && ran.stderr.contains("it was taught on"), "{ran}");
    assert!(!ran.stdout.contains("taught here"), "{ran}");
}
