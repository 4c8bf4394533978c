//! The table of bins: which are full or broken, at once, those that want somebody first.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::items::Items;
use super::text::Words;
use crate::store::{AlarmUp, BinNow, EpochCheck, State};
use crate::wire::Compartment;

/// The alarms of the contract.
const ALARMS: [&str; 7] = ["jam", "mechanism", "ledger", "camera", "blocked", "crew_called", "sensor"];
/// Those with which a bin goes on sorting.
const MILD: [&str; 2] = ["crew_called", "sensor"];

/// What somebody must see to, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wants {
    /// An alarm is up with which it does not sort.
    Repair,
    /// It is not connected.
    Look,
    /// Something is full.
    Emptying,
    Nothing,
}

fn wants(bin: &BinNow) -> Wants {
    let mild = |up: &AlarmUp| MILD.contains(&&*up.alarm);
    if bin.alarms.iter().any(|up| !mild(up)) {
        Wants::Repair
    } else if bin.online == Some(false) {
        Wants::Look
    } else if bin.openings.iter().any(|opening| opening.state == "full") {
        Wants::Emptying
    } else {
        Wants::Nothing
    }
}

/// The bins' card. `items`: of the time that the page shows.
pub(super) fn card(
    words: Words<'_>,
    bins: &[BinNow],
    ledgers: &[EpochCheck],
    items: &[Items],
    now_ms: i64,
) -> Markup {
    let mut totals: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for row in items.iter().filter(|row| row.outcome != "returned") {
        *totals.entry((&row.district, &row.bin)).or_default() += row.items;
    }
    let mut sorted: Vec<&BinNow> = bins.iter().collect();
    sorted.sort_by_key(|bin| wants(bin));
    html! {
        section.card {
            h2 { (words.text("bins-title")) }
            @if bins.is_empty() { p { (words.text("bins-none")) } } @else { (summary(words, bins)) }
            table.stacked {
                thead {
                    tr { @for key in ["bin", "now", "compartments", "seen", "ledger", "items"] {
                        th.number[key == "items"] scope="col" { (words.text(key)) }
                    } }
                }
                tbody { @for bin in sorted {
                    tr {
                        th scope="row" { (bin.district) "/" (bin.bin) }
                        td data-label=(words.text("now")) { div { (now(words, bin, now_ms)) } }
                        td data-label=(words.text("compartments")) { (compartments(words, bin)) }
                        td data-label=(words.text("seen")) { (seen(words, bin, now_ms)) }
                        td data-label=(words.text("ledger")) {
                            div { @for check in ledgers_of(ledgers, bin) { (ledger(words, check)) } }
                        }
                        td.number data-label=(words.text("items")) {
                            (totals.get(&(&*bin.district, &*bin.bin)).copied().unwrap_or(0))
                        }
                    }
                } }
            }
        }
    }
}

/// How many want what.
fn summary(words: Words<'_>, bins: &[BinNow]) -> Markup {
    let count = |wanted| bins.iter().filter(|bin| wants(bin) == wanted).count();
    html! {
        ul.summary {
            @for (wanted, key) in
                [(Wants::Repair, "broken"), (Wants::Look, "offline"), (Wants::Emptying, "full"), (Wants::Nothing, "works")]
            {
                li.(if wanted == Wants::Nothing { "good" } else if count(wanted) > 0 { "bad" } else { "" }) {
                    strong { (count(wanted)) } " " (words.text(key))
                }
            }
        }
    }
}

fn now(words: Words<'_>, bin: &BinNow, now_ms: i64) -> Markup {
    html! {
        @for up in &bin.alarms {
            div.bad {
                "▲ " (alarm(words, up))
                @if let Some(since_ms) = up.since_ms { " " span.small { (words.ago(since_ms, now_ms)) } }
            }
        }
        @match (bin.online, bin.alarms.is_empty()) {
            (Some(false), _) => div.bad { "▲ " (words.text("offline")) },
            (Some(true), true) => div.good { "● " (words.text("works")) },
            (None, true) => div { (words.text("unknown")) },
            (_, false) => {},
        }
        @if let Some(twin) = &bin.twin { div.small { (twin.software) " · " (twin.model) } }
    }
}

fn alarm(words: Words<'_>, up: &AlarmUp) -> String {
    // The contract may bring others.
    let known = ALARMS.contains(&&*up.alarm);
    if known { words.text(&format!("alarm-{}", up.alarm)) } else { up.alarm.clone() }
}

/// How full each is; of a bin that does not tell, which are known to be full or out of use.
fn compartments(words: Words<'_>, bin: &BinNow) -> Markup {
    let closed: Vec<_> = bin.openings.iter().filter(|opening| opening.state != "open").collect();
    html! {
        @if bin.compartments.is_empty() {
            @if closed.is_empty() { (words.text("everything-open")) }
            div { @for opening in closed {
                div.bad { "▲ " (words.stream(&opening.stream)) ": " (words.text(&opening.state)) }
            } }
        } @else {
            ul.fill { @for compartment in &bin.compartments { (level(words, compartment)) } }
        }
    }
}

fn level(words: Words<'_>, compartment: &Compartment) -> Markup {
    let name = words.stream(&compartment.stream);
    let percent = compartment.level.map(|level| format!("{:.0} %", level * 100.0));
    html! {
        li {
            span { (name) }
            @if let Some(level) = compartment.level {
                meter min="0" max="1" high="0.8" value=(level) aria-label=(format!("{name} {}", percent.as_deref().unwrap_or(""))) {}
            }
            @if compartment.closed { span.bad { "▲ " (words.text("disabled")) } }
            @else if compartment.full { span.bad { "▲ " (words.text("full")) } }
            @else if let Some(percent) = &percent { span.small { (percent) } }
            @else { span.small { (words.text("unknown")) } }
        }
    }
}

fn seen(words: Words<'_>, bin: &BinNow, now_ms: i64) -> String {
    bin.seen_ms.map_or_else(|| words.text("never"), |seen| words.ago(seen, now_ms))
}

fn ledgers_of<'a>(ledgers: &'a [EpochCheck], bin: &'a BinNow) -> impl Iterator<Item = &'a EpochCheck> {
    ledgers.iter().filter(move |check| check.bin == bin.bin && check.district == bin.district)
}

fn ledger(words: Words<'_>, check: &EpochCheck) -> Markup {
    let (class, text) = match check.state {
        State::Complete => ("good", words.text("state-complete")),
        State::Behind => ("", words.text("state-behind")),
        State::Unreported => ("", words.text("state-unreported")),
        State::Gap => ("bad", words.count("state-gap", check.missing)),
        State::Clone => ("bad", words.text("state-clone")),
    };
    html! { div.(class) title=(check.epoch) { @if check.reset { (words.text("state-reset")) ": " } (text) } }
}
