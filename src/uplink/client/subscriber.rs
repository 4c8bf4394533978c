//! A listener on the broker's other side: the demo's stand-in for the hub, and the tests' witness.

use std::collections::VecDeque;

use super::{EXTRA_IN_FLIGHT, Got, Message, Publisher, Traffic, open};
use crate::uplink::error::Error;
use crate::uplink::settings::Settings;

/// A listener on the broker's other side.
pub struct Subscriber {
    traffic: Traffic,
    /// Messages that came before the last filter was granted.
    early: VecDeque<Message>,
    publisher: Publisher,
}

impl Subscriber {
    /// Connects under `client_id` and subscribes to `filters` with QoS 1; returns when the broker has agreed.
    ///
    /// # Errors
    /// As for a publisher; [`Error::MessageRefused`] when the broker does not grant a filter.
    pub async fn connect(settings: &Settings, client_id: &str, filters: &[&str]) -> Result<Self, Error> {
        let (publisher, mut traffic) = open(settings, client_id.to_owned(), None, EXTRA_IN_FLIGHT).await?;
        let mut early = VecDeque::new();
        for filter in filters {
            let mut granted = publisher.subscribe(filter).await?;
            loop {
                tokio::select! {
                    biased;
                    answer = &mut granted => break answer?,
                    got = traffic.poll() => if let Got::Message(message) = got? {
                        early.push_back(message);
                    },
                }
            }
        }
        Ok(Self { traffic, early, publisher })
    }

    /// Publishes one message, as a hub does that asks something of a bin. What comes meanwhile is kept.
    ///
    /// # Errors
    /// When the connection is lost, or the broker refuses it.
    pub async fn publish(&mut self, message: Message) -> Result<(), Error> {
        let mut acknowledged = self.publisher.send(message).await?;
        loop {
            tokio::select! {
                biased;
                answer = &mut acknowledged => return answer.map(|_| ()),
                got = self.traffic.poll() => if let Got::Message(message) = got? {
                    self.early.push_back(message);
                },
            }
        }
    }

    /// The next message. Not to be cancelled and called again: a message may be lost between.
    ///
    /// # Errors
    /// When the connection is lost; a subscriber does not reconnect by itself.
    pub async fn next(&mut self) -> Result<Message, Error> {
        if let Some(message) = self.early.pop_front() {
            return Ok(message);
        }
        match self.traffic.next_message().await? {
            Some(message) => Ok(message),
            None => Err(Error::Lost { broker: self.traffic.broker.clone(), why: "closed".to_owned() }),
        }
    }
}
