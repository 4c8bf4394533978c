//! What the bundle remembers of its training set's embeddings: class means and one shared covariance, never pictures.
//!
//! - A safetensors file of float32, little-endian, rows first: `means` [labels, width], `counts` [labels],
//!   `factor` [rank, width], `diagonal` [width]; the covariance within a class is `factor' factor + diag(diagonal)`.
//! - Read whole and checked once; a file that does not fit its manifest is refused.
//! - It never decides: a site head starts from it.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::error::IdentifyError;

/// Numbers of an embedding at most: far above any network that runs in a bin.
const MAX_WIDTH: usize = 8192;
/// Rows of the covariance's factor at most.
const MAX_RANK: usize = 1024;

/// Statistics of the embeddings of the training set.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Numbers of one embedding.
    pub width: usize,
    /// Mean embedding of each label, in the manifest's order: `labels x width`, rows first. Zeros where the count is 0.
    pub means: Vec<f32>,
    /// Pictures behind each mean.
    pub counts: Vec<f32>,
    /// Low-rank part of the covariance within a class: `rank x width`, rows first.
    pub factor: Vec<f32>,
    /// What the low-rank part leaves of each variance: `width`, all above 0.
    pub diagonal: Vec<f32>,
}

impl Statistics {
    /// Reads the statistics for `labels` labels out of the file's bytes; `path` is for the message only.
    ///
    /// # Errors
    /// When it is no safetensors file, or its tensors do not fit together or the labels.
    pub(super) fn parse(bytes: &[u8], path: &Path, labels: usize) -> Result<Self, IdentifyError> {
        Self::parsed(bytes, labels)
            .map_err(|message| IdentifyError::Statistics { path: path.to_owned(), message })
    }

    fn parsed(bytes: &[u8], labels: usize) -> Result<Self, String> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let (means, shape) = tensor(&tensors, "means")?;
        let [rows, width] = shape[..] else {
            return Err(format!("means has the shape {shape:?}, [labels, width] is wanted"));
        };
        if rows != labels || !(1..=MAX_WIDTH).contains(&width) {
            return Err(format!(
                "means is {rows}x{width}, {labels} labels of 1 to {MAX_WIDTH} numbers are wanted"
            ));
        }
        let (counts, shape) = tensor(&tensors, "counts")?;
        if shape != [labels] || counts.iter().any(|count| *count < 0.0) {
            return Err(format!(
                "counts is {shape:?}, one number of at least 0 for each of {labels} labels is wanted"
            ));
        }
        let (factor, shape) = tensor(&tensors, "factor")?;
        if shape.len() != 2 || shape[0] > MAX_RANK || shape[1] != width {
            return Err(format!("factor is {shape:?}, up to {MAX_RANK} rows of {width} are wanted"));
        }
        let (diagonal, shape) = tensor(&tensors, "diagonal")?;
        if shape != [width] || diagonal.iter().any(|variance| *variance <= 0.0) {
            return Err(format!("diagonal is {shape:?}, {width} numbers above 0 are wanted"));
        }
        Ok(Self { width, means, counts, factor, diagonal })
    }

    /// Mean embedding of a label; `None` where no picture stands behind it.
    pub fn mean(&self, label: usize) -> Option<&[f32]> {
        let seen = self.counts.get(label).is_some_and(|count| *count > 0.0);
        let start = label.checked_mul(self.width)?;
        self.means.get(start..start + self.width).filter(|_| seen)
    }

    /// Rows of the covariance's low-rank factor.
    pub fn rank(&self) -> usize {
        self.factor.len() / self.width
    }
}

/// One float32 tensor and its shape.
fn tensor(tensors: &SafeTensors<'_>, name: &str) -> Result<(Vec<f32>, Vec<usize>), String> {
    let view = tensors.tensor(name).map_err(|error| format!("{name}: {error}"))?;
    if view.dtype() != Dtype::F32 {
        return Err(format!("{name} is {:?}, F32 is wanted", view.dtype()));
    }
    let values: Vec<f32> = view
        .data()
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(format!("{name} has a value that is no number"));
    }
    Ok((values, view.shape().to_vec()))
}

/// A small well-formed file: two labels, width 3, rank 1.
#[cfg(test)]
pub(super) fn example(change: impl Fn(&str, &mut Vec<f32>, &mut Vec<usize>)) -> Vec<u8> {
    use safetensors::tensor::TensorView;

    let parts: [(&str, Vec<f32>, Vec<usize>); 4] = [
        ("means", vec![1.0, 2.0, 3.0, 0.0, 0.0, 0.0], vec![2, 3]),
        ("counts", vec![7.0, 0.0], vec![2]),
        ("factor", vec![0.5, 0.0, -0.5], vec![1, 3]),
        ("diagonal", vec![0.1, 0.2, 0.3], vec![3]),
    ];
    let bytes: Vec<(&str, Vec<u8>, Vec<usize>)> = parts
        .into_iter()
        .map(|(name, mut values, mut shape)| {
            change(name, &mut values, &mut shape);
            (name, values.iter().flat_map(|value| value.to_le_bytes()).collect(), shape)
        })
        .collect();
    let views = bytes
        .iter()
        .map(|(name, data, shape)| (*name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8], labels: usize) -> Result<Statistics, String> {
        Statistics::parse(bytes, Path::new("statistics.safetensors"), labels)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_good_file_is_read() {
        let found = parse(&example(|_, _, _| ()), 2).unwrap();
        assert_eq!((found.width, found.rank()), (3, 1));
        assert_eq!(found.mean(0), Some(&[1.0, 2.0, 3.0][..]));
        assert_eq!(found.mean(1), None, "nobody was seen");
        assert_eq!(found.mean(2), None, "there is no such label");
        assert_eq!(found.factor, [0.5, 0.0, -0.5]);
        assert_eq!(found.diagonal, [0.1, 0.2, 0.3]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        type Change = fn(&mut Vec<f32>, &mut Vec<usize>);
        let cases: [(&str, Change, &str); 6] = [
            ("means", |_, shape| *shape = vec![3, 2], "means is 3x2"),
            ("means", |values, _| values[1] = f32::NAN, "means has a value that is no number"),
            ("counts", |values, _| values[1] = -1.0, "counts is [2]"),
            ("factor", |_, shape| *shape = vec![3, 1], "factor is [3, 1]"),
            ("diagonal", |values, _| values[2] = 0.0, "diagonal is [3]"),
            (
                "diagonal",
                |values, shape| {
                    values.pop();
                    *shape = vec![2];
                },
                "diagonal is [2]",
            ),
        ];
        for (which, change, says) in cases {
            let bytes = example(|name, values, shape| {
                if name == which {
                    change(values, shape);
                }
            });
            let error = parse(&bytes, 2).unwrap_err();
            assert!(error.contains(says) && error.contains("statistics.safetensors"), "{which}: {error}");
        }
        assert!(parse(&example(|_, _, _| ()), 3).unwrap_err().contains("3 labels"));
    }

    #[test]
    fn a_torn_file_is_refused_at_every_length() {
        let bytes = example(|_, _, _| ());
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length], 2).is_err(), "{length} of {} bytes", bytes.len());
        }
    }
}
