//! The site head's file: safetensors, one header in JSON, one hash over all of it.
//!
//! - Tensors, float32, rows first: `weights` [labels, width], `bias` [labels], `embeddings` [items, width], `logits`
//!   [items, bundle's labels].
//! - Metadata: `site_head`, the sha256 of header and tensors in that order, a space, and the header in JSON ([`Header`]):
//!   a flipped bit is found, wherever it is.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{MAX_TAUGHT, SiteHead, TaughtItem};
use crate::identify::bundle::{Bundle, Label};
use crate::identify::error::IdentifyError;
use crate::identify::head::MAX_LABELS;
use crate::streams::Stream;

/// The versions of the file's grammar that this program reads and writes: a file with corrections inside is of the second,
/// one that trusts the network less of the third, so that an older program says what it cannot read.
const FORMAT: u32 = 1;
const FORMAT_WITH_CORRECTIONS: u32 = 2;
const FORMAT_WITH_TRUST: u32 = 3;
/// Bytes of a site file at most.
pub const SITE_FILE_LIMIT: usize = 2_000_000;
const MAX_WIDTH: usize = 8192;
/// Letters of a label's or an item's name at most.
const MAX_NAME: usize = 200;
const ENTRY: &str = "site_head";
const TENSORS: [&str; 4] = ["weights", "bias", "embeddings", "logits"];

/// A tensor's bytes and shape.
pub(super) type Tensor = (Vec<u8>, Vec<usize>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    format: u32,
    bundle: String,
    network_sha256: String,
    labels: Vec<Label>,
    known: usize,
    #[serde(default = "all_of_it", skip_serializing_if = "is_all_of_it")]
    trust: f32,
    temperature: f32,
    energy_limit: f32,
    taught: Vec<Named>,
}

/// How far the network is trusted in a file that does not say.
const fn all_of_it() -> f32 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_all_of_it(trust: &f32) -> bool {
    *trust >= all_of_it()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    label: usize,
    name: String,
    frames: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correction: Option<String>,
}

impl SiteHead {
    /// Reads a site file and holds it against the bundle it is to be used with.
    ///
    /// # Errors
    /// When it cannot be read, is too large, damaged, of another format, or was taught on another network.
    pub fn open(path: &Path, bundle: &Bundle) -> Result<Self, IdentifyError> {
        let head = Self::read(path)?;
        let refuse = |message| IdentifyError::SiteOfAnother { path: path.to_owned(), message };
        head.fits(bundle).map_err(refuse)?;
        Ok(head)
    }

    /// Reads a site file, whatever bundle it is for.
    ///
    /// # Errors
    /// When it cannot be read, is too large, damaged or of another format.
    pub fn read(path: &Path) -> Result<Self, IdentifyError> {
        let unreadable = |source| IdentifyError::SiteUnread { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(SITE_FILE_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::parse(&bytes).map_err(|message| IdentifyError::Site { path: path.to_owned(), message })
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// Says what does not fit, as reading would: what reading would refuse is never written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let header = serde_json::to_string(&self.header()).map_err(|error| error.to_string())?;
        let bytes = pack(&header, &self.tensors())?;
        Self::parse(&bytes)?;
        Ok(bytes)
    }

    pub(super) fn header(&self) -> Header {
        let named = |item: &TaughtItem| Named {
            label: item.label,
            name: item.name.clone(),
            frames: item.frames,
            correction: item.correction.clone(),
        };
        let corrected = self.taught.iter().any(|item| item.correction.is_some());
        Header {
            format: match (is_all_of_it(&self.trust), corrected) {
                (false, _) => FORMAT_WITH_TRUST,
                (true, true) => FORMAT_WITH_CORRECTIONS,
                (true, false) => FORMAT,
            },
            bundle: self.bundle.clone(),
            network_sha256: self.network_sha256.clone(),
            labels: self.labels.clone(),
            known: self.known,
            trust: self.trust,
            temperature: self.temperature,
            energy_limit: self.energy_limit,
            taught: self.taught.iter().map(named).collect(),
        }
    }

    /// Bytes and shape of each tensor, in the order of [`TENSORS`].
    pub(super) fn tensors(&self) -> [Tensor; 4] {
        let (labels, items) = (self.labels.len(), self.taught.len());
        let flat = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let join = |part: fn(&TaughtItem) -> &[f32]| {
            self.taught.iter().flat_map(|item| flat(part(item))).collect::<Vec<u8>>()
        };
        [
            (flat(&self.weights), vec![labels, self.width]),
            (flat(&self.bias), vec![labels]),
            (join(|item| &item.embedding), vec![items, self.width]),
            (join(|item| &item.logits), vec![items, self.known]),
        ]
    }

    /// Reads the file's bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > SITE_FILE_LIMIT {
            return Err(format!("it is larger than {SITE_FILE_LIMIT} bytes"));
        }
        let text = |error: safetensors::SafeTensorError| format!("it is no whole safetensors file ({error})");
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(text)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(text)?;
        let metadata = metadata.metadata().as_ref().ok_or("it has no header, so it is no site head")?;
        let entry = metadata.get(ENTRY).ok_or("it has no header, so it is no site head")?;
        let (sha256, header) = entry.split_once(' ').ok_or("its header has no hash")?;
        check_format(header)?;
        let mut names = tensors.names();
        names.sort_unstable();
        if names != ["bias", "embeddings", "logits", "weights"] {
            return Err(format!("it holds {}, not {}", names.join(", "), TENSORS.join(", ")));
        }
        let mut parts = Vec::new();
        for name in TENSORS {
            parts.push(tensors.tensor(name).map_err(text)?);
        }
        if sha256 != digest(header, parts.iter().map(TensorView::data)) {
            return Err("its contents do not have the hash it says: it is damaged".to_owned());
        }
        let header: Header =
            serde_json::from_str(header).map_err(|error| format!("its header is not understood: {error}"))?;
        let head = assemble(header, &parts)?;
        head.check()?;
        Ok(head)
    }

