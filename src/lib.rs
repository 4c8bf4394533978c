//! Bunri (분리, "to separate"): the software inside an AI recycling bin.

pub mod capture;
pub mod clock;
pub mod detect;
pub mod identify;
pub mod judge;
pub mod mechanism;
pub mod streams;
