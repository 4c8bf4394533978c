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
    /// Its port; left out, 8883 with TLS and 1883 without.
    pub port: Option<u16>,
    /// Which version of MQTT.
    #[serde(default)]
    pub mqtt: Mqtt,
    /// How the connection is encrypted; left out, it is not.
    pub tls: Option<RawTls>,
    /// User name at the broker.
    pub username: Option<String>,
    /// File with the password, or with `name:password` where `username` is left out. `credential:NAME` is a credential
    /// that systemd hands over. Read at each connect.
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
    /// What has waited for the hub longer than so many days is given up.
    #[serde(default = "default_keep_days")]
    pub keep_days: u32,
    /// So much may wait, a message counted as 1 KiB; beyond it the oldest are given up.
    #[serde(default = "default_keep_mib")]
    pub keep_mib: u32,
    /// Which commands of the hub are done: `report`, `compartment`, `threshold`, `language`, `support`, `model`,
    /// `rollback`, `restart`. Left out: none.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Folder at the hub's web server, `https://` and with a slash at its end: `support` puts files below it, `model`
    /// fetches them from there, and from nowhere else. The server is checked with `[uplink.tls]`.
    pub hub_url: Option<String>,
    /// Tells a Home Assistant at the same broker of the bin, by its MQTT discovery; left out, nothing is sent.
    pub home_assistant: Option<RawHomeAssistant>,
}

/// A version of MQTT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Mqtt {
    /// MQTT 5.
    #[default]
    #[serde(rename = "5")]
    V5,
    /// MQTT 3.1.1: an acknowledgement does not say whether anybody listens.
    #[serde(rename = "3.1.1")]
    V311,
}

/// `[uplink.home_assistant]`. The broker must let this user write `<prefix>/device/bunri_<district>_<bin>/config`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHomeAssistant {
    /// What its discovery topics begin with.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// Takes the bin away again.
    #[serde(default)]
    pub remove: bool,
}

/// `[uplink.tls]`. Every file is read anew at each connect, and may be `credential:NAME`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTls {
    /// Certificates of whoever may vouch for the broker, PEM.
    pub ca_file: PathBuf,
    /// This bin's own certificate, where the broker asks for one, PEM.
    pub certificate_file: Option<PathBuf>,
    /// Its private key, PEM.
    pub key_file: Option<PathBuf>,
}

fn default_prefix() -> String {
    "homeassistant".to_owned()
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

const fn default_keep_days() -> u32 {
    365
}

const fn default_keep_mib() -> u32 {
    256
}
