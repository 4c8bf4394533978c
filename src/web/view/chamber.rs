//! What is drawn over the live picture: the region, the items, a hand, and the lack of a signal.

use maud::{Markup, html};

use super::{Scene, icon};
use crate::detect::{Light, Presence, Region};
use crate::web::text::Words;

/// Lines and boxes in the camera's pixels. Its `viewBox` also gives the picture its height.
pub(super) fn overlay(words: Words<'_>, scene: &Scene) -> Markup {
    let (width, height) = scene.camera.size;
    let presence = &scene.shown;
    let seen = scene.camera.has_signal() && !presence.learning;
    html! {
        svg viewBox={ "0 0 " (width) " " (height) } {
            (frame(scene.live.region, "region"))
            (label(scene.live.region, "region", &words.text("picture-region"), height))
            @if seen {
                @for object in presence.objects.iter().flatten() {
                    (frame(*object, "item"))
                    (label(*object, "item", &words.text("picture-item"), height))
                }
            }
        }
        @if scene.camera.has_signal() {
            @let (class, text) = what(presence);
            p .presence .(class) { (words.text(text)) }
        }
    }
}

/// What the chamber holds, in a word.
const fn what(presence: &Presence) -> (&'static str, &'static str) {
    if matches!(presence.light, Light::Dark) {
        ("dark", "picture-dark")
    } else if presence.learning {
        ("learning", "picture-learning")
    } else if presence.hand {
        ("hand", "picture-hand")
    } else if presence.moving {
        ("moving", "picture-moving")
    } else if presence.occupied {
        ("still", "picture-still")
    } else {
        ("none", "picture-empty")
    }
}

/// A rectangle with a dark line under a bright one, to be seen on any picture.
fn frame(at: Region, class: &str) -> Markup {
    html! {
        @for line in ["under", "over"] {
            rect .(class) .(line) x=(at.x) y=(at.y) width=(at.width) height=(at.height)
                vector-effect="non-scaling-stroke" {}
        }
    }
}

fn label(at: Region, class: &str, text: &str, picture_height: u32) -> Markup {
    // Letters grow with the picture; this share of its height is readable on a phone.
    let size = (picture_height / 21).max(8);
    let above = at.y > size * 3 / 2;
    let y = if class == "region" || !above { at.y + size * 5 / 4 } else { at.y - size / 3 };
    html! { text .(class) x=(at.x + size / 3) y=(y) font-size=(size) { (text) } }
}

/// Covers a picture that is not live.
pub(super) fn signal(words: Words<'_>, scene: &Scene) -> Markup {
    if scene.camera.has_signal() {
        return html! {};
    }
    let age = scene.camera.age.map(|age| words.age(age.as_secs()));
    html! {
        div .no-signal {
            (icon::stop())
            strong { (words.text("picture-no-signal")) }
            p {
                @match age {
                    Some(age) => (words.with("picture-no-signal-since", "age", age)),
                    None => (words.text("picture-never")),
                }
            }
        }
    }
}
