//! The crew at a real daemon: a login, maintenance, the flap by hand, settings and their way back.
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

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use client::{Browser, Events};
use program::running::{Running, pause};
use program::{Bin, Ran, clip_folder, path_value};

const KIM: (&str, &str) = ("kim", "acts with gloves");

/// A bin whose chamber stays empty and still, with a login.
fn bin() -> Bin {
    let mut bin = Bin::new();
    let folder = bin.path("clips/empty");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(clip_folder("can").join("0000.jpg"), folder.join("0000.jpg")).unwrap();
    std::fs::write(folder.join("clip.toml"), "fps = 30\nframes = 60\n").unwrap();
    bin.set("camera.replay.clips", vec![path_value(folder)]);
    bin.set("web.listen", "127.0.0.1:0");
    let mut command = bin.command("passwd");
    let mut child = command.arg(KIM.0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(KIM.1.as_bytes()).unwrap();
    Ran::from(child.wait_with_output().unwrap()).fine();
    bin
}

/// A bin into which somebody throws a can again and again, with a login.
fn bin_with_cans() -> Bin {
    let mut bin = bin();
    bin.play(&["can"]);
    bin
}

fn ask(kim: &mut Browser, token: &str, what: &str) -> String {
    let answer = kim.post("/flap/ask", &[("token", token), ("ask", what)]);
    answer.header("location").unwrap().to_owned()
}

#[test]
fn maintenance_and_a_flap_move_through_the_whole_bin() {
    let bin = bin();
    let (running, address) = Running::with_page(&bin);
    let mut kim = Browser::of(address, KIM);
    let token = kim.token("/flap");
    let mut events = Events::open_with(address, "en", &kim.cookies());
    events.wait("state", |data| data["facts"]["state"] == "empty");
    assert_eq!(ask(&mut kim, &token, "3"), "/flap?refused=not-in-maintenance#note");
    assert_eq!(ask(&mut kim, &token, "maintenance-on"), "/flap?done=flap-asked#note");
    events.wait("state", |data| data["facts"]["state"] == "maintenance");
    assert_eq!(ask(&mut kim, &token, "3"), "/flap?done=flap-asked#note");
    events.wait("state", |data| {
        let flap = &data["facts"]["flap"];
        flap["state"] == "resting" && flap["place"] == 3
    });
    assert_eq!(ask(&mut kim, &token, "200"), "/flap?refused=no-such-compartment#note");
    assert_eq!(ask(&mut kim, &token, "tour"), "/flap?done=flap-asked#note");
    let toured = |data: &serde_json::Value| {
        let part = data["parts"]["service"].as_str().unwrap_or_default();
        part.matches("arrived").count() == 19 && !part.contains("to go")
    };
    events.wait("state", toured);
    assert_eq!(ask(&mut kim, &token, "maintenance-off"), "/flap?done=flap-asked#note");
    events.wait("state", |data| data["facts"]["state"] == "empty");
    let page = kim.get("/settings?lang=en").text();
    for text in ["flap_turn", "flap_tour", "not-in-maintenance", "maintenance_off"] {
        assert!(page.contains(text), "{text} is not in the audit log: {page}");
    }
    running.stop();
}

/// The value in a setting's field.
fn value(kim: &mut Browser, path: &str) -> String {
    let page = kim.get("/settings").text();
    let field = page.split(&format!("name=\"{path}\" value=\"")).nth(1);
    let field = field.unwrap_or_else(|| panic!("no field {path} in {page}"));
    field.split('"').next().unwrap().to_owned()
}

#[test]
fn settings_are_changed_as_a_whole_survive_a_restart_and_are_undone() {
    let bin = bin();
    let (running, address) = Running::with_page(&bin);
    let mut kim = Browser::of(address, KIM);
    let token = kim.token("/settings");
    assert_eq!(value(&mut kim, "judge.settle_ms"), "300");
    let change = |kim: &mut Browser, fields: &[(&str, &str)]| {
        let mut all = vec![("token", token.as_str())];
        all.extend(fields);
        let answer = kim.post("/settings/change", &all);
        (answer.status, answer.header("location").unwrap_or_default().to_owned(), answer.text())
    };
    let (status, _, problems) = change(&mut kim, &[("judge.settle_ms", "400"), ("judge.votes_least", "99")]);
    assert_eq!(status, 422);
    assert!(problems.contains("judge.votes_least") && problems.contains("votes_most"), "{problems}");
    assert_eq!(value(&mut kim, "judge.settle_ms"), "300", "all or nothing");
    let (_, to, _) = change(&mut kim, &[("judge.settle_ms", "400"), ("judge.thresholds.can", "0.85")]);
    assert_eq!(to, "/settings?done=knobs-applied#note");
    let (_, to, _) = change(&mut kim, &[("mechanism.move_limit_ms", "2500"), ("bin.id", "stolen")]);
    assert_eq!(to, "/settings?done=knobs-restart#note");
    let overrides = std::fs::read_to_string(bin.state().join("overrides.toml")).unwrap();
    assert!(overrides.contains("\"judge.settle_ms\" = 400") && !overrides.contains("bin.id"), "{overrides}");
    running.stop();

    let (running, address) = Running::with_page(&bin);
    kim.address = address;
    assert_eq!(value(&mut kim, "judge.settle_ms"), "400", "the session and the change survived");
    assert_eq!(value(&mut kim, "judge.thresholds.can"), "0.85");
    let undo = |kim: &mut Browser| kim.post("/settings/undo", &[("token", token.as_str())]).status;
    assert_eq!(undo(&mut kim), 303);
    assert_eq!(value(&mut kim, "judge.settle_ms"), "400", "the move's limit was the last change");
    assert_eq!(undo(&mut kim), 303);
    assert_eq!(value(&mut kim, "judge.settle_ms"), "300");
    assert_ne!(value(&mut kim, "judge.thresholds.can"), "0.85");
    running.stop();

    std::fs::write(bin.state().join("overrides.toml"), "\"judge.settle_ms\" = 1\n\"bin.id\" = \"x\"")
        .unwrap();
    let ran = Ran::of(&mut bin.command("check"));
    assert!(ran.stderr.contains("judge.settle_ms") && ran.stderr.contains("overrides.toml: bin.id"), "{ran}");
}

/// Asks for something on the Teach page; returns what the page says of it.
fn teach(kim: &mut Browser, token: &str, what: &str) -> String {
    let answer = kim.post("/teach/ask", &[("token", token), ("ask", what)]);
    let to = answer.header("location").unwrap().to_owned();
    to.trim_start_matches("/teach?").trim_end_matches("#note").to_owned()
}

/// Waits for the lesson's part that `is_it`.
fn wait_for_lesson(events: &mut Events, is_it: impl Fn(&str) -> bool) {
    let part =
        |data: &serde_json::Value, name: &str| data["parts"][name].as_str().unwrap_or_default().to_owned();
    events.wait("state", |data| is_it(&(part(data, "lesson-now") + &part(data, "lesson"))));
}

#[test]
fn a_lesson_at_the_running_bin_counts_nothing_is_applied_at_once_and_is_undone() {
    let bin = bin_with_cans();
    let (mut running, address) = Running::with_page(&bin);
    let mut kim = Browser::of(address, KIM);
    let token = kim.token("/flap");
    assert_eq!(teach(&mut kim, &token, "choose can"), "refused=teach-no-lesson");
    assert_eq!(teach(&mut kim, &token, "undo"), "refused=teach-nothing-to-undo");
    assert_eq!(teach(&mut kim, &token, "begin"), "done=teach-begun");
    let mut events = Events::open_with(address, "en", &kim.cookies());
    events.wait("state", |data| data["facts"]["state"] == "maintenance");
    let counted = |kim: &mut Browser| kim.get("/counts.csv?of=all").text();
    let before = counted(&mut kim);
    assert_eq!(teach(&mut kim, &token, "fit"), "refused=teach-nothing-taught");
    assert_eq!(teach(&mut kim, &token, "choose tin"), "refused=not-understood");
    assert_eq!(teach(&mut kim, &token, "choose can"), "done=teach-chosen");
    wait_for_lesson(&mut events, |lesson| lesson.contains("data-item=\"1\""));
    let mut picture = Vec::new();
    let mut answer = kim.get("/teach/picture/0");
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    std::io::Read::read_to_end(&mut answer, &mut picture).unwrap();
    let picture = image::load_from_memory(&picture).unwrap();
    assert!(picture.width().max(picture.height()) <= 200, "{}x{}", picture.width(), picture.height());
    let colours = picture.to_rgb8().pixels().filter(|pixel| pixel[0].abs_diff(pixel[2]) > 60).count();
    assert!(colours > 1_000, "the red can is in the picture, and not only the grey floor: {colours}");
    assert_eq!(teach(&mut kim, &token, "remove 0"), "done=teach-removed");
    assert_eq!(kim.get("/teach/picture/0").status, 404, "it went with its item");
    assert_eq!(teach(&mut kim, &token, "apply"), "refused=teach-not-fitted");

    assert_eq!(teach(&mut kim, &token, "fit"), "done=teach-fitting");
    let mut events = Events::open_with(address, "en", &kim.cookies());
    wait_for_lesson(&mut events, |lesson| lesson.contains("value=\"apply\""));
    assert_eq!(teach(&mut kim, &token, "apply"), "done=teach-applied");
    running.wait_for("the bin judges by what it was taught");
    assert!(bin.state().join("site/head-000001.safetensors").is_file());
    assert_eq!(counted(&mut kim), before, "a lesson is no drop");
    assert_eq!(teach(&mut kim, &token, "undo"), "done=teach-undone");
    assert!(running.wait_for("the bin judges by what it was taught").contains("items=0"));
    assert!(!Ran::of(&mut bin.command("check")).fine().stdout.contains("taught here"));

    assert_eq!(teach(&mut kim, &token, "end"), "done=teach-ended");
    events.wait("state", |data| data["facts"]["state"] != "maintenance");
    events.wait("drop", |_| true);
    assert_eq!(kim.get("/teach/picture/1").status, 404, "pictures end with the lesson");
    let audit = kim.get("/settings?lang=en").text();
    for text in ["teach_begin", "teach_remove", "teach_apply", "teach_undo", "teach-not-fitted", "teach_end"]
    {
        assert!(audit.contains(text), "{text} is not in the audit log: {audit}");
    }
    running.stop();
}

#[test]
fn a_lesson_ends_with_the_maintenance_that_it_is() {
    let bin = bin_with_cans();
    let (running, address) = Running::with_page(&bin);
    let mut kim = Browser::of(address, KIM);
    let token = kim.token("/flap");
    assert_eq!(teach(&mut kim, &token, "begin"), "done=teach-begun");
    let mut events = Events::open_with(address, "en", &kim.cookies());
    events.wait("state", |data| data["facts"]["state"] == "maintenance");
    assert_eq!(ask(&mut kim, &token, "maintenance-off"), "/flap?done=flap-asked#note");
    wait_for_lesson(&mut events, |lesson| lesson.contains("Not teaching"));
    assert_eq!(teach(&mut kim, &token, "fit"), "refused=teach-no-lesson");
    running.stop();
}

/// Waits for the next drop that is counted.
fn wait_for_drop(address: SocketAddr, kim: &Browser) {
    Events::open_with(address, "en", &kim.cookies()).wait("drop", |_| true);
}

/// The number of a drop of which the bin remembers what its network said.
fn remembered_drop(bin: &Bin) -> String {
    let folder = bin.state().join("recent");
    let remembered = || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        files.map(|file| file.file_name().into_string().unwrap()).next()
    };
    let name = (0..400).find_map(|_| {
        pause(Duration::from_millis(50));
        remembered()
    });
    name.expect("no drop is remembered").rsplit('-').nth(1).unwrap().to_owned()
}

