//! Saving what was measured as a new version, with what differs; and going back.

use anyhow::Context as _;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Version};

fn told(problem: &crate::config::Problem) -> anyhow::Error {
    anyhow::anyhow!("{problem}")
}

/// Saves the version in force with this change, if it makes a difference; prints what it is.
pub(super) fn save(
    config: &Config,
    by: &str,
    back_to: Option<u32>,
    change: impl FnOnce(&mut Version),
) -> anyhow::Result<()> {
    let versions = config.versions();
    let newest = versions.newest().map_err(|problem| told(&problem))?.unwrap_or_default();
    let saved_at_ms = SystemClock.wall().unix_ms;
    let mut next = Version { saved_at_ms, by: by.to_owned(), back_to, ..newest.clone() };
    change(&mut next);
    // Checked as a whole before anything is written, as if it were in force.
    let (before, after) = (Config::load(&config.file)?, Config::load_version(&config.file, &next)?);
    let differences = after.measured_differences(&before);
    if differences.is_empty() {
        println!("nothing differs from version {}: nothing was saved", before.calibration.version);
        return Ok(());
    }
    let chamber = versions.chamber(&newest).map(std::fs::read).transpose();
    let chamber = chamber.context("the picture of the empty chamber cannot be taken along")?;
    let folder = versions.folder().display().to_string();
    let number =
        versions.put(&next, chamber.as_deref()).with_context(|| format!("cannot write in {folder}"))?;
    println!("version {} -> {number}", before.calibration.version);
    differences.iter().for_each(|line| println!("  {line}"));
    println!("it holds from the bin's next start; `bunri calibrate back --part ...` goes back");
    Ok(())
}

/// Saves a part of an earlier version again as the newest; 0 is the rig's own file.
pub(super) fn back(
    config: &Config,
    by: &str,
    to: u32,
    take: impl FnOnce(Version, &mut Version),
) -> anyhow::Result<()> {
    let all = config.versions().all().map_err(|problem| told(&problem))?;
    let found = all.into_iter().find(|version| version.number == to);
    let earlier = found.or_else(|| (to == 0).then(Version::default));
    let earlier = earlier.with_context(|| format!("there is no version {to}; `bunri calibrate versions`"))?;
    save(config, by, Some(to), |next| take(earlier, next))
}
