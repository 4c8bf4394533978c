//! The model bundle: a folder with `manifest.toml`, the network, the statistics of its embeddings, and its card.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::IdentifyError;
use super::head::MAX_LABELS;
use super::self_test::ReferenceSpec;
use super::statistics::Statistics;
use crate::streams::Stream;

/// The manifest format this program reads.
const FORMAT: u32 = 1;

/// `manifest.toml`. See `models/README.md` for the meaning of each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the manifest's own grammar.
    pub format: u32,
    /// The bundle's name.
    pub name: String,
    /// The bundle's version.
    pub version: String,
    /// Day it was made.
    pub created: String,
    /// The network.
    pub model: ModelSpec,
    /// The statistics of its embeddings, where the bundle has them.
    pub statistics: Option<StatisticsSpec>,
    /// Pictures with their answers, to test the network with on a board.
    pub reference: Option<ReferenceSpec>,
    /// How logits become probabilities.
    pub calibration: Calibration,
    /// The labels, in the order of the logits.
    #[serde(rename = "label")]
    pub labels: Vec<Label>,
    /// What it was trained on; kept for the card and the page.
    pub training: toml::Table,
}

/// The network's file and its contract.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// File name inside the bundle.
    pub file: String,
    /// Hash of that file, lower-case hexadecimal.
    pub sha256: String,
    /// Name of the input.
    pub input: String,
    /// Order of its dimensions.
    pub layout: Layout,
    /// Type of its elements.
    pub dtype: Dtype,
    /// Columns of the input picture.
    pub width: u32,
    /// Rows of the input picture.
    pub height: u32,
    /// Name of the output with one logit per label.
    pub output: String,
    /// Name of the output with the embedding, where there is one.
    pub embedding: Option<String>,
}

/// The file with the statistics of the embeddings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatisticsSpec {
    /// File name inside the bundle.
    pub file: String,
    /// Hash of that file, lower-case hexadecimal.
    pub sha256: String,
}

/// Order of the input's dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, rows, columns, channels.
    Nhwc,
    /// Batch, channels, rows, columns.
    Nchw,
}

/// Type of the input's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// The camera's own bytes; the network scales them itself.
    Uint8,
}

/// How logits become probabilities.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Divides the logits (Guo et al. 2017, temperature scaling).
    pub temperature: f32,
    /// Energy `-T logsumexp(logits / T)` above which a picture is unlike the training set (Liu et al. 2020).
    pub energy_limit: f32,
}

/// One label of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Its name.
    pub id: String,
    /// The stream it belongs to.
    pub stream: Stream,
    /// Least probability at which its stream may be accepted, 0 to 1.
    pub threshold: f32,
    /// It stands for "none of ours".
    #[serde(default)]
    pub unknown: bool,
}

/// A bundle whose manifest is consistent and whose files have the right hashes.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The folder.
    pub folder: PathBuf,
    /// The manifest.
    pub manifest: Manifest,
    /// The network's file.
    pub model_path: PathBuf,
    /// What it remembers of its training set, for a head on top of the embedding.
    pub statistics: Option<Arc<Statistics>>,
}

impl Bundle {
    /// Reads and checks a bundle, including the hashes of its network and its statistics.
    ///
    /// # Errors
    /// Naming the file and what is wrong with it.
    pub fn open(folder: &Path) -> Result<Self, IdentifyError> {
        let path = folder.join("manifest.toml");
        let text = std::fs::read_to_string(&path)
            .map_err(|source| IdentifyError::Read { path: path.clone(), source })?;
        let manifest: Manifest = toml::from_str(&text).map_err(|error| IdentifyError::Manifest {
            path: path.clone(),
            message: crate::one_line::toml(&error, &text),
        })?;
        let problems = manifest.problems();
        if !problems.is_empty() {
            return Err(IdentifyError::Manifest { path, message: problems.join("; ") });
        }
        let model_path = folder.join(&manifest.model.file);
        read_checked(&model_path, &manifest.model.sha256)?;
        let statistics = match &manifest.statistics {
            Some(spec) => {
                let path = folder.join(&spec.file);
                let bytes = read_checked(&path, &spec.sha256)?;
                Some(Arc::new(Statistics::parse(&bytes, &path, manifest.labels.len())?))
            }
            None => None,
        };
        Ok(Self { folder: folder.to_owned(), manifest, model_path, statistics })
    }

