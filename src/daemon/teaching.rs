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
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::events::{LessonChanged, NotLearnt, PriorityKept, SiteInForce};
use super::judging::Message;
use super::learning::{Learning, News};
use super::lookout::{Seen, cut_out};
use super::sorter::Sorter;
use super::supervise::Stages;
use super::teaching_again::{self, Resumption, Step};
use super::tuning::Tuner;
use super::{DaemonError, ledger};
use crate::capture::{Frame, jpeg};
use crate::clock::Clock;
use crate::config::Config;
use crate::detect::Region;
use crate::identify::{Bundle, Embedded, Head, SiteHead};
use crate::judge::{self, Command};
use crate::teach::{Ask, Attention, Board, Course, Pictures, Showing, Store, TeachError};
use crate::web::Teaching;

/// Items and questions that may wait for the teacher while it fits.
const NOTES: usize = 32;
/// The judge exchanges a head between two items, which is within its limit for votes.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
/// Longer side of an item's picture on the page, in pixels.
const PICTURE_SIDE: u32 = 200;
const QUALITY: u8 = 75;
/// Of a picture that a network looks at again.
const WHOLE_QUALITY: u8 = 92;
/// The teacher comes after the threads that sort.
const STEPS_BACK: i32 = 5;
/// Pictures that are taught again between two looks at the page.
const TOLD_EVERY: usize = 5;

/// What the teacher is told.
pub(super) enum Note {
    /// The crew asks for something.
    Asked(Ask, oneshot::Sender<Result<String, TeachError>>),
    /// An item was seen.
    Seen(Box<Seen>),
    /// Maintenance has ended, and the lesson with it.
    Left,
    /// A drop has this number; this is what the network said of it.
    Judged(u64, Box<Embedded>),
    /// The crew has said what a drop was.
    Said,
    /// These bundles work from now on: the one that judges, and one beside it.
    Entered(Box<Works>),
}

/// The bundles that work.
#[derive(Clone, Debug)]
pub(super) struct Works {
    pub(super) live: Bundle,
    pub(super) shadow: Option<Bundle>,
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

    fn said(&self) {
        // What was said is in the ledger: the next word, or the next start, learns of it.
        let _later = self.notes.try_send(Note::Said).is_err();
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
    /// Where corrections are learnt.
    learning: Option<Learning>,
    epoch: String,
    /// Pictures of taught items, where they are kept.
    pictures: Option<Pictures>,
    /// What is being taught again, or has to be shown again; the bundle that judges comes first.
    again: Vec<Resumption>,
    trouble: Option<String>,
}

/// Starts the teacher's thread.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn start(
    config: &Config,
    works: Works,
    epoch: &str,
    tuner: &Arc<Tuner>,
    inbox: &SyncSender<Message>,
    clock: &Arc<dyn Clock>,
    stages: &mut Stages,
) -> Result<(SyncSender<Note>, Lectern), DaemonError> {
    let (notes, inbox_of_notes) = sync_channel(NOTES);
    let (board, seen) = watch::channel(Arc::new(Board::default()));
    let mut teacher = Teacher {
        bundle: works.live.clone(),
        store: Store::of(&config.state_dir),
        learning: None,
        epoch: epoch.to_owned(),
        pictures: None,
        again: Vec::new(),
        config: config.clone(),
        tuner: Arc::clone(tuner),
        inbox: inbox.clone(),
        clock: Arc::clone(clock),
        board,
        course: None,
        trouble: None,
    };
    teacher.enter(works);
    stages.spawn("teach", move || {
        teacher.run(&inbox_of_notes);
        Ok::<(), DaemonError>(())
    })?;
    Ok((notes.clone(), Lectern { notes, board: seen }))
}

