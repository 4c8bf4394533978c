//! What can go wrong while teaching.

use std::path::PathBuf;

/// Items that cannot be taught, or a site head that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum TeachError {
    /// The bundle is not made for teaching.
    #[error(
        "the bundle {bundle} cannot be taught: {message}; install a bundle with an embedding and its statistics"
    )]
    Bundle {
        /// Its name and version.
        bundle: String,
        /// What it lacks.
        message: String,
    },
    /// There is nothing to fit.
    #[error("no item was taught yet: show the bin at least one item of a stream")]
    NothingTaught,
    /// No stream was chosen.
    #[error("no stream is chosen: say first what the items are")]
    NothingChosen,
    /// There is no fit of the items as they are now.
    #[error("the items were not fitted since the last one was shown or taken away; fit them first")]
    NotFitted,
    /// The fit is worse than the network alone.
    #[error(
        "it finds {after} of the {items} items and the network alone {before}, so it is not applied; look at the items \
         that look mislabelled"
    )]
    Worse {
        /// Items the network alone finds.
        before: u32,
        /// Items the fitted head finds.
        after: u32,
        /// Items in all.
        items: u32,
    },
    /// The bin is not being taught.
    #[error("no lesson is on: begin one first")]
    NoLesson,
    /// It is teaching itself again.
    #[error("what was taught before is being taught again to the new network: wait until that is done")]
    TeachingAgain,
    /// The configuration names a site head of its own.
    #[error("[model] site names {path}, which would hide what is taught here; take that line out first", path = path.display())]
    Configured {
        /// The named file.
        path: PathBuf,
    },
    /// The sorting loop does not answer.
    #[error("it is kept, but the sorting loop does not answer; it holds from the next start")]
    NotHeard,
    /// There are too many items.
    #[error("{items} taught items are more than the {limit} that a site head keeps; take some away first")]
    TooMany {
        /// How many there are.
        items: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A name is neither a stream nor a label of the bundle.
    #[error("'{name}' is neither a stream nor a label of the bundle; there are {known}")]
    NoSuchLabel {
        /// The name.
        name: String,
        /// What there is.
        known: String,
    },
    /// An embedding has another size than the network's.
    #[error(
        "an embedding has {found} numbers and the network {wanted} of them; teach with the bundle that is in use"
    )]
    Width {
        /// The item's.
        found: usize,
        /// The network's.
        wanted: usize,
    },
    /// The items have no numbers to calculate with.
    #[error("the taught items cannot be told apart in numbers; take away the last one and show it again")]
    Singular,
    /// What was fitted cannot be written as a site file.
    #[error("the site head cannot be written: {message}")]
    Unwritable {
        /// Why not.
        message: String,
    },
    /// A folder or file of the site heads cannot be used.
    #[error("cannot {doing} {path}: {source}; check the folder's permissions and its free space", path = path.display())]
    Store {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// There is no site head to go back from.
    #[error("{folder} holds no site head, so there is nothing to undo", folder = folder.display())]
    NothingToUndo {
        /// Where they are kept.
        folder: PathBuf,
    },
    /// What the crew said of drops cannot be read.
    #[error(transparent)]
    Ledger(#[from] crate::tally::TallyError),
    /// A site head or an item's picture is no good.
    #[error(transparent)]
    Identify(#[from] crate::identify::IdentifyError),
}

impl TeachError {
    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            TeachError::Store { source, .. } => {
                matches!(source.kind(), std::io::ErrorKind::Interrupted | std::io::ErrorKind::StorageFull)
            }
            TeachError::Identify(error) => error.is_transient(),
            TeachError::Ledger(error) => error.is_transient(),
            _ => false,
        }
    }
}
