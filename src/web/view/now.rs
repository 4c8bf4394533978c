//! The state in words, what needs a person, and what the bin sees.

use maud::{Markup, html};

use super::{Scene, accent, bar, compartment, icon, percent, swatch};
use crate::judge::{Alarm, StateName, Verdict};
use crate::mechanism::button::ButtonNow;
use crate::streams::Stream;
use crate::web::Info;
use crate::web::text::{Words, alarm_id, key, state_key};

/// A stream without a compartment gets a bar from this share of the votes on.
const STRANGER_SHARE: f32 = 0.05;

/// How much a state wants of the reader: the class of its band.
const fn urgency(state: Option<StateName>) -> &'static str {
    match state {
        Some(StateName::Empty) => "calm",
        Some(
            StateName::Starting
            | StateName::Arriving
            | StateName::Settled
            | StateName::Decided
            | StateName::Routing
            | StateName::Clearing
            | StateName::Homing,
        ) => "busy",
        None | Some(StateName::Full | StateName::Returning | StateName::Maintenance) => "hold",
        Some(StateName::CameraLost | StateName::Jam | StateName::MechanismFault | StateName::LedgerFault) => {
            "stop"
        }
    }
}

/// The band at the top: shape, state, what it means.
pub(super) fn state(words: Words<'_>, scene: &Scene) -> Markup {
    let (urgency, icon, key) = if scene.silent {
        ("stop", icon::stop(), "alarm-loop".to_owned())
    } else {
        let state = scene.live.state;
        (urgency(state), icon::state(state), state_key(state))
    };
    html! {
        div .band .(urgency) {
            (icon)
            div {
                h1 { (words.text(&key)) }
                p { (words.text(&format!("{key}.means"))) }
            }
        }
    }
}

/// One thing that needs a person.
struct Trouble<'a> {
    key: String,
    /// What the system said, for texts that have room for it.
    why: &'a str,
    /// Sorting goes on all the same.
    mild: bool,
}

/// Everything that is wrong, the worst first.
fn troubles<'a>(info: &Info, scene: &'a Scene) -> Vec<Trouble<'a>> {
    let grave = |id: &str| Trouble { key: key("alarm", id), why: "", mild: false };
    let mut troubles = Vec::new();
    for (chosen, id) in [(info.has_rig, "no-rig"), (info.has_camera, "no-camera")] {
        if !chosen {
            troubles.push(grave(id));
        }
    }
    if scene.silent {
        troubles.push(grave("loop"));
    }
    let camera = !scene.camera.has_signal() && scene.camera.age.is_some();
    if camera && !scene.live.alarms.contains(&Alarm::Camera) {
        troubles.push(grave("camera"));
    }
    // What follows from what is not there wants no cable looked at.
    let follows = |alarm: &Alarm| match alarm {
        Alarm::Camera => !info.has_camera,
        Alarm::Mechanism | Alarm::Jam => !info.has_rig,
        _ => false,
    };
    let mild = |id: &str| Trouble { key: key("alarm", id), why: "", mild: true };
    let of = |alarm: &Alarm| {
        if *alarm == Alarm::CrewCalled { mild(alarm_id(*alarm)) } else { grave(alarm_id(*alarm)) }
    };
    troubles.extend(scene.live.alarms.iter().filter(|alarm| !follows(alarm)).map(of));
    if scene.fill.troubled(scene.now) {
        troubles.push(mild("sensor"));
    }
    if matches!(scene.live.button, Some(ButtonNow::Stuck | ButtonNow::Failed)) {
        troubles.push(mild("button"));
    }
    if scene.health.is_full() {
        troubles.push(mild("disk"));
    }
    if scene.health.is_hot() {
        troubles.push(mild("hot"));
    }
    if !scene.wall.synchronised {
        troubles.push(mild("clock"));
    }
    if let Some(why) = &scene.book.error {
        troubles.push(Trouble { key: "alarm-book".into(), why, mild: true });
    }
    if let Some(uplink) = &scene.uplink {
        if let Some(why) = &uplink.refused {
            troubles.push(Trouble { key: "alarm-uplink-refused".into(), why, mild: true });
        } else if uplink.connected && uplink.nobody_listens {
            troubles.push(Trouble { key: "alarm-uplink-unheard".into(), why: "", mild: true });
        } else if !uplink.connected && uplink.last_error.is_some() {
            troubles.push(Trouble { key: "alarm-uplink-lost".into(), why: "", mild: true });
        }
    }
    troubles
}

