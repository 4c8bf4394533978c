//! `bunri replay` over the demo's clips: the whole bin in simulated time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a failed test stops where it failed, and the figures are worth a line"
)]

#[allow(dead_code, reason = "each test file uses its part")]
mod program;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bunri::capture::replay::Clip;
use bunri::judge::Reason;
use bunri::streams::Stream;
use serde_json::Value;

use program::{Bin, Ran, root};

/// The demo's clips by name.
static CLIPS: LazyLock<BTreeMap<String, Clip>> = LazyLock::new(|| {
    let folders = bunri::config::clips_in(&root().join("tests/data/clips")).unwrap();
    let clips = Clip::open_all(&folders).unwrap();
    clips.into_iter().map(|clip| (clip.name.to_string(), clip)).collect()
});

fn replay(seed: Option<u64>) -> Ran {
    let bin = Bin::new();
    let mut command = bin.command("replay");
    command.arg("--json").arg("tests/data/clips");
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    Ran::of(&mut command).fine()
}

/// What the configured seed gives; several tests look at it.
static LINES: LazyLock<(String, Vec<Value>)> = LazyLock::new(|| {
    let ran = replay(None);
    eprint!("{}", ran.stderr);
    let lines = ran.json();
    (ran.stdout, lines)
});

/// The lines of a clip in `lines`.
fn of<'a>(lines: &'a [Value], clip: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["clip"] == clip).collect()
}

fn stream(line: &Value) -> Stream {
    Stream::from_id(line["stream"].as_str().unwrap()).unwrap()
}

#[test]
fn the_same_clips_and_seed_give_the_same_lines() {
    assert_eq!(replay(None).stdout, LINES.0);
}

#[test]
fn another_seed_changes_numbers_and_never_counts() {
    for seed in [1, 2] {
        let other = replay(Some(seed));
        assert_ne!(other.stdout, LINES.0, "the seed has no effect");
        let confirmed = |lines: &[Value]| -> Vec<(String, u64, String)> {
            let key = |line: &Value| {
                let text = |key: &str| line[key].as_str().unwrap().to_owned();
                (text("clip"), line["seq"].as_u64().unwrap(), text("state"))
            };
            lines.iter().map(key).collect()
        };
        assert_eq!(confirmed(&other.json()), confirmed(&LINES.1), "seed {seed}");
    }
}

#[test]
fn every_item_is_confirmed_once_while_it_is_in_view_and_nothing_else_is() {
    let lines = &LINES.1;
    assert!(CLIPS.len() >= 8 && CLIPS.contains_key("hand") && CLIPS.contains_key("two-items"));
    for (name, clip) in &*CLIPS {
        let drops = of(lines, name);
        assert!(drops.iter().all(|line| line["state"] == "confirmed"), "{name}: {drops:#?}");
        assert_eq!(drops.len(), clip.items.len(), "{name}: {drops:#?}");
        for (index, (drop, item)) in drops.iter().zip(&clip.items).enumerate() {
            assert_eq!(drop["seq"], index as u64 + 1, "{name}");
            let frame = |key: &str| drop[key].as_f64().unwrap() / 1000.0 * clip.fps;
            let (settled, decided) = (frame("settled_at_ms"), frame("decided_at_ms"));
            let in_view = f64::from(item.first_frame)..=f64::from(item.last_frame) + 1.0;
            assert!(
                in_view.contains(&settled) && in_view.contains(&decided) && settled <= decided,
                "{name}: settled at frame {settled}, decided at {decided}, in view {in_view:?}"
            );
        }
    }
    assert!(of(lines, "hand").is_empty(), "a hand is no item");
    assert_eq!(lines.len(), CLIPS.values().map(|clip| clip.items.len()).sum::<usize>());
}

#[test]
fn every_line_has_the_agreed_keys_and_agrees_with_itself() {
    for line in &LINES.1 {
        let mut keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let expected = [
            "accepted",
            "clip",
            "compartment",
            "decided_at_ms",
            "probability",
            "reason",
            "seq",
            "settled_at_ms",
            "state",
            "stream",
        ];
        assert_eq!(keys, expected);
        assert!(CLIPS.contains_key(line["clip"].as_str().unwrap()));
        assert!((0.0..=1.0).contains(&line["probability"].as_f64().unwrap()), "{line}");
        let accepted = line["accepted"].as_bool().unwrap();
        let reason = line["reason"].as_str().map(|reason| Reason::from_id(reason).unwrap());
        assert_eq!(accepted, reason.is_none(), "{line}");
        // The demo's rig has a compartment for every stream, in their order.
        assert_eq!(line["compartment"].as_u64(), Some(stream(line).index() as u64), "{line}");
        assert!(accepted || stream(line) == Stream::General, "{line}");
        assert!(["confirmed", "void", "open"].contains(&line["state"].as_str().unwrap()), "{line}");
    }
}

/// What an item must be rejected for, it must be rejected for; otherwise it goes where it belongs, or is rejected
/// with a reason. What never happens is that it spoils a clean stream.
#[test]
fn items_go_to_their_stream_or_a_stated_reject_and_never_spoil_another() {
    let (mut right, mut rejected, mut wrong) = (0u32, 0u32, Vec::new());
    for (name, clip) in &*CLIPS {
        for (drop, item) in of(&LINES.1, name).iter().zip(&clip.items) {
            let (went_to, reason) = (stream(drop), drop["reason"].as_str());
            if let Some(expected) = &item.reason {
                assert_eq!(reason, Some(expected.as_str()), "{name}: {drop}");
            }
            match reason {
                Some(_) => rejected += 1,
                None if went_to == item.stream => right += 1,
                None => wrong.push(format!("{name} went to {went_to}: {drop}")),
            }
        }
    }
    let items = right + rejected + wrong.len() as u32;
    eprintln!(
        "clips: {items} items, {right} right, {rejected} rejected with a reason, {} wrong",
        wrong.len()
    );
    assert!((right + rejected) * 10 >= items * 8, "{wrong:#?}");
    let spoilt: Vec<_> = wrong.iter().filter(|line| !line.contains("went to general")).collect();
    assert!(spoilt.is_empty(), "{spoilt:#?}");
}
