//! The only file that names the MQTT crate.
//!
//! One [`Publisher`] and one [`Traffic`] live exactly as long as one connection. The crate's own memory of what is
//! pending dies with them: what must survive is in the outbox, and a fresh client cannot confuse what a broker
//! acknowledged to an older one.
//!
//! Never keeps a session at the broker (clean start, expiry zero), never resends by itself, never reconnects by
//! itself, never decides how long to wait.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use rumqttc::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode, LastWill, LastWillProperties, Packet, PubAckReason,
    PublishProperties,
};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, PublishNoticeError,
    PublishOptions, PublishResult, QoS, StateError, Transport,
};

use super::error::Error;
use super::settings::Settings;

/// Messages of our own besides the drops that may wait at the same time: availability twice, counts, and room.
const EXTRA_IN_FLIGHT: u16 = 4;
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
    /// It has it, for whoever subscribed.
    Taken,
    /// Nobody had subscribed, so it threw the message away (reason 0x10 of MQTT 5, which counts as a success there).
    NobodyListens,
}

/// Resolves when the broker has answered one message: `Ok` only for an acknowledgement with a success reason.
pub(super) type Acknowledged = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

/// The sending side of one connection.
pub(super) struct Publisher {
    client: AsyncClient,
    broker: String,
}

/// The side of one connection that moves bytes; nothing is sent or received unless [`Traffic::run`] is polled.
pub(super) struct Traffic {
    event_loop: EventLoop,
    broker: String,
}

/// Opens one connection and waits for the broker's answer.
///
/// # Errors
/// [`Error::Unreachable`] when nobody answers in time, [`Error::Refused`] when the broker says no.
pub(super) async fn connect(settings: &Settings, will: Message) -> Result<(Publisher, Traffic), Error> {
    let mut options = options(settings, settings.client_id());
    options.set_last_will(LastWill::new(
        will.topic,
        will.payload,
        QoS::AtLeastOnce,
        will.retain,
        Some(LastWillProperties {
            delay_interval: None,
            payload_format_indicator: Some(1),
            message_expiry_interval: None,
            content_type: Some(CONTENT_TYPE.to_owned()),
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
        }),
    ));
    let in_flight = settings.in_flight.saturating_add(EXTRA_IN_FLIGHT);
    options.set_outgoing_inflight_upper_limit(in_flight);
    let (client, event_loop) = AsyncClient::builder(options).capacity(usize::from(in_flight)).build();
    let mut traffic = Traffic { event_loop, broker: settings.broker() };
    traffic.greeting().await?;
    Ok((Publisher { client, broker: settings.broker() }, traffic))
}

fn options(settings: &Settings, client_id: String) -> MqttOptions {
    let mut options = MqttOptions::new(client_id, (settings.host.clone(), settings.port));
    options.set_transport(transport(settings));
    options.set_clean_start(true);
    options.set_keep_alive(settings.keep_alive_s);
    options.set_connect_timeout(settings.connect_timeout);
    options.set_max_packet_size(Some(PACKET_MAX));
    if let Some(username) = &settings.username {
        match &settings.password {
            Some(password) => {
                options.set_credentials(username.clone(), password.reveal().as_bytes().to_vec())
            }
            None => options.set_username(username.clone()),
        };
    }
    options
}

/// The one place that chooses how bytes travel. TLS belongs here.
fn transport(_settings: &Settings) -> Transport {
    Transport::tcp()
}

impl Publisher {
    /// Hands one message to the connection. Waits only while the crate's own short queue is full.
    ///
    /// # Errors
    /// When the connection is gone, or the topic is not one.
    pub(super) async fn send(&self, message: Message) -> Result<Acknowledged, Error> {
        let properties = PublishProperties {
            payload_format_indicator: Some(1),
            content_type: Some(CONTENT_TYPE.to_owned()),
            ..PublishProperties::default()
        };
        let options = PublishOptions::at_least_once().retain(message.retain).properties(properties);
        let (topic, broker) = (message.topic.clone(), self.broker.clone());
        let notice = self
            .client
            .publish_tracked(message.topic, message.payload, options)
            .await
            .map_err(|error| Error::Lost { broker: broker.clone(), why: error.to_string() })?;
        Ok(Box::pin(async move {
            match notice.wait_async().await {
                Ok(PublishResult::Qos1(answer)) => answer_of(answer.reason, topic),
                Ok(other) => {
                    Err(Error::Lost { broker, why: format!("a QoS 1 message was answered with {other:?}") })
                }
                Err(error) => Err(publish_error(&error, topic, broker)),
            }
        }))
    }

