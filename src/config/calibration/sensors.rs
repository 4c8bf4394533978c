//! `[sensors]` checked: every channel, line and measured value, with its path.

use super::super::raw::{RawChannel, RawFill, RawLoadCell, RawSensors};
use super::drive::LineChecks;
use crate::judge::Compartment;
use crate::mechanism::sensors::iio::ChannelId;
use crate::mechanism::sensors::level::Span;
use crate::mechanism::sensors::weight::Scale;
use crate::mechanism::sensors::{FillSettings, FillSource, LoadCellSettings, SensorSettings};

/// The least distance between "full" and "open again": one item more or less must not do.
const APART_PERCENT: f32 = 5.0;

/// What `[sensors]` comes to.
pub(super) fn check(
    raw: &RawSensors,
    compartments: &[Compartment],
    checks: &mut LineChecks<'_, '_>,
) -> SensorSettings {
    for stream in raw.fill.keys() {
        let known = compartments.iter().any(|compartment| compartment.stream == *stream);
        checks.problems.check(known, &format!("sensors.fill.{stream}"), || {
            "is a sensor for a compartment that this bin does not have".to_owned()
        });
    }
    let fill = compartments.iter().map(|compartment| {
        let stream = compartment.stream;
        fill(raw.fill.get(&stream)?, &format!("sensors.fill.{stream}"), checks)
    });
    SensorSettings {
        fill: fill.collect(),
        load_cell: raw.load_cell.as_ref().and_then(|raw| load_cell(raw, checks)),
        root: raw.root.clone(),
    }
}

fn fill(raw: &RawFill, path: &str, checks: &mut LineChecks<'_, '_>) -> Option<FillSettings> {
    let (full, open) = (raw.full_percent, raw.open_percent);
    checks.problems.check((10.0..=100.0).contains(&full), &format!("{path}.full_percent"), || {
        format!("{full} is not 10 to 100")
    });
    let apart = (0.0..=full - APART_PERCENT).contains(&open);
    checks.problems.check(apart, &format!("{path}.open_percent"), || {
        format!("{open} is not 0 to {} (full_percent less {APART_PERCENT})", full - APART_PERCENT)
    });
    let source = match (&raw.distance, &raw.full_switch) {
        (Some(distance), None) => {
            let channel = channel(distance, &format!("{path}.distance"), "in_distance", checks);
            let span = span(raw, path, checks);
            FillSource::Distance { channel: channel?, span }
        }
        (None, Some(switch)) => FillSource::Switch(checks.input(&format!("{path}.full_switch"), switch)?),
        _ => {
            checks.problems.add(path, "needs either distance or full_switch");
            return None;
        }
    };
    Some(FillSettings { source, full_at: full / 100.0, open_at: open / 100.0 })
}

fn span(raw: &RawFill, path: &str, checks: &mut LineChecks<'_, '_>) -> Option<Span> {
    match (raw.empty_mm, raw.full_mm) {
        (Some(empty_mm), Some(full_mm)) => {
            let fits = (20.0..=10_000.0).contains(&empty_mm)
                && full_mm >= 0.0
                && empty_mm - full_mm >= Span::LEAST_MM;
            checks.problems.check(fits, &format!("{path}.empty_mm"), || {
                format!(
                    "{empty_mm} is not 20 to 10000 and at least {} more than full_mm ({full_mm})",
                    Span::LEAST_MM
                )
            });
            fits.then_some(Span { empty_mm, full_mm })
        }
        (None, None) => None,
        _ => {
            checks.problems.add(path, "has one of empty_mm and full_mm: measure both, or neither");
            None
        }
    }
}

fn load_cell(raw: &RawLoadCell, checks: &mut LineChecks<'_, '_>) -> Option<LoadCellSettings> {
    let path = "sensors.load_cell";
    let scale = match (raw.zero_mv, raw.grams_per_mv) {
        (Some(zero_mv), Some(grams_per_mv)) => {
            let fits = zero_mv.is_finite() && grams_per_mv.is_finite() && grams_per_mv != 0.0;
            checks.problems.check(fits, &format!("{path}.grams_per_mv"), || {
                format!("{grams_per_mv} (zero_mv {zero_mv}) is no scale")
            });
            fits.then_some(Scale { zero_mv, grams_per_mv })
        }
        (None, None) => None,
        _ => {
            checks.problems.add(path, "has one of zero_mv and grams_per_mv: measure both, or neither");
            None
        }
    };
    let channel = channel(&raw.voltage, &format!("{path}.voltage"), "in_voltage0", checks)?;
    Some(LoadCellSettings { channel, scale })
}

fn channel(raw: &RawChannel, path: &str, usual: &str, checks: &mut LineChecks<'_, '_>) -> Option<ChannelId> {
    let given = [&raw.name, &raw.label, &raw.at];
    let known = given.iter().any(|value| value.is_some());
    checks.problems.check(known, path, || "needs a name, a label or an at".to_owned());
    let channel = raw.channel.clone().unwrap_or_else(|| usual.to_owned());
    // It becomes a part of a file's name.
    let plain = |text: &str| !text.is_empty() && !text.contains(['/', '\0']);
    let fits = given.into_iter().flatten().all(|text| plain(text))
        && channel.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    checks.problems.check(fits && !channel.is_empty(), path, || {
        "is empty, or has characters that no such name has".to_owned()
    });
    let (name, label, at) = (raw.name.clone(), raw.label.clone(), raw.at.clone());
    (known && fits).then(|| ChannelId { role: path.to_owned(), name, label, at, channel })
}
