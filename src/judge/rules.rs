//! The decision: expected cost, thresholds and what the bin can take.

use super::verdict::{CompartmentId, Reason};
use crate::detect::MAX_OBJECTS;
use crate::identify::Identified;
use crate::streams::Stream;

/// `cost[true stream][stream it is sent to]`, in units of one recyclable lost to general waste.
pub type CostTable = [[f32; Stream::COUNT]; Stream::COUNT];

/// One compartment of the rig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compartment {
    /// What it collects.
    pub stream: Stream,
    /// Nothing more fits in.
    pub full: bool,
    /// The crew has closed it.
    pub disabled: bool,
}

/// Everything the decision depends on besides the votes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// What each mistake costs.
    pub cost: CostTable,
    /// Least probability at which each stream may be accepted, 0 to 1.
    pub thresholds: [f32; Stream::COUNT],
    /// Energy above which an item is unlike the training set.
    pub energy_limit: f32,
    /// Votes taken before a decision, at least.
    pub votes_least: u32,
    /// Votes taken before a decision, at most.
    pub votes_most: u32,
    /// The rig's compartments; [`CompartmentId`] is the position.
    pub compartments: Vec<Compartment>,
}

/// A cost table from three numbers: a recyclable sent to general waste, a stranger in a clean stream, and general
/// waste in a clean stream.
pub fn cost_table(lost: f32, contaminated: f32, dirty: f32) -> CostTable {
    let mut table = [[contaminated; Stream::COUNT]; Stream::COUNT];
    for stream in Stream::ALL {
        table[stream.index()][Stream::General.index()] = lost;
        table[Stream::General.index()][stream.index()] = dirty;
    }
    for stream in Stream::ALL {
        table[stream.index()][stream.index()] = 0.0;
    }
    table
}

/// Where an item goes, without its history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The stream it looks like.
    pub seen: Stream,
    /// Mean probability of that stream, 0 to 1.
    pub probability: f32,
    /// The stream it goes to.
    pub stream: Stream,
    /// Its compartment; `None`: please take it back.
    pub compartment: Option<CompartmentId>,
    /// Why it was rejected.
    pub reason: Option<Reason>,
}

/// Margin of expected cost between the best and the second choice, in standard errors, from which on more votes are
/// not awaited: 2.58 leaves 1 % (two-sided normal).
const MARGIN_ERRORS: f32 = 2.58;
/// Standard deviation of a vote's margin that is assumed at least: still pictures of one item are not independent.
const MARGIN_DEVIATION_FLOOR: f32 = 0.25;

/// The votes for one settled item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Votes {
    count: u32,
    streams: [f64; Stream::COUNT],
    unknown: f64,
    energy: f64,
    /// Running mean and squared deviation (Welford) of `cost of general waste - cost of the best clean stream`.
    margin_mean: f32,
    margin_squares: f32,
    best: Option<(usize, f32)>,
    mixed: u32,
}

impl Votes {
    /// Counts one look at the item. `objects` are looks at its separate parts, when there are several.
    pub fn add(&mut self, whole: &Identified, objects: &[Option<Identified>; MAX_OBJECTS], rules: &Rules) {
        self.count += 1;
        for (sum, probability) in self.streams.iter_mut().zip(whole.streams) {
            *sum += f64::from(probability);
        }
        self.unknown += f64::from(whole.unknown);
        self.energy += f64::from(whole.energy);
        if self.best.is_none_or(|(_, probability)| whole.probability > probability) {
            self.best = Some((whole.label, whole.probability));
        }
        self.mixed += u32::from(are_mixed(objects));
        let margin = margin(&expected_costs(&whole.streams, whole.unknown, rules));
        let step = margin - self.margin_mean;
        self.margin_mean += step / self.count as f32;
        self.margin_squares += step * (margin - self.margin_mean);
    }

    /// How many looks were counted.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The label of the surest look.
    pub fn best_label(&self) -> Option<usize> {
        self.best.map(|(label, _)| label)
    }

    /// Whether further votes could not reasonably change the decision.
    pub fn are_enough(&self, rules: &Rules) -> bool {
        if self.count < rules.votes_least {
            return false;
        }
        if self.count >= rules.votes_most {
            return true;
        }
        let deviation = (self.margin_squares / self.count as f32).sqrt().max(MARGIN_DEVIATION_FLOOR);
        self.margin_mean.abs() > MARGIN_ERRORS * deviation / (self.count as f32).sqrt()
    }

    /// Mean probability of each stream and of "none of ours".
    pub fn mean(&self) -> ([f32; Stream::COUNT], f32) {
        let count = f64::from(self.count.max(1));
        (self.streams.map(|sum| (sum / count) as f32), (self.unknown / count) as f32)
    }

