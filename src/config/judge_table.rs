//! `[judge]` checked: every wait, cost and threshold, with its path.

use std::time::Duration;

use super::JudgeConfig;
use super::problems::InFile;
use super::raw::RawConfig;
use crate::judge;
use crate::streams::Stream;

/// What `[judge]`, and the mechanism's part in its waits, come to.
pub(super) fn check(raw: &RawConfig, problems: &mut InFile<'_>) -> JudgeConfig {
    let judge = &raw.judge;
    problems.check(
        judge.votes_least >= 1 && judge.votes_least <= judge.votes_most,
        "judge.votes_least",
        || format!("{} is not 1 to votes_most ({})", judge.votes_least, judge.votes_most),
    );
    problems.check(judge.retries <= 5, "judge.retries", || format!("{} is more than 5", judge.retries));
    let fault_retries = raw.mechanism.retries;
    problems.check(fault_retries <= 20, "mechanism.retries", || format!("{fault_retries} is more than 20"));
    let waits = [
        ("judge.settle_ms", judge.settle_ms, 50..=5_000),
        ("judge.vote_limit_ms", judge.vote_limit_ms, 100..=10_000),
        ("judge.clear_hold_ms", judge.clear_hold_ms, 30..=5_000),
        ("judge.clear_limit_ms", judge.clear_limit_ms, 200..=30_000),
        ("mechanism.move_limit_ms", raw.mechanism.move_limit_ms, 100..=20_000),
    ];
    for (path, value, range) in waits {
        problems.check(range.contains(&value), path, || {
            format!("{value} is not {} to {}", range.start(), range.end())
        });
    }
    let costs = [
        ("judge.cost.lost", judge.cost.lost),
        ("judge.cost.contaminated", judge.cost.contaminated),
        ("judge.cost.dirty", judge.cost.dirty),
    ];
    for (path, cost) in costs {
        problems.check((0.0..=1000.0).contains(&cost), path, || format!("{cost} is not 0 to 1000"));
    }
    let mut cost = judge::cost_table(judge.cost.lost, judge.cost.contaminated, judge.cost.dirty);
    for (index, mistake) in judge.cost.mistakes.iter().enumerate() {
        let path = format!("judge.cost.mistake[{index}]");
        problems.check((0.0..=1000.0).contains(&mistake.cost), &format!("{path}.cost"), || {
            format!("{} is not 0 to 1000", mistake.cost)
        });
        problems.check(mistake.item != mistake.sent_to, &path, || {
            "is no mistake: item and sent_to are equal".to_owned()
        });
        cost[mistake.item.index()][mistake.sent_to.index()] = mistake.cost;
    }
    let mut thresholds = [None; Stream::COUNT];
    for (stream, least) in &judge.thresholds {
        problems.check((0.0..=1.0).contains(least), &format!("judge.thresholds.{stream}"), || {
            format!("{least} is not 0 to 1")
        });
        thresholds[stream.index()] = Some(*least);
    }
    let millis = Duration::from_millis;
    JudgeConfig {
        cost,
        costs: [judge.cost.lost, judge.cost.contaminated, judge.cost.dirty],
        thresholds,
        votes_least: judge.votes_least,
        votes_most: judge.votes_most,
        retries: judge.retries,
        fault_retries: raw.mechanism.retries,
        timing: judge::Timing {
            settle: millis(judge.settle_ms),
            vote_limit: millis(judge.vote_limit_ms),
            clear_hold: millis(judge.clear_hold_ms),
            clear_limit: millis(judge.clear_limit_ms),
            // The mechanism reports its own time-out first.
            move_limit: millis(raw.mechanism.move_limit_ms) + Duration::from_secs(1),
            ..judge::Timing::default()
        },
    }
}
