//! A new bundle on its way to being the live one: in the shadow it judges the very items that the live one judges, on
//! trial it is watched. The decisions are [`Change`]'s; here is what it is told, and who writes down what it says.
//!
//! Never a word from the shadow to the judge. Never a wait for the disk: the ledger's thread writes.

use std::mem::discriminant;
use std::time::Duration;

use super::bundles::live_of;
use super::events::{BundleLeftAside, BundleRefused, BundleStage, SwitchUnwritten};
use super::sorter::{Looked, look_at};
use super::teaching::Works;
use super::{DaemonError, judge_settings, site_head};
use crate::capture::Frame;
use crate::clock::Clock;
use crate::config::Config;
use crate::detect::Region;
use crate::identify::{Bundle, BundleStore, Change, Identifier, IdentifyError, SiteHead, Stage, Switch};
use crate::judge::{Action, Judge, Reason, Rules, Verdict, Votes};
use crate::teach::Store;

/// Writes the switch down; not on the judge's thread.
pub(super) type Save = Box<dyn FnOnce() + Send>;

/// The bundles that work, from when they were begun with until others are exchanged for them.
pub(super) struct Newcomer {
    config: Config,
    store: BundleStore,
    change: Change,
    /// As it was when these bundles were begun with.
    begun: Switch,
    shadow: Option<ShadowBundle>,
}

/// A bundle that judges beside the live one.
struct ShadowBundle {
    identifier: Identifier,
    rules: Rules,
    region: Region,
    votes: Votes,
}

impl Newcomer {
    /// Counts the start and loads the live bundle, and the one in the shadow. A new one that cannot be loaded is refused,
    /// and the last good one is loaded instead.
    ///
    /// # Errors
    /// When no live bundle can be loaded, the factory's neither.
    pub(super) fn begin(config: &Config) -> Result<(Self, Identifier), DaemonError> {
        let store = config.bundles.clone();
        let known = store.switch().unwrap_or_else(|error| {
            BundleLeftAside { error: &error }.emit();
            Switch::default()
        });
        let change = Change::begin(known.clone(), config.change.clone());
        let mut newcomer = Self { config: config.clone(), store, change, begun: known.clone(), shadow: None };
        newcomer.tell(&known);
        newcomer.write_now();
        let identifier = newcomer.load_live(config)?;
        if let Some(id) = newcomer.change.switch().shadow().map(str::to_owned) {
            match newcomer.load_shadow(&id, config) {
                Ok(shadow) => newcomer.shadow = Some(shadow),
                Err(error) => newcomer.refuse(&error.to_string()),
            }
        }
        if newcomer.change.switch().stage != Stage::Settled {
            BundleStage { switch: newcomer.change.switch() }.emit();
        }
        Ok((newcomer, identifier))
    }

    fn load_live(&mut self, config: &Config) -> Result<Identifier, DaemonError> {
        if let (Stage::Trial(_), Some(id)) = (&self.change.switch().stage, &self.change.switch().live)
            && let Err(error) = self.store.verify(id)
        {
            self.refuse(&error.to_string());
        }
        let load = |switch: &Switch| -> Result<Identifier, DaemonError> {
            let bundle = live_of(config, switch)?;
            let site = site_head(config, &bundle)?;
            Ok(Identifier::load(bundle, &config.runtime, site.as_ref())?)
        };
        match load(self.change.switch()) {
            Err(error) if matches!(self.change.switch().stage, Stage::Trial(_)) => {
                self.refuse(&error.to_string());
                load(self.change.switch())
            }
            loaded => loaded,
        }
    }

    fn load_shadow(&self, id: &str, config: &Config) -> Result<ShadowBundle, DaemonError> {
        let refuse = |message: String| IdentifyError::SelfTest { bundle: id.to_owned(), message };
        let bundle = self.store.verify(id).map_err(|error| refuse(error.to_string()))?;
        let site = Store::of(&config.state_dir).current_for(&bundle)?.map(|(_, site)| site);
        let identifier = Identifier::load(bundle, &config.runtime, site.as_ref())?;
        let rules = judge_settings(config, identifier.head()).rules;
        let region = config.calibration.detect.region;
        Ok(ShadowBundle { identifier, rules, region, votes: Votes::default() })
    }

    /// The bundles that work in this process.
    pub(super) fn works(&self, live: &Bundle) -> Works {
        let shadow = self.shadow.as_ref().map(|shadow| shadow.identifier.bundle().clone());
        Works { live: live.clone(), shadow }
    }

    /// The bundle that judges beside the live one has been taught.
    pub(super) fn teach_shadow(&mut self, site: &SiteHead) {
        // One that is no longer there, or another by now, is not to be taught.
        if let Some(shadow) = &mut self.shadow
            && shadow.identifier.use_site(Some(site)).is_ok()
        {
            shadow.rules = judge_settings(&self.config, shadow.identifier.head()).rules;
            shadow.votes = Votes::default();
        }
    }

