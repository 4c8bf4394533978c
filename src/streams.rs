//! The city's separate-collection streams: what a compartment is for.
//!
//! A bin enables the streams it has compartments for; a model's labels map to streams in its bundle. Besides the
//! district's nine there are places for streams that a city invents, which no shipped model knows: they are taught.

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
    /// The first stream that the city invents.
    #[serde(rename = "city_1")]
    City1,
    /// The second.
    #[serde(rename = "city_2")]
    City2,
    /// The third.
    #[serde(rename = "city_3")]
    City3,
}

impl Stream {
    /// How many streams there are.
    pub const COUNT: usize = 12;

    /// Every stream, in index order: the district's, then those that the city invents.
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
        Stream::City1,
        Stream::City2,
        Stream::City3,
    ];

    /// The streams of the district.
    pub const DISTRICT: &'static [Stream] = Stream::ALL.split_at(9).0;

    /// The places for streams that the city invents; what stands there is said by `[rule.city_1]` of the rules' file.
    pub const INVENTED: &'static [Stream] = Stream::ALL.split_at(9).1;

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
            Stream::City1 => "city_1",
            Stream::City2 => "city_2",
            Stream::City3 => "city_3",
        }
    }

    /// Whether the city invented it.
    pub fn is_invented(self) -> bool {
        Stream::INVENTED.contains(&self)
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
        assert_eq!(Stream::DISTRICT.last(), Some(&Stream::General));
        assert!(Stream::ALL.iter().all(|stream| stream.is_invented() == stream.id().starts_with("city_")));
    }
}