    /// Decides by what has been counted. Without a vote the item is not sure to be anything.
    pub fn decide(&self, rules: &Rules) -> Decision {
        let (streams, unknown) = self.mean();
        let energy =
            if self.count == 0 { f32::NEG_INFINITY } else { (self.energy / f64::from(self.count)) as f32 };
        let two_items = self.count > 0 && self.mixed * 2 > self.count;
        decide(&streams, unknown, energy, two_items, rules)
    }
}

/// The one decision rule, shared by the bin and by `bunri classify`.
pub fn decide(
    streams: &[f32; Stream::COUNT],
    unknown: f32,
    energy: f32,
    two_items: bool,
    rules: &Rules,
) -> Decision {
    let seen = most_likely(streams);
    let probability = streams[seen.index()];
    let decision =
        |stream, reason| Decision { seen, probability, stream, compartment: rules.usable(stream), reason };
    let costs = expected_costs(streams, unknown, rules);
    let cheapest = least_cost(&costs);
    let reason = if two_items {
        Some(Reason::TwoItems)
    } else if unknown > probability || energy > rules.energy_limit {
        Some(Reason::Unknown)
    } else if seen == Stream::General {
        None
    } else if cheapest != seen || probability < rules.thresholds[seen.index()] {
        Some(Reason::NotSure)
    } else {
        rules.refusal(seen)
    };
    match reason {
        None => decision(seen, None),
        Some(reason) => decision(Stream::General, Some(reason)),
    }
}

impl Rules {
    /// The compartment that takes this stream now.
    pub fn usable(&self, stream: Stream) -> Option<CompartmentId> {
        let takes = |compartment: &Compartment| {
            compartment.stream == stream && !compartment.full && !compartment.disabled
        };
        self.compartments.iter().position(takes).and_then(|index| u8::try_from(index).ok()).map(CompartmentId)
    }

    /// Whether nothing at all can be taken any more because everything is full or closed.
    pub fn nothing_fits(&self) -> bool {
        Stream::ALL.into_iter().all(|stream| self.usable(stream).is_none())
    }

    fn refusal(&self, stream: Stream) -> Option<Reason> {
        if self.usable(stream).is_some() {
            return None;
        }
        let mut of_stream =
            self.compartments.iter().filter(|compartment| compartment.stream == stream).peekable();
        if of_stream.peek().is_none() {
            return Some(Reason::NotCollectedHere);
        }
        let closed = of_stream.all(|compartment| compartment.disabled);
        Some(if closed { Reason::CompartmentDisabled } else { Reason::CompartmentFull })
    }
}

fn most_likely(streams: &[f32; Stream::COUNT]) -> Stream {
    let better = |best: Stream, stream: Stream| {
        if streams[stream.index()] > streams[best.index()] { stream } else { best }
    };
    Stream::ALL.into_iter().fold(Stream::ClearPet, better)
}

/// Expected cost of sending the item to each stream; "none of ours" counts as general waste.
fn expected_costs(streams: &[f32; Stream::COUNT], unknown: f32, rules: &Rules) -> [f32; Stream::COUNT] {
    let mut costs = [0.0; Stream::COUNT];
    for truth in Stream::ALL {
        let general = if truth == Stream::General { unknown } else { 0.0 };
        let probability = streams[truth.index()] + general;
        for (cost, unit) in costs.iter_mut().zip(rules.cost[truth.index()]) {
            *cost += probability * unit;
        }
    }
    costs
}

fn least_cost(costs: &[f32; Stream::COUNT]) -> Stream {
    let cheaper = |best: Stream, stream: Stream| {
        if costs[stream.index()] < costs[best.index()] { stream } else { best }
    };
    // General waste first: equal cost is no reason to risk a clean stream.
    Stream::ALL.into_iter().fold(Stream::General, cheaper)
}

fn margin(costs: &[f32; Stream::COUNT]) -> f32 {
    let general = costs[Stream::General.index()];
    let clean = Stream::ALL.into_iter().filter(|stream| *stream != Stream::General);
    general - clean.map(|stream| costs[stream.index()]).fold(f32::INFINITY, f32::min)
}

/// Probability above which a part of the picture is taken for an item of its own.
const PART_SURE: f32 = 0.5;

