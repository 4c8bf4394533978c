//! Clips in place of a camera, for the demo, the tests and `bunri replay`; opened only by its own name.
//!
//! Time passes in a replay as before a camera: a frame that is dropped, cut or damaged takes its turn, and a
//! reader that is late finds that frames were skipped. The same clips, options and seed give the same bytes
//! at the same frame, whatever was skipped. In real time a delay of more than a second pauses the scene
//! instead, so that a suspended laptop does not find a thousand items that nobody could see.
//!
//! Never a picture of another clip: after a damaged picture the last good one of the same clip is shown.

mod clip;
mod sensor;
mod truth;

use std::sync::Arc;
use std::time::Duration;

pub use self::clip::{CLIP_FILE, Clip, Item};
use self::sensor::{Purpose, Sensor, slot_random};
pub use self::truth::{Played, Position, Truth};
use super::events::ReplayEnded;
use super::jpeg::JpegDecoder;
use super::{CaptureError, Description, Frame, FrameSource, Mode, Next, PixelFormat, Refusal};
use crate::clock::{Clock, Moment};

/// A reader that is later than this finds the scene paused, not played on without it.
const PAUSE_AFTER: Duration = Duration::from_secs(1);

/// How often the list of clips is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loops {
    /// Until [`Truth::finish_after_current_clip`] or for ever.
    Forever,
    /// So many times.
    Times(u32),
}

/// How fast a replay runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each frame comes when it is due; a late reader finds frames skipped.
    RealTime,
    /// Each frame comes when it is asked for, none is skipped. `captured_at` is when it would have been due,
    /// and the replay moves a simulated clock there. (On the system clock it would wait.)
    AsFastAsPossible,
}

/// How clips are replayed. Probabilities are per frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayOptions {
    /// How often.
    pub loops: Loops,
    /// How fast.
    pub pace: Pace,
    /// What all randomness comes from.
    pub seed: u64,
    /// Standard deviation of the sensor noise in grey levels, 0 to 64.
    pub noise_sigma: f64,
    /// Swing of the exposure as a share, 0 to 0.5.
    pub drift_amplitude: f64,
    /// Duration of one swing.
    pub drift_period: Duration,
    /// That a frame never arrives, 0 to 0.9.
    pub dropped_probability: f64,
    /// That a frame arrives cut, 0 to 0.9.
    pub truncated_probability: f64,
}

impl Default for ReplayOptions {
    /// Once, in real time, without any disturbance.
    fn default() -> Self {
        Self {
            loops: Loops::Times(1),
            pace: Pace::RealTime,
            seed: 0,
            noise_sigma: 0.0,
            drift_amplitude: 0.0,
            drift_period: Duration::from_secs(60),
            dropped_probability: 0.0,
            truncated_probability: 0.0,
        }
    }
}

impl ReplayOptions {
    /// Every option out of its range: its name, its value and what it must be.
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let shares = [
            ("noise_sigma", self.noise_sigma, 64.0, "from 0 to 64"),
            ("drift_amplitude", self.drift_amplitude, 0.5, "from 0 to 0.5"),
            ("dropped_probability", self.dropped_probability, 0.9, "from 0 to 0.9"),
            ("truncated_probability", self.truncated_probability, 0.9, "from 0 to 0.9"),
        ];
        let out = shares.into_iter().filter(|(_, value, most, _)| !(0.0..=*most).contains(value));
        let mut problems: Vec<_> =
            out.map(|(option, value, _, must)| (option, value.to_string(), must)).collect();
        if self.loops == Loops::Times(0) {
            problems.push(("loops", "0".to_owned(), "at least 1"));
        }
        if self.drift_amplitude > 0.0 && self.drift_period.is_zero() {
            problems.push(("drift_period", "0".to_owned(), "longer than 0"));
        }
        problems
    }

    fn check(&self) -> Result<(), CaptureError> {
        let first = self.problems().into_iter().next();
        first.map_or(Ok(()), |(option, value, must)| Err(CaptureError::Option { option, value, must }))
    }
}

/// A place in the list of clips.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    clip: usize,
    pass: u64,
    frame: u32,
    clip_started_at: Moment,
    /// Counts every frame since the start, of all clips, also those nobody saw.
    slot: u64,
}

#[derive(Clone, Copy, Debug)]
enum Progress {
    NotStarted,
    At(Cursor),
    Ended,
}

