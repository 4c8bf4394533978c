//! The camera's calibration on a real daemon: a region is drawn, the empty chamber learnt or refused, versions come back.
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

use std::net::SocketAddr;
use std::time::Duration;

use client::{Browser, Events};
use program::running::{Running, pause};
use program::{Bin, Ran, clip_folder, path_value};

/// The picture of the empty chamber, and the one with a can lying in it.
const EMPTY: &str = "0000.jpg";
const CAN: &str = "0041.jpg";

/// A bin that was never calibrated, whose page is open to everybody here.
fn bin() -> Bin {
    let mut bin = Bin::new();
    bin.forget_the_empty_chamber();
    bin.serve_page();
    bin
}

/// Shows this picture for ever.
fn show(bin: &mut Bin, picture: &str) {
    show_all(bin, &[(0, picture)], 60);
}

/// Shows each picture from its frame on, over and over.
fn show_all(bin: &mut Bin, pictures: &[(usize, &str)], frames: usize) {
    let folder = bin.path(&format!("clips/{}-{frames}", pictures[0].1));
    std::fs::create_dir_all(&folder).unwrap();
    for (frame, picture) in pictures {
        std::fs::copy(clip_folder("can").join(picture), folder.join(format!("{frame:04}.jpg"))).unwrap();
    }
    std::fs::write(folder.join("clip.toml"), format!("fps = 30\nframes = {frames}\n")).unwrap();
    bin.set("camera.replay.clips", vec![path_value(folder)]);
}

/// Somebody at the page.
struct Visitor {
    browser: Browser,
    token: String,
}

impl Visitor {
    fn at(address: SocketAddr) -> Self {
        let mut browser = Browser::new(address);
        let token = browser.token("/camera");
        Self { browser, token }
    }

    /// Sends a form; returns where the answer leads, or its text.
    fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let mut all = vec![("token", self.token.as_str())];
        all.extend(fields);
        let answer = self.browser.post(path, &all);
        answer.header("location").map(str::to_owned).unwrap_or_else(|| answer.text())
    }

    /// Sends a form until the bin is idle: it takes a look before it is ready for the next one.
    fn send_when_idle(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        for _ in 0..100 {
            let answer = self.send(path, fields);
            if !answer.contains("calibration-busy") {
                return answer;
            }
            pause(Duration::from_millis(100));
        }
        panic!("the bin is never idle");
    }

    fn save(&mut self, region: [&str; 4]) -> String {
        let names = ["x", "y", "width", "height"];
        self.send_when_idle("/camera/save", &names.into_iter().zip(region).collect::<Vec<_>>())
    }

    /// Begins maintenance and sends the flap home.
    fn maintain(&mut self, address: SocketAddr) {
        let mut events = Events::open_with(address, "en", "");
        events.wait("state", |data| data["facts"]["camera"]["signal"] == true);
        self.send("/flap/ask", &[("ask", "maintenance-on")]);
        events.wait("state", |data| data["facts"]["state"] == "maintenance");
        self.send("/flap/ask", &[("ask", "home")]);
        events.wait("state", |data| {
            let flap = &data["facts"]["flap"];
            flap["state"] == "resting" && flap["place"] == 0
        });
    }

    fn page(&mut self) -> String {
        self.browser.get("/camera?lang=en").text()
    }

    /// The region as the form has it.
    fn region(&mut self) -> [String; 4] {
        let page = self.page();
        ["x", "y", "width", "height"].map(|name| {
            let field = page.split(&format!("name=\"{name}\"")).nth(1);
            let value = field.and_then(|field| field.split("value=\"").nth(1)).unwrap();
            value.split('"').next().unwrap().to_owned()
        })
    }
}

fn until_state(address: SocketAddr, state: &str) {
    let mut events = Events::open_with(address, "en", "");
    events.wait("state", |data| data["facts"]["state"] == state);
}

const SAVED: &str = "/camera?done=camera-saved#note";

