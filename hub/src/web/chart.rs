//! Bars of items over time as SVG: one stack per step, streams by colour and by order, numbers in a table beside it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::items::Items;
use super::text::Words;
use crate::wire::{self, STREAMS};

const WIDTH: i64 = 720;
const HEIGHT: i64 = 180;
/// Steps that are drawn, the newest ones.
const STEPS_MAX: usize = 62;

/// Accepted items by step and stream.
pub(super) fn bars(items: &[Items], words: Words<'_>) -> Markup {
    let mut steps: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for row in items.iter().filter(|row| row.outcome == "accepted") {
        *steps.entry(&row.time).or_default().entry(&row.seen).or_default() += row.items;
    }
    let skip = steps.len().saturating_sub(STEPS_MAX);
    let steps: Vec<_> = steps.into_iter().skip(skip).collect();
    let top = steps.iter().map(|(_, streams)| streams.values().sum::<i64>()).max().unwrap_or(0).max(1);
    let count = i64::try_from(steps.len()).unwrap_or(1).max(1);
    let each = (WIDTH / count).clamp(4, 120);
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 20)) role="img" aria-label=(words.text("items-title")) {
            @for (position, (time, streams)) in (0_i64..).zip(&steps) {
                g {
                    title { (time) ": " (streams.values().sum::<i64>()) }
                    @for (stream, height, above) in stack(streams, top) {
                        rect.(class(stream)) x=(position * each) y=(HEIGHT - above - height)
                            width=(each - 2) height=(height) {}
                    }
                }
            }
            line x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
            line.top x1="0" x2=(WIDTH) y1="0.5" y2="0.5" {}
            @if let (Some((first, _)), Some((last, _))) = (steps.first(), steps.last()) {
                text x="0" y=(HEIGHT + 15) { (first) }
                @if steps.len() > 1 { text.end x=(count * each) y=(HEIGHT + 15) { (last) } }
            }
            text.end x=(WIDTH) y="14" { (top) }
        }
        ul.legend {
            @for stream in shown(items) {
                li { span.swatch.(class(stream)) {} (words.stream(stream)) }
            }
        }
    }
}

/// The district's streams, and of the invented ones those that occur.
pub(super) fn shown(items: &[Items]) -> impl Iterator<Item = &'static str> {
    let occurs = |stream: &str| items.iter().any(|row| row.seen == stream);
    wire::streams().filter(move |stream| STREAMS.contains(stream) || occurs(stream))
}

/// Each stream's height and what is below it, in the order of the streams.
fn stack<'a>(streams: &BTreeMap<&'a str, i64>, top: i64) -> Vec<(&'a str, i64, i64)> {
    let mut below = 0;
    let mut parts = Vec::new();
    for stream in wire::streams() {
        let Some((name, items)) = streams.get_key_value(stream) else { continue };
        let height = items * HEIGHT / top;
        parts.push((*name, height, below));
        below += height;
    }
    parts
}

fn class(stream: &str) -> String {
    stream.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invented_stream_is_shown_where_it_occurs() {
        let row = Items {
            time: "2026-03".into(),
            district: "yangcheon".into(),
            bin: "mok-1".into(),
            seen: "city_2".into(),
            outcome: "rejected".into(),
            items: 1,
        };
        assert_eq!(shown(&[]).collect::<Vec<_>>(), STREAMS);
        assert_eq!(shown(&[row]).skip(STREAMS.len()).collect::<Vec<_>>(), ["city_2"]);
    }

    #[test]
    fn parts_stand_on_each_other_and_fill_the_highest_bar() {
        let streams = [("can", 30), ("paper", 10), ("clear_pet", 20)].into();
        assert_eq!(stack(&streams, 60), [("clear_pet", 60, 0), ("can", 90, 60), ("paper", 30, 150)]);
    }
}
