use super::*;

const DROP_TOPIC: &str = "dt/recycle/yangcheon/mok-1/drop";
const COUNTS_TOPIC: &str = "dt/recycle/yangcheon/mok-1/counts";
const AVAILABILITY_TOPIC: &str = "st/recycle/yangcheon/mok-1/availability";

fn example(name: &str) -> serde_json::Value {
    let path = format!("{}/examples/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn read(topic: &str, value: &serde_json::Value) -> Result<Message, Refusal> {
    parse(topic, &serde_json::to_vec(value).unwrap())
}

#[test]
fn every_example_of_the_contract_is_understood() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let topic = match name.split(['-', '.']).next().unwrap() {
            "drop" => DROP_TOPIC,
            "counts" => COUNTS_TOPIC,
            "availability" => AVAILABILITY_TOPIC,
            // What bins hear, and their answers, are none of the hub's to take in.
            "again" | "command" | "reply" => continue,
            "twin" => "st/recycle/yangcheon/mok-1/twin",
            other => &format!("dt/recycle/yangcheon/mok-1/{other}"),
        };
        let message = read(topic, &example(name.strip_suffix(".json").unwrap())).unwrap();
        assert_eq!(message.bin.source(), "/recycle/yangcheon/mok-1");
        assert_eq!(message.time_ms, 1_772_336_096_789);
    }
}

#[test]
fn outcomes_are_told_apart() {
    let outcome = |name| match read(DROP_TOPIC, &example(name)).unwrap().body {
        Body::Drop(drop) => drop.outcome(),
        other => panic!("{other:?}"),
    };
    assert_eq!(outcome("drop"), Outcome::Accepted);
    assert_eq!(outcome("drop-rejected-late"), Outcome::Rejected);
    assert_eq!(outcome("drop-returned"), Outcome::Returned);
}

#[test]
fn a_word_and_its_withdrawal_are_told_apart() {
    let topic = "dt/recycle/yangcheon/mok-1/correction";
    let word = |name| match read(topic, &example(name)).unwrap().body {
        Body::Correction(word) => (word.number, word.truth, word.withdrawn),
        other => panic!("{other:?}"),
    };
    assert_eq!(word("correction"), (7, "glass".to_owned(), false));
    assert_eq!(word("correction-withdrawn"), (8, "glass".to_owned(), true));
}

#[test]
fn fields_of_a_later_version_are_passed_over() {
    let mut event = example("drop");
    event["data"]["battery"] = serde_json::json!({"volts": 12});
    event["traceparent"] = "00-1-2-3".into();
    assert_eq!(read(DROP_TOPIC, &event).unwrap(), read(DROP_TOPIC, &example("drop")).unwrap());
}

#[test]
fn a_repetition_has_the_same_digest_and_other_contents_another() {
    let digest = |event: &serde_json::Value| match read(DROP_TOPIC, event).unwrap() {
        Message { body: Body::Drop(drop), time_ms, .. } => drop.digest(time_ms),
        other => panic!("{other:?}"),
    };
    let event = example("drop");
    let mut late = event.clone();
    late["data"]["late"] = true.into();
    assert_eq!(digest(&event), digest(&late));
    for (field, value) in [("label", "jar".into()), ("probability", 0.5.into()), ("compartment", 1.into())] {
        let mut other = event.clone();
        other["data"][field] = value;
        assert_ne!(digest(&event), digest(&other), "{field}");
    }
    let mut other = event.clone();
    other["time"] = "2026-03-01T03:34:56.790Z".into();
    assert_ne!(digest(&event), digest(&other));
}

#[test]
fn what_is_not_the_contract_is_refused_with_the_reason() {
    let cases: [(&str, &str, serde_json::Value, &str); 14] = [
        ("drop", "/specversion", "0.3".into(), "specversion"),
        ("drop", "/source", "/recycle/yangcheon/mok-2".into(), "source"),
        ("drop", "/type", COUNTS_TYPE.into(), "type"),
        ("drop", "/time", "yesterday".into(), "time"),
        ("drop", "/id", "x:41".into(), "id"),
        ("drop", "/data/seq", 0.into(), "data.seq"),
        ("drop", "/data/seq", u64::MAX.into(), "data.seq"),
        ("drop", "/data/stream", "uranium".into(), "data.stream"),
        ("drop", "/data/label", "a\0b".into(), "data.label"),
        ("drop", "/data/probability", 1.5.into(), "data.probability"),
        ("drop", "/data/stream", "glass".into(), "data.accepted"),
        ("counts", "/data/total", 5.into(), "data.total"),
        ("counts", "/data/last_seq", 3.into(), "data.last_seq"),
        ("availability-connected", "/data/cause", "stopped".into(), "data.cause"),
    ];
    for (name, pointer, value, field) in cases {
        let mut event = example(name);
        *event.pointer_mut(pointer).unwrap() = value;
        let topic = if name == "drop" {
            DROP_TOPIC
        } else if name == "counts" {
            COUNTS_TOPIC
        } else {
            AVAILABILITY_TOPIC
        };
        let refusal = read(topic, &event).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("{field} is ")), "{name} {pointer}: {refusal}");
    }
    let missing = parse(DROP_TOPIC, br#"{"specversion":"1.0"}"#).unwrap_err().to_string();
    assert!(missing.contains("missing field"), "{missing}");
    let mut wrong = example("drop");
    wrong["data"]["compartment"] = "left".into();
    let wrong = read(DROP_TOPIC, &wrong).unwrap_err().to_string();
    assert!(wrong.contains("data.compartment"), "{wrong}");
}

#[test]
fn topics_are_the_contracts() {
    for topic in
        ["", "dt/recycle/a/b/wealth", "st/recycle/a/b/drop", "dt/recycle/A/b/drop", "dt/recycle/a//drop"]
    {
        assert_eq!(parse(topic, b"{}").unwrap_err(), Refusal::Topic, "{topic}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(payload in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        for topic in [DROP_TOPIC, COUNTS_TOPIC, AVAILABILITY_TOPIC] {
            proptest::prop_assert!(parse(topic, &payload).is_err());
        }
    }
}
