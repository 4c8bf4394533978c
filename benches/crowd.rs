//! Two hundred slow and hostile clients at the page, and what the sorting loop notices of them.
//!
//! The whole daemon runs on the demo's clips in real time, by turns alone and with the crowd: clients that say nothing,
//! that send their headers letter by letter, that ask for the picture and never read it, that ask without end, that
//! guess passwords, and that send endless forms, from fifty addresses. Compared are what a resident waits for (from an
//! item lying still to its verdict) and how old a frame is when the loop has looked at it, by the clock. Not a criterion
//! bench, since it lasts minutes: `cargo bench -- crowd`.

#![allow(clippy::print_stdout, reason = "what it gave")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use bunri::clock::{Clock, SystemClock};
use bunri::daemon::Daemon;
use bunri::web::{Live, Role, Users};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;

use super::support::demo_with_page;

const CLIENTS: u32 = 200;
const ADDRESSES: u32 = 50;
/// The first items find cold caches.
const WARM_UP: Duration = Duration::from_secs(10);
/// Each of the turns.
const TURN: Duration = Duration::from_secs(40);
const TURNS: [bool; 6] = [false, true, false, true, false, true];

/// What the crowd did.
#[derive(Default)]
struct Deeds {
    connections: AtomicU64,
    answers: AtomicU64,
}

/// What the loop did, in milliseconds.
#[derive(Default)]
struct Times {
    verdicts: Vec<f64>,
    frames: Vec<f64>,
}

/// Runs all turns and prints what they gave.
pub(crate) fn run() {
    let folder = tempfile::tempdir().unwrap();
    let (mut config, page) = demo_with_page(folder.path());
    let web = config.web.as_mut().unwrap();
    web.open_on_loopback = false;
    let mut users = Users::default();
    users.set("kim", Role::Act, "acts with gloves").unwrap();
    users.save(&web.folder).unwrap();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let daemon = Daemon::start(&config, "bench", Arc::new(SystemClock)).await.unwrap();
        let (mut drops, live) = (daemon.drops(), daemon.live());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let turns = tokio::spawn(async move {
            tokio::time::sleep(WARM_UP).await;
            let mut all = [Times::default(), Times::default()];
            for crowded in TURNS {
                let crowd = crowded.then(|| Crowd::gather(page));
                let watcher = Watcher::start(live.clone());
                drops = drops.resubscribe();
                let mut times = Times::default();
                let end = tokio::time::sleep(TURN);
                tokio::pin!(end);
                loop {
                    tokio::select! {
                        () = &mut end => break,
                        Ok(drop) = drops.recv() => times.verdicts.push(drop.settled_to_decided_ms() as f64),
                    }
                }
                times.frames = watcher.finish();
                let deeds = crowd.map_or_else(String::new, Crowd::go_home);
                print_times(if crowded { "crowd" } else { "alone" }, &times, &deeds);
                let sum = &mut all[usize::from(crowded)];
                sum.verdicts.extend(times.verdicts);
                sum.frames.extend(times.frames);
            }
            compare(&all);
            let _daemon_is_there = stop.send(()).is_ok();
        });
        daemon.run(async { drop(stopped.await) }).await.unwrap();
        turns.await.unwrap();
    });
}

fn at(times_ms: &[f64], share: f64) -> f64 {
    let mut sorted = times_ms.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or(0.0)
}

fn print_times(name: &str, Times { verdicts, frames }: &Times, deeds: &str) {
    let [verdict, late_verdict] = [0.5, 1.0].map(|share| at(verdicts, share));
    let [frame, late_frame, worst_frame] = [0.5, 0.99, 1.0].map(|share| at(frames, share));
    println!(
        "{name}: {} items, still to verdict {verdict:.0} ms (worst {late_verdict:.0}); {} frames, age when looked at \
         {frame:.1} ms (p99 {late_frame:.1}, worst {worst_frame:.1}) {deeds}",
        verdicts.len(),
        frames.len()
    );
}

fn compare(all: &[Times; 2]) {
    let [alone, crowd] = all;
    print_times("alone, all turns", alone, "");
    print_times("crowd, all turns", crowd, "");
    println!(
        "ratio of the medians: still to verdict {:.3}, age of a frame {:.3}",
        at(&crowd.verdicts, 0.5) / at(&alone.verdicts, 0.5),
        at(&crowd.frames, 0.5) / at(&alone.frames, 0.5)
    );
}

/// Sees how old each frame is when the loop has looked at it, in a thread of its own.
struct Watcher {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<f64>>,
}