#[test]
fn a_drawn_region_holds_at_once_and_after_a_restart_and_earlier_ones_come_back() {
    let mut bin = bin();
    show(&mut bin, EMPTY);
    let (running, address) = Running::with_page(&bin);
    let mut kim = Visitor::at(address);
    until_state(address, "empty");
    let outside = kim.save(["400", "0", "300", "200"]);
    assert!(outside.contains("camera.region") && outside.contains("not inside the 640x480"), "{outside}");
    assert_eq!(kim.save(["x", "0", "300", "200"]), "/camera?refused=not-understood#note");
    assert_eq!(kim.region(), ["44", "32", "560", "424"], "nothing was saved");
    assert_eq!(kim.save(["50", "40", "500", "400"]), SAVED);
    let mut events = Events::open_with(address, "en", "");
    events.wait("state", |data| {
        let overlay = data["parts"]["overlay"].as_str().unwrap_or_default();
        overlay.contains(r#"x="50" y="40" width="500" height="400""#)
    });
    until_state(address, "empty");
    running.stop();

    let (running, address) = Running::with_page(&bin);
    let mut kim = Visitor::at(address);
    assert_eq!(kim.region(), ["50", "40", "500", "400"], "in force after the restart");
    let picture = kim.browser.get("/camera/chamber");
    assert_eq!(picture.header("content-type"), Some("image/png"), "the empty chamber is known too");
    until_state(address, "empty");
    assert_eq!(kim.send_when_idle("/camera/return", &[("version", "0")]), SAVED);
    assert_eq!(kim.region(), ["44", "32", "560", "424"]);
    until_state(address, "empty");
    assert_eq!(kim.send_when_idle("/camera/return", &[("version", "1")]), SAVED);
    let page = kim.page();
    for text in ["Version 3", "in force", "as version 1", "as version 0", "The rig's own calibration file"] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert!(kim.send("/camera/return", &[("version", "9")]).contains("there is no version 9"));
    let settings = kim.browser.get("/settings?lang=en").text();
    for text in
        ["camera_save", "camera_return", "version 2 -&gt; 3", "[44, 32, 560, 424] -&gt; [50, 40, 500, 400]"]
    {
        assert!(settings.contains(text), "{text} is not in the audit log: {settings}");
    }
    running.stop();
}

#[test]
fn the_learnt_chamber_survives_a_restart_and_an_item_is_no_chamber() {
    let mut bin = bin();
    show(&mut bin, EMPTY);
    let (running, address) = Running::with_page(&bin);
    until_state(address, "empty");
    assert_eq!(Visitor::at(address).send_when_idle("/camera/learn", &[]), SAVED);
    running.stop();

    // A can lay there while the bin was off. Without the saved chamber it would be learnt as empty.
    show(&mut bin, CAN);
    let (running, address) = Running::with_page(&bin);
    let mut kim = Visitor::at(address);
    let mut events = Events::open_with(address, "en", "");
    events.wait("state", |data| data["facts"]["occupied"] == true);
    assert_eq!(kim.send("/camera/learn", &[]), "/camera?refused=calibration-busy#note", "it is at work");
    kim.maintain(address);
    assert_eq!(kim.send("/camera/learn", &[]), "/camera?refused=occupied#note");
    assert!(!kim.page().contains("Version 2"), "nothing was saved");
    assert_eq!(kim.send("/camera/learn", &[("confirmed", "yes")]), SAVED, "somebody has looked");
    events.wait("state", |data| data["facts"]["occupied"] == false);
    running.stop();
}

#[test]
fn nothing_is_learnt_while_something_moves() {
    let mut bin = bin();
    // Still for five seconds, then half a minute of now this, now that.
    let flicker = (0..120).map(|turn| (150 + turn * 8, [CAN, EMPTY][turn % 2]));
    let pictures: Vec<_> = std::iter::once((0, EMPTY)).chain(flicker).collect();
    show_all(&mut bin, &pictures, 150 + 120 * 8);
    let (running, address) = Running::with_page(&bin);
    let mut kim = Visitor::at(address);
    kim.maintain(address);
    let mut events = Events::open_with(address, "en", "");
    events.wait("state", |data| data["facts"]["moving"] == true);
    let refused = kim.send("/camera/learn", &[("confirmed", "yes")]);
    assert_eq!(refused, "/camera?refused=moving#note");
    running.stop();
}

#[test]
fn the_terminal_learns_compares_and_goes_back_without_a_bin() {
    let mut bin = bin();
    show(&mut bin, EMPTY);
    let calibrate = |bin: &Bin, arguments: &[&str]| Ran::of(bin.command("calibrate").args(arguments));
    let listed = calibrate(&bin, &["versions"]).fine().stdout;
    assert!(
        listed.starts_with("*    0  region 44,32,560,424  empty chamber learnt at each start"),
        "{listed}"
    );
    calibrate(&bin, &["camera", "--region", "400,0,300,200"]).refuses(&["nothing was saved", "640x480"]);
    let saved = calibrate(&bin, &["camera", "--region", "50,40,500,400", "--by", "kim"]).fine().stdout;
    assert!(
        saved.contains("version 0 -> 1\ncamera.region: [44, 32, 560, 424] -> [50, 40, 500, 400]"),
        "{saved}"
    );
    let light = calibrate(&bin, &["light", "--readings", "1"]).fine().stdout;
    assert!(light.starts_with("sharpness ") && light.contains("| bright"), "{light}");

    show(&mut bin, CAN);
    calibrate(&bin, &["camera"]).refuses(&["nothing was saved: something lies in view", "--confirmed"]);
    calibrate(&bin, &["camera", "--confirmed"]).fine();
    let differing = calibrate(&bin, &["diff"]).fine().stdout;
    assert!(differing.starts_with("version 1 -> 2\n  camera.empty_chamber: "), "{differing}");
    assert!(differing.contains(" of 3072 cells differ"), "{differing}");
    calibrate(&bin, &["back"]).fine();
    assert_eq!(calibrate(&bin, &["diff", "1", "3"]).fine().stdout, "version 1 -> 3\n");
    calibrate(&bin, &["back", "7"]).refuses(&["there is no version 7"]);
    let listed = calibrate(&bin, &["versions"]).fine().stdout;
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 4, "{listed}");
    assert!(lines[0].starts_with("*    3") && lines[0].ends_with("by terminal, as version 1"), "{listed}");
    assert!(
        lines[2].contains("region 50,40,500,400  empty chamber saved") && lines[2].ends_with("by kim"),
        "{listed}"
    );

    let (running, _) = Running::with_page(&bin);
    calibrate(&bin, &["camera"]).refuses(&["the bin runs and has the camera"]);
    running.stop();
}

