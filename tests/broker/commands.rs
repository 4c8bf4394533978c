//! What the hub asks and is told beside the drops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bunri::commands::demo_hub::LocalBroker;
use bunri::streams::Stream;
use bunri::tally::AuditOutcome;
use bunri::uplink::wire::{Alarm, Event, Fill, Health, Language, Reply};
use bunri::uplink::{HomeAssistant, Message, Order, Settings, Subscriber};
use serde_json::Value;

use crate::settings;
use crate::support::around::Around;
use crate::support::bin::{Bin, bin_name, soon};
use crate::support::gate::Gate;

const BIN: &str = "recycle/yangcheon/mok-1";
/// Far enough for any test.
pub(crate) const LATER: &str = "2090-01-01T00:00:00Z";

pub(crate) fn allowing(gate: &Gate, commands: &[&str]) -> Settings {
    Settings { commands: commands.iter().map(ToString::to_string).collect(), ..settings(gate) }
}

pub(crate) fn command(name: &str, id: &str, data: &Value) -> Message {
    let topic = format!("cmd/{BIN}/{name}/{id}");
    Message { topic, payload: data.to_string().into_bytes(), retain: false }
}

/// The next message whose topic ends so.
pub(crate) async fn next(hub: &mut Subscriber, ending: &str) -> Event<Value> {
    let found = soon(ending, async {
        loop {
            let message = hub.next().await.unwrap();
            if message.topic.ends_with(ending) {
                break serde_json::from_slice(&message.payload).unwrap();
            }
        }
    });
    found.await
}

pub(crate) async fn ask(hub: &mut Subscriber, message: Message) -> Reply {
    hub.publish(message).await.unwrap();
    serde_json::from_value(next(hub, "/reply").await.data).unwrap()
}

pub(crate) async fn hub(broker: &LocalBroker) -> Subscriber {
    let filters = ["dt/#", "st/#", "cmd/+/+/+/+/+/reply"];
    Subscriber::connect(&broker.settings(bin_name()), "hub", &filters).await.unwrap()
}

#[tokio::test]
async fn a_command_is_done_once_answered_each_time_and_written_down() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let mut hub = hub(&broker).await;
    let (bin, around) = (Bin::synchronised(), Around::new());
    let commands = ["compartment", "threshold", "restart"];
    let uplink = bin.uplink_within(allowing(&gate, &commands), Arc::clone(&around));
    // Sent at every connect after the subscription: from here commands are heard.
    next(&mut hub, "/health").await;
    let close = || {
        command("compartment", "c-1", &serde_json::json!({"expires": LATER, "stream": "can", "closed": true}))
    };
    for _ in 0..3 {
        let reply = ask(&mut hub, close()).await;
        assert_eq!((reply.command.as_str(), reply.outcome.as_str(), reply.why.as_str()), ("c-1", "done", ""));
    }
    let closed = Order::Compartment { stream: Stream::Can, closed: true };
    assert_eq!(around.orders(), [closed]);

    let glass = serde_json::json!({"expires": LATER, "stream": "glass", "closed": true});
    let reply = ask(&mut hub, command("compartment", "c-2", &glass)).await;
    assert_eq!((reply.outcome.as_str(), reply.why.as_str()), ("failed", "no such compartment"));
    let late = serde_json::json!({"expires": "2020-01-01T00:00:00Z", "stream": "can", "value": 0.5});
    let reply = ask(&mut hub, command("threshold", "t-1", &late)).await;
    assert_eq!((reply.outcome.as_str(), reply.why.as_str()), ("refused", "it has expired"));
    let reply = ask(&mut hub, command("report", "r-1", &serde_json::json!({"expires": LATER}))).await;
    assert!(reply.outcome == "refused" && reply.why.contains("uplink.commands"), "{reply:?}");
    for name in ["turn", "flap_turn", "home", "tour", "reset", "maintenance", "stop"] {
        let reply = ask(&mut hub, command(name, name, &serde_json::json!({"expires": LATER}))).await;
        assert!(reply.outcome == "refused" && reply.why.contains("no such command"), "{reply:?}");
    }
    assert_eq!(around.orders().len(), 2, "something else was done: {:?}", around.orders());

    // A restart that is asked for again after it happened has happened.
    let restart = || command("restart", "again", &serde_json::json!({"expires": LATER}));
    assert_eq!(ask(&mut hub, restart()).await.outcome, "done");
    assert!(uplink.stop().await);
    let uplink = bin.uplink_within(allowing(&gate, &commands), Arc::clone(&around));
    next(&mut hub, "/health").await;
    assert_eq!(ask(&mut hub, restart()).await.outcome, "done");
    assert_eq!(ask(&mut hub, close()).await.outcome, "done");
    let restarts = around.orders().iter().filter(|order| **order == Order::Restart).count();
    assert_eq!((around.orders().len(), restarts), (3, 1));

    let audit = bin.audit();
    let of = |outcome| audit.iter().filter(|entry| entry.outcome == outcome).count();
    assert_eq!([AuditOutcome::Done, AuditOutcome::Failed, AuditOutcome::Refused].map(of), [2, 1, 9]);
    assert!(audit.iter().all(|entry| entry.who == "hub" && entry.what.starts_with("hub_")));
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn a_bin_that_allows_nothing_hears_nothing() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let mut hub = hub(&broker).await;
    let (bin, around) = (Bin::synchronised(), Around::new());
    let uplink = bin.uplink_within(settings(&gate), Arc::clone(&around));
    next(&mut hub, "/health").await;
    hub.publish(command("restart", "x", &serde_json::json!({"expires": LATER}))).await.unwrap();
    assert!(uplink.stop().await);
    assert!(around.orders().is_empty() && bin.audit().is_empty());
}

