mod sensors;
mod unset;
mod uplink;

use super::*;
use crate::judge::CompartmentId;
use crate::mechanism::Place;
use crate::streams::Stream;

const CONFIG: &str = r#"
    [bin]
    district = "yangcheon"
    id = "mok-1"
    state_dir = "state"
    [camera]
    source = "v4l2"
    device = "/dev/video0"
    [rig]
    name = "test"
    calibration = "rig.toml"
    [model]
    bundle = "bundle"
    [[compartment]]
    stream = "can"
    [[compartment]]
    stream = "glass"
    [[compartment]]
    stream = "general"
    [judge]
    settle_ms = 250
    [mechanism]
    drive = "simulated"
    [uplink]
    host = "hub.local"
    [web]
    listen = "127.0.0.1:8480"
"#;

const CALIBRATION: &str = r#"
    version = 1
    rig = "test"
    [camera]
    width = 640
    height = 480
    region = [44, 32, 560, 424]
    throat = ["bottom"]
    [flap]
    home_deg = 0
    speed_deg_per_s = 400
    [flap.positions_deg]
    can = 20
    glass = 40
    general = 60
"#;

/// Loads both files after replacing each `(from, to)`; problems come as `file path: message`, in order.
fn load(config: &[(&str, &str)], calibration: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let changed = |text: &str, changes: &[(&str, &str)]| {
        changes.iter().fold(text.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bunri.toml");
    std::fs::write(&path, changed(CONFIG, config)).unwrap();
    std::fs::write(folder.path().join("rig.toml"), changed(CALIBRATION, calibration)).unwrap();
    std::fs::write(folder.path().join("password"), "hunter2\n").unwrap();
    Config::load(&path).map_err(|error| {
        let of = |problem: &Problem| {
            let file = problem.file.file_name().unwrap().to_string_lossy();
            format!("{file} {}: {}", problem.path, problem.message)
        };
        let lines: Vec<_> = error.problems.iter().map(of).collect();
        assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:?}");
        lines
    })
}

/// Asserts that there are exactly these problems, in any order: where each is, and a part of what it says.
fn check(config: &[(&str, &str)], calibration: &[(&str, &str)], expected: &[(&str, &str)]) {
    let found = load(config, calibration).unwrap_err();
    for (place, says) in expected {
        let there: Vec<_> = found.iter().filter(|line| line.starts_with(&format!("{place}: "))).collect();
        assert!(there.len() == 1 && there[0].contains(says), "{place} {says}: {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn a_good_configuration_loads_with_paths_beside_it() {
    let config = load(&[], &[]).unwrap();
    assert_eq!((config.bin.district(), config.bin.bin()), ("yangcheon", "mok-1"));
    assert!(config.state_dir.is_absolute() && config.state_dir.ends_with("state"));
    assert!(config.bundle.ends_with("bundle"));
    assert_eq!(config.judge.timing.settle, Duration::from_millis(250));
    assert_eq!(config.compartments.len(), 3);
    assert_eq!(config.calibration.angles_deg[&Place::At(CompartmentId(1))], 40.0);
    assert_eq!(config.calibration.angles_deg[&Place::Home], 0.0);
    assert_eq!(config.uplink.unwrap().broker(), "hub.local:1883");
    let web = config.web.unwrap();
    assert_eq!((web.url().as_str(), web.open_on_loopback), ("http://127.0.0.1:8480/", false));
    assert_eq!(config.hash.len(), 12);
}

#[test]
fn a_bin_may_stand_alone() {
    let config = load(
        &[("[uplink]", ""), ("host = \"hub.local\"", ""), ("[web]", ""), ("listen = \"127.0.0.1:8480\"", "")],
        &[],
    );
    let config = config.unwrap();
    assert!(config.uplink.is_none() && config.web.is_none());
}

#[test]
fn the_demos_configuration_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Config::load(&root.join("calibration/demo/bunri.toml")).unwrap();
    assert_eq!(config.compartments.len(), Stream::DISTRICT.len());
    let Camera::Replay { clips, options } = config.camera else { panic!("the demo replays") };
    assert!(clips.len() >= 8 && options.loops == Loops::Forever && options.pace == Pace::RealTime);
}

#[test]
fn every_wrong_key_and_value_comes_up_at_once() {
    check(
        &[
            ("state_dir = \"state\"", "state_dir = \"state\"\nsatte_dir = \"state\""),
            (
                "device = \"/dev/video0\"",
                "device = \"/dev/video0\"\nwidth = \"wide\"\n[camera.replay]\nsede = 3",
            ),
            ("stream = \"glass\"", "stream = \"glass\"\nfull = true"),
            (
                "settle_ms = 250",
                "settel_ms = 250\nretries = -1\n[judge.cost]\nlsot = 2\n[[judge.cost.mistake]]\nitem = \"can\"\nsent_to = \"glass\"\ncost = 2\n[[judge.cost.mistake]]\nitem = \"can\"\nsent_to = \"glass\"\ncost = 2\nprice = 3",
            ),
            ("host = \"hub.local\"", "host = \"hub.local\"\nport = 70000"),
            ("[web]", "[wbe]\n[web]"),
        ],
        &[("throat = [\"bottom\"]", "throat = [\"floor\"]\nzoom = 2")],
        &[
            ("bunri.toml bin.satte_dir", "unknown field"),
            ("bunri.toml camera.width", "wide"),
            ("bunri.toml camera.replay.sede", "unknown field"),
            ("bunri.toml compartment[1].full", "unknown field"),
            ("bunri.toml judge.settel_ms", "unknown field"),
            ("bunri.toml judge.retries", "-1"),
            ("bunri.toml judge.cost.lsot", "unknown field"),
            ("bunri.toml judge.cost.mistake[1].price", "unknown field"),
            ("bunri.toml uplink.port", "70000"),
            ("bunri.toml wbe", "unknown field"),
            ("rig.toml camera.throat[0]", "floor"),
            ("rig.toml camera.zoom", "unknown field"),
        ],
    );
}

#[test]
fn every_missing_key_comes_up_at_once_with_the_wrong_ones() {
    check(
        &[
            ("district =", "distrct ="),
            ("id = \"mok-1\"", ""),
            ("drive = \"simulated\"", "drive = \"real\""),
            ("bundle = \"bundle\"", ""),
            ("stream = \"can\"", ""),
            ("stream = \"glass\"", "stream = \"tin\""),
            ("stream = \"general\"", "stream = \"general\"\ndisabeld = true"),
            ("[rig]", "[rgi]"),
            ("host = \"hub.local\"", "prot = 1883"),
        ],
        &[],
        &[
            ("bunri.toml bin.distrct", "unknown field"),
            ("bunri.toml bin.district", "is missing"),
            ("bunri.toml bin.id", "is missing"),
            ("bunri.toml mechanism.drive", "real"),
            ("bunri.toml model.bundle", "is missing"),
            ("bunri.toml compartment[0].stream", "is missing"),
            ("bunri.toml compartment[1].stream", "tin"),
            ("bunri.toml compartment[2].disabeld", "unknown field"),
            ("bunri.toml rgi", "unknown field"),
            ("bunri.toml rig", "is missing"),
            ("bunri.toml uplink.prot", "unknown field"),
            ("bunri.toml uplink.host", "is missing"),
        ],
    );
}

#[test]
fn values_out_of_range_come_up_with_the_calibrations_problems() {
    check(
        &[
            ("district = \"yangcheon\"", "district = \"Yangcheon/1\"\nzone = \"Mars/Olympus\""),
            ("device = \"/dev/video0\"", "device = \"/dev/video0\"\nformat = \"h264\""),
            ("bundle = \"bundle\"", "bundle = \"bundle\"\nthreads = 0"),
            ("stream = \"glass\"", "stream = \"can\""),
            (
                "settle_ms = 250",
                "settle_ms = 1\nvotes_least = 9\nvotes_most = 3\nretries = 9\nclear_hold_ms = 0\n[judge.cost]\nlost = -1.0\n[[judge.cost.mistake]]\nitem = \"can\"\nsent_to = \"can\"\ncost = 2000",
            ),
            ("drive = \"simulated\"", "drive = \"simulated\"\nmove_limit_ms = 1\nretries = 99"),
            (
                "127.0.0.1:8480\"",
                "0.0.0.0:8480\"\ntls = false\nidle_min = 0\nkey = \"key.pem\"\nkeep_frames = { until = \"never\", days_most = 99 }",
            ),
        ],
        &[
            ("rig = \"test\"", "rig = \"other\""),
            ("region = [44, 32, 560, 424]", "region = [144, 32, 560, 424]\noccupied_share = 0.9"),
            ("speed_deg_per_s = 400", "speed_deg_per_s = 0"),
            ("can = 20", "can = 900"),
            ("general = 60", ""),
        ],
        &[
            ("bunri.toml bin", "Yangcheon/1"),
            ("bunri.toml bin.zone", "Mars/Olympus"),
            ("bunri.toml camera.format", "h264"),
            ("bunri.toml model.threads", "1 to 16"),
            ("bunri.toml compartment[1].stream", "stands twice"),
            ("bunri.toml judge.settle_ms", "50 to 5000"),
            ("bunri.toml judge.votes_least", "votes_most"),
            ("bunri.toml judge.retries", "more than 5"),
            ("bunri.toml judge.clear_hold_ms", "30 to 5000"),
            ("bunri.toml judge.cost.lost", "0 to 1000"),
            ("bunri.toml judge.cost.mistake[0].cost", "0 to 1000"),
            ("bunri.toml judge.cost.mistake[0]", "no mistake"),
            ("bunri.toml mechanism.move_limit_ms", "100 to 20000"),
            ("bunri.toml mechanism.retries", "more than 20"),
            ("bunri.toml web", "certificate and key belong together"),
            ("bunri.toml web.tls", "without TLS the page stays on this machine"),
            ("bunri.toml web.idle_min", "1 to 1440"),
            ("bunri.toml web.keep_frames.days_most", "1 to 30"),
            ("bunri.toml web.keep_frames.until", "not a day"),
            ("rig.toml rig", "'other'"),
            ("rig.toml camera.region", "not inside"),
            ("rig.toml camera.occupied_share", "0.001 to 0.5"),
            ("rig.toml flap.speed_deg_per_s", "1 to 5000"),
            ("rig.toml flap.positions_deg.can", "-360 to 360"),
            ("rig.toml flap.positions_deg.general", "no position"),
        ],
    );
}

#[test]
fn replay_needs_clips_and_sane_options() {
    check(
        &[("source = \"v4l2\"", "source = \"replay\"")],
        &[],
        &[("bunri.toml camera.replay.clips", "names no clip")],
    );
    let change = ("device = \"/dev/video0\"", "[camera.replay]\nclips = [\"nowhere\"]");
    check(
        &[("source = \"v4l2\"", "source = \"replay\""), change],
        &[],
        &[("bunri.toml camera.replay.clips", "nowhere")],
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/clips");
    let options = format!(
        "[camera.replay]\nclips = [\"{}\"]\nloops = 0\nnoise_sigma = 100.0\ndrift_amplitude = 2.0\n\
         dropped_probability = 1.0\ntruncated_probability = nan",
        root.display()
    );
    check(
        &[("source = \"v4l2\"", "source = \"replay\""), ("device = \"/dev/video0\"", &options)],
        &[],
        &[
            ("bunri.toml camera.replay.loops", "at least 1"),
            ("bunri.toml camera.replay.noise_sigma", "0 to 64"),
            ("bunri.toml camera.replay.drift_amplitude", "0 to 0.5"),
            ("bunri.toml camera.replay.dropped_probability", "0 to 0.9"),
            ("bunri.toml camera.replay.truncated_probability", "0 to 0.9"),
        ],
    );
    check(&[("device = \"/dev/video0\"", "")], &[], &[("bunri.toml camera.device", "is needed")]);
}

#[test]
fn a_syntax_error_names_its_line() {
    check(&[("id = \"mok-1\"", "id = = \"mok-1\"")], &[], &[("bunri.toml ", "is not TOML: line 4")]);
    check(&[], &[("height = 480", "height = 480 480")], &[("rig.toml ", "is not TOML: line 6")]);
}

#[test]
fn a_calibration_of_another_version_says_only_that() {
    let newer = [("version = 1", "version = 2"), ("[flap]", "[carousel]"), ("region", "areas")];
    check(&[], &newer, &[("rig.toml version", "calibrate the rig again")]);
    check(
        &[("settle_ms = 250", "settle_ms = 1")],
        &newer,
        &[("rig.toml version", "2 is another version"), ("bunri.toml judge.settle_ms", "50 to 5000")],
    );
}

#[test]
fn files_that_are_not_there_are_named() {
    check(&[("\"rig.toml\"", "\"rgi.toml\"")], &[], &[("rgi.toml ", "cannot be read")]);
    let picture = ("region", "empty_chamber = \"empty.png\"\nregion");
    check(&[], &[picture], &[("rig.toml camera.empty_chamber", "empty.png is not there")]);
    let error = Config::load(Path::new("/nowhere/bunri.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/bunri.toml: cannot be read"), "{error}");
}

#[test]
fn a_single_mistake_may_cost_something_else() {
    let costs = "settle_ms = 250\n[judge.cost]\nlost = 2.0\ncontaminated = 5.0\ndirty = 7.0\n\
                 [[judge.cost.mistake]]\nitem = \"paper\"\nsent_to = \"carton\"\ncost = 0.5";
    let cost = load(&[("settle_ms = 250", costs)], &[]).unwrap().judge.cost;
    let of = |item: Stream, sent_to: Stream| cost[item.index()][sent_to.index()];
    assert_eq!(of(Stream::Paper, Stream::Carton), 0.5);
    assert_eq!(of(Stream::Carton, Stream::Paper), 5.0);
    assert_eq!(of(Stream::Can, Stream::General), 2.0);
    assert_eq!(of(Stream::General, Stream::Can), 7.0);
    assert_eq!(of(Stream::Can, Stream::Can), 0.0);
}

#[test]
fn the_cameras_controls_come_from_the_calibration() {
    let with = |controls: &str| load(&[], &[("[flap]", &format!("[camera.controls]\n{controls}\n[flap]"))]);
    let config = with("exposure_100us = 150\nwhite_balance_k = 4600\nmains_hz = 60").unwrap();
    let Camera::V4l2(settings) = config.camera else { panic!("not a camera") };
    assert_eq!(settings.controls.exposure_100us, Some(150));
    assert_eq!(settings.controls.white_balance_k, Some(4600));
    assert_eq!((settings.controls.mains_hz, settings.controls.gain), (Some(60), None));

    let problems = with("exposure_100us = 0\nwhite_balance_k = 46\nmains_hz = 55").unwrap_err();
    let wrong =
        |key: &str| problems.iter().any(|problem| problem.contains(&format!("camera.controls.{key}")));
    assert!(
        problems.len() == 3 && wrong("exposure_100us") && wrong("white_balance_k") && wrong("mains_hz"),
        "{problems:?}"
    );
}

/// The rig of `calibration/rigs/dc-motor-four-way`, cut down to three places.
const MOTOR: &str = r#"
    general = 60
    [drive]
    kind = "dc_motor"
    enable = { line = "GPIO17" }
    home_switch = { line = "GPIO5", active_low = true, bias = "pull_up" }
    [drive.switches]
    can = { chip = "gpiochip0", offset = 6 }
    glass = { line = "GPIO13" }
    general = { line = "GPIO19", debounce_ms = 5 }
    [drive.dc_motor]
    forward = { line = "GPIO27" }
    reverse = { line = "GPIO22" }
    [guard]
    service_door = { line = "GPIO16", bias = "pull_up" }
    throat_beam = { line = "GPIO20" }
"#;

/// Changes to the motor's rig, in one text that replaces the last line of the calibration.
fn motor(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(MOTOR.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

#[test]
fn a_rig_names_its_drive_and_the_configuration_chooses_it() {
    let rig = ("drive = \"simulated\"", "drive = \"rig\"");
    let config = load(&[rig], &[("general = 60", &motor(&[]))]).unwrap();
    let mechanism::DriveSettings::DcMotor(settings) = config.drive else { panic!("{:?}", config.drive) };
    let switches: Vec<_> = settings.switches.iter().map(|switch| switch.role.as_str()).collect();
    let expected =
        ["drive.home_switch", "drive.switches.can", "drive.switches.glass", "drive.switches.general"];
    assert_eq!(switches, expected, "in the order of travel");
    assert_eq!(settings.switches[3].debounce, Duration::from_millis(5));
    let guards: Vec<_> = config.guards.guards.iter().map(|(guard, _)| guard.id()).collect();
    assert_eq!(guards, ["service_door", "throat_beam"]);
    // The same rig may be rehearsed without its hardware, by name only.
    let config = load(&[], &[("general = 60", &motor(&[]))]).unwrap();
    assert_eq!(config.drive, mechanism::DriveSettings::Simulated);
    assert!(config.guards.guards.is_empty(), "nobody's lines are touched");
    check(&[rig], &[], &[("bunri.toml mechanism.drive", "has no [drive]")]);
}

#[test]
fn every_problem_of_a_drive_comes_up_at_once() {
    let wrong = motor(&[
        ("enable = { line = \"GPIO17\" }", ""),
        ("home_switch = { line = \"GPIO5\"", "home_switch = { offset = 5"),
        ("bias = \"pull_up\"", "bias = \"pull_sideways\""),
        ("can = { chip = \"gpiochip0\", offset = 6 }", ""),
        ("debounce_ms = 5", "debounce_ms = 5000"),
        ("glass = { line = \"GPIO13\" }", "glass = { line = \"GPIO27\" }\nfoam = { line = \"GPIO1\" }"),
        (
            "throat_beam = { line = \"GPIO20\" }",
            "throat_beam = { line = \"GPIO19\" }\nhold_ms = 1\n\
             [front]\nlamp = { line = \"GPIO16\" }\nbuzzer = { offset = 4 }\nsiren = { offset = 5 }",
        ),
        ("reverse = { line = \"GPIO22\" }", "dead_time_ms = 0\nrevesre = { line = \"GPIO22\" }"),
    ]);
    check(
        &[("drive = \"simulated\"", "drive = \"rig\"")],
        &[("general = 60", &wrong)],
        &[
            ("rig.toml drive.enable", "is missing"),
            ("rig.toml drive.home_switch.bias", "pull_sideways"),
            ("rig.toml drive.home_switch", "either line (its name), or chip and offset"),
            ("rig.toml drive.switches.can", "a switch at every place"),
            ("rig.toml drive.switches.general.debounce_ms", "0 to 100"),
            ("rig.toml drive.switches.foam", "no compartment"),
            ("rig.toml guard.throat_beam", "the same line as drive.switches.general"),
            ("rig.toml guard.hold_ms", "50 to 10000"),
            ("rig.toml front.lamp", "the same line as guard.service_door"),
            ("rig.toml front.buzzer", "either line (its name), or chip and offset"),
            ("rig.toml front.siren", "unknown field"),
            ("rig.toml drive.dc_motor.revesre", "unknown field"),
            ("rig.toml drive.dc_motor.dead_time_ms", "1 to 1000"),
            ("rig.toml drive.dc_motor", "either direction, or forward and reverse"),
        ],
    );
    let twice = motor(&[("GPIO22", "GPIO27"), ("kind = \"dc_motor\"", "kind = \"dc_motor\"\nspeed = 3")]);
    check(
        &[],
        &[("general = 60", &twice)],
        &[
            ("rig.toml drive.speed", "unknown field"),
            ("rig.toml drive.dc_motor.reverse", "the same line as drive.dc_motor.forward"),
        ],
    );
    let other = motor(&[("kind = \"dc_motor\"", "kind = \"simulated\"")]);
    check(&[], &[("general = 60", &other)], &[("rig.toml drive.dc_motor", "another kind")]);
}

/// `MOTOR` with another kind and its table.
fn other_drive(kind: &str, table: &str) -> String {
    let drive = motor(&[
        ("kind = \"dc_motor\"", &format!("kind = \"{kind}\"")),
        ("forward = { line = \"GPIO27\" }", ""),
        ("reverse = { line = \"GPIO22\" }", ""),
        ("[drive.dc_motor]", table),
    ]);
    drive.replace("home_switch = { line = \"GPIO5\", active_low = true, bias = \"pull_up\" }", "")
}

#[test]
fn a_servo_needs_a_pulse_width_for_each_place_within_its_travel() {
    let servo = "[drive.servo]\nchip = \"pwmchip0\"\nchannel = 0\nhome_us = 1500\n\
                 positions_us = { can = 1200, glass = 1800, general = 2100 }";
    let rig = ("drive = \"simulated\"", "drive = \"rig\"");
    let config = load(&[rig], &[("general = 60", &other_drive("servo", servo))]).unwrap();
    let mechanism::DriveSettings::Servo(settings) = config.drive else { panic!("{:?}", config.drive) };
    assert_eq!(settings.widths, [1500, 1200, 1800, 2100].map(Duration::from_micros));
    assert!(settings.switches[0].is_none() && settings.switches[1].is_some(), "a switch is welcome");
    let wrong = servo.replace("home_us = 1500", "home_us = 9000\nperiod_us = 1\nsettle_ms = 9999");
    let wrong = wrong.replace(", general = 2100", ", foam = 1").replace("channel = 0", "ramp_us_per_s = 0");
    check(
        &[rig],
        &[(
            "general = 60",
            &other_drive("servo", &wrong.replace("ramp_us_per_s", "channel = 0\nramp_us_per_s")),
        )],
        &[
            ("rig.toml drive.servo.home_us", "500 to 2500"),
            ("rig.toml drive.servo.period_us", "3000 to 25000"),
            ("rig.toml drive.servo.settle_ms", "0 to 2000"),
            ("rig.toml drive.servo.ramp_us_per_s", "50 to 50000"),
            ("rig.toml drive.servo.positions_us.foam", "500 to 2500"),
            ("rig.toml drive.servo.positions_us.general", "no pulse width"),
        ],
    );
}

#[test]
fn a_solenoid_needs_a_coil_for_each_flap_that_is_not_home() {
    let solenoid = "[drive.solenoid]\ncoils = { can = { line = \"GPIO23\" }, glass = { line = \"GPIO24\" }, \
                    general = { line = \"GPIO25\" } }\nhold = { line = \"GPIO12\" }";
    let rig = ("drive = \"simulated\"", "drive = \"rig\"");
    let config = load(&[rig], &[("general = 60", &other_drive("solenoid", solenoid))]).unwrap();
    let lines = config.drive.lines();
    let outputs: Vec<_> = lines.outputs.iter().map(|output| output.id.to_string()).collect();
    assert_eq!(outputs, ["'GPIO17'", "'GPIO12'", "'GPIO23'", "'GPIO24'", "'GPIO25'"]);
    let wrong = solenoid.replace("GPIO24", "GPIO23").replace("general =", "foam =");
    let wrong = format!("{wrong}\npull_in_ms = 1\nreturn_ms = 1\non_limit_ms = 1");
    check(
        &[rig],
        &[("general = 60", &other_drive("solenoid", &wrong))],
        &[
            ("rig.toml drive.solenoid.coils.glass", "the same line"),
            ("rig.toml drive.solenoid.coils.foam", "no compartment"),
            ("rig.toml drive.solenoid.coils.general", "no coil"),
            ("rig.toml drive.solenoid.pull_in_ms", "10 to 2000"),
            ("rig.toml drive.solenoid.return_ms", "10 to 5000"),
            ("rig.toml drive.solenoid.on_limit_ms", "500 to 60000"),
        ],
    );
}

#[test]
fn a_stepper_needs_its_home_switch_and_rates_that_grow() {
    let stepper = "[drive.stepper]\nstep = { line = \"GPIO23\" }\ndirection = { line = \"GPIO24\" }\n\
                   steps_per_turn = 3200\nstart_hz = 200\ntop_hz = 2000\nacceleration_hz_per_s = 4000\n\
                   homing_hz = 200";
    let rig = ("drive = \"simulated\"", "drive = \"rig\"");
    let only_home = |text: &str| {
        let kept = text.lines().filter(|line| {
            !["can = { chip", "glass = { line", "general = { line"].iter().any(|key| line.contains(key))
        });
        kept.collect::<Vec<_>>()
            .join("\n")
            .replace("GPIO17\" }", "GPIO17\" }\nhome_switch = { line = \"GPIO5\" }")
    };
    let text = only_home(&other_drive("stepper", stepper));
    let config = load(&[rig], &[("general = 60", &text)]).unwrap();
    let mechanism::DriveSettings::Stepper(settings) = config.drive else { panic!("{:?}", config.drive) };
    assert_eq!(settings.steps, [0, 178, 356, 533], "20, 40 and 60 degrees");
    let wrong = stepper.replace("3200", "1").replace("2000", "100").replace("4000", "1");
    check(
        &[rig],
        &[("general = 60", &other_drive("stepper", &wrong)), ("home_deg = 0", "home_deg = 30")],
        &[
            ("rig.toml drive.stepper.steps_per_turn", "20 to 1000000"),
            ("rig.toml drive.stepper.top_hz", "200 to 5000"),
            ("rig.toml drive.stepper.acceleration_hz_per_s", "10 to 1000000"),
            ("rig.toml drive.home_switch", "counted from it"),
            ("rig.toml drive.switches.can", "a home switch only"),
            ("rig.toml drive.switches.glass", "a home switch only"),
            ("rig.toml drive.switches.general", "a home switch only"),
            ("rig.toml flap.home_deg", "the smallest angle"),
        ],
    );
}

#[test]
fn keys_and_limits_of_a_new_bundle_are_checked() {
    let fine =
        load(&[("[[compartment]]", "[model.change]\nshadow_items = 5\n[[compartment]]")], &[]).unwrap();
    assert_eq!((fine.change.shadow_items, fine.change.trial_items), (5, 100));
    check(
        &[(
            "bundle = \"bundle\"",
            "bundle = \"bundle\"\nkeys = [\"RWQ\"]\n[model.change]\nagreement = 80\nreject_band = -0.1\ntrial_items = 0\nslowest_look_ms = 0",
        )],
        &[],
        &[
            ("bunri.toml model.keys[0]", "not a minisign public key"),
            ("bunri.toml model.change.agreement", "80 is not 0 to 1"),
            ("bunri.toml model.change.reject_band", "-0.1 is not 0 to 1"),
            ("bunri.toml model.change.trial_items", "0 is not 1 to 100000"),
            ("bunri.toml model.change.slowest_look_ms", "above 0"),
        ],
    );
}
