//! What the district asks of each stream, in a few words of each language.

use jiff::civil::Date;

use crate::streams::Stream;

/// The most letters a rule may have in Korean, so that it fits a screen two metres away.
pub const RULE_KO_MAX: usize = 40;
/// The same in English, whose letters are half as wide.
pub const RULE_EN_MAX: usize = 64;

/// One stream's rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// In Korean.
    pub ko: String,
    /// In English.
    pub en: String,
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
