//! The export against a stub of a context broker that also refuses, takes a part, and does not answer: whatever it does,
//! in the end it has every entity as it is, and nothing is sent twice without need.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test should stop there")]

mod support;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bunri_hub::clock::now_ms;
use bunri_hub::ngsi::{Export, NgsiConfig, entities};
use bunri_hub::store::{Batch, BinNow, Opening, Store};
use bunri_hub::wire;
use serde_json::{Value, json};
use support::events::{availability_event, drop_event, epoch_of, topic};
use support::until;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The attributes of the published models (Smart Data Models, dataModel.WasteManagement) that may be sent, with their
/// NGSI-LD type and what their value must be.
const ISLE: [(&str, &str, &str); 4] = [
    ("name", "Property", "text"),
    ("areaServed", "Property", "text"),
    ("location", "GeoProperty", "point"),
    ("refWasteContainer", "Relationship", "urns"),
];
const CONTAINER: [(&str, &str, &str); 8] = [
    ("name", "Property", "text"),
    ("location", "GeoProperty", "point"),
    ("refWasteContainerIsle", "Relationship", "urn"),
    (
        "storedWasteKind",
        "Property",
        "organic inorganic glass oil plastic metal paper batteries electronics hazardous other",
    ),
    (
        "storedWasteOrigin",
        "Property",
        "household municipal industrial construction hostelry agriculture other",
    ),
    ("status", "Property", "ok lidOpen dropped moved vandalized burning unknown"),
    ("fillingLevel", "Property", "level"),
    ("dateLastEmptying", "Property", "time"),
];

fn is_urn(value: &Value) -> bool {
    value.as_str().is_some_and(|urn| urn.starts_with("urn:ngsi-ld:Waste") && !urn.contains(' '))
}

fn fits(attribute: &Value, kind: &str, expected: &str) -> bool {
    let value = &attribute["value"];
    let is_time = |value: &Value| value.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok());
    attribute["type"] == kind
        && match expected {
            "text" => value.is_string(),
            "point" => {
                value["type"] == "Point" && value["coordinates"].as_array().is_some_and(|at| at.len() == 2)
            }
            "urn" => is_urn(&attribute["object"]),
            "urns" => {
                attribute["object"].as_array().is_some_and(|urns| urns.iter().all(is_urn) && !urns.is_empty())
            }
            "level" => {
                value.as_f64().is_some_and(|level| (0.0..=1.0).contains(&level))
                    && is_time(&attribute["observedAt"])
            }
            "time" => value["@type"] == "DateTime" && is_time(&value["@value"]),
            words => words.split(' ').any(|word| value == word),
        }
}

