//! what the crew shows -> a site head
//!
//! ```text
//! item shown, stream said --embed--> Taught --fit--> site head + report --apply--> the next looks
//!                             kept ^                 before / after,     undo
//!                                  '---------------- which item is doubtful
//! ```
//!
//! - Items are counted, never frames; embeddings are kept, never pictures.
//! - What finds fewer of the taught items than the network alone is not applied.
//! - A stream that nobody taught is found as before, whatever was taught about the others.
//! - What the crew says of drops afterwards moves little, and never at the cost of what was shown.
//! - No step here reads a clock or a camera.

mod again;
mod attention;
mod corrections;
mod course;
mod error;
mod fit;
mod pictures;
mod recent;
mod report;
mod session;
mod solve;
mod store;
mod taught;
#[cfg(test)]
mod tests;

pub use again::{Again, AgainBoard};
pub use attention::{Attend, Attention, FRAMES_OF_ITEM, Step};
pub use corrections::{CORRECTIONS_MOST, Corrected, Learnt, learn, newest_of_each};
pub use course::{Ask, Board, Corrections, Course, Doubt, Kind, Showing, Shown};
pub use error::TeachError;
pub use fit::{Fitted, fit};
pub use pictures::{PictureLimits, Pictures};
pub use recent::{REMEMBERED, REMEMBERED_DAYS, Recent};
pub use report::{Confusion, Report, Suspect};
pub use session::Session;
pub use store::{Store, write};
pub use taught::Taught;
