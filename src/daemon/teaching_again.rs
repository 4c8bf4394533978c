//! After another bundle has come: what was taught on the one before is taught again, picture by picture, by the teacher.
//!
//! - Only where pictures were kept; what has none is told to the crew, by the page, the log and the doctor.
//! - For the bundle that judges, whose head is in force at the end; and for one that judges beside it, so that it is taught
//!   before it decides.
//! - Never in anybody's way: one picture whenever nobody asks the teacher anything, after all other threads in turn.

use super::events::{MustBeShown, TaughtAgain};
use crate::config::Config;
use crate::identify::{Bundle, Identifier, SiteHead};
use crate::teach::{Again, AgainBoard, PictureLimits, Pictures, Store, TeachError};

/// Where the pictures of taught items are kept; what an earlier configuration kept is removed.
///
/// # Errors
/// When it cannot be removed.
pub fn pictures(config: &Config, now_ms: i64) -> Result<Option<Pictures>, TeachError> {
    let Some(keeping) = config.web.as_ref().and_then(|web| web.keep_frames) else {
        return Pictures::forget(&config.state_dir).map(|()| None);
    };
    let limits = PictureLimits {
        until: keeping.until,
        zone: config.zone.clone(),
        days_most: keeping.days_most,
        bytes_most: keeping.bytes_most,
    };
    let pictures = Pictures::of(&config.state_dir, limits);
    pictures.tidy(now_ms).map(|()| Some(pictures))
}

/// Teaching again, for one bundle.
pub(super) struct Resumption {
    bundle: Bundle,
    /// Whether that is the one that judges.
    pub(super) judges: bool,
    again: Again,
    /// The network, apart from the one that sorts; loaded for the first picture.
    identifier: Option<Identifier>,
}

/// What came of a step.
pub(super) enum Step {
    /// There is more to do.
    Onward,
    /// This is what was taught again; every picture is kept for the new network, too.
    Taught(Box<SiteHead>),
    /// Nothing can be used of it.
    Failed(TeachError),
}

impl Resumption {
    /// What is to be taught again on this bundle; `None`: nothing was left behind.
    ///
    /// # Errors
    /// When the site heads cannot be read, or the bundle cannot be taught.
    pub(super) fn of(
        bundle: &Bundle,
        judges: bool,
        store: &Store,
        pictures: Option<&Pictures>,
    ) -> Result<Option<Self>, TeachError> {
        let Some(old) = store.left_behind(bundle)? else { return Ok(None) };
        let again = Again::begin(&old, bundle, pictures)?;
        let board = again.board();
        if judges && !board.to_show.is_empty() {
            MustBeShown { board }.emit();
        }
        Ok(Some(Self { bundle: bundle.clone(), judges, again, identifier: None }))
    }

    pub(super) fn board(&self) -> &AgainBoard {
        self.again.board()
    }

    /// Whether there is a picture to look at.
    pub(super) fn is_on(&self) -> bool {
        self.again.board().on
    }

    /// Looks at the next picture, or brings it to an end.
    pub(super) fn step(&mut self, config: &Config, pictures: Option<&Pictures>, now_ms: i64) -> Step {
        match self.try_step(config, pictures, now_ms) {
            Ok(None) => Step::Onward,
            Ok(Some(site)) => Step::Taught(Box::new(site)),
            Err(error) => {
                self.identifier = None;
                Step::Failed(error)
            }
        }
    }

    fn try_step(
        &mut self,
        config: &Config,
        pictures: Option<&Pictures>,
        now_ms: i64,
    ) -> Result<Option<SiteHead>, TeachError> {
        let Some(item) = self.again.next() else {
            // The network's memory goes first.
            self.identifier = None;
            let (site, pairs) = self.again.end(&self.bundle)?;
            for (before, now) in &pairs {
                if let Some(pictures) = pictures {
                    pictures.pass_on(before, now, now_ms)?;
                }
            }
            let bundle = self.bundle.title();
            TaughtAgain { items: pairs.len(), bundle: &bundle, judges: self.judges }.emit();
            return Ok(Some(site));
        };
        let jpeg = pictures.and_then(|pictures| pictures.get(item));
        let identifier = match &mut self.identifier {
            Some(identifier) => identifier,
            none => none.insert(Identifier::load(self.bundle.clone(), &config.runtime, None)?),
        };
        let seen = jpeg.and_then(|jpeg| identifier.embed_picture(&jpeg).ok());
        self.again.seen(seen.as_ref())?;
        Ok(None)
    }
}
