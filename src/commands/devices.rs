//! `bunri devices`: what the systemd service must reach of the board, as the configuration names it.
//!
//! The package's generator asks for it at boot and at each `systemctl daemon-reload`; the unit itself allows no device. Cameras
//! and chips are allowed by class: their numbers change when they are plugged in again, and a line's chip is found by the
//! line's name. Which of them the program may open inside its class is the file's group (`video`, `gpio`).

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config::{Camera, Config};
use crate::mechanism::DriveSettings;

#[derive(Debug, Args)]
pub(super) struct Devices {
    /// The bin's configuration.
    #[arg(long, default_value = "/etc/bunri/bunri.toml")]
    config: PathBuf,
}

/// A configuration that cannot be read allows nothing: the service says itself what is wrong with it.
pub(super) fn run(devices: &Devices) -> anyhow::Result<ExitCode> {
    let config = Config::load(&devices.config)?;
    println!("# Made by `bunri devices` from {}: what it names, and nothing else.", devices.config.display());
    println!("[Service]");
    for setting in settings(&config) {
        println!("{setting}");
    }
    Ok(ExitCode::SUCCESS)
}

fn settings(config: &Config) -> Vec<&'static str> {
    let mut settings = Vec::new();
    if matches!(config.camera, Camera::V4l2(_)) {
        settings.push("DeviceAllow=char-video4linux rw");
    }
    let lines = config.drive.lines();
    let driven = !(lines.outputs.is_empty() && lines.inputs.is_empty());
    let front = config.front.outputs().next().is_some() || config.front.button.is_some();
    let switches = config.sensors.switches().next().is_some();
    if driven || !config.guards.guards.is_empty() || front || switches {
        settings.push("DeviceAllow=char-gpiochip rw");
    }
    if matches!(config.drive, DriveSettings::Servo(_)) {
        // A PWM channel is no device but files, which belong to the controller on the board's own bus.
        settings.push("ReadWritePaths=/sys/devices/platform");
    }
    settings
}
