//! Items by hour, day or month of civil time: what the tables and charts show. Pure.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use serde::{Deserialize, Serialize};

use super::error::WebError;
use crate::store::Hour;

/// Days that one question may span: two years, and a leap day.
const DAYS_MAX: i32 = 732;

/// How fine the steps are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Hours.
    Hour,
    /// Days.
    #[default]
    Day,
    /// Months.
    Month,
}

/// What is asked for. Days are civil ones of the configured zone.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
pub struct Query {
    /// Steps of `hour`, `day` or `month`.
    #[serde(default)]
    pub by: Step,
    /// The first day, `YYYY-MM-DD`; a month before the last one if missing.
    pub from: Option<String>,
    /// The last day, `YYYY-MM-DD`; today if missing.
    pub to: Option<String>,
    /// `json` (default) or `csv`.
    pub format: Option<String>,
}

/// Items of one bin in one step of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Items {
    /// When the step begins: `2026-03-01T14:00`, `2026-03-01` or `2026-03`, civil time.
    pub time: String,
    /// The district's name.
    pub district: String,
    /// The bin's name within it.
    pub bin: String,
    /// What the items looked like.
    pub seen: String,
    /// `accepted`, `rejected` or `returned`.
    pub outcome: String,
    /// How many.
    pub items: i64,
}

/// The span of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Zoned,
    /// The moment after it.
    pub(super) to: Zoned,
}

impl Span {
    pub(super) fn of(query: &Query, now: Timestamp, zone: &TimeZone) -> Result<Self, WebError> {
        let wrong = WebError::Asked { what: "from and to are days, YYYY-MM-DD, at most two years apart" };
        let day = |text: &Option<String>, default: Date| match text.as_deref().filter(|text| !text.is_empty())
        {
            Some(text) => text.parse::<Date>().ok(),
            None => Some(default),
        };
        let span = || {
            let to = day(&query.to, now.to_zoned(zone.clone()).date())?;
            let from = day(&query.from, to.checked_sub(30.days()).ok()?)?;
            let days = (to - from).get_days();
            if !(0..=DAYS_MAX).contains(&days) {
                return None;
            }
            let midnight = |date: Date| date.to_zoned(zone.clone()).ok();
            Some(Self { from: midnight(from)?, to: midnight(to.tomorrow().ok()?)? })
        };
        span().ok_or(wrong)
    }

    /// As hours since 1970 UTC, the second one exclusive. In a zone off by half an hour the first is a whole one.
    pub(super) fn hours(&self) -> (i64, i64) {
        let (from, to) = self.ms();
        (from.div_euclid(3_600_000), (to + 3_599_999).div_euclid(3_600_000))
    }

    pub(super) fn ms(&self) -> (i64, i64) {
        (self.from.timestamp().as_millisecond(), self.to.timestamp().as_millisecond())
    }
}

/// Adds hours up to steps, in the order of time, bin, stream and outcome.
pub(super) fn by_step(hours: Vec<Hour>, step: Step, zone: &TimeZone) -> Vec<Items> {
    let mut sums: BTreeMap<(String, String, String, String, String), i64> = BTreeMap::new();
    for hour in hours {
        let key = (label(hour.hour, step, zone), hour.district, hour.bin, hour.seen, hour.outcome);
        *sums.entry(key).or_default() += hour.items;
    }
    let items = sums.into_iter().map(|((time, district, bin, seen, outcome), items)| Items {
        time,
        district,
        bin,
        seen,
        outcome,
        items,
    });
    items.collect()
}

fn label(hour: i64, step: Step, zone: &TimeZone) -> String {
    let Ok(time) = Timestamp::from_second(hour.saturating_mul(3_600)) else { return "-".to_owned() };
    let format = match step {
        Step::Hour => "%Y-%m-%dT%H:00",
        Step::Day => "%Y-%m-%d",
        Step::Month => "%Y-%m",
    };
    time.to_zoned(zone.clone()).strftime(format).to_string()
}

/// Comma-separated, with a header. Names and words of the contract need no quotes.
pub(super) fn csv(items: &[Items]) -> String {
    let mut text = "time,district,bin,seen,outcome,items\n".to_owned();
    for row in items {
        let cells = [&row.time, &row.district, &row.bin, &row.seen, &row.outcome];
        text.push_str(&cells.map(String::as_str).join(","));
        text.push_str(&format!(",{}\n", row.items));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seoul() -> TimeZone {
        TimeZone::get("Asia/Seoul").unwrap()
    }

    fn hour(at: &str, items: i64) -> Hour {
        let hour = at.parse::<Timestamp>().unwrap().as_second() / 3_600;
        let word = |text: &str| text.to_owned();
        Hour {
            district: word("d"),
            bin: word("b"),
            hour,
            seen: word("can"),
            outcome: word("accepted"),
            items,
        }
    }

    #[test]
    fn hours_add_up_to_civil_days_and_months() {
        // Midnight in Seoul is 15:00 UTC; the month turns there too.
        let hours = || {
            vec![
                hour("2026-02-28T14:00:00Z", 1),
                hour("2026-02-28T15:00:00Z", 2),
                hour("2026-03-01T14:00:00Z", 4),
            ]
        };
        let sums = |step| {
            let items = by_step(hours(), step, &seoul());
            items.into_iter().map(|row| format!("{} {}", row.time, row.items)).collect::<Vec<_>>()
        };
        assert_eq!(sums(Step::Hour), ["2026-02-28T23:00 1", "2026-03-01T00:00 2", "2026-03-01T23:00 4"]);
        assert_eq!(sums(Step::Day), ["2026-02-28 1", "2026-03-01 6"]);
        assert_eq!(sums(Step::Month), ["2026-02 1", "2026-03 6"]);
        let csv = csv(&by_step(hours(), Step::Month, &seoul()));
        assert!(csv.ends_with("\n2026-02,d,b,can,accepted,1\n2026-03,d,b,can,accepted,6\n"), "{csv}");
    }

    #[test]
    fn a_span_is_whole_days_and_bounded() {
        let now = "2026-03-01T14:59:00Z".parse().unwrap();
        let span = |from: Option<&str>, to: Option<&str>| {
            let query =
                Query { from: from.map(str::to_owned), to: to.map(str::to_owned), ..Query::default() };
            Span::of(&query, now, &seoul())
        };
        let day = span(Some("2026-03-01"), None).unwrap();
        assert_eq!(day.ms(), (1_772_290_800_000, 1_772_290_800_000 + 86_400_000));
        assert_eq!(day.hours().1 - day.hours().0, 24);
        assert_eq!(span(None, None).unwrap().from.date(), "2026-01-30".parse().unwrap());
        for (from, to) in
            [(Some("2026-03-02"), Some("2026-03-01")), (Some("2020-01-01"), None), (Some("x"), None)]
        {
            assert!(span(from, to).is_err(), "{from:?} {to:?}");
        }
    }
}
