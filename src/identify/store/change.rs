//! How a new bundle becomes the live one, or does not: a pure state machine over [`Switch`].
//!
//! ```text
//!  install ──> shadow ──enough items, enough agreement──> trial ──enough items──> settled
//!                │ disagrees, fails, is too slow,           │ fails, is too slow, ends the process
//!                │ ends the process twice                   │ twice, rejects too much or too little
//!                v                                          v
//!              refused, the old one was live all the time   refused, back to the last good one
//! ```
//!
//! - Only one bundle decides: in the shadow the old one, on trial the new one.
//! - Never a way forward without evidence from this very bin; never more than some items on a bundle that is worse.
//! - No clock, no disk: whoever calls writes [`Change::switch`] when told that it changed, and then acts by it.

use std::collections::VecDeque;
use std::time::Duration;

use super::switch::{Refused, Stage, Switch, Trial};

/// Failed looks in a row that are one too many.
const FAILURES_MOST: u32 = 3;
/// Ends of the process, other than in order, that are one too many.
const CRASHES_MOST: u32 = 2;
/// Looks whose median is held against the limit.
const LOOKS: usize = 9;
/// Items of which the share of rejects is taken, and how many of them at least.
const WINDOW: usize = 20;
const WINDOW_LEAST: usize = 12;

/// What a new bundle is held against.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Items that both bundles judge.
    pub shadow_items: u32,
    /// Share of them that must go to the same stream, 0 to 1.
    pub agreement: f32,
    /// Items that the new one judges before it counts as good.
    pub trial_items: u32,
    /// How far the share of rejects may be from what it was with the old one, 0 to 1.
    pub reject_band: f32,
    /// How long a look may take.
    pub slowest_look: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            shadow_items: 50,
            agreement: 0.8,
            trial_items: 100,
            reject_band: 0.3,
            slowest_look: Duration::from_millis(250),
        }
    }
}

/// One process's part of a change.
#[derive(Clone, Debug)]
pub struct Change {
    switch: Switch,
    limits: Limits,
    failures: u32,
    looks: VecDeque<Duration>,
    /// Of the last items: was it rejected?
    rejects: VecDeque<bool>,
}

impl Change {
    /// A process begins. The start is counted, so the switch is to be written before anything of a new bundle is loaded;
    /// one that ended the process too often is refused here.
    pub fn begin(switch: Switch, limits: Limits) -> Self {
        let mut change = Self {
            switch,
            limits,
            failures: 0,
            looks: VecDeque::with_capacity(LOOKS),
            rejects: VecDeque::with_capacity(WINDOW),
        };
        if let Some(starts) = change.starts() {
            *starts += 1;
            if *starts > CRASHES_MOST {
                change.refuse(format!("it ended the process {CRASHES_MOST} times"));
            }
        }
        change
    }

    /// What is live, what is tried, and how far it is.
    pub fn switch(&self) -> &Switch {
        &self.switch
    }

    /// The process ends in order: this start was no crash. Returns whether the switch changed.
    pub fn stopped(&mut self) -> bool {
        self.starts().map(|starts| *starts = 0).is_some()
    }

    /// The new bundle, live or in the shadow, cannot be used. Returns whether the switch changed.
    pub fn unusable(&mut self, why: String) -> bool {
        let new = self.switch.stage != Stage::Settled;
        if new {
            self.refuse(why);
        }
        new
    }

    /// The new bundle, live or in the shadow, looked at a frame, or failed to. Returns whether the switch changed.
    pub fn looked<E: std::fmt::Display>(&mut self, look: Result<Duration, E>) -> bool {
        match look {
            Err(error) => {
                self.failures += 1;
                self.failures >= FAILURES_MOST
                    && self.unusable(format!("it failed {FAILURES_MOST} times in a row: {error}"))
            }
            Ok(took) => {
                self.failures = 0;
                if self.looks.len() == LOOKS {
                    self.looks.pop_front();
                }
                self.looks.push_back(took);
                let median = median(self.looks.iter().copied());
                let limit = self.limits.slowest_look;
                self.looks.len() == LOOKS
                    && median > limit
                    && self.unusable(format!(
                        "a look takes {} ms, {} ms is the limit",
                        median.as_millis(),
                        limit.as_millis()
                    ))
            }
        }
    }