#[test]
fn what_the_crew_says_of_drops_is_learnt_where_the_configuration_says_so() {
    let mut bin = bin_with_cans();
    let recent = bin.state().join("recent");
    let (running, address) = Running::with_page(&bin);
    let mut kim = Browser::of(address, KIM);
    wait_for_drop(address, &kim);
    running.stop();
    assert!(!recent.exists(), "nothing is remembered unasked");

    bin.set("model.corrections", true);
    let (mut running, address) = Running::with_page(&bin);
    kim.address = address;
    wait_for_drop(address, &kim);
    let token = kim.token("/drops");
    let seq = remembered_drop(&bin);
    let say = |kim: &mut Browser, truth: &str| {
        let answer = kim.post("/drops/correct", &[("token", &token), ("seq", &seq), ("truth", truth)]);
        assert!(answer.header("location").unwrap().contains("done=corrected"));
    };
    say(&mut kim, "glass");
    assert!(running.wait_for("corrections were learnt").contains("inside=1"));
    assert!(running.wait_for("the bin judges by what it was taught").contains("items=1"));
    let mut events = Events::open_with(address, "en", &kim.cookies());
    wait_for_lesson(&mut events, |lesson| lesson.contains("Corrections of drops that it judges by: 1"));
    running.stop();
    assert!(bin.state().join("site/corrected.safetensors").is_file());
    let said = |bin: &mut Bin| Ran::of(&mut bin.command("check")).fine().stdout;
    assert!(said(&mut bin).contains("1 corrections learnt"), "{}", said(&mut bin));
    let report = Ran::of(program::bunri(["teach", "report", "--json", "--config"]).arg(bin.write())).fine();
    assert_eq!((&report.json()[0]["corrections"], &report.json()[0]["items"]), (&1.into(), &0.into()));

    let (mut running, address) = Running::with_page(&bin);
    kim.address = address;
    let token_now = kim.token("/drops");
    let mut events = Events::open_with(address, "en", &kim.cookies());
    wait_for_lesson(&mut events, |lesson| lesson.contains("Corrections of drops that it judges by: 1"));
    let answer = kim.post("/drops/correct", &[("token", &token_now), ("seq", &seq), ("truth", "can")]);
    assert!(answer.header("location").unwrap().contains("done=corrected"));
    assert!(running.wait_for("corrections were learnt").contains("inside=1"), "it changed sides");
    running.stop();

    bin.set("model.corrections", false);
    let (running, address) = Running::with_page(&bin);
    kim.address = address;
    assert!(!kim.get("/teach?lang=en").text().contains("Corrections of drops"));
    running.stop();
    assert!(!recent.exists() && !bin.state().join("site/corrected.safetensors").exists());
    assert!(!said(&mut bin).contains("corrections"));
}

