//! What the page shows, as HTML made from one [`Scene`].
//!
//! The page is a frame of named parts. The first answer carries all of them; afterwards each event carries the parts
//! that changed, made by the same functions, so that there is one way to draw each thing.
//!
//! Never anything by colour alone: every state has words and a shape, every bar its number. Never a style attribute
//! or a script in the page (the Content-Security-Policy forbids both): widths are SVG attributes.

pub(super) mod book;
pub(super) mod camera;
mod chamber;
pub(super) mod icon;
mod lesson;
mod machine;
mod now;
mod service;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

use super::assets;
use super::book::Book;
use super::health::Health;
use super::live::Live;
use super::nav::{Frame, Tab, Visit};
use super::text::Words;
use super::{Calibrated, Info, text};
use crate::capture::stage;
use crate::clock::{Moment, WallTime};
use crate::detect::Presence;
use crate::judge::CompartmentId;
use crate::mechanism::sensors::bank::FillNow;
use crate::teach::Board;
use crate::uplink;

/// Everything the page shows, at one moment.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) now: Moment,
    pub(super) wall: WallTime,
    pub(super) live: Live,
    /// The loop has published nothing for so long that it counts as dead.
    pub(super) silent: bool,
    pub(super) camera: Camera,
    /// What the detector saw in the picture that is shown.
    pub(super) shown: Presence,
    /// `None` without a hub.
    pub(super) uplink: Option<uplink::Status>,
    pub(super) book: Arc<Book>,
    /// The board: temperature, disk and bundles.
    pub(super) health: Health,
    /// What the compartments' sensors say.
    pub(super) fill: FillNow,
    /// What the crew teaches.
    pub(super) lesson: Arc<Board>,
}

/// The camera, as far as the page shows it.
#[derive(Clone, Debug)]
pub(super) struct Camera {
    pub(super) state: stage::State,
    pub(super) refused: u64,
    /// Age of the last good picture; `None` before the first.
    pub(super) age: Option<Duration>,
    /// Columns and rows of its pictures.
    pub(super) size: (u32, u32),
}

/// An older picture is no signal.
const SIGNAL_LIMIT: Duration = Duration::from_secs(1);

impl Camera {
    /// Whether pictures arrive.
    pub(super) fn has_signal(&self) -> bool {
        self.age.is_some_and(|age| age <= SIGNAL_LIMIT)
    }
}

/// The parts in the order in which the page has them.
pub(super) const PARTS: [&str; 11] = [
    "state",
    "alarms",
    "overlay",
    "signal",
    "sees",
    "machine",
    "drops",
    "counts",
    "service",
    "lesson-now",
    "lesson",
];

/// The inner HTML of one part of [`PARTS`].
pub(super) fn part(name: &str, words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    match name {
        "state" => now::state(words, scene),
        "alarms" => now::alarms(words, info, scene),
        "overlay" => chamber::overlay(words, scene),
        "signal" => chamber::signal(words, scene),
        "sees" => now::sees(words, info, scene),
        "machine" => machine::machine(words, info, scene),
        "drops" => book::drops(words, info, scene),
        "counts" => book::counts(words, info, scene),
        "service" => service::service(words, info, scene),
        "lesson-now" => lesson::now(words, scene),
        "lesson" => lesson::lesson(words, info, scene),
        _ => html! {},
    }
}

/// The whole page; `calibrated` is the camera's calibration in force.
pub(super) fn page(visit: &Visit, calibrated: Option<&Calibrated>) -> Markup {
    let (words, info, scene) = (visit.words(), &visit.site.page.info, visit.site.scene());
    visit.page(Tab::Now, &[&assets::SCRIPT], Some(run_id(info)), &body(words, info, &scene, calibrated))
}

/// What stands on it.
fn body(words: Words<'_>, info: &Info, scene: &Scene, calibrated: Option<&Calibrated>) -> Markup {
    let part = |name: &str| part(name, words, info, scene);
    html! {
        (live_head(words, &part("state")))
        main #main {
            div #alarms { (part("alarms")) }
            div .left {
                (chamber_section(words, part))
                section .machine aria-labelledby="machine-title" {
                    h2 #machine-title { (words.text("machine-title")) }
                    div #machine { (part("machine")) }
                }
            }
            div .right {
                section .drops aria-labelledby="drops-title" {
                    h2 #drops-title { (words.text("drops-title")) }
                    div #drops { (part("drops")) }
                }
                section .counts aria-labelledby="counts-title" {
                    h2 #counts-title { (words.text("counts-title")) }
                    div #counts { (part("counts")) }
                }
            }
        }
        (about(words, info, scene, calibrated))
    }
}

/// The state, and the banners that say that this page is not live.
pub(super) fn live_head(words: Words<'_>, state: &Markup) -> Markup {
    html! {
        div #state aria-live="polite" { (state) }
        (connection(words))
    }
}

