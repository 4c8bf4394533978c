//! `[drive]` checked: every line, limit and time, with its path.

use std::time::Duration;

use super::super::problems::InFile;
use super::super::raw::{
    Kind, RawDcMotor, RawDrive, RawFront, RawGuards, RawInput, RawOutput, RawServo, RawSolenoid, RawStepper,
};
use crate::judge::Compartment;
use crate::mechanism::button::ButtonSettings;
use crate::mechanism::dc_motor::{DcMotorSettings, Direction};
use crate::mechanism::front::FrontSettings;
use crate::mechanism::guard::{Guard, GuardSettings};
use crate::mechanism::lines::{Input, LineId, Output};
use crate::mechanism::profile::Speeds;
use crate::mechanism::pwm::PwmSettings;
use crate::mechanism::servo::ServoSettings;
use crate::mechanism::solenoid::SolenoidSettings;
use crate::mechanism::stepper::StepperSettings;
use crate::mechanism::{DriveSettings, Place, Track};
use crate::streams::Stream;

/// Checks lines and remembers them, since no two keys may mean the same one.
pub(super) struct LineChecks<'a, 'b> {
    pub(super) problems: &'a mut InFile<'b>,
    used: Vec<(LineId, String)>,
}

impl<'a, 'b> LineChecks<'a, 'b> {
    pub(super) fn new(problems: &'a mut InFile<'b>) -> Self {
        Self { problems, used: Vec::new() }
    }

    fn id(
        &mut self,
        path: &str,
        line: Option<&str>,
        chip: Option<&str>,
        offset: Option<u32>,
    ) -> Option<LineId> {
        let id = match (line, chip, offset) {
            (Some(name), chip, None) if !name.is_empty() => {
                LineId::Named { chip: chip.map(str::to_owned), name: name.to_owned() }
            }
            (None, Some(chip), Some(offset)) => LineId::Offset { chip: chip.to_owned(), offset },
            _ => {
                let what = "needs either line (its name), or chip and offset";
                self.problems.add(path, what);
                return None;
            }
        };
        if let Some((_, other)) = self.used.iter().find(|(used, _)| *used == id) {
            self.problems.add(path, format!("is the same line as {other}"));
            return None;
        }
        self.used.push((id.clone(), path.to_owned()));
        Some(id)
    }

    pub(super) fn output(&mut self, path: &str, raw: &RawOutput) -> Option<Output> {
        let id = self.id(path, raw.line.as_deref(), raw.chip.as_deref(), raw.offset)?;
        Some(Output { role: path.to_owned(), id, active_low: raw.active_low })
    }

    pub(super) fn input(&mut self, path: &str, raw: &RawInput) -> Option<Input> {
        self.range(&format!("{path}.debounce_ms"), raw.debounce_ms, 0..=100);
        let id = self.id(path, raw.line.as_deref(), raw.chip.as_deref(), raw.offset)?;
        Some(Input {
            role: path.to_owned(),
            id,
            active_low: raw.active_low,
            bias: raw.bias,
            debounce: Duration::from_millis(raw.debounce_ms),
        })
    }

    fn needed_output(&mut self, path: &str, raw: Option<&RawOutput>) -> Option<Output> {
        let Some(raw) = raw else {
            self.problems.add(path, "is missing");
            return None;
        };
        self.output(path, raw)
    }

    fn range(&mut self, path: &str, value: u64, range: std::ops::RangeInclusive<u64>) {
        self.problems.check(range.contains(&value), path, || {
            format!("{value} is not {} to {}", range.start(), range.end())
        });
    }
}

/// What `[drive]` comes to; `None` when something is wrong with it.
pub(super) fn check(
    raw: &RawDrive,
    track: &Track,
    compartments: &[Compartment],
    checks: &mut LineChecks<'_, '_>,
) -> Option<DriveSettings> {
    tables_fit(raw, checks);
    if raw.kind == Kind::Simulated {
        return Some(DriveSettings::Simulated);
    }
    let enable = checks.needed_output("drive.enable", raw.enable.as_ref());
    let switches = switches(raw, track, compartments, checks);
    match raw.kind {
        Kind::Simulated => Some(DriveSettings::Simulated),
        Kind::DcMotor => {
            let switches = every_switch(switches, raw, track, compartments, checks);
            dc_motor(raw.dc_motor.as_ref()?, enable, switches, track, checks)
        }
        Kind::Servo => servo(raw.servo.as_ref()?, enable, switches, track, compartments, checks),
        Kind::Solenoid => solenoid(raw.solenoid.as_ref()?, enable, switches, track, compartments, checks),
        Kind::Stepper => stepper(raw, raw.stepper.as_ref()?, enable, switches, track, checks),
    }
}

