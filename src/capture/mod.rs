//! camera -> newest good [`Frame`].
//!
//! A [`FrameSource`] gives one checked picture after the other; the [`stage`] keeps one open for ever and
//! hands each picture over through the one-slot [`newest`] cell, so that a reader always gets the newest.
//!
//! ```text
//!            open              good frame
//!  (start) --------> Opening ------------> Streaming --- end of a replay ---> Ended
//!                       ^                      |
//!                       |   back-off <= 1 s    | device gone, only bad pictures
//!                       +-------- Lost <-------+
//! ```
//!
//! What never happens here:
//! - never a picture that is cut, torn or of another size: it is refused with its reason, and counted;
//! - never an older picture after a newer one, never the same picture twice;
//! - never a lock or an allocation of ours per frame (zune-jpeg allocates its rows inside, per picture);
//! - never a picture on disk;
//! - never a replay in place of a missing camera: a [`replay::ReplaySource`] is opened only by its own name;
//! - never a panic of the V4L2 crates beyond [`nokhwa`] and `driver.rs`, the only files that name them.
//!
//! A read of a camera that stalls can block for ever (no time limit can be set): the stage's heartbeat and
//! the age of `captured_at` show it, and only a restart of the process ends it.

mod controls;
pub mod device;
mod driver;
mod error;
pub mod events;
mod frame;
pub mod jpeg;
pub mod newest;
pub mod nokhwa;
pub mod replay;
mod source;
pub mod stage;
pub mod tails;
pub mod yuyv;

pub use controls::Controls;
pub use error::{CaptureError, ClipProblem, Refusal};
pub use frame::Frame;
pub use source::{Description, FrameSource, Mode, Next, PixelFormat};
