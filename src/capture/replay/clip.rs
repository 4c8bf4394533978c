//! A recorded or rendered scene: a folder with `clip.toml` and numbered JPEGs.
//!
//! ```toml
//! fps = 20.0
//! frames = 120          # optional: the last numbered frame and nothing after it, if left out
//!
//! [[item]]
//! stream = "can"
//! first_frame = 20      # in view from here...
//! last_frame = 90       # ...to here, both included
//! reason = "two_items"  # optional: it must be rejected, and why
//! ```
//!
//! `0000.jpg` is frame 0; a number without a file holds the last picture before it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::capture::jpeg::Layout;
use crate::capture::{CaptureError, ClipProblem};
use crate::streams::Stream;

/// The description file of a clip.
pub const CLIP_FILE: &str = "clip.toml";
/// Faster than any camera this program meets; above it, a typing error is likelier.
const FPS_MAX: f64 = 240.0;

/// One item that is dropped in a clip: the truth that a run is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The stream it belongs to.
    pub stream: Stream,
    /// The first frame in which it is in view.
    pub first_frame: u32,
    /// The last frame in which it is in view.
    pub last_frame: u32,
    /// Why it must be rejected: the identifier of a reason of the judge, which this room does not know.
    pub reason: Option<String>,
}

/// A clip that was read and checked. Its pictures stay compressed until they are played.
#[derive(Clone, Debug)]
pub struct Clip {
    /// The folder's name.
    pub name: Arc<str>,
    /// The folder.
    pub path: PathBuf,
    /// Frames per second.
    pub fps: f64,
    /// Length in frames.
    pub frames: u32,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The items dropped in it, in the order in which they appear, never two at a time.
    pub items: Vec<Item>,
    pictures: BTreeMap<u32, Arc<[u8]>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClip {
    fps: f64,
    frames: Option<u32>,
    #[serde(default)]
    item: Vec<RawItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawItem {
    stream: String,
    first_frame: u32,
    last_frame: u32,
    reason: Option<String>,
}

impl Clip {
    /// Reads and checks clips that are to be played one after the other.
    ///
    /// A damaged picture is not an error here: it comes up when it is played, as with a camera.
    ///
    /// # Errors
    /// [`CaptureError::Clips`] with every problem of every clip; also when their pictures differ in size, as
    /// those of one camera cannot, or when there is no clip at all.
    pub fn open_all<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<Clip>, CaptureError> {
        let mut problems = Problems::default();
        let clips: Vec<Clip> = paths.iter().filter_map(|path| open(path.as_ref(), &mut problems)).collect();
        if let Some(first) = clips.first() {
            for clip in &clips[1..] {
                if (clip.width, clip.height) != (first.width, first.height) {
                    let sizes = [clip.width, clip.height, first.width, first.height];
                    let [width, height, first_width, first_height] = sizes;
                    let what = format!(
                        "its pictures are {width}x{height}, those of `{}` {first_width}x{first_height}",
                        first.name
                    );
                    problems.add(&clip.path, what);
                }
            }
        } else if problems.0.is_empty() {
            problems.add(Path::new(""), "no clip was given");
        }
        if problems.0.is_empty() { Ok(clips) } else { Err(CaptureError::Clips(problems.0)) }
    }

    /// The compressed pictures that are shown at `frame` or were before it, newest first, with their numbers.
    pub fn pictures_until(&self, frame: u32) -> impl Iterator<Item = (u32, &Arc<[u8]>)> {
        self.pictures.range(..=frame).rev().map(|(number, picture)| (*number, picture))
    }
}

#[derive(Default)]
struct Problems(Vec<ClipProblem>);

impl Problems {
    fn add(&mut self, path: &Path, what: impl Into<String>) {
        self.0.push(ClipProblem { path: path.to_owned(), what: what.into() });
    }
}

/// Reads one clip; `None` when it has so many problems that nothing can be played.
fn open(path: &Path, problems: &mut Problems) -> Option<Clip> {
    let toml_path = path.join(CLIP_FILE);
    let raw = match fs::read_to_string(&toml_path) {
        Ok(text) => toml::from_str::<RawClip>(&text).map_err(|why| crate::one_line::toml(&why, &text)),
        Err(why) => Err(format!("{why}; a clip is a folder with `{CLIP_FILE}` and numbered JPEGs")),
    };
    let raw = raw.map_err(|what| problems.add(&toml_path, what)).ok()?;
    if !(raw.fps.is_finite() && raw.fps > 0.0 && raw.fps <= FPS_MAX) {
        problems.add(&toml_path, format!("fps is {}: it must be above 0 and at most {FPS_MAX}", raw.fps));
    }
    let pictures = read_pictures(path, problems)?;
    let Some(&last) = pictures.keys().next_back() else {
        problems.add(path, "it has no numbered JPEG; frame 0 is `0000.jpg`");
        return None;
    };
    if !pictures.contains_key(&0) {
        problems.add(path, "it has no frame 0 (`0000.jpg`)");
    }
    let frames = raw.frames.unwrap_or(last.saturating_add(1));
    if frames <= last {
        problems.add(&toml_path, format!("frames is {frames}, but there is a picture with number {last}"));
    }
    let items = check_items(raw.item, frames, &toml_path, problems);
    let (width, height) = check_sizes(path, &pictures, problems)?;
    let name = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (name, path) = (name.into(), path.to_owned());
    Some(Clip { name, path, fps: raw.fps, frames, width, height, items, pictures })
}

/// Reads every JPEG whose name is a number.
fn read_pictures(path: &Path, problems: &mut Problems) -> Option<BTreeMap<u32, Arc<[u8]>>> {
    let entries = fs::read_dir(path).map_err(|why| problems.add(path, why.to_string())).ok()?;
    let mut pictures = BTreeMap::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry.path(),
            Err(why) => {
                problems.add(path, why.to_string());
                continue;
            }
        };
        let Some(number) = frame_number(&entry) else { continue };
        match fs::read(&entry) {
            Ok(bytes) => {
                if pictures.insert(number, Arc::from(bytes)).is_some() {
                    problems.add(&entry, format!("another file is frame {number} too"));
                }
            }
            Err(why) => problems.add(&entry, why.to_string()),
        }
    }
    Some(pictures)
}

