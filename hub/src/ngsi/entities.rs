//! Bins as entities: the attributes of `WasteContainerIsle` and `WasteContainer` (Smart Data Models, WasteManagement)
//! that a bin knows, and no other.
//!
//! | attribute | |
//! |---|---|
//! | `location` | the bin's; bins without one are left out, since both models ask for it |
//! | `status` | `ok`, or `unknown` while the bin is not connected |
//! | `storedWasteKind` | the model's word nearest to the stream; `name` has the stream itself |
//! | `fillingLevel` | as the bin tells, with its `observedAt`; of one that does not: 1 since it is full, 0 when it was emptied |
//! | `dateLastEmptying` | when it was last found emptied |
//! | `refWasteContainer`, `refWasteContainerIsle` | the two directions |

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::store::{BinNow, Opening};
use crate::wire::digest;

/// One entity, ready to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Its URN.
    pub id: String,
    /// Normalised JSON-LD, with its `@context`.
    pub body: Value,
    /// Another number if any of it is another.
    pub digest: i64,
}

/// Every bin that has a place, each followed by its compartments. `locations`: GeoJSON geometry by `district/bin`.
pub fn entities(bins: &[BinNow], locations: &HashMap<String, Value>, context: &str) -> Vec<Entity> {
    let placed = bins.iter().filter_map(|bin| {
        let place = locations.get(&format!("{}/{}", bin.district, bin.bin))?;
        Some((bin, json!({"type": "GeoProperty", "value": place})))
    });
    let mut entities = Vec::new();
    for (bin, place) in placed {
        entities.push(isle(bin, &place, context));
        entities.extend(bin.openings.iter().map(|opening| container(bin, opening, &place, context)));
    }
    entities
}

fn isle_id(bin: &BinNow) -> String {
    format!("urn:ngsi-ld:WasteContainerIsle:{}:{}", bin.district, bin.bin)
}

fn container_id(bin: &BinNow, stream: &str) -> String {
    format!("urn:ngsi-ld:WasteContainer:{}:{}:{stream}", bin.district, bin.bin)
}

fn isle(bin: &BinNow, place: &Value, context: &str) -> Entity {
    let mut body = json!({
        "id": isle_id(bin), "type": "WasteContainerIsle", "@context": context,
        "name": property(&bin.bin), "areaServed": property(&bin.district), "location": place,
    });
    let containers: Vec<_> = bin.openings.iter().map(|opening| container_id(bin, &opening.stream)).collect();
    // A relationship to nothing is none.
    if !containers.is_empty() {
        body["refWasteContainer"] = json!({"type": "Relationship", "object": containers});
    }
    entity(body)
}

fn container(bin: &BinNow, opening: &Opening, place: &Value, context: &str) -> Entity {
    let mut body = json!({
        "id": container_id(bin, &opening.stream), "type": "WasteContainer", "@context": context,
        "name": property(&opening.stream), "location": place,
        "refWasteContainerIsle": {"type": "Relationship", "object": isle_id(bin)},
        "storedWasteKind": property(waste_kind(&opening.stream)), "storedWasteOrigin": property("household"),
        "status": property(if bin.online == Some(true) { "ok" } else { "unknown" }),
    });
    let told = bin.compartments.iter().find(|compartment| compartment.stream == opening.stream);
    let level = match (told.and_then(|told| told.level).zip(bin.fill_ms), opening.state.as_str()) {
        (Some((level, fill_ms)), _) => Some((level, fill_ms)),
        (None, "full") => Some((1.0, opening.since_ms)),
        (None, _) => opening.emptied_ms.map(|emptied_ms| (0.0, emptied_ms)),
    };
    if let Some((level, at_ms)) = level {
        body["fillingLevel"] = json!({"type": "Property", "value": level, "observedAt": time(at_ms)});
    }
    if let Some(emptied_ms) = opening.emptied_ms {
        body["dateLastEmptying"] = property(json!({"@type": "DateTime", "@value": time(emptied_ms)}));
    }
    entity(body)
}

fn entity(body: Value) -> Entity {
    let id = body["id"].as_str().unwrap_or_default().to_owned();
    let digest = digest(&[body.to_string().as_bytes()]);
    Entity { id, body, digest }
}

fn property(value: impl serde::Serialize) -> Value {
    json!({"type": "Property", "value": value})
}

fn time(unix_ms: i64) -> String {
    let time = Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// The model's word for a stream of the contract.
fn waste_kind(stream: &str) -> &'static str {
    match stream {
        "clear_pet" | "plastic" | "film" | "foam" => "plastic",
        "can" => "metal",
        "glass" => "glass",
        "paper" | "carton" => "paper",
        _ => "other",
    }
}
