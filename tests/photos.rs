//! Real photographs through the whole bin: clips made of test-split pictures, played by the real program.
//!
//! The pictures are not in the repository. Where they are (`../shared/photos`, or `BUNRI_PHOTOS`) this test runs; on
//! a machine that says `CI=true` they must be there. None of them was trained on: `models/train/split.csv`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a failed test stops where it failed, and the figures are worth a line"
)]

#[allow(dead_code, reason = "each test file uses its part")]
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};

use program::{Bin, Ran, root};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// Pictures of one stream at most.
const PER_STREAM: usize = 8;
/// Share of the chamber's height that an item takes up.
const ITEM_SHARE: f32 = 0.65;

// Frames at 30 a second.
const EMPTY_BEFORE: u32 = 20;
const COMING: u32 = 4;
const LYING: u32 = 60;
const LEAVING: u32 = 3;
const EMPTY_AFTER: u32 = 25;

/// Where the photographs are; `None` where there are none and need not be.
fn photos() -> Option<PathBuf> {
    let asked = std::env::var_os("BUNRI_PHOTOS").map(PathBuf::from);
    let folder = asked.unwrap_or_else(|| root().join("../shared/photos"));
    if folder.join("manifest.csv").is_file() {
        return Some(folder);
    }
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    assert!(!in_ci, "no photographs at {}: CI must have them (or set BUNRI_PHOTOS)", folder.display());
    eprintln!("skipped: no photographs at {} (or set BUNRI_PHOTOS)", folder.display());
    None
}

/// A spread of the test split: path and stream, the same each time.
fn chosen() -> Vec<(String, String)> {
    let file = root().join("models/train/split.csv");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("path,stream,split"), "{}", file.display());
    let mut of_stream: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        // A path may hold commas, the other two columns do not.
        let mut columns = line.rsplitn(3, ',');
        let (split, stream, path) = (columns.next(), columns.next(), columns.next());
        if split == Some("test") {
            of_stream.entry(stream.unwrap()).or_default().push(path.unwrap().trim_matches('"'));
        }
    }
    let mut chosen = Vec::new();
    for (stream, mut paths) in of_stream {
        paths.sort_unstable();
        let count = paths.len().min(PER_STREAM);
        // Evenly over the list, so that every source has its share.
        let spread = (0..count).map(|index| paths[index * paths.len() / count]);
        chosen.extend(spread.map(|path| (path.to_owned(), stream.to_owned())));
    }
    chosen
}

/// The floor that the picture was taken on, as far as its border tells: the mean of each side, blended over the
/// chamber, with three seams and a little grain, all of which a real floor has and the detector goes by.
fn floor(picture: &RgbImage, random: &mut fastrand::Rng) -> RgbImage {
    let (width, height) = picture.dimensions();
    let band = (width.min(height) / 16).max(1);
    let mean = |x0: u32, y0: u32, x1: u32, y1: u32| -> [f32; 3] {
        let mut sum = [0.0f64; 3];
        for y in y0..y1 {
            for x in x0..x1 {
                let pixel = picture.get_pixel(x, y).0;
                (0..3).for_each(|channel| sum[channel] += f64::from(pixel[channel]));
            }
        }
        sum.map(|sum| (sum / f64::from((x1 - x0) * (y1 - y0))) as f32)
    };
    let (top, bottom) = (mean(0, 0, width, band), mean(0, height - band, width, height));
    let (left, right) = (mean(0, 0, band, height), mean(width - band, 0, width, height));
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let (u, v) = (x as f32 / WIDTH as f32, y as f32 / HEIGHT as f32);
        let seam = if x % 213 < 3 || y % 160 < 3 { 0.85 } else { 1.0 };
        let grain = (random.f32() - 0.5) * 6.0;
        Rgb([0, 1, 2]
            .map(|channel| {
                let across = left[channel] * (1.0 - u) + right[channel] * u;
                let down = top[channel] * (1.0 - v) + bottom[channel] * v;
                // Night-black borders would be a dark chamber, where rightly nothing moves.
                ((across + down) * 0.5 * seam).max(24.0) + grain
            })
            .map(|value| value.clamp(0.0, 255.0) as u8))
    })
}

/// The floor with the picture on it, its middle `down` pixels below the chamber's, its edges feathered.
fn with_item(floor: &RgbImage, item: &RgbImage, down: i64) -> RgbImage {
    let mut frame = floor.clone();
    let (width, height) = item.dimensions();
    let feather = width.min(height) as f32 * 0.06;
    let left = (WIDTH - width) / 2;
    let top = i64::from(HEIGHT - height) / 2 + down;
    for (x, y, pixel) in item.enumerate_pixels() {
        let Ok(at_y) = u32::try_from(top + i64::from(y)) else { continue };
        let Some(under) = frame.get_pixel_mut_checked(left + x, at_y) else { continue };
        let to_edge = x.min(width - 1 - x).min(y.min(height - 1 - y)) as f32;
        let weight = ((to_edge + 0.5) / feather).min(1.0);
        for (value, over) in under.0.iter_mut().zip(pixel.0) {
            *value = (f32::from(*value) + (f32::from(over) - f32::from(*value)) * weight).round() as u8;
        }
    }
    frame
}

