//! The flap, for whoever stands beside it: where it is, what its switches say, what was asked of it.

use maud::{Markup, html};

use super::{Scene, compartment, icon, machine};
use crate::judge::LegEnd;
use crate::mechanism::Place;
use crate::mechanism::lines::Levels;
use crate::web::Info;
use crate::web::text::{Words, key};

/// The inner HTML of the part `service`.
pub(super) fn service(words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    html! {
        (maintenance(words, scene))
        (machine::flap(words, info, scene.live.flap))
        (inputs(words, info, scene))
        (legs(words, scene))
    }
}

fn maintenance(words: Words<'_>, scene: &Scene) -> Markup {
    let Some(service) = &scene.live.service else {
        return html! { p .status { (icon::ready()) strong { (words.text("service-off")) } } };
    };
    // In whole minutes, so that it is news only once a minute.
    let left = service.until.since(scene.now).as_secs().div_ceil(60).max(1);
    html! {
        p .status .full { (icon::pause()) strong { (words.text("service-on")) } }
        p .note { (words.with("service-left", "age", words.age(left * 60))) }
        @if service.to_go > 0 { p .note { (words.with("service-to-go", "count", service.to_go)) } }
    }
}

/// Every switch of the drive and every guard, as a lamp with a word.
fn inputs(words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    let live = &scene.live;
    let seen = match (live.sensed.contradiction, live.sensed.place) {
        (true, _) => words.text("inputs-contradiction"),
        (false, None) => words.text("inputs-between"),
        (false, Some(Place::Home)) => words.text("flap-home"),
        (false, Some(Place::At(id))) => compartment(words, id),
    };
    let lamps = |names: &[String], levels: Levels| {
        let on = |index: usize| levels >> index & 1 == 1;
        html! {
            @for (index, name) in names.iter().enumerate() {
                li .on[on(index)] {
                    span .lamp aria-hidden="true" { @if on(index) { "●" } @else { "○" } }
                    code { (name) }
                    span { (words.text(if on(index) { "input-active" } else { "input-idle" })) }
                }
            }
        }
    };
    html! {
        h3 { (words.text("inputs-title")) }
        p { (words.with("inputs-place", "place", seen)) }
        @if info.inputs.is_empty() && info.guards.is_empty() {
            p .note { (words.text("inputs-none")) }
        }
        ul .lamps {
            (lamps(&info.inputs, live.inputs))
            (lamps(&info.guards, live.guards))
        }
    }
}

/// The movements since the last thing that was asked for, with how long each took.
fn legs(words: Words<'_>, scene: &Scene) -> Markup {
    let legs = scene.live.service.as_ref().map_or(&[][..], |service| &service.legs);
    if legs.is_empty() {
        return html! {};
    }
    html! {
        table {
            thead {
                tr {
                    th scope="col" { (words.text("legs-to")) }
                    th scope="col" .number { (words.text("legs-took")) }
                    th scope="col" { (words.text("legs-end")) }
                }
            }
            tbody {
                @for leg in legs {
                    tr {
                        th scope="row" {
                            @match leg.to {
                                None => (words.text("flap-home")),
                                Some(id) => (compartment(words, id)),
                            }
                        }
                        td .number {
                            @if leg.end == LegEnd::Prevented { "–" }
                            @else { (format!("{:.2} s", leg.took.as_secs_f32())) }
                        }
                        td { (words.text(&key("leg", leg.end.id()))) }
                    }
                }
            }
        }
    }
}
