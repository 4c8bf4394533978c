//! `bunri calibrate`: the camera's calibration from the terminal, on the same functions as the page; the flap's and the
//! sensors' by hand.
//!
//! A camera has one owner, and so has a flap: while the bin runs, the page calibrates the camera and this command only
//! looks at what is saved.

mod flap;
mod keys;
mod saving;
mod sensors;
mod travel;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::complain;
use crate::capture::Controls;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::daemon::{Calibrator, OwnCamera, read_light};
use crate::detect::{Focus, Region};
use crate::streams::Stream;
use crate::tally;
use crate::web::{Calibrated, Calibrating as _, NotSaved, Seen};

#[derive(Debug, Args)]
pub(super) struct Calibrate {
    /// The bin's configuration.
    #[arg(long, global = true, default_value = "/etc/bunri/bunri.toml")]
    config: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Learn the empty chamber and save it with the region and the camera's controls as a new version.
    Camera {
        /// First column, first row, columns and rows of the chamber's floor; left out, as they are.
        #[arg(long, value_name = "X,Y,WIDTH,HEIGHT", value_parser = region)]
        region: Option<Region>,
        #[command(flatten)]
        fixed: Fixed,
        /// I have looked: the chamber is empty, it only looks different now.
        #[arg(long)]
        confirmed: bool,
        /// Who calibrates, for the record.
        #[arg(long, default_value = "terminal")]
        by: String,
    },
    /// Say once a second how sharp and how bright the picture is, to turn the lens or the lamp by.
    Light {
        #[command(flatten)]
        fixed: Fixed,
        /// Readings after which it ends; left out, it goes on until it is interrupted.
        #[arg(long)]
        readings: Option<u32>,
    },
    /// Find the flap's places by hand and measure its travel times; needs the bin stopped, and somebody beside it.
    Flap {
        /// Who calibrates, for the record.
        #[arg(long, default_value = "terminal")]
        by: String,
    },
    /// Measure what each sensor reads when empty and when full, and the scale with a known weight.
    Sensors {
        /// This compartment's alone.
        #[arg(long, value_parser = stream)]
        only: Option<Stream>,
        /// Who calibrates, for the record.
        #[arg(long, default_value = "terminal")]
        by: String,
    },
    /// List the saved versions, the one in force first.
    Versions,
    /// Show what differs from one version to another; 0 is the rig's own file.
    Diff {
        /// Left out, the version before the one in force.
        from: Option<u32>,
        /// Left out, the one in force.
        to: Option<u32>,
    },
    /// Save an earlier version again as the newest.
    Back {
        /// Left out, the version before the one in force; 0 is the rig's own file.
        to: Option<u32>,
        /// Which part goes back; the others stay as they are.
        #[arg(long, value_enum, default_value = "camera")]
        part: Part,
        /// Who goes back, for the record.
        #[arg(long, default_value = "terminal")]
        by: String,
    },
}

/// A part of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Camera,
    Flap,
    Sensors,
}

/// What the camera must not decide for itself; what is left out stays as it is.
#[derive(Clone, Copy, Debug, Args)]
struct Fixed {
    /// Exposure time in 100 microseconds, or 'auto'.
    #[arg(long, value_parser = control)]
    exposure: Option<Control>,
    /// Gain in the driver's units, or 'auto'.
    #[arg(long, value_parser = control)]
    gain: Option<Control>,
    /// White balance in kelvin, or 'auto'.
    #[arg(long, value_parser = control)]
    white_balance: Option<Control>,
    /// Focus in the driver's units, or 'auto'.
    #[arg(long, value_parser = control)]
    focus: Option<Control>,
}

/// `None` leaves it to the camera.
#[derive(Clone, Copy, Debug)]
struct Control(Option<u32>);

fn control(text: &str) -> Result<Control, String> {
    match text {
        "auto" => Ok(Control(None)),
        _ => text
            .parse()
            .map(|value| Control(Some(value)))
            .map_err(|_| "is neither a number nor 'auto'".into()),
    }
}

fn stream(text: &str) -> Result<Stream, String> {
    Stream::from_id(text).ok_or_else(|| "is no stream such as can or paper".to_owned())
}

fn region(text: &str) -> Result<Region, String> {
    let numbers: Option<Vec<u32>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let numbers: Option<[u32; 4]> = numbers.and_then(|numbers| numbers.try_into().ok());
    numbers.map(Region::from).ok_or_else(|| "is not four numbers such as 44,32,560,424".into())
}

impl Fixed {
    fn over(self, controls: Controls) -> Controls {
        let or = |control: Option<Control>, before| control.map_or(before, |control| control.0);
        Controls {
            exposure_100us: or(self.exposure, controls.exposure_100us),
            gain: or(self.gain, controls.gain),
            white_balance_k: or(self.white_balance, controls.white_balance_k),
            focus: or(self.focus, controls.focus),
            mains_hz: controls.mains_hz,
        }
    }
}

