//! The crew's pages.

use std::path::Path;

use bunri::capture::Frame;
use bunri::clock::Clock as _;
use bunri::judge::{Alarm, Reason, StateName, Verdict};
use bunri::streams::Stream;
use bunri::web::Live;
use bunri::web::album::Keeping;
use serde_json::{Value, json};

use super::bin::{Bin, KIM, a_can};
use super::browser::Browser;
use super::client::get;
use super::{PHONE, VIEWS};

#[test]
fn the_live_page_is_light_accessible_and_shows_a_drop_as_it_arrives() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    let mut seq = 0;
    for view in VIEWS {
        view.open(&browser, "/");
        browser.wait_for_text(view.says("준비됨", "Ready"));
        bin.drop_item(a_can());
        seq += 1;
        browser.wait("the drop", &format!("document.querySelector('#drops [data-seq=\"{seq}\"]')"));
        browser.wait_for_text(view.says("캔·고철", "Cans and metal"));
        browser.wait("a picture", "document.getElementById('picture').naturalWidth > 0");
        browser.assert_fits_width("/");
        browser.assert_accessible(&format!("/ in {view:?}"));
        if view.window == PHONE && view.language == "ko" {
            browser.picture("now-ko");
        }
    }
    browser.open("/?lang=en");
    let weight = browser.value(
        "performance.getEntries().filter(({ entryType, name }) => entryType === 'navigation'
           || entryType === 'resource' && !/events|picture/.test(name))
           .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)",
    );
    let weight = weight.as_u64().unwrap();
    assert!((5_000..100_000).contains(&weight), "the page weighs {weight} bytes");

    let jam = Live { state: Some(StateName::Jam), alarms: vec![Alarm::Jam], ..Live::default() };
    bin.live.send_replace(jam);
    browser.wait_for_text("Take the item out by hand");
    browser.assert_accessible("/ with an alarm");
}

/// Prints how soon the page is there on a slow phone, by its own clock from the tap on: `make slow-phone`.
#[test]
fn the_live_page_is_usable_on_a_slow_phone() {
    const VISITS: usize = 5;
    let bin = Bin::start();
    for visit in ["first", "next"] {
        let (mut read_ms, mut live_ms) = (Vec::new(), Vec::new());
        let browser = Browser::new(bin.address);
        browser.resize(PHONE);
        browser.slow_phone();
        for _ in 0..VISITS {
            if visit == "first" {
                browser.forget_what_was_loaded();
            }
            browser.open("/?lang=en");
            browser.wait_for_text("Ready");
            browser.wait("the paint", "performance.getEntriesByName('first-contentful-paint').length");
            browser.wait("live", "document.documentElement.dataset.live");
            let painted =
                browser.value("performance.getEntriesByName('first-contentful-paint')[0].startTime");
            read_ms.push(painted.as_f64().unwrap());
            live_ms.push(browser.value("Number(document.documentElement.dataset.live)").as_f64().unwrap());
        }
        for times_ms in [&mut read_ms, &mut live_ms] {
            times_ms.sort_by(f64::total_cmp);
        }
        let (middle, most) = (VISITS / 2, VISITS - 1);
        println!(
            "{visit} visit on a slow phone: readable after {:.0} ms (most {:.0}), live after {:.0} ms (most {:.0})",
            read_ms[middle], read_ms[most], live_ms[middle], live_ms[most]
        );
    }
}

#[test]
fn the_live_page_finds_back_to_a_bin_that_was_restarted() {
    let mut bin = Bin::start();
    let browser = Browser::new(bin.address);
    for view in VIEWS {
        view.open(&browser, "/");
        browser.wait_for_text(view.says("준비됨", "Ready"));
        browser.run("window.before = true;");
        drop(bin);
        browser.wait("the loss", "!document.getElementById('lost').hidden");
        browser.assert_accessible(&format!("/ without a bin in {view:?}"));
        bin = Bin::start_at(browser.address);
        browser.wait("the new page", "!window.before && document.getElementById('lost').hidden");
        bin.drop_item(a_can());
        browser.wait_for_text(view.says("캔·고철", "Cans and metal"));
    }
}

/// Logs in as a person would: types into the form and sends it.
fn log_in(browser: &Browser, (name, password): (&str, &str)) {
    browser.wait("the form", "document.querySelector('input[name=password]')");
    browser.run(&format!(
        "document.querySelector('input[name=name]').value = {};
         document.querySelector('input[name=password]').value = {};
         document.querySelector('input[name=password]').form.requestSubmit();",
        json!(name),
        json!(password)
    ));
}

