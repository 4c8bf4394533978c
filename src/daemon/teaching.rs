//! Teaching by the page, at the running bin: the judge's frames in, a site head that it judges by out.
//!
//! ```text
//!  page --Ask--> teacher (a thread) --maintenance, lesson on or off, head to use--> judge
//!    ^              |  ^-------------------- each settled item ------------------------'
//!    '----Board-----'
//! ```
//!
//! - Never while anything is sorted: a lesson is maintenance, in which the flap rests and nothing is counted, and it ends
//!   when maintenance ends, by itself too.
//! - Never in the sorting loop's way: fitting and encoding are the teacher's; the judge only tries to hand an item over.
//! - Never a picture of more than the still item, never on disk; they go with the lesson.
//! - A head is exchanged between two items, together with the thresholds that belong to it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::events::{LessonChanged, SiteInForce, TeachingFailed};
use super::judging::Message;
use super::sorter::Sorter;
use super::supervise::Stages;
use super::tuning::Tuner;
use super::{DaemonError, ledger};
use crate::capture::{Frame, jpeg};
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::detect::{MAX_OBJECTS, Presence, Region};
use crate::identify::{Bundle, Embedded, Head, SiteHead};
use crate::judge::{self, Command, Decision, Votes};
use crate::teach::{Ask, Attend, Attention, Board, Course, Showing, Step, Store, TeachError};
use crate::web::Teaching;

/// Items and questions that may wait for the teacher while it fits.
const NOTES: usize = 32;
/// The judge exchanges a head between two items, which is within its limit for votes.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
/// Longer side of an item's picture on the page, in pixels.
const PICTURE_SIDE: u32 = 200;
const QUALITY: u8 = 75;

/// What the teacher is told.
pub(super) enum Note {
    /// The crew asks for something.
    Asked(Ask, oneshot::Sender<Result<String, TeachError>>),
    /// An item was seen.
    Seen(Box<Seen>),
    /// Maintenance has ended, and the lesson with it.
    Left,
}

/// One item, as the judge hands it over.
pub(super) struct Seen {
    frames: Vec<Embedded>,
    said: Decision,
    picture: Frame,
}

/// A head to judge by, with the settings that belong to it.
#[derive(Clone, Debug)]
pub(super) struct NewHead {
    site: Option<SiteHead>,
    settings: judge::Settings,
    /// Told whether it is in use now.
    heard: SyncSender<bool>,
}

impl NewHead {
    pub(super) fn use_in(self, sorter: &mut Sorter) {
        let used = sorter.use_site(self.site.as_ref(), self.settings);
        SiteInForce { items: self.site.map_or(0, |site| site.taught.len()), error: used.as_ref().err() }
            .emit();
        // The teacher may have given up waiting.
        let _late = self.heard.try_send(used.is_ok()).is_err();
    }
}

/// The judge's side of a lesson: which frames are looked at, and what was seen in them.
pub(super) struct Lookout {
    attention: Attention,
    frames: Vec<Embedded>,
    votes: Votes,
    picture: Frame,
    /// In maintenance at last.
    ready: bool,
}

impl Lookout {
    pub(super) fn new(attention: Attention) -> Self {
        let (votes, picture) = (Votes::default(), Frame::default());
        Self { attention, frames: Vec::new(), votes, picture, ready: false }
    }

    /// How far the present item is; `None` while the bin still deals with an item of its own.
    pub(super) fn at(&self) -> Option<Step> {
        self.ready.then(|| self.attention.at())
    }

    /// Looks at one frame, and hands over the item that ends with it.
    pub(super) fn see(
        &mut self,
        frame: &Frame,
        presence: &Presence,
        sorter: &mut Sorter,
        now: Moment,
        teacher: &SyncSender<Note>,
    ) {
        self.ready = sorter.judge().state() == judge::StateName::Maintenance;
        if !self.ready {
            return;
        }
        match self.attention.step(presence, now) {
            Attend::Wait => {}
            Attend::Look => match sorter.show(frame, presence) {
                Ok((embedded, identified, part)) => {
                    self.votes.add(&identified, &[None; MAX_OBJECTS], sorter.judge().rules());
                    if self.frames.is_empty() {
                        cut_out(frame, part, PICTURE_SIDE, &mut self.picture);
                    }
                    self.frames.push(embedded);
                }
                Err(error) => TeachingFailed { error: &error }.emit(),
            },
            Attend::Ended => {
                let said = std::mem::take(&mut self.votes).decide(sorter.judge().rules());
                let (frames, picture) = (std::mem::take(&mut self.frames), std::mem::take(&mut self.picture));
                if !frames.is_empty() {
                    // A teacher who is that far behind misses an item; the page shows that it was not taken.
                    let _missed =
                        teacher.try_send(Note::Seen(Box::new(Seen { frames, said, picture }))).is_err();
                }
            }
        }
    }
}