/// What needs a person: what it is, what it means, what to do.
pub(super) fn alarms(words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    let troubles = troubles(info, scene);
    if troubles.is_empty() {
        return html! {};
    }
    html! {
        section .alarms aria-labelledby="alarms-title" role="alert" {
            h2 #alarms-title { (words.text("alarms-title")) }
            ul {
                @for trouble in troubles {
                    li .mild[trouble.mild] {
                        @if trouble.mild { (icon::warning()) } @else { (icon::stop()) }
                        div {
                            h3 { (words.text(&trouble.key)) }
                            p { (words.text(&format!("{}.means", trouble.key))) }
                            p .do {
                                strong { (words.text("alarm-to-do")) }
                                " " (words.with(&format!("{}.do", trouble.key), "why", trouble.why))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The votes for the item that is being looked at, and the last verdict.
pub(super) fn sees(words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    let live = &scene.live;
    let shares = live.streams.unwrap_or_default();
    let best = Stream::ALL.into_iter().max_by(|a, b| shares[a.index()].total_cmp(&shares[b.index()]));
    let rows = Stream::ALL
        .into_iter()
        .filter(|stream| info.compartments.contains(stream) || shares[stream.index()] >= STRANGER_SHARE);
    html! {
        div .heading {
            h3 { (words.text("sees-title")) }
            p .note {
                @if live.streams.is_some() { (words.with("sees-votes", "count", live.votes)) }
                @else { (words.text("sees-no-votes")) }
            }
        }
        ul .votes .idle[live.streams.is_none()] {
            @for stream in rows {
                li .best[live.streams.is_some() && Some(stream) == best] {
                    span .name { (swatch(stream)) (words.stream(stream)) }
                    (bar(shares[stream.index()], &accent(stream)))
                    span .number {
                        @if live.streams.is_some() { (percent(shares[stream.index()])) } @else { "–" }
                    }
                }
            }
        }
        div .last {
            h3 { (words.text("sees-last")) }
            @match &live.last_verdict {
                Some(verdict) => (last(words, verdict)),
                None => p .note { (words.text("sees-none")) },
            }
        }
    }
}

fn last(words: Words<'_>, verdict: &Verdict) -> Markup {
    let took_ms = verdict.decided_at.since(verdict.settled_at).as_millis();
    let took_ms = u64::try_from(took_ms).unwrap_or(u64::MAX);
    html! {
        p .verdict .returned[verdict.compartment.is_none()] {
            span .where { (swatch(verdict.stream)) strong { (goes_to(words, verdict)) } }
            span .sure title=(words.text("probability")) { (percent(verdict.probability)) }
        }
        p .note {
            @if let Some(reason) = verdict.reason {
                (words.reason(reason)) " · "
                (words.with("verdict-looked-like", "stream", words.stream(verdict.seen))) " · "
            }
            @if let Some(id) = verdict.compartment { (compartment(words, id)) " · " }
            (words.with("verdict-label", "label", &*verdict.label)) " · "
            (words.with("sees-votes", "count", verdict.votes)) " · "
            (words.with("verdict-took", "ms", took_ms))
        }
    }
}

/// Where an item goes, in one or two words.
pub(super) fn goes_to(words: Words<'_>, verdict: &Verdict) -> String {
    match verdict.compartment {
        None => words.text("verdict-returned"),
        Some(_) => words.stream(verdict.stream),
    }
}