/// Plays clips as if they were a camera.
pub struct ReplaySource {
    clips: Vec<Clip>,
    options: ReplayOptions,
    clock: Arc<dyn Clock>,
    description: Description,
    truth: Truth,
    sensor: Sensor,
    progress: Progress,
    /// When the replay began; moves on with every pause.
    started_at: Moment,
    sequence: u64,
    refused: u64,
    picture: Picture,
    cut: Vec<u8>,
}

impl ReplaySource {
    /// Makes ready to play `clips` (from [`Clip::open_all`]) in their order. Time starts at the first frame.
    ///
    /// # Errors
    /// [`CaptureError::Option`] for an option out of range, [`CaptureError::Clips`] without clips.
    pub fn new(
        clips: Vec<Clip>,
        options: ReplayOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CaptureError> {
        options.check()?;
        let Some(first) = clips.first() else {
            return Clip::open_all::<&str>(&[]).and_then(|clips| Self::new(clips, options, clock));
        };
        let (width, height) = (first.width, first.height);
        let mode = Mode { format: PixelFormat::Mjpeg, width, height, rate_hz: first.fps };
        let name = match clips.len() {
            1 => format!("replay of {}", first.name),
            count => format!("replay of {count} clips from {}", first.name),
        };
        let sensor = Sensor::new(
            options.seed,
            width as usize * 3,
            options.noise_sigma,
            options.drift_amplitude,
            options.drift_period,
        );
        Ok(Self {
            picture: Picture::new(width, height),
            description: Description { name, mode, requested: None },
            truth: Truth::default(),
            progress: Progress::NotStarted,
            started_at: Moment::default(),
            sequence: 0,
            refused: 0,
            cut: Vec::new(),
            clips,
            options,
            clock,
            sensor,
        })
    }

    /// The clips and what happens in them.
    pub fn clips(&self) -> &[Clip] {
        &self.clips
    }

    /// A handle that tells other threads what was played and can ask for the end.
    pub fn truth(&self) -> Truth {
        self.truth.clone()
    }

    /// How many pictures were refused.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Moves to the next frame that is to be shown; `None` at the end.
    fn advance(&mut self) -> Option<Cursor> {
        let mut cursor = self.step()?;
        if self.options.pace == Pace::RealTime {
            let now = self.clock.now();
            let late = now.since(self.due(&cursor, 0));
            if late > PAUSE_AFTER {
                cursor.clip_started_at = cursor.clip_started_at + late;
                self.started_at = self.started_at + late;
                self.progress = Progress::At(cursor);
            }
            while self.due(&cursor, 1) <= now {
                self.sequence += 1;
                cursor = self.step()?;
            }
        }
        Some(cursor)
    }

    /// Moves by one frame, over the end of clips and of the list.
    fn step(&mut self) -> Option<Cursor> {
        let cursor = match self.progress {
            Progress::Ended => return None,
            Progress::NotStarted => {
                self.started_at = self.clock.now();
                let cursor = Cursor { clip_started_at: self.started_at, ..Cursor::default() };
                self.truth.begin_clip(&self.clips[0], 0, 0, self.started_at);
                cursor
            }
            Progress::At(mut cursor) => {
                let clip = &self.clips[cursor.clip];
                self.truth.pass(clip, cursor.frame);
                let next_due = self.due(&cursor, 1);
                cursor.slot += 1;
                cursor.frame += 1;
                if cursor.frame >= clip.frames {
                    cursor = self.next_clip(Cursor { frame: 0, clip_started_at: next_due, ..cursor })?;
                }
                cursor
            }
        };
        self.truth.play(&self.clips[cursor.clip], cursor.frame);
        self.progress = Progress::At(cursor);
        Some(cursor)
    }

    fn next_clip(&mut self, mut cursor: Cursor) -> Option<Cursor> {
        cursor.clip += 1;
        if cursor.clip == self.clips.len() {
            cursor.clip = 0;
            cursor.pass += 1;
        }
        let list_is_over = cursor.clip == 0
            && matches!(self.options.loops, Loops::Times(times) if cursor.pass >= u64::from(times));
        if list_is_over || self.truth.must_finish() {
            self.progress = Progress::Ended;
            self.truth.end();
            ReplayEnded { items: self.truth.played().total }.emit();
            return None;
        }
        self.truth.begin_clip(&self.clips[cursor.clip], cursor.clip, cursor.pass, cursor.clip_started_at);
        Some(cursor)
    }

    /// When the frame `ahead` frames after the cursor's is due.
    fn due(&self, cursor: &Cursor, ahead: u32) -> Moment {
        let frames = f64::from(cursor.frame) + f64::from(ahead);
        let nanos = (frames * 1e9 / self.clips[cursor.clip].fps).round();
        cursor.clip_started_at + Duration::from_nanos(nanos as u64)
    }

    fn chance(&self, probability: f64, slot: u64, purpose: Purpose) -> Option<fastrand::Rng> {
        let mut random = slot_random(self.options.seed, slot, purpose);
        (random.f64() < probability).then_some(random)
    }

    /// Puts the picture of the cursor's frame into `frame`, through the decoder and the sensor.
    fn show(&mut self, cursor: &Cursor, due: Moment, frame: &mut Frame) -> Result<(), Refusal> {
        let clip = &self.clips[cursor.clip];
        let cut = self.chance(self.options.truncated_probability, cursor.slot, Purpose::Cut);
        if let (Some(mut random), Some((_, bytes))) = (cut, clip.pictures_until(cursor.frame).next()) {
            self.cut.clear();
            self.cut.extend_from_slice(&bytes[..random.usize(..bytes.len().max(1)).min(bytes.len())]);
            return self.picture.decoder.decode(&self.cut, frame);
        }
        self.picture.load(cursor.clip, clip, cursor.frame)?;
        let picture = &self.picture.shown;
        frame.resize(picture.width, picture.height);
        let row_values = picture.width as usize * 3;
        let at = due.since(self.started_at);
        self.sensor.expose(&picture.pixels, &mut frame.pixels, row_values, cursor.slot, at);
        Ok(())
    }
}

impl FrameSource for ReplaySource {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        loop {
            let Some(cursor) = self.advance() else { return Ok(Next::End) };
            if self.chance(self.options.dropped_probability, cursor.slot, Purpose::Drop).is_some() {
                continue;
            }
            let due = self.due(&cursor, 0);
            self.clock.sleep_until(due);
            if let Err(why) = self.show(&cursor, due, frame) {
                self.refused += 1;
                return Ok(Next::Refused(why));
            }
            self.sequence += 1;
            frame.sequence = self.sequence;
            frame.captured_at = match self.options.pace {
                Pace::RealTime => self.clock.now(),
                Pace::AsFastAsPossible => due,
            };
            return Ok(Next::Frame);
        }
    }

