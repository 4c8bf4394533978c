//! The way to the city's hub, checked: `[uplink]`.

use std::path::{Path, PathBuf};

use super::problems::InFile;
use super::raw::{Mqtt, RawHomeAssistant, RawTls, RawUplink};
use crate::uplink::{
    BinName, COMMANDS, HomeAssistant, HubFolder, OwnCertificate, Protocol, Settings, Tls, UplinkError,
    WITH_FILES,
};

/// The ports that are usual for MQTT with and without TLS.
const PORTS: [u16; 2] = [8883, 1883];
/// What stands before the name of a credential.
const CREDENTIAL: &str = "credential:";

/// Checks `[uplink]` of a configuration in `folder`, and the files that it names.
pub(super) fn check(
    raw: &RawUplink,
    bin: &BinName,
    folder: &Path,
    problems: &mut InFile<'_>,
) -> Option<Settings> {
    let port = raw.port.unwrap_or(PORTS[usize::from(raw.tls.is_none())]);
    problems.check((0.0..=1.0).contains(&raw.replay_share), "uplink.replay_share", || {
        format!("{} is not 0 to 1", raw.replay_share)
    });
    for name in raw.commands.iter().filter(|name| !COMMANDS.contains(&name.as_str())) {
        let known = COMMANDS.join(", ");
        problems.add("uplink.commands", format!("'{name}' is no command; there are {known}"));
    }
    let password_file = match &raw.password_file {
        Some(file) => Some(find(file, folder, "uplink.password_file", problems)?),
        None => None,
    };
    let tls = match &raw.tls {
        Some(raw) => Some(check_tls(raw, folder, problems)?),
        None => None,
    };
    let hub_url = match &raw.hub_url {
        Some(url) => Some(check_folder(url, tls.as_ref(), problems)?),
        None => None,
    };
    let files = |name: &&String| hub_url.is_none() && WITH_FILES.contains(&name.as_str());
    if let Some(name) = raw.commands.iter().find(files) {
        problems.add("uplink.commands", format!("'{name}' needs uplink.hub_url"));
    }
    let settings = Settings {
        username: raw.username.clone(),
        password_file,
        tls,
        protocol: match raw.mqtt {
            Mqtt::V5 => Protocol::V5,
            Mqtt::V311 => Protocol::V311,
        },
        keep_alive_s: raw.keep_alive_s,
        in_flight: raw.in_flight,
        replay_per_s: raw.replay_per_s,
        replay_share: raw.replay_share,
        keep_days: raw.keep_days,
        keep_mib: raw.keep_mib,
        commands: raw.commands.clone(),
        hub_url,
        home_assistant: raw.home_assistant.as_ref().and_then(|raw| check_home_assistant(raw, problems)),
        ..Settings::new(raw.host.clone(), port, bin.clone())
    };
    settings.validate().map_err(|error| problems.add("uplink", error.to_string())).ok()?;
    // They may change while the bin runs; at its start they must be right.
    settings.read_files().map_err(|error| problems.add(key_of(&error, &settings), error.to_string())).ok()?;
    Some(settings)
}

fn check_folder(url: &str, tls: Option<&Tls>, problems: &mut InFile<'_>) -> Option<HubFolder> {
    let unchecked = "https needs [uplink.tls]: its ca_file says who may vouch for the server";
    let folder = HubFolder::parse(url).and_then(|folder| {
        if folder.is_encrypted() && tls.is_none() { Err(unchecked.to_owned()) } else { Ok(folder) }
    });
    folder.map_err(|why| problems.add("uplink.hub_url", why)).ok()
}

fn check_home_assistant(raw: &RawHomeAssistant, problems: &mut InFile<'_>) -> Option<HomeAssistant> {
    let part = |part: &str| !part.is_empty() && !part.contains(['+', '#', '$']);
    if !raw.prefix.split('/').all(part) {
        let why = format!("'{}' cannot stand at the beginning of a topic", raw.prefix);
        problems.add("uplink.home_assistant.prefix", why);
        return None;
    }
    Some(HomeAssistant { prefix: raw.prefix.clone(), remove: raw.remove })
}

/// The key that names the file that cannot be used.
fn key_of(error: &UplinkError, settings: &Settings) -> &'static str {
    let UplinkError::File { path, .. } = error else { return "uplink" };
    let own = settings.tls.as_ref().and_then(|tls| tls.own.as_ref());
    let keys = [
        (settings.password_file.as_ref(), "uplink.password_file"),
        (settings.tls.as_ref().map(|tls| &tls.authorities), "uplink.tls.ca_file"),
        (own.map(|own| &own.certificate), "uplink.tls.certificate_file"),
        (own.map(|own| &own.key), "uplink.tls.key_file"),
    ];
    keys.iter().find(|(file, _)| *file == Some(path)).map_or("uplink", |(_, key)| *key)
}

fn check_tls(raw: &RawTls, folder: &Path, problems: &mut InFile<'_>) -> Option<Tls> {
    let authorities = find(&raw.ca_file, folder, "uplink.tls.ca_file", problems)?;
    let own = match (&raw.certificate_file, &raw.key_file) {
        (Some(certificate), Some(key)) => Some(OwnCertificate {
            certificate: find(certificate, folder, "uplink.tls.certificate_file", problems)?,
            key: find(key, folder, "uplink.tls.key_file", problems)?,
        }),
        (None, None) => None,
        _ => {
            problems.add("uplink.tls", "certificate_file and key_file belong together: set both or none");
            return None;
        }
    };
    Some(Tls { authorities, own })
}

/// The file that a path names: relative to the configuration, or a credential of the service.
fn find(path: &Path, folder: &Path, key: &str, problems: &mut InFile<'_>) -> Option<PathBuf> {
    let Some(name) = path.to_str().and_then(|path| path.strip_prefix(CREDENTIAL)) else {
        return Some(folder.join(path));
    };
    let Some(credentials) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
        problems.add(
            key,
            format!(
                "{CREDENTIAL}{name} is there only for a service that systemd starts with it \
             (LoadCredential=): name a file, or start the service"
            ),
        );
        return None;
    };
    Some(Path::new(&credentials).join(name))
}
