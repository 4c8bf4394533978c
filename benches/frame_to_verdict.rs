//! The tight loop: detect, identify and judge on one frame, and everything from the camera's bytes to the verdict.

#![allow(clippy::print_stdout, reason = "how many frames the last figure is about")]

use std::hint::black_box;
use std::ops::Range;
use std::time::Duration;

use bunri::capture::Frame;
use bunri::capture::jpeg::{self, JpegDecoder};
use bunri::clock::{Moment, SystemClock};
use bunri::config::Config;
use bunri::daemon::{Sorter, judge_settings, view};
use bunri::detect::Background;
use bunri::identify::Identifier;
use bunri::judge::{Action, Input, Judge, Movement, Settings, StateName};
use criterion::measurement::Measurement;
use criterion::{BenchmarkGroup, Criterion};

use super::support::{self, Camera, FRAME, ThreadTime};

type Group<'a> = BenchmarkGroup<'a, ThreadTime>;

/// Frames of the can's clip: before it falls, and when it lies still.
const EMPTY: Range<u32> = 4..12;
const STILL: Range<u32> = 50..58;

/// What a sorter is made of, again and again.
struct Rig {
    config: Config,
    chamber: Background,
    empty: Vec<Frame>,
    still: Vec<Frame>,
}

impl Rig {
    /// A sorter that has an empty chamber before it, and waits.
    fn waiting(&self, settings: Settings, identifier: Identifier) -> (Sorter, Camera) {
        let mut camera = Camera::new(self.empty.clone());
        let judge = Judge::new(settings, None, Moment::from_millis(0));
        let mut sorter = Sorter::new(view(&self.config), Some(self.chamber.clone()), identifier, judge);
        while sorter.judge().state() != StateName::Empty {
            let (frame, now) = camera.next();
            let looked = sorter.frame(frame, now, &SystemClock).unwrap();
            if looked.actions.contains(&Action::Home) {
                sorter.input(Input::Movement(Movement::Homed), now);
            }
        }
        (sorter, camera)
    }

    /// A sorter that will take its first vote about the can with the next frame.
    fn about_to_vote(&self, settings: Settings, identifier: Identifier) -> (Sorter, Camera) {
        let (mut sorter, mut camera) = self.waiting(settings, identifier);
        camera.point_at(self.still.clone());
        loop {
            let (frame, now) = camera.next();
            let looked = sorter.frame(frame, now, &SystemClock).unwrap();
            if sorter.judge().wants_look(&looked.presence, now + FRAME) {
                return (sorter, camera);
            }
        }
    }
}

pub(super) fn bench(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("frame to verdict");
    let config = support::config();
    let rig = Rig {
        chamber: support::empty_chamber(&config),
        empty: support::frames("can", EMPTY),
        still: support::frames("can", STILL),
        config,
    };
    let identifier = bench_frames(&mut group, &rig, support::identifier(&rig.config));
    bench_drop(&mut group, &rig, identifier);
    group.finish();
}

/// The still frames as a camera would send them.
fn pictures(rig: &Rig) -> Vec<Vec<u8>> {
    let encoded = rig.still.iter().map(|frame| {
        let mut picture = Vec::new();
        jpeg::encode(frame, 90, &mut picture).unwrap();
        picture
    });
    encoded.collect()
}

/// One frame at a time: of the empty chamber, as most are, and of an item that is voted about.
fn bench_frames(group: &mut Group<'_>, rig: &Rig, identifier: Identifier) -> Identifier {
    let mut settings = judge_settings(&rig.config, identifier.head());
    let (mut sorter, mut camera) = rig.waiting(settings.clone(), identifier);
    group.bench_function("empty frame", |bencher| {
        bencher.iter(|| {
            let (frame, now) = camera.next();
            sorter.frame(black_box(frame), now, &SystemClock).unwrap()
        });
    });
    assert_eq!(sorter.judge().state(), StateName::Empty);

    // A judge that is never satisfied votes on every frame.
    (settings.rules.votes_least, settings.rules.votes_most) = (u32::MAX, u32::MAX);
    settings.timing.vote_limit = Duration::MAX;
    let (mut sorter, mut camera) = rig.about_to_vote(settings, sorter.into_identifier());
    group.bench_function("settled frame", |bencher| {
        bencher.iter(|| {
            let (frame, now) = camera.next();
            sorter.frame(black_box(frame), now, &SystemClock).unwrap()
        });
    });

    let pictures = pictures(rig);
    let mut pictures = pictures.iter().cycle();
    let mut decoder = JpegDecoder::new(rig.config.calibration.width, rig.config.calibration.height);
    let mut decoded = Frame::default();
    group.bench_function("settled frame from its jpeg", |bencher| {
        bencher.iter(|| {
            let (_, now) = camera.next();
            decoder.decode(black_box(pictures.next().unwrap()), &mut decoded).unwrap();
            sorter.frame(&decoded, now, &SystemClock).unwrap()
        });
    });
    sorter.into_identifier()
}

/// All frames of one item from the first vote to the verdict, without the time between them.
fn bench_drop(group: &mut Group<'_>, rig: &Rig, identifier: Identifier) {
    let settings = judge_settings(&rig.config, identifier.head());
    let pictures = pictures(rig);
    let mut decoder = JpegDecoder::new(rig.config.calibration.width, rig.config.calibration.height);
    let mut decoded = Frame::default();
    let (mut identifier, mut votes) = (Some(identifier), 0);
    group.bench_function("settled item to verdict, from jpegs", |bencher| {
        bencher.iter_custom(|drops| {
            let mut spent = Duration::ZERO;
            for _ in 0..drops {
                let network = identifier.take().unwrap();
                let (mut sorter, mut camera) = rig.about_to_vote(settings.clone(), network);
                let started = ThreadTime.start();
                let action = pictures.iter().cycle().find_map(|picture| {
                    let (_, now) = camera.next();
                    decoder.decode(black_box(picture), &mut decoded).unwrap();
                    sorter.frame(&decoded, now, &SystemClock).unwrap().actions.pop()
                });
                spent += ThreadTime.end(started);
                let Some(Action::RecordIntent(verdict)) = action else { unreachable!("{action:?}") };
                votes = verdict.votes;
                identifier = Some(sorter.into_identifier());
            }
            spent
        });
    });
    if votes > 0 {
        println!("the verdict took {votes} votes");
    }
}
