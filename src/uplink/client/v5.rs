//! MQTT 5, through the one crate that speaks it.

use rumqttc::mqttbytes::Error as MqttError;
use rumqttc::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode, LastWill, LastWillProperties, Packet, PubAckReason,
    PublishProperties,
};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, PublishNoticeError,
    PublishOptions, PublishResult, QoS, StateError, TlsConfiguration, TlsError, Transport,
};

use super::{
    Acknowledged, Answer, CONTENT_TYPE, Got, Granted, Message, Opening, PACKET_MAX, Phase, gone, io_error,
    not_granted,
};
use crate::uplink::error::Error;

pub(super) struct Sender {
    client: AsyncClient,
    broker: String,
}

pub(super) struct Link {
    event_loop: EventLoop,
}

pub(super) fn open(opening: Opening<'_>) -> (Sender, Link) {
    let Opening { settings, login, tls, client_id, will, in_flight } = opening;
    let mut options = MqttOptions::new(client_id, (settings.host.clone(), settings.port));
    options.set_transport(match tls {
        Some(tls) => Transport::tls_with_config(TlsConfiguration::Rustls(tls)),
        None => Transport::tcp(),
    });
    options.set_clean_start(true);
    options.set_keep_alive(settings.keep_alive_s);
    options.set_connect_timeout(settings.connect_timeout);
    options.set_max_packet_size(Some(PACKET_MAX));
    match (login.username, login.password) {
        (Some(name), Some(password)) => {
            options.set_credentials(name, password.reveal().as_bytes().to_vec());
        }
        (Some(name), None) => drop(options.set_username(name)),
        (None, _) => {}
    }
    if let Some(will) = will {
        options.set_last_will(last_will(will));
    }
    options.set_outgoing_inflight_upper_limit(in_flight);
    let (client, event_loop) = AsyncClient::builder(options).capacity(usize::from(in_flight)).build();
    (Sender { client, broker: settings.broker() }, Link { event_loop })
}

fn last_will(will: Message) -> LastWill {
    let properties = LastWillProperties {
        delay_interval: None,
        payload_format_indicator: Some(1),
        message_expiry_interval: None,
        content_type: Some(CONTENT_TYPE.to_owned()),
        response_topic: None,
        correlation_data: None,
        user_properties: Vec::new(),
    };
    LastWill::new(will.topic, will.payload, QoS::AtLeastOnce, will.retain, Some(properties))
}

impl Sender {
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

    pub(super) async fn subscribe(&self, filter: &str) -> Result<Granted, Error> {
        let notice = self
            .client
            .subscribe_tracked(filter, QoS::AtLeastOnce)
            .await
            .map_err(|error| Error::Lost { broker: self.broker.clone(), why: error.to_string() })?;
        let filter = filter.to_owned();
        Ok(Box::pin(async move {
            notice.wait_completion_async().await.map_err(|error| not_granted(filter, error.to_string()))
        }))
    }

    pub(super) fn goodbye(&self) {
        // A failure means that the connection is already gone, which is what is wanted.
        let _ = self.client.try_disconnect_now();
    }
}

impl Link {
    pub(super) async fn poll(&mut self, broker: &str, phase: Phase) -> Result<Got, Error> {
        match self.event_loop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => Ok(Got::Greeting),
            Ok(Event::Incoming(Packet::Publish(publish))) => Ok(Got::Message(Message {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload.to_vec(),
                retain: publish.retain,
            })),
            Ok(Event::Incoming(Packet::Disconnect(packet))) => {
                Err(server_disconnect(packet.reason_code, broker))
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(ConnectionError::RequestsDone) => Ok(Got::Closed),
            Ok(_) => Ok(Got::Nothing),
            Err(error) => Err(connection_error(error, broker, phase)),
        }
    }
}

fn connection_error(error: ConnectionError, broker: &str, phase: Phase) -> Error {
    match error {
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => refused(code, broker),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            server_disconnect(reason_code, broker)
        }
        ConnectionError::Io(source)
        | ConnectionError::MqttState(
            StateError::Io(source) | StateError::Deserialization(MqttError::Io(source)),
        )
        | ConnectionError::Tls(TlsError::Io(source)) => io_error(&source, broker, phase),
        ConnectionError::Timeout(_) => gone("no answer in time".to_owned(), broker, phase),
        other => gone(other.to_string(), broker, phase),
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