/// What `[guard]` comes to.
pub(super) fn check_guards(raw: &RawGuards, checks: &mut LineChecks<'_, '_>) -> GuardSettings {
    checks.range("guard.hold_ms", raw.hold_ms, 50..=10_000);
    let written = [
        (Guard::ServiceDoor, &raw.service_door),
        (Guard::ThroatBeam, &raw.throat_beam),
        (Guard::ThroatPir, &raw.throat_pir),
    ];
    let guards = written.into_iter().filter_map(|(guard, raw)| {
        let input = checks.input(&format!("guard.{}", guard.id()), raw.as_ref()?)?;
        Some((guard, input))
    });
    GuardSettings { guards: guards.collect(), hold: Duration::from_millis(raw.hold_ms) }
}

/// What `[front]` comes to.
pub(super) fn check_front(raw: &RawFront, checks: &mut LineChecks<'_, '_>) -> FrontSettings {
    let mut output = |path: &str, raw: Option<&RawOutput>| checks.output(path, raw?);
    FrontSettings {
        lamp: output("front.lamp", raw.lamp.as_ref()),
        buzzer: output("front.buzzer", raw.buzzer.as_ref()),
        button: raw.button.as_ref().and_then(|button| {
            let input = checks.input("front.button", button)?;
            Some(ButtonSettings { input, means: raw.button_means })
        }),
    }
}

/// The kind's own table must be there, and no other kind's.
fn tables_fit(raw: &RawDrive, checks: &mut LineChecks<'_, '_>) {
    let tables = [
        (Kind::DcMotor, "dc_motor", raw.dc_motor.is_some()),
        (Kind::Servo, "servo", raw.servo.is_some()),
        (Kind::Solenoid, "solenoid", raw.solenoid.is_some()),
        (Kind::Stepper, "stepper", raw.stepper.is_some()),
    ];
    for (kind, name, there) in tables {
        let path = format!("drive.{name}");
        checks.problems.check(there || raw.kind != kind, &path, || "is missing".to_owned());
        checks.problems.check(!there || raw.kind == kind, &path, || {
            "belongs to another kind than drive.kind".to_owned()
        });
    }
}

/// The switch of each of the track's positions, where there is one.
fn switches(
    raw: &RawDrive,
    track: &Track,
    compartments: &[Compartment],
    checks: &mut LineChecks<'_, '_>,
) -> Vec<Option<Input>> {
    let mut found: Vec<Option<Input>> = vec![None; track.len()];
    let home = raw.home_switch.as_ref().map(|switch| ("drive.home_switch".to_owned(), Place::Home, switch));
    let others = raw.switches.iter().filter_map(|(stream, switch)| {
        let place = place_of(*stream, compartments)?;
        Some((format!("drive.switches.{stream}"), place, switch))
    });
    for (path, place, switch) in home.into_iter().chain(others) {
        let Some(input) = checks.input(&path, switch) else { continue };
        let Some(slot) = track.position(place).and_then(|position| found.get_mut(position)) else { continue };
        if let Some(other) = slot {
            let message = format!("is at the same angle as {}, which has a switch already", other.role);
            checks.problems.add(&path, message);
        } else {
            *slot = Some(input);
        }
    }
    for stream in raw.switches.keys().filter(|stream| place_of(**stream, compartments).is_none()) {
        let path = format!("drive.switches.{stream}");
        checks.problems.add(&path, "belongs to no compartment of this bin");
    }
    found
}

fn place_of(stream: Stream, compartments: &[Compartment]) -> Option<Place> {
    let index = compartments.iter().position(|compartment| compartment.stream == stream)?;
    u8::try_from(index).ok().map(|index| Place::At(crate::judge::CompartmentId(index)))
}

/// A switch at every position, or a problem for each that has none. A position that cannot be used anyway, because
/// a switch for it is written but wrong, has its problem already.
fn every_switch(
    switches: Vec<Option<Input>>,
    raw: &RawDrive,
    track: &Track,
    compartments: &[Compartment],
    checks: &mut LineChecks<'_, '_>,
) -> Option<Vec<Input>> {
    for (position, _) in switches.iter().enumerate().filter(|(_, switch)| switch.is_none()) {
        let (path, written) = match track.place(position, None) {
            Some(Place::At(compartment)) => {
                let stream = compartments.get(usize::from(compartment.0)).map(|at| at.stream);
                let path = stream.map(|stream| format!("drive.switches.{stream}"));
                (path, stream.is_some_and(|stream| raw.switches.contains_key(&stream)))
            }
            Some(Place::Home) => (Some("drive.home_switch".to_owned()), raw.home_switch.is_some()),
            None => (None, true),
        };
        if let Some(path) = path.filter(|_| !written) {
            checks.problems.add(&path, "is missing: this drive needs a switch at every place");
        }
    }
    switches.into_iter().collect()
}

