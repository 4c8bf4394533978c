//! Which keys a file lacks, by the schema of what it is read into: all of them, where serde names the first.

use serde_json::Value;

/// The paths of the required keys that `table` lacks, in every table that is there.
pub(super) fn keys(schema: &Value, table: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    look(schema, schema, table, "", &mut found);
    found
}

fn look(root: &Value, schema: &Value, table: &toml::Table, at: &str, found: &mut Vec<String>) {
    let path = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    found.extend(required.filter(|key| !table.contains_key(*key)).map(path));
    for (key, value) in table {
        let Some(inner) = entry(schema, key).and_then(|inner| resolve(root, inner)) else { continue };
        match value {
            toml::Value::Table(table) => look(root, inner, table, &path(key), found),
            toml::Value::Array(list) => {
                let Some(item) = resolve(root, &inner["items"]) else { continue };
                for (index, value) in list.iter().enumerate() {
                    if let toml::Value::Table(table) = value {
                        look(root, item, table, &format!("{}[{index}]", path(key)), found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The schema of a key: its own, or the one that all keys of a map share.
fn entry<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    let shared = || schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
    let own = schema["properties"].get(key);
    own.or_else(|| schema.get("additionalProperties").filter(|inner| inner.is_object())).or_else(shared)
}

/// Follows a reference, also that of an optional value.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let one_of = schema["anyOf"].as_array().into_iter().flatten();
    let reference = std::iter::once(schema).chain(one_of).find_map(|option| option["$ref"].as_str());
    match reference {
        Some(reference) => root.pointer(reference.strip_prefix('#')?),
        None => Some(schema),
    }
}