    fn describe(&self) -> &Description {
        &self.description
    }
}

/// The picture in view, decoded once and held for as many frames as it is shown.
struct Picture {
    decoder: JpegDecoder,
    shown: Frame,
    /// Decoded into first: a damaged picture must not spoil the one in view.
    spare: Frame,
    /// Clip and number of the picture in `shown`.
    held: Option<(usize, u32)>,
    /// Clip and number of the newest picture for which `shown` stands, which may itself be damaged.
    stands_for: Option<(usize, u32)>,
}

impl Picture {
    fn new(width: u32, height: u32) -> Self {
        Self {
            decoder: JpegDecoder::new(width, height),
            shown: Frame::black(width, height),
            spare: Frame::black(width, height),
            held: None,
            stands_for: None,
        }
    }

    /// Brings the picture of `frame` into view. A damaged one is refused at its own frame; after that the
    /// last good one before it stands for it.
    fn load(&mut self, clip_index: usize, clip: &Clip, frame: u32) -> Result<(), Refusal> {
        let mut why = Refusal::NotJpeg;
        let mut newest = None;
        for (number, bytes) in clip.pictures_until(frame) {
            let key = Some((clip_index, number));
            newest = newest.or(key);
            if self.stands_for == newest {
                return Ok(());
            }
            if self.held != key {
                match self.decoder.decode(bytes, &mut self.spare) {
                    Ok(()) => {
                        std::mem::swap(&mut self.shown, &mut self.spare);
                        self.held = key;
                    }
                    Err(refusal) if number == frame => return Err(refusal),
                    Err(refusal) => {
                        why = refusal;
                        continue;
                    }
                }
            }
            self.stands_for = newest;
            return Ok(());
        }
        Err(why)
    }
}
