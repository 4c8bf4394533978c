//! The crew's hands on a real daemon: every button that moves, changes or teaches something is pressed in the browser.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::browser::Browser;
use super::program::running::Running;
use super::program::{Bin, Ran, clip_folder, path_value};
use super::{PHONE, VIEWS, View};

/// A bin whose page is open on this machine, and which sees these pictures of the can's clip: number and frame.
fn bin_that_sees(pictures: &[(&str, u32)], frames: u32) -> Bin {
    let mut bin = Bin::new();
    let folder = bin.path("clips/made");
    std::fs::create_dir_all(&folder).unwrap();
    for (picture, frame) in pictures {
        let from = clip_folder("can").join(picture).with_extension("jpg");
        std::fs::copy(from, folder.join(format!("{frame:04}.jpg"))).unwrap();
    }
    std::fs::write(folder.join("clip.toml"), format!("fps = 30\nframes = {frames}\n")).unwrap();
    bin.set("camera.replay.clips", vec![path_value(folder)]);
    open(&mut bin);
    bin
}

fn open(bin: &mut Bin) {
    bin.serve_page();
}

/// A bin whose chamber stays empty and still.
fn empty_bin() -> Bin {
    bin_that_sees(&[("0000", 0)], 60)
}

/// A button of a form that asks for `what`.
fn asking(what: &str) -> String {
    format!("button[name=ask][value=\"{what}\"]")
}

/// Looks at what is on the screen, in both windows and languages, at its words, its width and its accessibility; on the
/// phone, in Korean, a picture is taken of what `sight` finds.
fn look_at(browser: &Browser, path: &str, (picture, sight): (&str, &str), (korean, english): (&str, &str)) {
    // The one whose picture is taken comes last.
    for view in VIEWS.into_iter().rev() {
        view.open(browser, path);
        browser.wait_for_text(view.says(korean, english));
        browser.assert_fits_width(path);
        browser.assert_accessible(&format!("{path} in {view:?}"));
    }
    browser.run(&format!("document.querySelector({}).scrollIntoView();", json!(sight)));
    browser.picture(picture);
}

#[test]
fn the_flap_turns_in_maintenance_only_and_a_tour_is_timed() {
    let bin = empty_bin();
    let (running, address) = Running::with_page(&bin);
    let browser = Browser::new(address);
    for view in VIEWS {
        view.open(&browser, "/flap");
        browser.follow(&asking("3"));
        browser.wait_for_text(view.says("정비 중이 아닙니다", "Not in maintenance. Switch it on"));
        browser.follow(&asking("maintenance-on"));
        browser.wait_for_text(view.says("뒤에 저절로 끝나고", "Ends by itself in 20 min"));
        browser.follow(&asking("3"));
        browser.wait_for_text(view.says("3번 칸에 있음", "At compartment 3"));
        browser.follow(&asking("maintenance-off"));
        let ready = view.says("준비됨", "Ready");
        browser.wait("the band", &format!("document.querySelector('#state h1').innerText === '{ready}'"));
    }
    browser.open("/flap?lang=en");
    browser.follow(&asking("maintenance-on"));
    browser.follow(&asking("tour"));
    browser.wait("19 movements", "document.querySelectorAll('#service tbody tr').length === 19");
    browser.wait_for_text("Rests at home");
    look_at(&browser, "/flap", ("flap", "header"), ("스위치", "Switches"));
    browser.open("/flap?lang=en");
    browser.press(&asking("maintenance-off"));
    browser.wait("the band", "document.querySelector('#state h1').innerText === 'Ready'");
    running.stop();
}

#[test]
fn a_jam_is_said_with_what_to_do_and_ended_by_hand() {
    // The can lies there for minutes, whatever the flap does.
    let mut bin = bin_that_sees(&[("0000", 0), ("0041", 41)], 6_000);
    bin.set("judge.clear_limit_ms", 500);
    bin.set("judge.retries", 0);
    let (running, address) = Running::with_page(&bin);
    let browser = Browser::new(address);
    browser.resize(PHONE);
    browser.open("/flap?lang=en");
    browser.wait_for_text("An item is jammed");
    browser.wait_for_text("Take the item out by hand");
    browser.assert_accessible("/flap with a jam");
    browser.press(&asking("reset"));
    browser.wait_for_text("Asked. See above");
    browser.open("/drops?lang=en");
    browser.wait_for_text("a jam was removed");
    running.stop();
}