#[test]
fn a_damaged_version_is_named_with_what_to_do() {
    let bin = bin();
    let folder = bin.state().join("calibration");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("000001.toml"), "rig = \"demo\"\n").unwrap();
    let ran = Ran::of(&mut bin.command("check"));
    assert!(ran.stderr.contains("000001.toml") && ran.stderr.contains("remove it"), "{ran}");
}

/// A rig whose can compartment has a distance sensor in a folder that looks as the kernel's, and a scale.
fn sensed(bin: &mut Bin) -> std::path::PathBuf {
    let devices = bin.path("iio");
    let device = |name: &str, files: &[(&str, &str)]| {
        let folder = devices.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        files.iter().for_each(|(file, text)| std::fs::write(folder.join(file), text).unwrap());
    };
    device(
        "iio:device3",
        &[
            ("name", "srf04\n"),
            ("label", "fill-can\n"),
            ("in_distance_raw", "612\n"),
            ("in_distance_scale", "0.001\n"),
        ],
    );
    device(
        "iio:device1",
        &[("name", "hx711\n"), ("in_voltage0_raw", "8388608\n"), ("in_voltage_scale", "0.000002328\n")],
    );
    let own = bin.config["rig"]["calibration"].as_str().unwrap().to_owned();
    let own = std::path::Path::new(&own);
    let mut rig: toml::Table = std::fs::read_to_string(own).unwrap().parse().unwrap();
    // Its picture is beside the file it came from.
    if let Some(chamber) = rig["camera"].get("empty_chamber").and_then(toml::Value::as_str).map(str::to_owned)
    {
        rig["camera"]["empty_chamber"] = path_value(own.parent().unwrap().join(chamber));
    }
    let text = format!(
        "root = {devices:?}\n[fill.can]\ndistance = {{ label = \"fill-can\" }}\n[load_cell]\nvoltage = {{ name = \"hx711\" }}\n"
    );
    rig.insert("sensors".into(), toml::Value::Table(text.parse().unwrap()));
    let file = bin.path("rig.toml");
    std::fs::write(&file, rig.to_string()).unwrap();
    bin.set("rig.calibration", path_value(file));
    devices
}

#[test]
fn sensors_are_measured_in_a_terminal_and_go_back() {
    use std::io::{BufRead as _, Write as _};
    use std::process::Stdio;

    let mut bin = Bin::new();
    let devices = sensed(&mut bin);
    let write = |file: &str, text: &str| std::fs::write(devices.join(file), text).unwrap();
    let mut command = bin.command("calibrate");
    let mut child = command
        .args(["sensors", "--by", "kim"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    let mut until = |text: &str| {
        while !said.lines().last().is_some_and(|line| line.contains(text)) {
            assert!(stdout.read_line(&mut said).unwrap() > 0, "no {text:?} in {said}");
        }
    };
    until("empty the compartment");
    stdin.write_all(b"\n").unwrap();
    until("fill it");
    write("iio:device3/in_distance_raw", "118\n");
    stdin.write_all(b"\n").unwrap();
    until("empty the chamber");
    stdin.write_all(b"\n").unwrap();
    until("known weight");
    write("iio:device1/in_voltage0_raw", "8473608\n");
    stdin.write_all(b"500\n").unwrap();
    until("goes back");
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains("sensors.fill.can.empty_mm: not measured -> 612"), "{said}");
    assert!(said.contains("sensors.fill.can.full_mm: not measured -> 118"), "{said}");
    assert!(said.contains("sensors.load_cell.grams_per_mv: not measured -> 2526.78"), "{said}");
    let diff = Ran::of(bin.command("calibrate").args(["diff", "0", "1"])).fine();
    assert!(diff.stdout.contains("sensors.fill.can.full_mm: not measured -> 118"), "{diff}");
    // A version of the camera's takes them along, and each part goes back for itself.
    let back = Ran::of(bin.command("calibrate").args(["back", "0", "--part", "sensors"])).fine();
    assert!(back.stdout.contains("118 -> not measured"), "{back}");
    let again = Ran::of(bin.command("calibrate").args(["back", "1", "--part", "sensors"])).fine();
    assert!(again.stdout.contains("version 2 -> 3"), "{again}");
    let same = Ran::of(bin.command("calibrate").args(["back", "1", "--part", "flap"])).fine();
    assert!(same.stdout.contains("nothing was saved"), "{same}");
}

#[test]
fn a_simulated_flap_has_nothing_to_calibrate() {
    let ran = Ran::of(Bin::new().command("calibrate").args(["flap"]));
    assert!(ran.code != Some(0) && ran.stderr.contains("the drive is simulated"), "{ran}");
}
