//! What each bin reports against what is held, as a table for a terminal.

use std::fmt::Write as _;

use crate::store::{EpochCheck, State};

/// Whether somebody should look at it.
pub fn is_alarming(check: &EpochCheck) -> bool {
    matches!(check.state, State::Gap | State::Clone)
}

/// One line per ledger, and under a gap the numbers that are missing.
pub fn table(checks: &[EpochCheck]) -> String {
    let mut text = format!(
        "{:<32} {:<10} {:>9} {:>9} {:>8} {:>7} {:>8} {:>6}  ledger\n",
        "bin", "state", "reported", "held", "missing", "voided", "given up", "clones"
    );
    for check in checks {
        let name = format!("{}/{}", check.district, check.bin);
        let reported = check.reported.map_or_else(|| "-".to_owned(), |reported| reported.to_string());
        let state = match check.state {
            State::Complete => "complete",
            State::Behind => "behind",
            State::Gap => "GAP",
            State::Clone => "CLONE",
            State::Unreported => "unreported",
        };
        let reset = if check.reset { " (new ledger)" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{name:<32} {state:<10} {reported:>9} {:>9} {:>8} {:>7} {:>8} {:>6}  {}{reset}",
            check.held, check.missing, check.voided, check.given_up, check.clones, check.epoch
        );
        for (first, last) in &check.holes {
            let _ = writeln!(text, "{:<32} not held: {first} to {last}", "");
        }
    }
    text
}
