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
mod camera;
#[path = "../web/client.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod client;
mod crew;
mod pages;
#[path = "../program/mod.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod program;
mod screen;

use browser::Browser;

/// A phone held upright.
const PHONE: (u32, u32) = (390, 844);
const LAPTOP: (u32, u32) = (1280, 800);

/// A window and a language. What the crew does, it does in each of [`VIEWS`].
#[derive(Clone, Copy, Debug)]
struct View {
    window: (u32, u32),
    language: &'static str,
}

const VIEWS: [View; 4] = [
    View { window: PHONE, language: "ko" },
    View { window: LAPTOP, language: "ko" },
    View { window: PHONE, language: "en" },
    View { window: LAPTOP, language: "en" },
];

impl View {
    /// Opens a page in this window and language.
    fn open(self, browser: &Browser, path: &str) {
        browser.resize(self.window);
        let sign = if path.contains('?') { '&' } else { '?' };
        browser.open(&format!("{path}{sign}lang={}", self.language));
    }

    /// The words of its language.
    fn says<'a>(self, korean: &'a str, english: &'a str) -> &'a str {
        if self.language == "ko" { korean } else { english }
    }
}
