//! `[web]`: where the page listens, to whom, and how the connection is encrypted.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::problems::InFile;
use super::raw::{RawKeepFrames, RawWeb};
use crate::web::album::{KEEP_DAYS_MOST, Keeping};
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
    let token = raw.metrics_token_file.as_ref().map(|file| {
        let path = folder.join(file);
        let token = std::fs::read_to_string(&path).map(|token| token.trim().to_owned());
        match token {
            Ok(token) if token.len() >= 16 => Some(token),
            Ok(_) => {
                problems.add("web.metrics_token_file", "its token is shorter than 16 letters");
                None
            }
            Err(error) => {
                problems.add("web.metrics_token_file", format!("{}: {error}", path.display()));
                None
            }
        }
    });
    let metrics_token = token.flatten();
    let keep_frames = raw.keep_frames.as_ref().and_then(|raw| check_frames(raw, problems));
    Some(Settings {
        listen,
        tls,
        names: raw.names.clone(),
        open_on_loopback: raw.open_on_loopback,
        idle: Duration::from_secs(raw.idle_min * 60),
        metrics_token,
        keep_frames,
        folder: state_dir.join("web"),
    })
}

/// A last day that is past is none of the problems: a bin must start the day after, and keeps nothing then.
fn check_frames(raw: &RawKeepFrames, problems: &mut InFile<'_>) -> Option<Keeping> {
    let limits = [
        ("days_most", raw.days_most, KEEP_DAYS_MOST),
        ("pictures_most", raw.pictures_most, 20_000),
        ("size_most_mb", raw.size_most_mb, 1_000),
    ];
    for (key, value, most) in limits {
        problems.check((1..=most).contains(&value), &format!("web.keep_frames.{key}"), || {
            format!("{value} is not 1 to {most}")
        });
    }
    let Ok(until) = raw.until.parse() else {
        problems.add("web.keep_frames.until", format!("'{}' is not a day like 2026-12-31", raw.until));
        return None;
    };
    Some(Keeping {
        until,
        days_most: raw.days_most,
        pictures_most: raw.pictures_most as usize,
        bytes_most: u64::from(raw.size_most_mb) << 20,
    })
}
