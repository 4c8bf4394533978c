//! Progress bars, where work is long and somebody watches.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Shorter work needs no bar.
const LEAST_STEPS: usize = 8;

/// A bar on standard error, or a hidden one when nobody watches.
pub(super) fn bar(steps: usize, what: &str) -> ProgressBar {
    if steps < LEAST_STEPS || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta} left");
    let bar = ProgressBar::new(steps as u64).with_message(what.to_owned());
    style.map_or(bar.clone(), |style| bar.with_style(style))
}
