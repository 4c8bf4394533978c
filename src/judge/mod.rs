//! votes + rules -> one [`Verdict`].

mod verdict;

pub use verdict::{CompartmentId, Reason, Verdict};
