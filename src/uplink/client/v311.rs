//! MQTT 3.1.1, through the one crate that speaks it.
//!
//! An acknowledgement of this version has no reason: the broker has the message, or has thrown it away because nobody
//! is subscribed or because this user may not publish there. A bin cannot tell, so a hub that uses it must be subscribed
//! before its bins connect, and its access lists must be right. `hub/CONTRACT.md` says so.

use rumqttc_v4::mqttbytes::Error as MqttError;
use rumqttc_v4::mqttbytes::v4::{ConnectReturnCode, LastWill, Packet};
use rumqttc_v4::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, PublishOptions, QoS, StateError,
    TlsConfiguration, TlsError, Transport,
};

use super::{
    Acknowledged, Answer, Got, Granted, Message, Opening, PACKET_MAX, Phase, gone, io_error, not_granted,
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
    options.set_clean_session(true);
    options.set_keep_alive(settings.keep_alive_s);
    let packet_max = PACKET_MAX as usize;
    options.set_max_packet_size(packet_max, packet_max);
    match (login.username, login.password) {
        (Some(name), Some(password)) => {
            options.set_credentials(name, password.reveal().as_bytes().to_vec());
        }
        (Some(name), None) => drop(options.set_username(name)),
        (None, _) => {}
    }
    if let Some(will) = will {
        options.set_last_will(LastWill::new(will.topic, will.payload, QoS::AtLeastOnce, will.retain));
    }
    options.set_inflight(in_flight);
    let (client, event_loop) = AsyncClient::builder(options).capacity(usize::from(in_flight)).build();
    (Sender { client, broker: settings.broker() }, Link { event_loop })
}

impl Sender {
    pub(super) async fn send(&self, message: Message) -> Result<Acknowledged, Error> {
        let options = PublishOptions::at_least_once().retain(message.retain);
        let broker = self.broker.clone();
        let lost = move |why: String| Error::Lost { broker: broker.clone(), why };
        let notice = self
            .client
            .publish_tracked(message.topic, message.payload, options)
            .await
            .map_err(|error| lost(error.to_string()))?;
        Ok(Box::pin(async move {
            notice.wait_async().await.map(|_| Answer::Taken).map_err(|error| lost(error.to_string()))
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
            Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(ConnectionError::RequestsDone) => Ok(Got::Closed),
            Ok(_) => Ok(Got::Nothing),
            Err(error) => Err(connection_error(error, broker, phase)),
        }
    }
}

fn connection_error(error: ConnectionError, broker: &str, phase: Phase) -> Error {
    match error {
        ConnectionError::ConnectionRefused(code) => refused(code, broker),
        ConnectionError::Io(source)
        | ConnectionError::MqttState(
            StateError::Io(source) | StateError::Deserialization(MqttError::Io(source)),
        )
        | ConnectionError::Tls(TlsError::Io(source)) => io_error(&source, broker, phase),
        ConnectionError::NetworkTimeout => gone("no answer in time".to_owned(), broker, phase),
        other => gone(other.to_string(), broker, phase),
    }
}

fn refused(code: ConnectReturnCode, broker: &str) -> Error {
    use ConnectReturnCode as Code;
    let (broker, why) = (broker.to_owned(), format!("{code:?}"));
    let remedy = match code {
        Code::BadUserNamePassword | Code::NotAuthorized => {
            "check username and password in the configuration, and that the broker knows this user"
        }
        Code::BadClientId => "check district and bin, the client identifier is made of them",
        Code::RefusedProtocolVersion => "the broker must speak MQTT 3.1.1, or set uplink.mqtt to \"5\"",
        _ => return Error::Unreachable { broker, why: format!("it answers {why}") },
    };
    Error::Refused { broker, why, remedy }
}
