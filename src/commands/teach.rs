//! `bunri teach`: a bin learns its own street, from items that somebody shows it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::judging::{Judging, Rig};
use super::progress::bar;
use super::{complain, pictures, teach_live, teach_report, with_causes};
use crate::capture::{Frame, jpeg};
use crate::clock::{Clock as _, SystemClock};
use crate::daemon::{live_bundle, taught_pictures};
use crate::detect::Region;
use crate::identify::{Embedded, Identifier, MAX_TAUGHT};
use crate::teach::{Session, Store, Taught, TeachError, fit, write};

/// Of a picture that is kept.
const QUALITY: u8 = 92;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Teach {
    #[command(subcommand)]
    command: Option<TeachCommand>,
    #[command(flatten)]
    judging: Judging,
    /// A folder with one folder for each stream, in it one picture an item, or a folder of pictures an item.
    #[arg(long, required_unless_present = "stream")]
    from: Option<PathBuf>,
    /// Watch the camera, or clips, and take each item that comes to rest for one of this stream.
    #[arg(long, conflicts_with = "from")]
    stream: Option<String>,
    /// Items after which watching the camera ends.
    #[arg(long, default_value_t = 5)]
    items: usize,
    /// Clips to watch instead of the configured camera.
    #[arg(requires = "stream")]
    clips: Vec<PathBuf>,
    /// Write the site head here; without it, into the configured bin's state folder.
    #[arg(long)]
    out: Option<PathBuf>,
    /// One JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum TeachCommand {
    /// Say what a site head was taught and what it brings.
    Report {
        #[command(flatten)]
        judging: Judging,
        /// One JSON object instead of tables.
        #[arg(long)]
        json: bool,
    },
    /// Go back to the site head before, in the configured bin's state folder.
    Undo {
        #[command(flatten)]
        judging: Judging,
    },
}

pub(super) fn run(teach: &Teach) -> anyhow::Result<ExitCode> {
    match &teach.command {
        Some(TeachCommand::Report { judging, json }) => report(judging, *json),
        Some(TeachCommand::Undo { judging }) => undo(judging),
        None => match &teach.stream {
            Some(stream) => teach_live(teach, stream),
            None => teach_from_folder(teach),
        },
    }
}

