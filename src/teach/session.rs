//! The crew's teaching, one step after the other: what the commands call, and the page's Teach part.
//!
//! ```text
//! begin -> choose a stream -> add settled items -> fit -> look at before and after -> apply
//!                 ^               | remove                        |                     |
//!                 '---------------'-------------------------------'         undo: one step back
//! ```
//!
//! - Nothing changes how the bin judges before [`Session::apply`].
//! - What was shown since the last fit is in no report and is not applied.

use std::path::PathBuf;

use super::error::TeachError;
use super::fit::{Fitted, fit};
use super::report::Report;
use super::store::Store;
use super::taught::Taught;
use crate::identify::{Bundle, Embedded, Label, SiteHead, TaughtItem};

/// One crew's teaching of one bin.
#[derive(Clone, Debug)]
pub struct Session {
    bundle: Bundle,
    taught: Taught,
    chosen: Option<usize>,
    fitted: Option<Fitted>,
}

impl Session {
    /// Starts from what the bin was shown before; what it learnt of corrections is no part of a lesson.
    ///
    /// # Errors
    /// When the bundle cannot be taught, or the site head is not of this bundle.
    pub fn begin(bundle: &Bundle, current: Option<&SiteHead>) -> Result<Self, TeachError> {
        let taught = match current {
            Some(site) => Taught::of_site(site, bundle)?.shown_only(),
            None => Taught::new(bundle)?,
        };
        Ok(Self { bundle: bundle.clone(), taught, chosen: None, fitted: None })
    }

    /// The labels that may be taught, each with the items shown of it so far.
    pub fn streams(&self) -> impl Iterator<Item = (&Label, usize)> {
        self.taught.labels().iter().zip(self.taught.counts().shown)
    }

    /// Chooses what the next items are: a stream's or a label's name. Returns the label's place.
    ///
    /// # Errors
    /// When the name is neither.
    pub fn choose(&mut self, name: &str) -> Result<usize, TeachError> {
        let label = self.taught.label(name)?;
        self.chosen = Some(label);
        Ok(label)
    }

    /// What the next items are.
    pub fn chosen(&self) -> Option<&Label> {
        self.chosen.and_then(|label| self.taught.labels().get(label))
    }

    /// Adds one settled item of the chosen stream, with what the network said of each of its frames.
    ///
    /// # Errors
    /// When no stream is chosen, there is no frame, there are too many items, or the network is another.
    pub fn add(&mut self, name: &str, frames: &[Embedded]) -> Result<(), TeachError> {
        let label = self.chosen.ok_or(TeachError::NothingChosen)?;
        self.taught.add(label, name, frames)?;
        self.fitted = None;
        Ok(())
    }

    /// Takes an item away, by its place in [`Session::items`]; says whether there was one.
    pub fn remove(&mut self, item: usize) -> bool {
        let removed = self.taught.remove(item).is_some();
        if removed {
            self.fitted = None;
        }
        removed
    }

    /// The items, in the order in which they were shown.
    pub fn items(&self) -> &[TaughtItem] {
        self.taught.items()
    }

    /// Fits a head to all items; takes a second or two.
    ///
    /// # Errors
    /// When nothing was shown.
    pub fn fit(&mut self) -> Result<&Fitted, TeachError> {
        let fitted = fit(&self.taught, &self.bundle)?;
        Ok(self.fitted.insert(fitted))
    }

    /// Before and after, of the items as they are now; `None` before a fit.
    pub fn report(&self) -> Option<&Report> {
        self.fitted.as_ref().map(|fitted| &fitted.report)
    }

    /// The head that was fitted, if it may be used.
    ///
    /// # Errors
    /// When nothing was fitted since the last item, or it is worse than the network alone.
    pub fn fitted(&self) -> Result<&SiteHead, TeachError> {
        let fitted = self.fitted.as_ref().ok_or(TeachError::NotFitted)?;
        if fitted.report.is_worse() {
            let (before, after) = (fitted.report.before.right(), fitted.report.after.right());
            return Err(TeachError::Worse { before, after, items: fitted.report.after.items() });
        }
        Ok(&fitted.site)
    }

    /// Keeps the fitted head as the bin's own; [`crate::identify::Identifier::use_site`] makes it judge.
    ///
    /// # Errors
    /// As [`Session::fitted`], and when it cannot be written.
    pub fn apply(&self, store: &Store) -> Result<(PathBuf, &SiteHead), TeachError> {
        let site = self.fitted()?;
        Ok((store.apply(site)?, site))
    }

    /// Goes back to the site head before, and to its items; `None` for the network alone.
    ///
    /// # Errors
    /// When there is none to go back from, or the one before cannot be used.
    pub fn undo(&mut self, store: &Store) -> Result<Option<SiteHead>, TeachError> {
        let current = match store.undo(&self.bundle)? {
            Some(path) => Some(SiteHead::open(&path, &self.bundle)?),
            None => None,
        };
        *self = Self::begin(&self.bundle, current.as_ref())?;
        Ok(current)
    }
}
