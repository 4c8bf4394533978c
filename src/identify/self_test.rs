//! Whether a bundle answers on this very board as it did where it was made: reference pictures inside the bundle, with
//! the logits they gave there.
//!
//! Never a picture of anybody's waste: they are rendered, and few.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bundle::read_checked;
use super::store::median;
use super::{Embedded, Identifier, IdentifyError};
use crate::capture::Frame;
use crate::clock::Clock;
use crate::detect::Region;

/// Pictures at most.
pub const REFERENCES_MOST: usize = 32;
/// How far a logit may be from the reference where the maker does not say otherwise: int8 kernels round differently on
/// different processors.
const TOLERANCE: f32 = 0.75;
/// Runs whose median counts, for each picture.
const RUNS: usize = 5;
/// How many times as long as the live bundle's a look may take, and how much longer in any case.
const SLOWER: u32 = 3;
const SLOWER_BY: Duration = Duration::from_millis(50);

/// `[reference]` of a manifest: what the network answers to pictures that lie beside it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceSpec {
    /// How far a logit may be from its reference.
    #[serde(default = "default_tolerance")]
    pub tolerance: f32,
    /// The pictures.
    #[serde(rename = "picture")]
    pub pictures: Vec<ReferencePicture>,
}

/// One picture and its answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReferencePicture {
    /// File name in the bundle's folder `reference`.
    pub file: String,
    /// Hash of that file, lower-case hexadecimal.
    pub sha256: String,
    /// The label that must have the highest logit.
    pub label: String,
    /// One number for each label.
    pub logits: Vec<f32>,
}

const fn default_tolerance() -> f32 {
    TOLERANCE
}

/// What a self-test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfTest {
    /// Pictures that were answered as they must be.
    pub pictures: usize,
    /// The largest distance of a logit from its reference.
    pub worst: f32,
    /// Median time of a look.
    pub look: Duration,
}

impl ReferenceSpec {
    /// Shows pictures to a network and notes what it answers. `pictures` are file names and their bytes.
    ///
    /// # Errors
    /// When a picture is none, or the runtime fails.
    pub fn of<'a>(
        identifier: &mut Identifier,
        pictures: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, IdentifyError> {
        let mut references = Vec::new();
        for (file, bytes) in pictures {
            let frame = decode(bytes).map_err(|message| failed(identifier, format!("{file}: {message}")))?;
            let Embedded { logits, .. } =
                identifier.embed(&frame, Region::whole(frame.width, frame.height))?;
            let label = identifier.bundle().manifest.labels[highest(&logits)].id.clone();
            let sha256 = super::bundle::sha256(bytes);
            references.push(ReferencePicture { file: file.to_owned(), sha256, label, logits });
        }
        Ok(Self { tolerance: TOLERANCE, pictures: references })
    }
}

/// Shows a bundle its reference pictures on this board. `live` is the bundle that decides now, to compare the time with.
///
/// # Errors
/// When there are no pictures, an answer is another one than it must be, a look takes longer than `slowest` or much
/// longer than with the live bundle, or the network cannot be used at all.
pub fn self_test(
    identifier: &mut Identifier,
    live: Option<&mut Identifier>,
    slowest: Duration,
    clock: &dyn Clock,
) -> Result<SelfTest, IdentifyError> {
    let manifest = identifier.bundle().manifest.clone();
    let folder = identifier.bundle().folder.clone();
    let Some(spec) = &manifest.reference else {
        return Err(failed(identifier, "it has no reference pictures to be tested on".to_owned()));
    };
    let (mut worst, mut frames) = (0.0f32, Vec::new());
    for picture in &spec.pictures {
        let path = folder.join("reference").join(&picture.file);
        let frame = decode(&read_checked(&path, &picture.sha256)?)
            .map_err(|message| failed(identifier, format!("{}: {message}", picture.file)))?;
        let Embedded { logits, .. } = identifier.embed(&frame, Region::whole(frame.width, frame.height))?;
        let found = &manifest.labels[highest(&logits)].id;
        if *found != picture.label {
            let message = format!("{} is '{found}' here, it must be '{}'", picture.file, picture.label);
            return Err(failed(identifier, message));
        }
        let distance = distance(&logits, &picture.logits);
        if distance > spec.tolerance {
            let message = format!(
                "the answer to {} is {distance:.2} from its reference, {} is the limit",
                picture.file, spec.tolerance
            );
            return Err(failed(identifier, message));
        }
        worst = worst.max(distance);
        frames.push(frame);
    }
    let look = time(identifier, &frames, clock)?;
    let limit = match live {
        Some(live) => slowest.min(time(live, &frames, clock)? * SLOWER + SLOWER_BY),
        None => slowest,
    };
    if look > limit {
        let (took, limit) = (look.as_millis(), limit.as_millis());
        return Err(failed(
            identifier,
            format!("a look takes {took} ms on this board, {limit} ms is the limit"),
        ));
    }
    Ok(SelfTest { pictures: frames.len(), worst, look })
}