    /// Name and version, for people.
    pub fn title(&self) -> String {
        format!("{} {}", self.manifest.name, self.manifest.version)
    }
}

impl Manifest {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |ok: bool, message: String| {
            if !ok {
                problems.push(message);
            }
        };
        check(self.format == FORMAT, format!("format is {}, this program reads {FORMAT}", self.format));
        let plain = |file: &str| !file.is_empty() && !file.contains(['/', '\\']) && file != "..";
        let file = &self.model.file;
        check(plain(file), format!("model.file '{file}' must be a plain file name"));
        if let Some(StatisticsSpec { file, .. }) = &self.statistics {
            check(plain(file), format!("statistics.file '{file}' must be a plain file name"));
            check(
                self.model.embedding.is_some(),
                "statistics are of the embedding, so model.embedding must name one".to_owned(),
            );
        }
        let size = 16..=1024;
        check(
            size.contains(&self.model.width) && size.contains(&self.model.height),
            format!(
                "model.width and height are {}x{}, 16 to 1024 is possible",
                self.model.width, self.model.height
            ),
        );
        let temperature = self.calibration.temperature;
        check(
            temperature.is_finite() && temperature > 0.0,
            format!("calibration.temperature is {temperature}, it must be above 0"),
        );
        check(
            self.calibration.energy_limit.is_finite(),
            "calibration.energy_limit must be a number".to_owned(),
        );
        check(
            (2..=MAX_LABELS).contains(&self.labels.len()),
            format!("{} labels, 2 to {MAX_LABELS} are possible", self.labels.len()),
        );
        for (index, label) in self.labels.iter().enumerate() {
            let at = format!("label {index} '{}'", label.id);
            check(
                (0.0..=1.0).contains(&label.threshold),
                format!("{at}: threshold {} is not 0 to 1", label.threshold),
            );
            check(
                !label.unknown || label.stream == Stream::General,
                format!("{at}: unknown must map to general"),
            );
            let first = self.labels.iter().position(|other| other.id == label.id);
            check(first == Some(index), format!("{at} stands twice"));
        }
        problems.extend(self.reference.iter().flat_map(|reference| reference.problems(&self.labels)));
        problems
    }
}

