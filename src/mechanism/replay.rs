//! The simulated drive: a flap that takes the time a real one takes.
//!
//! A geared servo with a soft start and stop covers its way in a fixed base time plus a time per degree; faults can
//! be set at any time. Used only when the configuration says `drive = "simulated"`.

use std::collections::HashMap;
use std::time::Duration;

use super::{Drive, MechanismError, Place, Sensed};
use crate::clock::Moment;

/// What can be wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SimFault {
    /// Nothing.
    #[default]
    None,
    /// It does not move.
    Stuck,
    /// It moves, but no end-stop ever answers.
    DeafEndStops,
    /// Both end-stops answer at once.
    Contradiction,
}

/// Acceleration and settling of a small geared servo, whatever the angle.
const BASE_TIME: Duration = Duration::from_millis(80);

/// A flap in memory.
#[derive(Debug)]
pub struct SimDrive {
    angles_deg: HashMap<Place, f32>,
    speed_deg_per_s: f32,
    /// Angle where the present movement began.
    from_deg: f32,
    movement: Option<(Place, Moment)>,
    fault: SimFault,
}

impl SimDrive {
    /// A flap at rest somewhere between its places. `angles_deg` must hold [`Place::Home`].
    pub fn new(angles_deg: HashMap<Place, f32>, speed_deg_per_s: f32) -> Self {
        Self { angles_deg, speed_deg_per_s, from_deg: -5.0, movement: None, fault: SimFault::None }
    }

    /// Breaks or mends it.
    pub fn set_fault(&mut self, fault: SimFault) {
        self.fault = fault;
    }

    fn angle_deg(&self, now: Moment) -> f32 {
        let Some((place, since)) = self.movement else { return self.from_deg };
        if self.fault == SimFault::Stuck {
            return self.from_deg;
        }
        let target = self.angles_deg.get(&place).copied().unwrap_or(self.from_deg);
        let moving = now.since(since).saturating_sub(BASE_TIME).as_secs_f32();
        let way = target - self.from_deg;
        self.from_deg + way.signum() * (moving * self.speed_deg_per_s).min(way.abs())
    }
}

impl Drive for SimDrive {
    fn start(&mut self, place: Place, now: Moment) -> Result<(), MechanismError> {
        if !self.angles_deg.contains_key(&place) {
            return Err(MechanismError::NoSuchPlace { place: format!("{place:?}") });
        }
        self.from_deg = self.angle_deg(now);
        self.movement = Some((place, now));
        Ok(())
    }

    fn release(&mut self, now: Moment) -> Result<(), MechanismError> {
        self.from_deg = self.angle_deg(now);
        self.movement = None;
        Ok(())
    }

    fn sense(&mut self, now: Moment) -> Result<Sensed, MechanismError> {
        if self.fault == SimFault::DeafEndStops {
            return Ok(Sensed::default());
        }
        let angle = self.angle_deg(now);
        let reached = self.angles_deg.iter().filter(|(_, target)| (*target - angle).abs() < 0.5);
        // Places that share an angle are told apart by the one asked for.
        let asked = self.movement.map(|(place, _)| place);
        let place = reached.map(|(place, _)| *place).max_by_key(|place| Some(*place) == asked);
        Ok(Sensed { place, contradiction: self.fault == SimFault::Contradiction })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::CompartmentId;

    const THERE: Place = Place::At(CompartmentId(0));

    fn drive() -> SimDrive {
        SimDrive::new(HashMap::from([(Place::Home, 0.0), (THERE, 60.0)]), 200.0)
    }

    fn place(drive: &mut SimDrive, millis: u64) -> Option<Place> {
        drive.sense(Moment::from_millis(millis)).unwrap().place
    }

    #[test]
    fn a_movement_takes_its_time_and_can_turn_back_half_way() {
        let mut drive = drive();
        drive.start(Place::Home, Moment::from_millis(0)).unwrap();
        assert_eq!(place(&mut drive, 200), Some(Place::Home));
        drive.release(Moment::from_millis(200)).unwrap();
        drive.start(THERE, Moment::from_millis(1000)).unwrap();
        assert_eq!(place(&mut drive, 1360), None, "80 ms and 60 degrees at 200 a second are 380 ms");
        assert_eq!(place(&mut drive, 1385), Some(THERE));
        drive.start(Place::Home, Moment::from_millis(2000)).unwrap();
        drive.start(THERE, Moment::from_millis(2230)).unwrap();
        assert_eq!(place(&mut drive, 2440), None, "30 degrees back take 230 ms");
        assert_eq!(place(&mut drive, 2465), Some(THERE));
    }

    #[test]
    fn faults_show_as_they_would() {
        let mut drive = drive();
        drive.set_fault(SimFault::Stuck);
        drive.start(THERE, Moment::from_millis(0)).unwrap();
        assert_eq!(place(&mut drive, 5000), None);
        drive.set_fault(SimFault::Contradiction);
        assert!(drive.sense(Moment::from_millis(5000)).unwrap().contradiction);
        let nowhere = Place::At(CompartmentId(9));
        assert!(drive.start(nowhere, Moment::from_millis(0)).is_err());
    }
}
