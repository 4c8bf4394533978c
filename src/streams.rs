//! The city's separate-collection streams: what a compartment is for.
//!
//! A bin enables the streams it has compartments for; a model's labels map to streams in its bundle.

use serde::{Deserialize, Serialize};

/// One collection stream of the district.
///
/// The order is fixed: [`Stream::index`] addresses tables of [`Stream::COUNT`] entries.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Clear PET bottles, label off.
    ClearPet,
    /// Every other rigid plastic.
    Plastic,
    /// Cans and small metal.
    Can,
    /// Glass bottles and jars.
    Glass,
    /// Paper and cardboard.
    Paper,
    /// Paper packs for drinks.
    Carton,
    /// Film and bags.
    Film,
    /// Expanded polystyrene.
    Foam,
    /// General waste, and every reject.
    General,
}

impl Stream {
    /// How many streams there are.
    pub const COUNT: usize = 9;

    /// Every stream, in index order.
    pub const ALL: [Stream; Stream::COUNT] = [
        Stream::ClearPet,
        Stream::Plastic,
        Stream::Can,
        Stream::Glass,
        Stream::Paper,
        Stream::Carton,
        Stream::Film,
        Stream::Foam,
        Stream::General,
    ];

    /// Position in tables of [`Stream::COUNT`] entries.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The identifier used in files, topics and payloads.
    pub const fn id(self) -> &'static str {
        match self {
            Stream::ClearPet => "clear_pet",
            Stream::Plastic => "plastic",
            Stream::Can => "can",
            Stream::Glass => "glass",
            Stream::Paper => "paper",
            Stream::Carton => "carton",
            Stream::Film => "film",
            Stream::Foam => "foam",
            Stream::General => "general",
        }
    }

    /// The stream with this identifier.
    pub fn from_id(id: &str) -> Option<Stream> {
        Stream::ALL.into_iter().find(|stream| stream.id() == id)
    }
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_round_trip_in_index_order() {
        for (index, stream) in Stream::ALL.into_iter().enumerate() {
            assert_eq!(stream.index(), index);
            assert_eq!(Stream::from_id(stream.id()), Some(stream));
            assert_eq!(serde_json::to_value(stream).unwrap(), stream.id());
        }
        assert_eq!(Stream::from_id("clear-pet"), None);
    }
}
