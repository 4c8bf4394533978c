//! What this room tells the log.

/// The first empty chamber was learnt from the camera, because calibration brought none.
pub(super) struct EmptyChamberLearnt {
    pub(super) mean_luma: f32,
}

impl EmptyChamberLearnt {
    pub(super) fn emit(&self) {
        tracing::info!(mean_luma = self.mean_luma, "empty chamber learnt from the first still frames");
    }
}

/// The light was switched; the empty chamber was scaled by `gain`.
pub(super) struct LightSwitched {
    pub(super) gain: f32,
}

impl LightSwitched {
    pub(super) fn emit(&self) {
        tracing::info!(gain = self.gain, "the light was switched");
    }
}
