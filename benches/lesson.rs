//! How long it takes to teach a bin nine streams of five items by the page.
//!
//! The whole daemon sees items that lie for a second and a half, with a second of empty chamber between them: faster than
//! anybody with gloves. A client does what the page's buttons do, over HTTP. Not a criterion bench, since it lasts two
//! minutes: `cargo bench -- lesson`.

#![allow(clippy::print_stdout, reason = "what it gave")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::support::demo_with_page;
use bunri::clock::{Clock, SystemClock};
use bunri::config::Camera;
use bunri::daemon::Daemon;

/// What is shown as which stream: the stream and the clip whose item is shown.
const LESSON: [(&str, &str); 9] = [
    ("clear_pet", "pet-bottle"),
    ("plastic", "plastic-tub"),
    ("can", "can"),
    ("glass", "glass-bottle"),
    ("paper", "paper"),
    ("carton", "carton"),
    ("film", "plastic-bag"),
    ("foam", "foam-tray"),
    ("general", "cardboard-box"),
];
const ITEMS: usize = 5;
/// Frames before the first item, with an item, and after it; 30 a second.
const BEFORE: usize = 30;
const LIES: usize = 45;
const GONE: usize = 30;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Gives the lesson and prints what it took.
pub(crate) fn run() {
    let folder = tempfile::tempdir().unwrap();
    let (mut config, page) = demo_with_page(folder.path());
    let Camera::Replay { clips, .. } = &mut config.camera else { unreachable!("the demo replays") };
    *clips = (0..).zip(LESSON).map(|(at, (_, clip))| show(folder.path(), at, clip)).collect();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let daemon = Daemon::start(&config, "bench", Arc::new(SystemClock)).await.unwrap();
        let lesson = tokio::task::spawn_blocking(move || teach(page));
        daemon.run(async { lesson.await.unwrap() }).await.unwrap();
    });
}

/// A clip in which the item at rest of a demo's clip comes and goes.
fn show(folder: &Path, at: usize, clip: &str) -> PathBuf {
    let from = Path::new("tests/data/clips").join(clip);
    let to = folder.join(format!("clips/{at}-{clip}"));
    std::fs::create_dir_all(&to).unwrap();
    let place = |picture: &str, frame: usize| {
        std::fs::copy(from.join(picture), to.join(format!("{frame:04}.jpg"))).unwrap();
    };
    place("0000.jpg", 0);
    for item in 0..ITEMS {
        let comes = BEFORE + item * (LIES + GONE);
        place("0041.jpg", comes);
        place("0000.jpg", comes + LIES);
    }
    let frames = BEFORE + ITEMS * (LIES + GONE);
    std::fs::write(to.join("clip.toml"), format!("fps = 30\nframes = {frames}\n")).unwrap();
    to
}

fn teach(page: SocketAddr) {
    let (mut taken, begun) = (0, SystemClock.now());
    ask(page, "begin");
    for (stream, _) in LESSON {
        ask(page, &format!("choose {stream}"));
        taken += ITEMS;
        wait(page, |html| html.matches("data-item=").count() >= taken);
    }
    let shown = SystemClock.now();
    ask(page, "fit");
    wait(page, |html| html.contains("value=\"apply\""));
    let fitted = SystemClock.now();
    ask(page, "apply");
    println!(
        "{} streams, {taken} items: shown and taken in {:.0} s ({:.1} s an item), fitted in {:.1} s, all in {:.0} s",
        LESSON.len(),
        shown.since(begun).as_secs_f64(),
        shown.since(begun).as_secs_f64() / taken as f64,
        fitted.since(shown).as_secs_f64(),
        SystemClock.now().since(begun).as_secs_f64()
    );
}

/// Presses a button of the page.
fn ask(page: SocketAddr, what: &str) {
    let html = get(page);
    let token = html.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = format!("token={token}&ask={}", what.replace(' ', "+"));
    let length = fields.len();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let answer =
        send(page, &format!("POST /teach/ask HTTP/1.1\r\n{kind}\r\nContent-Length: {length}\r\n"), &fields);
    assert!(answer.contains("?done="), "{what}: {answer}");
}

fn wait(page: SocketAddr, is_it: impl Fn(&str) -> bool) {
    while !is_it(&get(page)) {
        SystemClock.sleep_until(SystemClock.now() + LOOK_EVERY);
    }
}

fn get(page: SocketAddr) -> String {
    send(page, "GET /teach HTTP/1.1\r\n", "")
}

fn send(page: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(page).unwrap();
    let request = format!("{head}Host: {page}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
