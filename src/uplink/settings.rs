//! What the uplink must be told: where the broker is, who this bin is, and how patient to be.

use std::fmt;
use std::time::Duration;

use super::error::Error;
use super::wire::BinName;

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
    /// Seconds of silence after which a ping is sent; a broker that misses one and a half of them is gone.
    pub keep_alive_s: u16,
    /// How many drops may wait for their acknowledgement at one time.
    pub in_flight: u16,
    /// The part of them (0 to 1) that may be old ones after an outage, so that new ones do not wait behind these.
    pub replay_share: f64,
    /// How many old ones in a second.
    pub replay_per_s: u32,
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
            keep_alive_s: 30,
            in_flight: 16,
            replay_share: 0.5,
            replay_per_s: 50,
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
        if !(1..=10_000).contains(&self.replay_per_s) {
            return out_of_range("replay_per_s", self.replay_per_s.into(), "1 to 10000");
        }
        Ok(())
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
