//! What the benches share: the demo's rig, frames of its clips, and a measure that a busy machine bends little.

use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bunri::capture::replay::{Clip, Loops, Pace, ReplayOptions, ReplaySource};
use bunri::capture::{Frame, FrameSource, Next};
use bunri::clock::{Moment, SimClock};
use bunri::config::Config;
use bunri::detect::Background;
use bunri::identify::{Bundle, Identifier};
use criterion::Criterion;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use rustix::time::{ClockId, clock_gettime};

/// The demo without its hub, with a page at a free port of this machine; keeps its files in `folder`.
pub(crate) fn demo_with_page(folder: &Path) -> (Config, SocketAddr) {
    let mut config = Config::load(Path::new("calibration/demo/bunri.toml")).unwrap();
    config.uplink = None;
    config.state_dir = folder.to_owned();
    let web = config.web.as_mut().unwrap();
    web.folder = folder.join("web");
    web.listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let page = web.listen;
    (config, page)
}

/// Time between two frames of the demo's clips.
pub(crate) const FRAME: Duration = Duration::from_millis(33);

/// Processor time of the calling thread.
///
/// Every step but the ledger's runs in one thread and waits for nothing, so this is what it takes by the clock when
/// nothing else runs, and on a shared machine it leaves out the time that others had the processor.
pub(crate) struct ThreadTime;

impl Measurement for ThreadTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
        Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
    }

    fn end(&self, started: Duration) -> Duration {
        self.start().saturating_sub(started)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Short runs: all benches together take about a minute.
pub(crate) fn criterion() -> Criterion<ThreadTime> {
    wall_criterion().with_measurement(ThreadTime)
}

/// The same by the clock, for what waits for a disk.
pub(crate) fn wall_criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn clip(name: &str) -> Clip {
    Clip::open_all(&[root().join("tests/data/clips").join(name)]).unwrap().remove(0)
}

/// The compressed picture that a clip shows at one of its frames.
pub(crate) fn picture(name: &str, frame: u32) -> Arc<[u8]> {
    let clip = clip(name);
    let (_, picture) = clip.pictures_until(frame).next().unwrap();
    Arc::clone(picture)
}

/// Frames of a clip with the noise of a sensor, so that no two are the same.
pub(crate) fn frames(name: &str, range: Range<u32>) -> Vec<Frame> {
    let options = ReplayOptions {
        loops: Loops::Times(1),
        pace: Pace::AsFastAsPossible,
        seed: 1,
        noise_sigma: 3.0,
        ..ReplayOptions::default()
    };
    let mut source = ReplaySource::new(vec![clip(name)], options, Arc::new(SimClock::new(0))).unwrap();
    let mut frame = Frame::default();
    let played = (0..range.end).map(|_| {
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        frame.clone()
    });
    played.skip(range.start as usize).collect()
}

/// The demo's configuration.
pub(crate) fn config() -> Config {
    Config::load(&root().join("calibration/demo/bunri.toml")).unwrap()
}

/// The demo's chamber with nothing in it.
pub(crate) fn empty_chamber(config: &Config) -> Background {
    Background::from_frame(&frames("can", 0..1)[0], config.calibration.detect.region)
}

/// The bundle that ships, in the runtime that `make setup` puts in place, on one thread.
pub(crate) fn identifier(config: &Config) -> Identifier {
    Identifier::load(Bundle::open(&config.bundle).unwrap(), &config.runtime, None).unwrap()
}

/// Frames for ever, each with its moment.
pub(crate) struct Camera {
    frames: Vec<Frame>,
    shown: usize,
    now: Moment,
}

impl Camera {
    pub(crate) fn new(frames: Vec<Frame>) -> Self {
        Self { frames, shown: 0, now: Moment::from_millis(1_000) }
    }

    /// From now on shows these.
    pub(crate) fn point_at(&mut self, frames: Vec<Frame>) {
        self.frames = frames;
    }

    /// The next frame, [`FRAME`] after the last.
    pub(crate) fn next(&mut self) -> (&Frame, Moment) {
        self.shown += 1;
        self.now = self.now + FRAME;
        (&self.frames[self.shown % self.frames.len()], self.now)
    }
}

/// Where files of the benches go: on the disk that the build is on, not in memory.
pub(crate) fn folder() -> tempfile::TempDir {
    let parent = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    tempfile::tempdir_in(parent).unwrap()
}
