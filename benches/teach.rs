//! teach: a refit of twenty items of each of nine streams, with every item left out in turn; what the head costs after it.
#![allow(clippy::print_stdout, reason = "how large the file is")]

use std::hint::black_box;

use bunri::identify::{Embedded, Head};
use bunri::teach::{Store, Taught, fit};
use criterion::Criterion;

use super::support::{self, ThreadTime};

const ITEMS: usize = 20;

pub(super) fn bench(criterion: &mut Criterion<ThreadTime>) {
    let bundle = support::identifier(&support::config()).bundle().clone();
    let statistics = bundle.statistics.clone().unwrap();
    let mut taught = Taught::new(&bundle).unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    for label in (0..bundle.manifest.labels.len()).filter(|label| !bundle.manifest.labels[*label].unknown) {
        for number in 0..ITEMS {
            let spread = |variance: &f32| (random.f32() - 0.5) * 6.0 * variance.sqrt();
            let noise: Vec<f32> = statistics.diagonal.iter().map(spread).collect();
            let mean = statistics.mean(label).unwrap();
            let embedding = mean.iter().zip(noise).map(|(mean, noise)| (mean + noise).max(0.0)).collect();
            // The network is right about four of five.
            let says = if number % 5 == 0 { (label + 1) % 9 } else { label };
            let logits =
                (0..bundle.manifest.labels.len()).map(|other| f32::from(u8::from(other == says)) * 4.0);
            taught.add(label, "item", &[Embedded { logits: logits.collect(), embedding }]).unwrap();
        }
    }
    let mut group = criterion.benchmark_group("teach");
    group.sample_size(10);
    group.bench_function("refit 20 of each of nine", |bencher| {
        bencher.iter(|| fit(black_box(&taught), &bundle).unwrap());
    });
    let site = fit(&taught, &bundle).unwrap().site;
    let item = &taught.items()[0];
    for (name, site) in [("head of the bundle", None), ("head with what was taught", Some(&site))] {
        let head = Head::taught(&bundle, site).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| head.judge(black_box(&item.logits), black_box(&item.embedding)));
        });
    }
    let folder = tempfile::tempdir().unwrap();
    let file = Store::of(folder.path()).apply(&site).unwrap();
    println!("teach/site file: {} bytes", file.metadata().unwrap().len());
    group.finish();
}