    fn check(&self) -> Result<(), String> {
        let count = self.labels.len();
        if !(2..=MAX_LABELS).contains(&count) || self.known > count || self.known < 2 {
            return Err(format!(
                "{count} labels, {} of the bundle: 2 to {MAX_LABELS} are possible",
                self.known
            ));
        }
        for (index, label) in self.labels.iter().enumerate() {
            let first = self.labels.iter().position(|other| other.id == label.id);
            if label.id.is_empty() || label.id.len() > MAX_NAME || first != Some(index) {
                return Err(format!("label {index} '{}' has no name of its own", label.id));
            }
            if !(0.0..=1.0).contains(&label.threshold) {
                return Err(format!("label '{}': threshold {} is not 0 to 1", label.id, label.threshold));
            }
            if label.unknown && label.stream != Stream::General {
                return Err(format!("label '{}': unknown must map to general", label.id));
            }
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0 && self.energy_limit.is_finite()) {
            return Err(format!(
                "temperature {} and energy limit {} are not usable",
                self.temperature, self.energy_limit
            ));
        }
        if !(0.0..=1.0).contains(&self.trust) {
            return Err(format!("trust {} is not 0 to 1", self.trust));
        }
        if self.taught.len() > MAX_TAUGHT {
            return Err(format!("{} taught items, {MAX_TAUGHT} are possible", self.taught.len()));
        }
        for item in &self.taught {
            let long = |text: &String| text.len() > MAX_NAME;
            if item.label >= count
                || item.frames == 0
                || long(&item.name)
                || item.correction.as_ref().is_some_and(long)
            {
                return Err(format!("the taught item '{:.40}' is of no label, or of no frame", item.name));
            }
        }
        Ok(())
    }
}

/// A file with this header and these tensors, hashed.
pub(super) fn pack(header: &str, tensors: &[Tensor; 4]) -> Result<Vec<u8>, String> {
    let sha256 = digest(header, tensors.iter().map(|(bytes, _)| &bytes[..]));
    // One entry: several would be written in any order, and the same head is to give the same file.
    let metadata = HashMap::from([(ENTRY.to_owned(), format!("{sha256} {header}"))]);
    let mut views = Vec::new();
    for (name, (bytes, shape)) in TENSORS.into_iter().zip(tensors) {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        views.push((name, view.map_err(|error| format!("{name}: {error}"))?));
    }
    safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
}

/// A file of another format is said to be that, whatever else is new in it.
fn check_format(header: &str) -> Result<(), String> {
    let value: serde_json::Value =
        serde_json::from_str(header).map_err(|error| format!("its header is no JSON: {error}"))?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if (FORMAT..=FORMAT_WITH_TRUST).any(|known| format == u64::from(known)) => Ok(()),
        Some(format) => {
            Err(format!("its format is {format}, this program reads {FORMAT} to {FORMAT_WITH_TRUST}"))
        }
        None => Err("its header has no format".to_owned()),
    }
}

fn assemble(header: Header, parts: &[TensorView<'_>]) -> Result<SiteHead, String> {
    let (labels, items) = (header.labels.len(), header.taught.len());
    let width = parts[0].shape().get(1).copied().unwrap_or(0);
    if !(1..=MAX_WIDTH).contains(&width) {
        return Err(format!("embeddings of {width} numbers, 1 to {MAX_WIDTH} are possible"));
    }
    let shapes = [vec![labels, width], vec![labels], vec![items, width], vec![items, header.known]];
    let mut values = Vec::new();
    for ((name, part), shape) in TENSORS.iter().zip(parts).zip(shapes) {
        if part.dtype() != Dtype::F32 || part.shape() != shape {
            return Err(format!("{name} is {:?} {:?}, F32 {shape:?} is wanted", part.dtype(), part.shape()));
        }
        let bytes = part.data().as_chunks::<4>().0;
        let numbers: Vec<f32> = bytes.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err(format!("{name} has a value that is no number"));
        }
        values.push(numbers);
    }
    let row =
        |values: &[f32], index: usize, width: usize| values[index * width..(index + 1) * width].to_vec();
    let taught = header.taught.into_iter().enumerate().map(|(index, named)| TaughtItem {
        label: named.label,
        name: named.name,
        frames: named.frames,
        correction: named.correction,
        embedding: row(&values[2], index, width),
        logits: row(&values[3], index, header.known),
    });
    Ok(SiteHead {
        taught: taught.collect(),
        bundle: header.bundle,
        network_sha256: header.network_sha256,
        labels: header.labels,
        known: header.known,
        trust: header.trust,
        temperature: header.temperature,
        energy_limit: header.energy_limit,
        width,
        bias: std::mem::take(&mut values[1]),
        weights: std::mem::take(&mut values[0]),
    })
}

fn digest<'a>(header: &str, tensors: impl Iterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    hash.update(header.as_bytes());
    tensors.for_each(|bytes| hash.update(bytes));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
