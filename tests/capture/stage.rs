//! The capture thread against sources that fail.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bunri::capture::newest::{self, Reader};
use bunri::capture::stage::{self, Context, End, State, Status};
use bunri::capture::{CaptureError, Description, Frame, FrameSource, Mode, Next, PixelFormat, Refusal};
use bunri::clock::{Clock, Moment, SimClock};

use super::support::{Clips, fast, replay};

/// What a scripted camera does at one call.
#[derive(Clone, Copy)]
enum Act {
    Good,
    Bad,
    Lost,
    Stop,
}

/// A camera that follows a script at 10 frames a second.
struct Scripted {
    script: VecDeque<Act>,
    clock: Arc<SimClock>,
    stop: Arc<AtomicBool>,
    description: Description,
    sequence: u64,
}

impl FrameSource for Scripted {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        self.clock.advance(Duration::from_millis(100));
        match self.script.pop_front() {
            Some(Act::Good) => {
                self.sequence += 1;
                frame.sequence = self.sequence;
                frame.captured_at = self.clock.now();
                Ok(Next::Frame)
            }
            Some(Act::Bad) => Ok(Next::Refused(Refusal::NotJpeg)),
            Some(Act::Lost) => Err(lost()),
            Some(Act::Stop) => {
                self.stop.store(true, SeqCst);
                Ok(Next::Refused(Refusal::NotJpeg))
            }
            None => Ok(Next::End),
        }
    }

    fn describe(&self) -> &Description {
        &self.description
    }
}

fn lost() -> CaptureError {
    CaptureError::Lost { device: "/dev/video7".to_owned(), why: "No such device (os error 19)".to_owned() }
}

fn absent() -> CaptureError {
    CaptureError::NoDevice { asked: "chamber".to_owned(), present: "there is no camera at all".to_owned() }
}

/// One opening: an error, or what the opened camera does.
type Opening = Result<Vec<Act>, CaptureError>;

struct Run {
    clock: Arc<SimClock>,
    status: Status,
    reader: Reader,
    opened_at: Vec<Moment>,
    states: Vec<State>,
    beats: u64,
    end: Result<End, CaptureError>,
}

/// Runs the stage over openings; a further opening stops it.
fn run(openings: Vec<Opening>) -> Run {
    let clock = Arc::new(SimClock::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let status = Status::default();
    let (mut writer, reader) = newest::channel(8, 8);
    let (mut opened_at, states) = (Vec::new(), Mutex::new(Vec::new()));
    let beats = AtomicU64::new(0);
    let mut openings = VecDeque::from(openings);
    let mut open = || {
        opened_at.push(clock.now());
        states.lock().unwrap().push(status.state());
        let Some(opening) = openings.pop_front() else {
            stop.store(true, SeqCst);
            return Err(absent());
        };
        let mode = Mode { format: PixelFormat::Mjpeg, width: 8, height: 8, rate_hz: 10.0 };
        opening.map(|script| {
            Box::new(Scripted {
                script: script.into(),
                clock: Arc::clone(&clock),
                stop: Arc::clone(&stop),
                description: Description { name: "scripted".to_owned(), mode, requested: None },
                sequence: 0,
            }) as Box<dyn FrameSource>
        })
    };
    let end = stage::run(
        &mut open,
        &mut writer,
        &Context {
            clock: Arc::clone(&clock) as _,
            stop: &stop,
            heartbeat: &|_| {
                beats.fetch_add(1, SeqCst);
            },
            status: &status,
        },
    );
    let states = states.into_inner().unwrap();
    Run { clock, status, reader, opened_at, states, beats: beats.into_inner(), end }
}

fn newest(run: &mut Run) -> Option<(u64, Moment)> {
    run.reader.latest(Duration::ZERO).map(|frame| (frame.sequence, frame.captured_at))
}

#[test]
fn a_lost_camera_is_opened_again_and_numbers_go_on() {
    let mut script = vec![Act::Good; 5];
    script.push(Act::Lost);
    let mut run = run(vec![Ok(script), Err(absent()), Ok(vec![Act::Good, Act::Bad, Act::Good, Act::Stop])]);

    assert_eq!(run.end.as_ref().unwrap(), &End::Stopped);
    assert_eq!(run.status.frames(), 7);
    assert_eq!(run.status.refused(), 2);
    let (sequence, captured_at) = newest(&mut run).unwrap();
    assert_eq!(sequence, 7, "a reopened camera starts at 1, the stage does not");
    assert_eq!(run.status.last_good(), Some(captured_at));
    assert!(run.clock.now() > captured_at);
    assert_eq!(run.status.state(), State::Ended);

    assert_eq!(run.states[0], State::Opening);
    let since = Moment::from_millis(600);
    assert!(
        matches!(&run.states[1], State::Lost { since: at, why } if *at == since && why.contains("video7")),
        "{:?}",
        run.states[1]
    );
    assert!(
        matches!(&run.states[2], State::Lost { since: at, why } if *at == since && why.contains("chamber")),
        "a loss began when it began: {:?}",
        run.states[2]
    );
}

#[test]
fn pauses_grow_to_a_second_and_the_heart_beats_on() {
    let run = run((0..8).map(|_| Err(absent())).collect());
    let pauses: Vec<u64> =
        run.opened_at.windows(2).map(|pair| pair[1].since(pair[0]).as_millis() as u64).collect();
    assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000, 1000, 1000]);
    assert!(run.beats >= run.clock.now().as_millis() / 50, "{} beats", run.beats);
    assert_eq!(run.status.last_good(), None);
    assert_eq!(run.end.unwrap(), End::Stopped);
}