fn dc_motor(
    raw: &RawDcMotor,
    enable: Option<Output>,
    switches: Option<Vec<Input>>,
    track: &Track,
    checks: &mut LineChecks<'_, '_>,
) -> Option<DriveSettings> {
    checks.range("drive.dc_motor.dead_time_ms", raw.dead_time_ms, 1..=1_000);
    let direction = match (&raw.direction, &raw.forward, &raw.reverse) {
        (Some(direction), None, None) => {
            checks.output("drive.dc_motor.direction", direction).map(Direction::Line)
        }
        (None, Some(forward), Some(reverse)) => {
            let forward = checks.output("drive.dc_motor.forward", forward);
            let reverse = checks.output("drive.dc_motor.reverse", reverse);
            forward.zip(reverse).map(|(forward, reverse)| Direction::Pair { forward, reverse })
        }
        _ => {
            checks.problems.add("drive.dc_motor", "needs either direction, or forward and reverse");
            None
        }
    };
    checks.problems.check(track.len() >= 2, "flap", || {
        "home and the compartments are all at one angle: there is nowhere to turn to".to_owned()
    });
    Some(DriveSettings::DcMotor(Box::new(DcMotorSettings {
        enable: enable?,
        direction: direction?,
        switches: switches?,
        track: track.clone(),
        dead_time: Duration::from_millis(raw.dead_time_ms),
    })))
}

fn servo(
    raw: &RawServo,
    enable: Option<Output>,
    switches: Vec<Option<Input>>,
    track: &Track,
    compartments: &[Compartment],
    checks: &mut LineChecks<'_, '_>,
) -> Option<DriveSettings> {
    checks.range("drive.servo.period_us", raw.period_us, 3_000..=25_000);
    checks.range("drive.servo.ramp_us_per_s", u64::from(raw.ramp_us_per_s), 50..=50_000);
    checks.range("drive.servo.settle_ms", raw.settle_ms, 0..=2_000);
    let home = ("drive.servo.home_us".to_owned(), Some(Place::Home), raw.home_us);
    let others = raw.positions_us.iter().map(|(stream, width)| {
        (format!("drive.servo.positions_us.{stream}"), place_of(*stream, compartments), *width)
    });
    let mut widths: Vec<Option<u32>> = vec![None; track.len()];
    for (path, place, width) in std::iter::once(home).chain(others) {
        // What every servo takes without running against its stop.
        checks.range(&path, u64::from(width), 500..=2_500);
        let position = place.and_then(|place| track.position(place));
        let Some(slot) = position.and_then(|position| widths.get_mut(position)) else { continue };
        let other = *slot.get_or_insert(width);
        checks.problems.check(other == width, &path, || {
            format!("is {width}, but another place at the same angle has {other}")
        });
    }
    missing_places(
        &widths,
        "drive.servo.positions_us",
        "that place has no pulse width",
        track,
        compartments,
        checks,
    );
    let widths: Option<Vec<u32>> = widths.into_iter().collect();
    Some(DriveSettings::Servo(Box::new(ServoSettings {
        enable: enable?,
        switches,
        pwm: PwmSettings {
            root: raw.root.clone(),
            chip: raw.chip.clone(),
            channel: raw.channel,
            period: Duration::from_micros(raw.period_us),
        },
        widths: widths?.into_iter().map(|width| Duration::from_micros(u64::from(width))).collect(),
        ramp_us_per_s: f64::from(raw.ramp_us_per_s),
        settle: Duration::from_millis(raw.settle_ms),
        track: track.clone(),
    })))
}

/// A problem for each position but home's that has nothing written.
fn missing_places<T>(
    written: &[Option<T>],
    table: &str,
    message: &str,
    track: &Track,
    compartments: &[Compartment],
    checks: &mut LineChecks<'_, '_>,
) {
    for (position, _) in written.iter().enumerate().filter(|(_, written)| written.is_none()) {
        if let Some(Place::At(compartment)) = track.place(position, None)
            && let Some(compartment) = compartments.get(usize::from(compartment.0))
        {
            checks.problems.add(&format!("{table}.{}", compartment.stream), format!("is missing: {message}"));
        }
    }
}

