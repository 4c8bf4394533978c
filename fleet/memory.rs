//! What a process and its children weigh: their proportional share of physical memory (`Pss`), so that pages which
//! several processes share count once.

use std::fs::read_to_string;

/// KiB of a process and its children; `None` once it has ended.
pub(crate) fn kib(process: u32) -> Option<u64> {
    let rollup = read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let own: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    let children = read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    Some(own + children.filter_map(kib).sum::<u64>())
}

/// The newest and the largest of what was measured, MiB.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weight {
    pub(crate) now: f64,
    pub(crate) most: f64,
}

impl Weight {
    /// Looks at a process again. One that is away weighs nothing.
    pub(crate) fn look(&mut self, process: Option<u32>) {
        #[allow(clippy::cast_precision_loss, reason = "megabytes with one decimal")]
        let mib = process.and_then(kib).unwrap_or(0) as f64 / 1024.0;
        self.now = mib;
        self.most = self.most.max(mib);
    }
}
