//! `[drive]` checked: every line, limit and time, with its path.

use std::time::Duration;

use super::super::problems::InFile;
use super::super::raw::{Kind, RawDcMotor, RawDrive, RawGuards, RawInput, RawOutput};
use crate::judge::Compartment;
use crate::mechanism::dc_motor::{DcMotorSettings, Direction};
use crate::mechanism::guard::{Guard, GuardSettings};
use crate::mechanism::lines::{Input, LineId, Output};
use crate::mechanism::{DriveSettings, Place, Track};
use crate::streams::Stream;

/// Checks lines and remembers them, since no two keys may mean the same one.
pub(super) struct LineChecks<'a, 'b> {
    problems: &'a mut InFile<'b>,
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
    match (raw.kind, &raw.dc_motor) {
        (Kind::DcMotor, Some(motor)) => {
            let switches = every_switch(switches, raw, track, compartments, checks);
            dc_motor(motor, enable, switches, track, checks)
        }
        _ => None,
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

/// The kind's own table must be there, and no other kind's.
fn tables_fit(raw: &RawDrive, checks: &mut LineChecks<'_, '_>) {
    let tables = [(Kind::DcMotor, "dc_motor", raw.dc_motor.is_some())];
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
