//! What `bunri calibrate flap` and `bunri calibrate sensors` measured, as a saved version says it.
//!
//! Only values: which lines and devices a rig has stands in its own file, and a version never adds one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Config;
use super::raw::{RawCalibration, RawSensors};
use crate::mechanism::sensors::FillSource;
use crate::mechanism::{DriveSettings, Place};
use crate::streams::Stream;

/// The flap's measured values; what is `None` or not named is as the rig's own file has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SavedFlap {
    /// Angles of the places, of a drive that counts them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub positions_deg: BTreeMap<Stream, f32>,
    /// Speed between places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_deg_per_s: Option<f32>,
    /// A servo's pulse width at home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_us: Option<u32>,
    /// A servo's pulse width at each place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub positions_us: BTreeMap<Stream, u32>,
}

impl SavedFlap {
    /// Takes what was found; the rest stays.
    pub fn take(&mut self, found: Self) {
        self.positions_deg.extend(found.positions_deg);
        self.positions_us.extend(found.positions_us);
        self.speed_deg_per_s = found.speed_deg_per_s.or(self.speed_deg_per_s);
        self.home_us = found.home_us.or(self.home_us);
    }

    pub(super) fn lay_over(&self, raw: &mut RawCalibration) {
        let deg = self.positions_deg.iter().filter(|(stream, _)| raw.flap.positions_deg.contains_key(stream));
        let deg: Vec<_> = deg.map(|(stream, angle)| (*stream, *angle)).collect();
        raw.flap.positions_deg.extend(deg);
        raw.flap.speed_deg_per_s = self.speed_deg_per_s.unwrap_or(raw.flap.speed_deg_per_s);
        if let Some(servo) = raw.drive.as_mut().and_then(|drive| drive.servo.as_mut()) {
            servo.home_us = self.home_us.unwrap_or(servo.home_us);
            let known =
                self.positions_us.iter().filter(|(stream, _)| servo.positions_us.contains_key(stream));
            let known: Vec<_> = known.map(|(stream, width)| (*stream, *width)).collect();
            servo.positions_us.extend(known);
        }
    }
}

/// The sensors' measured values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SavedSensors {
    /// Of each compartment that was measured.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fill: BTreeMap<Stream, SavedSpan>,
    /// Of the load cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_cell: Option<SavedScale>,
}

/// What a distance sensor reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedSpan {
    /// Down to the floor, millimetres.
    pub empty_mm: f32,
    /// When nothing more should go in.
    pub full_mm: f32,
}

/// What a load cell is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedScale {
    /// What it reads under the empty chamber, millivolts.
    pub zero_mv: f64,
    /// Grams of a millivolt.
    pub grams_per_mv: f64,
}

impl SavedSensors {
    /// Takes what was found; the rest stays.
    pub fn take(&mut self, found: Self) {
        self.fill.extend(found.fill);
        self.load_cell = found.load_cell.or(self.load_cell);
    }

    pub(super) fn lay_over(&self, raw: &mut RawSensors) {
        for (stream, span) in &self.fill {
            if let Some(fill) = raw.fill.get_mut(stream).filter(|fill| fill.distance.is_some()) {
                (fill.empty_mm, fill.full_mm) = (Some(span.empty_mm), Some(span.full_mm));
            }
        }
        if let (Some(scale), Some(raw)) = (self.load_cell, raw.load_cell.as_mut()) {
            (raw.zero_mv, raw.grams_per_mv) = (Some(scale.zero_mv), Some(scale.grams_per_mv));
        }
    }
}

impl Config {
    /// What of the flap's and the sensors' measured values differs from an earlier one, as `path: before -> after`.
    pub fn measured_differences(&self, before: &Config) -> Vec<String> {
        let (then, now) = (before.measured(), self.measured());
        let none = || "not measured".to_owned();
        now.into_iter()
            .filter_map(|(path, value)| {
                let earlier =
                    then.iter().find(|(other, _)| *other == path).and_then(|(_, value)| value.clone());
                (earlier != value).then(|| {
                    format!("{path}: {} -> {}", earlier.unwrap_or_else(none), value.unwrap_or_else(none))
                })
            })
            .collect()
    }

    /// Every measured value by its path; `None`: not measured.
    fn measured(&self) -> Vec<(String, Option<String>)> {
        let rig = &self.calibration;
        let mut values = vec![("flap.speed_deg_per_s".to_owned(), Some(rig.speed_deg_per_s.to_string()))];
        let servo = match &rig.drive {
            Some(DriveSettings::Servo(servo)) => Some(servo),
            _ => None,
        };
        let width = |place| {
            let servo = servo?;
            let width = servo.widths.get(servo.track.position(place)?)?;
            Some(width.as_micros().to_string())
        };
        if servo.is_some() {
            values.push(("drive.servo.home_us".to_owned(), width(Place::Home)));
        }
        for (index, compartment) in (0u8..).zip(&self.compartments) {
            let (stream, place) = (compartment.stream, Place::At(crate::judge::CompartmentId(index)));
            let angle = rig.angles_deg.get(&place).map(ToString::to_string);
            values.push((format!("flap.positions_deg.{stream}"), angle));
            if servo.is_some() {
                values.push((format!("drive.servo.positions_us.{stream}"), width(place)));
            }
            let fill = rig.sensors.fill.get(usize::from(index)).and_then(Option::as_ref);
            if let Some(FillSource::Distance { span, .. }) = fill.map(|fill| &fill.source) {
                let path = |key: &str| format!("sensors.fill.{stream}.{key}");
                values.push((path("empty_mm"), span.map(|span| span.empty_mm.to_string())));
                values.push((path("full_mm"), span.map(|span| span.full_mm.to_string())));
            }
        }
        if let Some(cell) = &rig.sensors.load_cell {
            let path = |key: &str| format!("sensors.load_cell.{key}");
            values.push((path("zero_mv"), cell.scale.map(|scale| scale.zero_mv.to_string())));
            values.push((path("grams_per_mv"), cell.scale.map(|scale| scale.grams_per_mv.to_string())));
        }
        values
    }
}
