//! Bunri (분리, "to separate"): the software inside an AI recycling bin.
//!
//! One Linux board per bin watches the chamber with a camera, recognises the item a resident drops, swings the flap
//! to the right compartment, writes down what truly happened and tells the city's hub, through every outage.
//!
//! # The flow
//!
//! Rooms sort alphabetically into the order in which data flows:
//!
//! ```text
//!  capture ──> detect ──> identify ──> judge ──> mechanism
//!  newest      is it      what is      one       the flap,
//!  good        there,     it?          verdict,  safely
//!  frame       still,                  or why      │
//!              a hand?                 not         v
//!                                        └─────> tally ──> uplink ──> the city's hub
//!                                                on disk   outbox      web ──> crew, residents
//!                                                first     over MQTT
//! ```
//!
//! `Frame -> Presence -> Identified -> Verdict -> Movement -> Drop -> Published`
//!
//! # What never happens
//!
//! - The flap never moves while a hand is in view, anything moves or the picture cannot be trusted; whatever moves
//!   when a hand comes turns back ([`judge`], [`mechanism`]).
//! - No movement happens before its intent is on disk, and no item counts twice or not at all, through power cuts,
//!   crashes and outages ([`tally`], [`uplink`]).
//! - A stale frame is never looked at: frames cross in a one-slot cell that the next one overwrites
//!   ([`capture::newest`]). Commands cross in bounded queues. Drops are never dropped.
//! - No simulated hardware stands in for a missing device; it is used where the configuration names it.
//! - No step reads a clock, does I/O or waits: a step is `step(input, now) -> output`, threads are shells around
//!   steps, and the daemon, `bunri replay`, the tests and the benches call the very same ones.
//! - No room imports a later one; only [`daemon`] knows them all. Only `capture/nokhwa.rs` names nokhwa, only
//!   `identify/session.rs` names ort, only `mechanism/gpio.rs` names gpiocdev, only `uplink/client/` names the MQTT
//!   crates. `tests/house.rs` checks it.
//! - No frame touches the disk, unless the configuration keeps small ones for a while ([`web::album`]); none leaves by
//!   the uplink.
//!
//! # Where to start reading
//!
//! [`judge`] is the heart: a state machine with its drawing. [`daemon::Sorter`] puts detect, identify and judge in
//! sequence; [`daemon`] wires the threads; [`daemon::rehearse`] runs the same steps in simulated time. [`config`]
//! says what can be set, [`commands`] what can be asked.

pub mod capture;
pub mod clock;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod detect;
pub mod identify;
pub mod judge;
pub mod mechanism;
mod one_line;
pub mod streams;
pub mod tally;
pub mod teach;
pub mod uplink;
pub mod web;
mod whole_file;
