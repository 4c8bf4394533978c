//! The places of a flap in the order of its travel.

use std::collections::HashMap;

use super::Place;

/// Angles closer than this are the same position.
const SAME_DEG: f32 = 0.5;

/// Distinct positions along the travel, from the smallest angle to the greatest; several places may share one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    angles_deg: Vec<f32>,
    /// Home first, then the compartments in their order.
    places: Vec<(Place, usize)>,
}

impl Track {
    /// Orders the places by their angles.
    pub fn new(angles_deg: &HashMap<Place, f32>) -> Self {
        let mut sorted: Vec<f32> = angles_deg.values().copied().collect();
        sorted.sort_by(f32::total_cmp);
        sorted.dedup_by(|next, first| (*next - *first).abs() < SAME_DEG);
        let nearest = |angle: f32| {
            let distance = |at: &usize| (sorted[*at] - angle).abs();
            (0..sorted.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
        };
        let mut places: Vec<_> = angles_deg.iter().map(|(place, angle)| (*place, nearest(*angle))).collect();
        places.sort_by_key(|(place, _)| match place {
            Place::Home => 0,
            Place::At(compartment) => u16::from(compartment.0) + 1,
        });
        Self { angles_deg: sorted, places }
    }

    /// How many distinct positions there are.
    pub fn len(&self) -> usize {
        self.angles_deg.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.angles_deg.is_empty()
    }

    /// The position of a place.
    pub fn position(&self, place: Place) -> Option<usize> {
        self.places.iter().find(|(other, _)| *other == place).map(|(_, position)| *position)
    }

    /// The angle of a position, in degrees.
    pub fn angle_deg(&self, position: usize) -> Option<f32> {
        self.angles_deg.get(position).copied()
    }

    /// A place at this position, `asked` before others.
    pub fn place(&self, position: usize, asked: Option<Place>) -> Option<Place> {
        let here = self.places.iter().filter(|(_, at)| *at == position).map(|(place, _)| *place);
        let mut others = here.clone();
        here.into_iter().find(|place| Some(*place) == asked).or_else(|| others.next())
    }

    /// What to call a position in a message.
    pub fn name(&self, position: usize) -> String {
        match self.place(position, None) {
            Some(Place::Home) => "home".to_owned(),
            Some(Place::At(compartment)) => format!("the place of compartment {}", compartment.0),
            None => format!("position {position}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::CompartmentId;

    #[test]
    fn places_are_in_order_of_travel_and_may_share_a_position() {
        let at = |id| Place::At(CompartmentId(id));
        let angles = HashMap::from([(Place::Home, 0.0), (at(0), 45.0), (at(1), -45.0), (at(2), 0.2)]);
        let track = Track::new(&angles);
        assert_eq!(track.len(), 3);
        assert_eq!(
            [at(1), Place::Home, at(2), at(0)].map(|place| track.position(place).unwrap()),
            [0, 1, 1, 2]
        );
        assert_eq!(track.place(1, None), Some(Place::Home));
        assert_eq!(track.place(1, Some(at(2))), Some(at(2)));
        assert_eq!(track.position(at(9)), None);
    }
}