/// The bytes of a file that has the hash its manifest says.
pub(super) fn read_checked(path: &Path, expected: &str) -> Result<Vec<u8>, IdentifyError> {
    let read = |source| IdentifyError::Read { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(read)?;
    let found = sha256(&bytes);
    if found != expected {
        return Err(IdentifyError::Hash { path: path.to_owned(), expected: expected.to_owned(), found });
    }
    Ok(bytes)
}

/// The hash of some bytes, lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A manifest that opens; its network is the three bytes "abc".
    pub(in crate::identify) const GOOD: &str = r#"
        format = 1
        name = "test"
        version = "1"
        created = "2026-11-22"
        [model]
        file = "model.onnx"
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        input = "pixels"
        layout = "nhwc"
        dtype = "uint8"
        width = 224
        height = 224
        output = "logits"
        [calibration]
        temperature = 1.2
        energy_limit = -3.0
        [[label]]
        id = "can"
        stream = "can"
        threshold = 0.6
        [[label]]
        id = "unknown"
        stream = "general"
        threshold = 0.0
        unknown = true
        [training]
        pictures = 3
    "#;

    /// Writes a bundle with `change` applied to the good manifest and opens it.
    fn open(change: impl Fn(&str) -> String, model: Option<&[u8]>) -> Result<Bundle, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("manifest.toml"), change(GOOD)).unwrap();
        if let Some(bytes) = model {
            std::fs::write(folder.path().join("model.onnx"), bytes).unwrap();
        }
        Bundle::open(folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_good_bundle_opens() {
        let bundle = open(str::to_owned, Some(b"abc")).unwrap();
        assert_eq!(bundle.manifest.labels.len(), 2);
        assert!(bundle.manifest.labels[1].unknown);
    }

    #[test]
    fn every_mismatch_is_named() {
        let cases: [(&str, &str, &str); 10] = [
            ("format = 1", "format = 9", "format is 9, this program reads 1"),
            ("file = \"model.onnx\"", "file = \"../x\"", "plain file name"),
            ("width = 224", "width = 8", "16 to 1024"),
            ("temperature = 1.2", "temperature = 0.0", "must be above 0"),
            ("energy_limit = -3.0", "energy_limit = nan", "energy_limit"),
            ("stream = \"can\"", "stream = \"tin\"", "tin"),
            ("threshold = 0.6", "threshold = 1.6", "not 0 to 1"),
            ("id = \"unknown\"", "id = \"can\"", "stands twice"),
            ("dtype = \"uint8\"", "dtype = \"float32\"", "float32"),
            ("output = \"logits\"", "output = \"logits\"\ntypo = 1", "typo"),
        ];
        for (from, to, says) in cases {
            let error = open(|good| good.replacen(from, to, 1), Some(b"abc")).unwrap_err();
            assert!(error.contains(says) && error.contains("manifest.toml"), "{to}: {error}");
        }
    }

    #[test]
    fn a_missing_or_changed_network_is_refused() {
        let missing = open(str::to_owned, None).unwrap_err();
        assert!(missing.contains("model.onnx") && missing.contains("cannot read"), "{missing}");
        let changed = open(str::to_owned, Some(b"abd")).unwrap_err();
        assert!(changed.contains("damaged or from another bundle"), "{changed}");
        let nothing = Bundle::open(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(nothing.contains("/nowhere/manifest.toml"), "{nothing}");
    }

    /// Opens a bundle with statistics: `bytes` in the file, `sha256` in the manifest.
    fn open_with_statistics(bytes: &[u8], sha256: &str, embedding: &str) -> Result<Bundle, String> {
        let folder = tempfile::tempdir().unwrap();
        let table = format!("[statistics]\nfile = \"s.safetensors\"\nsha256 = \"{sha256}\"\n[calibration]");
        let text = GOOD.replacen("[calibration]", &table, 1).replacen(
            "output = \"logits\"",
            &format!("output = \"logits\"\n{embedding}"),
            1,
        );
        std::fs::write(folder.path().join("manifest.toml"), text).unwrap();
        std::fs::write(folder.path().join("model.onnx"), b"abc").unwrap();
        std::fs::write(folder.path().join("s.safetensors"), bytes).unwrap();
        Bundle::open(folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn statistics_are_read_and_held_against_hash_and_labels() {
        let embedding = "embedding = \"embedding\"";
        let good = crate::identify::statistics::example(|_, _, _| ());
        let bundle = open_with_statistics(&good, &sha256(&good), embedding).unwrap();
        assert_eq!(bundle.statistics.unwrap().counts, [7.0, 0.0]);

        let changed = open_with_statistics(&good, &sha256(b"other"), embedding).unwrap_err();
        assert!(changed.contains("s.safetensors") && changed.contains("damaged"), "{changed}");
        let torn = &good[..good.len() - 1];
        let torn = open_with_statistics(torn, &sha256(torn), embedding).unwrap_err();
        assert!(torn.contains("s.safetensors") && torn.contains("statistics"), "{torn}");
        let of_nothing = open_with_statistics(&good, &sha256(&good), "").unwrap_err();
        assert!(of_nothing.contains("model.embedding"), "{of_nothing}");
        assert!(open(str::to_owned, Some(b"abc")).unwrap().statistics.is_none());
    }
}
