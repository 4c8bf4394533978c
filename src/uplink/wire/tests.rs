use std::time::Duration;

use super::*;
use crate::clock::{Moment, WallTime};
use crate::judge::{CompartmentId, Reason, Verdict};
use crate::streams::Stream;
use crate::tally::{
    self, Answered, BundleInfo, Closing, Counts as Counted, DropRecord, DropState, GivenUp, Outcome, Totals,
};
use crate::uplink::answers::Answer;

const EPOCH: &str = "6f9619ff-8b86-4d01-b42d-00c04fc964ff";
// 2026-03-01T03:34:56.789Z
const WALL_MS: i64 = 1_772_336_096_789;

fn bin() -> BinName {
    BinName::new("yangcheon", "mok-1").unwrap()
}

fn record(verdict: Verdict) -> DropRecord {
    let wall = WallTime { unix_ms: WALL_MS, synchronised: true };
    DropRecord {
        seq: 41,
        id: format!("{EPOCH}:41"),
        state: DropState::Confirmed,
        moment: verdict.decided_at,
        verdict,
        wall,
        boot_id: "boot-a".to_owned(),
        run_id: "run-a".to_owned(),
        software: "0.1.0".to_owned(),
        bundle: Some(BundleInfo { name: "bunri-lite0 1.0.0".to_owned(), sha256: "ab".repeat(32) }),
        closed: Some(Closing {
            wall,
            moment: Moment::from_millis(9_400),
            boot_id: "boot-a".to_owned(),
            run_id: "run-a".to_owned(),
        }),
        void_cause: None,
        weight_g: None,
    }
}

fn can() -> Verdict {
    Verdict {
        label: "drink_can".into(),
        seen: Stream::Can,
        probability: 0.971_234,
        stream: Stream::Can,
        compartment: Some(CompartmentId(2)),
        reason: None,
        votes: 4,
        settled_at: Moment::from_millis(7_000),
        decided_at: Moment::from_millis(7_180),
    }
}

#[test]
fn a_drop_as_the_hub_sees_it() {
    insta::assert_json_snapshot!("drop", drop_event(&bin(), &record(can()), false));
}

#[test]
fn a_weight_is_told_where_there_is_one() {
    let event = serde_json::to_value(drop_event(&bin(), &record(can()), false)).unwrap();
    assert!(event["data"].get("weight_g").is_none(), "{event}");
    let weighed = DropRecord { weight_g: Some(15.349), ..record(can()) };
    let event = serde_json::to_value(drop_event(&bin(), &weighed, false)).unwrap();
    assert_eq!(event["data"]["weight_g"], 15.3);
}

#[test]
fn a_rejected_drop_resolved_after_a_power_cut() {
    let verdict = Verdict { stream: Stream::General, reason: Some(Reason::NotSure), ..can() };
    let mut record = record(verdict);
    record.wall.synchronised = false;
    if let Some(closed) = &mut record.closed {
        closed.boot_id = "boot-b".to_owned();
    }
    insta::assert_json_snapshot!("drop_rejected_late", drop_event(&bin(), &record, true));
}

#[test]
fn an_item_given_back_has_no_compartment() {
    let verdict =
        Verdict { stream: Stream::General, reason: Some(Reason::TwoItems), compartment: None, ..can() };
    insta::assert_json_snapshot!("drop_returned", drop_event(&bin(), &record(verdict), false));
}

#[test]
fn a_correction_as_the_hub_sees_it() {
    let wall = WallTime { unix_ms: WALL_MS, synchronised: true };
    let correction = tally::Correction { number: 7, truth: Stream::Glass, withdrawn: false, wall };
    insta::assert_json_snapshot!("correction", correction_event(&bin(), &record(can()), &correction, false));
}

#[test]
fn a_withdrawal_names_the_word_that_it_takes_back() {
    let wall = WallTime { unix_ms: WALL_MS, synchronised: true };
    let withdrawal = tally::Correction { number: 8, truth: Stream::Glass, withdrawn: true, wall };
    let event = correction_event(&bin(), &record(can()), &withdrawal, false);
    insta::assert_json_snapshot!("correction_withdrawn", event);
}

