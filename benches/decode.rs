//! capture: one 640x480 picture as the camera sends it -> RGB.

use std::hint::black_box;

use bunri::capture::{Frame, jpeg, yuyv};
use criterion::Criterion;

use super::support::{self, ThreadTime};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

pub(super) fn bench(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("decode");
    let mut frame = Frame::black(WIDTH, HEIGHT);

    let picture = support::picture("can", 41);
    let mut decoder = jpeg::JpegDecoder::new(WIDTH, HEIGHT);
    group.bench_function("jpeg of a clip", |bencher| {
        bencher.iter(|| decoder.decode(black_box(&picture), &mut frame).unwrap());
    });

    // Cameras compress less than the clips do, and their noise has to be coded too.
    let noisy = support::frames("can", 41..42).remove(0);
    let mut picture = Vec::new();
    jpeg::encode(&noisy, 90, &mut picture).unwrap();
    group.bench_function("jpeg with noise", |bencher| {
        bencher.iter(|| decoder.decode(black_box(&picture), &mut frame).unwrap());
    });

    let mut random = fastrand::Rng::with_seed(1);
    let picture: Vec<u8> = (0..WIDTH * HEIGHT * 2).map(|_| random.u8(16..235)).collect();
    group.bench_function("yuyv", |bencher| {
        bencher.iter(|| yuyv::to_rgb(black_box(&picture), WIDTH, HEIGHT, &mut frame).unwrap());
    });
    group.finish();
}
