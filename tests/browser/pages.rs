//! The crew's pages.

use bunri::judge::{Alarm, Reason, StateName, Verdict};
use bunri::streams::Stream;
use bunri::web::Live;
use serde_json::json;

use super::bin::{Bin, KIM, a_can};
use super::browser::Browser;
use super::client::get;
use super::{LAPTOP, PHONE};

#[test]
fn the_live_page_is_light_accessible_and_shows_a_drop_as_it_arrives() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    let mut seq = 0;
    for (window, language, ready, can) in
        [(PHONE, "ko", "준비됨", "캔·고철"), (LAPTOP, "en", "Ready", "Cans and metal")]
    {
        browser.resize(window);
        browser.open(&format!("/?lang={language}"));
        browser.wait_for_text(ready);
        bin.drop_item(a_can());
        seq += 1;
        browser.wait("the drop", &format!("document.querySelector('#drops [data-seq=\"{seq}\"]')"));
        browser.wait_for_text(can);
        browser.wait("a picture", "document.getElementById('picture').naturalWidth > 0");
        browser.assert_fits_width(language);
        browser.assert_accessible(&format!("/ in {language}"));
        browser.picture(&format!("now-{language}"));
    }
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

/// Prints how soon the page can be read on a slow phone.
#[test]
fn the_live_page_can_be_read_on_a_slow_phone() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    browser.resize(PHONE);
    browser.slow_phone();
    let mut took_ms = Vec::new();
    for visit in ["first", "second"] {
        browser.open(&format!("/?lang=en&visit={visit}"));
        browser.wait_for_text("Ready");
        browser.wait("the paint", "performance.getEntriesByName('first-contentful-paint').length");
        let painted = browser.value("performance.getEntriesByName('first-contentful-paint')[0].startTime");
        took_ms.push(painted.as_f64().unwrap().round());
    }
    println!(
        "readable on a slow phone: {} ms after the first tap, {} ms after the next",
        took_ms[0], took_ms[1]
    );
}

#[test]
fn the_live_page_finds_back_to_a_bin_that_was_restarted() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    browser.resize(PHONE);
    browser.open("/?lang=en");
    browser.wait_for_text("Ready");
    browser.run("window.before = true;");
    drop(bin);
    browser.wait("the loss", "!document.getElementById('lost').hidden");
    let bin = Bin::start_at(browser.address);
    browser.wait("the new page", "!window.before && document.getElementById('lost').hidden");
    bin.drop_item(a_can());
    browser.wait_for_text("Cans and metal");
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
fn a_wrong_password_is_refused_five_lock_out_and_the_right_one_opens() {
    let bin = Bin::with_logins();
    let browser = Browser::new(bin.address);
    for (window, language) in [(PHONE, "ko"), (LAPTOP, "en")] {
        browser.resize(window);
        browser.open(&format!("/login?lang={language}"));
        browser.assert_fits_width("/login");
        browser.assert_accessible(&format!("/login in {language}"));
    }
    log_in(&browser, (KIM.0, "wrong"));
    browser.wait_for_text("Name or password is wrong");
    browser.assert_accessible("/login after a wrong password");
    log_in(&browser, KIM);
    browser.wait("the page behind it", "location.pathname === '/' && document.getElementById('state')");
    browser.wait_for_text("Ready");

    let bin = Bin::with_logins();
    let browser = browser.elsewhere(bin.address);
    browser.open("/login?lang=en");
    let mut tries = 0;
    while browser.value("document.body.innerText.includes('Too many wrong passwords')") == false {
        assert!(tries < 10, "never locked out");
        browser.run("document.body.dataset.tried = true;");
        log_in(&browser, (KIM.0, "wrong"));
        browser.wait(
            "the answer",
            "document.body && !document.body.dataset.tried && document.querySelector('form')",
        );
        tries += 1;
    }
    assert!(tries >= 5, "locked out after {tries}");
    log_in(&browser, KIM);
    browser.wait_for_text("Too many wrong passwords");
}

/// Opens a page in both windows and languages; it must say these words.
fn look_through(browser: &Browser, path: &str, korean: &[&str], english: &[&str]) {
    let name = path.trim_start_matches('/').split('?').next().unwrap_or_default();
    for (window, language, words) in [(PHONE, "ko", korean), (LAPTOP, "en", english)] {
        browser.resize(window);
        let sign = if path.contains('?') { '&' } else { '?' };
        browser.open(&format!("{path}{sign}lang={language}"));
        for word in words {
            browser.wait_for_text(word);
        }
        browser.assert_fits_width(path);
        browser.assert_accessible(&format!("{path} in {language}"));
        if window == PHONE {
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
    browser.run("document.querySelector('.correct button[value=glass]').click();");
    browser.wait_for_text("Noted.");
    browser.wait_for_text("The crew: Glass bottle");
    browser.open("/counts?of=all");
    browser.wait_for_text("Of 1 that the crew named, 0 were seen rightly.");
    browser.assert_accessible("/counts with a confusion");
    let (_, csv) = fetched(&browser, "/drops.csv");
    assert_eq!((csv.lines().count(), csv.starts_with("id,seq,state,time")), (5, true), "{csv}");
    browser.open("/drops?day=1999-01-01");
    browser.wait_for_text("No such drops");
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