#[test]
fn the_counts_as_the_hub_sees_them() {
    let mut counts = Counted::default();
    for (seen, outcome) in [
        (Stream::Can, Outcome::Accepted),
        (Stream::Can, Outcome::Accepted),
        (Stream::ClearPet, Outcome::Accepted),
        (Stream::Glass, Outcome::Rejected(Reason::Unknown)),
        (Stream::Glass, Outcome::Returned),
        (Stream::Paper, Outcome::Void),
    ] {
        counts.add(seen, outcome);
    }
    let totals = Totals { epoch: EPOCH.to_owned(), last_seq: 6, counts, corrections: 1 };
    insta::assert_json_snapshot!("counts", counts_event(&bin(), &totals, GivenUp::default(), WALL_MS));
}

#[test]
fn how_the_bin_is_as_the_hub_sees_it() {
    let compartment = |position, stream, level: Option<f64>, basis| CompartmentFill {
        position,
        stream,
        level,
        basis,
        items: 99,
        full: basis == Some(Basis::Said),
        closed: false,
        emptied: level.map(|_| "2026-03-01T00:00:00.000Z".to_owned()),
    };
    let fill = Fill {
        compartments: vec![
            compartment(0, Stream::Can, Some(0.33), Some(Basis::Counts)),
            compartment(1, Stream::ClearPet, Some(1.0), Some(Basis::Said)),
            compartment(2, Stream::General, None, None),
            compartment(3, Stream::Paper, Some(0.58), Some(Basis::Measured)),
        ],
    };
    insta::assert_json_snapshot!("fill", fill_event(&bin(), "run-a", fill, WALL_MS));
    let health = Health {
        state: Some("empty".to_owned()),
        alarms: vec!["hot".to_owned()],
        camera: CameraHealth { signal: true, frames_per_s: 29.9, refused: 2 },
        inference: InferenceHealth { p50_ms: 21.4, p99_ms: 34.0 },
        temperature_c: Some(81.5),
        disk: Some(DiskHealth { free_bytes: 21_474_836_480, size_bytes: 31_138_512_896 }),
        clock_synchronised: true,
        up_s: 86_400,
        waiting: 3,
        given_up: 0,
    };
    insta::assert_json_snapshot!("health", health_event(&bin(), "run-a", health, WALL_MS));
    let alarm = Alarm { alarm: "jam".to_owned(), raised: true, clock_synchronised: true };
    insta::assert_json_snapshot!("alarm", alarm_event(&bin(), "run-a", 4, alarm, WALL_MS));
    let twin = Twin {
        software: "0.1.0 (abcdef0)".to_owned(),
        model: "bunri-lite0 1.0.0".to_owned(),
        configuration: "0123456789ab".to_owned(),
        compartments: vec![Stream::Can, Stream::ClearPet, Stream::General],
        location: Some(Location { latitude: 37.5169, longitude: 126.8664 }),
    };
    insta::assert_json_snapshot!("twin", twin_event(&bin(), "run-a:3", twin, WALL_MS));
}

#[test]
fn what_a_hub_asks_for_again() {
    let again = Again { epoch: EPOCH.to_owned(), drops: vec![(38, 41), (35, 35)], corrections: vec![(2, 2)] };
    insta::assert_json_snapshot!("again", again);
}

