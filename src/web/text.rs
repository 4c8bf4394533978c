//! The page's words, Korean and English, from the files in `text/`.
//!
//! Never a sentence put together from parts in code, never a word on the page that stands only there. A key that is
//! missing shows as `⟦key⟧`; the tests see to it that none is.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use super::error::WebError;
use super::screen::{Both, Rules};
use crate::judge::{Alarm, Reason, StateName};
use crate::streams::Stream;

/// The files of one language.
macro_rules! texts {
    ($language:literal: $($page:ident)*) => {
        [$((stringify!($page), include_str!(concat!("text/", stringify!($page), ".", $language, ".ftl")))),*]
    };
}

/// Every file with its name, in each language; what several pages say is in `frame` and `words`.
const FILES: [(Language, [(&str, &str); 13]); 2] = [
    (
        Language::Korean,
        texts!("ko": frame login words now drops counts flap compartments camera teach settings checkup screen),
    ),
    (
        Language::English,
        texts!("en": frame login words now drops counts flap compartments camera teach settings checkup screen),
    ),
];

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// The default.
    Korean,
    /// The other one.
    English,
}

impl Language {
    pub(super) const ALL: [Language; 2] = [Language::Korean, Language::English];

    /// The language's tag (BCP 47).
    pub const fn id(self) -> &'static str {
        match self {
            Language::Korean => "ko",
            Language::English => "en",
        }
    }

    /// The one to switch to.
    pub(super) const fn other(self) -> Self {
        match self {
            Language::Korean => Language::English,
            Language::English => Language::Korean,
        }
    }

    pub(super) fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag).trim();
        Language::ALL.into_iter().find(|language| language.id().eq_ignore_ascii_case(primary))
    }

    /// Both, this one first.
    pub(super) const fn first(self) -> [Language; 2] {
        [self, self.other()]
    }

    /// The language asked for by `?lang=`, otherwise the bin's, otherwise the best of an Accept-Language header,
    /// otherwise Korean.
    pub(super) fn choose(asked: Option<&str>, set: Option<Self>, accepted: Option<&str>) -> Self {
        let asked = asked.and_then(Self::from_tag).or(set);
        asked.or_else(|| Self::accepted(accepted?)).unwrap_or(Language::Korean)
    }

    fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for range in header.split(',').take(16) {
            let mut parts = range.split(';');
            let Some(language) = parts.next().and_then(|tag| Self::from_tag(tag.trim())) else { continue };
            let quality = parts.find_map(|part| part.trim().strip_prefix("q="));
            let quality = quality.map_or(1.0, |value| value.parse().unwrap_or(0.0));
            if quality > best.map_or(0.0, |(_, quality)| quality) {
                best = Some((language, quality));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// The words of every language.
pub(super) struct Texts {
    bundles: [FluentBundle<FluentResource>; Language::ALL.len()],
    /// What the city calls the streams that it invented.
    names: [Option<Both>; Stream::COUNT],
}

impl Texts {
    /// Reads the files inside the program.
    pub(super) fn load() -> Result<Self, WebError> {
        let bundles = [load(Language::Korean)?, load(Language::English)?];
        Ok(Self { bundles, names: [const { None }; Stream::COUNT] })
    }

    /// With the city's names for its own streams.
    pub(super) fn named(self, rules: &Rules) -> Self {
        Self { names: Stream::ALL.map(|stream| rules.of(stream).name.clone()), ..self }
    }

    pub(super) const fn of(&self, language: Language) -> Words<'_> {
        Words { language, bundle: &self.bundles[language as usize], names: &self.names }
    }
}

fn load(language: Language) -> Result<FluentBundle<FluentResource>, WebError> {
    let failed = |why: String| WebError::Text { language: language.id(), why };
    let tag = language.id().parse().map_err(|error| failed(format!("{error}")))?;
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    bundle.set_use_isolating(false);
    for (name, text) in FILES[language as usize].1 {
        let first = |why: Option<String>| failed(format!("{name}: {}", why.unwrap_or_default()));
        let resource = FluentResource::try_new(text.to_owned())
            .map_err(|(_, errors)| first(errors.first().map(ToString::to_string)))?;
        // A key that two files have is refused.
        bundle.add_resource(resource).map_err(|errors| first(errors.first().map(ToString::to_string)))?;
    }
    Ok(bundle)
}

/// The words of one language.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) language: Language,
    bundle: &'a FluentBundle<FluentResource>,
    names: &'a [Option<Both>; Stream::COUNT],
}

impl Words<'_> {
    /// The text of `key`; `name.attribute` for an attribute.
    pub(super) fn text(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// The text of `key`, if there is such a key: for keys that come from outside.
    pub(super) fn known(&self, key: &str) -> Option<String> {
        self.bundle.has_message(key).then(|| self.text(key))
    }

    /// The text of `key` with one value in it.
    pub(super) fn with<'v>(&self, key: &str, name: &'v str, value: impl Into<FluentValue<'v>>) -> String {
        let mut args = FluentArgs::new();
        args.set(name, value);
        self.format(key, Some(&args))
    }

    /// The text of `key` with several texts in it.
    pub(super) fn with_all<const N: usize>(&self, key: &str, values: [(&str, &str); N]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(name, value);
        }
        self.format(key, Some(&args))
    }

    fn format(&self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let (name, attribute) = key.split_once('.').map_or((key, None), |(name, rest)| (name, Some(rest)));
        let pattern = self.bundle.get_message(name).and_then(|message| match attribute {
            None => message.value(),
            Some(attribute) => message.get_attribute(attribute).map(|attribute| attribute.value()),
        });
        let Some(pattern) = pattern else { return format!("⟦{key}⟧") };
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors);
        if errors.is_empty() { text.into_owned() } else { format!("⟦{key}⟧ {text}") }
    }

    pub(super) fn stream(&self, stream: Stream) -> String {
        match &self.names[stream.index()] {
            Some(name) => name.of(self.language).to_owned(),
            None => self.text(&key("stream", stream.id())),
        }
    }

    pub(super) fn reason(&self, reason: Reason) -> String {
        self.text(&key("reason", reason.id()))
    }

    /// How long, in the largest unit that fits.
    pub(super) fn age(&self, seconds: u64) -> String {
        let (unit, count) = match seconds {
            0..120 => ("age-seconds", seconds),
            120..7_200 => ("age-minutes", seconds / 60),
            7_200..172_800 => ("age-hours", seconds / 3_600),
            _ => ("age-days", seconds / 86_400),
        };
        self.with(unit, "count", count)
    }
}

/// The key of a thing with an identifier.
pub(super) fn key(kind: &str, id: &str) -> String {
    format!("{kind}-{}", id.replace('_', "-"))
}

/// The key of a state.
pub(super) fn state_key(state: Option<StateName>) -> String {
    key("state", state.map_or("unknown", StateName::id))
}

/// The identifier of an alarm, on the page and in its keys.
pub(super) const fn alarm_id(alarm: Alarm) -> &'static str {
    match alarm {
        Alarm::Jam => "jam",
        Alarm::Mechanism => "mechanism",
        Alarm::Ledger => "ledger",
        Alarm::Camera => "camera",
        Alarm::Blocked => "blocked",
        Alarm::CrewCalled => "crew_called",
    }
}

/// A number with its thousands set apart, as both languages do it.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
pub(super) mod tests;
