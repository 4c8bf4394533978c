//! What residents and the crew are told where small pictures are kept.

use super::album::Keeping;
use super::error::WebError;
use super::text::{Language, Texts, Words};

/// The sign to put up at the bin, in both languages; `bunri check` prints it.
///
/// # Errors
/// When the texts inside the program are damaged.
pub fn text(keeping: Keeping) -> Result<String, WebError> {
    let texts = Texts::load()?;
    Ok(Language::ALL.map(|language| say(texts.of(language), "frames-sign", keeping)).join("\n\n"))
}

/// The crew's reminder.
pub(super) fn note(words: Words<'_>, keeping: Keeping) -> String {
    say(words, "frames-kept", keeping)
}

fn say(words: Words<'_>, key: &str, keeping: Keeping) -> String {
    let (days, until) = (keeping.days_most.to_string(), keeping.until.to_string());
    words.with_all(key, [("days", &days), ("until", &until)])
}
