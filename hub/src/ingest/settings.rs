//! Where the broker is, who this hub is there, and how much may wait.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the connection to the broker.
#[derive(Clone)]
pub struct BrokerSettings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// The certificate authority that signed the broker's certificate, PEM; without it the connection is in clear.
    pub ca_file: Option<PathBuf>,
    /// This hub's own certificate and its key, PEM, for a broker that asks for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// This copy's name: what waits for it at the broker is kept under it, so it must stay the same.
    pub name: String,
    /// The group of copies that share the drops.
    pub group: String,
    /// Seconds of silence after which a ping is sent.
    pub keep_alive_s: u16,
    /// Messages that may wait for their acknowledgement: the bound of this program's memory.
    pub in_flight: u16,
    /// How long a connection attempt may take.
    pub connect_timeout: Duration,
    /// First wait after a failure.
    pub retry_min: Duration,
    /// Longest wait between attempts.
    pub retry_max: Duration,
    /// A bin is asked again for what is missing once it has been quiet for so long, and then once in so long.
    pub ask_after: Duration,
}

impl BrokerSettings {
    /// A broker without a password, with the defaults for everything else.
    pub fn new(host: &str, port: u16, name: &str) -> Self {
        Self {
            host: host.to_owned(),
            port,
            username: None,
            password: None,
            ca_file: None,
            certificate: None,
            name: name.to_owned(),
            group: "bunri-hub".to_owned(),
            keep_alive_s: 15,
            in_flight: 4_000,
            connect_timeout: Duration::from_secs(5),
            retry_min: Duration::from_millis(200),
            retry_max: Duration::from_secs(15),
            ask_after: Duration::from_secs(60),
        }
    }

    /// `host:port`, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The MQTT client identifier.
    pub fn client_id(&self) -> String {
        format!("{}-{}", self.group, self.name)
    }

    /// What is said once for the group; what is retained for this copy.
    pub(super) fn filters(&self) -> [String; 8] {
        [
            format!("$share/{}/dt/recycle/+/+/drop", self.group),
            format!("$share/{}/dt/recycle/+/+/correction", self.group),
            format!("$share/{}/dt/recycle/+/+/health", self.group),
            format!("$share/{}/dt/recycle/+/+/alarm", self.group),
            "dt/recycle/+/+/counts".to_owned(),
            "dt/recycle/+/+/fill".to_owned(),
            "st/recycle/+/+/twin".to_owned(),
            "st/recycle/+/+/availability".to_owned(),
        ]
    }
}