/// The banners that say that this page is not live.
pub(super) fn connection(words: Words<'_>) -> Markup {
    let lost = |id: &str, key: &str| {
        html! {
            div #(id) .lost hidden role="alert" {
                (icon::warning())
                div {
                    strong { (words.text(&format!("{key}-title"))) }
                    p { (words.text(&format!("{key}-means"))) }
                }
            }
        }
    };
    html! {
        (lost("lost", "lost"))
        (lost("crowded", "refused"))
    }
}

pub(super) fn chamber_section(words: Words<'_>, part: impl Fn(&str) -> Markup) -> Markup {
    html! {
        section .chamber aria-labelledby="picture-title" {
            h2 #picture-title { (words.text("picture-title")) }
            figure .picture {
                img #picture src="/picture" alt=(words.text("picture-alt"));
                div #overlay aria-hidden="true" { (part("overlay")) }
                div #signal { (part("signal")) }
            }
            div #sees { (part("sees")) }
        }
    }
}

/// The page for an address that does not exist.
pub(super) fn not_found(words: Words<'_>, bin: &str) -> Markup {
    let body = html! {
        main #main .lone {
            h1 { (words.text("not-found-title")) }
            p { a href="/" { (words.text("not-found-back")) } }
        }
    };
    let frame = Frame { words, bin, tab: None, who: None, run: None, scripts: &[], note: None };
    frame.page(&words.text("not-found-title"), &body)
}

fn about(words: Words<'_>, info: &Info, scene: &Scene, calibrated: Option<&Calibrated>) -> Markup {
    let up_ms = i64::try_from(scene.now.since(info.started_at).as_millis()).unwrap_or(i64::MAX);
    let started = WallTime { unix_ms: scene.wall.unix_ms.saturating_sub(up_ms), ..scene.wall };
    let zone = info.zone.iana_name().unwrap_or("UTC");
    let rows = [
        ("about-up-since", local(info, started, "%Y-%m-%d %H:%M:%S")),
        ("about-zone", zone.to_owned()),
        ("about-software", info.software.clone()),
        ("about-bundle", info.bundle_now(&scene.live).to_owned()),
        ("about-config", info.config_hash.clone()),
        (
            "about-calibration",
            calibrated.map_or_else(|| "–".to_owned(), |version| calibration(words, info, version)),
        ),
    ];
    html! {
        footer {
            h2 { (words.text("about-title")) }
            dl {
                @for (key, value) in rows {
                    div { dt { (words.text(key)) } dd { (value) } }
                }
            }
        }
    }
}

/// A version of the camera's calibration: its number and when it was saved.
fn calibration(words: Words<'_>, info: &Info, version: &Calibrated) -> String {
    let number = words.with("versions-number", "number", version.number);
    let saved_at = WallTime { unix_ms: version.saved_at_ms, synchronised: true };
    let from = match version.number {
        0 => words.text("versions-own"),
        _ => local(info, saved_at, "%Y-%m-%d %H:%M"),
    };
    format!("{number} · {from}")
}

/// What tells one run of the program from the next: the page reloads when it changes.
pub(super) fn run_id(info: &Info) -> String {
    format!("{}-{}", info.started_at.as_nanos(), info.config_hash)
}

/// A wall time in the bin's zone.
pub(super) fn local(info: &Info, wall: WallTime, format: &str) -> String {
    Timestamp::from_millisecond(wall.unix_ms)
        .map(|time| time.to_zoned(info.zone.clone()).strftime(format).to_string())
        .unwrap_or_default()
}

/// A share of a bar, drawn without a style; the number must stand beside it.
pub(super) fn bar(share: f32, accent: &str) -> Markup {
    let percent = (share.clamp(0.0, 1.0) * 100.0).round();
    html! {
        svg .bar .(accent) viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect .track width="100" height="10" {}
            rect .fill width=(percent) height="10" {}
        }
    }
}

/// The mark of a stream: its colour family, always beside its name.
pub(super) fn swatch(stream: crate::streams::Stream) -> Markup {
    html! { span .swatch .(accent(stream)) aria-hidden="true" {} }
}

/// The class with a stream's colours.
pub(super) fn accent(stream: crate::streams::Stream) -> String {
    text::key("stream", stream.id())
}

pub(super) fn percent(probability: f32) -> String {
    format!("{:.0} %", probability.clamp(0.0, 1.0) * 100.0)
}

fn compartment(words: Words<'_>, id: CompartmentId) -> String {
    words.with("compartment", "number", u32::from(id.0) + 1)
}

/// An SVG drawing from this program, never from outside.
const fn drawing(svg: &'static str) -> PreEscaped<&'static str> {
    PreEscaped(svg)
}

#[cfg(test)]
pub(super) mod tests;
