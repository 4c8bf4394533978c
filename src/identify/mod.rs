//! region of frame -> label probabilities
//!
//! ```text
//! frame --tensor--> u8 input --session (ONNX Runtime)--> logits, embedding --head--> Identified
//!                                                        site head (taught here) --'
//! ```
//!
//! - One session, one input and one output tensor, made once; a run allocates nothing of ours.
//! - A bundle whose manifest, hash, shapes and labels do not fit together is refused before the first frame.
//! - It never decides: it says how likely each label is and how strange the picture looks.

mod bundle;
mod error;
mod head;
mod self_test;
mod session;
mod site;
mod statistics;
mod store;
mod tensor;

pub use bundle::{Bundle, Dtype, Label, Layout, Manifest, ModelSpec, StatisticsSpec, sha256};
pub use error::IdentifyError;
pub use head::{Head, Identified, MAX_LABELS};
pub use self_test::{REFERENCES_MOST, ReferencePicture, ReferenceSpec, SelfTest, self_test};
pub use session::{RuntimeSettings, find_runtime};
pub use site::{
    ItemCounts, MAX_TAUGHT, SITE_FILE_LIMIT, SiteHead, TaughtItem, free_labels, hold_back, stranger_logit,
};
pub use statistics::Statistics;
pub use store::{
    ARCHIVE_LIMIT, Address, BundleStore, BundleTest, Change, Installed, Limits, REFERENCE, Refused, Shadow,
    Stage, Start, StoreError, Switch, Trial, TrustedKey, pack,
};
pub use tensor::Resizer;

use std::time::Duration;

use crate::capture::Frame;
use crate::clock::Clock;
use crate::detect::Region;
use session::Session;

/// The network's own word on one picture, before any head.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// One for each label of the bundle.
    pub logits: Vec<f32>,
    /// Empty where the bundle names no embedding.
    pub embedding: Vec<f32>,
}

/// A loaded bundle, ready to look at regions of frames.
#[derive(Debug)]
pub struct Identifier {
    bundle: Bundle,
    head: Head,
    resizer: Resizer,
    session: Session,
}

impl Identifier {
    /// Loads the network of a checked bundle into the runtime, with what the crew taught on top of it.
    ///
    /// # Errors
    /// When the runtime cannot be loaded, or the network is not what the manifest or the site head says.
    pub fn load(
        bundle: Bundle,
        runtime: &RuntimeSettings,
        site: Option<&SiteHead>,
    ) -> Result<Self, IdentifyError> {
        let session = Session::open(&bundle, runtime)?;
        let head = Head::new(&bundle.manifest);
        let mut identifier = Self { bundle, head, resizer: Resizer::default(), session };
        identifier.use_site(site)?;
        Ok(identifier)
    }

    /// Puts what the crew taught on top of the network, or takes it away.
    ///
    /// # Errors
    /// When it was taught on another network; the head stays as it was.
    pub fn use_site(&mut self, site: Option<&SiteHead>) -> Result<(), IdentifyError> {
        let head = Head::taught(&self.bundle, site)?;
        let width = self.session.width();
        if let Some(own) = site.map(|site| site.width).filter(|own| *own != width) {
            let message = format!("its embeddings have {own} numbers, the network's {width}");
            return Err(IdentifyError::SiteOfAnother { path: self.bundle.folder.clone(), message });
        }
        self.head = head;
        Ok(())
    }

    /// The head in use: labels, thresholds and the limit for the unknown.
    pub fn head(&self) -> &Head {
        &self.head
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
        let outputs = self.session.run(|spec, input| resizer.fill(frame, region, spec, input))?;
        let identified = self.head.judge(outputs.logits, outputs.embedding);
        Ok((identified, clock.now().since(started)))
    }

    /// The network's own logits and embedding of the picture it looked at last; zeros before the first.
    pub fn last(&self) -> (&[f32], &[f32]) {
        self.session.last()
    }

    /// The network's own logits and embedding of one region of a frame, for teaching.
    ///
    /// # Errors
    /// When the region does not lie inside the frame, or the runtime fails.
    pub fn embed(&mut self, frame: &Frame, region: Region) -> Result<Embedded, IdentifyError> {
        let resizer = &mut self.resizer;
        let outputs = self.session.run(|spec, input| resizer.fill(frame, region, spec, input))?;
        Ok(Embedded { logits: outputs.logits.to_vec(), embedding: outputs.embedding.to_vec() })
    }

    /// The same of a whole picture as a file's bytes.
    ///
    /// # Errors
    /// When it is no picture, or the runtime fails.
    pub fn embed_picture(&mut self, bytes: &[u8]) -> Result<Embedded, IdentifyError> {
        let frame = self_test::decode(bytes)
            .map_err(|message| IdentifyError::Runtime { doing: "looking at a picture", message })?;
        self.embed(&frame, Region::whole(frame.width, frame.height))
    }
}
