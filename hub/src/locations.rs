//! Where bins stand: a GeoJSON file of points, by `district/bin`.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

/// The geometries of a file by the `id` of their features.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read(path: &Path) -> Result<HashMap<String, Value>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let features = value["features"].as_array().ok_or("it has no \"features\"")?;
    let points = features.iter().map(|feature| match (&feature["id"], &feature["geometry"]) {
        (Value::String(id), geometry @ Value::Object(_)) => Ok((id.clone(), geometry.clone())),
        _ => Err("every feature needs an \"id\" of district/bin and a \"geometry\"".to_owned()),
    });
    points.collect()
}
