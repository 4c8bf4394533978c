//! The page over a real connection: what it says, how it stays live, what it refuses and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test stops where it failed"
)]

mod access;
mod bin;
mod client;

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bin::{Bin, HEIGHT, WIDTH, a_can, grey_of};
use bunri::capture::Frame;
use bunri::capture::jpeg::JpegDecoder;
use bunri::judge::{Alarm, Reason, StateName, Verdict};
use bunri::streams::Stream;
use bunri::uplink;
use bunri::web::{self, Live, STREAMS_MAX, WebError};
use client::{Answer, Events, get, get_with, send};

#[test]
fn the_page_speaks_both_languages() {
    let bin = Bin::start();
    bin.drop_item(a_can());
    let reject = Verdict { stream: Stream::General, reason: Some(Reason::NotSure), ..a_can() };
    bin.drop_item(reject);
    let mut events = Events::open(bin.address, "ko");
    let counted = |data: &serde_json::Value| {
        data["parts"]["drops"].as_str().is_some_and(|html| html.contains("data-seq=\"2\""))
    };
    events.wait("state", counted);

    let korean = get(bin.address, "/").text();
    let needed = [
        "lang=\"ko\"",
        "yangcheon/b-017",
        "준비됨",
        "캔·고철",
        "2번 칸",
        "확신할 수 없음",
        "412 ms",
        "연결됨",
    ];
    for text in needed {
        assert!(korean.contains(text), "{text} is not in {korean}");
    }
    let english = get(bin.address, "/?lang=en").text();
    for text in
        ["lang=\"en\"", "Ready", "Cans and metal", "compartment 2", "not sure enough", "everything sent"]
    {
        assert!(english.contains(text), "{text} is not in {english}");
    }
    assert!(!korean.contains('⟦') && !english.contains('⟦'));
    let browsers = get_with(bin.address, "/", "Accept-Language: en-GB,en;q=0.9,ko;q=0.5\r\n").text();
    assert!(browsers.contains("lang=\"en\""));
}

#[test]
fn every_answer_carries_its_headers_and_the_page_is_light() {
    let bin = Bin::start();
    let page = get(bin.address, "/");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let html = page.text();
    let mut weight = html.len();
    let links = html.split([' ', '>']).filter_map(|word| {
        let link = word.strip_prefix("src=\"").or_else(|| word.strip_prefix("href=\""))?;
        link.strip_suffix('"').filter(|link| link.contains("?v="))
    });
    let links: Vec<_> = links.map(str::to_owned).collect();
    assert_eq!(links.len(), 3, "style, script and icon in {html}");
    for path in ["/", "/events", "/picture", "/healthz", "/nothing"].map(str::to_owned).iter().chain(&links) {
        let answer = get(bin.address, path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        assert!(answer.header("cache-control").is_some(), "{path}");
        if path.contains("?v=") {
            assert_eq!(answer.status, 200, "{path}");
            assert!(answer.header("cache-control").unwrap().contains("immutable"));
            weight += answer.text().len();
        }
    }
    assert!(weight < 100_000, "the page weighs {weight} bytes");
    for forbidden in ["http://", "https://", "style=", "<script>", "onclick"] {
        assert!(!html.contains(forbidden), "{forbidden} in {html}");
    }
}

#[test]
fn the_support_bundle_is_made_without_anybody_at_the_page_and_tells_no_secret() {
    let bin = Bin::start();
    bin.drop_item(a_can());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let packed = runtime.block_on(bin.page.upgrade().unwrap().support_bundle()).unwrap();
    let mut bundle = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut bundle).unwrap();
    for needed in
        ["checkup.txt", "FAIL  free disk: 12 MiB", "bunri_drops_total", "yangcheon/b-017", "host = \"hub\""]
    {
        assert!(bundle.contains(needed), "{needed} is not in the bundle");
    }
    assert!(!bundle.contains("bin-17"), "the user name is left out");
}

