//! Draws the resident's screen: a pictogram, a few large words, Korean first.

use maud::{DOCTYPE, Markup, html};

use super::Settings;
use super::face::{Cause, Face, Outcome};
use super::pictogram;
use crate::judge::Reason;
use crate::streams::Stream;
use crate::web::assets;
use crate::web::text::{Language, Texts, Words, key};

/// The words of one face in one language.
struct Said {
    lead: Option<String>,
    head: String,
    more: Option<String>,
}

/// What to do about a reason, where something can be done.
const fn advice(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::TwoItems => Some("screen-advice-one"),
        Reason::CompartmentFull | Reason::CompartmentDisabled => Some("screen-advice-next-bin"),
        Reason::NotSure | Reason::Unknown | Reason::NotCollectedHere => None,
    }
}

fn why(words: Words<'_>, reason: Reason, seen: Stream) -> String {
    words.with(&key("screen-why", reason.id()), "stream", words.stream(seen))
}

fn rule(settings: &Settings, language: Language, stream: Stream) -> &str {
    settings.rules.of(stream).words.of(language)
}

impl Said {
    fn of(face: Face, words: Words<'_>, settings: &Settings) -> Self {
        let plain = |key: &str| Self {
            lead: None,
            head: words.text(key),
            more: Some(words.text(&format!("{key}.more"))),
        };
        match face {
            Face::Moment => plain("screen-moment"),
            Face::Ready => plain("screen-ready"),
            Face::Hold => plain("screen-hold"),
            Face::Looking => plain("screen-looking"),
            Face::Full => plain("screen-full"),
            Face::Withdrawn => plain("screen-withdrawn"),
            Face::Called => plain("screen-called"),
            Face::Result { result: Outcome::Sorted(stream), .. } => Self {
                lead: Some(words.text("screen-sorted.lead")),
                head: words.with("screen-sorted", "stream", words.stream(stream)),
                more: Some(rule(settings, words.language, stream).to_owned()),
            },
            Face::Result { result: Outcome::General(reason, seen), .. } => Self {
                lead: Some(words.text("screen-general.lead")),
                head: words.text("screen-general"),
                more: Some(why(words, reason, seen)),
            },
            Face::Result { result: Outcome::Back(reason, seen), .. } => {
                Self { lead: None, head: words.text("screen-back"), more: Some(why(words, reason, seen)) }
            }
            Face::Out(cause) => Self {
                lead: None,
                head: words.text("screen-out"),
                more: Some(words.text(&key("screen-out", cause.id()))),
            },
        }
    }
}

/// What the browser says aloud, if it may.
pub(super) fn say(face: Face, words: Words<'_>, settings: &Settings) -> String {
    match face {
        Face::Moment => words.text("screen-moment.say"),
        Face::Ready => words.text("screen-ready.say"),
        Face::Hold => words.text("screen-hold.say"),
        // It lasts half a second.
        Face::Looking => String::new(),
        Face::Full => words.text("screen-full.say"),
        Face::Withdrawn => words.text("screen-withdrawn.say"),
        Face::Called => words.text("screen-called.say"),
        Face::Out(_) => words.text("screen-out.say"),
        Face::Result { result: Outcome::Sorted(stream), .. } => {
            let rule = rule(settings, words.language, stream);
            words.with_all("screen-sorted.say", [("stream", words.stream(stream).as_str()), ("rule", rule)])
        }
        Face::Result { result: Outcome::General(reason, seen), .. } => {
            words.with("screen-general.say", "why", why(words, reason, seen))
        }
        Face::Result { result: Outcome::Back(reason, seen), .. } => {
            words.with("screen-back.say", "why", why(words, reason, seen))
        }
    }
}

/// The line at the foot: what to do next.
const fn foot(face: Face) -> Option<&'static str> {
    match face {
        Face::Result { next: true, .. } => Some("screen-next"),
        Face::Result { result: Outcome::General(reason, _) | Outcome::Back(reason, _), .. } => advice(reason),
        // Whoever can clear the opening need not walk on.
        Face::Out(Cause::Blocked) => None,
        Face::Out(_) => Some("screen-advice-next-bin"),
        _ => None,
    }
}

/// A face in both languages.
pub(super) fn face(face: Face, texts: &Texts, settings: &Settings, first: Language) -> Markup {
    let said = first.first().map(|language| (language.id(), Said::of(face, texts.of(language), settings)));
    let accent = match face {
        Face::Result { result: Outcome::Sorted(stream), .. } => key("stream", stream.id()),
        _ => String::new(),
    };
    html! {
        div .picture .(accent) { (pictogram::of(face)) }
        div .words {
            @if said.iter().any(|(_, said)| said.lead.is_some()) {
                p .lead { @for (language, said) in &said { span lang=(language) { (said.lead.as_deref().unwrap_or_default()) } } }
            }
            h1 { @for (language, said) in &said { span lang=(language) { (said.head) } } }
            p .more { @for (language, said) in &said { span lang=(language) { (said.more.as_deref().unwrap_or_default()) } } }
        }
        @if let Some(key) = foot(face) {
            p .foot { @for language in first.first() { span lang=(language.id()) { (texts.of(language).text(key)) } } }
        }
    }
}