/// Types into a setting's field.
fn type_into(browser: &Browser, path: &str, value: &str) {
    browser.run(&format!("document.querySelector('[name=\"{path}\"]').value = {};", json!(value)));
}

fn value_of(browser: &Browser, path: &str) -> String {
    let value = browser.value(&format!("document.querySelector('[name=\"{path}\"]').value"));
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_threshold_is_changed_checked_kept_through_a_restart_and_undone() {
    const CAN: &str = "judge.thresholds.can";
    let mut bin = empty_bin();
    let (running, address) = Running::with_page(&bin);
    let browser = Browser::new(address);
    let (change, undo) =
        ("form[action=\"/settings/change\"] .primary", "form[action=\"/settings/undo\"] button");
    view_of_settings(&browser, VIEWS[0]);
    let before = value_of(&browser, CAN);
    for view in VIEWS {
        view_of_settings(&browser, view);
        type_into(&browser, "judge.votes_least", "99");
        browser.follow(change);
        browser.wait_for_text(
            view.says("거부했습니다. 아무것도 바뀌지 않았습니다.", "Refused. Nothing was changed."),
        );
        browser.assert_accessible(&format!("/settings, refused, in {view:?}"));
        browser.follow("a.button");
        for (button, value) in [(change, "0.85"), (undo, &before)] {
            type_into(&browser, CAN, "0.85");
            browser.follow(button);
            browser.wait_for_text(
                view.says("적용했습니다. 지금부터 유효합니다.", "Applied. It holds from now on."),
            );
            assert_eq!(value_of(&browser, CAN), value);
        }
    }
    type_into(&browser, CAN, "0.85");
    browser.follow(change);
    look_at(&browser, "/settings", ("settings", "header"), ("여기서 바꿈", "changed here"));
    running.stop();

    bin.set("web.listen", address.to_string());
    let (running, _) = Running::with_page(&bin);
    browser.open("/settings?lang=en");
    assert_eq!(value_of(&browser, CAN), "0.85");
    browser.follow(undo);
    assert_eq!(value_of(&browser, CAN), before);
    running.stop();
}

fn view_of_settings(browser: &Browser, view: View) {
    view.open(browser, "/settings");
    browser.wait("the form", "document.querySelector('form[action=\"/settings/change\"]')");
}

#[test]
fn the_language_of_the_pages_and_of_the_screen_is_a_setting_that_holds_at_once() {
    let bin = empty_bin();
    let (running, address) = Running::with_page(&bin);
    let (browser, screen) = (Browser::new(address), "document.querySelector('h1 span').lang");
    browser.open("/screen");
    browser.wait(
        "Korean first",
        &format!("{screen} === 'ko' && document.documentElement.dataset.volume === '0'"),
    );
    browser.open("/settings");
    assert_eq!(browser.value("document.documentElement.lang"), "en", "the browser's own");
    type_into(&browser, "web.language", "ko");
    browser.press("form[action=\"/settings/change\"] .primary");
    browser.wait("Korean", "document.documentElement.lang === 'ko'");
    browser.wait_for_text("적용했습니다. 지금부터 유효합니다.");
    type_into(&browser, "web.language", "en");
    type_into(&browser, "web.screen.voice_volume_percent", "40");
    browser.press("form[action=\"/settings/change\"] .primary");
    browser.wait_for_text("Applied. It holds from now on.");
    assert_eq!(value_of(&browser, "web.language"), "en");
    browser.open("/screen");
    browser.wait(
        "English first",
        &format!("{screen} === 'en' && document.documentElement.dataset.volume === '0.4'"),
    );
    running.stop();
}

#[test]
fn a_compartment_is_marked_full_and_emptied() {
    let bin = empty_bin();
    let (running, address) = Running::with_page(&bin);
    let browser = Browser::new(address);
    let say = |event: &str| browser.follow(&format!("section.stream-can button[value={event}]"));
    let status = "document.querySelector('section.stream-can .status').innerText";
    for view in VIEWS {
        view.open(&browser, "/compartments");
        say("full");
        browser.wait_for_text(view.says("기록했습니다.", "Noted."));
        assert_eq!(browser.value(status), view.says("가득 참", "Full"));
        say("emptied");
        assert_eq!(browser.value(status), view.says("열림", "Open"));
        browser.wait_for_text(view.says("비운 뒤 0개", "0 items since it was emptied · emptied"));
    }
    say("full");
    look_at(&browser, "/compartments", ("compartments", ".stream-can"), ("가득 참", "Full"));
    running.stop();
}

/// Presses a link that downloads; returns the file.
fn download(browser: &Browser, folder: &Path, link: &str, name: &str) -> Vec<u8> {
    browser.press(link);
    let file: PathBuf = folder.join(name);
    browser.until(name, || file.is_file());
    std::fs::read(file).unwrap()
}

#[test]
fn the_counts_the_drops_and_the_support_bundle_come_down_as_files() {
    let bin = empty_bin();
    let (running, address) = Running::with_page(&bin);
    let browser = Browser::new(address);
    for (index, view) in VIEWS.into_iter().enumerate() {
        let folder = bin.path(&format!("downloads/{index}"));
        browser.download_to(&folder);
        view.open(&browser, "/counts?of=week");
        let csv = download(&browser, &folder, ".downloads a", "counts-week.csv");
        assert_eq!(csv, b"stream,outcome,count\n");
        view.open(&browser, "/drops");
        let csv = download(&browser, &folder, "a[href=\"/drops.csv\"]", "drops.csv");
        assert!(csv.starts_with(b"id,seq,state,time"));
        view.open(&browser, "/checkup");
        let bundle = download(&browser, &folder, "a[href=\"/support.tar.gz\"]", "bunri-support.tar.gz");
        assert!(bundle.starts_with(&[0x1F, 0x8B]), "it is a gzip file");
    }
    running.stop();
}

#[test]
fn items_are_taught_seen_fitted_applied_and_undone_with_gloves_on() {
    let mut bin = Bin::new();
    bin.play(&["can"]);
    open(&mut bin);
    let (running, address) = Running::with_page(&bin);
    let browser = Browser::new(address);
    look_at(&browser, "/teach", ("teach-off", "header"), ("수업 시작", "Begin a lesson"));
    browser.press(&asking("begin"));
    browser.wait("a lesson", "document.querySelector('.kinds')");
    browser.assert_accessible("/teach before a stream is chosen");
    browser.press(&asking("choose can"));
    browser.wait("three items", "document.querySelectorAll('[data-item]').length >= 3");
    browser.wait("its picture", "document.querySelector('[data-item] img').naturalWidth > 50");
    let least =
        browser.value("Math.min(...[...document.querySelectorAll('main button')].map(b => b.offsetHeight))");
    assert!(least.as_f64().unwrap() >= 48.0, "a button of {least} pixels is too small for gloves");
    look_at(&browser, "/teach", ("teach", ".shown"), ("이번 수업에서 본 것", "Shown in this lesson"));
    let first = "document.querySelector('[data-item=\"0\"]')";
    browser.press(&asking("remove 0"));
    browser.wait("it is gone", &format!("document.querySelector('.kinds') && !{first}"));
    browser.press(&asking("fit"));
    browser.wait("the report", "document.querySelector('.brought table')");
    look_at(&browser, "/teach", ("teach-brought", ".brought"), ("배운 결과", "What it brings"));
    browser.press(&asking("apply"));
    browser.wait_for_text("적용했습니다. 지금부터");
    assert!(Ran::of(&mut bin.command("check")).fine().stdout.contains("taught here"));
    browser.press(&asking("undo"));
    browser.wait_for_text("되돌렸습니다");
    browser.press(&asking("end"));
    browser.wait_for_text("수업을 끝냈습니다");
    browser.wait("no picture is left", "!document.querySelector('[data-item]')");
    running.stop();
}