    /// Hears of a frame that the live bundle has looked at; returns what is to be written.
    pub(super) fn look(
        &mut self,
        frame: &Frame,
        looked: &Looked,
        judge: &Judge,
        clock: &dyn Clock,
    ) -> Option<Save> {
        if self.change.switch().stage == Stage::Settled {
            return None;
        }
        let before = self.change.switch().clone();
        let verdict = looked.actions.iter().find_map(|action| match action {
            Action::RecordIntent(verdict) => Some(verdict),
            _ => None,
        });
        if !before.same_bundles(&self.begun) {
            // Others are being loaded; until they work, what was decided is written again, in case the disk refused it.
            return verdict.map(|_| self.save(&before));
        }
        let mut changed = match (&mut self.shadow, &looked.failure, looked.inferred) {
            (Some(shadow), _, Some(_)) => {
                self.change.looked(shadow.look(frame, looked, judge.rules(), clock))
            }
            (None, Some(error), _) => self.change.looked(Err(error)),
            (None, None, Some(took)) => self.change.looked(Ok::<_, IdentifyError>(took)),
            _ => false,
        };
        if let Some(verdict) = verdict {
            let agreed = self.shadow.as_ref().and_then(|shadow| shadow.agrees(verdict));
            changed |= self.change.judged(doubted(verdict), agreed);
        }
        if let Some(shadow) = &mut self.shadow
            && judge.votes().is_none()
        {
            shadow.votes = Votes::default();
        }
        changed.then(|| self.save(&before))
    }

    /// These bundles end their work in order; returns what is to be written.
    pub(super) fn stop(&mut self) -> Option<Save> {
        let before = self.change.switch().clone();
        self.change.stopped().then(|| self.save(&before))
    }

    /// What tells when other bundles are to work.
    pub(super) fn watch(&self) -> Watch {
        Watch { store: self.store.clone(), begun: self.begun.clone() }
    }

    /// The new bundle cannot be used.
    fn refuse(&mut self, why: &str) {
        let before = self.change.switch().clone();
        if self.change.unusable(why.to_owned()) {
            self.tell(&before);
            self.write_now();
        }
    }

    fn write_now(&mut self) {
        let now = self.change.switch().clone();
        if now == self.begun {
            return;
        }
        if write(&self.store, &self.begun, &now) {
            self.begun = now;
        }
    }

    fn save(&self, before: &Switch) -> Save {
        self.tell(before);
        let (store, begun, now) = (self.store.clone(), self.begun.clone(), self.change.switch().clone());
        // A refusal was told; the next item tries again.
        Box::new(move || {
            let _written = write(&store, &begun, &now);
        })
    }

    /// Says what became of the new bundle, if it went a step on.
    fn tell(&self, before: &Switch) {
        let now = self.change.switch();
        if discriminant(&now.stage) == discriminant(&before.stage) {
            return;
        }
        match &now.refused {
            Some(refused) => BundleRefused { refused, live: now.live.as_deref() }.emit(),
            None => BundleStage { switch: now }.emit(),
        }
    }
}

/// Writes the switch, unless somebody else has changed the bundles meanwhile: theirs counts, and is loaded.
fn write(store: &BundleStore, begun: &Switch, now: &Switch) -> bool {
    store.note(begun, now).unwrap_or_else(|error| {
        SwitchUnwritten { error: &error }.emit();
        false
    })
}

/// Whether an item was rejected for what the network thinks of it, and not for a full compartment.
fn doubted(verdict: &Verdict) -> bool {
    matches!(verdict.reason, Some(Reason::NotSure | Reason::Unknown | Reason::TwoItems))
}

impl ShadowBundle {
    fn look(
        &mut self,
        frame: &Frame,
        looked: &Looked,
        live: &Rules,
        clock: &dyn Clock,
    ) -> Result<Duration, IdentifyError> {
        let (look, took) = look_at(&mut self.identifier, self.region, frame, &looked.presence, clock, None)?;
        self.rules.compartments.clone_from(&live.compartments);
        self.votes.add(&look.whole, &look.objects, &self.rules);
        Ok(took)
    }

    /// Whether it sends the item to the same stream; `None` when it has not seen it.
    fn agrees(&self, verdict: &Verdict) -> Option<bool> {
        (self.votes.count() > 0).then(|| self.votes.decide(&self.rules).stream == verdict.stream)
    }
}

/// Looks at what is installed, beside the running bin.
pub(super) struct Watch {
    store: BundleStore,
    begun: Switch,
}

impl Watch {
    /// Which bundles are to work, if they are others than those that were begun with.
    pub(super) fn wanted(&self) -> Option<Switch> {
        // One that cannot be read is told at the next start.
        let switch = self.store.switch().ok()?;
        (!switch.same_bundles(&self.begun)).then_some(switch)
    }
}