#[test]
fn what_is_not_there_is_refused_in_its_own_way() {
    let bin = Bin::start();
    let missing = get_with(bin.address, "/nothing", "Accept-Language: en\r\n");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("There is no such page"));
    let host = bin.address;
    let post = send(host, &format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\nhi"));
    assert_eq!(post.status, 405);
    let rebound = send(host, "GET /picture HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(rebound.status, 421, "another site's name does not get the picture");
    let large = get_with(host, "/", &format!("Cookie: {}\r\n", "x".repeat(40_000)));
    assert_eq!(large.status, 431);
    let many = get_with(host, "/", &"A: b\r\n".repeat(100));
    assert_eq!(many.status, 431);
    assert_eq!(get(host, "/").status, 200, "and all goes on");
}

#[test]
fn events_bring_the_whole_page_then_what_changed_and_each_drop() {
    let bin = Bin::start();
    let mut events = Events::open(bin.address, "en");
    let (name, first) = events.next().unwrap();
    assert_eq!((name.as_str(), &first["facts"]["state"]), ("state", &"empty".into()));
    let parts: Vec<_> = first["parts"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        parts,
        [
            "counts",
            "drops",
            "lesson",
            "lesson-now",
            "machine",
            "overlay",
            "sees",
            "service",
            "signal",
            "state"
        ],
        "no alarms: no part"
    );

    let record = bin.drop_item(a_can());
    let dropped = events.wait("drop", |_| true);
    assert_eq!((&dropped["seq"], &dropped["id"]), (&record.seq.into(), &record.id.as_str().into()));
    assert_eq!((&dropped["stream"], &dropped["compartment"]), (&"can".into(), &2.into()));
    let state = events.wait("state", |data| data["parts"].get("counts").is_some());
    assert!(state["parts"]["drops"].as_str().unwrap().contains("Cans and metal"));
    assert!(state["parts"].get("alarms").is_none(), "only what changed is sent");

    let alarms = vec![Alarm::Jam];
    bin.live.send_replace(Live { state: Some(StateName::Jam), alarms, ..Live::default() });
    let state = events.wait("state", |data| data["facts"]["state"] == "jam");
    assert!(state["parts"]["alarms"].as_str().unwrap().contains("Take the item out by hand"));
    assert!(state["parts"].get("counts").is_none());

    bin.uplink.send_replace(uplink::Status {
        backlog: 3,
        last_error: Some("away".into()),
        ..Default::default()
    });
    let state = events.wait("state", |data| data["facts"]["uplink"]["backlog"] == 3);
    assert!(state["parts"]["machine"].as_str().unwrap().contains("3 to send"));
}

/// The next picture of a stream.
fn picture(from: &mut BufReader<Answer>) -> Frame {
    let mut length = 0;
    loop {
        let mut line = String::new();
        assert!(from.read_line(&mut line).unwrap() > 0, "the stream goes on");
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        } else if line == "\r\n" && length > 0 {
            break;
        }
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).unwrap();
    let mut frame = Frame::default();
    JpegDecoder::new(WIDTH, HEIGHT).decode(&bytes, &mut frame).unwrap();
    frame
}

#[test]
fn the_picture_is_live_and_its_loss_is_shown() {
    let bin = Bin::start();
    let answer = get(bin.address, "/picture");
    assert_eq!(answer.header("content-type"), Some("multipart/x-mixed-replace; boundary=bunri-picture"));
    let mut stream = BufReader::new(answer);
    let mut last = 0;
    for _ in 0..3 {
        let grey = picture(&mut stream).pixels[0];
        assert!(grey > last && grey < grey_of(199), "{grey} after {last}: always a newer one");
        last = grey;
    }
    let mut events = Events::open(bin.address, "en");
    let (_, first) = events.next().unwrap();
    assert_eq!(first["facts"]["camera"]["signal"], true);
    assert!(first["parts"]["overlay"].as_str().unwrap().contains("class=\"item over\" x=\"100\" y=\"60\""));
    bin.unplugged.store(true, SeqCst);
    let gone = events.wait("state", |data| data["facts"]["camera"]["signal"] == false);
    assert!(gone["parts"]["signal"].as_str().unwrap().contains("No signal"));
    assert!(gone["parts"]["alarms"].as_str().unwrap().contains("No signal from the camera"));
    bin.unplugged.store(false, SeqCst);
    let back = events.wait("state", |data| data["facts"]["camera"]["signal"] == true);
    assert_eq!(back["parts"]["signal"], "");
    picture(&mut stream);
}

