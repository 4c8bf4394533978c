//! The pages in a real browser: what people see, at a phone's and a laptop's size, in both languages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test stops where it failed"
)]

#[path = "../web/bin.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod bin;
mod browser;
#[path = "../web/client.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod client;
mod crew;
mod pages;
#[path = "../program/mod.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod program;
mod screen;

/// A phone held upright.
const PHONE: (u32, u32) = (390, 844);
const LAPTOP: (u32, u32) = (1280, 800);