/// Copies a part of a frame, thinned out so that its longer side has at most `side` pixels.
pub(super) fn cut_out(frame: &Frame, part: Region, side: u32, to: &mut Frame) {
    let step = part.width.max(part.height).div_ceil(side).max(1);
    to.resize(part.width / step, part.height / step);
    let mut pixels = to.pixels.chunks_exact_mut(3);
    for row in 0..to.height {
        for column in 0..to.width {
            let (x, y) = (part.x + column * step, part.y + row * step);
            let at = (y as usize * frame.width as usize + x as usize) * 3;
            if let (Some(to), Some(from)) = (pixels.next(), frame.pixels.get(at..at + 3)) {
                to.copy_from_slice(from);
            }
        }
    }
}

/// The page's way to the teacher.
pub(super) struct Lectern {
    notes: SyncSender<Note>,
    board: watch::Receiver<Arc<Board>>,
}

impl Teaching for Lectern {
    fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board.borrow())
    }

    fn ask(&self, ask: Ask) -> oneshot::Receiver<Result<String, TeachError>> {
        let (answer, heard) = oneshot::channel();
        // A full queue drops the answer's sender, which the page notices.
        let _full = self.notes.try_send(Note::Asked(ask, answer)).is_err();
        heard
    }
}

/// What a lesson needs besides its items.
pub(super) struct Teacher {
    bundle: Bundle,
    config: Config,
    store: Store,
    tuner: Arc<Tuner>,
    inbox: SyncSender<Message>,
    clock: Arc<dyn Clock>,
    board: watch::Sender<Arc<Board>>,
    course: Option<Course>,
    trouble: Option<String>,
}

/// Starts the teacher's thread.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn start(
    config: &Config,
    bundle: &Bundle,
    tuner: &Arc<Tuner>,
    inbox: &SyncSender<Message>,
    clock: &Arc<dyn Clock>,
    stages: &mut Stages,
) -> Result<(SyncSender<Note>, Lectern), DaemonError> {
    let (notes, inbox_of_notes) = sync_channel(NOTES);
    let (board, seen) = watch::channel(Arc::new(Board::default()));
    let teacher = Teacher {
        bundle: bundle.clone(),
        store: Store::of(&config.state_dir),
        config: config.clone(),
        tuner: Arc::clone(tuner),
        inbox: inbox.clone(),
        clock: Arc::clone(clock),
        board,
        course: None,
        trouble: None,
    };
    stages.spawn("teach", move || {
        teacher.run(&inbox_of_notes);
        Ok::<(), DaemonError>(())
    })?;
    Ok((notes.clone(), Lectern { notes, board: seen }))
}

impl Teacher {
    /// Runs until the judge and the page are gone.
    fn run(mut self, notes: &Receiver<Note>) {
        self.publish(false);
        while let Ok(note) = notes.recv() {
            match note {
                Note::Seen(seen) => self.take(*seen),
                Note::Left => self.leave(),
                Note::Asked(Ask::Fit, answer) => self.fit(answer),
                Note::Asked(ask, answer) => {
                    let answered = self.answer(ask);
                    self.publish(false);
                    let _gone = answer.send(answered).is_err();
                    continue;
                }
            }
            self.publish(false);
        }
    }

    fn answer(&mut self, ask: Ask) -> Result<String, TeachError> {
        self.trouble = None;
        if ask != Ask::End && ask != Ask::Undo && ask != Ask::Begin {
            self.keep_on()?;
        }
        match ask {
            Ask::Begin => self.begin(),
            Ask::Choose(kind) => self.course()?.choose(kind).map(|()| kind.id().to_owned()),
            Ask::Remove(id) => {
                self.course()?.remove(id);
                Ok(id.to_string())
            }
            // It is answered at once, by `fit`.
            Ask::Fit => Ok(String::new()),
            Ask::Apply => self.apply(),
            Ask::Undo => self.undo(),
            Ask::End => {
                self.course()?;
                ledger::send(&self.inbox, Message::Lesson(None));
                ledger::send(&self.inbox, Message::Command(Command::Maintenance(false)));
                self.leave();
                Ok(String::new())
            }
        }
    }

    fn course(&mut self) -> Result<&mut Course, TeachError> {
        self.course.as_mut().ok_or(TeachError::NoLesson)
    }

    /// Maintenance lasts a while longer: somebody is here.
    fn keep_on(&mut self) -> Result<(), TeachError> {
        self.course()?;
        ledger::send(&self.inbox, Message::Command(Command::Maintenance(true)));
        Ok(())
    }

