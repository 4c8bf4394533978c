//! `bunri model`: the bundles that came after the factory's: what is there, is it sound, take it, go back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{model_reference, pictures};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::live_bundle;
use crate::identify::{
    Address, Bundle, BundleTest, Identifier, REFERENCE, ReferenceSpec, RuntimeSettings, SelfTest, Stage,
    Start, StoreError, Switch, pack, self_test,
};

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
    /// Install a signed archive: after its self-test it judges beside the live bundle, and takes over when it has proved
    /// itself.
    Install {
        /// The archive.
        archive: PathBuf,
        /// Without judging beside the live bundle first; the bin still goes back by itself.
        #[arg(long)]
        at_once: bool,
        /// Its signature; left out, it has the archive's name and `.minisig`.
        #[arg(long)]
        signature: Option<PathBuf>,
        #[command(flatten)]
        bin: Bin,
    },
    /// Withdraw a new bundle, or go back to the one that was live before.
    Rollback(Bin),
    /// Pack a bundle's folder into an archive, to be signed with `minisign -S -m ARCHIVE`.
    Pack {
        /// The bundle.
        folder: PathBuf,
        /// The archive to write.
        archive: PathBuf,
        /// Pictures for the self-test, where the bundle has none yet: rendered ones, never photographs of the street.
        #[arg(long, num_args = 1..)]
        reference: Vec<PathBuf>,
    },
    /// Put pictures with known answers into a bundle's folder, for its self-test on every board, in place of older ones.
    Reference {
        /// The bundle.
        folder: PathBuf,
        /// Pictures to choose among: rendered ones, never photographs of the street.
        #[arg(required = true)]
        pictures: Vec<PathBuf>,
        /// Pictures to keep, at most.
        #[arg(long, default_value_t = 12)]
        most: usize,
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
        Model::Install { archive, at_once, signature, bin } => {
            let start = if *at_once { Start::AtOnce } else { Start::InShadow };
            install(archive, signature.as_deref(), start, bin)
        }
        Model::Rollback(bin) => rollback(bin),
        Model::Pack { folder, archive, reference } => pack_folder(folder, archive, reference),
        Model::Reference { folder, pictures, most } => model_reference::put(folder, pictures, *most),
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
        let refused = switch.refused.map(|refused| json!({ "bundle": refused.bundle, "why": refused.why }));
        let answer =
            json!({ "live": switch.live, "bundles": bundles, "factory": factory, "refused": refused });
        println!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    let line = |state: &str, id: &str, note: &str| println!("{state:<7}{id:<40}{note}");
    line(state(&switch, None), &factory, "the factory's");
    for bundle in &installed {
        line(state(&switch, Some(&bundle.id)), &bundle.id, &bundle.comment);
    }
    match &switch.stage {
        Stage::Settled => {}
        Stage::Shadow(shadow) => println!(
            "{} judges beside the live bundle: {} items, {} alike",
            shadow.bundle, shadow.judged, shadow.agreed
        ),
        Stage::Trial(trial) => println!("the live bundle is on trial: {} items", trial.items),
    }
    if let Some(refused) = &switch.refused {
        println!("refused: {}: {}", refused.bundle, refused.why);
    }
    Ok(ExitCode::SUCCESS)
}

/// What a bundle is to the bin.
fn state(switch: &Switch, id: Option<&str>) -> &'static str {
    if switch.live.as_deref() == id {
        if matches!(switch.stage, Stage::Trial(_)) { "trial" } else { "live" }
    } else if id.is_some() && switch.shadow() == id {
        "shadow"
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
            let signature = signature_of(archive, signature);
            let check = |address: &Address, test: BundleTest<'_>| {
                config.bundles.check(archive, &signature, address, test)
            };
            let (manifest, tested) = with_self_test(&config, check)?;
            let SelfTest { pictures, worst, look } = tested;
            let look = look.as_secs_f32() * 1000.0;
            sound.push(format!("{} {}", manifest.name, manifest.version));
            if !bin.json {
                println!("self-test: {pictures} pictures, worst answer {worst:.3} off, {look:.1} ms a look");
            }
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

