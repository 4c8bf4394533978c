//! camera -> newest good [`Frame`].

mod frame;

pub use frame::Frame;
