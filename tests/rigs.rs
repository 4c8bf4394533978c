//! The rig examples that ship: each passes `bunri check` as it is, but for the camera that no test machine has.
//! And what the package installs before one is chosen, what the service may reach, and the safety table.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test stops where it failed")]

#[allow(dead_code, reason = "each test file uses its part")]
mod program;

use std::fs;

use bunri::config::Config;
use program::{Bin, Ran, path_value, root};

fn rigs() -> Vec<String> {
    let folders = fs::read_dir(root().join("calibration/rigs")).unwrap().map(Result::unwrap);
    let folders = folders.filter(|entry| entry.path().join("bunri.toml").is_file());
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The rig's own configuration, on clips instead of its camera.
fn bin_of(rig: &str) -> Bin {
    let folder = root().join("calibration/rigs").join(rig);
    let mut bin = Bin::new();
    let text = fs::read_to_string(folder.join("bunri.toml")).unwrap();
    let own: toml::Table = text.parse().unwrap();
    for (key, value) in own.into_iter().filter(|(key, _)| !["bin", "camera", "model"].contains(&key.as_str()))
    {
        bin.config.insert(key, value);
    }
    bin.set("rig.calibration", path_value(folder.join("rig.toml")));
    bin
}

#[test]
fn every_rig_passes_the_check_without_its_lines_being_touched() {
    assert!(!rigs().is_empty());
    for rig in rigs() {
        let ran = Ran::of(&mut bin_of(&rig).command("check")).fine();
        let drive = ran.stdout.lines().find(|line| line.starts_with("ok    drive ")).unwrap();
        assert!(drive.contains("drive.enable"), "{rig}: {ran}");
        assert!(!drive.contains("simulated"), "{rig}: {ran}");
        // As it ships, with its camera.
        let shipped = root().join("calibration/rigs").join(&rig).join("bunri.toml");
        assert_eq!(
            Config::load(&shipped).unwrap().calibration.drive.unwrap().lines().outputs[0].role,
            "drive.enable"
        );
    }
}

/// This machine has none of the rig's lines, or a test machine's: never a silent stand-in.
#[test]
fn a_rig_without_its_board_does_not_start() {
    for rig in rigs() {
        let mut bin = bin_of(&rig);
        let calibration =
            fs::read_to_string(root().join("calibration/rigs").join(&rig).join("rig.toml")).unwrap();
        let mut calibration: toml::Table = calibration.parse().unwrap();
        let enable = toml::Table::from_iter([("line".to_owned(), "NO-SUCH-LINE".into())]);
        calibration["drive"].as_table_mut().unwrap().insert("enable".to_owned(), enable.into());
        fs::write(bin.path("rig.toml"), calibration.to_string()).unwrap();
        bin.set("rig.calibration", path_value(bin.path("rig.toml")));
        let ran = Ran::of(&mut bin.command("run"));
        let lines = ran.complaints();
        assert!(lines.iter().any(|line| line.contains("drive.enable")), "{rig}: {ran}");
    }
}

/// What the package installs, on this machine's bundle.
fn installed() -> Bin {
    let folder = root().join("packaging/deb/etc");
    let mut bin = Bin::new();
    let own: toml::Table = fs::read_to_string(folder.join("bunri.toml")).unwrap().parse().unwrap();
    for (key, value) in own.into_iter().filter(|(key, _)| !["bin", "model"].contains(&key.as_str())) {
        bin.config.insert(key, value);
    }
    bin.set("rig.calibration", path_value(folder.join("rig.toml")));
    bin
}

#[test]
fn what_the_package_installs_passes_the_check_and_drives_nothing() {
    let ran = Ran::of(&mut installed().command("check")).fine();
    for says in ["no camera is chosen", "no rig is chosen"] {
        assert!(ran.stdout.contains(says), "{ran}");
    }
    // And it does not pass for a bin that is ready.
    let doctor = Ran::of(&mut installed().command("doctor"));
    assert_eq!(doctor.code, Some(1), "{doctor}");
    assert!(doctor.stdout.contains("no rig is chosen"), "{doctor}");
}

#[test]
fn the_service_may_reach_what_is_configured_and_nothing_else() {
    let allowed = |bin: &mut Bin| -> Vec<String> {
        let ran = Ran::of(&mut bin.command("devices")).fine();
        let lines = ran.stdout.lines().skip_while(|line| *line != "[Service]").skip(1);
        lines.map(str::to_owned).collect()
    };
    assert_eq!(allowed(&mut installed()), [""; 0]);
    let camera = "DeviceAllow=char-video4linux rw";
    let lines = "DeviceAllow=char-gpiochip rw";
    for rig in rigs() {
        let mut bin = bin_of(&rig);
        let pwm = (rig == "servo-two-way").then_some("ReadWritePaths=/sys/devices/platform");
        let expected: Vec<_> = [lines].into_iter().chain(pwm).collect();
        assert_eq!(allowed(&mut bin), expected, "{rig}");
        bin.set("camera.source", "v4l2");
        bin.set("camera.device", "bunri-ribbon");
        assert_eq!(allowed(&mut bin)[..2], [camera, lines], "{rig}");
    }
    // The rig's lines are not the simulated flap's.
    let mut bin = bin_of("dc-motor-four-way");
    bin.set("mechanism.drive", "simulated");
    assert_eq!(allowed(&mut bin), [""; 0]);
}

#[test]
fn every_test_that_the_safety_table_names_exists() {
    let table = fs::read_to_string(root().join("docs/SAFETY.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let sources: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| walkdir::WalkDir::new(root().join(folder)))
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut named = 0;
    for row in rows {
        let shown_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for test in shown_by.split('`').skip(1).step_by(2) {
            named += 1;
            assert!(sources.contains(&format!("fn {test}(")), "SAFETY.md names {test}, which is no test");
        }
    }
    assert!(named > 30, "{named} tests named");
}