/// What may change while the screen hangs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The language that stands first.
    pub(super) first: Language,
    pub(super) volume_percent: u32,
}

/// The whole screen; `run` tells one run of the program from the next.
pub(super) fn page(shown: Face, texts: &Texts, settings: &Settings, look: Look, run: &str) -> Markup {
    let Look { first, volume_percent } = look;
    let voice = &settings.voice;
    let volume = f64::from(volume_percent) / 100.0;
    html! {
        (DOCTYPE)
        html lang=(first.id()) data-run=(run) data-face=(shown.id())
            data-volume=(volume) data-rate=(voice.rate) data-voices=(voice.languages(first)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (texts.of(first).text("screen-title")) }
                link rel="stylesheet" href="/screen-size.css";
                link rel="stylesheet" href=(assets::SCREEN_STYLE.path());
                script type="module" src=(assets::SCREEN_SCRIPT.path()) {}
                noscript { meta http-equiv="refresh" content="2"; }
            }
            body {
                main #face aria-live="assertive" { (face(shown, texts, settings, first)) }
                // What is shown without a word from the bin: at first it is probably starting again.
                template #lost { (face(Face::Moment, texts, settings, first)) }
                template #gone { (face(Face::Out(Cause::Silent), texts, settings, first)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings;
    use super::*;

    /// Every face there is.
    fn every_face() -> Vec<Face> {
        let mut faces = vec![Face::Moment, Face::Ready, Face::Hold, Face::Looking, Face::Full];
        faces.extend([Face::Withdrawn, Face::Called]);
        for next in [false, true] {
            let streams = Stream::DISTRICT.iter().copied().chain([Stream::City2]);
            faces.extend(streams.map(|stream| Face::Result { result: Outcome::Sorted(stream), next }));
            for reason in Reason::ALL {
                let results = [Outcome::General(reason, Stream::Film), Outcome::Back(reason, Stream::Can)];
                faces.extend(results.map(|result| Face::Result { result, next }));
            }
        }
        let causes = [Cause::Camera, Cause::Jam, Cause::Flap, Cause::Ledger, Cause::Maintenance];
        faces.extend(causes.into_iter().chain([Cause::Blocked, Cause::Silent]).map(Face::Out));
        faces
    }

    #[test]
    fn every_face_has_a_drawing_and_words_in_both_languages() {
        let settings = settings();
        let texts = Texts::load().unwrap().named(&settings.rules);
        for shown in every_face() {
            let other = face(shown, &texts, &settings, Language::English).into_string();
            assert!(other.find("lang=\"en\"") < other.find("lang=\"ko\""), "English was set first: {other}");
            let html = face(shown, &texts, &settings, Language::Korean).into_string();
            assert!(!html.contains('⟦') && !html.contains("></span>"), "{shown:?}: {html}");
            assert!(html.contains("<svg") && !html.contains("<img") && !html.contains("style="), "{html}");
            assert!(html.find("lang=\"ko\"") < html.find("lang=\"en\""), "Korean comes first: {html}");
            for language in Language::ALL {
                let said = say(shown, texts.of(language), &settings);
                assert!(
                    !said.contains('⟦') && said.is_empty() == (shown == Face::Looking),
                    "{shown:?}: {said}"
                );
            }
        }
    }

    #[test]
    fn a_sorted_item_comes_with_its_rule() {
        let settings = settings();
        let texts = Texts::load().unwrap().named(&settings.rules);
        let of = |stream| Face::Result { result: Outcome::Sorted(stream), next: false };
        let sorted = of(Stream::ClearPet);
        let known = ["투명 페트병", "라벨을 떼고", "Clear PET bottle", "take the label off"];
        let invented = ["폐건전지", "녹슨 것은", "Batteries", "No rusty ones"];
        for (stream, texts_of) in [(Stream::ClearPet, known), (Stream::City2, invented)] {
            let html = face(of(stream), &texts, &settings, Language::Korean).into_string();
            for text in texts_of {
                assert!(html.contains(text), "{text} is not in {html}");
            }
        }
        let said = say(sorted, texts.of(Language::English), &settings);
        assert!(said.starts_with("Clear PET bottle. Empty"), "{said}");
    }
}