#[test]
fn a_command_and_its_answer() {
    let command = Command {
        expires: "2026-03-01T03:40:00Z".to_owned(),
        stream: Some(Stream::Can),
        closed: Some(true),
        ..Command::default()
    };
    insta::assert_json_snapshot!("command", command);
    let install = Command {
        expires: command.expires,
        url: Some("https://hub.example/files/bunri-lite0@2027.1.tar".to_owned()),
        sha256: Some("0f".repeat(32)),
        signature: Some(
            "untrusted comment: signature from the maker\nRUQ...\ntrusted comment: ...".to_owned(),
        ),
        ..Command::default()
    };
    insta::assert_json_snapshot!("command_model", install);
    let reply = |names, answer| reply_event(&bin(), "run-a", names, &answer, WALL_MS);
    let expired = Answer::Ended(Answered::refused("it has expired"));
    insta::assert_json_snapshot!("reply", reply(["report", "r-1"], expired));
    insta::assert_json_snapshot!("reply_accepted", reply(["model", "m-1"], Answer::Accepted));
    let installed = Brought {
        bundle: Some("bunri-lite0@2027.1".to_owned()),
        state: Some("shadow".to_owned()),
        ..Brought::default()
    };
    let installed = Answered { result: installed.to_text(), ..Answered::done() };
    insta::assert_json_snapshot!("reply_model", reply(["model", "m-1"], Answer::Ended(installed)));
    let put = Brought { bytes: Some(41_234), sha256: Some("0f".repeat(32)), ..Brought::default() };
    let put = Answered { result: put.to_text(), ..Answered::done() };
    insta::assert_json_snapshot!("reply_support", reply(["support", "s-1"], Answer::Ended(put)));
}

#[test]
fn the_availability_in_its_three_forms() {
    for cause in [Cause::Connected, Cause::Stopped, Cause::ConnectionLost] {
        let event = availability(&bin(), "run-a:3", cause, WALL_MS);
        insta::assert_json_snapshot!(format!("availability_{cause:?}").to_lowercase(), event);
    }
}

#[test]
fn lateness_is_told_by_the_clock_that_knows() {
    let record = record(can());
    let decided = record.moment;
    let wall = |unix_ms, synchronised| WallTime { unix_ms, synchronised };
    // The same boot: a wall clock that jumped by a year changes nothing.
    let next_year = wall(WALL_MS + 31_536_000_000, true);
    assert!(!is_late(&record, "boot-a", decided + Duration::from_secs(60), next_year));
    assert!(is_late(&record, "boot-a", decided + Duration::from_secs(61), wall(WALL_MS, true)));
    // Another boot: only synchronised clocks can say that it was just now.
    assert!(!is_late(&record, "boot-b", Moment::default(), wall(WALL_MS + 60_000, true)));
    assert!(is_late(&record, "boot-b", Moment::default(), wall(WALL_MS + 60_001, true)));
    assert!(is_late(&record, "boot-b", Moment::default(), wall(WALL_MS + 1, false)));
}

#[test]
fn topics_and_source_name_the_bin() {
    let bin = bin();
    assert_eq!(bin.source(), "/recycle/yangcheon/mok-1");
    assert_eq!(bin.drop_topic(), "dt/recycle/yangcheon/mok-1/drop");
    assert_eq!(bin.correction_topic(), "dt/recycle/yangcheon/mok-1/correction");
    assert_eq!(bin.counts_topic(), "dt/recycle/yangcheon/mok-1/counts");
    assert_eq!(bin.availability_topic(), "st/recycle/yangcheon/mok-1/availability");
}

#[test]
fn names_that_would_break_a_topic_are_refused() {
    let long = "a".repeat(65);
    for bad in ["", "a/b", "+", "#", "Mok", "-a", "목동", "a b", &long] {
        assert!(BinName::new("yangcheon", bad).unwrap_err().to_string().starts_with("bin "), "{bad:?}");
        assert!(BinName::new(bad, "mok-1").unwrap_err().to_string().starts_with("district "), "{bad:?}");
    }
    assert!(BinName::new("7", &"a".repeat(64)).is_ok());
}

#[test]
fn what_is_written_can_be_read_and_impossible_times_do_no_harm() {
    let event = drop_event(&bin(), &record(can()), false);
    let read: Event<Drop> = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
    assert_eq!(read, event);
    assert_eq!(super::rfc3339(i64::MAX), "1970-01-01T00:00:00.000Z");
}
