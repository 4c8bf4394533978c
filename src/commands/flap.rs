//! `bunri flap`: the flap on its own, without the daemon.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::mechanism::gpio::open_boxed;
use crate::mechanism::stepper::measure_jitter;
use crate::mechanism::{Board, DriveSettings};

#[derive(Debug, Subcommand)]
pub(super) enum Flap {
    /// Take every force off the rig's drive and leave it so: for `ExecStopPost`, and before working at it.
    Off(Rig),
    /// Measure how late this machine's step pulses are.
    Jitter {
        /// Steps a second.
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        rate_hz: u32,
        /// How many.
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        steps: u32,
    },
}

#[derive(Debug, Args)]
pub(super) struct Rig {
    /// The bin's configuration.
    #[arg(long, default_value = "/etc/bunri/bunri.toml")]
    config: PathBuf,
}

pub(super) fn run(command: &Flap) -> anyhow::Result<ExitCode> {
    match command {
        Flap::Off(Rig { config }) => off(&Config::load(config)?),
        Flap::Jitter { rate_hz, steps } => {
            let jitter = measure_jitter(*rate_hz, *steps, &SystemClock);
            println!(
                "{steps} steps at {rate_hz} Hz were late by {} us (median), {} us (99 of 100), {} us (worst)",
                jitter.p50_us, jitter.p99_us, jitter.worst_us
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Opening a drive switches it off, a PWM channel too, which no crash does. Its lines go with this process.
fn off(config: &Config) -> anyhow::Result<ExitCode> {
    if config.drive == DriveSettings::None {
        println!("no rig is chosen, so there is no drive to switch off");
        return Ok(ExitCode::SUCCESS);
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let rig = &config.calibration;
    let board = Board { open_lines: &open_boxed, clock: &clock };
    let mut drive = config.drive.open(&rig.angles_deg, rig.speed_deg_per_s, &board)?;
    drive.release(clock.now())?;
    println!("the {} drive is off", config.drive.kind());
    Ok(ExitCode::SUCCESS)
}
