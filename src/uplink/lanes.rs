//! Which rows of the outbox go next: a backlog that never holds up what happens now. Pure: asked and told, no I/O.
//!
//! ```text
//!   ids:  1 2 3 4 5 6 7 8 9 | 10 11 12 ...
//!         ──── backlog ──── ^ ── fresh ──
//!         in order,       boundary: the newest row when the connection began,
//!         rate limited,             or when nobody listened
//!         at most its share
//!         of the window
//! ```
//!
//! - Each lane is in order. The backlog goes first where both may, so that after a short gap everything is in order.
//! - The backlog never fills the window: a fresh row waits for no more than what is already under way.
//! - A row that nobody took goes back to the backlog, which then pauses and tries with single rows. A fresh row is still
//!   sent at once, and the first row that is taken ends the pause.
//!
//! Never hands out a row that is under way, never forgets one that was not taken.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::Moment;

/// How much may be under way, and how fast a backlog may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    /// Rows under way at one time.
    pub(super) window: usize,
    /// The part of the window that the backlog may use, 0 to 1; at least one row, and one less than all.
    pub(super) replay_share: f64,
    /// Rows of the backlog in one second, at least 1.
    pub(super) replay_per_s: u32,
}

impl Limits {
    fn replay_window(&self) -> usize {
        let share = (self.window as f64 * self.replay_share.clamp(0.0, 1.0)) as usize;
        share.min(self.window.saturating_sub(1)).max(1)
    }
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// What waited when the connection began, or was not taken.
    Backlog,
    /// What happens now.
    Fresh,
}

/// Rows to read from the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) lane: Lane,
    /// Rows after this one.
    pub(super) after: u64,
    /// So many at most.
    pub(super) limit: usize,
}

#[derive(Debug)]
struct Cursor {
    /// Every row of the lane up to this one was handed out.
    at: u64,
    /// Whether there may be rows after it.
    more: bool,
}

/// The rows of one connection.
#[derive(Debug)]
pub(super) struct Lanes {
    limits: Limits,
    under_way: BTreeSet<u64>,
    backlog_under_way: usize,
    boundary: u64,
    backlog: Cursor,
    fresh: Cursor,
    bucket: Bucket,
    /// Nobody took the last row: when the backlog may try again.
    paused: Option<Moment>,
}

impl Lanes {
    /// All rows up to `head` are the backlog.
    pub(super) fn new(limits: Limits, head: u64, now: Moment) -> Self {
        Self {
            limits,
            under_way: BTreeSet::new(),
            backlog_under_way: 0,
            boundary: head,
            backlog: Cursor { at: 0, more: head > 0 },
            fresh: Cursor { at: head, more: true },
            bucket: Bucket::new(limits.replay_per_s, now),
            paused: None,
        }
    }

    /// There may be new rows.
    pub(super) fn news(&mut self) {
        self.fresh.more = true;
    }

    /// Whether the last row came back because nobody listens.
    pub(super) const fn nobody_listens(&self) -> bool {
        self.paused.is_some()
    }

    /// What to read now; `None` while there is nothing to read or no room.
    pub(super) fn wanted(&mut self, now: Moment) -> Option<Ask> {
        let room = self.limits.window.saturating_sub(self.under_way.len());
        if self.backlog.more && self.backlog.at < self.boundary {
            let limit = self.replay_room(now).min(room);
            if limit > 0 {
                return Some(Ask { lane: Lane::Backlog, after: self.backlog.at, limit });
            }
        }
        (self.fresh.more && room > 0).then_some(Ask { lane: Lane::Fresh, after: self.fresh.at, limit: room })
    }

    fn replay_room(&mut self, now: Moment) -> usize {
        let window = match self.paused {
            Some(until) if now < until => 0,
            Some(_) => 1,
            None => self.limits.replay_window(),
        };
        window.saturating_sub(self.backlog_under_way).min(self.bucket.whole(now))
    }

