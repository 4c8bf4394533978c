//! Clips: what is refused at opening, what is played, and when.

use std::fs;
use std::time::Duration;

use bunri::capture::replay::{Clip, Loops, Pace, ReplayOptions, ReplaySource};
use bunri::capture::{CaptureError, Frame, FrameSource, Next, PixelFormat};
use bunri::clock::{Clock, Moment, SimClock};
use bunri::streams::Stream;

use super::support::{Clips, HEIGHT, WIDTH, fast, grey, greys, plain, play, replay, write_picture};

const TWO_ITEMS: &str = r#"
fps = 20
frames = 12

[[item]]
stream = "can"
first_frame = 2
last_frame = 4

[[item]]
stream = "general"
first_frame = 6
last_frame = 11
reason = "two_items"
"#;

fn problems(error: CaptureError) -> Vec<(String, String)> {
    assert!(!error.is_transient());
    match error {
        CaptureError::Clips(problems) => {
            problems.into_iter().map(|found| (found.path.display().to_string(), found.what)).collect()
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_clip_is_read_with_its_truth() {
    let clips = Clips::new();
    let path = clips.add("cans", TWO_ITEMS, &[(0, 10), (2, 90), (5, 10)]);
    fs::write(path.join("README.md"), "not a picture").unwrap();
    let (source, _) = replay(&[path], fast());

    let clip = &source.clips()[0];
    assert_eq!((&*clip.name, clip.frames, clip.fps), ("cans", 12, 20.0));
    assert_eq!((clip.width, clip.height), (WIDTH, HEIGHT));
    assert_eq!((clip.items[0].stream, clip.items[0].reason.as_deref()), (Stream::Can, None));
    assert_eq!((clip.items[1].last_frame, clip.items[1].reason.as_deref()), (11, Some("two_items")));
    let mode = source.describe().mode;
    assert_eq!((mode.format, mode.width, mode.rate_hz), (PixelFormat::Mjpeg, WIDTH, 20.0));
}

#[test]
fn without_a_length_the_last_picture_is_the_end() {
    let clips = Clips::new();
    let path = clips.add("short", "fps = 10", &[(0, 10), (3, 90)]);
    let (mut source, _) = replay(&[path], fast());
    assert_eq!(source.clips()[0].frames, 4);
    assert_eq!(greys(&play(&mut source).0), [10, 10, 10, 90]);
}

#[test]
fn every_problem_of_every_clip_is_reported_with_its_path() {
    let clips = Clips::new();
    let bad = r#"
fps = 0
frames = 5
[[item]]
stream = "cans"
first_frame = 0
last_frame = 1
[[item]]
stream = "can"
first_frame = 3
last_frame = 1
[[item]]
stream = "glass"
first_frame = 4
last_frame = 9
[[item]]
stream = "paper"
first_frame = 7
last_frame = 8
"#;
    let path = clips.add("bad", bad, &[(1, 10), (2, 10), (6, 10)]);
    write_picture(&path, 2, &plain(32, 32, 10));
    let missing = clips.path("missing");
    let found = problems(Clip::open_all(&[&path, &missing]).unwrap_err());

    let expected = [
        ("bad/clip.toml", "fps is 0"),
        ("bad", "no frame 0"),
        ("bad/clip.toml", "picture with number 6"),
        ("bad/clip.toml", "item 1: unknown stream `cans`"),
        ("bad/clip.toml", "item 2: first_frame 3 is after last_frame 1"),
        ("bad/clip.toml", "item 3: last_frame 9 is past the end, frame 4"),
        ("bad/clip.toml", "item 4: last_frame 8 is past the end"),
        ("bad/clip.toml", "4-9 and 7-8 overlap"),
        ("bad", "frame 2: the picture is 32x32 instead of 64x48"),
        ("missing/clip.toml", "a clip is a folder"),
    ];
    for (path, what) in expected {
        let hit = found.iter().any(|(at, text)| at.ends_with(path) && text.contains(what));
        assert!(hit, "no `{what}` at {path} in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn unknown_keys_and_missing_pictures_are_named() {
    let clips = Clips::new();
    let typo = clips.add("typo", "fps = 10\nframe = 3", &[(0, 10)]);
    let item = "fps = 10\n[[item]]\nstream = \"can\"\nfirst_frame = 0\nlast_frame = 0\nweight = 1";
    let weight = clips.add("weight", item, &[(0, 10)]);
    let empty = clips.add("empty", "fps = 10", &[]);
    let broken = clips.add("broken", "fps = 10", &[]);
    write_picture(&broken, 0, b"not a picture");
    let found = problems(Clip::open_all(&[typo, weight, empty, broken]).unwrap_err());
    for (index, what) in
        ["line 2: unknown field `frame`", "line 6: unknown field `weight`", "no numbered", "none of its"]
            .into_iter()
            .enumerate()
    {
        assert!(found[index].1.contains(what), "{what}: {found:#?}");
    }
    assert_eq!(found.len(), 4);
}

#[test]
fn clips_of_one_replay_have_one_size_and_there_is_at_least_one() {
    let clips = Clips::new();
    let first = clips.add("first", "fps = 10", &[(0, 10)]);
    let other = clips.add("other", "fps = 10", &[]);
    write_picture(&other, 0, &plain(32, 32, 10));
    let found = problems(Clip::open_all(&[first, other]).unwrap_err());
    assert!(found[0].1.contains("32x32") && found[0].1.contains("`first` 64x48"), "{found:?}");
    assert_eq!(problems(Clip::open_all::<&str>(&[]).unwrap_err()).len(), 1);
}

#[test]
fn options_out_of_range_are_refused() {
    let clips = Clips::new();
    let path = clips.add("one", "fps = 10", &[(0, 10)]);
    let bad = [
        ReplayOptions { noise_sigma: -1.0, ..fast() },
        ReplayOptions { noise_sigma: f64::NAN, ..fast() },
        ReplayOptions { drift_amplitude: 0.9, ..fast() },
        ReplayOptions { drift_amplitude: 0.1, drift_period: Duration::ZERO, ..fast() },
        ReplayOptions { dropped_probability: 1.0, ..fast() },
        ReplayOptions { truncated_probability: 1.5, ..fast() },
        ReplayOptions { loops: Loops::Times(0), ..fast() },
    ];
    for options in bad {
        let clips = Clip::open_all(&[&path]).unwrap();
        let refused = ReplaySource::new(clips, options, std::sync::Arc::new(SimClock::new(0)));
        assert!(matches!(refused, Err(CaptureError::Option { .. })), "accepted {options:?}");
    }
}

#[test]
fn pictures_are_held_and_time_passes_by_exactly_one_frame() {
    let clips = Clips::new();
    let path = clips.add("cans", TWO_ITEMS, &[(0, 10), (2, 90), (5, 10), (6, 200)]);
    let (mut source, clock) = replay(&[path], ReplayOptions { loops: Loops::Times(2), ..fast() });
    let (frames, refused) = play(&mut source);

    let once = [10, 10, 90, 90, 90, 10, 200, 200, 200, 200, 200, 200];
    assert_eq!(greys(&frames), [once, once].concat());
    assert_eq!(refused, 0);
    for (index, frame) in frames.iter().enumerate() {
        assert_eq!(frame.captured_at, Moment::from_millis(50 * index as u64));
        assert_eq!(frame.sequence, index as u64 + 1);
    }
    assert_eq!(clock.now(), frames[frames.len() - 1].captured_at);
    assert_eq!(source.next(&mut Frame::default()).unwrap(), Next::End, "the end stays the end");
}

#[test]
fn the_truth_counts_an_item_once_its_last_frame_is_over() {
    let clips = Clips::new();
    let path = clips.add("cans", TWO_ITEMS, &[(0, 10)]);
    let other = clips.add("empty", "fps = 10\nframes = 2", &[(0, 10)]);
    let (mut source, _) = replay(&[path, other], ReplayOptions { loops: Loops::Times(2), ..fast() });
    let truth = source.truth();
    let mut frame = Frame::default();
    let mut seen = Vec::new();
    while source.next(&mut frame).unwrap() == Next::Frame {
        let at = truth.position();
        seen.push((at.clip.to_string(), at.pass, at.frame, at.item, truth.played().total));
    }
    let at = |index: usize| {
        let (clip, pass, frame, item, played) = &seen[index];
        (clip.as_str(), *pass, *frame, *item, *played)
    };
    assert_eq!(at(0), ("cans", 0, 0, None, 0));
    assert_eq!(at(2), ("cans", 0, 2, Some(0), 0));
    assert_eq!(at(4), ("cans", 0, 4, Some(0), 0));
    assert_eq!(at(5), ("cans", 0, 5, None, 1));
    assert_eq!(at(11), ("cans", 0, 11, Some(1), 1));
    assert_eq!(at(12), ("empty", 0, 0, None, 2));
    assert_eq!(at(14), ("cans", 1, 0, None, 2));
    assert_eq!(truth.position().clip_started_at, Moment::from_millis(2 * 600 + 200));
    let played = truth.played();
    assert_eq!(played.total, 4);
    assert_eq!(played.per_stream[Stream::Can.index()], 2);
    assert_eq!(played.per_stream[Stream::General.index()], 2);
    assert!(truth.has_ended());
}

#[test]
fn an_endless_replay_ends_after_the_clip_in_which_it_was_asked_to() {
    let clips = Clips::new();
    let paths = [clips.add("first", TWO_ITEMS, &[(0, 10)]), clips.add("second", TWO_ITEMS, &[(0, 90)])];
    let (mut source, _) = replay(&paths, ReplayOptions { loops: Loops::Forever, ..fast() });
    let mut frame = Frame::default();
    for _ in 0..24 + 3 {
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
    }
    source.truth().finish_after_current_clip();
    assert!(!source.truth().has_ended());
    let (rest, _) = play(&mut source);
    assert_eq!(greys(&rest), [10; 9]);
    assert_eq!(source.truth().played().total, 6);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let clips = Clips::new();
    let path = clips.add("cans", TWO_ITEMS, &[(0, 60), (2, 90)]);
    let options = ReplayOptions {
        loops: Loops::Times(3),
        seed: 7,
        noise_sigma: 2.5,
        drift_amplitude: 0.1,
        drift_period: Duration::from_secs(1),
        dropped_probability: 0.2,
        truncated_probability: 0.2,
        ..fast()
    };
    let run = |options| play(&mut replay(std::slice::from_ref(&path), options).0);
    let key = |frames: &[Frame]| -> Vec<(Moment, Vec<u8>)> {
        frames.iter().map(|frame| (frame.captured_at, frame.pixels.clone())).collect()
    };
    let (frames, refused) = run(options);
    assert!(refused > 0 && frames.len() as u64 + refused < 36, "{} and {refused}", frames.len());
    let (again, refused_again) = run(options);
    assert_eq!((key(&frames), refused), (key(&again), refused_again));
    assert_ne!(key(&frames), key(&run(ReplayOptions { seed: 8, ..options }).0));

    // What is dropped and cut does not depend on the noise, nor the noise on what is dropped.
    let quiet = run(ReplayOptions { noise_sigma: 0.0, ..options });
    let stamps = |frames: &[Frame]| frames.iter().map(|frame| frame.captured_at).collect::<Vec<_>>();
    assert_eq!(stamps(&quiet.0), stamps(&frames));
    let whole = run(ReplayOptions { dropped_probability: 0.0, truncated_probability: 0.0, ..options }).0;
    assert_eq!(whole.len(), 36);
    for frame in &frames {
        let same = whole.iter().find(|other| other.captured_at == frame.captured_at).unwrap();
        assert!(same.pixels == frame.pixels, "the frame at {} differs", frame.captured_at);
    }
}

#[test]
fn cut_frames_go_through_the_decoder_and_are_counted() {
    let clips = Clips::new();
    let path = clips.add("long", "fps = 50\nframes = 400", &[(0, 60)]);
    let (mut source, _) = replay(&[path], ReplayOptions { truncated_probability: 0.25, ..fast() });
    let (frames, refused) = play(&mut source);
    assert_eq!(frames.len() as u64 + refused, 400);
    assert_eq!(source.refused(), refused);
    assert!((60..140).contains(&refused), "a quarter of 400 was to be cut, not {refused}");
    assert!(frames.iter().all(|frame| grey(frame) == 60));
    assert!(frames.iter().zip(1..).all(|(frame, sequence)| frame.sequence == sequence));
}

#[test]
fn a_damaged_picture_is_refused_once_and_the_last_good_one_of_its_clip_stays() {
    let clips = Clips::new();
    let path = clips.add("damaged", "fps = 10\nframes = 6", &[(0, 10), (4, 200)]);
    let mut cut = plain(WIDTH, HEIGHT, 90);
    cut.truncate(cut.len() / 2);
    write_picture(&path, 2, &cut);
    let late = clips.add("late", "fps = 10", &[(2, 120)]);
    write_picture(&late, 0, b"garbage");
    let (mut source, _) = replay(&[path, late], ReplayOptions { loops: Loops::Times(2), ..fast() });
    let (frames, refused) = play(&mut source);

    let once = [10, 10, 10, 200, 200, 120];
    assert_eq!(greys(&frames), [once, once].concat());
    assert_eq!(refused, 2 * 3);
    let stamps: Vec<u64> = frames.iter().map(|frame| frame.captured_at.as_millis()).collect();
    assert_eq!(stamps[..6], [0, 100, 300, 400, 500, 800], "the time of bad pictures passes");
}

#[test]
fn in_real_time_frames_come_when_due_and_a_late_reader_finds_a_gap() {
    let clips = Clips::new();
    let pictures: Vec<(u32, u8)> = (0..40).map(|number| (number, 5 * number as u8)).collect();
    let path =
        clips.add("ramp", "fps = 20\n[[item]]\nstream = \"can\"\nfirst_frame = 4\nlast_frame = 5", &pictures);
    let real_time = ReplayOptions { pace: Pace::RealTime, ..ReplayOptions::default() };
    let (mut source, clock) = replay(&[path], real_time);
    clock.advance(Duration::from_millis(1234));
    let mut next = || {
        let mut frame = Frame::default();
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        (grey(&frame) / 5, frame.sequence, frame.captured_at.as_millis() - 1234)
    };
    assert_eq!(next(), (0, 1, 0));
    assert_eq!(next(), (1, 2, 50));
    clock.advance(Duration::from_millis(30)); // within the interval: nothing is lost
    assert_eq!(next(), (2, 3, 100));
    clock.advance(Duration::from_millis(260)); // at 360: frames 3 to 6 are gone, 7 is the newest
    assert_eq!(next(), (7, 8, 360));
    assert_eq!(next(), (8, 9, 400));
    clock.advance(Duration::from_secs(3600)); // suspended: the scene waits
    assert_eq!(next(), (9, 10, 3_600_400));
    assert_eq!(next(), (10, 11, 3_600_450));
    assert_eq!(source.truth().played().total, 1, "an item that was skipped was played all the same");
}