    /// The live bundle has judged an item, `rejected` by its own doubts; `agreed`: whether the one in the shadow sends it
    /// to the same stream, `None` where that one has not seen it. Returns whether the switch changed.
    pub fn judged(&mut self, rejected: bool, agreed: Option<bool>) -> bool {
        match &mut self.switch.stage {
            Stage::Settled => false,
            Stage::Shadow(shadow) => {
                let Some(agreed) = agreed else { return false };
                shadow.judged += 1;
                shadow.agreed += u32::from(agreed);
                shadow.rejected += u32::from(rejected);
                self.compare();
                true
            }
            Stage::Trial(trial) => {
                trial.items += 1;
                if self.rejects.len() == WINDOW {
                    self.rejects.pop_front();
                }
                self.rejects.push_back(rejected);
                self.prove();
                true
            }
        }
    }

    /// Ends the shadow period when it is decided.
    fn compare(&mut self) {
        let Stage::Shadow(shadow) = &self.switch.stage else { return };
        let (judged, agreed) = (shadow.judged, shadow.agreed);
        let items = self.limits.shadow_items;
        let wanted = self.limits.agreement * items as f32;
        if (judged - agreed) as f32 > items as f32 - wanted {
            let percent = self.limits.agreement * 100.0;
            self.refuse(format!(
                "it agreed with the live bundle on {agreed} of {judged} items, {percent:.0} % of {items} are wanted"
            ));
        } else if judged >= items {
            let rejects = Some(shadow.rejected as f32 / judged.max(1) as f32);
            self.switch = self.switch.on_trial(shadow.bundle.clone(), rejects);
        }
    }

    /// Ends the trial when it is decided.
    fn prove(&mut self) {
        let Stage::Trial(Trial { items, rejects, .. }) = self.switch.stage else { return };
        let count = self.rejects.len();
        let share = self.rejects.iter().filter(|rejected| **rejected).count() as f32 / count.max(1) as f32;
        match rejects {
            Some(before) if count >= WINDOW_LEAST && (share - before).abs() > self.limits.reject_band => {
                self.refuse(format!(
                    "it rejected {:.0} % of the last {count} items, the bundle before it {:.0} %",
                    share * 100.0,
                    before * 100.0
                ));
            }
            _ if items >= self.limits.trial_items => self.switch.stage = Stage::Settled,
            _ => {}
        }
    }

    /// The new bundle is out: it leaves the shadow, or the last good one is live again.
    fn refuse(&mut self, why: String) {
        let back = match &self.switch.stage {
            Stage::Settled => return,
            Stage::Shadow(shadow) => {
                let refused = Refused { bundle: shadow.bundle.clone(), why };
                Switch { stage: Stage::Settled, refused: Some(refused), ..self.switch.clone() }
            }
            Stage::Trial(_) => {
                let mut before = self.switch.before.clone();
                let live = before.pop().unwrap_or_default();
                let refused = self.switch.live.clone().map(|bundle| Refused { bundle, why });
                Switch { live, before, stage: Stage::Settled, refused }
            }
        };
        self.switch = back;
    }

    fn starts(&mut self) -> Option<&mut u32> {
        match &mut self.switch.stage {
            Stage::Settled => None,
            Stage::Shadow(shadow) => Some(&mut shadow.starts),
            Stage::Trial(trial) => Some(&mut trial.starts),
        }
    }
}

