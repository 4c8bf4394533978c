//! The flap, the camera, the classifier's times, the way to the hub, and how far a new bundle is.

use maud::{Markup, html};

use super::{Scene, accent, compartment};
use crate::capture::stage;
use crate::clock::WallTime;
use crate::identify::{Refused, Shadow, Stage, Trial};
use crate::judge::CompartmentId;
use crate::mechanism::{FlapState, Place};
use crate::uplink;
use crate::web::Info;
use crate::web::text::{Words, grouped};

pub(super) fn machine(words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    html! {
        div .tiles {
            div .tile .wide {
                h3 { (words.text("flap-title")) }
                (flap(words, info, scene.live.flap))
            }
            div .tile { h3 { (words.text("camera-title")) } (camera(words, scene)) }
            div .tile { h3 { (words.text("infer-title")) } (infer(words, scene)) }
            div .tile { h3 { (words.text("uplink-title")) } (hub(words, scene)) }
            div .tile { h3 { (words.text("board-title")) } (board(words, scene)) }
            div .tile { h3 { (words.text("disk-title")) } (disk(words, scene)) }
            div .tile { h3 { (words.text("clock-title")) } (clock(words, info, scene)) }
            @if let Some(newcomer) = newcomer(words, info, scene) {
                div .tile .wide { h3 { (words.text("newcomer-title")) } (newcomer) }
            }
        }
    }
}

/// The flap's places in a row: a full one is where it is, an arrow where it goes.
pub(super) fn flap(words: Words<'_>, info: &Info, state: Option<FlapState>) -> Markup {
    let (at, to) = match state {
        Some(FlapState::Resting(at)) => (Some(at), None),
        Some(FlapState::Going { to, .. } | FlapState::TurningBack { to, .. }) => (None, Some(to)),
        None | Some(FlapState::Unhomed | FlapState::Failed) => (None, None),
    };
    let compartments = (0..).map(CompartmentId).zip(&info.compartments);
    let slot = |place: Place, accent: String, short: String, name: String| {
        html! {
            li .(accent) .at[at == Some(place)] .to[to == Some(place)] title=(name) {
                span .mark { @if at == Some(place) { "●" } @else if to == Some(place) { "▼" } @else { "·" } }
                (short)
            }
        }
    };
    html! {
        p .value .bad[state == Some(FlapState::Failed)] { (flap_words(words, state)) }
        ol .flap aria-hidden="true" {
            (slot(Place::Home, "home".into(), "⌂".into(), words.text("flap-home")))
            @for (id, stream) in compartments {
                (slot(Place::At(id), accent(*stream), (id.0 + 1).to_string(), words.stream(*stream)))
            }
        }
    }
}

fn flap_words(words: Words<'_>, state: Option<FlapState>) -> String {
    let there = |key, id| words.with(key, "place", compartment(words, id));
    match state {
        None | Some(FlapState::Unhomed) => words.text("flap-unknown"),
        Some(FlapState::Resting(Place::Home)) => words.text("flap-resting-home"),
        Some(FlapState::Resting(Place::At(id))) => there("flap-resting", id),
        Some(FlapState::Going { to: Place::Home, .. }) => words.text("flap-going-home"),
        Some(FlapState::Going { to: Place::At(id), .. }) => there("flap-going", id),
        Some(FlapState::TurningBack { .. }) => words.text("flap-turning-back"),
        Some(FlapState::Failed) => words.text("flap-failed"),
    }
}

fn camera(words: Words<'_>, scene: &Scene) -> Markup {
    let value = match &scene.camera.state {
        _ if scene.camera.age.is_some() && !scene.camera.has_signal() => words.text("picture-no-signal"),
        stage::State::Streaming { fps } => words.with("camera-fps", "fps", format!("{fps:.0}")),
        stage::State::Opening => words.text("camera-opening"),
        stage::State::Lost { .. } => words.text("camera-lost"),
        stage::State::Ended => words.text("camera-ended"),
    };
    let (width, height) = scene.camera.size;
    html! {
        p .value .bad[!scene.camera.has_signal()] { (value) }
        @if let stage::State::Lost { why, .. } = &scene.camera.state { p .note { (why) } }
        p .note { (width) " × " (height) " · " (words.with("camera-refused", "count", scene.camera.refused)) }
    }
}