/// Whether two parts are surely of different streams.
fn are_mixed(objects: &[Option<Identified>; MAX_OBJECTS]) -> bool {
    let mut first = None;
    for object in objects.iter().flatten() {
        let stream = most_likely(&object.streams);
        if object.streams[stream.index()] < PART_SURE {
            continue;
        }
        if first.is_some_and(|first| first != stream) {
            return true;
        }
        first = Some(stream);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn rules() -> Rules {
        let compartments = [Stream::ClearPet, Stream::Can, Stream::Glass, Stream::General]
            .map(|stream| Compartment { stream, full: false, disabled: false });
        Rules {
            cost: cost_table(1.0, 8.0, 10.0),
            thresholds: [0.6; Stream::COUNT],
            energy_limit: -1.0,
            votes_least: 3,
            votes_most: 12,
            compartments: compartments.to_vec(),
        }
    }

    fn looks_like(stream: Stream, probability: f32) -> Identified {
        let mut streams = [(1.0 - probability) / 8.0; Stream::COUNT];
        streams[stream.index()] = probability;
        Identified { streams, unknown: 0.0, label: 0, probability, energy: -5.0 }
    }

    fn decide_once(identified: &Identified, rules: &Rules) -> Decision {
        let mut votes = Votes::default();
        votes.add(identified, &[None; MAX_OBJECTS], rules);
        votes.decide(rules)
    }

    #[test]
    fn a_sure_item_goes_to_its_compartment() {
        let decision = decide_once(&looks_like(Stream::Can, 0.97), &rules());
        assert_eq!((decision.stream, decision.compartment), (Stream::Can, Some(CompartmentId(1))));
        assert_eq!(decision.reason, None);
    }

    #[test]
    fn what_might_contaminate_goes_to_general_waste() {
        let decision = decide_once(&looks_like(Stream::Can, 0.7), &rules());
        assert_eq!((decision.seen, decision.stream), (Stream::Can, Stream::General));
        assert_eq!(decision.reason, Some(Reason::NotSure));
        let mut lenient = rules();
        lenient.cost = cost_table(1.0, 1.0, 1.0);
        assert_eq!(decide_once(&looks_like(Stream::Can, 0.7), &lenient).reason, None);
        lenient.thresholds[Stream::Can.index()] = 0.8;
        assert_eq!(decide_once(&looks_like(Stream::Can, 0.7), &lenient).reason, Some(Reason::NotSure));
    }

    #[test]
    fn every_other_reason_is_given() {
        let mut rules = rules();
        let can = looks_like(Stream::Can, 0.97);
        assert_eq!(
            decide_once(&looks_like(Stream::Foam, 0.97), &rules).reason,
            Some(Reason::NotCollectedHere)
        );
        rules.compartments[1].full = true;
        let full = decide_once(&can, &rules);
        assert_eq!((full.reason, full.compartment), (Some(Reason::CompartmentFull), Some(CompartmentId(3))));
        rules.compartments[1].disabled = true;
        assert_eq!(decide_once(&can, &rules).reason, Some(Reason::CompartmentDisabled));
        let strange = Identified { energy: 0.0, ..can };
        assert_eq!(decide_once(&strange, &rules).reason, Some(Reason::Unknown));
        let unknown = Identified { unknown: 0.9, ..looks_like(Stream::Can, 0.1) };
        assert_eq!(decide_once(&unknown, &rules).reason, Some(Reason::Unknown));
        rules.compartments[3].full = true;
        assert_eq!(decide_once(&unknown, &rules).compartment, None, "take it back");
        assert!(!rules.nothing_fits());
        rules.compartments.iter_mut().for_each(|compartment| compartment.full = true);
        assert!(rules.nothing_fits());
    }

    #[test]
    fn two_parts_of_different_streams_are_two_items() {
        let rules = rules();
        let (can, glass) = (looks_like(Stream::Can, 0.9), looks_like(Stream::Glass, 0.8));
        let reason = |parts: [Option<Identified>; MAX_OBJECTS]| {
            let mut votes = Votes::default();
            votes.add(&looks_like(Stream::Can, 0.97), &parts, &rules);
            votes.decide(&rules).reason
        };
        assert_eq!(reason([Some(can), Some(glass), None, None]), Some(Reason::TwoItems));
        assert_eq!(reason([Some(can), Some(can), None, None]), None);
        assert_eq!(reason([Some(can), Some(looks_like(Stream::Glass, 0.3)), None, None]), None);
    }

    #[test]
    fn clear_votes_stop_early_and_wavering_ones_go_on() {
        let rules = rules();
        let mut clear = Votes::default();
        let mut wavering = Votes::default();
        let mut clear_after = None;
        let mut wavering_after = None;
        for vote in 1..=rules.votes_most {
            clear.add(&looks_like(Stream::Can, 0.98), &[None; MAX_OBJECTS], &rules);
            let probability = if vote % 2 == 0 { 0.99 } else { 0.70 };
            wavering.add(&looks_like(Stream::Can, probability), &[None; MAX_OBJECTS], &rules);
            clear_after = clear_after.or(clear.are_enough(&rules).then_some(vote));
            wavering_after = wavering_after.or(wavering.are_enough(&rules).then_some(vote));
        }
        assert_eq!(clear_after, Some(rules.votes_least));
        assert_eq!(wavering_after, Some(rules.votes_most));
    }

    #[test]
    fn no_votes_is_not_sure() {
        let decision = Votes::default().decide(&rules());
        assert_eq!((decision.stream, decision.reason), (Stream::General, Some(Reason::NotSure)));
    }
}
