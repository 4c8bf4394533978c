//! The pages' words, Korean and English, from the files in `text/`.
//!
//! Never a word on a page that stands only there. A key that is missing shows as `⟦key⟧`; a test sees to it that none
//! is.

use std::collections::BTreeMap;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

use super::error::WebError;
use crate::config::StreamName;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// The default.
    Korean,
    English,
}

impl Language {
    pub(super) const ALL: [Language; 2] = [Language::Korean, Language::English];

    pub(super) const fn id(self) -> &'static str {
        match self {
            Language::Korean => "ko",
            Language::English => "en",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Language::Korean => Language::English,
            Language::English => Language::Korean,
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Language::Korean => include_str!("text/ko.ftl"),
            Language::English => include_str!("text/en.ftl"),
        }
    }

    /// The language asked for by `?lang=`, otherwise the first of an Accept-Language header that is known.
    pub(super) fn choose(asked: Option<&str>, accepted: Option<&str>) -> Self {
        let tags = asked.into_iter().chain(accepted.unwrap_or_default().split(',').take(16));
        let known = |tag: &str| {
            let primary = tag.trim().get(..2).unwrap_or_default();
            Language::ALL.into_iter().find(|language| language.id().eq_ignore_ascii_case(primary))
        };
        tags.into_iter().find_map(known).unwrap_or(Language::Korean)
    }
}

/// The words of every language.
pub(super) struct Texts {
    bundles: [FluentBundle<FluentResource>; 2],
    /// What the city calls the streams that it invented.
    names: BTreeMap<String, StreamName>,
}

impl Texts {
    /// Reads the files inside the program.
    pub(super) fn load(names: BTreeMap<String, StreamName>) -> Result<Self, WebError> {
        Ok(Self { bundles: [load(Language::Korean)?, load(Language::English)?], names })
    }

    pub(super) const fn of(&self, language: Language) -> Words<'_> {
        Words { language, bundle: &self.bundles[language as usize], names: &self.names }
    }
}

fn load(language: Language) -> Result<FluentBundle<FluentResource>, WebError> {
    let failed = || WebError::Text { language: language.id() };
    let mut bundle = FluentBundle::new_concurrent(vec![language.id().parse().map_err(|_| failed())?]);
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(language.source().to_owned()).map_err(|_| failed())?;
    bundle.add_resource(resource).map_err(|_| failed())?;
    Ok(bundle)
}

/// The words of one language.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) language: Language,
    bundle: &'a FluentBundle<FluentResource>,
    names: &'a BTreeMap<String, StreamName>,
}

impl Words<'_> {
    /// The text of `key`; identifiers may stand in it as they are.
    pub(super) fn text(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// What a stream is called.
    pub(super) fn stream(&self, stream: &str) -> String {
        match (self.names.get(stream), self.language) {
            (Some(name), Language::Korean) => name.ko.clone(),
            (Some(name), Language::English) => name.en.clone(),
            (None, _) => self.text(&format!("stream-{stream}")),
        }
    }

    /// The text of `key` with a number in it.
    pub(super) fn count(&self, key: &str, count: i64) -> String {
        let mut args = FluentArgs::new();
        args.set("count", count);
        self.format(key, Some(&args))
    }

    fn format(&self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let message = self.bundle.get_message(&key.replace('_', "-"));
        let Some(pattern) = message.and_then(|message| message.value()) else {
            return format!("⟦{key}⟧");
        };
        self.bundle.format_pattern(pattern, args, &mut Vec::new()).into_owned()
    }

    /// How long ago, in the largest unit that fits.
    pub(super) fn ago(&self, then_ms: i64, now_ms: i64) -> String {
        let seconds = (now_ms - then_ms).max(0) / 1_000;
        let (key, count) = match seconds {
            0..120 => ("ago-seconds", seconds),
            120..7_200 => ("ago-minutes", seconds / 60),
            7_200..172_800 => ("ago-hours", seconds / 3_600),
            _ => ("ago-days", seconds / 86_400),
        };
        self.count(key, count)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(language: Language) -> BTreeSet<&'static str> {
        let lines = language.source().lines().filter(|line| !line.starts_with(['#', ' ']));
        lines.filter_map(|line| line.split_once(" =")).map(|(key, _)| key).collect()
    }

    #[test]
    fn both_languages_have_the_same_keys() {
        assert_eq!(keys(Language::Korean), keys(Language::English));
        assert!(keys(Language::Korean).len() > 40);
    }

    #[test]
    fn the_language_is_the_one_asked_for() {
        assert_eq!(Language::choose(None, None), Language::Korean);
        assert_eq!(Language::choose(None, Some("de-DE,en;q=0.8")), Language::English);
        assert_eq!(Language::choose(Some("ko"), Some("en")), Language::Korean);
    }
}