#[test]
fn what_the_crew_takes_back_is_said_and_learnt_no_longer() {
    let mut bin = bin_with_cans();
    bin.set("model.corrections", true);
    let ledger = bin.state().join("tally.db");
    let (mut running, address) = Running::with_page(&bin);
    let mut kim = Browser::of(address, KIM);
    wait_for_drop(address, &kim);
    let (token, seq) = (kim.token("/drops"), remembered_drop(&bin));
    let number: u64 = seq.parse().unwrap();
    let ask = |kim: &mut Browser, what: &str, token: &str| {
        let answer = kim.post(what, &[("token", token), ("seq", &seq), ("truth", "glass")]);
        (answer.status, answer.header("location").unwrap_or_default().to_owned())
    };
    // The clip goes on: only the pages of the drops before the next one are sure to have this one.
    let shown = format!("/drops?lang=en&before={}", number + 1);
    let nothing_said = (303, "/drops?refused=nothing-said#note".to_owned());
    assert_eq!(ask(&mut kim, "/drops/withdraw", &token), nothing_said);
    assert_eq!(ask(&mut kim, "/drops/withdraw", "guessed").0, 403);
    assert!(!kim.get(&shown).text().contains("/drops/withdraw"));

    assert_eq!(ask(&mut kim, "/drops/correct", &token).1, "/drops?done=corrected#note");
    assert!(running.wait_for("corrections were learnt").contains("inside=1"));
    let page = kim.get(&shown).text();
    assert!(page.contains("The crew: Glass bottle") && page.contains("Take it back"), "{page}");
    assert_eq!(ask(&mut kim, "/drops/withdraw", &token).1, "/drops?done=withdrawn#note");
    assert!(running.wait_for("corrections were learnt").contains("inside=0"));
    assert!(running.wait_for("the bin judges by what it was taught").contains("items=0"));
    assert!(!bin.state().join("site/corrected.safetensors").exists());
    let page = kim.get(&format!("{shown}&done=withdrawn")).text();
    assert!(page.contains("Nothing is said of that drop now") && !page.contains("The crew:"), "{page}");
    assert!(!page.contains("/drops/withdraw"), "{page}");
    assert_eq!(ask(&mut kim, "/drops/withdraw", &token), nothing_said);
    assert!(bunri::tally::corrections(&ledger, number, number).unwrap().is_empty());
    assert_eq!(bunri::tally::confusion(&ledger).unwrap().total(), 0);
    let audit = kim.get("/settings?lang=en").text();
    assert!(audit.contains("withdraw") && audit.contains("nothing-said"), "{audit}");
    running.stop();

    // The next start comes to the same.
    let (running, address) = Running::with_page(&bin);
    kim.address = address;
    assert!(!kim.get(&shown).text().contains("The crew:"));
    running.stop();
    assert!(!bin.state().join("site/corrected.safetensors").exists());
}

