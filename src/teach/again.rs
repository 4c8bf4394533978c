//! A network that was exchanged: what was taught on the one before is taught again from its pictures, where they were kept,
//! and otherwise has to be shown again.
//!
//! - One picture at a time, whenever whoever calls has nothing better to do; nothing is in force before the last.
//! - Labels are carried over by their names: another bundle may number them otherwise.

use std::collections::VecDeque;

use super::course::Kind;
use super::error::TeachError;
use super::fit::fit;
use super::pictures::Pictures;
use super::taught::Taught;
use crate::identify::{Bundle, Embedded, SiteHead, TaughtItem};

/// How far it is, for the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgainBoard {
    /// Name and version of the bundle that the items were taught on.
    pub bundle: String,
    /// Items that are taught again by themselves.
    pub items: usize,
    /// How many of them are done.
    pub done: usize,
    /// It is under way.
    pub on: bool,
    /// What has to be shown again: of what, and how many.
    pub to_show: Vec<(Kind, usize)>,
    /// When or where those were shown.
    pub names: Vec<String>,
}

/// Teaching again.
#[derive(Debug)]
pub struct Again {
    taught: Taught,
    waiting: VecDeque<TaughtItem>,
    /// What was taught again, as the old network had seen it.
    done: Vec<TaughtItem>,
    board: AgainBoard,
}

impl Again {
    /// Sorts out what of `old` can be taught again on `bundle`.
    ///
    /// # Errors
    /// When the bundle cannot be taught.
    pub fn begin(old: &SiteHead, bundle: &Bundle, pictures: Option<&Pictures>) -> Result<Self, TeachError> {
        let taught = Taught::new(bundle)?;
        let (with, without): (Vec<&TaughtItem>, Vec<&TaughtItem>) =
            old.shown().partition(|item| pictures.is_some_and(|pictures| pictures.holds(item)));
        let mut again = Self {
            taught,
            waiting: VecDeque::new(),
            done: Vec::new(),
            board: AgainBoard { bundle: old.bundle.clone(), ..AgainBoard::default() },
        };
        for item in without {
            again.must_be_shown(old, item);
        }
        for item in with {
            let name = old.labels.get(item.label).map(|label| label.id.clone()).unwrap_or_default();
            match again.taught.label(&name) {
                Ok(label) => again.waiting.push_back(TaughtItem { label, ..item.clone() }),
                Err(_) => again.must_be_shown(old, item),
            }
        }
        again.board.items = again.waiting.len();
        again.board.on = again.board.items > 0;
        Ok(again)
    }

    fn must_be_shown(&mut self, old: &SiteHead, item: &TaughtItem) {
        if let Some(label) = old.labels.get(item.label) {
            self.count(Kind::of(label), &item.name);
        }
    }

    fn count(&mut self, kind: Kind, name: &str) {
        let to_show = &mut self.board.to_show;
        match to_show.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, items)) => *items += 1,
            None => to_show.push((kind, 1)),
        }
        self.board.names.push(name.to_owned());
    }

    /// How far it is.
    pub fn board(&self) -> &AgainBoard {
        &self.board
    }

    /// The next item whose picture is to be looked at; `None`: that was all of them.
    pub fn next(&self) -> Option<&TaughtItem> {
        self.waiting.front()
    }

    /// What the network says of it now; `None` where its picture could not be looked at.
    ///
    /// # Errors
    /// As [`Taught::add`].
    pub fn seen(&mut self, seen: Option<&Embedded>) -> Result<(), TeachError> {
        let Some(item) = self.waiting.pop_front() else { return Ok(()) };
        let Some(seen) = seen else {
            self.board.items -= 1;
            let kind = self.taught.labels().get(item.label).map(Kind::of);
            if let Some(kind) = kind {
                self.count(kind, &item.name);
            }
            return Ok(());
        };
        self.taught.add(item.label, &item.name, std::slice::from_ref(seen))?;
        self.board.done += 1;
        self.done.push(item);
        Ok(())
    }

    /// The head that came of it, if it may be used, with each item as it was and as it is now.
    ///
    /// # Errors
    /// When there is nothing, or it is worse than the network alone.
    pub fn end(&mut self, bundle: &Bundle) -> Result<(SiteHead, Vec<(TaughtItem, TaughtItem)>), TeachError> {
        self.board.on = false;
        let fitted = fit(&self.taught, bundle)?;
        if fitted.report.is_worse() {
            let (before, after) = (fitted.report.before.right(), fitted.report.after.right());
            return Err(TeachError::Worse { before, after, items: fitted.report.after.items() });
        }
        let pairs = self.done.drain(..).zip(fitted.site.taught.iter().cloned()).collect();
        Ok((fitted.site, pairs))
    }
}