    /// Takes what the outbox answered, its ids in order, and returns those to send.
    pub(super) fn found(&mut self, ask: Ask, ids: &[u64]) -> Vec<u64> {
        let boundary = self.boundary;
        let in_lane = |id: &u64| ask.lane == Lane::Fresh || *id <= boundary;
        let ids: Vec<u64> = ids.iter().copied().filter(in_lane).collect();
        let cursor = match ask.lane {
            Lane::Backlog => &mut self.backlog,
            Lane::Fresh => &mut self.fresh,
        };
        cursor.more = ids.len() >= ask.limit;
        cursor.at = ids.last().copied().unwrap_or(cursor.at);
        let to_send: Vec<u64> = ids.into_iter().filter(|id| self.under_way.insert(*id)).collect();
        if ask.lane == Lane::Backlog {
            self.backlog_under_way += to_send.len();
            self.bucket.spend(to_send.len());
        }
        to_send
    }

    /// The row has arrived: it is done, and whoever took it will take others.
    pub(super) fn taken(&mut self, id: u64) {
        self.ended(id);
        self.paused = None;
    }

    /// Nobody took the row: it and all that came before are the backlog now, which waits until `again`.
    pub(super) fn not_taken(&mut self, id: u64, again: Moment) {
        self.ended(id);
        self.paused = Some(again);
        self.backlog.at = self.backlog.at.min(id.saturating_sub(1));
        self.backlog.more = true;
        if self.fresh.at > self.boundary {
            self.boundary = self.fresh.at;
            self.backlog_under_way = self.under_way.len();
        }
    }

    fn ended(&mut self, id: u64) {
        if self.under_way.remove(&id) && id <= self.boundary {
            self.backlog_under_way = self.backlog_under_way.saturating_sub(1);
        }
    }

    /// How long until the backlog may go on; `None` when only an answer or a new row changes anything.
    pub(super) fn wait(&mut self, now: Moment) -> Option<Duration> {
        if !self.backlog.more || self.backlog.at >= self.boundary {
            return None;
        }
        match self.paused {
            Some(until) if now < until => Some(until.since(now)),
            _ if self.backlog_under_way == 0 => Some(self.bucket.next_in(now)),
            _ => (self.bucket.whole(now) == 0).then(|| self.bucket.next_in(now)),
        }
    }
}

/// A token bucket that holds one second's worth.
#[derive(Debug)]
struct Bucket {
    per_s: f64,
    tokens: f64,
    at: Moment,
}

impl Bucket {
    fn new(per_s: u32, now: Moment) -> Self {
        let per_s = f64::from(per_s.max(1));
        Self { per_s, tokens: per_s, at: now }
    }

    fn whole(&mut self, now: Moment) -> usize {
        self.tokens = (self.tokens + now.since(self.at).as_secs_f64() * self.per_s).min(self.per_s);
        self.at = now;
        self.tokens as usize
    }

    fn spend(&mut self, tokens: usize) {
        let tokens = tokens as f64;
        self.tokens = (self.tokens - tokens).max(0.0);
    }

