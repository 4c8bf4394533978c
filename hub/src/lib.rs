//! The city's side of Bunri: takes in what the recycling bins say over MQTT, once each, keeps it, and shows it.
//!
//! ```text
//!   broker ──> ingest ──> store ──────────> PostgreSQL or SQLite
//!      ^       wire.rs    one transaction        │
//!      │       a batch    a batch                ├──> reconcile: what bins report against what is held
//!      └── acknowledged only after the commit    └──> web: the district's page, the residents' page, the read API
//! ```
//!
//! # What never happens
//!
//! - No message is acknowledged before the database has committed it ([`ingest`]).
//! - No message changes the tables twice, and no order of arrival changes the result ([`store`]).
//! - Nothing that does not parse is lost or stops the rest: it goes to the dead letters, with the reason.
//! - No memory grows with the backlog: the broker hands out a bounded number of unacknowledged messages.
//!
//! The contract with the bins is `CONTRACT.md`; [`wire`] reads it.

pub mod clock;
pub mod config;
pub mod ingest;
mod locations;
pub mod ngsi;
pub mod reckoning;
pub mod store;
pub mod web;
pub mod wire;
