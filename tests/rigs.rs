//! The rig examples that ship: each passes `bunri check` as it is, but for the camera that no test machine has.
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