impl Watcher {
    fn start(mut live: watch::Receiver<Live>) -> Self {
        let over = Arc::<AtomicBool>::default();
        let stop = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let (mut ages, mut last) = (Vec::new(), 0);
            while !stop.load(Relaxed) {
                let presence = live.borrow_and_update().presence;
                let now = SystemClock.now();
                if presence.sequence != last {
                    last = presence.sequence;
                    ages.push(now.since(presence.captured_at).as_secs_f64() * 1000.0);
                }
                SystemClock.sleep_until(now + Duration::from_millis(1));
            }
            ages
        });
        Self { over, thread }
    }

    fn finish(self) -> Vec<f64> {
        self.over.store(true, Relaxed);
        self.thread.join().unwrap()
    }
}

/// The clients, in a thread of their own.
struct Crowd {
    over: Arc<AtomicBool>,
    deeds: Arc<Deeds>,
    thread: JoinHandle<()>,
}

impl Crowd {
    fn gather(page: SocketAddr) -> Self {
        let (over, deeds) = (Arc::<AtomicBool>::default(), Arc::<Deeds>::default());
        let (stop, done) = (Arc::clone(&over), Arc::clone(&deeds));
        let thread = std::thread::spawn(move || {
            // On a street they are other machines: what they cost themselves must not be the bin's.
            rustix::process::nice(10).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for number in 0..CLIENTS {
                    tokio::spawn(client(number, page, Arc::clone(&done)));
                }
                while !stop.load(Relaxed) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
        });
        Self { over, deeds, thread }
    }

    fn go_home(self) -> String {
        self.over.store(true, Relaxed);
        self.thread.join().unwrap();
        format!(
            "({} answers over {} connections)",
            self.deeds.answers.load(Relaxed),
            self.deeds.connections.load(Relaxed)
        )
    }
}

/// One client, again and again.
async fn client(number: u32, page: SocketAddr, deeds: Arc<Deeds>) {
    let address = Ipv4Addr::from(0x7F00_0002 + number % ADDRESSES);
    loop {
        if let Ok(stream) = connect(address, page).await {
            deeds.connections.fetch_add(1, Relaxed);
            // Whatever becomes of it: it comes back.
            if misbehave(number, page, stream).await.unwrap_or(0) > 0 {
                deeds.answers.fetch_add(1, Relaxed);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn connect(from: Ipv4Addr, page: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(page).await
}

/// Bytes of the answer that were read.
async fn misbehave(number: u32, page: SocketAddr, mut stream: TcpStream) -> std::io::Result<usize> {
    let head = |line: &str, rest: &str| format!("{line} HTTP/1.1\r\nHost: {page}\r\n{rest}\r\n");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let mut answer = [0; 16 * 1024];
    match number % 6 {
        // Says nothing.
        0 => stream.read(&mut answer).await,
        // One letter a second.
        1 => {
            for byte in head("GET /", "X-Slow: yes\r\n").bytes() {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            stream.read(&mut answer).await
        }
        // Asks for what streams, and never reads.
        2 => {
            stream.write_all(head("GET /picture", "").as_bytes()).await?;
            tokio::time::sleep(Duration::from_secs(30)).await;
            Ok(0)
        }
        // Asks as fast as it is answered.
        3 => {
            let mut read = 0;
            for _ in 0..200 {
                stream.write_all(head("GET /login", "").as_bytes()).await?;
                read += stream.read(&mut answer).await?;
            }
            Ok(read)
        }
        // Guesses passwords, with the form's own token.
        4 => {
            stream.write_all(head("GET /login", "").as_bytes()).await?;
            let read = stream.read(&mut answer).await?;
            let text = String::from_utf8_lossy(&answer[..read]).into_owned();
            let after = |mark: &str| text.split(mark).nth(1).map(|rest| &rest[..64.min(rest.len())]);
            let (Some(cookie), Some(token)) = (after("bunri_visitor="), after("name=\"token\" value=\""))
            else {
                return Ok(read);
            };
            let fields = format!("name=kim&password=a+wrong+guess&token={token}");
            let rest =
                format!("Content-Length: {}\r\nCookie: bunri_visitor={cookie}\r\n{form}", fields.len());
            stream.write_all((head("POST /login", &rest) + &fields).as_bytes()).await?;
            stream.read(&mut answer).await
        }
        // Sends a form without end.
        _ => {
            let length = format!("Content-Length: 1000000000\r\n{form}");
            stream.write_all(head("POST /login", &length).as_bytes()).await?;
            for _ in 0..1_000 {
                stream.write_all(&[b'x'; 1024]).await?;
            }
            stream.read(&mut answer).await
        }
    }
}
