//! Where the page listens, and to whom.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::album::Keeping;

/// Settings of the page.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address and port. Without TLS a loopback one.
    pub listen: SocketAddr,
    /// Whether and how the connection is encrypted.
    pub tls: Tls,
    /// Names it may be called by, besides localhost and every IP address.
    pub names: Vec<String>,
    /// Anyone on this machine may look and act, without a login. Only with a loopback address.
    pub open_on_loopback: bool,
    /// A session ends when it was not used for this long.
    pub idle: Duration,
    /// Whoever sends it may read `/metrics` from elsewhere; without one only this machine may.
    pub metrics_token: Option<String>,
    /// How long and how many small pictures of drops are kept; `None`: none.
    pub keep_frames: Option<Keeping>,
    /// Folder of logins, sessions and the page's own certificate.
    pub folder: PathBuf,
}

/// How the connection is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: loopback only.
    Off,
    /// With a certificate made at the first start.
    Own,
    /// With this certificate.
    Given {
        /// The chain, as PEM.
        certificate: PathBuf,
        /// Its key, as PEM.
        key: PathBuf,
    },
}

impl Tls {
    /// Whether it is encrypted at all.
    pub const fn is_on(&self) -> bool {
        !matches!(self, Tls::Off)
    }
}

impl Settings {
    /// The page of a bin on this address, without TLS and with logins in `folder`.
    pub const fn new(listen: SocketAddr, folder: PathBuf) -> Self {
        let idle = Duration::from_secs(30 * 60);
        Self {
            listen,
            tls: Tls::Off,
            names: Vec::new(),
            open_on_loopback: false,
            idle,
            metrics_token: None,
            keep_frames: None,
            folder,
        }
    }

    /// Its address for a browser on this machine.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_on() { "https" } else { "http" };
        format!("{scheme}://{}/", self.listen)
    }
}
