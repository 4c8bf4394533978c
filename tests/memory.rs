//! What it costs to load a network again and again in one process: why a bin begins anew to change its bundle.
//!
//! `BUNRI_SWITCHES=200 BUNRI_CURVE=FILE cargo test --test memory` writes the curve of docs/BUNDLES.md.

#![allow(clippy::unwrap_used, reason = "a failed test stops where it failed")]

use std::fmt::Write as _;
use std::path::Path;

use bunri::capture::Frame;
use bunri::detect::Region;
use bunri::identify::{Bundle, Embedded, Identifier, RuntimeSettings};

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn load_and_look(frame: &Frame) -> Embedded {
    let bundle = Bundle::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/bunri-lite0")).unwrap();
    let mut identifier = Identifier::load(bundle, &RuntimeSettings::default(), None).unwrap();
    identifier.embed(frame, Region::whole(frame.width, frame.height)).unwrap()
}

#[test]
fn a_network_loaded_again_answers_alike_and_its_memory_stays_below_a_bound() {
    let switches: u64 = std::env::var("BUNRI_SWITCHES").map_or(12, |number| number.parse().unwrap());
    let pixels = (0..64u32 * 64 * 3).map(|index| (index * 7 % 251) as u8).collect();
    let frame = Frame { width: 64, height: 64, pixels, ..Frame::default() };
    let first = load_and_look(&frame);
    let begun = resident_kib();
    let mut curve = format!("switch,resident_kib\n0,{begun}\n");
    for switch in 1..=switches {
        assert_eq!(load_and_look(&frame), first, "switch {switch}");
        writeln!(curve, "{switch},{}", resident_kib()).unwrap();
    }
    if let Some(path) = std::env::var_os("BUNRI_CURVE") {
        std::fs::write(path, &curve).unwrap();
    }
    let grown = resident_kib().saturating_sub(begun);
    assert!(grown < 32 * 1024 + switches * 1024, "it grew by {grown} KiB\n{curve}");
}
