//! The board: how warm it is, how much room its disk has and how far a new bundle on it is, read now and then while
//! somebody watches.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Site;
use crate::identify::{BundleStore, Switch};

/// Neither changes faster than anybody looks.
const READ_EVERY: Duration = Duration::from_secs(5);
/// Processors of small boards slow down from about here.
pub(super) const HOT_C: f32 = 80.0;
/// Below this the ledger is in danger: a year of drops takes less.
pub(super) const LITTLE_DISK_BYTES: u64 = 200 << 20;

/// What the board says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// The warmest of its sensors, in degrees Celsius; `None` where it has none.
    pub temperature_c: Option<f32>,
    /// Room left on the ledger's disk, and the disk's size, in bytes; `None` where nobody says.
    pub disk: Option<(u64, u64)>,
    /// Which bundle is live and how far a new one is; the factory's where the file cannot be read.
    pub bundles: Switch,
}

impl Health {
    /// Reads all of it. Blocks where the disk hangs.
    pub fn read(state_dir: &Path) -> Self {
        Self {
            temperature_c: temperature(Path::new("/sys/class/thermal")),
            disk: disk(state_dir),
            bundles: BundleStore::of(state_dir, &[], 0).switch().unwrap_or_default(),
        }
    }

    /// Whether the board is so warm that its processor slows down.
    pub fn is_hot(&self) -> bool {
        self.temperature_c.is_some_and(|celsius| celsius >= HOT_C)
    }

    /// Whether so little room is left that the ledger is in danger.
    pub fn is_full(&self) -> bool {
        self.disk.is_some_and(|(free, _)| free < LITTLE_DISK_BYTES)
    }
}

/// Whether a folder's disk has so little room left that the ledger is in danger.
pub(super) fn is_full(folder: &Path) -> bool {
    Health { disk: disk(folder), ..Health::default() }.is_full()
}

fn disk(state_dir: &Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(state_dir).ok()?;
    Some((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

/// The kernel gives thousandths of a degree for each zone.
fn temperature(zones: &Path) -> Option<f32> {
    let entries = std::fs::read_dir(zones).ok()?.filter_map(Result::ok);
    let texts = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("temp")).ok());
    let degrees =
        texts.filter_map(|text| text.trim().parse::<f32>().ok()).map(|thousandths| thousandths / 1_000.0);
    // Zones that are switched off say nonsense.
    degrees.filter(|celsius| (-50.0..=150.0).contains(celsius)).max_by(f32::total_cmp)
}

/// Keeps it up to date.
pub(super) async fn keep(site: Arc<Site>, health: watch::Sender<Health>) {
    loop {
        tokio::time::sleep(READ_EVERY).await;
        if !site.is_watched() {
            continue;
        }
        let folder = site.page.info.state_dir.clone();
        // A disk that hangs must not hold up the page.
        if let Ok(read) = tokio::task::spawn_blocking(move || Health::read(&folder)).await {
            health.send_replace(read);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warmest_sensible_zone_counts() {
        let folder = tempfile::tempdir().unwrap();
        for (zone, text) in [("zone0", "48312\n"), ("zone1", "61000"), ("zone2", "-274000"), ("zone3", "off")]
        {
            std::fs::create_dir(folder.path().join(zone)).unwrap();
            std::fs::write(folder.path().join(zone).join("temp"), text).unwrap();
        }
        assert_eq!(temperature(folder.path()), Some(61.0));
        assert_eq!(temperature(&folder.path().join("nowhere")), None);
        let (free, size) = disk(folder.path()).unwrap();
        assert!(free <= size && size > 0);
    }
}
