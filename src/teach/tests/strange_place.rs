//! A place that the network has never seen the like of: its word is wrong more often than not.

use super::*;

const TAUGHT: [usize; 4] = [0, 1, 2, 4];
const UNTAUGHT: usize = 3;

/// An item there: the network sees its traits, and draws any conclusion from them.
fn seen(label: usize, random: &mut fastrand::Rng) -> Embedded {
    let mut seen = shown(label, random);
    seen.logits = (0..IDS.len()).map(|at| if at == UNTAUGHT { 0.0 } else { 8.0 * random.f32() }).collect();
    seen
}

/// An item in a place like those of the training set.
fn as_trained(label: usize, random: &mut fastrand::Rng) -> Embedded {
    let mut embedding = centre(label);
    embedding.iter_mut().for_each(|value| *value += random.f32() * 1.6 - 0.8);
    Embedded { logits: logits(&embedding), embedding }
}

fn fitted(seen: impl Fn(usize, &mut fastrand::Rng) -> Embedded, each: usize) -> Fitted {
    let bundle = bundle();
    let (mut random, mut taught) = (fastrand::Rng::with_seed(5), Taught::new(&bundle).unwrap());
    for label in TAUGHT {
        for number in 0..each {
            taught.add(label, &format!("{label}/{number}"), &[seen(label, &mut random)]).unwrap();
        }
    }
    fit(&taught, &bundle).unwrap()
}

fn found_of(site: &crate::identify::SiteHead, labels: &[usize]) -> f64 {
    let mut random = fastrand::Rng::with_seed(78);
    let mut right = 0;
    for label in labels {
        right += (0..200).filter(|_| found(site, &seen(*label, &mut random)) == *label).count();
    }
    right as f64 / (200 * labels.len()) as f64
}

#[test]
fn what_was_shown_counts_more_than_a_network_that_errs() {
    let fitted = fitted(seen, 5);
    assert!(fitted.report.trust < 1.0 && fitted.site.trust < 1.0, "{}", fitted.report.trust);
    let right = found_of(&fitted.site, &TAUGHT);
    assert!(right > 0.9, "{right}");
    let (before, after) = (share(None, &[UNTAUGHT]), share(Some(&fitted.site), &[UNTAUGHT]));
    assert!(after >= before, "what nobody taught keeps the network's word: {before} -> {after}");
}

#[test]
fn few_items_do_not_make_the_network_doubted_nor_do_places_where_it_is_right() {
    assert_eq!(fitted(seen, 4).report.trust, 1.0);
    for each in [5, 20] {
        assert_eq!(fitted(as_trained, each).report.trust, 1.0, "{each}");
    }
}
