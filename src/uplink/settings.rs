//! What the uplink must be told: where the broker is, who this bin is, and how patient to be.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::error::Error;
use super::files::HubFolder;
use super::home_assistant::HomeAssistant;
use super::tls::{self, Tls};
use super::wire::BinName;
use crate::clock::WallTime;
use crate::tally::KeepLimits;

/// What a waiting message counts as: more than any has.
pub const MESSAGE_BYTES: u64 = 1024;

/// A secret that no `{:?}` prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    pub const fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the one who must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Which MQTT is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT 5.
    #[default]
    V5,
    /// MQTT 3.1.1, for brokers that know no better: an acknowledgement then does not say whether anybody listens.
    V311,
}

/// Who logs in at the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
}

/// Settings of the uplink.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Host name or address of the broker.
    pub host: String,
    /// TCP port of the broker.
    pub port: u16,
    /// Who this bin is.
    pub bin: BinName,
    /// User name at the broker.
    pub username: Option<String>,
    /// Its password; without a user name it is not sent.
    pub password: Option<Secret>,
    /// File with the password, or with `name:password` where no user name is given. Read at each connect.
    pub password_file: Option<PathBuf>,
    /// How the connection is encrypted; `None`: it is not.
    pub tls: Option<Tls>,
    /// Which MQTT.
    pub protocol: Protocol,
    /// Seconds of silence after which a ping is sent; a broker that misses one and a half of them is gone.
    pub keep_alive_s: u16,
    /// How many drops may wait for their acknowledgement at one time.
    pub in_flight: u16,
    /// The part of them (0 to 1) that may be old ones after an outage, so that new ones do not wait behind these.
    pub replay_share: f64,
    /// How many old ones in a second.
    pub replay_per_s: u32,
    /// What has waited longer than so many days is given up, and counted.
    pub keep_days: u32,
    /// So much may wait; beyond it the oldest is given up, and counted. A message counts as [`MESSAGE_BYTES`].
    pub keep_mib: u32,
    /// Which commands of the hub are done, of [`super::COMMANDS`]; with none, none is listened to.
    pub commands: Vec<String>,
    /// Where commands may name files.
    pub hub_url: Option<HubFolder>,
    /// Whether Home Assistant is told of the bin; `None`: it is not.
    pub home_assistant: Option<HomeAssistant>,
    /// How long a connection attempt may take.
    pub connect_timeout: Duration,
    /// How long the oldest message may wait for its acknowledgement before the connection counts as dead.
    pub acknowledge_timeout: Duration,
    /// First wait after a failure.
    pub retry_min: Duration,
    /// Longest wait between attempts.
    pub retry_max: Duration,
}