#[test]
fn a_wrong_password_is_refused_the_right_one_opens_and_five_wrong_ones_lock_out() {
    let mut browser = Browser::new(Bin::with_logins().address);
    for view in VIEWS {
        let bin = Bin::with_logins();
        browser = browser.elsewhere(bin.address);
        view.open(&browser, "/login");
        browser.assert_fits_width("/login");
        browser.assert_accessible(&format!("/login in {view:?}"));
        log_in(&browser, (KIM.0, "wrong"));
        browser.wait_for_text(view.says("비밀번호가 맞지 않습니다", "password is wrong"));
        browser.assert_accessible(&format!("/login after a wrong password in {view:?}"));
        log_in(&browser, KIM);
        browser.wait("the page behind it", "location.pathname === '/' && document.getElementById('state')");
        browser.wait_for_text(view.says("준비됨", "Ready"));
        browser.run("document.querySelector('form[action=\"/logout\"]').requestSubmit();");
        browser.wait("the way out", "location.pathname === '/login'");

        let locked = view.says("잘못된 비밀번호가 너무 많았습니다", "Too many wrong passwords");
        let is_locked = format!("document.body.innerText.includes({})", json!(locked));
        let mut tries = 0;
        while browser.value(&is_locked) == false {
            assert!(tries < 10, "never locked out");
            browser.run("document.body.dataset.tried = true;");
            log_in(&browser, (KIM.0, "wrong"));
            browser.wait(
                "the answer",
                "document.body && !document.body.dataset.tried && document.querySelector('form')",
            );
            tries += 1;
        }
        assert_eq!(tries, 5, "the right password forgave the first wrong one");
        browser.assert_accessible(&format!("/login, locked out, in {view:?}"));
        log_in(&browser, KIM);
        browser.wait_for_text(locked);
        assert_eq!(browser.value("location.pathname"), "/login", "the right password opens nothing now");
    }
}

/// Opens a page in both windows and languages; it must say these words.
fn look_through(browser: &Browser, path: &str, korean: &[&str], english: &[&str]) {
    let name = path.trim_start_matches('/').split('?').next().unwrap_or_default();
    for view in VIEWS {
        view.open(browser, path);
        for word in if view.language == "ko" { korean } else { english } {
            browser.wait_for_text(word);
        }
        browser.assert_fits_width(path);
        browser.assert_accessible(&format!("{path} in {view:?}"));
        if view.window == PHONE && view.language == "ko" {
            browser.picture(name);
        }
    }
}

/// What the browser gets from an address: type and text.
fn fetched(browser: &Browser, path: &str) -> (String, String) {
    let answer = browser.run_async(&format!(
        "fetch({}).then(async (answer) => done([answer.headers.get('content-type'), await answer.text()]));",
        json!(path)
    ));
    (answer[0].as_str().unwrap().to_owned(), answer[1].as_str().unwrap().to_owned())
}

#[test]
fn counts_and_drops_say_in_numbers_what_happened() {
    let bin = Bin::start();
    for _ in 0..3 {
        bin.drop_item(a_can());
    }
    let reject = Verdict { stream: Stream::General, reason: Some(Reason::TwoItems), ..a_can() };
    bin.drop_item(reject);
    let browser = Browser::new(bin.address);
    look_through(
        &browser,
        "/counts",
        &["캔·고철", "가장 많은 때", "두 가지가 함께"],
        &["Busiest", "two different items"],
    );
    assert_eq!(browser.value("document.querySelector('.bars tfoot .number').innerText"), "4");
    let (kind, csv) = fetched(&browser, "/counts.csv?of=week");
    assert!(kind.starts_with("text/csv"), "{kind}");
    assert_eq!(csv, "stream,outcome,count\ncan,accepted,3\ncan,two_items,1\n");

    look_through(&browser, "/drops", &["캔·고철", "94 %", "찾기"], &["412 ms", "two different items"]);
    assert_eq!(browser.value("document.querySelectorAll('[data-seq]').length"), 4);
    browser.run("document.querySelector('select[name=stream]').value = 'general'; document.querySelector('.find').requestSubmit();");
    browser.wait(
        "the search",
        "location.search.includes('general') && document.querySelectorAll('[data-seq]').length === 1",
    );
    browser.run("document.querySelector('.correct').open = true;");
    browser.assert_accessible("/drops while correcting");
    browser.follow(".correct button[value=glass]");
    browser.open("/counts?of=all");
    browser.wait_for_text("Of 1 that the crew named, 0 were seen rightly.");
    browser.assert_accessible("/counts with a confusion");
    let (_, csv) = fetched(&browser, "/drops.csv");
    assert_eq!((csv.lines().count(), csv.starts_with("id,seq,state,time")), (5, true), "{csv}");
    browser.open("/drops?day=1999-01-01");
    browser.wait_for_text("No such drops");
}

