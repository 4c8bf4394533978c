//! Another network: what is taught again by itself, and what has to be shown.

use jiff::civil::date;
use jiff::tz::TimeZone;

use super::*;

/// Noon of 1 March 2026 in Seoul.
const NOON: i64 = 1_772_334_000_000;
const DAY_MS: i64 = 86_400_000;

fn pictures(state: &std::path::Path) -> Pictures {
    let limits = PictureLimits {
        until: date(2026, 3, 20),
        zone: TimeZone::get("Asia/Seoul").unwrap(),
        days_most: 14,
        bytes_most: 100,
    };
    Pictures::of(state, limits)
}

/// The same labels in another order, and another network.
fn other_bundle() -> Bundle {
    let mut other = bundle();
    other.manifest.model.sha256 = "11".into();
    other.manifest.version = "2".into();
    other.manifest.labels.reverse();
    let statistics = Statistics {
        means: (0..IDS.len()).rev().flat_map(centre).collect(),
        ..Statistics::clone(other.statistics.as_ref().unwrap())
    };
    other.statistics = Some(Arc::new(statistics));
    other
}

/// What the other network says of the same item.
fn other_word(item: &crate::identify::TaughtItem) -> Embedded {
    let mut logits = item.logits.clone();
    logits.reverse();
    Embedded { embedding: item.embedding.clone(), logits }
}

#[test]
fn items_with_pictures_are_taught_again_by_their_labels_names() {
    let (state, bundle, other) = (tempfile::tempdir().unwrap(), bundle(), other_bundle());
    let (store, pictures) = (Store::of(state.path()), pictures(state.path()));
    let site = fit(&taught(&bundle, &[(0, 5), (1, 5), (2, 5)], 6), &bundle).unwrap().site;
    store.apply(&site).unwrap();
    for (number, item) in site.taught.iter().enumerate().filter(|(number, _)| number % 5 != 0) {
        pictures.put(item, &[number as u8; 4], NOON).unwrap();
    }
    assert!(store.left_behind(&bundle).unwrap().is_none());
    let old = store.left_behind(&other).unwrap().unwrap();
    let mut again = Again::begin(&old, &other, Some(&pictures)).unwrap();
    let can = Kind::Of(Stream::Can);
    assert_eq!((again.board().items, again.board().on, again.board().to_show[0]), (12, true, (can, 1)));
    assert_eq!(again.board().names, ["can/0", "glass/0", "paper/0"]);
    let mut number = 0;
    while let Some(item) = again.next().cloned() {
        assert_eq!(pictures.get(&item).unwrap().len(), 4);
        let word = other_word(&item);
        // One picture cannot be looked at.
        again.seen(Some(&word).filter(|_| number != 3)).unwrap();
        number += 1;
    }
    assert_eq!((again.board().done, again.board().items, again.board().to_show[0]), (11, 11, (can, 2)));
    let (head, pairs) = again.end(&other).unwrap();
    assert!(!again.board().on && head.taught.len() == 11);
    assert_eq!(head.labels[head.taught[0].label].id, "can", "by its name, not by its number");
    for (before, now) in &pairs {
        pictures.pass_on(before, now, NOON + 1).unwrap();
        assert!(pictures.holds(now) && pictures.holds(before));
    }
    store.apply(&head).unwrap();
    assert_eq!(store.current_for(&other).unwrap().unwrap().1, head);
    assert_eq!(store.current_for(&bundle).unwrap().unwrap().1, site, "the bundle before finds its own");
    assert!(store.left_behind(&other).unwrap().is_none());
}

#[test]
fn without_pictures_everything_has_to_be_shown() {
    let (bundle, other) = (bundle(), other_bundle());
    let site = fit(&taught(&bundle, &[(0, 3), (4, 2)], 6), &bundle).unwrap().site;
    let again = Again::begin(&site, &other, None).unwrap();
    let expected = [(Kind::Of(Stream::Can), 3), (Kind::Unknown, 2)];
    assert_eq!((again.board().on, &again.board().to_show[..]), (false, &expected[..]));
    assert_eq!(again.board().bundle, "made-up 1");
    let mut again = again;
    assert!(matches!(again.end(&other), Err(TeachError::NothingTaught)));
}

#[test]
fn pictures_of_taught_items_have_a_last_day_an_age_and_a_size() {
    let state = tempfile::tempdir().unwrap();
    let (pictures, items) = (pictures(state.path()), taught(&bundle(), &[(0, 6)], 1).items().to_vec());
    let held = || items.iter().map(|item| pictures.holds(item)).collect::<Vec<_>>();
    for (item, at) in items.iter().zip([0, 1, 2, 3]) {
        pictures.put(item, &[7; 30], NOON + at).unwrap();
    }
    assert_eq!(held(), [false, true, true, true, false, false], "a hundred bytes");
    pictures.tidy(NOON + 14 * DAY_MS + 2).unwrap();
    assert_eq!(held(), [false, false, true, true, false, false], "fourteen days");
    pictures.put(&items[4], &[7; 101], NOON + 4).unwrap();
    assert_eq!(
        held(),
        [false, false, true, true, false, false],
        "what is larger than everything has no place"
    );
    pictures.put(&items[5], &[7; 30], NOON + 20 * DAY_MS).unwrap();
    assert_eq!(held(), [false; 6], "the last day is past");
    pictures.put(&items[5], &[7; 30], NOON).unwrap();
    Pictures::forget(state.path()).unwrap();
    Pictures::forget(state.path()).unwrap();
    assert_eq!(held(), [false; 6]);
}