fn infer(words: Words<'_>, scene: &Scene) -> Markup {
    let (p50, p99) = (scene.live.infer_ms_p50, scene.live.infer_ms_p99);
    html! {
        @if p50 > 0.0 {
            p .value { (words.with("infer-p50", "ms", format!("{p50:.1}"))) }
            p .note { (words.with("infer-p99", "ms", format!("{p99:.1}"))) }
        } @else {
            p .value { (words.text("infer-none")) }
        }
    }
}

fn board(words: Words<'_>, scene: &Scene) -> Markup {
    let value = match scene.health.temperature_c {
        Some(celsius) => words.with("board-temperature", "celsius", format!("{celsius:.0}")),
        None => words.text("board-no-temperature"),
    };
    html! { p .value .bad[scene.health.is_hot()] { (value) } }
}

fn disk(words: Words<'_>, scene: &Scene) -> Markup {
    let Some((free, size)) = scene.health.disk else {
        return html! { p .value { (words.text("disk-unknown")) } };
    };
    let gigabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e9);
    html! {
        p .value .bad[scene.health.is_full()] { (words.with("disk-free", "size", gigabytes(free))) }
        p .note { (words.with("disk-of", "size", gigabytes(size))) }
    }
}

fn clock(words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    let key = if scene.wall.synchronised { "clock-synchronised" } else { "clock-alone" };
    html! {
        p .value .bad[!scene.wall.synchronised] { (words.text(key)) }
        // Whole minutes: a second hand would be news every second.
        p .note { (super::local(info, scene.wall, "%Y-%m-%d %H:%M")) }
    }
}

/// How far a new bundle is, or why the last one was refused.
fn newcomer(words: Words<'_>, info: &Info, scene: &Scene) -> Option<Markup> {
    let (switch, limits) = (&scene.health.bundles, &info.bundle_change);
    let items = |judged: u32, wanted: u32| {
        words.with_all("newcomer-items", [("judged", &judged.to_string()), ("wanted", &wanted.to_string())])
    };
    let (value, note) = match (&switch.stage, &switch.refused) {
        (Stage::Shadow(Shadow { bundle, judged, agreed, .. }), _) => {
            let note =
                words.with_all("newcomer-shadow", [("bundle", &**bundle), ("agreed", &agreed.to_string())]);
            (items(*judged, limits.shadow_items), note)
        }
        (Stage::Trial(Trial { items: judged, .. }), _) => {
            (items(*judged, limits.trial_items), words.text("newcomer-trial"))
        }
        (Stage::Settled, Some(Refused { bundle, why })) => {
            (words.text("newcomer-refused"), format!("{bundle}: {why}"))
        }
        (Stage::Settled, None) => return None,
    };
    Some(html! { p .value { (value) } p .note { (note) } })
}

fn hub(words: Words<'_>, scene: &Scene) -> Markup {
    let Some(status) = &scene.uplink else {
        return html! { p .value { (words.text("uplink-none")) } };
    };
    let key = match status {
        uplink::Status { connected: true, nobody_listens: true, .. } => "uplink-unheard",
        uplink::Status { connected: true, .. } => "uplink-connected",
        uplink::Status { refused: Some(_), .. } => "uplink-refused",
        _ => "uplink-disconnected",
    };
    let since = words.age(scene.now.since(status.since).as_secs());
    html! {
        p .value .bad[!status.connected || status.nobody_listens] {
            (words.text(key))
            span .note { " " (words.with("uplink-since", "age", since)) }
        }
        p .note {
            @if status.backlog == 0 { (words.text("uplink-backlog-none")) }
            @else { (words.with("uplink-backlog", "count", grouped(status.backlog))) }
            @if let Some(oldest) = status.oldest_unsent {
                " · " (words.with("uplink-oldest", "age", age(words, oldest, scene.wall)))
            }
            @if status.given_up > 0 { " · " (words.with("uplink-given-up", "count", grouped(status.given_up))) }
        }
        @if let Some(error) = status.last_error.as_ref().filter(|_| !status.connected || status.nobody_listens) { p .note { (error) } }
    }
}

fn age(words: Words<'_>, then: WallTime, now: WallTime) -> String {
    let seconds = now.unix_ms.saturating_sub(then.unix_ms) / 1_000;
    words.age(u64::try_from(seconds).unwrap_or(0))
}