    /// Asks for an orderly DISCONNECT, upon which the broker forgets the last will.
    pub(super) fn goodbye(&self) {
        // A failure means that the connection is already gone, which is what is wanted.
        let _ = self.client.try_disconnect_now();
    }
}

impl Traffic {
    async fn greeting(&mut self) -> Result<(), Error> {
        loop {
            match self.event_loop.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(connection_error(error, &self.broker, Phase::Connecting)),
            }
        }
    }

    /// Moves bytes until the connection ends: `Ok` after our own goodbye, the reason otherwise.
    pub(super) async fn run(&mut self) -> Result<(), Error> {
        while let Some(_unasked) = self.next_publish().await? {}
        Ok(())
    }

    /// The next message from the broker; `None` after our own goodbye.
    async fn next_publish(&mut self) -> Result<Option<Message>, Error> {
        loop {
            let event = self.event_loop.poll().await;
            if matches!(event, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(ConnectionError::RequestsDone))
            {
                return Ok(None);
            }
            if let Some(message) = self.publish_of(event)? {
                return Ok(Some(message));
            }
        }
    }

    fn publish_of(&self, event: Result<Event, ConnectionError>) -> Result<Option<Message>, Error> {
        match event {
            Ok(Event::Incoming(Packet::Publish(publish))) => Ok(Some(Message {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload.to_vec(),
                retain: publish.retain,
            })),
            Ok(Event::Incoming(Packet::Disconnect(packet))) => {
                Err(server_disconnect(packet.reason_code, &self.broker))
            }
            Ok(_) => Ok(None),
            Err(error) => Err(connection_error(error, &self.broker, Phase::Connected)),
        }
    }
}

/// A listener on the broker's other side: the demo's stand-in for the hub, and the tests' witness.
pub struct Subscriber {
    traffic: Traffic,
    /// Messages that came before the last filter was granted.
    early: VecDeque<Message>,
    // The connection ends when the last sender is gone.
    _client: AsyncClient,
}

impl Subscriber {
    /// Connects under `client_id` and subscribes to `filters` with QoS 1; returns when the broker has agreed.
    ///
    /// # Errors
    /// As for a publisher; [`Error::MessageRefused`] when the broker does not grant a filter.
    pub async fn connect(settings: &Settings, client_id: &str, filters: &[&str]) -> Result<Self, Error> {
        let (client, event_loop) = AsyncClient::builder(options(settings, client_id.to_owned()))
            .capacity(filters.len().max(1))
            .build();
        let mut traffic = Traffic { event_loop, broker: settings.broker() };
        traffic.greeting().await?;
        let mut early = VecDeque::new();
        for filter in filters {
            let lost = |why: String| Error::Lost { broker: settings.broker(), why };
            let granted = client
                .subscribe_tracked(*filter, QoS::AtLeastOnce)
                .await
                .map_err(|error| lost(error.to_string()))?
                .wait_completion_async();
            tokio::pin!(granted);
            let answer = loop {
                tokio::select! {
                    biased;
                    answer = &mut granted => break answer,
                    event = traffic.event_loop.poll() => early.extend(traffic.publish_of(event)?),
                }
            };
            answer.map_err(|error| Error::MessageRefused {
                topic: (*filter).to_owned(),
                why: error.to_string(),
                remedy: "let this user read it at the broker",
            })?;
        }
        Ok(Self { traffic, early, _client: client })
    }

    /// The next message. Not to be cancelled and called again: a message may be lost between.
    ///
    /// # Errors
    /// When the connection is lost; a subscriber does not reconnect by itself.
    pub async fn next(&mut self) -> Result<Message, Error> {
        if let Some(message) = self.early.pop_front() {
            return Ok(message);
        }
        match self.traffic.next_publish().await? {
            Some(message) => Ok(message),
            None => Err(Error::Lost { broker: self.traffic.broker.clone(), why: "closed".to_owned() }),
        }
    }
}