/// Whether an entity is one of the two models', with none but their attributes.
fn check_model(entity: &Value) {
    let attributes = match entity["type"].as_str().unwrap() {
        "WasteContainerIsle" => &ISLE[..],
        "WasteContainer" => &CONTAINER[..],
        other => panic!("{other}"),
    };
    assert!(is_urn(&entity["id"]) && entity["@context"].is_string(), "{entity}");
    assert!(entity["location"].is_object(), "both models ask for it: {entity}");
    for (name, attribute) in entity.as_object().unwrap() {
        if ["id", "type", "@context"].contains(&name.as_str()) {
            continue;
        }
        let (_, kind, expected) =
            attributes.iter().find(|(known, ..)| known == name).unwrap_or_else(|| panic!("{name}"));
        assert!(fits(attribute, kind, expected), "{name}: {attribute}");
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Takes,
    Refuses,
    TakesHalf,
    IsSilent,
}

struct Stub {
    mood: Mood,
    entities: BTreeMap<String, Value>,
    requests: u32,
}

type Shared = Arc<Mutex<Stub>>;

async fn upsert(
    State(stub): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mood = stub.lock().unwrap().mood;
    if mood == Mood::IsSilent {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(query.as_deref(), Some("options=update"));
    assert_eq!(headers["content-type"], "application/ld+json");
    assert_eq!(
        (&headers["authorization"], &headers["ngsild-tenant"]),
        (&"Bearer secret".parse().unwrap(), &"city".parse().unwrap())
    );
    let mut stub = stub.lock().unwrap();
    stub.requests += 1;
    let Value::Array(sent) = serde_json::from_str(&body).unwrap() else { panic!("{body}") };
    if mood == Mood::Refuses {
        return (StatusCode::SERVICE_UNAVAILABLE, "not now").into_response();
    }
    let half = if mood == Mood::TakesHalf { sent.len() / 2 } else { sent.len() };
    let ids: Vec<_> = sent.iter().map(|entity| entity["id"].as_str().unwrap().to_owned()).collect();
    for (id, entity) in ids.iter().zip(sent).take(half) {
        check_model(&entity);
        stub.entities.insert(id.clone(), entity);
    }
    if mood == Mood::TakesHalf {
        let errors: Vec<_> =
            ids[half..].iter().map(|id| json!({"entityId": id, "error": {"status": 400}})).collect();
        let result = json!({"success": ids[..half], "errors": errors}).to_string();
        return (StatusCode::MULTI_STATUS, result).into_response();
    }
    StatusCode::NO_CONTENT.into_response()
}

struct City {
    stub: Shared,
    config: NgsiConfig,
    store: Arc<Store>,
    // Removed last.
    _folder: tempfile::TempDir,
}

impl City {
    async fn start() -> Self {
        let stub = Arc::new(Mutex::new(Stub { mood: Mood::Takes, entities: BTreeMap::new(), requests: 0 }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ngsi-ld/v1", listener.local_addr().unwrap());
        let router = Router::new().route("/ngsi-ld/v1/entityOperations/upsert", post(upsert));
        let router = router.with_state(Arc::clone(&stub));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let locations_file = folder.path().join("bins.geojson");
        let features: Vec<_> = (1..=30).map(|bin| feature(&format!("mok-{bin}"))).collect();
        std::fs::write(
            &locations_file,
            json!({"type": "FeatureCollection", "features": features}).to_string(),
        )
        .unwrap();
        let config = NgsiConfig {
            url,
            context: "https://example.org/context.jsonld".to_owned(),
            token: Some("secret".to_owned()),
            tenant: Some("city".to_owned()),
            locations_file,
            every: Duration::from_millis(20),
            timeout: Duration::from_millis(300),
        };
        let store = Store::open(&format!("sqlite://{}/hub.db", folder.path().display()), 2).await.unwrap();
        Self { stub, config, store: Arc::new(store), _folder: folder }
    }

    fn mood(&self, mood: Mood) {
        self.stub.lock().unwrap().mood = mood;
    }

    fn requests(&self) -> u32 {
        self.stub.lock().unwrap().requests
    }

    /// Numbers `seqs` of bins 1 to 30, and that they are connected; only those that have a place are told of.
    async fn say(&self, seqs: std::ops::RangeInclusive<u64>) {
        let mut batch = Batch::default();
        for bin in (1..=30).map(|bin| format!("mok-{bin}")).chain(["nowhere-1".to_owned()]) {
            for seq in seqs.clone() {
                let payload = drop_event(&bin, &epoch_of(&bin), seq, false);
                batch.add(wire::parse(&topic(&bin, "drop"), &payload).unwrap(), false);
            }
            let online = availability_event(&bin, &format!("run:{}", seqs.end()), "connected");
            batch.add(wire::parse(&topic(&bin, "availability"), &online).unwrap(), false);
        }
        self.store.write(&batch, now_ms()).await.unwrap();
    }

    fn export(&self) -> (JoinHandle<()>, watch::Sender<bool>) {
        let stop = watch::Sender::new(false);
        let export = Export::open(self.config.clone()).unwrap();
        (tokio::spawn(export.run(Arc::clone(&self.store), stop.subscribe())), stop)
    }

    /// Whether the context broker has every entity as it is.
    async fn agrees(&self) -> bool {
        let places = (1..=30).map(|bin| (format!("yangcheon/mok-{bin}"), place()));
        let places: HashMap<_, _> = places.collect();
        let expected = entities(&self.store.bins().await.unwrap(), &places, &self.config.context);
        let expected: BTreeMap<_, _> = expected.into_iter().map(|entity| (entity.id, entity.body)).collect();
        assert!(expected.len() > 100, "several batches");
        self.stub.lock().unwrap().entities == expected
    }
}

fn place() -> Value {
    json!({"type": "Point", "coordinates": [126.866, 37.517]})
}

fn feature(bin: &str) -> Value {
    json!({"type": "Feature", "id": format!("yangcheon/{bin}"), "geometry": place()})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_arrives_through_refusals_silence_and_restarts_and_nothing_twice() {
    let city = City::start().await;
    city.say(1..=9).await;
    let (task, stop) = city.export();
    until("everything told", || city.agrees()).await;
    let requests = city.requests();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(city.requests(), requests, "nothing has changed, so nothing is to be said");

    for (mood, seqs) in [(Mood::Refuses, 10..=13), (Mood::TakesHalf, 14..=14), (Mood::IsSilent, 15..=18)] {
        city.mood(mood);
        let requests = city.requests();
        city.say(seqs).await;
        // The availability is another connection's, but the entities only change where a compartment does.
        if mood != Mood::IsSilent {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(city.requests() >= requests);
        city.mood(Mood::Takes);
        until("everything told again", || city.agrees()).await;
    }
    // What is taken is remembered over a restart.
    stop.send_replace(true);
    task.await.unwrap();
    let requests = city.requests();
    let (task, stop) = city.export();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(city.requests(), requests);
    stop.send_replace(true);
    task.await.unwrap();
}

#[test]
fn a_compartment_that_is_full_and_then_emptied_says_so() {
    let opening = |state: &str, emptied_ms| Opening {
        stream: "can".to_owned(),
        state: state.to_owned(),
        since_ms: 1_772_336_096_789,
        emptied_ms,
    };
    let silent = |opening| BinNow {
        district: "yangcheon".to_owned(),
        bin: "mok-1".to_owned(),
        online: Some(true),
        openings: vec![opening],
        ..BinNow::default()
    };
    let places = HashMap::from([("yangcheon/mok-1".to_owned(), place())]);
    let level = |bin| {
        let entities = entities(&[bin], &places, "https://example.org/context.jsonld");
        entities.iter().for_each(|entity| check_model(&entity.body));
        assert_eq!(
            entities[0].body["refWasteContainer"]["object"][0],
            entities[1].body["id"].as_str().unwrap()
        );
        entities[1].body["fillingLevel"]["value"].as_f64()
    };
    assert_eq!(level(silent(opening("open", None))), None);
    assert_eq!(level(silent(opening("full", None))), Some(1.0));
    assert_eq!(level(silent(opening("open", Some(1_772_336_100_000)))), Some(0.0));
    let told =
        serde_json::json!({"stream": "can", "level": 0.4, "items": 80, "full": false, "closed": false});
    let telling = BinNow {
        compartments: vec![serde_json::from_value(told).unwrap()],
        fill_ms: Some(1_772_336_100_000),
        ..silent(opening("full", None))
    };
    assert_eq!(level(telling), Some(0.4), "what the bin tells comes first");
    assert!(
        entities(&[silent(opening("open", None))], &HashMap::new(), "c").is_empty(),
        "no place, no entity"
    );
}
