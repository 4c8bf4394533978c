//! The way to the broker, whatever its version of MQTT; only the files below name the MQTT crates.
//!
//! ```text
//!   Publisher, Traffic, Subscriber ──┬── v5.rs    MQTT 5: an acknowledgement says whether anybody listens
//!                                    └── v311.rs  MQTT 3.1.1: an acknowledgement says nothing else
//! ```
//!
//! One [`Publisher`] and one [`Traffic`] live exactly as long as one connection. The crate's own memory of what is
//! pending dies with them: what must survive is in the outbox, and a fresh client cannot confuse what a broker
//! acknowledged to an older one. Certificates and passwords are read anew for each.
//!
//! Never keeps a session at the broker (clean start, expiry zero), never resends by itself, never reconnects by
//! itself, never decides how long to wait.

mod subscriber;
mod v311;
mod v5;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::rustls::ClientConfig;

pub use subscriber::Subscriber;

use super::error::Error;
use super::settings::{Login, Protocol, Settings};
use super::tls;

/// Messages of our own besides the drops that may wait at the same time: availability, counts and the like.
const EXTRA_IN_FLIGHT: u16 = 16;
/// The broker may send nothing larger (bytes); our own messages are far below.
const PACKET_MAX: u32 = 256 * 1024;
/// MQTT content type of every payload.
const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// One message to publish with QoS 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Full topic.
    pub topic: String,
    /// JSON text.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
}

/// What a broker that did not refuse a message did with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has it, for whoever subscribed. With MQTT 3.1.1 this may be nobody.
    Taken,
    /// Nobody had subscribed, so it threw the message away (reason 0x10 of MQTT 5, which counts as a success there).
    NobodyListens,
}

/// Resolves when the broker has answered one message: `Ok` only for an acknowledgement with a success reason.
pub(super) type Acknowledged = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;
/// Resolves when the broker has answered a subscription.
pub(super) type Granted = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What one connection is opened with.
struct Opening<'a> {
    settings: &'a Settings,
    login: Login,
    tls: Option<Arc<ClientConfig>>,
    client_id: String,
    will: Option<Message>,
    /// Messages that may wait for their acknowledgement.
    in_flight: u16,
}

/// What moving bytes has brought.
enum Got {
    Greeting,
    Message(Message),
    /// Our own goodbye is out.
    Closed,
    Nothing,
}

enum Sender {
    V5(v5::Sender),
    V311(v311::Sender),
}

enum Link {
    V5(Box<v5::Link>),
    V311(Box<v311::Link>),
}

#[derive(Clone, Copy)]
enum Phase {
    Connecting,
    Connected,
}

/// The sending side of one connection.
pub(super) struct Publisher {
    sender: Sender,
}

/// The side of one connection that moves bytes; nothing is sent or received unless [`Traffic::run`] is polled.
pub(super) struct Traffic {
    link: Link,
    broker: String,
    phase: Phase,
}

/// Opens one connection and waits for the broker's answer.
///
/// # Errors
/// [`Error::Unreachable`] when nobody answers in time, [`Error::Refused`] when the broker says no,
/// [`Error::Insecure`] or [`Error::File`] when the connection cannot be a secure one.
pub(super) async fn connect(settings: &Settings, will: Message) -> Result<(Publisher, Traffic), Error> {
    let in_flight = settings.in_flight.saturating_add(EXTRA_IN_FLIGHT);
    open(settings, settings.client_id(), Some(will), in_flight).await
}

async fn open(
    settings: &Settings,
    client_id: String,
    will: Option<Message>,
    in_flight: u16,
) -> Result<(Publisher, Traffic), Error> {
    let tls = settings.tls.as_ref().map(tls::client_config).transpose()?;
    let opening = Opening { settings, login: settings.login()?, tls, client_id, will, in_flight };
    let (sender, link) = match settings.protocol {
        Protocol::V5 => {
            let (sender, link) = v5::open(opening);
            (Sender::V5(sender), Link::V5(Box::new(link)))
        }
        Protocol::V311 => {
            let (sender, link) = v311::open(opening);
            (Sender::V311(sender), Link::V311(Box::new(link)))
        }
    };
    let mut traffic = Traffic { link, broker: settings.broker(), phase: Phase::Connecting };
    let silent = |_| Error::Unreachable { broker: settings.broker(), why: "no answer in time".to_owned() };
    timeout(settings.connect_timeout, traffic.greeting()).await.map_err(silent)??;
    Ok((Publisher { sender }, traffic))
}

impl Publisher {
    /// Hands one message to the connection. Waits only while the crate's own short queue is full.
    ///
    /// # Errors
    /// When the connection is gone, or the topic is not one.
    pub(super) async fn send(&self, message: Message) -> Result<Acknowledged, Error> {
        match &self.sender {
            Sender::V5(sender) => sender.send(message).await,
            Sender::V311(sender) => sender.send(message).await,
        }
    }

    /// Asks for what matches `filter`, with QoS 1.
    ///
    /// # Errors
    /// When the connection is gone, or the filter is not one.
    pub(super) async fn subscribe(&self, filter: &str) -> Result<Granted, Error> {
        match &self.sender {
            Sender::V5(sender) => sender.subscribe(filter).await,
            Sender::V311(sender) => sender.subscribe(filter).await,
        }
    }

    /// Asks for an orderly DISCONNECT, upon which the broker forgets the last will.
    pub(super) fn goodbye(&self) {
        match &self.sender {
            Sender::V5(sender) => sender.goodbye(),
            Sender::V311(sender) => sender.goodbye(),
        }
    }
}

impl Traffic {
    async fn greeting(&mut self) -> Result<(), Error> {
        while !matches!(self.poll().await?, Got::Greeting) {}
        self.phase = Phase::Connected;
        Ok(())
    }

    /// Moves bytes until the connection ends: `Ok` after our own goodbye, the reason otherwise. What the broker sends
    /// goes to `hear`, as far as there is room.
    pub(super) async fn run(&mut self, hear: &mpsc::Sender<Message>) -> Result<(), Error> {
        while let Some(message) = self.next_message().await? {
            let _no_room = hear.try_send(message).is_err();
        }
        Ok(())
    }

    /// The next message from the broker; `None` after our own goodbye.
    async fn next_message(&mut self) -> Result<Option<Message>, Error> {
        loop {
            match self.poll().await? {
                Got::Message(message) => return Ok(Some(message)),
                Got::Closed => return Ok(None),
                Got::Greeting | Got::Nothing => {}
            }
        }
    }

    async fn poll(&mut self) -> Result<Got, Error> {
        match &mut self.link {
            Link::V5(link) => link.poll(&self.broker, self.phase).await,
            Link::V311(link) => link.poll(&self.broker, self.phase).await,
        }
    }
}

/// What the system said of the connection.
fn io_error(error: &io::Error, broker: &str, phase: Phase) -> Error {
    tls::refusal(error, broker).unwrap_or_else(|| gone(error.to_string(), broker, phase))
}

/// The connection is not, or no longer.
fn gone(why: String, broker: &str, phase: Phase) -> Error {
    let broker = broker.to_owned();
    match phase {
        Phase::Connecting => Error::Unreachable { broker, why },
        Phase::Connected => Error::Lost { broker, why },
    }
}

/// A filter that the broker did not grant.
fn not_granted(filter: String, why: String) -> Error {
    Error::MessageRefused { topic: filter, why, remedy: "let this user read it at the broker" }
}
