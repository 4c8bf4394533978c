//! `bunri calibrate sensors`: what each reads when empty and when full, and what a known weight does to the scale.

use std::io::BufRead as _;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, SavedScale, SavedSensors, SavedSpan};
use crate::mechanism::sensors::level::Span;
use crate::mechanism::sensors::{FillSource, SensorSettings, iio};
use crate::streams::Stream;

/// Readings of one measurement, and the time between them.
const READINGS: usize = 15;
const BETWEEN: Duration = Duration::from_millis(100);
/// So many of them must be there and agree.
const AGREE: usize = 10;
/// They agree within so many millimetres, or this share.
const AGREE_MM: f64 = 10.0;
const AGREE_SHARE: f64 = 0.02;
/// A known weight must move the scale by so many times its noise.
const CLEAR_OF_NOISE: f64 = 20.0;

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Measured {
    middle: f64,
    /// Half of the readings are within this of it.
    spread: f64,
}

/// Asks and answers, a line each: over ssh, and through a pipe.
struct Dialog;

impl Dialog {
    /// What was typed; an error at the end of the input.
    fn ask(question: &str) -> anyhow::Result<String> {
        println!("{question}");
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line)?;
        anyhow::ensure!(read > 0, "the input has ended; nothing was saved");
        Ok(line.trim().to_owned())
    }
}

pub(super) fn run(config: &Config, by: &str, only: Option<Stream>) -> anyhow::Result<()> {
    let sensors = &config.calibration.sensors;
    anyhow::ensure!(
        !sensors.is_empty(),
        "the rig has no sensors: add [sensors] to {}; docs/BOARD.md says how",
        config.calibration.rig
    );
    let mut found = SavedSensors::default();
    for (compartment, fill) in config.compartments.iter().zip(&sensors.fill) {
        let stream = compartment.stream;
        let Some(fill) = fill.as_ref().filter(|_| only.is_none_or(|only| only == stream)) else { continue };
        match &fill.source {
            FillSource::Switch(input) => {
                println!("{stream}: a full-switch ({}) has nothing to measure", input.id)
            }
            FillSource::Distance { channel, .. } => {
                if let Some(span) = measure_span(sensors, channel, stream)? {
                    found.fill.insert(stream, span);
                }
            }
        }
    }
    if let Some(cell) = sensors.load_cell.as_ref().filter(|_| only.is_none()) {
        found.load_cell = measure_scale(sensors, &cell.channel)?;
    }
    super::saving::save(config, by, None, |next| next.sensors.take(found))
}

fn measure_span(
    sensors: &SensorSettings,
    channel: &iio::ChannelId,
    stream: Stream,
) -> anyhow::Result<Option<SavedSpan>> {
    let answer = Dialog::ask(&format!("{stream}: empty the compartment, shut it, press Enter (s: skip)"))?;
    if answer == "s" {
        return Ok(None);
    }
    let read = || read(|| iio::read(&sensors.root, channel).map(|metres| metres * 1_000.0));
    let empty = read()?;
    println!("  empty: {:.0} mm (within {:.1})", empty.middle, empty.spread);
    Dialog::ask(&format!(
        "{stream}: fill it, or hold a board, to where nothing more should go in; press Enter"
    ))?;
    let full = read()?;
    println!("  full: {:.0} mm (within {:.1})", full.middle, full.spread);
    let apart = empty.middle - full.middle;
    anyhow::ensure!(
        apart >= f64::from(Span::LEAST_MM),
        "{stream}: full is only {apart:.0} mm nearer than empty, {} are needed: look where the sensor points",
        Span::LEAST_MM
    );
    let whole = |mm: f64| mm.round() as f32;
    Ok(Some(SavedSpan { empty_mm: whole(empty.middle), full_mm: whole(full.middle) }))
}

fn measure_scale(sensors: &SensorSettings, channel: &iio::ChannelId) -> anyhow::Result<Option<SavedScale>> {
    if Dialog::ask("scale: empty the chamber, press Enter (s: skip)")? == "s" {
        return Ok(None);
    }
    // Its noise in millivolts is far below a distance's limits: only a share of the change can judge it.
    let read = || read_any(|| iio::read(&sensors.root, channel));
    let zero = read()?;
    println!("  empty: {:.6} mV (within {:.6})", zero.middle, zero.spread);
    let typed = Dialog::ask("scale: put a known weight in the middle, type its grams, press Enter")?;
    let grams: f64 = typed.parse().map_err(|_| anyhow::anyhow!("'{typed}' is no number of grams"))?;
    anyhow::ensure!(grams.is_finite() && grams >= 20.0, "{grams} g is too little to measure a scale by");
    let loaded = read()?;
    println!("  with {grams} g: {:.6} mV (within {:.6})", loaded.middle, loaded.spread);
    Ok(Some(scale(zero, loaded, grams)?))
}