pub(super) fn run(calibrate: &Calibrate) -> anyhow::Result<ExitCode> {
    let config = Config::load(&calibrate.config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let calibrator = Calibrator::new(&config, OwnCamera::new(&clock), Arc::clone(&clock));
    let versions = calibrator.versions().map_err(|problems| anyhow::anyhow!(problems.join("\n")))?;
    // The rig's own file is always among them.
    let now = versions.first().cloned().unwrap_or_default();
    let before = versions.get(1).map_or(0, |version| version.number);
    match &calibrate.what {
        What::Camera { region, fixed, confirmed, by } => {
            camera_is_free(&config)?;
            let seen =
                Seen { region: region.unwrap_or(now.seen.region), controls: fixed.over(now.seen.controls) };
            let changed = calibrator.save(seen, *confirmed, by).map_err(|why| not_saved(&why))?;
            saved(&changed.what);
        }
        What::Light { fixed, readings } => {
            camera_is_free(&config)?;
            let controls = fixed.over(config.calibration.controls);
            let mut best = 0.0_f32;
            read_light(&config, controls, &clock, *readings, Duration::from_secs(1), |focus| {
                best = best.max(focus.sharpness);
                println!("{}", light(focus, best));
            })?;
        }
        What::Versions => versions.iter().enumerate().for_each(|(index, version)| print(version, index == 0)),
        What::Diff { from, to } => {
            let (from, to) = (from.unwrap_or(before), to.unwrap_or(now.number));
            let differences = calibrator.differences(from, to).map_err(|why| not_saved(&why))?;
            println!("version {from} -> {to}");
            differences.iter().for_each(|line| println!("  {line}"));
        }
        What::Flap { by } => flap::run(&config, by)?,
        What::Sensors { only, by } => {
            sensors::run(&config, by, *only)?;
            if runs(&config) {
                complain("the running bin goes on as before; it holds from its next start");
            }
        }
        What::Back { to, part, by } => {
            let to = to.unwrap_or(before);
            match part {
                Part::Camera => saved(&calibrator.back_to(to, by).map_err(|why| not_saved(&why))?.what),
                Part::Flap => saving::back(&config, by, to, |earlier, next| next.flap = earlier.flap)?,
                Part::Sensors => {
                    saving::back(&config, by, to, |earlier, next| next.sensors = earlier.sensors)?
                }
            }
            if runs(&config) {
                complain("the running bin goes on as before; it holds from its next start");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn runs(config: &Config) -> bool {
    tally::in_use(&config.state_dir.join("tally.db"))
}

fn camera_is_free(config: &Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        !runs(config),
        "the bin runs and has the camera: calibrate on its page, or stop it first (systemctl stop bunri)"
    );
    Ok(())
}

fn saved(what: &[String]) {
    for line in what {
        println!("{line}");
    }
}

/// Why nothing was saved, and what to do.
fn not_saved(why: &NotSaved) -> anyhow::Error {
    use crate::detect::Unfit;
    let text = match why {
        NotSaved::Problems(problems) => problems.join("\n"),
        NotSaved::Unfit(Unfit::Dark) => "it is too dark to see the chamber: switch its light on".into(),
        NotSaved::Unfit(Unfit::Moving) => "something moves in view: step back and try again".into(),
        NotSaved::Unfit(Unfit::Hand) => "a hand reaches in: take it out and try again".into(),
        NotSaved::Unfit(Unfit::Occupied) => {
            "something lies in view: take it out; if it is the chamber that looks different, say --confirmed"
                .into()
        }
        NotSaved::NoPicture => "no picture came from the camera: see `bunri doctor`".into(),
        NotSaved::Busy | NotSaved::NotInMaintenance => "the bin is at work: begin maintenance first".into(),
    };
    anyhow::anyhow!("nothing was saved: {text}")
}

fn print(version: &Calibrated, in_force: bool) {
    let mark = if in_force { '*' } else { ' ' };
    let Region { x, y, width, height } = version.seen.region;
    let saved_at = jiff::Timestamp::from_millisecond(version.saved_at_ms).unwrap_or_default();
    let origin = match (version.number, version.back_to) {
        (0, _) => "the rig's own file".to_owned(),
        (_, None) => format!("{saved_at:.0} by {}", version.by),
        (_, Some(number)) => format!("{saved_at:.0} by {}, as version {number}", version.by),
    };
    let chamber = if version.learnt { "empty chamber saved" } else { "empty chamber learnt at each start" };
    println!("{mark} {:>4}  region {x},{y},{width},{height}  {chamber}  {origin}", version.number);
}

/// One reading in a line, with the histogram as bars of eight heights.
fn light(focus: &Focus, best: f32) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = focus.histogram.iter().copied().fold(f32::EPSILON, f32::max);
    let bars: String =
        focus.histogram.iter().map(|share| BARS[(share / highest * 8.0).round() as usize]).collect();
    format!(
        "sharpness {:>6.0} (best {best:.0})  dark |{bars}| bright  black {:.0} %  white {:.0} %",
        focus.sharpness,
        focus.dark * 100.0,
        focus.bright * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_four_numbers_and_a_control_a_number_or_auto() {
        assert_eq!(region("44, 32,560,424"), Ok(Region { x: 44, y: 32, width: 560, height: 424 }));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "1,2,-3,4", "a,b,c,d"] {
            assert!(region(wrong).is_err(), "{wrong}");
        }
        let fixed = Fixed {
            exposure: Some(control("150").unwrap()),
            gain: Some(control("auto").unwrap()),
            white_balance: None,
            focus: None,
        };
        let before = Controls { gain: Some(3), focus: Some(7), mains_hz: Some(60), ..Controls::default() };
        let after = Controls { exposure_100us: Some(150), gain: None, ..before };
        assert_eq!(fixed.over(before), after);
        assert!(control("bright").is_err());
    }

    #[test]
    fn a_reading_fits_a_line() {
        let mut histogram = [0.0; 16];
        (histogram[0], histogram[15]) = (0.25, 0.75);
        let focus = Focus { sharpness: 812.4, histogram, dark: 0.25, bright: 0.75 };
        assert_eq!(
            light(&focus, 900.2),
            "sharpness    812 (best 900)  dark |▃              █| bright  black 25 %  white 75 %"
        );
    }
}
