//! Home Assistant's MQTT discovery: one retained message that says what the bin's own messages mean to it.
//!
//! Optional, off by default. Device-based discovery: `<prefix>/device/<id>/config` names every entity of the bin, with the
//! topics that the hub gets anyway and where in them the value stands. Taken away again by an empty message there.
//!
//! Never a command: Home Assistant sees the bin and cannot ask anything of it.

use serde_json::{Map, Value, json};

use super::client::Message;
use super::wire::{BinName, Twin};

/// How Home Assistant is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeAssistant {
    /// What its discovery topics begin with; `homeassistant` unless somebody changed it there.
    pub prefix: String,
    /// The bin is taken away again instead of shown.
    pub remove: bool,
}

impl HomeAssistant {
    /// The message for a connection of this bin.
    pub(super) fn message(&self, bin: &BinName, twin: &Twin) -> Message {
        let topic = format!("{}/device/{}/config", self.prefix, id(bin));
        let payload = if self.remove { Vec::new() } else { discovery(bin, twin).to_string().into_bytes() };
        Message { topic, payload, retain: true }
    }
}

/// The bin among others: letters that no topic and no entity stumbles over.
fn id(bin: &BinName) -> String {
    format!("bunri_{}_{}", bin.district(), bin.bin()).replace('-', "_")
}

fn discovery(bin: &BinName, twin: &Twin) -> Value {
    let mut entities = Entities { id: id(bin), found: Map::new() };
    for (position, stream) in twin.compartments.iter().enumerate() {
        let place = format!("value_json.data.compartments[{position}]");
        let fill = bin.fill_topic();
        let level = format!(
            "{{% set level = {place}.level %}}{{{{ None if level is none else (level * 100) | round }}}}"
        );
        entities.add(
            &format!("fill_{position}"),
            json!({
                "platform": "sensor",
                "name": format!("{stream} fill"),
                "state_topic": fill,
                "value_template": level,
                "unit_of_measurement": "%",
                "state_class": "measurement",
            }),
        );
        entities.add(
            &format!("shut_{position}"),
            json!({
                "platform": "binary_sensor",
                "name": format!("{stream} full or closed"),
                "state_topic": fill,
                "value_template": on_off(&format!("{place}.full or {place}.closed")),
            }),
        );
        entities.add(
            &format!("items_{stream}"),
            json!({
                "platform": "sensor",
                "name": format!("{stream} items"),
                "state_topic": bin.counts_topic(),
                "value_template": format!("{{{{ value_json.data.streams.{stream} }}}}"),
                "state_class": "total_increasing",
            }),
        );
    }
    entities.add(
        "problem",
        json!({
            "platform": "binary_sensor",
            "name": "problem",
            "device_class": "problem",
            "state_topic": bin.health_topic(),
            "value_template": on_off("value_json.data.alarms"),
        }),
    );
    let name = format!("{} {}", bin.district(), bin.bin());
    json!({
        "device": {
            "identifiers": [id(bin)],
            "name": name,
            "manufacturer": "Bunri",
            "model": twin.model,
            "sw_version": twin.software,
        },
        "origin": { "name": "bunri", "sw_version": twin.software },
        "availability": [{
            "topic": bin.availability_topic(),
            "value_template": "{{ value_json.data.state }}",
        }],
        "qos": 1,
        "components": entities.found,
    })
}

/// A template that says `ON` where the condition holds.
fn on_off(condition: &str) -> String {
    format!("{{{{ 'ON' if {condition} else 'OFF' }}}}")
}

struct Entities {
    id: String,
    found: Map<String, Value>,
}

impl Entities {
    fn add(&mut self, name: &str, mut entity: Value) {
        entity["unique_id"] = format!("{}_{name}", self.id).into();
        self.found.insert(name.to_owned(), entity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Stream;

    #[test]
    fn the_bin_as_home_assistant_is_told_of_it() {
        let bin = BinName::new("yangcheon", "mok-1").unwrap();
        let twin = Twin {
            software: "0.1.0 (abcdef0)".to_owned(),
            model: "bunri-lite0 1.0.0".to_owned(),
            configuration: "0123456789ab".to_owned(),
            compartments: vec![Stream::Can, Stream::General],
            location: None,
        };
        insta::assert_json_snapshot!("discovery", discovery(&bin, &twin));
        let mut settings = HomeAssistant { prefix: "homeassistant".to_owned(), remove: false };
        let shown = settings.message(&bin, &twin);
        assert_eq!(shown.topic, "homeassistant/device/bunri_yangcheon_mok_1/config");
        assert!(shown.retain && !shown.payload.is_empty());
        settings.remove = true;
        let removed = settings.message(&bin, &twin);
        assert!(removed.topic == shown.topic && removed.retain && removed.payload.is_empty());
    }
}
