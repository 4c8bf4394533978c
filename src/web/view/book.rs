//! What the ledger says: the last drops and the counts.

use maud::{Markup, html};

use super::now::goes_to;
use super::{Scene, accent, bar, compartment, local, percent, swatch};
use crate::streams::Stream;
use crate::tally::{Counts, DropRecord, DropState, day_start_ms};
use crate::web::Info;
use crate::web::text::{Words, grouped, key};

pub(super) fn drops(words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    let drops = &scene.book.recent;
    if drops.is_empty() {
        return html! { p .note { (words.text("drops-none")) } };
    }
    let today = day_start_ms(scene.wall.unix_ms, &info.zone);
    list(words, info, drops, today, |_| html! {})
}

/// Drops, one a line, each with what `below` says of it; `today` is when the civil day began.
pub(in crate::web) fn list(
    words: Words<'_>,
    info: &Info,
    drops: &[DropRecord],
    today: i64,
    below: impl Fn(&DropRecord) -> Markup,
) -> Markup {
    html! {
        ol .list {
            @for drop in drops { (line(words, info, drop, today, &below(drop))) }
        }
        @if drops.iter().any(|drop| !drop.wall.synchronised) {
            p .note { (words.text("drops-unsynchronised")) }
        }
    }
}

/// One drop.
fn line(words: Words<'_>, info: &Info, drop: &DropRecord, today: i64, below: &Markup) -> Markup {
    let verdict = &drop.verdict;
    let void = drop.state == DropState::Void;
    let time = local(info, drop.wall, if drop.wall.unix_ms < today { "%m-%d %H:%M" } else { "%H:%M:%S" });
    html! {
        li .void[void] .returned[drop.returned()] .rejected[!verdict.accepted()] data-seq=(drop.seq) {
            span .time { time { (time) } @if !drop.wall.synchronised { "≈" } }
            span .where {
                (swatch(verdict.stream))
                @if void { s { (goes_to(words, verdict)) } } @else { (goes_to(words, verdict)) }
            }
            span .sure title=(words.text("probability")) { (percent(verdict.probability)) }
            span .more {
                @if let (Some(id), false) = (verdict.compartment, void) { span { (compartment(words, id)) } }
                span { (words.with("verdict-took", "ms", drop.settled_to_decided_ms())) }
                @if let Some(cause) = drop.void_cause.as_ref().filter(|_| void) {
                    span .why { (words.text("drop-void")) " · " (void_words(words, cause)) }
                } @else if let Some(reason) = verdict.reason {
                    span .why {
                        (words.reason(reason)) " · "
                        (words.with("verdict-looked-like", "stream", words.stream(verdict.seen)))
                    }
                }
            }
            (below)
        }
    }
}

/// The cause in words; one that a later version wrote, as it stands.
fn void_words(words: Words<'_>, cause: &str) -> String {
    let text = words.text(&key("void", cause));
    if text.starts_with('⟦') { cause.to_owned() } else { text }
}

pub(super) fn counts(words: Words<'_>, info: &Info, scene: &Scene) -> Markup {
    let (today, all) = (&scene.book.today, &scene.book.all);
    let most = Stream::ALL.into_iter().map(|stream| today.stream(stream)).max().unwrap_or(0).max(1);
    let rows = Stream::ALL
        .into_iter()
        .filter(|stream| info.compartments.contains(stream) || all.stream(*stream) > 0);
    html! {
        table {
            thead {
                tr {
                    th scope="col" { (words.text("counts-stream")) }
                    td .chart {}
                    th scope="col" .number { (words.text("counts-today")) }
                    th scope="col" .number { (words.text("counts-all")) }
                }
            }
            tbody {
                @for stream in rows {
                    tr {
                        th scope="row" { (swatch(stream)) (words.stream(stream)) }
                        td .chart { (bar(today.stream(stream) as f32 / most as f32, &accent(stream))) }
                        (numbers(today.stream(stream), all.stream(stream)))
                    }
                }
            }
            tfoot {
                (sum(words, "counts-total", today, all, Counts::confirmed))
                (sum(words, "counts-rejected", today, all, Counts::rejected))
                (sum(words, "counts-returned", today, all, Counts::returned))
            }
        }
        p .note { (words.text("counts-note")) }
    }
}

fn sum(words: Words<'_>, key: &str, today: &Counts, all: &Counts, of: fn(&Counts) -> u64) -> Markup {
    html! {
        tr {
            th scope="row" colspan="2" { (words.text(key)) }
            (numbers(of(today), of(all)))
        }
    }
}

fn numbers(today: u64, all: u64) -> Markup {
    html! {
        td .number { (grouped(today)) }
        td .number { (grouped(all)) }
    }
}
