//! Which bundle, rules and rig a command works with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::Config;
use crate::daemon::{View, judge_settings, live_bundle, site_head};
use crate::detect::{self, Region};
use crate::identify::{Bundle, Head, Identifier, RuntimeSettings, SiteHead};
use crate::judge::{Compartment, CompartmentId, Rules, Settings, Timing, cost_table};
use crate::mechanism::{self, Place};
use crate::streams::Stream;

/// The bundle that ships, below the working folder or above the program.
const DEFAULT_BUNDLE: &str = "models/bunri-lite0";

/// Which bundle and rules to judge with.
#[derive(Debug, Args)]
pub(super) struct Judging {
    /// A bin's configuration: its bundle, costs, compartments and rig. Without it, the shipped bundle, the default
    /// costs, a compartment for every stream and the whole picture.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Another bundle than the configuration's.
    #[arg(long)]
    bundle: Option<PathBuf>,
    /// A site head that was taught with this bundle; without it, the configured bin's own.
    #[arg(long)]
    site: Option<PathBuf>,
}

/// The rules and the rig around a bundle.
pub(super) struct Rig {
    pub(super) judge: Settings,
    pub(super) config: Option<Config>,
    /// What was taught so far.
    pub(super) site: Option<SiteHead>,
}

impl Judging {
    /// The configuration that is named, if one is.
    pub(super) fn config(&self) -> anyhow::Result<Option<Config>> {
        Ok(self.config.as_deref().map(Config::load).transpose()?)
    }

    /// Loads what the options name.
    pub(super) fn load(&self) -> anyhow::Result<(Rig, Identifier)> {
        let config = self.config()?;
        let bundle = match (&self.bundle, &config) {
            (Some(folder), _) => Bundle::open(folder)?,
            (None, Some(config)) => live_bundle(config)?,
            (None, None) => Bundle::open(&default_bundle())?,
        };
        let site = match (&self.site, &config) {
            (Some(path), _) => Some(SiteHead::open(path, &bundle)?),
            (None, Some(config)) => site_head(config, &bundle)?,
            (None, None) => None,
        };
        let runtime = config.as_ref().map_or_else(RuntimeSettings::default, |config| config.runtime.clone());
        let identifier = Identifier::load(bundle, &runtime, site.as_ref())?;
        let judge = match &config {
            Some(config) => judge_settings(config, identifier.head()),
            None => default_settings(identifier.head()),
        };
        Ok((Rig { judge, config, site }, identifier))
    }
}

/// Where the shipped bundle is; the working folder's, to be named in the error, when it is nowhere.
fn default_bundle() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let above = program.ancestors().skip(1).map(|folder| folder.join(DEFAULT_BUNDLE));
    let mut places = std::iter::once(PathBuf::from(DEFAULT_BUNDLE)).chain(above);
    places.find(|folder| folder.join("manifest.toml").is_file()).unwrap_or_else(|| DEFAULT_BUNDLE.into())
}

impl Rig {
    /// The view of the configured rig, or the whole of a picture of this size.
    pub(super) fn view(&self, width: u32, height: u32) -> View {
        let whole = || View {
            width,
            height,
            detect: detect::Settings {
                region: Region::whole(width, height),
                throat: Vec::new(),
                occupied_share: 0.008,
                motion_share: 0.004,
                adapt: Duration::from_secs(20),
            },
        };
        self.config.as_ref().map_or_else(whole, crate::daemon::view)
    }

    /// The flap: its places, its speed in degrees per second and its limits.
    pub(super) fn flap(&self) -> (HashMap<Place, f32>, f32, mechanism::Settings) {
        if let Some(config) = &self.config {
            let calibration = &config.calibration;
            return (calibration.angles_deg.clone(), calibration.speed_deg_per_s, config.mechanism.clone());
        }
        let places = (0u8..).zip(Stream::ALL);
        let places = places.map(|(index, _)| (Place::At(CompartmentId(index)), 20.0 * f32::from(index + 1)));
        (places.chain([(Place::Home, 0.0)]).collect(), 300.0, mechanism::Settings::default())
    }
}

/// The default costs and thresholds, with a compartment for every stream.
fn default_settings(head: &Head) -> Settings {
    let raw = crate::config::RawJudge::default();
    Settings {
        rules: Rules {
            cost: cost_table(raw.cost.lost, raw.cost.contaminated, raw.cost.dirty),
            thresholds: head.thresholds(),
            energy_limit: head.energy_limit(),
            votes_least: raw.votes_least,
            votes_most: raw.votes_most,
            compartments: Stream::ALL
                .map(|stream| Compartment { stream, full: false, disabled: false })
                .to_vec(),
        },
        timing: Timing::default(),
        retries: raw.retries,
        fault_retries: crate::config::FAULT_RETRIES,
        labels: (0..head.label_count()).map(|label| head.label_id(label)).collect(),
    }
}