/// Median time of a look at these pictures.
fn time(identifier: &mut Identifier, frames: &[Frame], clock: &dyn Clock) -> Result<Duration, IdentifyError> {
    let mut times = Vec::new();
    for frame in frames {
        for _ in 0..RUNS {
            times.push(identifier.identify(frame, Region::whole(frame.width, frame.height), clock)?.1);
        }
    }
    Ok(median(times.into_iter()))
}

fn failed(identifier: &Identifier, message: String) -> IdentifyError {
    IdentifyError::SelfTest { bundle: identifier.bundle().title(), message }
}

pub(super) fn decode(bytes: &[u8]) -> Result<Frame, String> {
    let picture =
        image::load_from_memory(bytes).map_err(|error| crate::one_line::joined(&error.to_string()))?;
    let picture = picture.into_rgb8();
    let (width, height) = picture.dimensions();
    Ok(Frame { width, height, pixels: picture.into_raw(), ..Frame::default() })
}

fn highest(values: &[f32]) -> usize {
    let best = values.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1));
    best.map_or(0, |(index, _)| index)
}

/// The largest difference; infinite where one is no number.
fn distance(found: &[f32], expected: &[f32]) -> f32 {
    let differences = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
    differences.fold(0.0, |worst, next| if next.is_nan() { f32::INFINITY } else { worst.max(next) })
}

impl ReferenceSpec {
    /// What is wrong with a manifest's references, for a network with these labels.
    pub(super) fn problems(&self, labels: &[super::Label]) -> Vec<String> {
        let mut problems = Vec::new();
        let count = self.pictures.len();
        if !(1..=REFERENCES_MOST).contains(&count) {
            problems.push(format!("{count} reference pictures, 1 to {REFERENCES_MOST} are possible"));
        }
        if !(0.0..=10.0).contains(&self.tolerance) {
            problems.push(format!("reference.tolerance is {}, 0 to 10 is possible", self.tolerance));
        }
        for picture in &self.pictures {
            let at = format!("reference picture '{}'", picture.file);
            if Path::new(&picture.file).file_name().is_none_or(|name| name != picture.file.as_str()) {
                problems.push(format!("{at} must be a plain file name"));
            }
            if picture.logits.len() != labels.len() || picture.logits.iter().any(|logit| !logit.is_finite()) {
                problems.push(format!(
                    "{at} has {} logits for {} labels",
                    picture.logits.len(),
                    labels.len()
                ));
            }
            if !labels.iter().any(|label| label.id == picture.label) {
                problems.push(format!("{at} shows '{}', which is none of the labels", picture.label));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::super::Label;
    use super::*;
    use crate::streams::Stream;

    fn labels() -> Vec<Label> {
        let label = |id: &str, stream| Label { id: id.to_owned(), stream, threshold: 0.5, unknown: false };
        vec![label("can", Stream::Can), label("jar", Stream::Glass)]
    }

    fn spec() -> ReferenceSpec {
        let picture = ReferencePicture {
            file: "1.png".to_owned(),
            sha256: String::new(),
            label: "can".to_owned(),
            logits: vec![2.0, -1.0],
        };
        ReferenceSpec { tolerance: 0.5, pictures: vec![picture] }
    }

    #[test]
    fn references_that_do_not_fit_the_labels_are_named() {
        assert_eq!(spec().problems(&labels()), Vec::<String>::new());
        type Spoil = fn(&mut ReferenceSpec);
        let cases: [(Spoil, &str); 7] = [
            (|spec| spec.pictures.clear(), "0 reference pictures"),
            (|spec| spec.tolerance = f32::NAN, "tolerance is NaN"),
            (|spec| spec.tolerance = -0.1, "tolerance is -0.1"),
            (|spec| spec.pictures[0].file = "../1.png".to_owned(), "plain file name"),
            (|spec| spec.pictures[0].logits.push(0.0), "3 logits for 2 labels"),
            (|spec| spec.pictures[0].logits[0] = f32::INFINITY, "2 logits for 2 labels"),
            (|spec| spec.pictures[0].label = "tin".to_owned(), "none of the labels"),
        ];
        for (change, says) in cases {
            let mut spec = spec();
            change(&mut spec);
            let problems = spec.problems(&labels());
            assert!(problems.len() == 1 && problems[0].contains(says), "{says}: {problems:?}");
        }
        let many = ReferenceSpec { pictures: vec![spec().pictures[0].clone(); 33], ..spec() };
        assert!(many.problems(&labels())[0].contains("33 reference pictures"));
    }

    #[test]
    fn an_answer_that_is_no_number_is_infinitely_far_off() {
        assert_eq!(distance(&[1.0, 2.5], &[1.25, 2.0]), 0.5);
        assert_eq!(distance(&[f32::NAN, 2.0], &[1.0, 2.0]), f32::INFINITY);
        assert_eq!((highest(&[0.1, 3.0, 2.0]), highest(&[])), (1, 0));
    }

    #[test]
    fn what_is_no_picture_is_said_in_one_line() {
        let message = decode(b"no picture at all").unwrap_err();
        assert!(!message.is_empty() && !message.contains('\n'), "{message}");
    }
}