/// The middle one; zero of none.
pub(crate) fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut sorted: Vec<_> = times.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        shadow_items: 10,
        agreement: 0.8,
        trial_items: 30,
        reject_band: 0.3,
        slowest_look: Duration::from_millis(100),
    };

    fn begin(switch: &Switch) -> Change {
        Change::begin(switch.clone(), LIMITS)
    }

    /// A bin with the factory's bundle and `old` before it, and `new` in the shadow.
    fn shadow() -> Switch {
        let live = Switch { live: Some("old".to_owned()), before: vec![None], ..Switch::default() };
        live.in_shadow("new".to_owned())
    }

    /// The same, `new` on trial after a shadow period in which a fifth was rejected.
    fn trial() -> Switch {
        shadow().on_trial("new".to_owned(), Some(0.2))
    }

    fn why(change: &Change) -> &str {
        let refused = change.switch().refused.as_ref().unwrap();
        assert_eq!((refused.bundle.as_str(), &change.switch().stage), ("new", &Stage::Settled));
        assert_eq!(change.switch().live.as_deref(), Some("old"));
        assert_eq!(change.switch().before, [None]);
        &refused.why
    }

    fn took(millis: u64) -> Result<Duration, String> {
        Ok(Duration::from_millis(millis))
    }

    #[test]
    fn a_bundle_that_agrees_goes_on_trial_and_one_that_stays_in_its_band_is_good() {
        let mut change = begin(&shadow());
        for item in 0..10 {
            assert_eq!(change.switch().live.as_deref(), Some("old"), "only the old one decides");
            assert!(!change.judged(true, None), "an item that the new one has not seen says nothing");
            assert!(change.judged(item % 5 == 0, Some(item % 5 != 0)));
        }
        let on_trial = change.switch().clone();
        assert_eq!((on_trial.live.as_deref(), on_trial.before.len()), (Some("new"), 2));
        let Stage::Trial(Trial { rejects: Some(rejects), .. }) = on_trial.stage else {
            panic!("{on_trial:?}")
        };
        assert!((rejects - 0.2).abs() < 1e-6);
        // The process begins again with the new one.
        let mut change = begin(&on_trial);
        for item in 0..30 {
            assert_ne!(change.switch().stage, Stage::Settled);
            assert!(change.judged(item % 4 == 0, None));
        }
        assert_eq!(change.switch().stage, Stage::Settled);
        assert_eq!((change.switch().live.as_deref(), &change.switch().refused), (Some("new"), &None));
        assert!(!change.judged(true, None) && !change.unusable("late".to_owned()));
    }

    #[test]
    fn a_bundle_that_disagrees_is_refused_as_soon_as_it_is_certain() {
        let mut change = begin(&shadow());
        for _ in 0..2 {
            change.judged(false, Some(false));
            assert!(change.switch().refused.is_none());
        }
        assert!(change.judged(false, Some(false)));
        assert!(why(&change).contains("0 of 3 items, 80 % of 10"), "{change:?}");
    }

    #[test]
    fn rejects_out_of_their_band_lead_back_on_either_side() {
        // 12 items are needed to know a share; then the first one outside counts.
        for (rejected, before, items) in [(true, Some(0.2), 12), (false, Some(0.4), 12), (true, None, 30)] {
            let mut change = begin(&shadow().on_trial("new".to_owned(), before));
            let end = (1..=30).find(|_| {
                change.judged(rejected, None);
                change.switch().stage == Stage::Settled
            });
            assert_eq!(end, Some(items), "{rejected} {before:?}");
            if before.is_some() {
                assert!(why(&change).contains("of the last 12 items"), "{change:?}");
            } else {
                assert!(change.switch().refused.is_none(), "nothing is known of the bundle before");
            }
        }
    }

    #[test]
    fn a_good_start_does_not_hide_what_comes_later() {
        let mut change = begin(&trial());
        for item in 0..15 {
            assert!(change.judged(item % 5 == 0, None));
        }
        let end = (0..15).find(|_| {
            change.judged(true, None);
            change.switch().stage == Stage::Settled
        });
        assert_eq!(end, Some(8), "the last 20 items count");
        assert!(why(&change).starts_with("it rejected"));
    }

    #[test]
    fn failures_in_a_row_and_slow_looks_end_shadow_and_trial() {
        for new in [shadow(), trial()] {
            let mut change = begin(&new);
            for _ in 0..5 {
                assert!(!change.looked(Err("no")) && !change.looked(Err("no")) && !change.looked(took(3)));
            }
            assert!(
                !change.looked(Err("no")) && !change.looked(Err("no")) && change.looked(Err("no memory"))
            );
            assert_eq!(why(&change), "it failed 3 times in a row: no memory");

            let mut change = begin(&new);
            // Four slow ones of nine may be another program's fault.
            for round in 0..100 {
                assert!(!change.looked(took(if round % 9 < 4 { 900 } else { 100 })), "{round}");
            }
            assert_eq!((0..9).find(|_| change.looked(took(101))), Some(3));
            assert!(why(&change).contains("101 ms, 100 ms is the limit"));
        }
    }

    #[test]
    fn two_crashes_lead_back_and_orderly_ends_do_not_count() {
        for new in [shadow(), trial()] {
            let mut written = new.clone();
            for _ in 0..5 {
                let mut change = begin(&written);
                assert!(change.stopped());
                written = change.switch().clone();
            }
            assert!(written.refused.is_none());
            for crash in 0..2 {
                written = begin(&written).switch().clone();
                assert!(written.refused.is_none(), "crash {crash}");
            }
            assert!(why(&begin(&written)).contains("ended the process 2 times"));
        }
    }

    #[test]
    fn what_cannot_be_loaded_is_refused_and_a_settled_bin_is_left_alone() {
        let mut change = begin(&trial());
        assert!(change.unusable("model.onnx cannot be loaded".to_owned()));
        assert_eq!(why(&change), "model.onnx cannot be loaded");
        let settled = Switch::default();
        let mut change = begin(&settled);
        assert!(!change.stopped() && !change.looked(Err("no")) && !change.looked(Err("no")));
        assert!(!change.looked(Err("no")) && !change.judged(true, None));
        assert_eq!(change.switch(), &settled);
    }
}
