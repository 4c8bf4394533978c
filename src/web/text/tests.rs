use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::judge::VoidCause;

/// Every key of a language.
fn keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    FILES[language as usize].1.into_iter().flat_map(|(_, text)| keys_of(text)).collect()
}

/// Every key of a file, attributes as `name.attribute`, with the variables its text uses.
fn keys_of(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::new();
    let mut name = String::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(rest) = line.strip_prefix("    .") {
            current = format!("{name}.{}", rest.split_whitespace().next().unwrap());
        } else if line.starts_with(|first: char| first.is_ascii_lowercase()) {
            name = line.split_whitespace().next().unwrap().to_owned();
            current = name.clone();
        }
        if !current.is_empty() {
            let variables: &mut BTreeSet<String> = keys.entry(current.clone()).or_default();
            let parts = line.split('$').skip(1);
            variables.extend(parts.map(|part| part.split([' ', '}']).next().unwrap().to_owned()));
        }
    }
    keys
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_values_in_them() {
    let [(Language::Korean, korean), (Language::English, english)] = FILES else { panic!("{FILES:?}") };
    for ((name, korean), (other, english)) in korean.into_iter().zip(english) {
        assert!(keys_of(korean).len() > 5, "{name}");
        assert_eq!((name, keys_of(korean)), (other, keys_of(english)));
    }
}

#[test]
fn every_file_of_words_is_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/text");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let there: BTreeSet<String> =
        entries.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".ftl")).collect();
    let read = FILES
        .iter()
        .flat_map(|(language, files)| files.iter().map(|(name, _)| format!("{name}.{}.ftl", language.id())));
    assert_eq!(there, read.collect());
}

#[test]
fn every_key_has_a_text_in_both_languages() {
    let texts = Texts::load().unwrap();
    for language in Language::ALL {
        let words = texts.of(language);
        for (key, variables) in keys(language) {
            let mut args = FluentArgs::new();
            for variable in &variables {
                args.set(variable.clone(), 7);
            }
            let text = words.format(&key, Some(&args));
            assert!(!text.contains('⟦') && !text.trim().is_empty(), "{}: {key}: {text}", language.id());
        }
        assert_eq!(words.text("no-such-key"), "⟦no-such-key⟧");
        assert_eq!(words.text("state-empty.nothing"), "⟦state-empty.nothing⟧");
    }
}

/// Fails to compile when a state is added, which then needs its text.
pub(in crate::web) const STATES: [StateName; 15] = {
    use StateName as S;
    const fn known(state: StateName) -> StateName {
        match state {
            S::CameraLost | S::Starting | S::Empty | S::Full | S::Arriving | S::Settled | S::Decided => state,
            S::Routing | S::Clearing | S::Homing | S::Returning | S::Jam | S::MechanismFault => state,
            S::LedgerFault | S::Maintenance => state,
        }
    }
    [
        known(S::CameraLost),
        S::Starting,
        S::Empty,
        S::Full,
        S::Arriving,
        S::Settled,
        S::Decided,
        S::Routing,
        S::Clearing,
        S::Homing,
        S::Returning,
        S::Jam,
        S::MechanismFault,
        S::LedgerFault,
        S::Maintenance,
    ]
};

pub(in crate::web) const ALARMS: [Alarm; 6] = Alarm::ALL;

pub(in crate::web) const VOID_CAUSES: [VoidCause; 6] = [
    VoidCause::Disturbed,
    VoidCause::Hand,
    VoidCause::TakenBack,
    VoidCause::Jam,
    VoidCause::MechanismFault,
    VoidCause::StillThere,
];

#[test]
fn every_state_alarm_reason_cause_and_stream_has_its_text() {
    let known = keys(Language::Korean);
    let mut needed: Vec<String> = Vec::new();
    for state in STATES.map(Some).into_iter().chain([None]) {
        needed.extend([state_key(state), format!("{}.means", state_key(state))]);
    }
    for alarm in ALARMS {
        let key = key("alarm", alarm_id(alarm));
        needed.extend([format!("{key}.means"), format!("{key}.do"), key]);
    }
    needed.extend(Reason::ALL.map(|reason| key("reason", reason.id())));
    needed.extend(Stream::ALL.map(|stream| key("stream", stream.id())));
    needed.extend(VOID_CAUSES.map(|cause| key("void", cause.id())));
    let missing: Vec<_> = needed.iter().filter(|key| !known.contains_key(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_language_is_the_one_asked_for_then_the_browsers_then_korean() {
    let check = |asked, accepted, id| {
        assert_eq!(Language::choose(asked, None, accepted).id(), id, "{asked:?} {accepted:?}")
    };
    check(Some("en"), Some("ko"), "en");
    check(Some("ko-KR"), Some("en"), "ko");
    check(Some("fr"), Some("en-GB,en;q=0.9"), "en");
    check(None, Some("fr, en;q=0.5, ko;q=0.8"), "ko");
    check(None, Some("en;q=0, fr"), "ko");
    check(None, Some("KO;q=x,EN;q=0.1"), "en");
    check(None, Some("de"), "ko");
    check(None, None, "ko");
    let set = |asked| Language::choose(asked, Some(Language::English), Some("ko")).id();
    assert_eq!((set(None), set(Some("ko"))), ("en", "ko"), "the bin's own counts until somebody switches");
}

#[test]
fn plurals_numbers_and_ages_read_well() {
    let texts = Texts::load().unwrap();
    let (korean, english) = (texts.of(Language::Korean), texts.of(Language::English));
    assert_eq!(english.with("sees-votes", "count", 1), "1 vote");
    assert_eq!(english.with("sees-votes", "count", 3), "3 votes");
    assert_eq!(korean.with("sees-votes", "count", 3), "투표 3회");
    let ages = [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")];
    for (seconds, text) in ages {
        assert_eq!(english.age(seconds), text);
    }
    let numbers = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
    for (number, text) in numbers {
        assert_eq!(grouped(number), text);
    }
}
