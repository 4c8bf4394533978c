//! detect: the step that runs on every frame for ever.

use std::hint::black_box;

use bunri::detect::{Detector, Presence};
use criterion::Criterion;

use super::support::{self, Camera, ThreadTime};

/// A name, the clip, its first frame, and what the detector must make of it.
type Scene = (&'static str, &'static str, u32, fn(&Presence) -> bool);

const SCENES: [Scene; 3] = [
    ("empty", "can", 4, Presence::is_empty),
    ("item", "can", 50, |seen| seen.is_still() && seen.occupied),
    ("hand", "hand", 45, |seen| seen.hand),
];

pub(super) fn bench(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("detect");
    let config = support::config();
    let chamber = support::empty_chamber(&config);
    for (name, clip, first, is_right) in SCENES {
        let mut camera = Camera::new(support::frames(clip, first..first + 8));
        let mut detector = Detector::new(config.calibration.detect.clone(), Some(chamber.clone()));
        // The first frames have nothing to be compared with.
        for _ in 0..8 {
            let (frame, now) = camera.next();
            detector.step(frame, now);
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (frame, now) = camera.next();
                detector.step(black_box(frame), now)
            });
        });
        let (frame, now) = camera.next();
        let seen = detector.step(frame, now);
        assert!(is_right(&seen), "{name}: {seen:?}");
    }
    group.finish();
}
