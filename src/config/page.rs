//! `[web]`: where the page listens, to whom, and how the connection is encrypted.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::problems::InFile;
use super::raw::RawWeb;
use crate::web::{Settings, Tls};

pub(super) fn check(
    raw: &RawWeb,
    folder: &Path,
    state_dir: &Path,
    problems: &mut InFile<'_>,
) -> Option<Settings> {
    let loopback = raw.listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    let tls = match (&raw.certificate, &raw.key) {
        (Some(certificate), Some(key)) => {
            Tls::Given { certificate: folder.join(certificate), key: folder.join(key) }
        }
        (None, None) if raw.tls.unwrap_or(!loopback) => Tls::Own,
        (None, None) => Tls::Off,
        (Some(_), None) | (None, Some(_)) => {
            problems.add("web", "certificate and key belong together: give both or neither");
            Tls::Off
        }
    };
    problems.check((1..=24 * 60).contains(&raw.idle_min), "web.idle_min", || {
        format!("{} is not 1 to 1440", raw.idle_min)
    });
    let Ok(listen) = raw.listen.parse::<SocketAddr>() else {
        problems.add("web.listen", format!("'{}' is not an address like 127.0.0.1:8480", raw.listen));
        return None;
    };
    problems.check(loopback || raw.tls != Some(false), "web.tls", || {
        format!("{listen} is not a loopback address: without TLS the page stays on this machine")
    });
    problems.check(loopback || !raw.open_on_loopback, "web.open_on_loopback", || {
        format!("{listen} is not a loopback address: beyond this machine everybody logs in")
    });
    for (index, name) in raw.names.iter().enumerate() {
        let good = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
        problems.check(!name.is_empty() && name.chars().all(good), &format!("web.names[{index}]"), || {
            format!("'{name}' is not a host's name")
        });
    }
    Some(Settings {
        listen,
        tls,
        names: raw.names.clone(),
        open_on_loopback: raw.open_on_loopback,
        idle: Duration::from_secs(raw.idle_min * 60),
        folder: state_dir.join("web"),
    })
}
