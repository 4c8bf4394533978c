//! The resident's screen and the streams' rules, checked.

use std::path::Path;

use super::problems::{InFile, Problems};
use super::raw::{RawLanguage, RawRules, RawScreen, RawWeb};
use crate::streams::Stream;
use crate::web::screen::{RULE_EN_MAX, RULE_KO_MAX, Rule, Rules, Settings, Voice};
use crate::web::{Display, Language};

/// The grammar of the rules that this program reads.
const RULES_VERSION: u32 = 1;
/// The rules that ship, by their path in the source.
const SHIPPED: (&str, &str) = ("calibration/rules.toml", include_str!("../../calibration/rules.toml"));

/// Checks `[web.screen]` of a configuration in `folder`, and the rules it names.
pub(super) fn check(raw: &RawScreen, folder: &Path, problems: &mut InFile<'_>) -> Option<Settings> {
    let ranges = [
        ("web.screen.width_mm", raw.width_mm, 80.0..=3_000.0),
        ("web.screen.letter_mm", raw.letter_mm, 7.25..=60.0),
        ("web.screen.voice_volume_percent", raw.voice_volume_percent as f32, 0.0..=100.0),
        ("web.screen.voice_speed_percent", raw.voice_speed_percent as f32, 50.0..=200.0),
    ];
    for (path, value, range) in ranges {
        problems.check(range.contains(&value), path, || {
            format!("{value} is not {} to {}", range.start(), range.end())
        });
    }
    // Eight capitals must stand side by side, or no word fits.
    problems.check(raw.letter_mm * 8.0 <= raw.width_mm, "web.screen.letter_mm", || {
        format!("letters of {} mm do not fit a screen {} mm wide", raw.letter_mm, raw.width_mm)
    });
    let all = problems.all();
    let rules = match &raw.rules {
        Some(path) => {
            let path = folder.join(path);
            all.read(&path).and_then(|(table, _)| read_rules(table, &path, all))
        }
        None => {
            let path = Path::new(SHIPPED.0);
            all.parse(SHIPPED.1, path).and_then(|table| read_rules(table, path, all))
        }
    };
    let speaks = |language| raw.voice_languages.contains(&language);
    Some(Settings {
        width_mm: raw.width_mm,
        letter_mm: raw.letter_mm,
        voice: Voice {
            rate: raw.voice_speed_percent as f32 / 100.0,
            korean: speaks(RawLanguage::Ko),
            english: speaks(RawLanguage::En),
        },
        rules: rules?,
    })
}

/// What of `[web]` may change while the page runs.
pub(super) fn display(raw: &RawWeb) -> Display {
    let language = |raw: RawLanguage| match raw {
        RawLanguage::Ko => Language::Korean,
        RawLanguage::En => Language::English,
    };
    Display { language: raw.language.map(language), volume_percent: raw.screen.voice_volume_percent }
}

/// Checks the streams' rules: all of them, in both languages, short enough for the screen.
fn read_rules(table: toml::Table, path: &Path, all: &mut Problems) -> Option<Rules> {
    let raw = all.take::<RawRules>(table, path)?;
    let mut problems = all.in_file(path);
    problems.check(raw.version == RULES_VERSION, "version", || {
        format!("{} is not {RULES_VERSION}, the only one this program reads", raw.version)
    });
    let date = raw.date.parse().map_err(|_| problems.add("date", "is not a day such as 2026-11-22")).ok();
    problems.check(!raw.source.trim().is_empty(), "source", || "is empty: say who says so".to_owned());
    let mut rules = Vec::new();
    for stream in Stream::ALL {
        let Some(rule) = raw.rule.get(&stream) else {
            problems.add(&format!("rule.{stream}"), "is missing");
            continue;
        };
        for (language, text, most) in [("ko", &rule.ko, RULE_KO_MAX), ("en", &rule.en, RULE_EN_MAX)] {
            let letters = text.trim().chars().count();
            problems.check((1..=most).contains(&letters), &format!("rule.{stream}.{language}"), || {
                format!("has {letters} letters, 1 to {most} fit the screen")
            });
        }
        rules.push(Rule { ko: rule.ko.trim().to_owned(), en: rule.en.trim().to_owned() });
    }
    Some(Rules { date: date?, source: raw.source, rules: rules.try_into().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Rules>, Vec<String>) {
        let mut all = Problems::default();
        let path = Path::new("rules.toml");
        let rules = all.parse(text, path).and_then(|table| read_rules(table, path, &mut all));
        let problems = crate::config::ConfigError::from(all).problems;
        (rules, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_rules_that_ship_are_complete_in_both_languages() {
        let (rules, problems) = read(SHIPPED.1);
        assert_eq!(problems, Vec::<String>::new());
        let rules = rules.unwrap();
        assert!(rules.source.contains("환경부"));
        for stream in Stream::ALL {
            let hangul = |text: &str| text.chars().any(|letter| ('가'..='힣').contains(&letter));
            let rule = rules.of(stream);
            assert!(hangul(&rule.ko) && !hangul(&rule.en), "{stream}: {rule:?}");
        }
    }

    #[test]
    fn a_rule_without_one_of_the_languages_is_refused_and_so_is_a_long_one() {
        let without: Vec<_> = SHIPPED.1.lines().filter(|line| !line.starts_with("en = \"Straw")).collect();
        let (rules, problems) = read(&without.join("\n"));
        assert!(
            rules.is_none() && problems.iter().any(|problem| problem.contains("rule.carton.en")),
            "{problems:?}"
        );
        let (_, problems) = read(&SHIPPED.1.replace("Cap off, rinse.", &"Cap off, rinse. ".repeat(9)));
        assert!(problems.len() == 1 && problems[0].contains("rule.glass.en: has 1"), "{problems:?}");
        let (_, problems) = read(&SHIPPED.1.replace("[rule.foam]", "[rule.styrofoam]"));
        assert!(problems.iter().any(|problem| problem.contains("styrofoam")), "{problems:?}");
        let (_, problems) = read(&SHIPPED.1.replace("2026-11-22", "yesterday"));
        assert!(problems.len() == 1 && problems[0].contains("date"), "{problems:?}");
    }
}