#[tokio::test]
async fn the_hub_is_told_how_the_bin_is_and_again_when_it_asks() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let mut hub = hub(&broker).await;
    let (bin, around) = (Bin::synchronised(), Around::new());
    bin.drop_items(20);
    let uplink = bin.uplink_within(allowing(&gate, &["report"]), Arc::clone(&around));
    for round in 0..2 {
        let mut told = BTreeSet::new();
        while told.len() < 4 {
            let message = soon("a message of every kind", hub.next()).await.unwrap();
            let kind = message.topic.rsplit('/').next().unwrap().to_owned();
            match kind.as_str() {
                "fill" => {
                    let fill: Event<Fill> = serde_json::from_slice(&message.payload).unwrap();
                    let [can, glass] = &fill.data.compartments[..] else { panic!("{fill:?}") };
                    assert!(can.items > 0 && can.level == Some(can.items as f64 / 10.0), "{can:?}");
                    assert_eq!((glass.level, glass.basis), (None, None));
                }
                "health" => {
                    let health: Event<Health> = serde_json::from_slice(&message.payload).unwrap();
                    assert_eq!(health.data.state.as_deref(), Some("empty"));
                }
                "twin" | "counts" => {}
                _ => continue,
            }
            told.insert(kind);
        }
        if round == 0 {
            let report = command("report", "r", &serde_json::json!({"expires": LATER}));
            hub.publish(report).await.unwrap();
        }
    }
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn an_alarm_is_told_when_it_changes_also_what_changed_during_an_outage() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let mut hub = hub(&broker).await;
    let (bin, around) = (Bin::new(), Around::new());
    let uplink = bin.uplink_within(settings(&gate), Arc::clone(&around));
    // A message whose answer the cut swallowed comes again under its id.
    let mut heard = std::collections::HashSet::new();
    let mut told = async |hub: &mut Subscriber| {
        loop {
            let event = next(hub, "/alarm").await;
            if heard.insert(event.id) {
                let alarm: Alarm = serde_json::from_value(event.data).unwrap();
                break (alarm.alarm, alarm.raised);
            }
        }
    };
    around.raise(&["jam"]);
    assert_eq!(told(&mut hub).await, ("jam".to_owned(), true));
    around.raise(&["jam", "camera"]);
    assert_eq!(told(&mut hub).await, ("camera".to_owned(), true));
    let mut status = uplink.status();
    gate.open(false);
    gate.cut();
    soon("the outage", status.wait_for(|status| !status.connected)).await.unwrap();
    around.raise(&[]);
    // Long enough to be looked at while nobody can be told.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    around.raise(&["jam"]);
    gate.open(true);
    let mut changes = Vec::new();
    for _ in 0..3 {
        changes.push(told(&mut hub).await);
    }
    let expected = [("camera", false), ("jam", false), ("jam", true)];
    assert_eq!(changes, expected.map(|(alarm, raised)| (alarm.to_owned(), raised)));
    drop(status);
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn what_takes_a_while_is_answered_twice_and_holds_up_nothing() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let mut hub = hub(&broker).await;
    let (bin, around) = (Bin::synchronised(), Around::new());
    let commands = ["report", "language", "rollback"];
    let uplink = bin.uplink_within(allowing(&gate, &commands), Arc::clone(&around));
    next(&mut hub, "/health").await;
    let rollback = |id: &str| command("rollback", id, &serde_json::json!({"expires": LATER}));
    for _ in 0..2 {
        let reply = ask(&mut hub, rollback("a")).await;
        assert_eq!(
            (reply.name.as_str(), reply.outcome.as_str(), reply.result),
            ("rollback", "accepted", None)
        );
    }
    let reply = ask(&mut hub, rollback("b")).await;
    assert!(reply.outcome == "refused" && reply.why.contains("under way"), "{reply:?}");
    let english = serde_json::json!({"expires": LATER, "language": "en"});
    for _ in 0..2 {
        assert_eq!(ask(&mut hub, command("language", "l", &english)).await.outcome, "done");
    }
    bin.drop_items(3);
    soon("drops", bin.outbox_empty()).await;
    assert_eq!(around.orders(), [Order::Rollback, Order::Language(Language::En)]);

    // It ends while nobody can be told, and is told afterwards; asked for again, it is not done again.
    let mut status = uplink.status();
    gate.open(false);
    gate.cut();
    soon("the outage", status.wait_for(|status| !status.connected)).await.unwrap();
    around.release.notify_one();
    soon("its end in the ledger", async {
        while !bin.audit().iter().any(|entry| entry.what == "hub_rollback_end") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    gate.open(true);
    let ended: Reply = serde_json::from_value(next(&mut hub, "/rollback/a/reply").await.data).unwrap();
    assert_eq!(
        (ended.outcome.as_str(), ended.result.as_ref().unwrap().bundle.as_deref()),
        ("done", Some("old@1"))
    );
    drop(status);
    assert_eq!(ask(&mut hub, rollback("a")).await, ended);
    assert_eq!(around.orders().len(), 2);

    // The program ends in the middle: the next one says so, once, and does not do it by itself.
    assert_eq!(ask(&mut hub, rollback("c")).await.outcome, "accepted");
    uplink.vanish();
    let uplink = bin.uplink_within(allowing(&gate, &commands), Arc::clone(&around));
    let ended: Reply = serde_json::from_value(next(&mut hub, "/rollback/c/reply").await.data).unwrap();
    assert!(ended.outcome == "failed" && ended.why.contains("under a new id"), "{ended:?}");
    assert_eq!(around.orders().len(), 3);
    assert!(uplink.stop().await);
    let uplink = bin.uplink_within(allowing(&gate, &commands), Arc::clone(&around));
    next(&mut hub, "/health").await;
    let reply = ask(&mut hub, command("report", "r", &serde_json::json!({"expires": LATER}))).await;
    assert_eq!(reply.name, "report", "what was heard is not told again");
    assert!(uplink.stop().await);
}

#[tokio::test]
async fn home_assistant_is_told_of_the_bin_until_it_is_taken_away() {
    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let (bin, around) = (Bin::new(), Around::new());
    let retained = async || {
        let filters = ["homeassistant/#", "dt/#", "st/#", "end"];
        let mut witness = Subscriber::connect(&broker.settings(bin_name()), "home", &filters).await.unwrap();
        // What is retained comes before what is sent afterwards.
        let end = Message { topic: "end".to_owned(), payload: Vec::new(), retain: false };
        witness.publish(end).await.unwrap();
        let mut found = BTreeMap::new();
        loop {
            let message = soon("what is retained", witness.next()).await.unwrap();
            if message.topic == "end" {
                break found;
            }
            found.insert(message.topic, message.payload);
        }
    };
    let mut witness = hub(&broker).await;
    let show = |remove| HomeAssistant { prefix: "homeassistant".to_owned(), remove };
    for remove in [false, true] {
        let settings = Settings { home_assistant: Some(show(remove)), ..settings(&gate) };
        let uplink = bin.uplink_within(settings, Arc::clone(&around));
        // Once at every connect, after what Home Assistant is told.
        next(&mut witness, "/twin").await;
        assert!(uplink.stop().await);
        let found = retained().await;
        let topic = "homeassistant/device/bunri_yangcheon_mok_1/config";
        assert_eq!(found.contains_key(topic), !remove, "{:?}", found.keys());
        let Some(discovery) = found.get(topic) else { continue };
        // Each entity reads a message that the bin sends.
        let discovery: Value = serde_json::from_slice(discovery).unwrap();
        let entities = discovery["components"].as_object().unwrap();
        assert_eq!(entities.len(), 3 * 3 + 1);
        for entity in entities.values() {
            let topic = entity["state_topic"].as_str().unwrap();
            assert!(found.contains_key(topic) || topic.ends_with("/health"), "{topic}");
        }
        assert!(found.contains_key(discovery["availability"][0]["topic"].as_str().unwrap()));
    }
}