fn install(archive: &Path, signature: Option<&Path>, start: Start, bin: &Bin) -> anyhow::Result<ExitCode> {
    let config = Config::load(&bin.config)?;
    let signature = signature_of(archive, signature);
    let install = |address: &Address, test: BundleTest<'_>| {
        config.bundles.install(archive, &signature, address, test, start)
    };
    let (id, _) = with_self_test(&config, install)?;
    let switch = config.bundles.switch()?;
    if bin.json {
        println!("{}", json!({ "installed": id, "state": state(&switch, Some(&id)) }));
    } else if switch.shadow() == Some(&id) {
        let items = config.change.shadow_items;
        println!(
            "{id} judges beside the live bundle, which decides; after {items} items that is reconsidered"
        );
    } else {
        println!("{id} is live; a running bin takes it within seconds");
    }
    Ok(ExitCode::SUCCESS)
}

/// Calls `take` with what this bin needs of a bundle and with the self-test, and returns what that found too.
fn with_self_test<T>(
    config: &Config,
    take: impl FnOnce(&Address, BundleTest<'_>) -> Result<T, StoreError>,
) -> anyhow::Result<(T, SelfTest)> {
    let live = live_bundle(config)?;
    let streams = config.compartments.iter().map(|compartment| compartment.stream);
    let address = Address::of(streams, &live.manifest);
    let mut tested = None;
    let mut test = |bundle: Bundle| {
        let mut new = Identifier::load(bundle, &config.runtime, None)?;
        let mut live = Identifier::load(live.clone(), &config.runtime, None).ok();
        tested = Some(self_test(&mut new, live.as_mut(), config.change.slowest_look, &SystemClock)?);
        Ok(())
    };
    let taken = take(&address, &mut test)?;
    Ok((taken, tested.context("the self-test did not run")?))
}

fn rollback(bin: &Bin) -> anyhow::Result<ExitCode> {
    let config = Config::load(&bin.config)?;
    let live = config.bundles.rollback()?;
    if bin.json {
        println!("{}", json!({ "live": live }));
    } else {
        let name = live.as_deref().unwrap_or("the factory's bundle");
        println!("{name} is live; a running bin takes it within seconds");
    }
    Ok(ExitCode::SUCCESS)
}

fn signature_of(archive: &Path, named: Option<&Path>) -> PathBuf {
    let beside = || {
        let mut name = archive.as_os_str().to_owned();
        name.push(".minisig");
        name.into()
    };
    named.map_or_else(beside, Path::to_owned)
}

fn pack_folder(folder: &Path, archive: &Path, reference: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let bundle = Bundle::open(folder)?;
    let has_reference = bundle.manifest.reference.is_some();
    anyhow::ensure!(
        has_reference == reference.is_empty(),
        "a bundle is tested on pictures before it goes live: {}",
        if has_reference {
            "this one has its own, leave --reference out"
        } else {
            "name some with --reference"
        }
    );
    let mut files = read_files(&pictures::entries(folder)?, "")?;
    let inside = folder.join(REFERENCE);
    if has_reference {
        files.extend(read_files(&pictures::entries(&inside)?, &format!("{REFERENCE}/"))?);
    } else {
        let shown = read_files(reference, "")?;
        let mut identifier = Identifier::load(bundle.clone(), &RuntimeSettings::default(), None)?;
        let shown = shown.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let spec = ReferenceSpec::of(&mut identifier, shown.clone())?;
        let table = toml::to_string(&BTreeMap::from([("reference", spec)]))?;
        let manifest = files.entry("manifest.toml".to_owned()).or_default();
        manifest.extend_from_slice(format!("\n{table}").as_bytes());
        files.extend(shown.map(|(name, bytes)| (format!("{REFERENCE}/{name}"), bytes.to_vec())));
    }
    let packed = pack(&files).with_context(|| format!("cannot pack {}", folder.display()))?;
    std::fs::write(archive, packed).with_context(|| format!("cannot write {}", archive.display()))?;
    let (title, archive) = (bundle.title(), archive.display());
    println!("{title}: {} files in {archive}; now sign it: minisign -S -m {archive}", files.len());
    Ok(ExitCode::SUCCESS)
}

/// The files among `paths` by their names, with `inside` before each.
pub(super) fn read_files(paths: &[PathBuf], inside: &str) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((format!("{inside}{name}"), bytes))
    };
    paths.iter().filter(|path| !path.is_dir()).map(read).collect()
}
