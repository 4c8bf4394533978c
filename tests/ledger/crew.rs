//! What the crew asked for and how the compartments are, through restarts.

use bunri::streams::Stream;
use bunri::tally::{
    AuditEntry, AuditOutcome, CompartmentBook, CompartmentEvent, ExportFormat, export_beside,
};

use crate::tally_support::{accepted, intend, moment, open, rejected, wall};
use crate::{confirm, fresh};

fn entry(what: &str, outcome: AuditOutcome, why: &str) -> AuditEntry {
    AuditEntry {
        who: "kim".into(),
        address: "192.168.0.7".into(),
        what: what.into(),
        detail: "compartment 2".into(),
        outcome,
        why: why.into(),
        wall: wall(4_000),
    }
}

#[test]
fn what_was_asked_for_is_kept_newest_first_and_cut_to_size() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    let first = entry("flap_turn", AuditOutcome::Done, "");
    let second = entry("flap_turn", AuditOutcome::Refused, "hand-seen");
    ledger.audit(&first, moment(1)).unwrap();
    ledger.audit(&second, moment(2)).unwrap();
    ledger.close(moment(3), wall(3)).unwrap();
    let mut ledger = open(&path).unwrap();
    assert_eq!(ledger.audit_recent(10).unwrap(), [second, first]);
    let long = AuditEntry {
        who: "분".repeat(1_000),
        why: "x".repeat(5_000),
        ..entry("x", AuditOutcome::Failed, "")
    };
    ledger.audit(&long, moment(4)).unwrap();
    let kept = ledger.audit_recent(1).unwrap().remove(0);
    assert_eq!((kept.who.chars().count(), kept.why.len(), kept.outcome), (64, 1_024, AuditOutcome::Failed));
}

#[test]
fn a_compartment_is_as_it_was_last_said_to_be() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    assert_eq!(ledger.compartment(Stream::Can).unwrap(), CompartmentBook::default());
    confirm(&mut ledger, &accepted(Stream::Can));
    confirm(&mut ledger, &accepted(Stream::Can));
    confirm(&mut ledger, &rejected(Stream::Can, bunri::judge::Reason::NotSure));
    let mut say = |stream, event| ledger.note_compartment(stream, event, "kim", wall(9_000)).unwrap();
    say(Stream::Can, CompartmentEvent::Full);
    say(Stream::Can, CompartmentEvent::Closed);
    say(Stream::Glass, CompartmentEvent::Emptied);
    ledger.close(moment(3), wall(3)).unwrap();

    let mut ledger = open(&path).unwrap();
    let can = ledger.compartment(Stream::Can).unwrap();
    assert_eq!(can, CompartmentBook { full: true, closed: Some(true), emptied: None, items_since: 2 });
    ledger.note_compartment(Stream::Can, CompartmentEvent::Emptied, "kim", wall(10_000)).unwrap();
    ledger.note_compartment(Stream::Can, CompartmentEvent::Opened, "kim", wall(10_000)).unwrap();
    confirm(&mut ledger, &accepted(Stream::Can));
    let can = ledger.compartment(Stream::Can).unwrap();
    let emptied = Some(wall(10_000));
    assert_eq!(can, CompartmentBook { full: false, closed: Some(false), emptied, items_since: 1 });
    assert_eq!(ledger.compartment(Stream::General).unwrap().items_since, 1, "the reject went there");
    ledger.note_compartment(Stream::Can, CompartmentEvent::Full, "kim", wall(11_000)).unwrap();
    ledger.note_compartment(Stream::Can, CompartmentEvent::NotFull, "kim", wall(11_000)).unwrap();
    let can = ledger.compartment(Stream::Can).unwrap();
    assert_eq!((can.full, can.emptied), (false, Some(wall(10_000))), "that was no emptying");
}

#[test]
fn a_weight_is_the_drops_for_ever_once_the_hub_may_know_it() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    let seq = intend(&mut ledger, &accepted(Stream::Can)).unwrap();
    ledger.weigh(seq, 15.349).unwrap();
    ledger.weigh(seq, 16.04).unwrap();
    let told = ledger.confirm(seq, moment(3_000), wall(3_000)).unwrap();
    assert_eq!(told.record.weight_g, Some(16.0), "to a tenth");
    assert!(ledger.weigh(seq, 99.0).is_err());
    assert!(ledger.weigh(7, 99.0).is_err(), "no such drop");
    let unweighed = confirm(&mut ledger, &accepted(Stream::Can));
    let weights: Vec<_> = ledger.recent(2).unwrap().iter().map(|drop| (drop.seq, drop.weight_g)).collect();
    assert_eq!(weights, [(unweighed, None), (seq, Some(16.0))]);
    assert_eq!(ledger.outbox_next(0, 1).unwrap()[0].record.weight_g, Some(16.0));
    let mut csv = Vec::new();
    export_beside(&path, ExportFormat::Csv, &jiff::tz::TimeZone::UTC, &mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let ends: Vec<_> = csv.lines().map(|line| line.rsplit(',').next().unwrap()).collect();
    assert_eq!(ends, ["weight_g", "16", ""]);
}

#[test]
fn the_last_word_on_fullness_has_its_speaker() {
    let (_folder, path) = fresh();
    let mut ledger = open(&path).unwrap();
    assert_eq!(ledger.fullness(Stream::Can).unwrap(), None);
    for (event, who) in [(CompartmentEvent::Full, "sensor"), (CompartmentEvent::Closed, "kim")] {
        ledger.note_compartment(Stream::Can, event, who, wall(1)).unwrap();
    }
    assert_eq!(ledger.fullness(Stream::Can).unwrap(), Some((CompartmentEvent::Full, "sensor".into())));
    assert_eq!(ledger.fullness(Stream::Glass).unwrap(), None);
}