fn frame_number(path: &Path) -> Option<u32> {
    let is_jpeg = path.extension().is_some_and(|extension| extension == "jpg");
    let stem = path.file_stem()?.to_str()?;
    let is_number = is_jpeg && stem.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { stem.parse().ok().filter(|&number| number < u32::MAX) } else { None }
}

fn check_items(raw: Vec<RawItem>, frames: u32, path: &Path, problems: &mut Problems) -> Vec<Item> {
    let mut items = Vec::with_capacity(raw.len());
    for (index, item) in raw.into_iter().enumerate() {
        let RawItem { stream, first_frame, last_frame, reason } = item;
        let at = format!("item {}", index + 1);
        if first_frame > last_frame {
            problems.add(path, format!("{at}: first_frame {first_frame} is after last_frame {last_frame}"));
        }
        if last_frame >= frames {
            let end = frames.saturating_sub(1);
            problems.add(path, format!("{at}: last_frame {last_frame} is past the end, frame {end}"));
        }
        match Stream::from_id(&stream) {
            Some(stream) => items.push(Item { stream, first_frame, last_frame, reason }),
            None => {
                let known = Stream::ALL.map(Stream::id).join(", ");
                problems.add(path, format!("{at}: unknown stream `{stream}`; there are {known}"));
            }
        }
    }
    items.sort_by_key(|item| item.first_frame);
    for pair in items.windows(2) {
        if pair[1].first_frame <= pair[0].last_frame {
            let what = format!(
                "the items of frames {}-{} and {}-{} overlap",
                pair[0].first_frame, pair[0].last_frame, pair[1].first_frame, pair[1].last_frame
            );
            problems.add(path, what);
        }
    }
    items
}

/// The size of the first whole picture, which the others must have. Damaged ones are left to the player.
fn check_sizes(
    path: &Path,
    pictures: &BTreeMap<u32, Arc<[u8]>>,
    problems: &mut Problems,
) -> Option<(u32, u32)> {
    let mut size = None;
    for (number, picture) in pictures {
        let Ok(layout) = Layout::of(picture) else { continue };
        let (width, height) = *size.get_or_insert((layout.width, layout.height));
        if let Err(why) = layout.must_be(width, height) {
            problems.add(path, format!("frame {number}: {why}"));
        }
    }
    if size.is_none() {
        problems.add(path, "none of its pictures is a whole JPEG");
    }
    size
}
