//! The way to the city's hub, checked: `[uplink]`.

use std::path::Path;

use super::problems::InFile;
use super::raw::RawUplink;
use crate::uplink::{BinName, Secret, Settings};

/// Checks `[uplink]` of a configuration in `folder`.
pub(super) fn check(
    raw: &RawUplink,
    bin: &BinName,
    folder: &Path,
    problems: &mut InFile<'_>,
) -> Option<Settings> {
    let mut settings = Settings::new(raw.host.clone(), raw.port, bin.clone());
    settings.username.clone_from(&raw.username);
    settings.keep_alive_s = raw.keep_alive_s;
    settings.in_flight = raw.in_flight;
    settings.replay_per_s = raw.replay_per_s;
    settings.replay_share = raw.replay_share;
    problems.check((0.0..=1.0).contains(&raw.replay_share), "uplink.replay_share", || {
        format!("{} is not 0 to 1", raw.replay_share)
    });
    if let Some(file) = &raw.password_file {
        let path = folder.join(file);
        match std::fs::read_to_string(&path) {
            Ok(password) => settings.password = Some(Secret::new(password.trim_end().to_owned())),
            Err(error) => problems.add("uplink.password_file", format!("{}: {error}", path.display())),
        }
    }
    settings.validate().map_err(|error| problems.add("uplink", error.to_string())).ok()?;
    Some(settings)
}
