//! identify: one look at the square around an item, and its two halves.

use std::hint::black_box;
use std::time::Duration;

use bunri::clock::SystemClock;
use bunri::detect::Region;
use bunri::identify::{Layout, Resizer};
use criterion::Criterion;
use criterion::measurement::Measurement;

use super::support::{self, ThreadTime};

/// About the square that the sorter puts around the can of the clips.
const ITEM: Region = Region { x: 200, y: 100, width: 260, height: 260 };
/// The largest there is: the shorter side of the demo's chamber.
const CHAMBER: Region = Region { x: 112, y: 32, width: 424, height: 424 };

pub(super) fn bench(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("identify");
    let config = support::config();
    let frame = support::frames("can", 50..51).remove(0);
    let mut identifier = support::identifier(&config);
    let spec = identifier.bundle().manifest.model.clone();
    assert_eq!(spec.layout, Layout::Nhwc);
    let mut input = vec![0; spec.width as usize * spec.height as usize * 3];
    let mut resizer = Resizer::default();

    for (name, region) in [("resize item", ITEM), ("resize chamber", CHAMBER)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| resizer.fill(black_box(&frame), region, &spec, &mut input).unwrap());
        });
    }
    // The network cannot be run without its input: a look less the same resizing.
    group.bench_function("network", |bencher| {
        bencher.iter_custom(|looks| {
            let mut network = Duration::ZERO;
            for _ in 0..looks {
                let started = ThreadTime.start();
                resizer.fill(black_box(&frame), ITEM, &spec, &mut input).unwrap();
                let resizing = ThreadTime.end(started);
                let started = ThreadTime.start();
                black_box(identifier.identify(&frame, ITEM, &SystemClock).unwrap());
                network += ThreadTime.end(started).saturating_sub(resizing);
            }
            network
        });
    });
    group.bench_function("whole", |bencher| {
        bencher.iter(|| identifier.identify(black_box(&frame), ITEM, &SystemClock).unwrap());
    });
    group.finish();
}