#[derive(Clone, Copy)]
enum Phase {
    Connecting,
    Connected,
}

fn connection_error(error: ConnectionError, broker: &str, phase: Phase) -> Error {
    let why = match error {
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => return refused(code, broker),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            return server_disconnect(reason_code, broker);
        }
        ConnectionError::Io(source) | ConnectionError::MqttState(StateError::Io(source)) => {
            source.to_string()
        }
        ConnectionError::Timeout(_) => "no answer in time".to_owned(),
        other => other.to_string(),
    };
    let broker = broker.to_owned();
    match phase {
        Phase::Connecting => Error::Unreachable { broker, why },
        Phase::Connected => Error::Lost { broker, why },
    }
}

fn refused(code: ConnectReturnCode, broker: &str) -> Error {
    use ConnectReturnCode as Code;
    let (broker, why) = (broker.to_owned(), format!("{code:?}"));
    let remedy = match code {
        Code::BadUserNamePassword | Code::NotAuthorized | Code::BadAuthenticationMethod => {
            "check username and password in the configuration, and that the broker knows this user"
        }
        Code::Banned => "ask the hub's people why this bin is banned",
        Code::BadClientId | Code::ClientIdentifierNotValid => {
            "check district and bin, the client identifier is made of them"
        }
        Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => "the broker must speak MQTT 5",
        Code::TopicNameInvalid | Code::PacketTooLarge | Code::PayloadFormatInvalid => {
            "the broker does not accept this bin's last will: check district and bin, and the broker's limits"
        }
        Code::RetainNotSupported | Code::QoSNotSupported => {
            "the broker must allow QoS 1 and retained messages"
        }
        Code::UseAnotherServer | Code::ServerMoved => "the hub has moved: set its new host and port",
        _ => return Error::Unreachable { broker, why: format!("it answers {why}") },
    };
    Error::Refused { broker, why, remedy }
}

fn server_disconnect(code: DisconnectReasonCode, broker: &str) -> Error {
    use DisconnectReasonCode as Code;
    let (broker, why) = (broker.to_owned(), format!("{code:?}"));
    let remedy = match code {
        Code::NotAuthorized | Code::AdministrativeAction => {
            "check that the broker lets this user publish under dt/ and st/"
        }
        Code::SessionTakenOver => "another machine connects as this bin: give every bin its own name",
        Code::TopicNameInvalid => "check district and bin",
        Code::PacketTooLarge | Code::QuotaExceeded | Code::PayloadFormatInvalid => {
            "raise the broker's limits"
        }
        Code::RetainNotSupported | Code::QoSNotSupported => {
            "the broker must allow QoS 1 and retained messages"
        }
        Code::UseAnotherServer | Code::ServerMoved => "the hub has moved: set its new host and port",
        _ => return Error::Lost { broker, why: format!("it said {why}") },
    };
    Error::Refused { broker, why, remedy }
}

/// What the reason of an acknowledgement means for the message.
fn answer_of(reason: PubAckReason, topic: String) -> Result<Answer, Error> {
    let remedy = match reason {
        PubAckReason::Success => return Ok(Answer::Taken),
        PubAckReason::NoMatchingSubscribers => return Ok(Answer::NobodyListens),
        PubAckReason::NotAuthorized => "let this user publish there (the broker's access list)",
        PubAckReason::TopicNameInvalid => "check district and bin",
        PubAckReason::QuotaExceeded => "raise this user's quota at the broker",
        _ => "see the broker's log",
    };
    Err(Error::MessageRefused { topic, why: format!("{reason:?}"), remedy })
}

fn publish_error(error: &PublishNoticeError, topic: String, broker: String) -> Error {
    let why = error.to_string();
    match error {
        PublishNoticeError::V5PubAck(reason) => match answer_of(*reason, topic) {
            Err(error) => error,
            Ok(_) => Error::Lost { broker, why },
        },
        PublishNoticeError::RetainNotSupported => {
            Error::MessageRefused { topic, why, remedy: "the broker must allow retained messages" }
        }
        _ => Error::Lost { broker, why },
    }
}
