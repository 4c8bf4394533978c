//! The sections of the camera's page.

use maud::{Markup, html};

use super::{icon, local, percent};
use crate::capture::Controls;
use crate::clock::WallTime;
use crate::detect::Focus;
use crate::web::text::Words;
use crate::web::{Calibrated, Info};

/// The fields of a region, in its order.
pub(in crate::web) const FIELDS: [&str; 4] = ["x", "y", "width", "height"];
/// A share of clipped pixels that costs more than a reflection does.
const MUCH: f32 = 0.05;

/// What every form of the page needs.
pub(in crate::web) struct Form<'a> {
    pub(in crate::web) words: Words<'a>,
    pub(in crate::web) acts: bool,
    pub(in crate::web) token: Markup,
}

/// The region's four numbers, and what the camera must not decide for itself.
pub(in crate::web) fn region(form: &Form<'_>, in_force: &Calibrated, size: (u32, u32)) -> Markup {
    let (words, seen) = (form.words, in_force.seen);
    let number = |name: &str, value: Option<u32>, most: u32| {
        html! {
            div {
                label for=(name) { (words.text(&format!("camera-{}", name.replace('_', "-")))) }
                input id=(name) name=(name) type="number" min="0" max=(most) value=[value] readonly[!form.acts];
            }
        }
    };
    let most = [size.0, size.1, size.0, size.1];
    let region = <[u32; 4]>::from(seen.region);
    html! {
        section aria-labelledby="region-title" {
            h2 #region-title { (words.text("region-title")) }
            p .note { (words.text("region-note")) }
            form #region method="post" action="/camera/save" {
                (form.token)
                div .numbers {
                    @for ((name, value), most) in FIELDS.into_iter().zip(region).zip(most) {
                        (number(name, Some(value), most))
                    }
                }
                details open[seen.controls != Controls::default()] {
                    summary { (words.text("controls-title")) }
                    p .note { (words.text("controls-note")) }
                    div .numbers {
                        (number("exposure_100us", seen.controls.exposure_100us, 10_000))
                        (number("gain", seen.controls.gain, 65_535))
                        (number("white_balance_k", seen.controls.white_balance_k, 20_000))
                        (number("focus", seen.controls.focus, 65_535))
                        (number("mains_hz", seen.controls.mains_hz, 60))
                    }
                }
                @if form.acts {
                    p .note { (words.text("region-learns")) }
                    div .actions {
                        button .primary type="submit" { (words.text("region-save")) }
                        button .plain type="reset" { (words.text("region-reset")) }
                    }
                }
            }
        }
    }
}

/// The empty chamber as it is known, and a way to learn it anew.
pub(in crate::web) fn learn(form: &Form<'_>, in_force: &Calibrated) -> Markup {
    let words = form.words;
    html! {
        section aria-labelledby="learn-title" {
            h2 #learn-title { (words.text("learn-title")) }
            @if in_force.learnt {
                div .known {
                    img .cells src={ "/camera/chamber?version=" (in_force.number) } width="128" height="96" alt=(words.text("learn-picture"));
                    p .note { (words.text("learn-known")) }
                }
            } @else {
                p .note { (words.text("learn-unknown")) }
            }
            @if form.acts {
                form method="post" action="/camera/learn" {
                    (form.token)
                    label .check {
                        input type="checkbox" name="confirmed" value="yes";
                        span { (words.text("learn-confirmed")) }
                    }
                    div .actions { button .primary type="submit" { (words.text("learn-now")) } }
                }
            }
        }
    }
}

/// How sharp and how bright the picture is.
pub(in crate::web) fn light(words: Words<'_>, focus: Option<&Focus>) -> Markup {
    html! {
        section aria-labelledby="focus-title" {
            h2 #focus-title { (words.text("focus-title")) }
            div #readings { (readings(words, focus)) }
            p #best .note data-label=(words.text("focus-best")) {}
        }
    }
}

/// The readings alone, as they are exchanged while the page is open.
pub(in crate::web) fn readings(words: Words<'_>, focus: Option<&Focus>) -> Markup {
    let Some(focus) = focus else {
        return html! { p .note { (words.text("focus-none")) } };
    };
    let highest = focus.histogram.iter().copied().fold(f32::EPSILON, f32::max);
    let advice = if focus.bright > MUCH {
        "focus-bright"
    } else if focus.dark > MUCH {
        "focus-dark"
    } else {
        "focus-good"
    };
    html! {
        p .value data-sharpness=(focus.sharpness.round()) {
            (words.with("focus-sharpness", "value", format!("{:.0}", focus.sharpness)))
        }
        p .note { (words.text("focus-sharpness-note")) }
        svg .histogram viewBox="0 0 160 60" preserveAspectRatio="none" role="img" aria-label=(words.text("focus-histogram")) {
            rect .track width="160" height="60" {}
            @for (index, share) in focus.histogram.iter().enumerate() {
                @let height = (share / highest * 60.0).round();
                rect .fill x=(index * 10 + 1) y=(60.0 - height) width="8" height=(height) {}
            }
        }
        p .note {
            (words.text("focus-dark-share")) " " (percent(focus.dark)) " · "
            (words.text("focus-bright-share")) " " (percent(focus.bright))
        }
        p { (words.text(advice)) }
    }
}

/// Every version, with a way back to each.
pub(in crate::web) fn versions(form: &Form<'_>, info: &Info, versions: &[Calibrated]) -> Markup {
    let words = form.words;
    html! {
        section aria-labelledby="versions-title" {
            h2 #versions-title { (words.text("versions-title")) }
            p .note { (words.text("versions-note")) }
            ul .versions {
                @for (index, version) in versions.iter().enumerate() {
                    li .on[index == 0] {
                        div {
                            p {
                                strong { (words.with("versions-number", "number", version.number)) }
                                @if index == 0 { " " span .tag { (icon::ready()) (words.text("versions-in-force")) } }
                            }
                            (says(words, info, version))
                        }
                        @if form.acts && index > 0 {
                            form method="post" action="/camera/return" {
                                (form.token)
                                input type="hidden" name="version" value=(version.number);
                                button .plain type="submit" {
                                    (words.with("versions-return", "number", version.number))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn says(words: Words<'_>, info: &Info, version: &Calibrated) -> Markup {
    let (region, controls) = (version.seen.region, version.seen.controls);
    let fixed = [
        ("camera-exposure-100us", controls.exposure_100us),
        ("camera-gain", controls.gain),
        ("camera-white-balance-k", controls.white_balance_k),
        ("camera-focus", controls.focus),
        ("camera-mains-hz", controls.mains_hz),
    ];
    let saved_at = WallTime { unix_ms: version.saved_at_ms, synchronised: true };
    html! {
        p .note {
            @if version.number == 0 {
                (words.text("versions-own"))
            } @else {
                (local(info, saved_at, "%Y-%m-%d %H:%M")) " · " (version.by)
                @if let Some(number) = version.back_to {
                    " · " (words.with("versions-back-to", "number", number))
                }
            }
        }
        p .note {
            (words.text("region-title")) " " (region.x) ", " (region.y) " · " (region.width) " × " (region.height)
            @for (key, value) in fixed {
                @if let Some(value) = value { " · " (words.text(key)) " " (value) }
            }
            @if !version.learnt { " · " (words.text("versions-not-learnt")) }
        }
    }
}
