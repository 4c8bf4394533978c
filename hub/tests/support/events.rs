//! Messages as a bin would send them.

use serde_json::{Value, json};

pub(crate) const EPOCH: &str = "6f9619ff-8b86-4d01-b42d-00c04fc964ff";
pub(crate) const STREAMS: [&str; 9] = bunri_hub::wire::STREAMS;

/// Every bin has a ledger of its own.
pub(crate) fn epoch_of(bin: &str) -> String {
    format!("ledger-of-{bin}")
}

pub(crate) fn envelope(bin: &str, kind: &str, id: &str, time: &str, data: &Value) -> Vec<u8> {
    let event = json!({
        "specversion": "1.0", "id": id, "source": format!("/recycle/yangcheon/{bin}"),
        "type": format!("kr.yangcheon.bunri.{kind}.v1"), "time": time,
        "datacontenttype": "application/json", "data": data,
    });
    serde_json::to_vec(&event).unwrap()
}

pub(crate) fn topic(bin: &str, what: &str) -> String {
    let tree = if what == "availability" { "st" } else { "dt" };
    format!("{tree}/recycle/yangcheon/{bin}/{what}")
}

/// A second of 2026 for each number, so that a few thousand drops fall into several hours.
pub(crate) fn time_of(seq: u64) -> String {
    let base: jiff::Timestamp = "2026-02-28T22:00:00Z".parse().unwrap();
    jiff::Timestamp::from_millisecond(base.as_millisecond() + i64::try_from(seq).unwrap() * 60_000)
        .unwrap()
        .to_string()
}

/// Number `seq` of a bin: of every five one is rejected, of every ten one is taken back.
pub(crate) fn drop_event(bin: &str, epoch: &str, seq: u64, late: bool) -> Vec<u8> {
    let seen = STREAMS[usize::try_from(seq).unwrap() % 9];
    let rejected = seq % 5 == 4;
    let data = json!({
        "epoch": epoch, "seq": seq, "stream": if rejected { "general" } else { seen }, "seen": seen,
        "label": format!("item-{seq}"), "probability": 0.75, "accepted": !rejected,
        "reason": rejected.then_some("not_sure"),
        "compartment": (seq % 10 != 9).then_some(seq % 3),
        "timings": {"settled_to_decided_ms": 180, "decided_to_confirmed_ms": 2220},
        "clock_synchronised": true, "late": late,
    });
    envelope(bin, "drop", &format!("{epoch}:{seq}"), &time_of(seq), &data)
}

/// Everything counted up to `last_seq`, without the voided numbers.
pub(crate) fn counts_event(bin: &str, epoch: &str, last_seq: u64, voided: &[u64]) -> Vec<u8> {
    let mut streams: std::collections::BTreeMap<&str, u64> =
        STREAMS.into_iter().map(|stream| (stream, 0)).collect();
    let (mut rejected, mut returned) = (0, 0);
    for seq in (1..=last_seq).filter(|seq| !voided.contains(seq)) {
        if seq % 10 == 9 {
            returned += 1;
        } else if seq % 5 == 4 {
            rejected += 1;
            *streams.get_mut("general").unwrap() += 1;
        } else {
            *streams.get_mut(STREAMS[usize::try_from(seq).unwrap() % 9]).unwrap() += 1;
        }
    }
    let total: u64 = streams.values().sum();
    let data = json!({
        "epoch": epoch, "last_seq": last_seq, "streams": streams, "total": total, "rejected": rejected,
        "returned": returned, "voided": voided.len(),
    });
    let id = format!("{epoch}:{last_seq}:counts:{last_seq}");
    envelope(bin, "counts", &id, &time_of(last_seq + 1), &data)
}

pub(crate) fn availability_event(bin: &str, connection: &str, cause: &str) -> Vec<u8> {
    let state = if cause == "connected" { "online" } else { "offline" };
    let word = if cause == "connection_lost" { "lost" } else { cause };
    let data = json!({"state": state, "cause": cause});
    envelope(bin, "availability", &format!("{connection}:{word}"), &time_of(1), &data)
}

/// The crew's word on a drop of [`drop_event`]: of every four one was glass.
pub(crate) fn correction_event(bin: &str, epoch: &str, number: u64, seq: u64) -> Vec<u8> {
    let seen = STREAMS[usize::try_from(seq).unwrap() % 9];
    let data = json!({
        "epoch": epoch, "seq": seq, "number": number, "truth": if number.is_multiple_of(4) { "glass" } else { seen },
        "seen": seen, "stream": seen, "label": format!("item-{seq}"), "model": "bunri-lite0 1.0.0",
        "clock_synchronised": true, "late": false,
    });
    envelope(bin, "correction", &format!("{epoch}:correction:{number}"), &time_of(seq + 60), &data)
}

/// The crew takes that word back.
pub(crate) fn withdrawal_event(bin: &str, epoch: &str, number: u64, seq: u64) -> Vec<u8> {
    let mut event: Value = serde_json::from_slice(&correction_event(bin, epoch, number, seq)).unwrap();
    event["data"]["withdrawn"] = true.into();
    serde_json::to_vec(&event).unwrap()
}
