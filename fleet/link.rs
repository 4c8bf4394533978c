//! A relay between clients and a server on loopback: refuses, cuts, tears packets apart, delays.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// Bytes moved at a time.
const CHUNK: usize = 16 * 1024;

/// One relay; it ends with its last clone.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    open: AtomicBool,
    delay_ms_most: AtomicU64,
    /// How often connections were cut, and out of how many one was meant.
    cut: watch::Sender<(u64, u64)>,
}

impl Link {
    /// Listens on a free port and passes everything on to the loopback port `to`.
    pub(crate) async fn to(to: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let cut = watch::Sender::new((0, 1));
        let state = Arc::new(State { open: AtomicBool::new(true), delay_ms_most: AtomicU64::new(0), cut });
        let shared = Arc::downgrade(&state);
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((client, _)) = listener.accept().await {
                let Some(state) = shared.upgrade() else { return };
                number += 1;
                if state.open.load(Ordering::Relaxed) {
                    tokio::spawn(pass(state, client, to, number));
                }
            }
        });
        Ok(Self { port, state })
    }

    /// New connections are closed at once while it is not open; existing ones stay.
    pub(crate) fn set_open(&self, open: bool) {
        self.state.open.store(open, Ordering::Relaxed);
    }

    /// Cuts one of every `of` connections, now; what is on its way is lost.
    pub(crate) fn cut_one_of(&self, of: u64) {
        self.state.cut.send_modify(|cut| *cut = (cut.0 + 1, of.max(1)));
    }

    /// Every piece of every conversation waits up to so many milliseconds from now on, in order; 0 = none does.
    pub(crate) fn set_delay(&self, ms_most: u64) {
        self.state.delay_ms_most.store(ms_most, Ordering::Relaxed);
    }
}

async fn pass(state: Arc<State>, client: TcpStream, to: u16, number: u64) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = is_cut(&state, number) => {}
        () = carry(&state, from_client, to_server, number) => {}
        () = carry(&state, from_server, to_client, number) => {}
    }
}

async fn is_cut(state: &State, number: u64) {
    let mut cut = state.cut.subscribe();
    while cut.changed().await.is_ok() {
        let (times, of) = *cut.borrow_and_update();
        if (number + times).is_multiple_of(of) {
            return;
        }
    }
}

async fn carry(state: &State, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: u64) {
    let mut random = fastrand::Rng::with_seed(number);
    let mut buffer = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let delay_ms = state.delay_ms_most.load(Ordering::Relaxed);
        let mut left = &buffer[..length];
        if delay_ms > 0 {
            // A part goes, the rest follows later: a cut between the two leaves a torn packet.
            let (first, rest) = left.split_at(random.usize(0..length));
            if to.write_all(first).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(random.u64(0..=delay_ms))).await;
            left = rest;
        }
        if to.write_all(left).await.is_err() {
            return;
        }
    }
}
