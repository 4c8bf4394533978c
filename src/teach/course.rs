//! A lesson at the running bin, as the crew's page shows it: the items with their pictures, and what may be done next.
//!
//! - Pictures live here and nowhere else, and end with the course: of the item alone, never of what is around it.
//! - Nothing changes how the bin judges before [`Course::fitted`] is put in force by whoever holds the course.

use std::sync::Arc;

use super::again::AgainBoard;
use super::error::TeachError;
use super::report::Report;
use super::session::Session;
use crate::identify::{Bundle, Embedded, Label, SiteHead, TaughtItem};
use crate::judge::Decision;
use crate::streams::Stream;

/// What an item can be taught as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of this stream.
    Of(Stream),
    /// None of ours: the bin is to refuse it.
    Unknown,
}

impl Kind {
    const UNKNOWN: &'static str = "unknown";

    /// The identifier used on the page and in the audit log.
    pub const fn id(self) -> &'static str {
        match self {
            Kind::Of(stream) => stream.id(),
            Kind::Unknown => Self::UNKNOWN,
        }
    }

    /// The kind with this identifier.
    pub fn from_id(id: &str) -> Option<Self> {
        if id == Self::UNKNOWN { Some(Kind::Unknown) } else { Stream::from_id(id).map(Kind::Of) }
    }

    /// What a label stands for.
    pub const fn of(label: &Label) -> Self {
        if label.unknown { Kind::Unknown } else { Kind::Of(label.stream) }
    }
}

/// What the crew asks for, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Begin: the bin goes into maintenance and waits for items.
    Begin,
    /// The next items are of this kind.
    Choose(Kind),
    /// Take this item away again.
    Remove(u64),
    /// Say what the items bring.
    Fit,
    /// Judge by them from now on.
    Apply,
    /// Judge as before the last time something was applied.
    Undo,
    /// Go back to sorting; what was not applied is forgotten.
    End,
}

/// One settled item, as the sorting loop saw it.
#[derive(Clone, Debug)]
pub struct Showing {
    /// What the network said of each frame.
    pub frames: Vec<Embedded>,
    /// What the bin would have done with it.
    pub said: Decision,
    /// The item, as JPEG.
    pub picture: Arc<[u8]>,
    /// All that the network saw of it, as JPEG, where pictures are kept.
    pub whole: Option<Arc<[u8]>>,
}

/// An item on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// What it is asked for by; never used twice in a course.
    pub id: u64,
    /// What the crew said.
    pub kind: Kind,
    /// What the bin would have done with it.
    pub said: Decision,
    /// The item, as JPEG.
    pub picture: Arc<[u8]>,
}

/// An item that looks as if it were of another kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubt {
    /// The item.
    pub id: u64,
    /// When or where it was shown, for an item of an earlier day, of which there is no picture.
    pub name: String,
    /// What the crew said.
    pub kind: Kind,
    /// What the others say it is.
    pub looks_like: Kind,
}

/// What was learnt of what the crew said of drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Corrections {
    /// Corrections that the bin judges by.
    pub inside: usize,
    /// Corrections that would cost items that were shown.
    pub left_out: usize,
}

/// Everything the page shows of teaching.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// A course is on.
    pub on: bool,
    /// Why nothing can be taught here.
    pub refused: Option<String>,
    /// Every kind that can be taught, with the items of it so far, earlier days included.
    pub kinds: Vec<(Kind, usize)>,
    /// What the next items are.
    pub chosen: Option<Kind>,
    /// The items of this course, in the order in which they were shown.
    pub items: Vec<Shown>,
    /// A fit is under way.
    pub fitting: bool,
    /// What the items bring; `None` before a fit of exactly these.
    pub report: Option<Report>,
    /// Items to look at again.
    pub doubts: Vec<Doubt>,
    /// What is shown here is what the bin judges by.
    pub applied: bool,
    /// What was taught on another network, which this one has to be taught again.
    pub again: Option<AgainBoard>,
    /// What was learnt of corrections, where the configuration says so.
    pub corrections: Option<Corrections>,
    /// There is something to go back from.
    pub may_undo: bool,
    /// Why the last thing did not succeed.
    pub trouble: Option<String>,
}

/// What is known of an item besides its embedding.
#[derive(Clone, Debug)]
struct Memory {
    id: u64,
    shown: Option<(Decision, Arc<[u8]>)>,
    whole: Option<Arc<[u8]>>,
}

/// One course of teaching.
#[derive(Clone, Debug)]
pub struct Course {
    session: Session,
    /// One for each of the session's items.
    memories: Vec<Memory>,
    next: u64,
    chosen: Option<Kind>,
    applied: bool,
}