#[test]
fn a_good_frame_ends_a_loss_and_the_next_one_is_a_new_one() {
    let good = || Ok(vec![Act::Good, Act::Lost]);
    let run = run(vec![Err(absent()), Err(absent()), Err(absent()), good(), good()]);
    let times: Vec<u64> = run.opened_at.iter().map(|at| at.as_millis()).collect();
    assert_eq!(times, [0, 100, 300, 700, 1000, 1300], "the pauses are short again");
    let since = |state: &State| match state {
        State::Lost { since, .. } => since.as_millis(),
        other => panic!("{other:?}"),
    };
    assert_eq!(run.states[1..].iter().map(since).collect::<Vec<_>>(), [0, 0, 0, 900, 1200]);
}

#[test]
fn a_camera_that_opens_but_gives_nothing_does_not_shorten_the_pauses() {
    let run = run((0..5).map(|_| Ok(vec![Act::Bad, Act::Lost])).collect());
    let pauses: Vec<u64> =
        run.opened_at.windows(2).map(|pair| pair[1].since(pair[0]).as_millis() as u64).collect();
    assert_eq!(pauses, [300, 400, 600, 1000, 1200]);
}

#[test]
fn the_rate_is_measured_while_streaming() {
    let mut script = vec![Act::Good; 25];
    script.push(Act::Lost);
    let clock = Arc::new(SimClock::new(0));
    let status = Status::default();
    let (mut writer, _reader) = newest::channel(8, 8);
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Mutex::new(Vec::new());
    let mut script = Some(script);
    let mut open = || {
        let Some(script) = script.take() else {
            stop.store(true, SeqCst);
            return Err(absent());
        };
        let mode = Mode { format: PixelFormat::Yuyv, width: 8, height: 8, rate_hz: 10.0 };
        let (clock, stop) = (Arc::clone(&clock), Arc::clone(&stop));
        let description = Description { name: "scripted".to_owned(), mode, requested: None };
        let source = Scripted { script: script.into(), clock, stop, description, sequence: 0 };
        Ok(Box::new(source) as Box<dyn FrameSource>)
    };
    let context = Context {
        clock: Arc::clone(&clock) as _,
        stop: &stop,
        heartbeat: &|_| seen.lock().unwrap().push(status.state()),
        status: &status,
    };
    stage::run(&mut open, &mut writer, &context).unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.contains(&State::Streaming { fps: 0.0 }), "{seen:?}");
    assert!(seen.contains(&State::Streaming { fps: 10.0 }), "{seen:?}");
    assert_eq!(status.source().unwrap().mode.format, PixelFormat::Yuyv);
}

#[test]
fn an_error_that_waiting_cannot_help_ends_the_stage() {
    let why = CaptureError::Option { option: "loops", value: "0".to_owned(), must: "at least 1" };
    let run = run(vec![Err(why)]);
    assert!(matches!(run.end, Err(CaptureError::Option { .. })));
    assert_eq!((run.opened_at.len(), run.status.state()), (1, State::Ended));
}

#[test]
fn a_replay_runs_to_its_end_through_the_stage() {
    let clips = Clips::new();
    let path = clips.add("one", "fps = 10\nframes = 30", &[(0, 10), (29, 200)]);
    let (source, clock) = replay(&[path], fast());
    let truth = source.truth();
    let mut source = Some(Box::new(source) as Box<dyn FrameSource>);
    let (mut writer, mut reader) = newest::channel(64, 48);
    let (stop, status) = (AtomicBool::new(false), Status::default());
    let context = Context { clock, stop: &stop, heartbeat: &|_| {}, status: &status };
    let end = stage::run(&mut || source.take().ok_or_else(absent), &mut writer, &context);
    assert_eq!(end.unwrap(), End::ReplayOver);
    drop(writer);
    assert!(truth.has_ended());
    assert_eq!(status.frames(), 30);
    assert_eq!(reader.overwritten(), 29);
    let last = reader.latest(Duration::ZERO).unwrap();
    assert_eq!((last.sequence, super::support::grey(last)), (30, 200));
    assert!(reader.is_closed());
}
