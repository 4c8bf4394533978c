//! region of frame -> label probabilities
//!
//! ```text
//! frame --tensor--> u8 input --session (ONNX Runtime)--> logits --head--> Identified
//! ```
//!
//! - One session, one input and one output tensor, made once; a run allocates nothing of ours.
//! - A bundle whose manifest, hash, shapes and labels do not fit together is refused before the first frame.
//! - It never decides: it says how likely each label is and how strange the picture looks.

mod bundle;
mod error;
mod head;
mod session;
mod statistics;
mod tensor;

pub use bundle::{Bundle, Dtype, Label, Layout, Manifest, ModelSpec, StatisticsSpec};
pub use error::IdentifyError;
pub use head::{Head, Identified, MAX_LABELS};
pub use session::{RuntimeSettings, find_runtime};
pub use statistics::Statistics;
pub use tensor::Resizer;

use std::time::Duration;

use crate::capture::Frame;
use crate::clock::Clock;
use crate::detect::Region;
use session::Session;

/// A loaded bundle, ready to look at regions of frames.
#[derive(Debug)]
pub struct Identifier {
    bundle: Bundle,
    head: Head,
    resizer: Resizer,
    session: Session,
}

impl Identifier {
    /// Loads the network of a checked bundle into the runtime.
    ///
    /// # Errors
    /// When the runtime cannot be loaded, or the network is not what the manifest says.
    pub fn load(bundle: Bundle, runtime: &RuntimeSettings) -> Result<Self, IdentifyError> {
        let session = Session::open(&bundle, runtime)?;
        let head = Head::new(&bundle.manifest);
        Ok(Self { bundle, head, resizer: Resizer::default(), session })
    }

    /// The bundle in use.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Classifies one region of a frame; also returns how long resizing and the network took.
    ///
    /// # Errors
    /// When the region does not lie inside the frame, or the runtime fails.
    pub fn identify(
        &mut self,
        frame: &Frame,
        region: Region,
        clock: &dyn Clock,
    ) -> Result<(Identified, Duration), IdentifyError> {
        let started = clock.now();
        let resizer = &mut self.resizer;
        let logits = self.session.run(|spec, input| resizer.fill(frame, region, spec, input))?;
        let identified = self.head.apply(logits);
        Ok((identified, clock.now().since(started)))
    }
}
