//! A stream whose label the network has, but hardly learnt: its logit never comes up, as of foam in the shipped bundle.

use super::*;

const FOAM: usize = 3;
const ALL: [usize; 4] = [0, 1, 2, FOAM];

/// An item as that network sees it.
fn seen(label: usize, random: &mut fastrand::Rng) -> Embedded {
    let mut seen = shown(label, random);
    seen.logits[FOAM] = 0.2 * seen.logits[FOAM] - 3.0;
    seen
}

fn hardly_trained() -> Bundle {
    let mut bundle = bundle();
    let mut statistics = Statistics::clone(bundle.statistics.as_ref().unwrap());
    // Three pictures, whose mean lies anywhere.
    statistics.counts[FOAM] = 3.0;
    statistics.means[FOAM * WIDTH..(FOAM + 1) * WIDTH].fill(1.0);
    bundle.statistics = Some(Arc::new(statistics));
    bundle
}

/// Share of fresh items of these labels that are found, by a head or by the network alone.
fn found_of(site: Option<&crate::identify::SiteHead>, labels: &[usize]) -> f64 {
    let mut random = fastrand::Rng::with_seed(77);
    let mut right = 0;
    for label in labels {
        for _ in 0..150 {
            let seen = seen(*label, &mut random);
            let alone = (0..IDS.len())
                .fold(0, |best, at| if seen.logits[at] > seen.logits[best] { at } else { best });
            right += usize::from(site.map_or(alone, |site| found(site, &seen)) == *label);
        }
    }
    right as f64 / (150 * labels.len()) as f64
}

fn taught_of(bundle: &Bundle, each: usize) -> crate::identify::SiteHead {
    let mut random = fastrand::Rng::with_seed(5);
    let mut taught = Taught::new(bundle).unwrap();
    for label in ALL {
        for number in 0..each {
            taught.add(label, &format!("{label}/{number}"), &[seen(label, &mut random)]).unwrap();
        }
    }
    fit(&taught, bundle).unwrap().site
}

#[test]
fn it_is_taught_as_well_as_the_others() {
    let bundle = hardly_trained();
    assert_eq!(found_of(None, &[FOAM]), 0.0, "the network never says it");
    for (each, least) in [(5, 0.85), (20, 0.93)] {
        let site = taught_of(&bundle, each);
        let (foam, all) = (found_of(Some(&site), &[FOAM]), found_of(Some(&site), &ALL));
        println!("{each} items: foam {foam}, all {all}");
        assert!(foam >= least && all >= least, "{each}: foam {foam}, all {all}");
    }
}
