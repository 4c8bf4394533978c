//! Somebody who repeats what bins have said, at any time later, in any order: what a network of brokers may do, and
//! what a hub must not notice. It has to listen for that, and so hides from the bins that no hub does: mosquitto 2.0.11
//! acknowledges a drop then that a hub never gets, until it asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rumqttc::mqttbytes::v5::{Packet, SubscribeFilter};
use rumqttc::{AsyncClient, Event, MqttOptions, PublishOptions, QoS};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Messages that are remembered.
const REMEMBERED: usize = 4_000;

/// Repeats until it is dropped.
pub(crate) struct Echo {
    said: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Echo {
    /// Repeats about one of every `of` drops.
    pub(crate) fn start(port: u16, seed: u64, of: u32) -> Self {
        let said = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&said);
        let task = tokio::spawn(async move {
            let mut voice =
                Voice { random: fastrand::Rng::with_seed(seed), memory: Vec::new(), of, said: counter };
            loop {
                voice.connect(port).await;
                sleep(Duration::from_millis(300)).await;
            }
        });
        Self { said, task }
    }

    /// How many messages it has repeated.
    pub(crate) fn said(&self) -> u64 {
        self.said.load(Ordering::Relaxed)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Voice {
    random: fastrand::Rng,
    memory: Vec<(String, Vec<u8>)>,
    of: u32,
    said: Arc<AtomicU64>,
}

impl Voice {
    /// Listens and repeats until the connection ends.
    async fn connect(&mut self, port: u16) {
        let options = MqttOptions::new("fleet-echo", ("127.0.0.1", port));
        let (client, mut event_loop) = AsyncClient::builder(options).capacity(1_000).build();
        let mut filter = SubscribeFilter::new("dt/recycle/+/+/drop", QoS::AtLeastOnce);
        filter.nolocal = true;
        if client.subscribe_many([filter]).await.is_err() {
            return;
        }
        while let Ok(event) = event_loop.poll().await {
            let Event::Incoming(Packet::Publish(publish)) = event else { continue };
            let heard = (String::from_utf8_lossy(&publish.topic).into_owned(), publish.payload.to_vec());
            if self.memory.len() < REMEMBERED {
                self.memory.push(heard);
            } else {
                let place = self.random.usize(0..REMEMBERED);
                self.memory[place] = heard;
            }
            if self.random.u32(0..self.of) == 0 {
                let (topic, payload) = self.memory[self.random.usize(0..self.memory.len())].clone();
                // A full queue: then it is silent for once.
                if client.try_publish(topic, payload, PublishOptions::at_least_once()).is_ok() {
                    self.said.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}