impl Settings {
    /// Settings for a broker without a password, with the defaults for everything else.
    pub const fn new(host: String, port: u16, bin: BinName) -> Self {
        Self {
            host,
            port,
            bin,
            username: None,
            password: None,
            password_file: None,
            tls: None,
            protocol: Protocol::V5,
            keep_alive_s: 30,
            in_flight: 16,
            replay_share: 0.5,
            replay_per_s: 50,
            keep_days: 365,
            keep_mib: 256,
            commands: Vec::new(),
            hub_url: None,
            home_assistant: None,
            connect_timeout: Duration::from_secs(5),
            acknowledge_timeout: Duration::from_secs(20),
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(60),
        }
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first value out of its range.
    pub fn validate(&self) -> Result<(), Error> {
        let out_of_range = |field, value: u64, expected| Err(Error::Setting { field, value, expected });
        if self.port == 0 {
            return out_of_range("port", 0, "1 to 65535");
        }
        if !(5..=3600).contains(&self.keep_alive_s) {
            return out_of_range("keep_alive_s", self.keep_alive_s.into(), "5 to 3600");
        }
        if !(2..=1000).contains(&self.in_flight) {
            return out_of_range("in_flight", self.in_flight.into(), "2 to 1000");
        }
        if !(1..=3650).contains(&self.keep_days) {
            return out_of_range("keep_days", self.keep_days.into(), "1 to 3650");
        }
        if !(1..=4096).contains(&self.keep_mib) {
            return out_of_range("keep_mib", self.keep_mib.into(), "1 to 4096");
        }
        if !(1..=10_000).contains(&self.replay_per_s) {
            return out_of_range("replay_per_s", self.replay_per_s.into(), "1 to 10000");
        }
        Ok(())
    }

    /// Who logs in, with the password as its file says now.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be read, or is to name the user and does not.
    pub(super) fn login(&self) -> Result<Login, Error> {
        let Some(path) = &self.password_file else {
            return Ok(Login { username: self.username.clone(), password: self.password.clone() });
        };
        let unusable = |why: String| Error::File { path: path.clone(), why };
        let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        let text = text.trim_end();
        let (username, password) = match &self.username {
            Some(username) => (username.as_str(), text),
            None => text.split_once(':').ok_or_else(|| {
                unusable("without uplink.username it must hold name:password in one line".to_owned())
            })?,
        };
        let password = Some(Secret::new(password.to_owned()));
        Ok(Login { username: Some(username.to_owned()), password })
    }

    /// Reads every file that a connection needs, as a check before there is one.
    ///
    /// # Errors
    /// [`Error::File`] for the first one that cannot be used.
    pub fn read_files(&self) -> Result<(), Error> {
        self.login()?;
        self.tls.as_ref().map(tls::client_config).transpose()?;
        Ok(())
    }

    /// What may wait in the outbox when the clock says `wall`.
    pub(super) fn keep_limits(&self, wall: WallTime) -> KeepLimits {
        let keep_ms = i64::from(self.keep_days) * 86_400_000;
        KeepLimits {
            oldest_ms: wall.synchronised.then(|| wall.unix_ms.saturating_sub(keep_ms)),
            messages: u64::from(self.keep_mib) * (1 << 20) / MESSAGE_BYTES,
        }
    }

    /// `host:port`, for messages.
    pub fn broker(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The MQTT client identifier: stable, so that a broker replaces this bin's half-dead older connection.
    pub fn client_id(&self) -> String {
        format!("bunri-{}-{}", self.bin.district(), self.bin.bin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new("hub".to_owned(), 1883, BinName::new("yangcheon", "mok-1").unwrap())
    }

    #[test]
    fn a_password_is_never_printed() {
        let password = Some(Secret::new("hunter2".to_owned()));
        let text = format!("{:?}", Settings { password, ..settings() });
        assert!(!text.contains("hunter2") && text.contains("<secret>"), "{text}");
    }

    #[test]
    fn the_login_is_what_its_file_says_now() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("login");
        let settings = Settings { password_file: Some(file.clone()), ..settings() };
        assert!(settings.login().unwrap_err().to_string().contains("login"));
        let login = |text: &str, username: Option<&str>| {
            std::fs::write(&file, text).unwrap();
            Settings { username: username.map(str::to_owned), ..settings.clone() }.login()
        };
        let pair = |name: &str, password: &str| Login {
            username: Some(name.to_owned()),
            password: Some(Secret::new(password.to_owned())),
        };
        assert_eq!(login("bin-7:s:e c\n", None).unwrap(), pair("bin-7", "s:e c"));
        assert_eq!(login("s:e c\n", Some("bin-8")).unwrap(), pair("bin-8", "s:e c"));
        let error = login("hunter2\n", None).unwrap_err().to_string();
        assert!(error.contains("name:password") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn values_out_of_range_are_named() {
        assert!(settings().validate().is_ok());
        let cases = [
            (Settings { port: 0, ..settings() }, "port"),
            (Settings { keep_alive_s: 4, ..settings() }, "keep_alive_s"),
            (Settings { in_flight: 0, ..settings() }, "in_flight"),
        ];
        for (bad, name) in cases {
            let message = bad.validate().unwrap_err().to_string();
            assert!(message.starts_with(name), "{message}");
        }
    }
}
