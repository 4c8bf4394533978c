//! What it costs in memory to load a network again and again in one process, as `install` and the shadow period do.
//!
//! `BUNRI_SWITCHES=200 BUNRI_CURVE=FILE cargo test --test memory` writes the curve of docs/BUNDLES.md.

#![allow(clippy::unwrap_used, reason = "a failed test stops where it failed")]

use std::fmt::Write as _;
use std::path::Path;

use bunri::capture::Frame;
use bunri::detect::Region;
use bunri::identify::{Bundle, Embedded, Identifier, RuntimeSettings};

/// Switches before memory is expected to be flat.
const WARM_UP: u64 = 4;

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
fn a_network_loaded_again_answers_alike_and_its_memory_is_flat() {
    let switches: u64 = std::env::var("BUNRI_SWITCHES").map_or(12, |number| number.parse().unwrap());
    let pixels = (0..64u32 * 64 * 3).map(|index| (index * 7 % 251) as u8).collect();
    let frame = Frame { width: 64, height: 64, pixels, ..Frame::default() };
    let first = load_and_look(&frame);
    let mut curve = "switch,resident_kib\n".to_owned();
    let mut settled = 0;
    for switch in 1..=switches {
        assert_eq!(load_and_look(&frame), first, "switch {switch}");
        // The first few fill the allocator's pools.
        if switch <= WARM_UP {
            settled = resident_kib();
        }
        writeln!(curve, "{switch},{}", resident_kib()).unwrap();
    }
    if let Some(path) = std::env::var_os("BUNRI_CURVE") {
        std::fs::write(path, &curve).unwrap();
    }
    let grown = resident_kib().saturating_sub(settled);
    // A network's own file has 3.8 MB: one that stayed each time would show.
    assert!(grown < 16 * 1024, "it grew by {grown} KiB\n{curve}");
}
