//! What the hub's people are given (`hub/`) against what a bin truly sends through a real broker.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support {
    #[allow(dead_code, reason = "the broker's tests use all of it")]
    pub(crate) mod around;
    #[allow(dead_code, reason = "the broker's tests use all of it")]
    pub(crate) mod bin;
}

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bunri::commands::demo_hub::LocalBroker;
use bunri::streams::Stream;
use bunri::uplink::{BinName, Message, Settings, Subscriber};
use serde_json::Value;
use support::around::Around;
use support::bin::{Bin, bin_name, soon};

const COMMAND: &str = "cmd/recycle/yangcheon/mok-1/report";

fn hub_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hub").join(path)
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn validator(name: &str) -> jsonschema::Validator {
    let schema = json(&hub_file(&format!("schemas/{name}.schema.json")));
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Every complaint of the schema named by the last part of the topic.
fn complaints(topic: &str, event: &Value) -> Vec<String> {
    let name = topic.rsplit('/').next().unwrap();
    validator(name).iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[tokio::test]
async fn every_message_a_bin_sends_is_what_the_schemas_say() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let filters = ["dt/#", "st/#", "cmd/#"];
    let mut hub = Subscriber::connect(&broker.settings(bin_name()), "hub", &filters).await.unwrap();
    let (bin, around) = (Bin::new(), Around::new());
    bin.drop_items(20);
    bin.correct(3, Stream::Glass);
    bin.correct(3, Stream::Can);
    bin.withdraw(3);
    around.raise(&["jam"]);
    let settings = Settings { commands: vec!["report".to_owned()], ..broker.settings(bin_name()) };
    let uplink = bin.uplink_within(settings, Arc::clone(&around));
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let count = |seen: &BTreeMap<String, u32>, kind: &str| seen.get(kind).copied().unwrap_or(0);
    let mut asked = false;
    while count(&seen, "drop") < 20 || count(&seen, "correction") < 3 || seen.len() < 9 {
        let message = soon("a message of every kind", hub.next()).await.unwrap();
        if message.topic == format!("{COMMAND}/r-1") {
            continue;
        }
        let event: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(complaints(&message.topic, &event), [""; 0], "{} {event}", message.topic);
        assert!(message.payload.len() <= 8 * 1024, "{} is larger than hubs take", message.topic);
        assert_eq!(event["source"], bin_name().source());
        let kind = message.topic.rsplit('/').next().unwrap().to_owned();
        // The health comes after the bin has asked to hear commands.
        if kind == "health" && !std::mem::replace(&mut asked, true) {
            let payload = std::fs::read(hub_file("examples/command.json")).unwrap();
            let command = Message { topic: format!("{COMMAND}/r-1"), payload, retain: false };
            hub.publish(command).await.unwrap();
        }
        *seen.entry(kind).or_default() += 1;
    }
    assert!(uplink.stop().await);
    let goodbye = soon("the goodbye", async {
        loop {
            let message = hub.next().await.unwrap();
            let event: Value = serde_json::from_slice(&message.payload).unwrap();
            if event["data"]["cause"] == "stopped" {
                break (message.topic, event);
            }
        }
    });
    let (topic, event) = goodbye.await;
    assert_eq!(complaints(&topic, &event), [""; 0]);
}

#[test]
fn the_schemas_refuse_what_is_not_the_contract() {
    let golden = json(&hub_file("examples/drop.json"));
    let topic = "dt/recycle/yangcheon/mok-1/drop";
    assert_eq!(complaints(topic, &golden), [""; 0]);
    let changes: [(&str, Value); 9] = [
        ("/specversion", "0.3".into()),
        ("/type", "kr.yangcheon.bunri.counts.v1".into()),
        ("/source", "mok-1".into()),
        ("/time", "yesterday".into()),
        ("/data/seq", 0.into()),
        ("/data/seq", "41".into()),
        ("/data/probability", 1.5.into()),
        ("/data/stream", "bottle".into()),
        ("/data/accepted", Value::Null),
    ];
    for (place, value) in changes {
        let mut event = golden.clone();
        *event.pointer_mut(place).unwrap() = value;
        assert!(!complaints(topic, &event).is_empty(), "{place} may be {}", event.pointer(place).unwrap());
    }
    for field in ["id", "source", "time", "data"] {
        let mut event = golden.clone();
        event.as_object_mut().unwrap().remove(field);
        assert!(!complaints(topic, &event).is_empty(), "{field} may be missing");
    }
    // What a later version adds does not stop an older hub.
    let mut event = golden;
    event["data"]["weight_g"] = 31.into();
    assert_eq!(complaints(topic, &event), [""; 0]);
}

#[test]
fn the_examples_are_the_golden_messages_and_valid() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/uplink/wire/snapshots");
    let mut shown = BTreeSet::new();
    for entry in std::fs::read_dir(golden).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().rsplit("__").next().unwrap().replace('_', "-");
        let snapshot = std::fs::read_to_string(&path).unwrap();
        let text = snapshot.splitn(3, "---\n").nth(2).unwrap();
        let message: Value = serde_json::from_str(text).unwrap();
        let example = hub_file(&format!("examples/{name}.json"));
        if std::env::var_os("BUNRI_ACCEPT").is_some() {
            std::fs::write(&example, text).unwrap();
        }
        assert_eq!(json(&example), message, "hub/examples/{name}.json is old");
        let kind = name.split('-').next().unwrap().to_owned();
        assert_eq!(complaints(&kind, &message), [""; 0], "{name}");
        let bytes = serde_json::to_vec(&message).unwrap().len() as u64;
        assert!(bytes < bunri::uplink::MESSAGE_BYTES, "{name} has {bytes} bytes");
        shown.insert(kind);
    }
    let sent: BTreeSet<_> =
        bunri::uplink::wire::schemas().into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(shown, sent);
    assert_eq!(
        std::fs::read_dir(hub_file("examples")).unwrap().count(),
        20,
        "an example without a golden message"
    );
}

#[test]
fn the_asyncapi_file_names_the_topics_and_schemas_there_are() {
    let document = json(&hub_file("asyncapi.json"));
    assert!(document["asyncapi"].as_str().unwrap().starts_with("3."));
    let bin = BinName::new("d", "b").unwrap();
    let channels = document["channels"].as_object().unwrap();
    let filled = |address: &str| {
        let parts = [("{district}", "d"), ("{bin}", "b"), ("{name}", "n"), ("{id}", "i")];
        parts.into_iter().fold(address.to_owned(), |address, (part, value)| address.replace(part, value))
    };
    let addresses: BTreeSet<String> =
        channels.values().map(|channel| filled(channel["address"].as_str().unwrap())).collect();
    let command = "cmd/recycle/d/b/n/i".to_owned();
    let expected = [
        bin.drop_topic(),
        bin.correction_topic(),
        bin.counts_topic(),
        bin.fill_topic(),
        bin.health_topic(),
        bin.alarm_topic(),
        bin.twin_topic(),
        bin.availability_topic(),
        bin.again_topic(),
        format!("{command}/reply"),
        command,
    ];
    assert_eq!(addresses, BTreeSet::from(expected));
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let schema = message["payload"]["schema"]["$ref"].as_str().unwrap();
        assert_eq!(schema, format!("schemas/{name}.schema.json"));
        let kind = json(&hub_file(schema))["properties"]["type"]["const"].clone();
        // What the hub says is no event: its topic says what it is.
        let spoken = ["command", "again"].contains(&name.as_str());
        assert_eq!(message["name"], if spoken { name.as_str().into() } else { kind });
    }
    // Every reference inside the document leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
    }
}
