//! `bunri replay`: clips through the whole bin in simulated time, the same each time.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::complain;
use super::judging::{Judging, Rig};
use super::progress::bar;
use crate::capture::replay::{Clip, ReplayOptions};
use crate::clock::{Moment, SystemClock};
use crate::config::{Camera, clips_in};
use crate::daemon::{Ending, Rehearsal, Rehearsed, RehearsedDrop, Sorter, rehearse};
use crate::detect::{Light, Presence};
use crate::identify::Identifier;
use crate::judge::Judge;
use crate::mechanism::SimDrive;

/// A recording does not react to the flap: its items lie there until the recording ends them.
const RECORDED_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct Replay {
    #[command(flatten)]
    judging: Judging,
    /// One JSON object per drop.
    #[arg(long)]
    json: bool,
    /// Also say on standard error, frame by frame, what the detector sees and which state the judge is in.
    #[arg(long)]
    trace: bool,
    /// What noise comes from; the configuration's `[camera.replay]` says how much there is.
    #[arg(long)]
    seed: Option<u64>,
    /// Clips, or folders of clips.
    #[arg(required = true)]
    clips: Vec<PathBuf>,
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    clip: &'a str,
    seq: u64,
    stream: &'a str,
    compartment: Option<u8>,
    probability: f32,
    accepted: bool,
    reason: Option<&'a str>,
    settled_at_ms: u64,
    decided_at_ms: u64,
    state: &'a str,
}

pub(super) fn run(replay: &Replay) -> anyhow::Result<ExitCode> {
    let mut paths = Vec::new();
    for path in &replay.clips {
        paths.append(&mut clips_in(path).map_err(|problem| anyhow!(problem))?);
    }
    let (mut rig, identifier) = replay.judging.load()?;
    rig.judge.timing.clear_limit = rig.judge.timing.clear_limit.max(RECORDED_PATIENCE);
    let disturbance = disturbance(replay, &rig);
    let progress = bar(paths.len(), "replaying");
    let mut identifier = Some(identifier);
    let (mut items, mut confirmed) = (0, 0);
    for path in &paths {
        let clip = Clip::open_all(&[path])?.remove(0);
        let name = clip.name.to_string();
        items += clip.items.len();
        let Rehearsed { drops, refused, first_refusal } =
            play(clip, &rig, disturbance, &mut identifier, replay.trace)?;
        if let Some(why) = first_refusal {
            progress.suspend(|| complain(&format!("{}: {refused} pictures refused: {why}", path.display())));
        }
        confirmed += drops.iter().filter(|drop| drop.end == Ending::Confirmed).count();
        progress.suspend(|| drops.iter().try_for_each(|drop| print(&name, drop, replay.json)))?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    if !replay.json {
        println!("{items} items in {} clips, {confirmed} drops confirmed", paths.len());
    }
    if items != confirmed {
        complain(&format!("{items} items in the clips, but {confirmed} drops confirmed"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Plays one clip with a detector and a judge of its own, so that no clip depends on another.
fn play(
    clip: Clip,
    rig: &Rig,
    disturbance: ReplayOptions,
    identifier: &mut Option<Identifier>,
    trace: bool,
) -> anyhow::Result<Rehearsed> {
    let network = identifier.take().ok_or_else(|| anyhow!("the classifier was lost with the last clip"))?;
    let judge = Judge::new(rig.judge.clone(), None, Moment::from_millis(0));
    let background = match &rig.config {
        Some(config) => crate::daemon::calibrated_background(config)?,
        None => None,
    };
    let mut sorter = Sorter::new(rig.view(clip.width, clip.height), background, network, judge);
    let (places, speed, mechanism) = rig.flap();
    let rehearsal = Rehearsal {
        sorter: &mut sorter,
        drive: SimDrive::new(places, speed),
        mechanism,
        disturbance,
        stopwatch: &SystemClock,
    };
    let came_to = rehearse(clip, rehearsal, |_, looked, sorter| {
        if trace {
            trace_frame(&looked.presence, sorter);
        }
    });
    *identifier = Some(sorter.into_identifier());
    Ok(came_to?)
}

fn trace_frame(presence: &Presence, sorter: &Sorter) {
    eprintln!(
        "{:>7} ms  {:<15} front {:>5.1} %  motion {:>5.1} %  objects {}{}{}{}",
        presence.captured_at.as_millis(),
        sorter.judge().state().id(),
        presence.foreground_share * 100.0,
        presence.motion_share * 100.0,
        presence.object_count(),
        if presence.hand { "  hand" } else { "" },
        if presence.learning { "  learning" } else { "" },
        if presence.light == Light::Steady { String::new() } else { format!("  {:?}", presence.light) },
    );
}

fn disturbance(replay: &Replay, rig: &Rig) -> ReplayOptions {
    let configured = match rig.config.as_ref().map(|config| &config.camera) {
        Some(Camera::Replay { options, .. }) => *options,
        _ => ReplayOptions::default(),
    };
    ReplayOptions { seed: replay.seed.unwrap_or(configured.seed), ..configured }
}

fn print(clip: &str, drop: &RehearsedDrop, json: bool) -> anyhow::Result<()> {
    let verdict = &drop.verdict;
    let line = Line {
        clip,
        seq: drop.seq,
        stream: verdict.stream.id(),
        compartment: verdict.compartment.map(|compartment| compartment.0),
        probability: verdict.probability,
        accepted: verdict.accepted(),
        reason: verdict.reason.map(crate::judge::Reason::id),
        settled_at_ms: verdict.settled_at.as_millis(),
        decided_at_ms: verdict.decided_at.as_millis(),
        state: drop.end.id(),
    };
    if json {
        println!("{}", serde_json::to_string(&line)?);
    } else {
        let why = line
            .reason
            .map_or_else(String::new, |reason| format!("  ({reason}, looks like {})", verdict.seen));
        println!(
            "{clip:<20} {:<10} {:>5.1} %  decided at {:>6} ms, {} ms after settling, {}{why}",
            line.stream,
            line.probability * 100.0,
            line.decided_at_ms,
            line.decided_at_ms.saturating_sub(line.settled_at_ms),
            line.state,
        );
    }
    Ok(())
}
