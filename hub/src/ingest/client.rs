//! The only file that names the MQTT crate.
//!
//! One [`Feed`] and one [`Acks`] live exactly as long as one connection: what was not acknowledged on it the broker
//! sends again on the next, under other packet numbers.
//!
//! Never acknowledges by itself, never reconnects by itself, never decides how long to wait.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::pin::Pin;

use rumqttc::mqttbytes::v5::{Packet, Publish, SubscribeFilter};
use rumqttc::{
    AckMode, AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, PersistedAckMode,
    PersistedSession, PublishOptions, QoS, SessionStore, SessionStoreError, SessionStoreKey, StateError,
    Transport,
};
use tokio::sync::mpsc;

use super::error::IngestError;
use super::settings::BrokerSettings;

/// Larger messages the broker keeps to itself, bytes; the contract's are below a half of it.
const PACKET_MAX: u32 = 16 * 1024;
/// Publications of our own that may be under way: questions need no acknowledgement. The crate walks over room for all of
/// them at every turn.
const OUTGOING_MAX: u16 = 16;
/// How long the broker keeps what waits for a hub that is away, seconds: a week.
const SESSION_EXPIRY_S: u32 = 7 * 24 * 3600;

/// One message, to be acknowledged once it is stored.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) topic: String,
    pub(super) retained: bool,
    publish: Publish,
}

impl Delivery {
    pub(super) fn payload(&self) -> &[u8] {
        &self.publish.payload
    }
}

/// The side that moves bytes: nothing is sent or received unless [`Feed::run`] is polled.
pub(super) struct Feed {
    event_loop: EventLoop,
    client: AsyncClient,
    broker: String,
    lanes: Vec<mpsc::Sender<Delivery>>,
}

/// The side that acknowledges, and asks.
#[derive(Clone)]
pub(super) struct Acks {
    client: AsyncClient,
}

/// Opens one connection, and takes up or begins this hub's session at the broker.
///
/// Drops, corrections, health and alarms come through shared subscriptions: each to one hub of the group. What bins
/// retain comes to every hub, anew on every connection: a shared subscription would get none of it, and writing it twice
/// changes nothing.
///
/// Messages come out at `lanes` ends, those of one bin at one of them, in their order.
pub(super) async fn connect(
    settings: &BrokerSettings,
    lanes: usize,
) -> Result<(Feed, Vec<mpsc::Receiver<Delivery>>, Acks), IngestError> {
    let broker = settings.address();
    let mut options = MqttOptions::new(settings.client_id(), (settings.host.clone(), settings.port));
    options.set_clean_start(false);
    options.set_session_store(NothingPending);
    options.set_session_expiry_interval(Some(SESSION_EXPIRY_S));
    options.set_receive_maximum(Some(settings.in_flight));
    options.set_outgoing_inflight_upper_limit(OUTGOING_MAX);
    options.set_max_packet_size(Some(PACKET_MAX));
    options.set_ack_mode(AckMode::Manual);
    options.set_keep_alive(settings.keep_alive_s);
    options.set_connect_timeout(settings.connect_timeout);
    if let Some(transport) = encrypted(settings)? {
        options.set_transport(transport);
    }
    if let Some(username) = &settings.username {
        options.set_credentials(username.clone(), settings.password.clone().unwrap_or_default().into_bytes());
    }
    // Acknowledgements never wait, or they and the deliveries could wait for each other; there are no more of them than
    // were delivered.
    let (client, event_loop) = AsyncClient::builder(options).unbounded().build();
    let room = usize::from(settings.in_flight).div_ceil(lanes);
    let (lanes, deliveries) = (0..lanes).map(|_| mpsc::channel(room)).unzip();
    let mut feed = Feed { event_loop, client: client.clone(), broker, lanes };
    feed.greeting().await?;
    Ok((feed, deliveries, Acks { client }))
}

/// TLS, if the settings ask for it. Files are read anew for every connection, so that renewed ones need no restart.
fn encrypted(settings: &BrokerSettings) -> Result<Option<Transport>, IngestError> {
    let read = |path: &Path| {
        let text = std::fs::read(path);
        text.map_err(|source| IngestError::File { path: path.display().to_string(), source })
    };
    let Some(ca) = &settings.ca_file else { return Ok(None) };
    let own = match &settings.certificate {
        Some((certificate, key)) => Some((read(certificate)?, read(key)?)),
        None => None,
    };
    Ok(Some(Transport::tls(read(ca)?, own, None)))
}

/// What the crate asks for before it takes up a session that it did not begin itself: its own half of what was under
/// way. A hub only subscribes, so its half is always empty; the broker's half is what counts.
#[derive(Debug)]
struct NothingPending;

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

impl SessionStore for NothingPending {
    fn load<'a>(&'a self, key: &'a SessionStoreKey) -> Answer<'a, Option<PersistedSession>> {
        let session = PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: Some(SESSION_EXPIRY_S),
            outgoing_inflight_upper_limit: Some(OUTGOING_MAX),
            ack_mode: PersistedAckMode::Manual,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(async { Ok(Some(session)) })
    }

