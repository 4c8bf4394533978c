//! The sensors and the button: from inside what the running bin knows, from outside a reading of one's own.
//!
//! A channel of the kernel may be read by two at once; a line may not, so a running bin's button is left alone.

use super::{fail, pass, warn};
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::mechanism::button::{Button, ButtonNow};
use crate::mechanism::gpio;
use crate::mechanism::sensors::bank::FillNow;
use crate::mechanism::sensors::iio::ChannelId;
use crate::mechanism::sensors::level::{LevelFilter, Seen, Span, WINDOW};
use crate::mechanism::sensors::weight::Scale;
use crate::mechanism::sensors::{FillSource, LoadCellSettings, Trouble, iio};
use crate::streams::Stream;
use crate::web::checkup::{Check, Finding};

/// What the empty scale may have drifted by, in grams, before somebody should look at it.
const DRIFT_G: f32 = 300.0;

/// One sensor: what it says, or what is wrong with it.
type Told = Result<String, String>;

fn finding(told: Vec<Told>) -> Finding {
    if told.is_empty() {
        return pass(Check::Sensors, "-");
    }
    let wrong: Vec<&str> = told.iter().filter_map(|told| told.as_ref().err().map(String::as_str)).collect();
    if !wrong.is_empty() {
        // The bin sorts on without them.
        return warn(Check::Sensors, wrong.join("; "));
    }
    pass(Check::Sensors, told.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// As the running bin has read them.
pub(super) fn from_inside(config: &Config, fill: &FillNow, now: Moment) -> Finding {
    let mut told = Vec::new();
    for (index, compartment) in config.compartments.iter().enumerate() {
        let Some(seen) = fill.of(index, now) else { continue };
        let stream = compartment.stream;
        told.push(match (seen.level, seen.trouble) {
            (Some(level), _) => Ok(format!("{stream} {:.0} %", level * 100.0)),
            (None, None) => Ok(format!("{stream} has room")),
            (None, Some(trouble)) => Err(format!("{stream}: {}", trouble.id())),
        });
    }
    told.extend(config.sensors.load_cell.as_ref().map(|cell| load_cell(config, cell)));
    finding(told)
}

/// Read here and now, a moment for each.
pub(super) fn from_outside(config: &Config, clock: &dyn Clock) -> Finding {
    let mut told = Vec::new();
    for (compartment, fill) in config.compartments.iter().zip(&config.sensors.fill) {
        // A switch's line is looked for with the others.
        if let Some(FillSource::Distance { channel, span }) = fill.as_ref().map(|fill| &fill.source) {
            told.push(measured(config, compartment.stream, channel, *span, clock));
        }
    }
    told.extend(config.sensors.load_cell.as_ref().map(|cell| load_cell(config, cell)));
    finding(told)
}

fn measured(
    config: &Config,
    stream: Stream,
    channel: &ChannelId,
    span: Option<Span>,
    clock: &dyn Clock,
) -> Told {
    let mut filter = LevelFilter::new(span);
    let mut error = None;
    let mut seen = Seen::default();
    for _ in 0..WINDOW {
        let reading = iio::read(&config.sensors.root, channel);
        seen = filter.step(reading.map(|metres| (metres * 1_000.0) as f32).map_err(|why| {
            error = Some(why.to_string());
            Trouble::Failing
        }));
        clock.sleep_until(clock.now() + BETWEEN);
    }
    let distance = seen.distance_mm.map_or_else(String::new, |mm| format!(" at {mm:.0} mm"));
    match (seen.level, seen.trouble, error) {
        (Some(level), ..) => Ok(format!("{stream} {:.0} %{distance}", level * 100.0)),
        (None, Some(Trouble::Uncalibrated), _) | (None, _, None) => {
            Err(format!("{stream}: {}{distance}", seen.trouble.map_or("unknown", Trouble::id)))
        }
        // It names the sensor by its path.
        (None, _, Some(error)) => Err(error),
    }
}

/// Ultrasonic sensors want their echoes to die away.
const BETWEEN: std::time::Duration = std::time::Duration::from_millis(60);

fn load_cell(config: &Config, cell: &LoadCellSettings) -> Told {
    let reading = iio::read(&config.sensors.root, &cell.channel).map_err(|error| error.to_string())?;
    on_scale(cell.scale, reading)
}

/// Only the zero's drift can be judged: an item may lie there.
fn on_scale(scale: Option<Scale>, reading_mv: f64) -> Told {
    let Some(scale) = scale else { return Err(format!("load_cell: {}", Trouble::Uncalibrated.id())) };
    let grams = scale.grams(reading_mv);
    if grams.abs() <= DRIFT_G {
        return Ok(format!("scale {grams:.0} g"));
    }
    Err(format!("load_cell: {grams:.0} g on it; with an empty chamber its zero has moved, measure it again"))
}

/// As the running bin has heard it.
pub(super) fn button_from_inside(config: &Config, button: Option<ButtonNow>) -> Finding {
    let Some(settings) = &config.front.button else { return pass(Check::Button, "-") };
    let role = settings.input.id.to_string();
    match button {
        Some(ButtonNow::Stuck) => warn(Check::Button, format!("{role}: held for more than a minute")),
        Some(ButtonNow::Failed) => fail(Check::Button, format!("{role}: cannot be read")),
        Some(ButtonNow::Released | ButtonNow::Pressed) | None => pass(Check::Button, role),
    }
}

/// Looked at once, where no bin runs: nobody stands there and presses it.
pub(super) fn button_from_outside(config: &Config, runs: bool) -> Finding {
    let Some(settings) = &config.front.button else { return pass(Check::Button, "-") };
    let role = settings.input.id.to_string();
    if runs {
        return pass(Check::Button, format!("{role}, in use by the running bin"));
    }
    let now = Moment::from_millis(0);
    let looked = Button::open(settings, &gpio::open_boxed, now).and_then(|mut button| button.look(now));
    match looked {
        Ok((_, ButtonNow::Released)) => pass(Check::Button, role),
        Ok(_) => warn(Check::Button, format!("{role}: it is pressed now, or its wire is crushed")),
        Err(error) => fail(Check::Button, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::checkup::Grade;

    #[test]
    fn a_scale_far_from_its_zero_or_never_measured_is_worth_a_look() {
        let scale = Some(Scale { zero_mv: 19.5, grams_per_mv: 400.0 });
        assert_eq!(on_scale(scale, 19.6), Ok("scale 40 g".to_owned()));
        assert!(on_scale(scale, 18.0).unwrap_err().contains("measure it again"));
        assert!(on_scale(None, 19.5).unwrap_err().contains("uncalibrated"));
    }

    #[test]
    fn what_is_wrong_is_said_before_what_works() {
        let told = finding(vec![Ok("can 12 %".into()), Err("paper: missing".into())]);
        assert_eq!((told.grade, told.value.as_str()), (Grade::Warn, "paper: missing"));
        let told = finding(vec![Ok("can 12 %".into()), Ok("paper has room".into())]);
        assert_eq!((told.grade, told.value.as_str()), (Grade::Pass, "can 12 %; paper has room"));
        assert_eq!(finding(Vec::new()).grade, Grade::Pass);
    }
}
