//! `bunri model`: the bundles that came after the factory's: what is there, is it sound, take it, go back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::pictures;
use crate::config::Config;
use crate::daemon::live_bundle;
use crate::identify::{Address, Bundle, REFERENCE, Switch, pack};

#[derive(Debug, Subcommand)]
pub(super) enum Model {
    /// Name the bundles of a bin, and which one is live.
    List(Bin),
    /// Check an archive that arrived, an installed bundle, or, with neither, all of them.
    Verify {
        /// An archive, or the name of an installed bundle as `list` shows it.
        what: Option<String>,
        /// The archive's signature; left out, it has the archive's name and `.minisig`.
        #[arg(long)]
        signature: Option<PathBuf>,
        #[command(flatten)]
        bin: Bin,
    },
    /// Install a signed archive and make it the live bundle.
    Install {
        /// The archive.
        archive: PathBuf,
        /// Its signature; left out, it has the archive's name and `.minisig`.
        #[arg(long)]
        signature: Option<PathBuf>,
        #[command(flatten)]
        bin: Bin,
    },
    /// Go back to the bundle that was live before.
    Rollback(Bin),
    /// Pack a bundle's folder into an archive, to be signed with `minisign -S -m ARCHIVE`.
    Pack {
        /// The bundle.
        folder: PathBuf,
        /// The archive to write.
        archive: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Bin {
    /// The bin's configuration.
    #[arg(long, default_value = "/etc/bunri/bunri.toml")]
    config: PathBuf,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(model: &Model) -> anyhow::Result<ExitCode> {
    match model {
        Model::List(bin) => list(bin),
        Model::Verify { what, signature, bin } => verify(what.as_deref(), signature.as_deref(), bin),
        Model::Install { archive, signature, bin } => install(archive, signature.as_deref(), bin),
        Model::Rollback(bin) => rollback(bin),
        Model::Pack { folder, archive } => pack_folder(folder, archive),
    }
}

fn list(bin: &Bin) -> anyhow::Result<ExitCode> {
    let config = Config::load(&bin.config)?;
    let switch = config.bundles.switch()?;
    let factory = Bundle::open(&config.bundle).map(|bundle| bundle.title());
    let factory = factory.unwrap_or_else(|error| error.to_string());
    let installed = config.bundles.list()?;
    if bin.json {
        let bundles: Vec<Value> = installed
            .iter()
            .map(|bundle| {
                json!({
                    "bundle": bundle.id,
                    "state": state(&switch, Some(&bundle.id)),
                    "signed_by": bundle.signed_by,
                    "comment": bundle.comment,
                })
            })
            .collect();
        let factory = json!({ "bundle": factory, "state": state(&switch, None) });
        println!("{}", json!({ "live": switch.live, "bundles": bundles, "factory": factory }));
        return Ok(ExitCode::SUCCESS);
    }
    let line = |state: &str, id: &str, note: &str| println!("{state:<7}{id:<40}{note}");
    line(state(&switch, None), &factory, "the factory's");
    for bundle in &installed {
        line(state(&switch, Some(&bundle.id)), &bundle.id, &bundle.comment);
    }
    Ok(ExitCode::SUCCESS)
}

/// What a bundle is to the bin.
fn state(switch: &Switch, id: Option<&str>) -> &'static str {
    if switch.live.as_deref() == id {
        "live"
    } else if switch.before.last().is_some_and(|before| before.as_deref() == id) {
        "before"
    } else {
        "kept"
    }
}

fn verify(what: Option<&str>, signature: Option<&Path>, bin: &Bin) -> anyhow::Result<ExitCode> {
    let config = Config::load(&bin.config)?;
    let mut sound = Vec::new();
    match what {
        Some(archive) if Path::new(archive).is_file() => {
            let archive = Path::new(archive);
            let manifest =
                config.bundles.check(archive, &signature_of(archive, signature), &address(&config)?)?;
            sound.push(format!("{} {}", manifest.name, manifest.version));
        }
        Some(id) => sound.push(config.bundles.verify(id)?.title()),
        None => {
            sound.push(Bundle::open(&config.bundle)?.title());
            for bundle in config.bundles.list()? {
                sound.push(config.bundles.verify(&bundle.id)?.title());
            }
        }
    }
    if bin.json {
        println!("{}", json!({ "sound": sound }));
    } else {
        sound.iter().for_each(|title| println!("ok    {title}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn install(archive: &Path, signature: Option<&Path>, bin: &Bin) -> anyhow::Result<ExitCode> {
    let config = Config::load(&bin.config)?;
    let address = address(&config)?;
    let id = config.bundles.install(archive, &signature_of(archive, signature), &address)?;
    tell(bin, Some(&id));
    Ok(ExitCode::SUCCESS)
}

fn rollback(bin: &Bin) -> anyhow::Result<ExitCode> {
    let config = Config::load(&bin.config)?;
    let live = config.bundles.rollback()?;
    tell(bin, live.as_deref());
    Ok(ExitCode::SUCCESS)
}

/// Says what is live now.
fn tell(bin: &Bin, live: Option<&str>) {
    if bin.json {
        println!("{}", json!({ "live": live }));
    } else {
        let name = live.unwrap_or("the factory's bundle");
        println!("{name} is live; a running bin takes it at its next start");
    }
}

/// What a new bundle must know to stand in for the live one.
fn address(config: &Config) -> anyhow::Result<Address> {
    let live = live_bundle(config)?;
    let streams = config.compartments.iter().map(|compartment| compartment.stream);
    Ok(Address::of(streams, &live.manifest))
}

fn signature_of(archive: &Path, named: Option<&Path>) -> PathBuf {
    let beside = || {
        let mut name = archive.as_os_str().to_owned();
        name.push(".minisig");
        name.into()
    };
    named.map_or_else(beside, Path::to_owned)
}

fn pack_folder(folder: &Path, archive: &Path) -> anyhow::Result<ExitCode> {
    let bundle = Bundle::open(folder)?;
    let mut files = BTreeMap::new();
    let mut take = |path: &Path, inside: &str| -> anyhow::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        files.insert(format!("{inside}{name}"), bytes);
        Ok(())
    };
    for path in pictures::entries(folder)?.into_iter().filter(|path| path.is_file()) {
        take(&path, "")?;
    }
    let reference = folder.join(REFERENCE);
    if reference.is_dir() {
        for path in pictures::entries(&reference)? {
            take(&path, &format!("{REFERENCE}/"))?;
        }
    }
    let packed = pack(&files).with_context(|| format!("cannot pack {}", folder.display()))?;
    std::fs::write(archive, packed).with_context(|| format!("cannot write {}", archive.display()))?;
    let (title, archive) = (bundle.title(), archive.display());
    println!("{title}: {} files in {archive}; now sign it: minisign -S -m {archive}", files.len());
    Ok(ExitCode::SUCCESS)
}