    fn save<'a>(&'a self, _: &'a SessionStoreKey, _: &'a PersistedSession) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn clear<'a>(&'a self, _: &'a SessionStoreKey) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

impl Feed {
    async fn greeting(&mut self) -> Result<(), IngestError> {
        loop {
            match self.event_loop.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => return Ok(()),
                Ok(event) => self.take(event).await?,
                Err(error) => return Err(self.refused(&error)),
            }
        }
    }

    /// Why there is no connection: a broker that says no, or none.
    fn refused(&self, error: &ConnectionError) -> IngestError {
        let (broker, why) = (self.broker.clone(), error.to_string());
        match error {
            ConnectionError::ConnectionRefused(_)
            | ConnectionError::MqttState(StateError::ConnFail { .. }) => IngestError::Refused { broker, why },
            _ => IngestError::Unreachable { broker, why },
        }
    }

    /// Subscribes. What the broker sends meanwhile must be taken out at the other end, or this waits for it.
    pub(super) async fn subscribe(&mut self, settings: &BrokerSettings) -> Result<(), IngestError> {
        for path in settings.filters() {
            let lost = |why: String| IngestError::Lost { broker: settings.address(), why };
            let filter = SubscribeFilter::new(path.clone(), QoS::AtLeastOnce);
            let granted = self
                .client
                .subscribe_many_tracked([filter])
                .await
                .map_err(|error| lost(error.to_string()))?
                .wait_completion_async();
            tokio::pin!(granted);
            let answer = loop {
                tokio::select! {
                    biased;
                    answer = &mut granted => break answer,
                    event = self.event_loop.poll() => {
                        self.take(event.map_err(|error| lost(error.to_string()))?).await?;
                    }
                }
            };
            answer.map_err(|error| IngestError::NotGranted {
                broker: settings.address(),
                filter: path,
                why: error.to_string(),
            })?;
        }
        Ok(())
    }

    /// Moves bytes until the connection ends: `Ok` after our own goodbye, the reason otherwise.
    pub(super) async fn run(&mut self) -> Result<(), IngestError> {
        loop {
            match self.event_loop.poll().await {
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return Ok(()),
                Ok(event) => self.take(event).await?,
                Err(error) => {
                    return Err(IngestError::Lost { broker: self.broker.clone(), why: error.to_string() });
                }
            }
        }
    }

    /// Hands a message on, as soon as there is room. Waiting stops the reading, so that the broker has to wait too:
    /// mosquitto 2.0.11 sends all that it has kept, whatever was said of Receive Maximum, once it was started again.
    async fn take(&self, event: Event) -> Result<(), IngestError> {
        let publish = match event {
            Event::Incoming(Packet::Publish(publish)) => publish,
            Event::Incoming(Packet::Disconnect(packet)) => {
                let why = format!("it said {:?}", packet.reason_code);
                return Err(IngestError::Lost { broker: self.broker.clone(), why });
            }
            _ => return Ok(()),
        };
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let delivery = Delivery { topic, retained: publish.retain, publish };
        // Nobody takes it any more: it stays at the broker, unacknowledged.
        let _ = self.lanes[lane_of(&delivery.topic, self.lanes.len())].send(delivery).await;
        Ok(())
    }
}

/// Which of so many lanes a topic's bin has: `<kind>/recycle/<district>/<bin>/<what>`.
fn lane_of(topic: &str, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    topic.split('/').skip(2).take(2).for_each(|part| part.hash(&mut hasher));
    // The remainder is below `lanes`.
    (hasher.finish() % lanes as u64) as usize
}

impl Acks {
    /// Acknowledges one stored message. A failure means that the connection is gone, and that it will come again.
    pub(super) async fn send(&self, delivery: &Delivery) {
        let _ = self.client.ack(&delivery.publish).await;
    }

    /// Sends one question to a bin. Whether it comes to be heard nobody waits for: it is asked again.
    pub(super) async fn ask(&self, topic: String, payload: Vec<u8>) {
        let _ = self.client.publish(topic, payload, PublishOptions::at_most_once()).await;
    }

    /// Asks for an orderly DISCONNECT after what is already queued; the session stays at the broker.
    pub(super) async fn goodbye(&self) {
        let _ = self.client.disconnect().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_bin_says_takes_one_lane_and_bins_spread_over_all() {
        let lane = |what: &str, bin: usize| lane_of(&format!("{what}/b-{bin}/drop"), 4);
        assert!((0..100).all(|bin| {
            let other = lane_of(&format!("st/recycle/d/b-{bin}/twin"), 4);
            lane("dt/recycle/d", bin) == other
        }));
        for wanted in 0..4 {
            assert!((0..100).filter(|bin| lane("dt/recycle/d", *bin) == wanted).count() > 10);
        }
        assert_eq!(lane_of("", 4), lane_of("dt/other", 4), "a strange topic has one too");
    }
}