#[test]
fn small_pictures_are_kept_only_while_the_configuration_says_so_and_never_in_the_way() {
    let mut bin = bin_with_cans();
    let frames = bin.state().join("frames");
    let files = || std::fs::read_dir(&frames).map_or(0, Iterator::count);
    let (running, address) = Running::with_page(&bin);
    let mut kim = Browser::of(address, KIM);
    wait_for_drop(address, &kim);
    running.stop();
    assert!(!frames.exists(), "nothing touches the disk unasked");

    bin.set("web.keep_frames.until", "9999-12-31");
    let sign = Ran::of(&mut bin.command("check")).fine().stdout;
    assert!(sign.contains("CAMERA IN THIS BIN") && sign.contains("촬영·보관 안내"), "{sign}");
    let (running, address) = Running::with_page(&bin);
    kim.address = address;
    wait_for_drop(address, &kim);
    running.stop();
    assert!(files() > 0, "a drop has left its picture");
    let (running, address) = Running::with_page(&bin);
    kim.address = address;
    let page = kim.get("/drops").text();
    let path = page.split("src=\"/drops/picture/").nth(1).unwrap().split('"').next().unwrap();
    let mut jpeg = Vec::new();
    let mut answer = kim.get(&format!("/drops/picture/{path}"));
    std::io::Read::read_to_end(&mut answer, &mut jpeg).unwrap();
    let picture = image::load_from_memory(&jpeg).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (280, 212), "the region, at half its pixels");
    let colours = picture.pixels().filter(|pixel| pixel[0].abs_diff(pixel[2]) > 60).count();
    assert!(colours > 1_000, "the red can is in the picture: {colours}");
    running.stop();

    // A disk that takes none: the same as far as the album can tell.
    std::fs::remove_dir_all(&frames).unwrap();
    std::fs::write(&frames, "in the way").unwrap();
    let (mut running, address) = Running::with_page(&bin);
    kim.address = address;
    running.wait_for("no picture is kept, sorting goes on");
    wait_for_drop(address, &kim);
    running.stop();

    std::fs::remove_file(&frames).unwrap();
    std::fs::create_dir(&frames).unwrap();
    std::fs::write(frames.join("old.jpg"), "").unwrap();
    bin.config["web"].as_table_mut().unwrap().remove("keep_frames");
    let (mut running, _) = Running::with_page(&bin);
    // The address is known before the rooms are built.
    running.wait_for("web.keep_frames is gone");
    assert!(!frames.exists(), "with the key, the pictures went");
    running.stop();
}