    fn next_in(&mut self, now: Moment) -> Duration {
        let missing = if self.whole(now) > 0 { 0.0 } else { 1.0 - self.tokens };
        // A little more, so that a timer that is early by its rounding does not find an empty bucket.
        Duration::from_secs_f64(missing / self.per_s) + Duration::from_millis(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { window: 8, replay_share: 0.5, replay_per_s: 100 };

    /// An outbox with everything that can be asked of it.
    struct World {
        lanes: Lanes,
        outbox: BTreeSet<u64>,
        under_way: Vec<u64>,
        taken: Vec<u64>,
        now: Moment,
    }

    impl World {
        fn new(rows: u64, limits: Limits) -> Self {
            let now = Moment::from_millis(1_000);
            let lanes = Lanes::new(limits, rows, now);
            Self { lanes, outbox: (1..=rows).collect(), under_way: Vec::new(), taken: Vec::new(), now }
        }

        fn send(&mut self) -> Vec<(Lane, u64)> {
            let mut sent = Vec::new();
            while let Some(ask) = self.lanes.wanted(self.now) {
                let ids: Vec<u64> = self.outbox.range(ask.after + 1..).take(ask.limit).copied().collect();
                for id in self.lanes.found(ask, &ids) {
                    assert!(!self.under_way.contains(&id), "{id} is under way already");
                    self.under_way.push(id);
                    sent.push((ask.lane, id));
                }
                assert!(self.under_way.len() <= self.lanes.limits.window);
            }
            sent
        }

        fn answer(&mut self, taken: bool) {
            if self.under_way.is_empty() {
                return;
            }
            let id = self.under_way.remove(0);
            if taken {
                self.lanes.taken(id);
                self.outbox.remove(&id);
                self.taken.push(id);
            } else {
                self.lanes.not_taken(id, self.now + Duration::from_secs(1));
            }
        }

        fn add(&mut self) -> u64 {
            let id =
                self.outbox.last().copied().unwrap_or(0).max(self.taken.iter().copied().max().unwrap_or(0))
                    + 1;
            self.outbox.insert(id);
            self.lanes.news();
            id
        }
    }

    #[test]
    fn a_fresh_row_never_waits_behind_a_backlog() {
        let mut world = World::new(1_000, LIMITS);
        assert_eq!(world.send().len(), 4, "half of the window");
        let fresh = world.add();
        assert_eq!(world.send(), [(Lane::Fresh, fresh)]);
    }

    #[test]
    fn a_backlog_goes_no_faster_than_its_rate() {
        let mut world = World::new(1_000, LIMITS);
        let mut sent = 0;
        for _ in 0..300 {
            sent += world.send().len();
            while !world.under_way.is_empty() {
                world.answer(true);
            }
            world.now = world.now + Duration::from_millis(10);
        }
        // One second's worth at once, then three seconds of the rate.
        assert!((380..=401).contains(&sent), "{sent}");
        assert!(world.taken.is_sorted());
    }

    #[test]
    fn where_nobody_listens_one_row_tries_again_and_again_and_a_fresh_one_at_once() {
        let mut world = World::new(20, LIMITS);
        assert_eq!(world.send().len(), 4);
        for _ in 0..4 {
            world.answer(false);
        }
        assert!(world.lanes.nobody_listens() && world.send().is_empty());
        assert_eq!(world.lanes.wait(world.now), Some(Duration::from_secs(1)));
        let fresh = world.add();
        assert_eq!(world.send(), [(Lane::Fresh, fresh)]);
        world.answer(false);
        assert!(world.send().is_empty(), "a row that nobody took is not tried at once");
        world.now = world.now + Duration::from_secs(1);
        assert_eq!(world.send(), [(Lane::Backlog, 1)], "a single row tries");
        world.answer(true);
        assert!(!world.lanes.nobody_listens());
        while !world.outbox.is_empty() {
            world.send();
            world.answer(true);
            world.now = world.now + Duration::from_millis(20);
        }
        assert_eq!(world.taken, (1..=21).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn every_row_is_taken_once_whatever_is_answered(
            rows in 0_u64..40,
            window in 2_usize..9,
            replay_share in 0.0_f64..=1.0,
            steps in proptest::collection::vec(0_u8..5, 1..200),
        ) {
            let mut world = World::new(rows, Limits { window, replay_share, replay_per_s: 50 });
            let mut added = rows;
            for step in steps {
                match step {
                    0 => { world.add(); added += 1; }
                    1 => { world.send(); }
                    2 => world.answer(true),
                    3 => world.answer(false),
                    _ => world.now = world.now + Duration::from_millis(300),
                }
            }
            for _ in 0..1_000 {
                world.send();
                world.answer(true);
                // What the drain does: it waits as long as it is told, or until an answer comes.
                if let Some(wait) = world.lanes.wait(world.now) {
                    world.now = world.now + wait;
                }
            }
            let mut taken = world.taken.clone();
            taken.sort_unstable();
            prop_assert_eq!(taken, (1..=added).collect::<Vec<_>>());
        }
    }
}