#[test]
fn one_stream_too_many_is_refused_until_another_ends() {
    let bin = Bin::start();
    let path = |number: usize| if number.is_multiple_of(2) { "/events" } else { "/picture" };
    let mut open: Vec<_> = (0..STREAMS_MAX).map(|number| get(bin.address, path(number))).collect();
    assert!(open.iter().all(|answer| answer.status == 200));
    for path in ["/events", "/picture"] {
        let refused = get(bin.address, path);
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
        assert!(refused.text().contains("close another one"));
    }
    assert_eq!(get(bin.address, "/").status, 200, "the page itself is still there");
    open.pop();
    let again = (0..200).any(|_| get(bin.address, "/events").status == 200);
    assert!(again, "a closed stream makes room");
}

#[test]
fn a_client_that_lags_misses_drops_and_is_told_how_many() {
    let bin = Bin::start();
    let mut events = Events::open(bin.address, "en");
    events.next().unwrap();
    let record = bin.drop_item(a_can());
    events.wait("drop", |_| true);
    const BURST: u64 = 5_000;
    for _ in 0..BURST {
        bin.drops.send(Arc::clone(&record)).unwrap();
    }
    let (mut seen, mut missed) = (0, 0);
    while seen + missed < BURST {
        match events.next().unwrap() {
            (name, _) if name == "drop" => seen += 1,
            (name, number) if name == "missed" => missed += number.as_u64().unwrap(),
            _ => {}
        }
    }
    assert_eq!(seen + missed, BURST);
    assert!(missed > 0, "16 have room");
}

#[test]
fn health_is_the_loops_own() {
    let bin = Bin::start();
    let health = get(bin.address, "/healthz");
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
    bin.silent.store(true, SeqCst);
    bin.clock.forward(Duration::from_secs(3_600));
    let health = get(bin.address, "/healthz");
    assert_eq!(health.status, 503);
    assert!(health.text().contains("has published nothing for 36"));
    assert!(get(bin.address, "/?lang=en").text().contains("The sorting loop is silent"));
    bin.silent.store(false, SeqCst);
    let back = (0..10_000).any(|_| get(bin.address, "/healthz").status == 200);
    assert!(back, "the same news again is a sign of life too");
}

#[test]
fn a_stop_ends_everything_that_is_open_in_time() {
    let bin = Bin::start();
    let mut events = Events::open(bin.address, "ko");
    events.next().unwrap();
    let mut pictures = BufReader::new(get(bin.address, "/picture"));
    picture(&mut pictures);
    let _never_reads = get(bin.address, "/picture");
    let _never_asks = std::net::TcpStream::connect(bin.address).unwrap();
    let ended =
        bin.stop(Duration::from_secs(2)).expect("it ends within a second, and some for a busy machine");
    ended.unwrap();
    while events.next().is_some() {}
    let mut rest = Vec::new();
    pictures.read_to_end(&mut rest).unwrap();
    assert!(std::net::TcpStream::connect(bin.address).is_err(), "nobody listens any more");
}

#[test]
fn a_taken_address_says_what_to_do() {
    let bin = Bin::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let settings = |listen| web::Settings::new(listen, bin.folder.clone());
    let taken = runtime.block_on(web::bind(&settings(bin.address))).err().unwrap();
    assert!(matches!(taken, WebError::AddressInUse { address } if address == bin.address), "{taken}");
    assert!(taken.is_transient());
    assert!(taken.to_string().contains("web.listen"), "{taken}");
    let foreign = runtime.block_on(web::bind(&settings("192.0.2.1:0".parse().unwrap()))).err().unwrap();
    assert!(foreign.to_string().contains("an address of this machine"), "{foreign}");
}