fn teach_from_folder(teach: &Teach) -> anyhow::Result<ExitCode> {
    let Some(from) = &teach.from else { anyhow::bail!("say --from FOLDER") };
    let (rig, mut identifier) = teach.judging.load()?;
    let place = Place::of(teach.out.as_deref(), &rig)?;
    let mut session = Session::begin(identifier.bundle(), rig.site.as_ref())?;
    let shown = find_items(from, &mut session)?;
    let shown = fair_share(shown, MAX_TAUGHT.saturating_sub(session.items().len()));
    let progress = bar(shown.len(), "looking");
    let mut taken = Vec::new();
    for item in &shown {
        match show(item, &mut identifier, &mut session) {
            Ok(()) => taken.push(&item.pictures[0]),
            Err(error) => progress.suspend(|| complain(&with_causes(&error))),
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    let concluded = conclude(&mut session, &place, teach.json)?;
    place.keep_pictures(&rig, &session, taken.iter().map(|path| to_jpeg(&pictures::read(path)?)))?;
    Ok(concluded)
}

fn teach_live(teach: &Teach, stream: &str) -> anyhow::Result<ExitCode> {
    let (rig, identifier) = teach.judging.load()?;
    let place = Place::of(teach.out.as_deref(), &rig)?;
    let mut session = Session::begin(identifier.bundle(), rig.site.as_ref())?;
    let shown = teach_live::Shown { stream, items: teach.items, clips: &teach.clips };
    let seen = teach_live::watch(&shown, &rig, identifier, &mut session)?;
    let concluded = conclude(&mut session, &place, teach.json)?;
    place.keep_pictures(&rig, &session, seen.into_iter().map(Ok))?;
    Ok(concluded)
}

/// Fits, keeps what is not worse, and reports.
fn conclude(session: &mut Session, place: &Place<'_>, json: bool) -> anyhow::Result<ExitCode> {
    let report = session.fit()?.report.clone();
    let kept = place.keep(session);
    teach_report::print(&report, json)?;
    let path = kept?;
    if !json {
        println!("written to {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a site head goes.
enum Place<'a> {
    File(&'a Path),
    Bin(Store),
}

impl<'a> Place<'a> {
    fn of(out: Option<&'a Path>, rig: &Rig) -> anyhow::Result<Self> {
        match (out, &rig.config) {
            (Some(path), _) => Ok(Place::File(path)),
            (None, Some(config)) => Ok(Place::Bin(Store::of(&config.state_dir))),
            (None, None) => {
                anyhow::bail!("say where the site head goes: --out FILE, or --config FILE for a bin's own")
            }
        }
    }

    fn keep(&self, session: &Session) -> Result<PathBuf, TeachError> {
        match self {
            Place::File(path) => write(path, session.fitted()?).map(|()| (*path).to_owned()),
            Place::Bin(store) => session.apply(store).map(|(path, _)| path),
        }
    }

    /// Keeps a picture of each new item, the newest of the session, where the bin keeps pictures: another network can be
    /// taught by them.
    fn keep_pictures(
        &self,
        rig: &Rig,
        session: &Session,
        taken: impl ExactSizeIterator<Item = anyhow::Result<Vec<u8>>>,
    ) -> anyhow::Result<()> {
        let (Place::Bin(_), Some(config)) = (self, &rig.config) else { return Ok(()) };
        let now_ms = SystemClock.wall().unix_ms;
        let Some(kept) = taught_pictures(config, now_ms)? else { return Ok(()) };
        let first = session.items().len() - taken.len();
        for (item, jpeg) in session.items()[first..].iter().zip(taken) {
            kept.put(item, &jpeg?, now_ms)?;
        }
        Ok(())
    }
}

/// A picture as it is kept.
pub(super) fn to_jpeg(picture: &Frame) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    jpeg::encode(picture, QUALITY, &mut bytes)?;
    Ok(bytes)
}

/// One item in a folder: its label and its pictures.
struct Shown {
    label: usize,
    stream: String,
    name: String,
    pictures: Vec<PathBuf>,
}

/// The items of `folder/<stream>/`, each a picture or a folder of pictures.
fn find_items(folder: &Path, session: &mut Session) -> anyhow::Result<Vec<Shown>> {
    let mut shown = Vec::new();
    for stream in pictures::entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let stream_name = name_of(&stream);
        if stream_name.starts_with('.') {
            continue;
        }
        let label = session.choose(&stream_name)?;
        for path in pictures::entries(&stream)? {
            let name = format!("{stream_name}/{}", name_of(&path));
            if pictures::is_picture(&path) {
                shown.push(Shown { label, stream: stream_name.clone(), name, pictures: vec![path] });
            } else if path.is_dir() {
                let pictures = pictures::in_folder(&path)?;
                shown.push(Shown { label, stream: stream_name.clone(), name, pictures });
            }
        }
    }
    anyhow::ensure!(
        !shown.is_empty(),
        "there is no item in {0}; an item is a picture {0}/<stream>/NAME.jpg or a folder of pictures",
        folder.display()
    );
    Ok(shown)
}

/// As many items of each label as fit, taken evenly from the whole list.
fn fair_share(shown: Vec<Shown>, room: usize) -> Vec<Shown> {
    if shown.len() <= room {
        return shown;
    }
    let found = shown.len();
    let most = shown.iter().map(|item| item.label).max().unwrap_or(0);
    let mut of_label: Vec<std::collections::VecDeque<Shown>> = Vec::new();
    of_label.resize_with(most + 1, Default::default);
    shown.into_iter().for_each(|item| of_label[item.label].push_back(item));
    let mut kept = Vec::new();
    while kept.len() < room && of_label.iter().any(|items| !items.is_empty()) {
        let next: Vec<Shown> =
            of_label.iter_mut().filter_map(std::collections::VecDeque::pop_front).collect();
        kept.extend(next);
    }
    kept.truncate(room);
    complain(&format!(
        "{found} items are more than a site head keeps: {} of them were taken, evenly",
        kept.len()
    ));
    kept
}

/// Looks at each picture of an item and adds it.
fn show(item: &Shown, identifier: &mut Identifier, session: &mut Session) -> anyhow::Result<()> {
    let mut frames: Vec<Embedded> = Vec::new();
    for path in &item.pictures {
        let frame = pictures::read(path)?;
        frames.push(identifier.embed(&frame, Region::whole(frame.width, frame.height))?);
    }
    session.choose(&item.stream)?;
    Ok(session.add(&item.name, &frames)?)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn report(judging: &Judging, json: bool) -> anyhow::Result<ExitCode> {
    let (rig, identifier) = judging.load()?;
    let Some(site) = &rig.site else {
        anyhow::bail!("there is no site head: say --site FILE, or --config FILE of a bin that was taught");
    };
    // As it is in force: with what was learnt of corrections.
    let bundle = identifier.bundle();
    teach_report::print(&fit(&Taught::of_site(site, bundle)?, bundle)?.report, json)?;
    Ok(ExitCode::SUCCESS)
}

fn undo(judging: &Judging) -> anyhow::Result<ExitCode> {
    let Some(config) = judging.config()? else {
        anyhow::bail!(
            "say --config FILE: going back is for a bin's own site head; a file of --out can just be removed"
        );
    };
    let bundle = live_bundle(&config)?;
    match Store::of(&config.state_dir).undo(&bundle)? {
        Some(path) => println!("back to {}", path.display()),
        None => println!("back to the network alone"),
    }
    Ok(ExitCode::SUCCESS)
}