fn scale(zero: Measured, loaded: Measured, grams: f64) -> anyhow::Result<SavedScale> {
    let change = loaded.middle - zero.middle;
    let noise = zero.spread.max(loaded.spread);
    anyhow::ensure!(
        change != 0.0 && change.abs() >= noise * CLEAR_OF_NOISE,
        "the weight moves the scale by {change:.6} mV, its noise is {noise:.6}: take a heavier one, or look at its wires"
    );
    Ok(SavedScale { zero_mv: zero.middle, grams_per_mv: grams / change })
}

/// Reads a distance several times; refuses what does not agree.
fn read(
    mut reading: impl FnMut() -> Result<f64, crate::mechanism::MechanismError>,
) -> anyhow::Result<Measured> {
    let (readings, error) = take(&mut reading);
    agree(&readings, error)
}

fn read_any(
    mut reading: impl FnMut() -> Result<f64, crate::mechanism::MechanismError>,
) -> anyhow::Result<Measured> {
    let (readings, error) = take(&mut reading);
    anyhow::ensure!(readings.len() >= AGREE, "{}", too_few(readings.len(), error));
    Ok(middle(&readings))
}

fn take(
    reading: &mut impl FnMut() -> Result<f64, crate::mechanism::MechanismError>,
) -> (Vec<f64>, Option<String>) {
    let (mut readings, mut error) = (Vec::new(), None);
    for _ in 0..READINGS {
        match reading() {
            Ok(value) => readings.push(value),
            Err(why) => error = Some(why.to_string()),
        }
        SystemClock.sleep_until(SystemClock.now() + BETWEEN);
    }
    (readings, error)
}

fn too_few(there: usize, error: Option<String>) -> String {
    let why = error.map(|error| format!(": {error}")).unwrap_or_default();
    format!("only {there} of {READINGS} readings came{why}")
}

fn agree(readings: &[f64], error: Option<String>) -> anyhow::Result<Measured> {
    anyhow::ensure!(readings.len() >= AGREE, "{}", too_few(readings.len(), error));
    let measured = middle(readings);
    let limit = AGREE_MM.max(measured.middle.abs() * AGREE_SHARE);
    let near = readings.iter().filter(|value| (**value - measured.middle).abs() <= limit).count();
    anyhow::ensure!(
        near >= AGREE,
        "only {near} of {READINGS} readings are within {limit:.0} mm of {:.0} mm: look what is in the sensor's way",
        measured.middle
    );
    Ok(measured)
}

/// Median, and the median distance from it.
fn middle(readings: &[f64]) -> Measured {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    let middle = median(readings.to_vec());
    Measured { middle, spread: median(readings.iter().map(|value| (value - middle).abs()).collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_that_do_not_agree_are_no_measurement() {
        let steady: Vec<f64> = (0..15).map(|n| 600.0 + f64::from(n % 3)).collect();
        assert_eq!(agree(&steady, None).unwrap().middle, 601.0);
        let one_lost: Vec<f64> = steady[..11].iter().copied().chain([0.0, 4_000.0, 12.0, 90.0]).collect();
        assert!((600.0..=602.0).contains(&agree(&one_lost, None).unwrap().middle));
        let wild: Vec<f64> = (0..15).map(|n| f64::from(n) * 50.0).collect();
        assert!(agree(&wild, None).unwrap_err().to_string().contains("sensor's way"));
        let error = agree(&steady[..3], Some("no echo".into())).unwrap_err().to_string();
        assert_eq!(error, "only 3 of 15 readings came: no echo");
    }

    #[test]
    fn a_scale_needs_a_weight_that_it_can_feel() {
        let at = |middle| Measured { middle, spread: 0.000_01 };
        let scale = |loaded| scale(at(19.5), at(loaded), 500.0);
        assert_eq!(scale(19.0).unwrap().grams_per_mv, -1_000.0, "mounted the other way round");
        assert!(scale(19.500_1).is_err() && scale(19.5).is_err());
    }
}
