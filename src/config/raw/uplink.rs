//! The grammar of `[uplink]`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// `[uplink]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawUplink {
    /// The broker.
    pub host: String,
    /// Its port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// User name at the broker.
    pub username: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// Seconds of silence before a ping.
    #[serde(default = "default_keep_alive")]
    pub keep_alive_s: u16,
    /// Messages that may wait for their acknowledgement.
    #[serde(default = "default_in_flight")]
    pub in_flight: u16,
    /// After an outage: how many old messages a second.
    #[serde(default = "default_replay_per_s")]
    pub replay_per_s: u32,
    /// After an outage: the part of `in_flight` (0 to 1) that old messages may use, so that new ones pass them.
    #[serde(default = "default_replay_share")]
    pub replay_share: f64,
}

const fn default_port() -> u16 {
    1883
}

const fn default_keep_alive() -> u16 {
    30
}

const fn default_in_flight() -> u16 {
    16
}

const fn default_replay_per_s() -> u32 {
    50
}

const fn default_replay_share() -> f64 {
    0.5
}
