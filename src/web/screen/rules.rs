//! What the district asks of each stream, in a few words of each language.

use jiff::civil::Date;

use crate::streams::Stream;
use crate::web::Language;

/// The most letters a rule may have in Korean, so that it fits a screen two metres away.
pub const RULE_KO_MAX: usize = 40;
/// The same in English, whose letters are half as wide.
pub const RULE_EN_MAX: usize = 64;

/// The most letters the name of an invented stream may have in Korean.
pub const NAME_KO_MAX: usize = 12;
/// The same in English.
pub const NAME_EN_MAX: usize = 20;

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Both {
    /// In Korean.
    pub ko: String,
    /// In English.
    pub en: String,
}

impl Both {
    /// The text in one of the languages.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::Korean => &self.ko,
            Language::English => &self.en,
        }
    }
}

/// One stream's rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// What is asked of it; empty for a stream that nobody has invented.
    pub words: Both,
    /// What an invented stream is called; the district's are named by the program's own texts.
    pub name: Option<Both>,
}

/// The rules of every stream, as they stood on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// When they were last held against their source.
    pub date: Date,
    /// Who says so.
    pub source: String,
    /// One for each stream, in index order.
    pub rules: [Rule; Stream::COUNT],
}

impl Rules {
    /// The rule of a stream.
    pub const fn of(&self, stream: Stream) -> &Rule {
        &self.rules[stream.index()]
    }
}
