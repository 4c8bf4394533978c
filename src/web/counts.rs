//! Counts: how many, of what, at which hour, and why not. Drawn on the bin, legible without colour.
//!
//! Read beside the ledger's writer, one reading at a time: whoever asks for a year of drops delays nobody's bottle.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::Site;
use super::nav::{Tab, Visit};
use super::text::{Words, grouped};
use super::view::{accent, bar, swatch};
use crate::judge::Reason;
use crate::streams::Stream;
use crate::tally::{Confusion, Outcome, Span, Statistics, TallyError, confusion, statistics};

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/counts", get(page)).route("/counts.csv", get(csv))
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Period {
    /// The civil day.
    #[default]
    Today,
    /// Seven civil days, this one the last.
    Week,
    /// Everything in the ledger.
    All,
}

impl Period {
    const ALL: [Period; 3] = [Period::Today, Period::Week, Period::All];

    const fn id(self) -> &'static str {
        match self {
            Period::Today => "today",
            Period::Week => "week",
            Period::All => "all",
        }
    }

    fn span(self, site: &Site) -> Span {
        let now_ms = site.page.clock.wall().unix_ms;
        match self {
            Period::Today => Span::days_until(now_ms, 1, &site.page.info.zone),
            Period::Week => Span::days_until(now_ms, 7, &site.page.info.zone),
            Period::All => Span::ALL,
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    of: Period,
}

async fn read(site: &Arc<Site>, period: Period) -> Result<(Statistics, Confusion), TallyError> {
    let (span, zone) = (period.span(site), site.page.info.zone.clone());
    site.read_ledger(move |path| Ok((statistics(path, span, &zone)?, confusion(path)?))).await
}

async fn page(State(site): State<Arc<Site>>, visit: Visit, Query(asked): Query<Asked>) -> Markup {
    let words = visit.words();
    let body = match read(&site, asked.of).await {
        Ok((statistics, confusion)) => {
            body(words, &site.page.info.compartments, asked.of, &statistics, &confusion)
        }
        Err(error) => html! { main #main .lone { h1 { (words.text("counts-unreadable")) } p { (error) } } },
    };
    visit.page(Tab::Counts, &[], None, &body)
}

fn body(
    words: Words<'_>,
    compartments: &[Stream],
    period: Period,
    statistics: &Statistics,
    confusion: &Confusion,
) -> Markup {
    html! {
        main #main .single {
            h1 { (words.text("tab-counts")) }
            nav .choice aria-label=(words.text("counts-period")) {
                @for known in Period::ALL {
                    a href={ "?of=" (known.id()) } aria-current=[(known == period).then_some("page")] {
                        (words.text(&format!("counts-{}", known.id())))
                    }
                }
            }
            (streams(words, compartments, statistics))
            (hours(words, &statistics.hours))
            (rejects(words, statistics))
            (confused(words, confusion))
            p .downloads {
                a .button href={ "/counts.csv?of=" (period.id()) } download="" { (words.text("counts-csv")) }
                a .button href="/drops.csv" download="" { (words.text("drops-csv")) }
            }
        }
    }
}

fn streams(words: Words<'_>, compartments: &[Stream], statistics: &Statistics) -> Markup {
    let counts = &statistics.counts;
    let most = Stream::ALL.into_iter().map(|stream| counts.stream(stream)).max().unwrap_or(0).max(1);
    let shown =
        Stream::ALL.into_iter().filter(|stream| compartments.contains(stream) || counts.stream(*stream) > 0);
    html! {
        section aria-labelledby="streams-title" {
            h2 #streams-title { (words.text("counts-stream")) }
            table .bars {
                tbody {
                    @for stream in shown {
                        tr {
                            th scope="row" { (swatch(stream)) (words.stream(stream)) }
                            td .chart { (bar(counts.stream(stream) as f32 / most as f32, &accent(stream))) }
                            td .number { (grouped(counts.stream(stream))) }
                        }
                    }
                }
                tfoot {
                    @let sums = [
                        ("counts-total", counts.confirmed()),
                        ("counts-rejected", counts.rejected()),
                        ("counts-returned", counts.returned()),
                        ("counts-void", counts.voided()),
                    ];
                    @for (key, count) in sums {
                        tr { th scope="row" colspan="2" { (words.text(key)) } td .number { (grouped(count)) } }
                    }
                }
            }
            p .note { (words.text("counts-note")) }
        }
    }
}

fn rejects(words: Words<'_>, statistics: &Statistics) -> Markup {
    let count = |reason| statistics.counts.reject(reason);
    let most = Reason::ALL.into_iter().map(count).max().unwrap_or(0).max(1);
    html! {
        section aria-labelledby="rejects-title" {
            h2 #rejects-title { (words.text("counts-rejects")) }
            table .bars {
                tbody {
                    @for reason in Reason::ALL {
                        tr {
                            th scope="row" { (words.reason(reason)) }
                            td .chart { (bar(count(reason) as f32 / most as f32, "reject")) }
                            td .number { (grouped(count(reason))) }
                        }
                    }
                }
            }
        }
    }
}

/// What the bin took for what, by what the crew said; nothing before they have said anything.
fn confused(words: Words<'_>, confusion: &Confusion) -> Markup {
    let said = confusion.total();
    let pairs = Stream::ALL.into_iter().flat_map(|truth| Stream::ALL.map(|seen| (truth, seen)));
    let mistakes = pairs.filter(|(truth, seen)| truth != seen && confusion.get(*truth, *seen) > 0);
    html! {
        @if said > 0 {
            section aria-labelledby="confused-title" {
                h2 #confused-title { (words.text("counts-confused")) }
                table .bars {
                    thead {
                        tr {
                            th scope="col" { (words.text("counts-truth")) }
                            th scope="col" { (words.text("counts-seen")) }
                            th scope="col" .number { (words.text("counts-times")) }
                        }
                    }
                    tbody {
                        @for (truth, seen) in mistakes {
                            tr {
                                td { (swatch(truth)) " " (words.stream(truth)) }
                                td { (swatch(seen)) " " (words.stream(seen)) }
                                td .number { (grouped(confusion.get(truth, seen))) }
                            }
                        }
                    }
                }
                p .note {
                    (words.with_all("counts-right", [
                        ("right", grouped(confusion.right()).as_str()), ("said", grouped(said).as_str()),
                    ]))
                }
            }
        }
    }
}

/// The hour-of-day chart's size, in its own units: a phone shows one unit as about a pixel.
const CHART: (u32, u32) = (360, 190);
const CHART_TOP: u32 = 24;
const CHART_FLOOR: u32 = 160;
const CHART_LEFT: u32 = 36;
const HOUR_WIDTH: f32 = (CHART.0 - CHART_LEFT) as f32 / 24.0;

fn hours(words: Words<'_>, hours: &[u64; 24]) -> Markup {
    let most = hours.iter().copied().max().unwrap_or(0);
    let scale = nice_ceiling(most);
    let height = |count: u64| (CHART_FLOOR - CHART_TOP) as f32 * count as f32 / scale as f32;
    let x = |hour: usize| CHART_LEFT as f32 + hour as f32 * HOUR_WIDTH;
    let busiest = hours.iter().position(|count| *count == most).filter(|_| most > 0);
    html! {
        section aria-labelledby="hours-title" {
            h2 #hours-title { (words.text("counts-hours")) }
            figure .hours {
                svg viewBox={ "0 0 " (CHART.0) " " (CHART.1) } role="img" aria-label=(words.text("counts-hours")) {
                    @for share in [0, 1, 2] {
                        @let y = CHART_FLOOR - (CHART_FLOOR - CHART_TOP) * share / 2;
                        line .grid x1=(CHART_LEFT) x2=(CHART.0) y1=(y) y2=(y) {}
                        text .axis x=(CHART_LEFT - 5) y=(y + 4) text-anchor="end" { (grouped(scale * u64::from(share) / 2)) }
                    }
                    @for (hour, count) in hours.iter().enumerate() {
                        rect .hour .busiest[Some(hour) == busiest] x={ (format!("{:.1}", x(hour) + 1.0)) }
                            y={ (format!("{:.1}", CHART_FLOOR as f32 - height(*count))) }
                            width={ (format!("{:.1}", HOUR_WIDTH - 2.0)) } height={ (format!("{:.1}", height(*count))) } {
                            title { (words.with("counts-hour", "hour", hour)) ": " (grouped(*count)) }
                        }
                        @if hour % 6 == 0 || hour == 23 {
                            text .axis x={ (format!("{:.1}", x(hour) + HOUR_WIDTH / 2.0)) } y=(CHART_FLOOR + 18) text-anchor="middle" { (hour) }
                        }
                    }
                }
                figcaption {
                    @match busiest {
                        Some(hour) => (words.with_all("counts-busiest", [
                            ("hour", hour.to_string().as_str()), ("count", grouped(most).as_str()),
                        ])),
                        None => (words.text("counts-nothing")),
                    }
                }
            }
        }
    }
}

/// The next of 2, 4, 10, 20, 40, 100 ... so that the middle line has a whole number too.
fn nice_ceiling(most: u64) -> u64 {
    let mut decade = 1;
    loop {
        for step in [2, 4, 10] {
            if most <= step * decade {
                return step * decade;
            }
        }
        decade *= 10;
    }
}

/// `GET /counts.csv`: a line for each stream and outcome that occurred.
async fn csv(State(site): State<Arc<Site>>, Query(asked): Query<Asked>) -> Response {
    let (statistics, _) = match read(&site, asked.of).await {
        Ok(read) => read,
        Err(error) => return super::login::failed(&error.to_string()),
    };
    let outcomes = [Outcome::Accepted, Outcome::Returned, Outcome::Void].into_iter();
    let mut text = String::from("stream,outcome,count\n");
    for outcome in outcomes.chain(Reason::ALL.map(Outcome::Rejected)) {
        for stream in Stream::ALL {
            let count = statistics.counts.get(stream, outcome);
            if count > 0 {
                text += &format!("{stream},{},{count}\n", outcome.id());
            }
        }
    }
    let name = format!("attachment; filename=\"counts-{}.csv\"", asked.of.id());
    ([(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, name.as_str())], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Counts;
    use crate::web::text::{Language, Texts};

    #[test]
    fn the_scale_has_a_whole_number_in_its_middle() {
        for (most, scale) in
            [(0, 2), (2, 2), (3, 4), (5, 10), (11, 20), (40, 40), (41, 100), (123_456, 200_000)]
        {
            assert_eq!(nice_ceiling(most), scale);
        }
    }

    #[test]
    fn every_figure_stands_there_as_a_number_and_not_only_as_a_bar() {
        let mut counts = Counts::default();
        for _ in 0..37 {
            counts.add(Stream::Can, Outcome::Accepted);
        }
        counts.add(Stream::Film, Outcome::Rejected(Reason::NotSure));
        let mut hours = [0; 24];
        hours[18] = 30;
        hours[7] = 8;
        let statistics = Statistics { counts, hours };
        let texts = Texts::load().unwrap();
        for (language, needed) in [
            (Language::Korean, ["캔·고철", "37", "확신할 수 없음", "18시", "30"]),
            (Language::English, ["Cans and metal", "37", "not sure enough", "18:00", "30"]),
        ] {
            let html =
                body(texts.of(language), &[Stream::Can], Period::Week, &statistics, &Confusion::default())
                    .into_string();
            assert!(!html.contains('⟦') && !html.contains("style="), "{html}");
            for text in needed {
                assert!(html.contains(text), "{text} is not in {html}");
            }
            assert!(html.contains("height=\"102.0\""), "30 of 40 of 136 units: {html}");
        }
    }
}
