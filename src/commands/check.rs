//! `bunri check`: everything a configuration names, every problem at once.

use std::path::Path;
use std::process::ExitCode;

use super::complain;
use crate::capture::device;
use crate::capture::replay::Clip;
use crate::config::{Camera, Config};
use crate::daemon::{calibrated_background, live_bundle, site_head};
use crate::identify::Identifier;
use crate::mechanism::DriveSettings;
use crate::web::sign;

pub(super) fn run(path: &Path) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => {
            for problem in &error.problems {
                complain(&problem.to_string());
            }
            return ExitCode::FAILURE;
        }
    };
    let mut problems = Vec::new();
    let mut note = |result: Result<String, String>| match result {
        Ok(fine) => println!("ok    {fine}"),
        Err(problem) => problems.push(problem),
    };
    note(Ok(format!("configuration {} ({})", path.display(), config.hash)));
    note(check_camera(&config));
    note(
        calibrated_background(&config)
            .map(|background| match background {
                Some(_) => "picture of the empty chamber".to_owned(),
                None => {
                    "no picture of the empty chamber: the first still frames are learnt as empty".to_owned()
                }
            })
            .map_err(|error| error.to_string()),
    );
    note(Ok(describe_drive(&config)));
    note(check_model(&config));
    note(check_state(&config));
    if let Some(keeping) = config.web.as_ref().and_then(|web| web.keep_frames) {
        note(sign::text(keeping).map_err(|error| error.to_string()).map(|sign| {
            format!("small pictures of drops are kept ([web.keep_frames]); put up this sign:\n\n{sign}\n")
        }));
    }
    for problem in &problems {
        complain(problem);
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn check_camera(config: &Config) -> Result<String, String> {
    match &config.camera {
        Camera::None => Ok("no camera is chosen (camera.source): the bin sees nothing".to_owned()),
        Camera::V4l2(settings) => device::find(&settings.device, Path::new("/dev"))
            .map(|device| format!("camera {} is {}", settings.device, device.node.display()))
            .map_err(|error| error.to_string()),
        Camera::Replay { clips, .. } => {
            let clips = Clip::open_all(clips).map_err(|error| error.to_string())?;
            let calibration = &config.calibration;
            for clip in &clips {
                if (clip.width, clip.height) != (calibration.width, calibration.height) {
                    return Err(format!(
                        "clip {} is {}x{}, the rig was calibrated for {}x{}",
                        clip.path.display(),
                        clip.width,
                        clip.height,
                        calibration.width,
                        calibration.height
                    ));
                }
            }
            Ok(format!("{} clips", clips.len()))
        }
    }
}

/// Which lines the drive would be given. None is touched: the flap must not know that somebody checks.
fn describe_drive(config: &Config) -> String {
    if config.drive == DriveSettings::None {
        return "no rig is chosen (mechanism.drive): no line is touched, nothing is sorted".to_owned();
    }
    let lines = config.drive.lines();
    let outputs = lines.outputs.iter().map(|output| format!("{} {}", output.role, output.id));
    let inputs = lines.inputs.iter().map(|input| format!("{} {}", input.role, input.id));
    let guards = config.guards.guards.iter().map(|(_, input)| format!("{} {}", input.role, input.id));
    let front = config.front.outputs().map(|output| format!("{} {}", output.role, output.id));
    let button = config.front.button.iter().map(|button| &button.input);
    let others = button.chain(config.sensors.switches());
    let others = others.map(|input| format!("{} {}", input.role, input.id));
    let all: Vec<_> = outputs.chain(inputs).chain(guards).chain(front).chain(others).collect();
    let separator = if all.is_empty() { "" } else { ": " };
    format!("drive {}{separator}{}", config.drive.kind(), all.join(", "))
}

fn check_model(config: &Config) -> Result<String, String> {
    let bundle = live_bundle(config).map_err(|error| error.to_string())?;
    let name = format!("bundle {}", bundle.title());
    let site = site_head(config, &bundle).map_err(|error| error.to_string())?;
    let taught = site.as_ref().map_or_else(String::new, |site| {
        let (shown, all) = (site.shown().count(), site.taught.len());
        let corrections =
            if all > shown { format!(", {} corrections learnt", all - shown) } else { String::new() };
        format!(", {shown} items taught here{corrections}")
    });
    Identifier::load(bundle, &config.runtime, site.as_ref())
        .map(|_| name + &taught)
        .map_err(|error| error.to_string())
}

fn check_state(config: &Config) -> Result<String, String> {
    let folder = &config.state_dir;
    let probe = folder.join(".bunri-check");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b"x"))
        .and_then(|()| std::fs::remove_file(&probe))
        .map(|()| format!("state folder {}", folder.display()))
        .map_err(|error| format!("cannot write in {} ([bin] state_dir): {error}", folder.display()))
}
