//! The capture room as the rest of the program uses it: clips on disk, the hand-off between threads, the stage.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy.toml allows both in tests, but not in their helpers"
)]

mod newest;
mod replay;
mod stage;
mod support;