fn solenoid(
    raw: &RawSolenoid,
    enable: Option<Output>,
    switches: Vec<Option<Input>>,
    track: &Track,
    compartments: &[Compartment],
    checks: &mut LineChecks<'_, '_>,
) -> Option<DriveSettings> {
    checks.range("drive.solenoid.pull_in_ms", raw.pull_in_ms, 10..=2_000);
    checks.range("drive.solenoid.return_ms", raw.return_ms, 10..=5_000);
    checks.range("drive.solenoid.on_limit_ms", raw.on_limit_ms, 500..=60_000);
    let hold = raw.hold.as_ref().map(|hold| checks.output("drive.solenoid.hold", hold));
    let home = track.position(Place::Home);
    let mut coils: Vec<Option<Option<Output>>> = vec![None; track.len()];
    if let Some(slot) = home.and_then(|home| coils.get_mut(home)) {
        *slot = Some(None);
    }
    for (stream, coil) in &raw.coils {
        let path = format!("drive.solenoid.coils.{stream}");
        let coil = checks.output(&path, coil);
        let position = place_of(*stream, compartments).and_then(|place| track.position(place));
        match position.and_then(|position| coils.get_mut(position)) {
            Some(slot @ None) => *slot = Some(coil),
            Some(Some(_)) => {
                checks.problems.add(&path, "is at an angle that has its coil, or is home's, already")
            }
            None => checks.problems.add(&path, "belongs to no compartment of this bin"),
        }
    }
    let message = "that flap has no coil (a place without one stands at home's angle)";
    missing_places(&coils, "drive.solenoid.coils", message, track, compartments, checks);
    let coils: Option<Vec<Option<Output>>> = coils.into_iter().collect();
    Some(DriveSettings::Solenoid(Box::new(SolenoidSettings {
        enable: enable?,
        hold: hold.flatten(),
        coils: coils?,
        switches,
        pull_in: Duration::from_millis(raw.pull_in_ms),
        back: Duration::from_millis(raw.return_ms),
        most_on: Duration::from_millis(raw.on_limit_ms),
        track: track.clone(),
    })))
}

fn stepper(
    drive: &RawDrive,
    raw: &RawStepper,
    enable: Option<Output>,
    switches: Vec<Option<Input>>,
    track: &Track,
    checks: &mut LineChecks<'_, '_>,
) -> Option<DriveSettings> {
    let step = checks.output("drive.stepper.step", &raw.step);
    let direction = checks.output("drive.stepper.direction", &raw.direction);
    checks.range("drive.stepper.steps_per_turn", u64::from(raw.steps_per_turn), 20..=1_000_000);
    checks.range("drive.stepper.start_hz", u64::from(raw.start_hz), 1..=2_000);
    let top = u64::from(raw.start_hz)..=5_000;
    checks.range("drive.stepper.top_hz", u64::from(raw.top_hz), top);
    // It stops at once where the switch answers.
    checks.range("drive.stepper.homing_hz", u64::from(raw.homing_hz), 1..=u64::from(raw.start_hz));
    checks.range("drive.stepper.acceleration_hz_per_s", u64::from(raw.acceleration_hz_per_s), 10..=1_000_000);
    checks.problems.check(drive.home_switch.is_some(), "drive.home_switch", || {
        "is missing: steps are counted from it".to_owned()
    });
    for stream in drive.switches.keys() {
        checks
            .problems
            .add(&format!("drive.switches.{stream}"), "a stepper counts: it has a home switch only");
    }
    let home = track.position(Place::Home)?;
    checks.problems.check(raw.endless || home == 0, "flap.home_deg", || {
        "must be the smallest angle: the stepper looks for home backwards (or is endless)".to_owned()
    });
    let per_degree = f64::from(raw.steps_per_turn) / 360.0;
    let angles = (0..track.len()).filter_map(|position| track.angle_deg(position));
    let steps = angles.map(|angle| (f64::from(angle) * per_degree).round() as i64).collect();
    Some(DriveSettings::Stepper(Box::new(StepperSettings {
        enable: enable?,
        direction: direction?,
        step: step?,
        home_switch: switches.into_iter().nth(home)??,
        steps,
        turn: raw.endless.then_some(i64::from(raw.steps_per_turn)),
        speeds: Speeds {
            start_hz: f64::from(raw.start_hz),
            top_hz: f64::from(raw.top_hz),
            acceleration: f64::from(raw.acceleration_hz_per_s),
        },
        homing_hz: f64::from(raw.homing_hz),
        track: track.clone(),
    })))
}
