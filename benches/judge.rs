//! judge: a frame of an empty chamber, a vote for a settled item, and the vote that decides.

use std::hint::black_box;

use bunri::clock::Moment;
use bunri::detect::{MAX_OBJECTS, Presence};
use bunri::identify::{Head, Identified};
use bunri::judge::{Action, Input, Judge, Look, Movement, Settings, StateName, Votes};
use bunri::streams::Stream;
use criterion::{BatchSize, Criterion};

use super::support::{self, FRAME, ThreadTime};

/// A judge that waits for an item, and the time it is.
fn ready(settings: Settings) -> (Judge, Moment) {
    let now = Moment::from_millis(1_000);
    let mut judge = Judge::new(settings, None, now);
    let empty = Presence::default();
    for _ in 0..2 {
        judge.step(Input::Frame { presence: &empty, look: None }, now);
        judge.step(Input::Movement(Movement::Homed), now);
    }
    judge.step(Input::Frame { presence: &empty, look: None }, now);
    assert_eq!(judge.state(), StateName::Empty);
    (judge, now)
}

/// Shows the item until it has `votes`.
fn settle(judge: &mut Judge, mut now: Moment, item: &Presence, look: &Look, votes: u32) -> Moment {
    while judge.votes().is_none_or(|counted| counted.count() < votes) {
        now = now + FRAME;
        let look = judge.wants_look(item, now).then_some(look);
        let actions = judge.step(Input::Frame { presence: item, look }, now);
        assert_eq!(actions, [], "in state {:?}", judge.state());
    }
    now + FRAME
}

pub(super) fn bench(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("judge");
    let config = support::config();
    let manifest = support::identifier(&config).bundle().manifest.clone();
    let settings = config.judge_settings(&Head::new(&manifest), manifest.labels.len());
    let rules = settings.rules.clone();

    let (empty, item) = (Presence::default(), Presence { occupied: true, ..Presence::default() });
    let mut streams = [0.0; Stream::COUNT];
    streams[Stream::Can.index()] = 0.98;
    streams[Stream::General.index()] = 0.02;
    let whole = Identified {
        streams,
        unknown: 0.0,
        label: Stream::Can.index(),
        probability: 0.98,
        energy: rules.energy_limit - 1.0,
    };
    let look = Look { whole, objects: [None; MAX_OBJECTS] };

    let (mut judge, now) = ready(settings);
    group.bench_function("empty", |bencher| {
        bencher.iter(|| judge.step(Input::Frame { presence: black_box(&empty), look: None }, now));
    });

    let (mut voting, mut deciding) = (judge.clone(), judge);
    let voting_at = settle(&mut voting, now, &item, &look, 1);
    let deciding_at = settle(&mut deciding, now, &item, &look, rules.votes_least - 1);
    let vote = Input::Frame { presence: &item, look: Some(&look) };
    for (name, judge, now, decides) in
        [("vote", voting, voting_at, false), ("verdict", deciding, deciding_at, true)]
    {
        let decided = matches!(judge.clone().step(vote, now)[..], [Action::RecordIntent(_)]);
        assert_eq!(decided, decides, "{name}");
        group.bench_function(name, |bencher| {
            let step = |judge: &mut Judge| judge.step(black_box(vote), now);
            bencher.iter_batched_ref(|| judge.clone(), step, BatchSize::SmallInput);
        });
    }

    group.bench_function("twelve votes counted", |bencher| {
        bencher.iter(|| {
            let mut votes = Votes::default();
            for _ in 0..12 {
                votes.add(black_box(&look.whole), &look.objects, &rules);
                black_box(votes.are_enough(&rules));
            }
            votes.decide(&rules)
        });
    });
    group.finish();
}
