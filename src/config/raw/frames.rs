//! The grammar of keeping small pictures.

use schemars::JsonSchema;
use serde::Deserialize;

/// `[web.keep_frames]`: a small picture of the chamber for each drop, on the crew's page; left out, no picture touches the
/// disk. Residents must be told: `bunri check` prints the sign.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawKeepFrames {
    /// The last day, such as 2026-12-31; on the next one all of them go.
    pub until: String,
    /// Days that a picture is kept, at most 30.
    #[serde(default = "default_days")]
    pub days_most: u32,
    /// Pictures; the oldest go first.
    #[serde(default = "default_pictures")]
    pub pictures_most: u32,
    /// Megabytes of all of them.
    #[serde(default = "default_size")]
    pub size_most_mb: u32,
}

const fn default_days() -> u32 {
    14
}

const fn default_pictures() -> u32 {
    2_000
}

const fn default_size() -> u32 {
    50
}