impl Course {
    /// Starts from what the bin was taught before.
    ///
    /// # Errors
    /// As [`Session::begin`].
    pub fn begin(bundle: &Bundle, current: Option<&SiteHead>) -> Result<Self, TeachError> {
        let session = Session::begin(bundle, current)?;
        let next = session.items().len() as u64;
        let memories = (0..next).map(|id| Memory { id, shown: None, whole: None }).collect();
        Ok(Self { session, memories, next, chosen: None, applied: false })
    }

    /// Says what the next items are.
    ///
    /// # Errors
    /// When the bundle has no such label and can have none.
    pub fn choose(&mut self, kind: Kind) -> Result<(), TeachError> {
        let unknown =
            self.session.streams().find(|(label, _)| label.unknown).map(|(label, _)| label.id.clone());
        let name = match (kind, unknown) {
            (Kind::Unknown, Some(name)) => name,
            _ => kind.id().to_owned(),
        };
        self.session.choose(&name)?;
        self.chosen = Some(kind);
        Ok(())
    }

    /// Takes one item for what was chosen; `name` says when it was shown.
    ///
    /// # Errors
    /// As [`Session::add`].
    pub fn add(&mut self, name: &str, showing: &Showing) -> Result<(), TeachError> {
        self.chosen.ok_or(TeachError::NothingChosen)?;
        self.session.add(name, &showing.frames)?;
        let shown = Some((showing.said, Arc::clone(&showing.picture)));
        self.memories.push(Memory { id: self.next, shown, whole: showing.whole.clone() });
        self.next += 1;
        self.applied = false;
        Ok(())
    }

    /// Takes an item away; says whether there was one.
    pub fn remove(&mut self, id: u64) -> bool {
        let Some(place) = self.memories.iter().position(|memory| memory.id == id) else { return false };
        self.memories.remove(place);
        self.applied = false;
        self.session.remove(place)
    }

    /// Fits a head to all items; takes a second or two. Whoever shows more chooses a stream again, so that nothing that
    /// comes into view makes the figures old.
    ///
    /// # Errors
    /// When nothing was shown.
    pub fn fit(&mut self) -> Result<(), TeachError> {
        self.chosen = None;
        self.session.fit().map(|_| ())
    }

    /// The fitted head, if it may be used.
    ///
    /// # Errors
    /// As [`Session::fitted`].
    pub fn fitted(&self) -> Result<&SiteHead, TeachError> {
        self.session.fitted()
    }

    /// Notes whether the bin judges by these items.
    pub const fn note_applied(&mut self, applied: bool) {
        self.applied = applied;
    }

    /// The items of this course that have a picture to be kept, with it.
    pub fn pictured(&self) -> impl Iterator<Item = (&TaughtItem, &Arc<[u8]>)> {
        let items = self.session.items().iter().zip(&self.memories);
        items.filter_map(|(item, memory)| Some((item, memory.whole.as_ref()?)))
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.memories.len()
    }

    /// Whether nothing was shown.
    pub fn is_empty(&self) -> bool {
        self.memories.is_empty()
    }

    /// What the page shows of it.
    pub fn board(&self) -> Board {
        let report = self.session.report();
        let kind = |label: usize| self.session.streams().nth(label).map(|(label, _)| Kind::of(label));
        let doubts = report.into_iter().flat_map(|report| &report.suspects).filter_map(|suspect| {
            let id = self.memories.get(suspect.item)?.id;
            let (kind, looks_like) = (kind(suspect.said)?, kind(suspect.looks_like)?);
            Some(Doubt { id, name: suspect.name.clone(), kind, looks_like })
        });
        let shown = |(memory, item): (&Memory, &TaughtItem)| {
            let (said, picture) = memory.shown.clone()?;
            Some(Shown { id: memory.id, kind: kind(item.label)?, said, picture })
        };
        Board {
            on: true,
            kinds: self.kinds(),
            chosen: self.chosen,
            items: self.memories.iter().zip(self.session.items()).filter_map(shown).collect(),
            report: report.cloned(),
            doubts: doubts.collect(),
            applied: self.applied,
            ..Board::default()
        }
    }

    fn kinds(&self) -> Vec<(Kind, usize)> {
        let count = |kind: Kind| {
            let labels = self.session.streams().filter(|(label, _)| Kind::of(label) == kind);
            labels.map(|(_, items)| items).sum()
        };
        let unknown = self.session.streams().any(|(label, _)| label.unknown).then_some(Kind::Unknown);
        let kinds = Stream::ALL.into_iter().map(Kind::Of).chain(unknown);
        kinds.map(|kind| (kind, count(kind))).collect()
    }
}