/// Reads a picture as its camera held it, and makes it `ITEM_SHARE` as high as the chamber, or less if it is wide.
fn item(path: &Path) -> RgbImage {
    use image::ImageDecoder as _;
    let reader = image::ImageReader::open(path).unwrap().with_guessed_format().unwrap();
    let mut decoder = reader.into_decoder().unwrap();
    let orientation = decoder.orientation().unwrap();
    let mut picture = image::DynamicImage::from_decoder(decoder).unwrap();
    picture.apply_orientation(orientation);
    let scale = (HEIGHT as f32 * ITEM_SHARE / picture.height() as f32)
        .min(WIDTH as f32 * ITEM_SHARE / picture.width() as f32);
    let size = |pixels: u32| ((pixels as f32 * scale) as u32).max(16);
    // Small first: the floor's border means and the item come from the same few pixels.
    let quick = picture.thumbnail(size(picture.width()) * 2, size(picture.height()) * 2).into_rgb8();
    resize(&quick, quick.width().div_ceil(2), quick.height().div_ceil(2), FilterType::Triangle)
}

/// A clip of one item that falls in from above, lies, and leaves to below. Only pictures that differ are stored.
fn make_clip(folder: &Path, picture: &Path, stream: &str, seed: u64) {
    fs::create_dir_all(folder).unwrap();
    let item = item(picture);
    let floor = floor(&item, &mut fastrand::Rng::with_seed(seed));
    let store = |frame: u32, picture: &RgbImage| {
        let file = fs::File::create(folder.join(format!("{frame:04}.jpg"))).unwrap();
        let file = BufWriter::new(file);
        image::codecs::jpeg::JpegEncoder::new_with_quality(file, 90).encode_image(picture).unwrap();
    };
    store(0, &floor);
    for step in 0..COMING {
        let above = i64::from(HEIGHT) * i64::from(COMING - step) / i64::from(COMING + 1);
        store(EMPTY_BEFORE + step, &with_item(&floor, &item, -above));
    }
    let lying = EMPTY_BEFORE + COMING;
    store(lying, &with_item(&floor, &item, 0));
    for step in 0..LEAVING {
        let below = i64::from(HEIGHT) * i64::from(step + 1) / i64::from(LEAVING + 1);
        store(lying + LYING + step, &with_item(&floor, &item, below));
    }
    let gone = lying + LYING + LEAVING;
    store(gone, &floor);
    let stream = if stream == "unknown" { "general" } else { stream };
    let toml = format!(
        "fps = 30\nframes = {}\n[[item]]\nstream = \"{stream}\"\nfirst_frame = {EMPTY_BEFORE}\nlast_frame = {}\n",
        gone + EMPTY_AFTER,
        gone - 1
    );
    fs::write(folder.join("clip.toml"), toml).unwrap();
}

#[test]
fn real_items_are_counted_once_and_go_right_or_are_rejected_with_a_reason() {
    let Some(photos) = photos() else { return };
    let chosen = chosen();
    let streams: BTreeSet<_> = chosen.iter().map(|(_, stream)| stream).collect();
    assert!(chosen.len() >= 40 && streams.len() >= 9, "{} pictures of {streams:?}", chosen.len());
    let mut bin = Bin::new();
    // Each clip has a floor of its own.
    bin.forget_the_empty_chamber();
    let clips = bin.path("clips");
    std::thread::scope(|scope| {
        for half in [0, 1] {
            let (chosen, clips, photos) = (&chosen, &clips, &photos);
            scope.spawn(move || {
                for (index, (path, stream)) in chosen.iter().enumerate().skip(half).step_by(2) {
                    let clip = clips.join(format!("{index:03}-{stream}"));
                    make_clip(&clip, &photos.join(path), stream, index as u64);
                }
            });
        }
    });
    let ran = Ran::of(bin.command("replay").arg("--json").arg(&clips)).fine();
    let lines = ran.json();

    let (mut accepted, mut right_of_accepted, mut right_or_stated, mut wrong) =
        (0u32, 0u32, 0u32, Vec::new());
    for (index, (path, stream)) in chosen.iter().enumerate() {
        let clip = format!("{index:03}-{stream}");
        let drops: Vec<_> = lines.iter().filter(|line| line["clip"] == clip.as_str()).collect();
        assert_eq!(drops.len(), 1, "{path}: one item is one drop: {drops:#?}");
        assert_eq!(drops[0]["state"], "confirmed", "{path}: {drops:#?}");
        let truth = if stream == "unknown" { "general" } else { stream };
        let right = drops[0]["stream"] == truth;
        if drops[0]["accepted"] == true {
            accepted += 1;
            right_of_accepted += u32::from(right);
            if !right {
                wrong.push(format!("{path} ({stream}) went to {}", drops[0]["stream"]));
            }
        }
        let stated = drops[0]["accepted"] == false && drops[0]["reason"].is_string();
        right_or_stated += u32::from(right || stated);
    }
    assert_eq!(lines.len(), chosen.len(), "{ran}");
    let items = chosen.len() as u32;
    eprintln!(
        "photographs: {items} items of {} streams, each counted once; {right_or_stated} right or rejected with a \
         reason; {accepted} accepted, {right_of_accepted} of these right\n{}",
        streams.len(),
        wrong.join("\n")
    );
    assert!(right_or_stated * 100 >= items * 85, "{right_or_stated} of {items}: {wrong:#?}");
    assert!(
        accepted * 2 >= items,
        "only {accepted} of {items} were accepted: rejecting everything is no sorting"
    );
}
