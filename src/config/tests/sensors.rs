//! `[sensors]` and the button of a rig, and what was measured of them.

use super::{CALIBRATION, CONFIG, check, load, motor};
use crate::config::{Config, SavedFlap, SavedScale, SavedSensors, SavedSpan, Version};
use crate::mechanism::button::ButtonMeans;
use crate::mechanism::sensors::FillSource;
use crate::mechanism::sensors::level::Span;
use crate::streams::Stream;

const RIG: (&str, &str) = ("drive = \"simulated\"", "drive = \"rig\"");

const SENSORS: &str = r#"
    throat_beam = { line = "GPIO20" }
    [front]
    button = { line = "GPIO21", active_low = true, bias = "pull_up", debounce_ms = 20 }
    button_means = "take_back"
    [sensors.fill.can]
    distance = { label = "fill-can" }
    empty_mm = 620
    full_mm = 90
    [sensors.fill.general]
    full_switch = { line = "GPIO12", bias = "pull_up" }
    [sensors.load_cell]
    voltage = { name = "hx711" }
"#;

fn with_sensors(from: &str, to: &str) -> String {
    assert!(SENSORS.contains(from), "{from}");
    motor(&[("throat_beam = { line = \"GPIO20\" }", &SENSORS.replacen(from, to, 1))])
}

#[test]
fn sensors_belong_to_their_compartments_and_to_the_rigs_drive() {
    let text = with_sensors("full_mm = 90", "full_mm = 90");
    let config = load(&[RIG], &[("general = 60", &text)]).unwrap();
    let [Some(can), None, Some(general)] = &config.sensors.fill[..] else { panic!("{:?}", config.sensors) };
    let FillSource::Distance { channel, span } = &can.source else { panic!("{can:?}") };
    assert_eq!((channel.label.as_deref(), channel.channel.as_str()), (Some("fill-can"), "in_distance"));
    assert_eq!(*span, Some(Span { empty_mm: 620.0, full_mm: 90.0 }));
    assert!(
        matches!(&general.source, FillSource::Switch(input) if input.role == "sensors.fill.general.full_switch")
    );
    assert_eq!((can.full_at, can.open_at), (0.95, 0.75));
    assert!(config.sensors.load_cell.as_ref().is_some_and(|cell| cell.scale.is_none()));
    assert_eq!(config.front.button.unwrap().means, ButtonMeans::TakeBack);
    let rehearsed = load(&[], &[("general = 60", &text)]).unwrap();
    assert!(rehearsed.sensors.is_empty() && rehearsed.front.button.is_none(), "nobody's lines are touched");
}

#[test]
fn every_problem_of_the_sensors_comes_up_at_once() {
    let wrong = r#"
    throat_beam = { line = "GPIO20" }
    [front]
    button = { line = "GPIO16" }
    button_means = "open_sesame"
    [sensors.fill.can]
    distance = { channel = "in_distance" }
    empty_mm = 90
    full_mm = 620
    [sensors.fill.glass]
    distance = { name = "a/b" }
    empty_mm = 600
    full_percent = 70
    [sensors.fill.general]
    [sensors.fill.foam]
    full_switch = { line = "GPIO12" }
    [sensors.load_cell]
    voltage = { name = "hx711" }
    zero_mv = 1.0
"#;
    let text = motor(&[("throat_beam = { line = \"GPIO20\" }", wrong)]);
    check(
        &[RIG],
        &[("general = 60", &text)],
        &[
            ("rig.toml front.button_means", "open_sesame"),
            ("rig.toml front.button", "the same line as guard.service_door"),
            ("rig.toml sensors.fill.can.distance", "a name, a label or an at"),
            ("rig.toml sensors.fill.can.empty_mm", "50 more than full_mm"),
            ("rig.toml sensors.fill.glass.distance", "characters"),
            ("rig.toml sensors.fill.glass", "measure both"),
            ("rig.toml sensors.fill.glass.open_percent", "0 to 65"),
            ("rig.toml sensors.fill.general", "either distance or full_switch"),
            ("rig.toml sensors.fill.foam", "does not have"),
            ("rig.toml sensors.load_cell", "measure both"),
        ],
    );
}

#[test]
fn a_saved_version_lies_over_the_rigs_own_values_and_adds_no_sensor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bunri.toml");
    std::fs::write(&path, CONFIG.replace(RIG.0, RIG.1)).unwrap();
    let text = CALIBRATION.replace("general = 60", &with_sensors("empty_mm", "empty_mm"));
    std::fs::write(folder.path().join("rig.toml"), text).unwrap();
    let config = Config::load(&path).unwrap();
    let span = SavedSpan { empty_mm: 580.0, full_mm: 120.0 };
    let sensors = SavedSensors {
        // Neither has a distance sensor.
        fill: [Stream::Can, Stream::General, Stream::Glass].map(|stream| (stream, span)).into(),
        load_cell: Some(SavedScale { zero_mv: 19.5, grams_per_mv: -210.0 }),
    };
    let flap = SavedFlap { speed_deg_per_s: Some(120.0), home_us: Some(1_500), ..SavedFlap::default() };
    let version = Version { by: "kim".into(), sensors, flap, ..Version::default() };
    let number = config.versions().put(&version, None).unwrap();
    let saved = Config::load(&path).unwrap();
    assert_eq!((saved.calibration.version, saved.calibration.speed_deg_per_s), (number, 120.0));
    assert_ne!(saved.hash, config.hash);
    let spans: Vec<_> = saved
        .sensors
        .fill
        .iter()
        .map(|fill| {
            fill.as_ref().and_then(|fill| match &fill.source {
                FillSource::Distance { span, .. } => *span,
                FillSource::Switch(_) => None,
            })
        })
        .collect();
    assert_eq!(spans, [Some(Span { empty_mm: 580.0, full_mm: 120.0 }), None, None]);
    assert_eq!(saved.sensors.load_cell.unwrap().scale.unwrap().grams_per_mv, -210.0);
    // A trial of the camera's part alone keeps them.
    let tried = Config::load_calibrated(&path, &crate::config::View::default()).unwrap();
    assert_eq!(tried.calibration.speed_deg_per_s, 120.0);
    let own = Config::load_version(&path, &Version::default()).unwrap();
    assert_eq!(own.calibration.speed_deg_per_s, 400.0);
}
