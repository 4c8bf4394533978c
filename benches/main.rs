//! What each step costs, one file per step. How to run them and what they gave: README.md.

#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up stops there")]

mod crowd;
mod decode;
mod detect;
mod frame_to_verdict;
mod identify;
mod judge;
mod support;
mod tally;
mod teach;

fn main() {
    // It lasts minutes and is no criterion bench: only when it is asked for.
    if std::env::args().any(|argument| argument == "crowd") {
        return crowd::run();
    }
    let mut criterion = support::criterion();
    decode::bench(&mut criterion);
    detect::bench(&mut criterion);
    identify::bench(&mut criterion);
    judge::bench(&mut criterion);
    tally::bench(&mut support::wall_criterion());
    teach::bench(&mut criterion);
    frame_to_verdict::bench(&mut criterion);
    criterion.final_summary();
}
