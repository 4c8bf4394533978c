//! "That was glass": what the crew says of drops, learnt on top of what it showed, within limits.
//!
//! - Of each stream at most the newest few, each counting half an item: whoever says a hundred wrong things moves as little
//!   as who says five.
//! - Never at the cost of what was shown: as soon as fewer of the shown items are found, by leaving each out, than without
//!   the corrections of a stream, those are left out.
//! - A stream that nobody taught, nor corrected, is found as before; so it is in every site head.
//! - Of a drop the newest word holds: said otherwise later, its item changes sides. A word on what went right is learnt too:
//!   without any, the stream that others are mistaken for could not give way.

use super::error::TeachError;
use super::fit::{Fitted, fit};
use super::taught::Taught;
use crate::identify::{Bundle, SiteHead, TaughtItem};
use crate::streams::Stream;

/// Corrections of one stream that are learnt at most, the newest.
pub const CORRECTIONS_MOST: usize = 5;

/// What the crew said of one drop, and what the network had said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrected {
    /// The drop's name.
    pub drop_id: String,
    /// What to call it in a report.
    pub name: String,
    /// What it truly was.
    pub truth: Stream,
    /// The network's embedding.
    pub embedding: Vec<f32>,
    /// The network's own logits.
    pub logits: Vec<f32>,
}

/// A site head with corrections on top of what was shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Learnt {
    /// To judge by; `None` where nothing could be learnt of the corrections.
    pub fitted: Option<Fitted>,
    /// Corrections inside.
    pub inside: usize,
    /// Corrections left out, since fewer shown items would be found.
    pub left_out: usize,
}

/// The corrections that count of many, the oldest first: the newest few of each stream.
pub fn newest_of_each(mut corrected: Vec<Corrected>) -> Vec<Corrected> {
    let mut counts = [0; Stream::COUNT];
    let mut newest: Vec<Corrected> = Vec::new();
    while let Some(item) = corrected.pop() {
        let count = &mut counts[item.truth.index()];
        if *count < CORRECTIONS_MOST {
            *count += 1;
            newest.push(item);
        }
    }
    newest.reverse();
    newest
}

/// Fits what was shown together with the corrections that do no harm. `base` is what the bin was shown, if anything.
///
/// # Errors
/// As [`fit`].
pub fn learn(
    bundle: &Bundle,
    base: Option<&SiteHead>,
    corrected: &[Corrected],
) -> Result<Learnt, TeachError> {
    let shown = match base {
        Some(site) => Taught::of_site(site, bundle)?.shown_only(),
        None => Taught::new(bundle)?,
    };
    let found = if shown.items().is_empty() { 0 } else { fit(&shown, bundle)?.report.after.right() };
    let harmless = |fitted: &Fitted| fitted.report.after.right() >= found && !fitted.report.is_worse();

    let all = with(&shown, corrected)?;
    let inside = all.items().len() - shown.items().len();
    if inside == 0 {
        return Ok(Learnt { fitted: None, inside: 0, left_out: corrected.len() });
    }
    let fitted = fit(&all, bundle)?;
    if harmless(&fitted) {
        return Ok(Learnt { fitted: Some(fitted), inside, left_out: corrected.len() - inside });
    }
    // One stream after the other, so that a bad word on one does not cost the good ones on the others.
    let (mut kept, mut best) = (shown, None);
    for stream in Stream::ALL {
        let of_stream: Vec<Corrected> =
            corrected.iter().filter(|item| item.truth == stream).cloned().collect();
        let tried = with(&kept, &of_stream)?;
        if tried.items().len() == kept.items().len() {
            continue;
        }
        let fitted = fit(&tried, bundle)?;
        if harmless(&fitted) {
            (kept, best) = (tried, Some(fitted));
        }
    }
    let inside = kept.items().len() - kept.shown().len();
    Ok(Learnt { fitted: best, inside, left_out: corrected.len() - inside })
}

/// What was shown and these; what has no room is left out.
pub(super) fn with(taught: &Taught, corrected: &[Corrected]) -> Result<Taught, TeachError> {
    let mut taught = taught.clone();
    for item in corrected {
        let label = taught.label(item.truth.id())?;
        let added = taught.add_corrected(TaughtItem {
            label,
            name: item.name.clone(),
            frames: 1,
            embedding: item.embedding.clone(),
            logits: item.logits.clone(),
            correction: Some(item.drop_id.clone()),
        });
        match added {
            Err(TeachError::TooMany { .. }) => break,
            added => added?,
        }
    }
    Ok(taught)
}
