//! `bunri classify`: what pictures show and where they would go, by the bin's own rule.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::judging::Judging;
use super::progress::bar;
use super::{complain, with_causes};
use crate::capture::Frame;
use crate::clock::SystemClock;
use crate::detect::Region;
use crate::identify::{Head, Identified};
use crate::judge::{Rules, decide};

#[derive(Debug, Args)]
pub(super) struct Classify {
    #[command(flatten)]
    judging: Judging,
    /// One JSON object per line.
    #[arg(long)]
    json: bool,
    /// Pictures (JPEG or PNG), or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    path: &'a str,
    label: &'a str,
    label_stream: &'a str,
    stream: &'a str,
    probability: f32,
    energy: f32,
    accepted: bool,
    reason: Option<&'a str>,
    infer_ms: f32,
}

pub(super) fn run(classify: &Classify) -> anyhow::Result<ExitCode> {
    let pictures = find_pictures(&classify.paths)?;
    let (rig, mut identifier) = classify.judging.load()?;
    let head = Head::new(&identifier.bundle().manifest);
    let rules = rig.judge.rules;
    let progress = bar(pictures.len(), "classifying");
    let mut unreadable = 0;
    for path in &pictures {
        let frame = match read_picture(path) {
            Ok(frame) => frame,
            Err(error) => {
                unreadable += 1;
                progress.suspend(|| complain(&with_causes(&error)));
                continue;
            }
        };
        let whole = Region::whole(frame.width, frame.height);
        let (seen, took) = identifier.identify(&frame, whole, &SystemClock)?;
        progress.suspend(|| print(path, &seen, &head, &rules, took.as_secs_f32() * 1000.0, classify.json))?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    if unreadable > 0 {
        // One picture has had its line already.
        if pictures.len() > 1 {
            complain(&format!("{unreadable} of {} pictures could not be read", pictures.len()));
        }
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(
    path: &Path,
    seen: &Identified,
    head: &Head,
    rules: &Rules,
    infer_ms: f32,
    json: bool,
) -> anyhow::Result<()> {
    let decision = decide(&seen.streams, seen.unknown, seen.energy, false, rules);
    let label = head.label_id(seen.label);
    let path = path.display().to_string();
    let line = Line {
        path: &path,
        label: &label,
        label_stream: head.label_stream(seen.label).id(),
        stream: decision.stream.id(),
        probability: seen.probability,
        energy: seen.energy,
        accepted: decision.reason.is_none(),
        reason: decision.reason.map(crate::judge::Reason::id),
        infer_ms,
    };
    if json {
        println!("{}", serde_json::to_string(&line)?);
    } else {
        let why = line.reason.map_or_else(String::new, |reason| format!("  ({reason})"));
        println!("{:<10} {:>5.1} % -> {:<10} {path}{why}", line.label, line.probability * 100.0, line.stream);
    }
    Ok(())
}

/// Reads a picture of any size, turned as its camera says.
fn read_picture(path: &Path) -> anyhow::Result<Frame> {
    use image::ImageDecoder as _;
    let read = || -> image::ImageResult<image::RgbImage> {
        let mut decoder = image::ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut picture = image::DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation);
        Ok(picture.into_rgb8())
    };
    let picture = read().with_context(|| format!("cannot read {} as JPEG or PNG", path.display()))?;
    let (width, height) = picture.dimensions();
    Ok(Frame { width, height, pixels: picture.into_raw(), ..Frame::default() })
}

fn find_pictures(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for path in paths {
        if !path.is_dir() {
            pictures.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut found: Vec<_> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|file| is_picture(file))
            .collect();
        anyhow::ensure!(!found.is_empty(), "there is no picture in {} (.jpg, .jpeg or .png)", path.display());
        found.sort();
        pictures.append(&mut found);
    }
    Ok(pictures)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_lowercase();
    path.is_file() && matches!(extension.as_str(), "jpg" | "jpeg" | "png")
}