/// A picture as the album keeps it: the chamber with a can.
fn small_picture() -> Vec<u8> {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/clips/can/0041.jpg");
    let picture = image::open(clip).unwrap().crop_imm(44, 32, 560, 424).thumbnail(280, 212).into_rgb8();
    let frame = Frame { width: 280, height: 212, pixels: picture.into_raw(), ..Frame::default() };
    let mut jpeg = Vec::new();
    bunri::capture::jpeg::encode(&frame, 75, &mut jpeg).unwrap();
    jpeg
}

#[test]
fn a_drop_is_seen_with_its_picture_and_corrected() {
    let until = jiff::civil::date(9_999, 12, 31);
    let keeping = Keeping { until, days_most: 14, pictures_most: 10, bytes_most: 1 << 20 };
    let bin = Bin::with(|settings| {
        settings.open_on_loopback = true;
        settings.keep_frames = Some(keeping);
    });
    let browser = Browser::new(bin.address);
    for view in VIEWS {
        let drop = bin.drop_item(a_can());
        bin.album.as_ref().unwrap().put(drop.seq, &small_picture(), bin.clock.wall().unix_ms).unwrap();
        view.open(&browser, "/drops");
        let line = format!("[data-seq=\"{}\"]", drop.seq);
        browser.run(&format!("document.querySelector({}).scrollIntoView();", json!(line)));
        browser.wait("its picture", &format!("document.querySelector('{line} img').naturalWidth === 280"));
        browser.assert_fits_width("/drops with pictures");
        browser.assert_accessible(&format!("/drops with pictures in {view:?}"));
        if view.window == PHONE && view.language == "ko" {
            browser.run("scrollTo(0, 0);");
            browser.picture("drops-kept");
        }
        browser.press(&format!("{line} summary"));
        browser.follow(&format!("{line} button[value=glass]"));
        browser.wait_for_text(view.says("적었습니다", "Noted"));
        let truth = browser.value(&format!("document.querySelector('{line} .truth').innerText"));
        assert_eq!(truth, view.says("점검원: 유리병", "The crew: Glass bottle"));
        browser.assert_fits_width("/drops with a word");
        browser.assert_accessible(&format!("/drops with a word in {view:?}"));
        browser.follow(&format!("{line} .withdraw button"));
        browser.wait_for_text(view.says("정정을 취소했습니다", "Taken back"));
        assert_eq!(browser.value(&format!("document.querySelector('{line} .truth')")), Value::Null);
    }
}

#[test]
fn the_check_up_puts_the_worst_first_and_the_bundle_holds_no_secret() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    look_through(
        &browser,
        "/checkup",
        &["디스크 여유", "할 일", "고칠 것이 있습니다"],
        &["free disk", "time service"],
    );
    let order = browser.value("[...document.querySelectorAll('.findings li')].map((line) => line.className)");
    assert_eq!(order, json!(["fail", "warn", "pass"]));
    let bundle = browser.run_async(
        "fetch('/support.tar.gz').then(async (answer) => {
           const bytes = answer.body.pipeThrough(new DecompressionStream('gzip'));
           done(await new Response(bytes).text());
         });",
    );
    let bundle = bundle.as_str().unwrap();
    for needed in
        ["checkup.txt", "FAIL  free disk: 12 MiB", "bunri_drops_total", "yangcheon/b-017", "host = \"hub\""]
    {
        assert!(bundle.contains(needed), "{needed} is not in the bundle");
    }
    assert!(!bundle.contains("bin-17"), "the user name is left out");
}

#[test]
fn metrics_are_for_this_machine_and_health_for_all() {
    let bin = Bin::with_logins();
    bin.drop_item(a_can());
    let metrics = get(bin.address, "/metrics");
    assert_eq!(metrics.status, 200, "from loopback, without a login");
    let text = metrics.text();
    assert!(text.contains("bunri_drops_total{stream=\"can\",outcome=\"accepted\"} 1"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(get(bin.address, "/screen").status, 200, "the residents' screen is open");
}
