//! Bins as one MQTT client: sends messages until each is acknowledged, over as many connections as it takes.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::mqttbytes::v5::PubAckReason;
use rumqttc::{AsyncClient, MqttOptions, PublishOptions, PublishResult};

/// Sends every message at least once; a lost connection repeats those that were not acknowledged.
pub(crate) async fn publish(port: u16, messages: Vec<(String, Vec<u8>)>) {
    let mut waiting: VecDeque<_> = messages.into();
    while !waiting.is_empty() {
        let id = format!("publisher-{}", fastrand::u64(..));
        let mut options = MqttOptions::new(id, ("127.0.0.1", port));
        options.set_connect_timeout(Duration::from_secs(2));
        let (client, mut event_loop) = AsyncClient::builder(options).capacity(64).build();
        let traffic = tokio::spawn(async move { while event_loop.poll().await.is_ok() {} });
        send(&client, &mut waiting).await;
        traffic.abort();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn send(client: &AsyncClient, waiting: &mut VecDeque<(String, Vec<u8>)>) {
    let mut notices = VecDeque::new();
    loop {
        while let Some((topic, payload)) = waiting.get(notices.len()).filter(|_| notices.len() < 50) {
            let retain = !topic.ends_with("/drop");
            let options = PublishOptions::at_least_once().retain(retain);
            match client.publish_tracked(topic.clone(), payload.clone(), options).await {
                Ok(notice) => notices.push_back(notice),
                Err(_) => return,
            }
        }
        let Some(notice) = notices.pop_front() else { return };
        let answer = tokio::time::timeout(Duration::from_secs(5), notice.wait_async()).await;
        let Ok(Ok(PublishResult::Qos1(answer))) = answer else { return };
        // As a bin does: what nobody had subscribed to is kept and sent again, but for what the broker retains.
        let retained = waiting.front().is_some_and(|(topic, _)| !topic.ends_with("/drop"));
        match answer.reason {
            PubAckReason::Success => {}
            PubAckReason::NoMatchingSubscribers if retained => {}
            _ => return,
        }
        waiting.pop_front();
    }
}