impl Teacher {
    /// Runs until the judge and the page are gone.
    fn run(mut self, notes: &Receiver<Note>) {
        if let Err(error) = rustix::process::nice(STEPS_BACK) {
            PriorityKept { error: &error.into() }.emit();
        }
        self.learn();
        self.publish(false);
        loop {
            let again = self.again.iter().any(Resumption::is_on);
            let note = match notes.try_recv() {
                Err(TryRecvError::Empty) if again => {
                    self.teach_again();
                    continue;
                }
                Err(TryRecvError::Empty) => notes.recv().ok(),
                note => note.ok(),
            };
            let Some(note) = note else { return };
            match note {
                Note::Entered(works) => {
                    self.enter(*works);
                    self.retune();
                    self.learn();
                }
                Note::Judged(seq, seen) => {
                    let now_ms = self.clock.wall().unix_ms;
                    if let Some(learning) = &mut self.learning {
                        learning.remember(seq, &seen, now_ms);
                    }
                    continue;
                }
                Note::Said => self.learn(),
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

    /// What the bin was taught last on the network that judges.
    fn current(&self) -> Result<Option<SiteHead>, TeachError> {
        Ok(self.store.current_for(&self.bundle)?.map(|(_, site)| site))
    }

    /// These bundles work from now on.
    fn enter(&mut self, works: Works) {
        self.leave_quietly();
        self.again.clear();
        self.bundle = works.live;
        let now_ms = self.clock.wall().unix_ms;
        self.learning = Learning::begin(&self.config, &self.epoch, &self.bundle, &self.store, now_ms);
        if self.config.site.is_some() {
            return;
        }
        let left_behind = teaching_again::pictures(&self.config, now_ms).and_then(|pictures| {
            self.pictures = pictures;
            let (store, pictures) = (&self.store, self.pictures.as_ref());
            let live = Resumption::of(&self.bundle, true, store, pictures)?;
            let shadow = match &works.shadow {
                Some(shadow) => Resumption::of(shadow, false, store, pictures)?,
                None => None,
            };
            Ok(live.into_iter().chain(shadow).collect())
        });
        match left_behind {
            Ok(again) => self.again = again,
            Err(error) => NotLearnt { error: &error }.emit(),
        }
    }

    /// What was tuned while other bundles were loaded holds for them as well.
    fn retune(&self) {
        let site = self.current().ok().flatten();
        if let Ok(head) = Head::taught(&self.bundle, site.as_ref()) {
            let settings = self.tuner.use_head(head);
            ledger::send(&self.inbox, Message::Retune(Box::new(settings)));
        }
    }

    /// Looks at the next picture of what is taught again.
    fn teach_again(&mut self) {
        let now_ms = self.clock.wall().unix_ms;
        let Some(at) = self.again.iter().position(Resumption::is_on) else { return };
        let resumption = &mut self.again[at];
        let (judges, done) = (resumption.judges, resumption.board().done);
        match resumption.step(&self.config, self.pictures.as_ref(), now_ms) {
            Step::Onward if done % TOLD_EVERY == 0 => self.publish(false),
            Step::Onward => {}
            Step::Taught(site) => {
                let kept = self.store.apply(&site).map(|_| ()).and_then(|()| match judges {
                    true => self.put_in_force(Some(*site)),
                    false => {
                        ledger::send(&self.inbox, Message::ShadowSite(site));
                        Ok(())
                    }
                });
                if let Err(error) = kept {
                    NotLearnt { error: &error }.emit();
                    self.trouble = Some(error.to_string());
                }
                self.learn();
                self.publish(false);
            }
            Step::Failed(error) => {
                NotLearnt { error: &error }.emit();
                self.trouble = Some(error.to_string());
                self.again.remove(at);
                self.publish(false);
            }
        }
    }

    fn begin(&mut self) -> Result<String, TeachError> {
        if self.again.iter().any(|again| again.judges && again.is_on()) {
            return Err(TeachError::TeachingAgain);
        }
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
        if self.leave_quietly() {
            self.learn();
        }
    }

    /// The same, without looking what else was said; whether there was a lesson.
    fn leave_quietly(&mut self) -> bool {
        let was_on = self.course.take().is_some();
        if was_on {
            LessonChanged { on: false }.emit();
        }
        was_on
    }

    /// Judges by what the crew has said of drops, too; not during a lesson, whose figures would grow old.
    fn learn(&mut self) {
        let Some(learning) = self.learning.as_mut().filter(|_| self.course.is_none()) else { return };
        let base = match self.store.current_for(&self.bundle) {
            Ok(current) => current.map(|(_, site)| site),
            Err(error) => {
                self.trouble = Some(error.to_string());
                return;
            }
        };
        if let News::Head(site) = learning.learn(&self.bundle, base, &self.store)
            && let Err(error) = self.put_in_force(site)
        {
            self.trouble = Some(error.to_string());
        }
    }

    /// An item was seen.
    fn take(&mut self, seen: Seen) {
        if self.keep_on().is_err() {
            return;
        }
        let mut small = Frame::default();
        let whole = &seen.picture;
        cut_out(whole, Region::whole(whole.width, whole.height), PICTURE_SIDE, &mut small);
        let picture = self.encode(&small, QUALITY);
        let whole = self.pictures.is_some().then(|| self.encode(whole, WHOLE_QUALITY));
        let showing = Showing { frames: seen.frames, said: seen.said, picture, whole };
        let name = self.name();
        match self.course().and_then(|course| course.add(&name, &showing)) {
            // The page says already that a stream must be chosen first.
            Ok(()) | Err(TeachError::NothingChosen) => {}
            Err(error) => self.trouble = Some(error.to_string()),
        }
    }

    fn encode(&mut self, frame: &Frame, quality: u8) -> Arc<[u8]> {
        let mut bytes = Vec::new();
        if let Err(error) = jpeg::encode(frame, quality, &mut bytes) {
            self.trouble = Some(error.to_string());
        }
        bytes.into()
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
        self.keep_pictures();
        // The crew has shown what it had to.
        self.again.retain(|again| !again.judges);
        let items = site.shown().count();
        self.put_in_force(Some(site))?;
        self.course()?.note_applied(true);
        Ok(format!("{items} items"))
    }

    /// Keeps the pictures of what was applied, where pictures are kept.
    fn keep_pictures(&mut self) {
        let now_ms = self.clock.wall().unix_ms;
        let (Some(pictures), Some(course)) = (&self.pictures, &self.course) else { return };
        for (item, jpeg) in course.pictured().filter(|(item, _)| !pictures.holds(item)) {
            if let Err(error) = pictures.put(item, jpeg, now_ms) {
                NotLearnt { error: &error }.emit();
                self.trouble = Some(error.to_string());
                return;
            }
        }
    }

    /// The items of a course stay, so that a bad one can be taken away and the others fitted again.
    fn undo(&mut self) -> Result<String, TeachError> {
        if let Some(path) = &self.config.site {
            return Err(TeachError::Configured { path: path.clone() });
        }
        self.store.undo(&self.bundle)?;
        let site = self.current()?;
        let items = site.as_ref().map_or(0, |site| site.taught.len());
        self.put_in_force(site)?;
        if let Some(course) = &mut self.course {
            course.note_applied(false);
        }
        self.learn();
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
        let may_undo = self.store.current_for(&self.bundle).is_ok_and(|current| current.is_some());
        let may_undo = may_undo && self.config.site.is_none();
        let again = self.again.iter().find(|again| again.judges).map(|again| again.board().clone());
        let trouble = self.trouble.clone();
        let corrections = self.learning.as_ref().map(|learning| learning.corrections);
        let board = Board { fitting, refused, may_undo, trouble, corrections, again, ..board };
        self.board.send_replace(Arc::new(board));
    }
}
