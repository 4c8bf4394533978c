//! The configuration: one TOML file; secrets only in files of their own, which a service manager can keep.
//!
//! Unknown keys are mistakes. Every problem is reported at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::ingest::BrokerSettings;
use crate::ngsi::NgsiConfig;
use crate::wire::INVENTED;

/// How long a context broker may take for an answer.
const NGSI_TIMEOUT: Duration = Duration::from_secs(20);
/// Letters of an invented stream's name at most: it stands in tables.
const NAME_MAX: usize = 24;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not the TOML that is expected.
    #[error("{path}: {why}")]
    Parse {
        /// Its path.
        path: PathBuf,
        /// What and where.
        why: String,
    },
    /// Values that cannot be used, all of them.
    #[error("{path}:\n  {}", problems.join("\n  "))]
    Values {
        /// Its path.
        path: PathBuf,
        /// One line each.
        problems: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    hub: RawHub,
    broker: RawBroker,
    database: RawDatabase,
    page: Option<RawPage>,
    ngsi: Option<RawNgsi>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHub {
    name: String,
    #[serde(default = "default_group")]
    group: String,
    #[serde(default = "default_zone")]
    zone: String,
    #[serde(default = "default_ask_after_s")]
    ask_after_s: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBroker {
    host: String,
    port: u16,
    username: Option<String>,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDatabase {
    url: Option<String>,
    url_file: Option<PathBuf>,
    #[serde(default = "default_connections")]
    connections_max: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPage {
    listen: SocketAddr,
    users_file: PathBuf,
    #[serde(default)]
    behind_tls: bool,
    locations_file: Option<PathBuf>,
    files_folder: Option<PathBuf>,
    #[serde(default)]
    streams: BTreeMap<String, StreamName>,
}

/// What the city calls a stream that it invented.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamName {
    /// In Korean.
    pub ko: String,
    /// In English.
    pub en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNgsi {
    url: String,
    context: String,
    token_file: Option<PathBuf>,
    tenant: Option<String>,
    locations_file: PathBuf,
    #[serde(default = "default_every_s")]
    every_s: u64,
}

fn default_group() -> String {
    "bunri-hub".to_owned()
}

fn default_zone() -> String {
    "Asia/Seoul".to_owned()
}

const fn default_ask_after_s() -> u64 {
    60
}

const fn default_connections() -> u32 {
    8
}

const fn default_every_s() -> u64 {
    15
}

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    /// Where messages come from.
    pub broker: BrokerSettings,
    /// Where they are kept.
    pub database_url: String,
    /// Connections to it at most.
    pub connections_max: u32,
    /// The zone whose days, weeks and hours are shown.
    pub zone: TimeZone,
    /// The pages, if this copy serves them.
    pub page: Option<PageConfig>,
    /// The context broker, if this copy tells one.
    pub ngsi: Option<NgsiConfig>,
}

/// The pages' part.
#[derive(Clone, Debug)]
pub struct PageConfig {
    /// Where they listen.
    pub listen: SocketAddr,
    /// Who may log in: lines of `name:hash`, made by `bunri-hub user`.
    pub users_file: PathBuf,
    /// Whether a proxy speaks TLS before it: then its cookie is sent over TLS only.
    pub behind_tls: bool,
    /// Where bins stand, for the residents' feed: a GeoJSON file of points whose `id` is `district/bin`.
    pub locations_file: Option<PathBuf>,
    /// Where files for bins are and go: bundles to fetch, support bundles that came.
    pub files_folder: Option<PathBuf>,
    /// The names of the streams that the city invented.
    pub streams: BTreeMap<String, StreamName>,
}

impl Config {
    /// Reads and checks a file; relative paths in it are relative to it.
    ///
    /// # Errors
    /// [`ConfigError`], with every problem found.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let raw: Raw = toml::from_str(&text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), why: error.to_string() })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut problems = Vec::new();
        check_values(&raw, &mut problems);
        let certificate = match (raw.broker.certificate_file, raw.broker.key_file) {
            (Some(certificate), Some(key)) if raw.broker.ca_file.is_some() => {
                Some((folder.join(certificate), folder.join(key)))
            }
            (None, None) => None,
            _ => {
                let together = "broker: certificate_file, key_file and ca_file belong together";
                problems.push(together.to_owned());
                None
            }
        };
        let zone = TimeZone::get(&raw.hub.zone).unwrap_or_else(|_| {
            problems.push(format!("hub.zone = {:?}: no such time zone", raw.hub.zone));
            TimeZone::UTC
        });
        let mut secret = |key: &str, file: &Path| {
            let text = std::fs::read_to_string(folder.join(file));
            text.map(|text| text.trim().to_owned()).unwrap_or_else(|error| {
                problems.push(format!("{key} = {file:?}: {error}"));
                String::new()
            })
        };
        let password = raw.broker.password_file.as_deref().map(|file| secret("broker.password_file", file));
        let url_in_file = raw.database.url_file.as_deref().map(|file| secret("database.url_file", file));
        let token = raw
            .ngsi
            .as_ref()
            .and_then(|ngsi| ngsi.token_file.as_deref())
            .map(|file| secret("ngsi.token_file", file));
        let database_url = match (raw.database.url, url_in_file) {
            (Some(url), None) | (None, Some(url)) => url,
            _ => {
                problems.push("database: give either url or url_file (where it holds a password)".to_owned());
                String::new()
            }
        };
        if !problems.is_empty() {
            return Err(ConfigError::Values { path: path.to_owned(), problems });
        }
        let mut broker = BrokerSettings::new(&raw.broker.host, raw.broker.port, &raw.hub.name);
        broker.group = raw.hub.group;
        broker.ask_after = Duration::from_secs(raw.hub.ask_after_s);
        broker.username = raw.broker.username;
        broker.password = password;
        broker.ca_file = raw.broker.ca_file.map(|file| folder.join(file));
        broker.certificate = certificate;
        let page = raw.page.map(|page| PageConfig {
            listen: page.listen,
            users_file: folder.join(page.users_file),
            behind_tls: page.behind_tls,
            locations_file: page.locations_file.map(|file| folder.join(file)),
            files_folder: page.files_folder.map(|files| folder.join(files)),
            streams: page.streams,
        });
        let ngsi = raw.ngsi.map(|ngsi| NgsiConfig {
            url: ngsi.url,
            context: ngsi.context,
            token,
            tenant: ngsi.tenant,
            locations_file: folder.join(ngsi.locations_file),
            every: Duration::from_secs(ngsi.every_s),
            timeout: NGSI_TIMEOUT,
        });
        Ok(Self { broker, database_url, connections_max: raw.database.connections_max, zone, page, ngsi })
    }
}

/// Names and numbers, each on its own.
fn check_values(raw: &Raw, problems: &mut Vec<String>) {
    for (key, value) in [("hub.name", &raw.hub.name), ("hub.group", &raw.hub.group)] {
        let letters = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !letters || !(1..=32).contains(&value.len()) {
            problems.push(format!("{key} = {value:?}: use 1 to 32 letters, digits and '-'"));
        }
    }
    if raw.broker.port == 0 {
        problems.push("broker.port = 0: use 1 to 65535".to_owned());
    }
    if !(2..=100).contains(&raw.database.connections_max) {
        let given = raw.database.connections_max;
        problems.push(format!("database.connections_max = {given}: use 2 to 100"));
    }
    if !(1..=86_400).contains(&raw.hub.ask_after_s) {
        problems.push(format!("hub.ask_after_s = {}: use 1 to 86400", raw.hub.ask_after_s));
    }
    for (stream, name) in raw.page.iter().flat_map(|page| &page.streams) {
        if !INVENTED.contains(&&**stream) {
            let places = INVENTED.join(", ");
            problems.push(format!("page.streams.{stream}: only invented streams are named here: {places}"));
        }
        let fits = |name: &str| (1..=NAME_MAX).contains(&name.trim().chars().count());
        if !fits(&name.ko) || !fits(&name.en) {
            problems.push(format!("page.streams.{stream}: give ko and en, 1 to {NAME_MAX} letters each"));
        }
    }
    let every_s = raw.ngsi.as_ref().map(|ngsi| ngsi.every_s);
    if let Some(every_s) = every_s.filter(|every_s| !(1..=3600).contains(every_s)) {
        problems.push(format!("ngsi.every_s = {every_s}: use 1 to 3600"));
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("db"), "postgres://hub:secret@db/hub\n").unwrap();
        let path = folder.path().join("hub.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    const GOOD: &str =
        "[hub]\nname = '1'\n[broker]\nhost = 'mqtt'\nport = 1883\n[database]\nurl_file = 'db'\n";

    #[test]
    fn secrets_come_from_files_of_their_own() {
        let config = read_text(GOOD).unwrap();
        assert_eq!(config.database_url, "postgres://hub:secret@db/hub");
        assert_eq!(config.broker.client_id(), "bunri-hub-1");
        assert!(config.page.is_none());
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let bad = GOOD
            .replace("name = '1'", "name = 'a/b'\nzone = 'Mars/Olympus'")
            .replace("'db'", "'nowhere'")
            .replace("1883", "0");
        let error = read_text(&bad).err().unwrap().to_string();
        for part in ["hub.name", "hub.zone", "broker.port", "database.url_file"] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
        let alone = GOOD.replace("port", "certificate_file = 'hub.pem'\nport");
        let error = read_text(&alone).err().unwrap().to_string();
        assert!(error.contains("belong together"), "{error}");
        let names = "[page]\nlisten = '127.0.0.1:0'\nusers_file = 'u'\n[page.streams.can]\nko = '캔'\nen = 'Cans'\n\
                     [page.streams.city_1]\nko = ''\nen = 'Batteries'\n";
        let error = read_text(&(GOOD.to_owned() + names)).err().unwrap().to_string();
        for part in ["page.streams.can: only invented", "page.streams.city_1: give ko and en"] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
        let error = read_text(&GOOD.replace("host", "hosst")).err().unwrap().to_string();
        assert!(error.contains("hosst"), "{error}");
    }
}
