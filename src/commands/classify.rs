//! `bunri classify`: what pictures show and where they would go, by the bin's own rule.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::judging::Judging;
use super::progress::bar;
use super::{complain, pictures, with_causes};
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
    let found = find_pictures(&classify.paths)?;
    let (rig, mut identifier) = classify.judging.load()?;
    let head = identifier.head().clone();
    let rules = rig.judge.rules;
    let progress = bar(found.len(), "classifying");
    let mut unreadable = 0;
    for path in &found {
        let frame = match pictures::read(path) {
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
        if found.len() > 1 {
            complain(&format!("{unreadable} of {} pictures could not be read", found.len()));
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

fn find_pictures(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.append(&mut pictures::in_folder(path)?);
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}
