//! Tidy checks: what the house plan says, held against the tree.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed check should stop here")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The rooms, in the order in which data flows.
const ROOMS: [&str; 9] =
    ["capture", "detect", "identify", "judge", "mechanism", "tally", "teach", "uplink", "web"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its path from the root and its text.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let files = WalkDir::new(root().join(folder)).sort_by_file_name().into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .map(|entry| {
            let path = entry.path().strip_prefix(root()).unwrap().display().to_string();
            (path, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

/// Lines of code, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether `word` stands in `line` as a word of its own and is not a part of another path.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
    })
}

fn check(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn no_room_imports_a_later_room() {
    let mut problems = Vec::new();
    for (position, room) in ROOMS.iter().enumerate() {
        let forbidden: Vec<_> =
            ROOMS[position + 1..].iter().chain(&["daemon", "commands", "config"]).collect();
        for (path, text) in rust_files(&format!("src/{room}")) {
            for (line, code) in code(&text) {
                for later in forbidden.iter().filter(|later| code.contains(&format!("crate::{later}"))) {
                    problems.push(format!("{path}:{line}: {room} imports the later room {later}"));
                }
            }
        }
    }
    check(&problems);
}

#[test]
fn each_foreign_device_has_one_door() {
    let doors = [
        ("nokhwa::", "src/capture/nokhwa.rs"),
        ("v4l::", "src/capture/driver.rs"),
        ("ort::", "src/identify/session.rs"),
        ("minisign_verify::", "src/identify/store/archive.rs"),
        ("gpiocdev::", "src/mechanism/gpio.rs"),
        ("rumqttc::", "src/uplink/client/v5.rs"),
        ("rumqttc_v4::", "src/uplink/client/v311.rs"),
        ("rusqlite::", "src/tally/"),
    ];
    let hub_doors = [("rumqttc::", "hub/src/ingest/client.rs"), ("sqlx::", "hub/src/store/")];
    let mut problems = Vec::new();
    let files = rust_files("src").into_iter().map(|file| (file, &doors[..]));
    for ((path, text), doors) in
        files.chain(rust_files("hub/src").into_iter().map(|file| (file, &hub_doors[..])))
    {
        for (line, code) in code(&text) {
            for (name, _) in doors.iter().filter(|(name, door)| names(code, name) && !path.starts_with(door))
            {
                problems.push(format!("{path}:{line}: names {name}"));
            }
        }
    }
    check(&problems);
}

#[test]
fn no_file_has_grown_too_long_and_nothing_is_left_undone() {
    let mut problems = Vec::new();
    let undone = [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("#[ig", "nore")];
    for (path, text) in ["src", "tests", "benches", "fleet", "hub"].into_iter().flat_map(rust_files) {
        let lines = text.lines().count();
        if lines > 550 {
            problems.push(format!("{path}: {lines} lines, split it"));
        }
        for word in undone.iter().filter(|word| text.contains(**word)) {
            problems.push(format!("{path}: {word}"));
        }
    }
    check(&problems);
}

/// Entries of the tree drawn in README's block after `src/`, at the first level.
fn tree_in_readme() -> BTreeSet<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let tree = readme.split("\nsrc/\n").nth(1).expect("README must draw the tree of src/");
    let lines = tree.lines().take_while(|line| line.starts_with("  ") || line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_tree_in_the_readme_is_the_tree() {
    let entries = std::fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap());
    let names = entries.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() { format!("{name}/") } else { name }
    });
    let mut found: BTreeSet<String> = names.collect();
    // A folder of the same name belongs to its file.
    for file in found.clone().iter().filter_map(|name| name.strip_suffix(".rs")) {
        found.remove(&format!("{file}/"));
    }
    assert_eq!(tree_in_readme(), found);
}

#[test]
fn the_readme_begins_with_the_two_commands() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (demo, test) = (readme.find("make demo").unwrap(), readme.find("make test").unwrap());
    let first_heading = readme.find("\n## ").unwrap();
    assert!(demo < first_heading && test < first_heading);
}

/// Holds a generated file against the committed one; `make accept` writes it.
fn current(path: &str, generated: &str) {
    let file = root().join(path);
    if std::env::var_os("BUNRI_ACCEPT").is_some() {
        std::fs::write(&file, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == generated,
        "{path} is not what the types say: run `make accept` and look at the change"
    );
}

#[test]
fn the_schemas_are_what_the_types_say() {
    let config = schemars::schema_for!(bunri::config::RawConfig);
    current("calibration/bunri.schema.json", &(serde_json::to_string_pretty(&config).unwrap() + "\n"));
    let rig = schemars::schema_for!(bunri::config::RawCalibration);
    current("calibration/rig.schema.json", &(serde_json::to_string_pretty(&rig).unwrap() + "\n"));
    for (name, schema) in bunri::uplink::wire::schemas() {
        let path = format!("hub/schemas/{name}.schema.json");
        current(&path, &(serde_json::to_string_pretty(&schema).unwrap() + "\n"));
    }
}

#[test]
fn every_test_clip_is_small_and_every_commit_stays_clean() {
    let mut problems = Vec::new();
    let mut total = 0;
    for entry in WalkDir::new(root().join("tests/data/clips")).into_iter().map(Result::unwrap) {
        total += entry.metadata().unwrap().len() * u64::from(entry.file_type().is_file());
    }
    if total > 8_000_000 {
        problems.push(format!("the clips are {total} bytes, 8 MB is the limit"));
    }
    let bundles: Vec<PathBuf> =
        std::fs::read_dir(root().join("models")).unwrap().map(|e| e.unwrap().path()).collect();
    for bundle in bundles.iter().filter(|folder| folder.join("manifest.toml").is_file()) {
        if !bundle.join("MODEL_CARD.md").is_file() {
            problems.push(format!("{} has no MODEL_CARD.md", bundle.display()));
        }
    }
    check(&problems);
}