    /// The course that goes on from what the bin was taught before.
    fn next_course(&self) -> Result<Course, TeachError> {
        if let Some(path) = &self.config.site {
            return Err(TeachError::Configured { path: path.clone() });
        }
        Course::begin(&self.bundle, self.current()?.as_ref())
    }

    /// What the bin was taught last; one of another bundle counts for nothing, as at the daemon's start.
    fn current(&self) -> Result<Option<SiteHead>, TeachError> {
        Ok(self.store.current()?.and_then(|path| SiteHead::open(&path, &self.bundle).ok()))
    }

    fn begin(&mut self) -> Result<String, TeachError> {
        if self.course.is_none() {
            self.course = Some(self.next_course()?);
            LessonChanged { on: true }.emit();
        }
        self.keep_on()?;
        let attention = Attention::new(self.config.judge.timing.settle);
        ledger::send(&self.inbox, Message::Lesson(Some(attention)));
        Ok(String::new())
    }

    /// The lesson is over; its pictures go with it.
    fn leave(&mut self) {
        if self.course.take().is_some() {
            LessonChanged { on: false }.emit();
        }
    }

    /// An item was seen.
    fn take(&mut self, seen: Seen) {
        if self.keep_on().is_err() {
            return;
        }
        let mut bytes = Vec::new();
        if let Err(error) = jpeg::encode(&seen.picture, QUALITY, &mut bytes) {
            self.trouble = Some(error.to_string());
        }
        let showing = Showing { frames: seen.frames, said: seen.said, picture: bytes.into() };
        let name = self.name();
        match self.course().and_then(|course| course.add(&name, &showing)) {
            // The page says already that a stream must be chosen first.
            Ok(()) | Err(TeachError::NothingChosen) => {}
            Err(error) => self.trouble = Some(error.to_string()),
        }
    }

    /// What to call an item: when it was shown.
    fn name(&self) -> String {
        let wall = jiff::Timestamp::from_millisecond(self.clock.wall().unix_ms).unwrap_or_default();
        wall.to_zoned(self.config.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Answers at once: the page shows that it is under way, and then what came of it.
    fn fit(&mut self, answer: oneshot::Sender<Result<String, TeachError>>) {
        self.trouble = None;
        let begun = self.keep_on().and_then(|()| match self.course()?.len() {
            0 => Err(TeachError::NothingTaught),
            items => Ok(format!("{items} items")),
        });
        let fits = begun.is_ok();
        if fits {
            self.publish(true);
        }
        let _gone = answer.send(begun).is_err();
        if fits && let Some(Err(error)) = self.course.as_mut().map(Course::fit) {
            self.trouble = Some(error.to_string());
        }
    }

    fn apply(&mut self) -> Result<String, TeachError> {
        let site = self.course()?.fitted()?.clone();
        self.store.apply(&site)?;
        let items = site.taught.len();
        self.put_in_force(Some(site))?;
        self.course()?.note_applied(true);
        Ok(format!("{items} items"))
    }

    /// The items of a course stay, so that a bad one can be taken away and the others fitted again.
    fn undo(&mut self) -> Result<String, TeachError> {
        if let Some(path) = &self.config.site {
            return Err(TeachError::Configured { path: path.clone() });
        }
        self.store.undo()?;
        let site = self.current()?;
        let items = site.as_ref().map_or(0, |site| site.taught.len());
        self.put_in_force(site)?;
        if let Some(course) = &mut self.course {
            course.note_applied(false);
        }
        Ok(format!("{items} items"))
    }

    /// Makes the judge use a head, and waits until it does.
    fn put_in_force(&self, site: Option<SiteHead>) -> Result<(), TeachError> {
        let settings = self.tuner.use_head(Head::taught(&self.bundle, site.as_ref())?);
        let (heard, answer) = sync_channel(1);
        let head = NewHead { site, settings, heard };
        ledger::send(&self.inbox, Message::Head(Box::new(head)));
        match answer.recv_timeout(HEARD_WITHIN) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(TeachError::NotHeard),
        }
    }

    fn publish(&self, fitting: bool) {
        let (board, refused) = match &self.course {
            Some(course) => (course.board(), None),
            None => match self.next_course() {
                Ok(course) => (Board { on: false, ..course.board() }, None),
                Err(error) => (Board::default(), Some(error.to_string())),
            },
        };
        let may_undo = self.store.current().is_ok_and(|current| current.is_some());
        let may_undo = may_undo && self.config.site.is_none();
        let trouble = self.trouble.clone();
        self.board.send_replace(Arc::new(Board { fitting, refused, may_undo, trouble, ..board }));
    }
}
