//! What each step costs, one file per step. How to run them and what they gave: README.md.

#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up stops there")]

mod crowd;
mod decode;
mod detect;
mod frame_to_verdict;
mod identify;
mod judge;
mod lesson;
mod support;
mod tally;
mod teach;

fn main() {
    // These last minutes and are no criterion benches: only when they are asked for.
    let asked = |name: &str| std::env::args().any(|argument| argument == name);
    if asked("crowd") {
        return crowd::run();
    }
    if asked("lesson") {
        return lesson::run();
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
