//! The pages themselves: the district's, the residents', the login.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, html};

use super::items::{Items, Step};
use super::text::Words;
use super::{bins, chart};
use crate::store::{BinNow, Corrected, Dead, EpochCheck, Opening, Rejects};

const REASONS: [&str; 6] =
    ["not_sure", "unknown", "two_items", "compartment_full", "compartment_disabled", "not_collected_here"];

/// What the district's page shows.
pub(super) struct District<'a> {
    pub(super) bins: &'a [BinNow],
    pub(super) ledgers: &'a [EpochCheck],
    pub(super) items: &'a [Items],
    pub(super) rejects: &'a [Rejects],
    pub(super) corrected: &'a [Corrected],
    pub(super) dead: &'a [Dead],
    pub(super) by: Step,
    pub(super) now_ms: i64,
}

fn frame(words: Words<'_>, title: &str, head: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(words.language.id()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/page.css";
            }
            body {
                header {
                    h1 { (title) }
                    nav {
                        a href=(format!("?lang={}", words.language.other().id())) { (words.text("language-other")) }
                        (head)
                    }
                }
                main { (body) }
            }
        }
    }
}

/// The login.
pub(super) fn login(words: Words<'_>, wrong: bool) -> Markup {
    let title = words.text("login-title");
    let form = html! {
        form.card method="post" action="/login" {
            @if wrong { p.bad role="alert" { (words.text("login-wrong")) } }
            label { (words.text("login-name")) input name="name" autocomplete="username" required; }
            label {
                (words.text("login-password"))
                input name="password" type="password" autocomplete="current-password" required;
            }
            button { (words.text("login-do")) }
        }
    };
    frame(words, &title, &html! {}, &form)
}

/// The district's page.
pub(super) fn district(words: Words<'_>, shown: &District<'_>) -> Markup {
    let logout = html! { form method="post" action="/logout" { button { (words.text("logout")) } } };
    let body = html! {
        (bins::card(words, shown.bins, shown.ledgers, shown.items, shown.now_ms))
        section.card {
            h2 { (words.text("items-title")) }
            p.links { @for step in ["hour", "day", "month"] { (step_links(words, step, shown.by)) } }
            (chart::bars(shown.items, words))
            (sums(words, shown.items))
        }
        section.card {
            h2 { (words.text("rejects-title")) }
            table {
                @for row in shown.rejects {
                    tr { td { (reason(words, &row.reason)) } td.number { (row.items) } }
                }
            }
        }
        section.card {
            h2 { (words.text("corrected-title")) }
            (corrected(words, shown.corrected))
        }
        section.card {
            h2 { (words.text("dead-title")) }
            @if shown.dead.is_empty() { p { (words.text("dead-none")) } }
            table {
                @for letter in shown.dead {
                    tr {
                        td { (words.ago(letter.received_ms, shown.now_ms)) }
                        td.number { (letter.times) }
                        td { (letter.topic) }
                        td { (letter.reason) }
                    }
                }
            }
        }
    };
    frame(words, &words.text("title"), &logout, &body)
}

fn step_links(words: Words<'_>, step: &str, shown: Step) -> Markup {
    let is_shown =
        matches!((step, shown), ("hour", Step::Hour) | ("day", Step::Day) | ("month", Step::Month));
    html! {
        span.nowrap {
            a href=(format!("/?by={step}&lang={}", words.language.id())) aria-current=[is_shown.then_some("true")] {
                (words.text(&format!("items-by-{step}")))
            }
            " "
            a.small href=(format!("/api/v1/items?by={step}&format=csv")) { "CSV" }
            " "
            a.small href=(format!("/api/v1/items?by={step}")) { "JSON" }
        }
    }
}

fn reason(words: Words<'_>, reason: &str) -> String {
    // The contract may bring others.
    let known = REASONS.contains(&reason);
    words.text(&format!("reason-{}", if known { reason } else { "other" }))
}

/// How often the crew disagreed, by what items looked like and by model, and what they were instead.
fn corrected(words: Words<'_>, corrected: &[Corrected]) -> Markup {
    let mut kinds: BTreeMap<(&str, &str), Vec<&Corrected>> = BTreeMap::new();
    for row in corrected {
        kinds.entry((&row.seen, &row.model)).or_default().push(row);
    }
    html! {
        @if kinds.is_empty() { p { (words.text("corrected-none")) } } @else {
            table {
                thead { tr {
                    @for key in ["seen", "model", "looked-at", "wrong", "truth"] {
                        th.number[["looked-at", "wrong"].contains(&key)] scope="col" {
                            (words.text(&format!("corrected-{key}")))
                        }
                    }
                } }
                tbody { @for ((seen, model), rows) in kinds {
                    tr {
                        th scope="row" { (words.stream(seen)) }
                        td { (model) }
                        td.number { (rows.iter().map(|row| row.items).sum::<i64>()) }
                        td.number { (rows.iter().filter(|row| row.truth != seen).map(|row| row.items).sum::<i64>()) }
                        td { @for row in rows.iter().filter(|row| row.truth != seen) {
                            (words.stream(&row.truth)) " " (row.items) " "
                        } }
                    }
                } }
            }
        }
    }
}

fn sums(words: Words<'_>, items: &[Items]) -> Markup {
    let outcomes = ["accepted", "rejected", "returned"];
    let sum = |stream: Option<&str>, outcome: &str| -> i64 {
        let of = |row: &&Items| row.outcome == outcome && stream.is_none_or(|stream| row.seen == stream);
        items.iter().filter(of).map(|row| row.items).sum()
    };
    html! {
        table {
            thead { tr {
                th scope="col" { (words.text("stream")) }
                @for outcome in outcomes { th.number scope="col" { (words.text(outcome)) } }
            } }
            tbody {
                @for stream in chart::shown(items) {
                    tr {
                        th scope="row" { (words.stream(stream)) }
                        @for outcome in outcomes { td.number { (sum(Some(stream), outcome)) } }
                    }
                }
                tr {
                    th scope="row" { (words.text("total")) }
                    @for outcome in outcomes { td.number { (sum(None, outcome)) } }
                }
            }
        }
    }
}

/// The residents' page: which bins take what, and nothing else.
pub(super) fn residents(words: Words<'_>, bins: &[BinNow], now_ms: i64) -> Markup {
    let body = html! {
        p { (words.text("residents-note")) }
        div.bins { @for bin in bins {
            section.card {
                h2 { (bin.bin) }
                // What would be open there is nobody's concern until it works again.
                @if bin.is_out_of_order() {
                    p.bad { "▲ " (words.text("out-of-order")) }
                } @else {
                    ul.streams { @for opening in &bin.openings { (takes(words, opening, now_ms)) } }
                }
            }
        } }
    };
    frame(words, &words.text("title-residents"), &html! {}, &body)
}

fn takes(words: Words<'_>, opening: &Opening, now_ms: i64) -> Markup {
    let (class, sign) = if opening.state == "open" { ("good", "● ") } else { ("bad", "▲ ") };
    html! {
        li {
            span.(class) {
                (sign) (words.stream(&opening.stream)) ": " (words.text(&opening.state))
            }
            @if let Some(emptied) = opening.emptied_ms {
                span.small { (words.text("emptied")) " " (words.ago(emptied, now_ms)) }
            }
        }
    }
}
