//! The events' facts as JSON: numbers and identifiers, no words of any language.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Info;
use super::text::alarm_id;
use super::view::{Scene, run_id};
use crate::capture::stage;
use crate::judge::{StateName, Verdict};
use crate::mechanism::{FlapState, Place};
use crate::tally::DropRecord;

/// The event `state`.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    /// Differs from one run of the program to the next.
    run: String,
    /// `null` before the loop's first step, or when the loop is silent.
    state: Option<&'static str>,
    alarms: Vec<&'static str>,
    occupied: bool,
    moving: bool,
    hand: bool,
    votes: u32,
    /// Mean votes per stream, while an item is looked at.
    streams: Option<BTreeMap<&'static str, f32>>,
    verdict: Option<VerdictFacts>,
    flap: FlapFacts,
    camera: CameraFacts,
    infer_ms: InferFacts,
    uplink: Option<UplinkFacts>,
}

#[derive(Debug, Serialize)]
struct VerdictFacts {
    stream: &'static str,
    seen: &'static str,
    label: String,
    probability: f32,
    /// Counted from 1; `null`: handed back.
    compartment: Option<u32>,
    reason: Option<&'static str>,
    votes: u32,
    settled_to_decided_ms: u64,
}

#[derive(Debug, Serialize)]
struct FlapFacts {
    /// `unknown`, `resting`, `going`, `turning_back` or `failed`.
    state: &'static str,
    /// Where it is or goes: 0 is home, compartments count from 1.
    place: Option<u32>,
}

#[derive(Debug, Serialize)]
struct CameraFacts {
    signal: bool,
    frames_per_s: f32,
    refused: u64,
}

#[derive(Debug, Serialize)]
struct InferFacts {
    p50: f32,
    p99: f32,
}

#[derive(Debug, Serialize)]
struct UplinkFacts {
    connected: bool,
    refused: bool,
    backlog: u64,
}

impl Facts {
    pub(super) fn of(info: &Info, scene: &Scene) -> Self {
        let live = &scene.live;
        let frames_per_s = match scene.camera.state {
            stage::State::Streaming { fps } => tenths(fps),
            _ => 0.0,
        };
        let streams = live.streams.map(|shares| {
            info.streams().map(|stream| (stream.id(), thousandths(shares[stream.index()]))).collect()
        });
        Self {
            run: run_id(info),
            state: live.state.filter(|_| !scene.silent).map(StateName::id),
            alarms: live.alarms.iter().map(|alarm| alarm_id(*alarm)).collect(),
            occupied: live.presence.occupied,
            moving: live.presence.moving,
            hand: live.presence.hand,
            votes: live.votes,
            streams,
            verdict: live.last_verdict.as_ref().map(VerdictFacts::of),
            flap: FlapFacts::of(live.flap),
            camera: CameraFacts {
                signal: scene.camera.has_signal(),
                frames_per_s,
                refused: scene.camera.refused,
            },
            infer_ms: InferFacts { p50: tenths(live.infer_ms_p50), p99: tenths(live.infer_ms_p99) },
            uplink: scene.uplink.as_ref().map(|status| UplinkFacts {
                connected: status.connected,
                refused: status.refused.is_some(),
                backlog: status.backlog,
            }),
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl VerdictFacts {
    fn of(verdict: &Verdict) -> Self {
        let took = verdict.decided_at.since(verdict.settled_at).as_millis();
        Self {
            stream: verdict.stream.id(),
            seen: verdict.seen.id(),
            label: verdict.label.to_string(),
            probability: thousandths(verdict.probability),
            compartment: verdict.compartment.map(|id| u32::from(id.0) + 1),
            reason: verdict.reason.map(|reason| reason.id()),
            votes: verdict.votes,
            settled_to_decided_ms: u64::try_from(took).unwrap_or(u64::MAX),
        }
    }
}

impl FlapFacts {
    const fn of(state: Option<FlapState>) -> Self {
        let (state, place) = match state {
            None | Some(FlapState::Unhomed) => ("unknown", None),
            Some(FlapState::Resting(at)) => ("resting", Some(at)),
            Some(FlapState::Going { to, .. }) => ("going", Some(to)),
            Some(FlapState::TurningBack { to, .. }) => ("turning_back", Some(to)),
            Some(FlapState::Failed) => ("failed", None),
        };
        let place = match place {
            None => None,
            Some(Place::Home) => Some(0),
            Some(Place::At(id)) => Some(id.0 as u32 + 1),
        };
        Self { state, place }
    }
}

/// The event `drop`.
#[derive(Debug, Serialize)]
pub(super) struct DropFacts<'a> {
    seq: u64,
    id: &'a str,
    state: &'static str,
    /// RFC 3339, UTC.
    time: String,
    time_synchronised: bool,
    #[serde(flatten)]
    verdict: VerdictFacts,
    void_cause: Option<&'a str>,
}

impl<'a> DropFacts<'a> {
    pub(super) fn of(drop: &'a DropRecord) -> Self {
        let time = Timestamp::from_millisecond(drop.wall.unix_ms);
        Self {
            seq: drop.seq,
            id: &drop.id,
            state: drop.state.id(),
            time: time.map(|time| format!("{time:.3}")).unwrap_or_default(),
            time_synchronised: drop.wall.synchronised,
            verdict: VerdictFacts::of(&drop.verdict),
            void_cause: drop.void_cause.as_deref(),
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Rounded, so that noise in the last digit is no news.
fn tenths(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

fn thousandths(value: f32) -> f32 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{drop, info, scene};
    use super::*;

    #[test]
    fn facts_keep_their_form() {
        let json = serde_json::to_string_pretty(&Facts::of(&info(), &scene())).unwrap();
        insta::assert_snapshot!(json);
    }

    #[test]
    fn drops_keep_their_form() {
        let record = drop(7);
        insta::assert_snapshot!(serde_json::to_string_pretty(&DropFacts::of(&record)).unwrap());
    }
}
