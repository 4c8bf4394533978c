//! A gate between the uplink and its broker: it can refuse, cut, hold answers back, or cut after so many bytes.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) struct Gate {
    pub(crate) port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    broker_port: u16,
    open: AtomicBool,
    accepted: AtomicU64,
    /// Bytes of answers a new connection may pass before it is cut; 0 = no limit.
    answers_max: AtomicU64,
    hold_answers: watch::Sender<bool>,
    cuts: watch::Sender<u64>,
}

impl Gate {
    /// Opens a gate before the broker on that loopback port.
    pub(crate) async fn before(broker_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            broker_port,
            open: AtomicBool::new(true),
            accepted: AtomicU64::new(0),
            answers_max: AtomicU64::new(0),
            hold_answers: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                if shared.open.load(Ordering::SeqCst) {
                    tokio::spawn(pass(Arc::clone(&shared), client));
                }
            }
        });
        Self { port, state, task }
    }

    /// New connections are refused while it is not open; existing ones stay.
    pub(crate) fn open(&self, open: bool) {
        self.state.open.store(open, Ordering::SeqCst);
    }

    /// Cuts every connection, now.
    pub(crate) fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// While held, nothing the broker says reaches the uplink.
    pub(crate) fn hold_answers(&self, hold: bool) {
        self.state.hold_answers.send_replace(hold);
    }

    /// Every new connection is cut after that many bytes of answers; 0 = never.
    pub(crate) fn cut_after_answers(&self, bytes: u64) {
        self.state.answers_max.store(bytes, Ordering::SeqCst);
    }

    /// How many connections were tried.
    pub(crate) fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn pass(state: Arc<State>, client: TcpStream) {
    let Ok(broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, state.broker_port)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let mut cuts = state.cuts.subscribe();
    tokio::select! {
        // First: an answer held back until the cut must not slip through it.
        biased;
        _ = cuts.changed() => {}
        () = questions(from_client, to_broker) => {}
        () = answers(&state, from_broker, to_client) => {}
    }
}

async fn questions(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

async fn answers(state: &State, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut hold = state.hold_answers.subscribe();
    let mut left = match state.answers_max.load(Ordering::SeqCst) {
        0 => usize::MAX,
        bytes => usize::try_from(bytes).unwrap(),
    };
    let mut buffer = [0; 4096];
    while left > 0 {
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        let _ = hold.wait_for(|hold| !hold).await;
        let length = length.min(left);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
        left -= length;
    }
}
