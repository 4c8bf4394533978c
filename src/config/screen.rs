//! The resident's screen and the streams' rules, checked.

use std::path::Path;

use super::problems::{InFile, Problems};
use super::raw::{RawLanguage, RawRule, RawRules, RawScreen, RawWeb};
use crate::judge::Compartment;
use crate::streams::Stream;
use crate::web::screen::{
    Both, NAME_EN_MAX, NAME_KO_MAX, RULE_EN_MAX, RULE_KO_MAX, Rule, Rules, Settings, Voice,
};
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
    let rules = Stream::ALL.map(|stream| match raw.rule.get(&stream) {
        Some(rule) => read_rule(stream, rule, &mut problems),
        None => {
            problems.check(stream.is_invented(), &format!("rule.{stream}"), || "is missing".to_owned());
            Rule::default()
        }
    });
    Some(Rules { date: date?, source: raw.source, rules })
}

fn read_rule(stream: Stream, rule: &RawRule, problems: &mut InFile<'_>) -> Rule {
    let mut read = |field: &str, text: &str, most: usize| {
        let letters = text.trim().chars().count();
        problems.check((1..=most).contains(&letters), &format!("rule.{stream}.{field}"), || {
            format!("has {letters} letters, 1 to {most} fit the screen")
        });
        text.trim().to_owned()
    };
    let words = Both { ko: read("ko", &rule.ko, RULE_KO_MAX), en: read("en", &rule.en, RULE_EN_MAX) };
    let name = match (stream.is_invented(), &rule.name_ko, &rule.name_en) {
        (true, Some(ko), Some(en)) => {
            Some(Both { ko: read("name_ko", ko, NAME_KO_MAX), en: read("name_en", en, NAME_EN_MAX) })
        }
        (false, None, None) => None,
        (true, ..) => {
            problems
                .add(&format!("rule.{stream}"), "needs name_ko and name_en: only the city knows what it is");
            None
        }
        (false, ..) => {
            problems
                .add(&format!("rule.{stream}"), "has a name already: only invented streams are named here");
            None
        }
    };
    Rule { words, name }
}

/// On a bin with a page, a compartment for a stream that the city invented needs its name and its rule.
pub(super) fn check_invented(rules: &Rules, compartments: &[Compartment], problems: &mut InFile<'_>) {
    for (index, Compartment { stream, .. }) in compartments.iter().enumerate() {
        let told = !stream.is_invented() || rules.of(*stream).name.is_some();
        problems.check(told, &format!("compartment[{index}].stream"), || {
            format!("{stream} is nothing yet: say what it is in [rule.{stream}] of the file that [web.screen] rules names")
        });
    }
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
        for &stream in Stream::DISTRICT {
            let hangul = |text: &str| text.chars().any(|letter| ('가'..='힣').contains(&letter));
            let words = &rules.of(stream).words;
            assert!(hangul(&words.ko) && !hangul(&words.en), "{stream}: {words:?}");
        }
        assert_eq!(rules.of(Stream::City1), &Rule::default());
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

    const BATTERIES: &str = "\n[rule.city_1]\nname_ko = '폐건전지'\nname_en = 'Batteries'\nko = '녹슨 것은 빼요'\nen = 'No rusty ones'\n";

    #[test]
    fn a_stream_that_the_city_invents_has_a_name_and_a_rule() {
        let (rules, problems) = read(&(SHIPPED.1.to_owned() + BATTERIES));
        assert_eq!(problems, Vec::<String>::new());
        let rules = rules.unwrap();
        assert_eq!(rules.of(Stream::City1).name.as_ref().unwrap().en, "Batteries");
        let compartments = [Stream::Can, Stream::City1, Stream::City2].map(|stream| Compartment {
            stream,
            full: false,
            disabled: false,
        });
        let mut all = Problems::default();
        check_invented(&rules, &compartments, &mut all.in_file(Path::new("bunri.toml")));
        let problems = crate::config::ConfigError::from(all).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].to_string().contains("compartment[2].stream: city_2 is nothing yet"),
            "{problems:?}"
        );

        let (_, problems) = read(&(SHIPPED.1.to_owned() + &BATTERIES.replace("name_en", "# name_en")));
        assert!(problems.len() == 1 && problems[0].contains("needs name_ko and name_en"), "{problems:?}");
        let (_, problems) =
            read(&(SHIPPED.1.to_owned() + &BATTERIES.replace("폐건전지", "열세글자보다훨씬더긴이름입니다")));
        assert!(problems.len() == 1 && problems[0].contains("rule.city_1.name_ko: has"), "{problems:?}");
        let (_, problems) = read(&SHIPPED.1.replace("[rule.can]\n", "[rule.can]\nname_ko = '캔'\n"));
        assert!(problems.len() == 1 && problems[0].contains("has a name already"), "{problems:?}");
    }
}
