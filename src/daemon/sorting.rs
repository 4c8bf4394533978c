//! Starts what sorts: the ledger's thread, the flap, the camera and the judge.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::sync::{broadcast, mpsc, watch};

use super::exchange::{Changer, bundle_info};
use super::judging::{Judging, Message};
use super::keeping;
use super::learning::Keepsake;
use super::ledger::Courier;
use super::prepare::Parts;
use super::sensing::{self, Sensing, Ways};
use super::supervise::{Ended, Stages};
use super::teaching::{self, Lectern};
use super::tuning::Tuner;
use super::{DaemonError, Opener, flap, front};
use crate::capture::{newest, stage as capture_stage};
use crate::clock::Clock;
use crate::config::Config;
use crate::mechanism::sensors::bank::FillNow;
use crate::tally::{DropRecord, Ledger, TallyHandle, Writer};
use crate::web::album::Album;
use crate::web::{self, Live, Preview};

/// Drops that a slow listener may lag behind.
const DROPS_KEPT: usize = 256;
/// Messages that may wait for the judge.
const INBOX: usize = 256;

/// What tells the threads to stop.
#[derive(Default)]
pub(super) struct Stops {
    pub(super) capture: Arc<AtomicBool>,
    pub(super) judge: Arc<AtomicBool>,
    pub(super) guards: Arc<AtomicBool>,
}

/// The running threads, and the ways to them.
pub(super) struct Sorting {
    pub(super) stages: Stages,
    pub(super) ends: mpsc::Receiver<Ended>,
    pub(super) stops: Stops,
    pub(super) inbox: SyncSender<Message>,
    pub(super) tally: TallyHandle,
    pub(super) writer: Writer,
    pub(super) drops: broadcast::Sender<Arc<DropRecord>>,
    pub(super) live: watch::Receiver<Live>,
    pub(super) camera: Arc<capture_stage::Status>,
    pub(super) preview: Arc<Preview>,
    pub(super) orders: mpsc::Sender<web::Order>,
    pub(super) tuner: Arc<Tuner>,
    pub(super) changer: Changer,
    pub(super) lectern: Lectern,
    pub(super) album: Option<Arc<Album>>,
    pub(super) fill: watch::Receiver<FillNow>,
}

/// Starts them; what was started before the first that fails ends with the process.
pub(super) fn start_sorting(
    config: &Config,
    opener: Opener,
    parts: Parts,
    clock: &Arc<dyn Clock>,
) -> Result<Sorting, DaemonError> {
    let (mut stages, ends) = Stages::new(Arc::clone(clock));
    let stops = Stops::default();
    let (inbox, messages) = sync_channel(INBOX);
    let (orders_in, orders) = mpsc::channel(web::ORDERS_MAX);
    let (live, live_seen) = watch::channel(Live::default());
    let (drops, _) = broadcast::channel(DROPS_KEPT);
    let preview = Arc::new(Preview::new());

    let epoch = parts.ledger.epoch().to_owned();
    let (shutter, album) = keeping::start(config, &epoch, clock, &mut stages)?;
    let noted = sensing::noted(config, &parts.ledger)?;
    let (writer, tally) = start_tally(&mut stages, parts.ledger, clock)?;
    let mechanism = flap::start(config, &mut stages, &inbox, &stops.guards, clock)?;
    front::start(config, live_seen.clone(), &inbox, clock)?;
    let ways = Ways { live: live_seen.clone(), inbox: &inbox, tally: &tally, drops: &drops, clock };
    let Sensing { fill, weigher } = sensing::start(config, &noted, ways)?;
    let (frames, camera) = start_capture(config, &mut stages, opener, &stops.capture, clock)?;
    let tuner = Arc::new(Tuner::new(config, parts.head, inbox.clone()));
    let (changer, exchanges, exit) = Changer::start(config, Arc::clone(&tuner), parts.newcomer.watch())?;
    let bundle = bundle_info(parts.sorter.bundle());
    let works = parts.newcomer.works(parts.sorter.bundle());
    let (teacher, lectern) = teaching::start(config, works, &epoch, &tuner, &inbox, clock, &mut stages)?;
    let courier = Courier::new(&tally, &inbox, &drops, clock, bundle, weigher);
    let mut sorter = parts.sorter;
    if config.learns_corrections() {
        sorter.remember();
    }
    Judging {
        sorter,
        newcomer: parts.newcomer,
        exchanges,
        exit,
        keepsake: Keepsake::new(teacher.clone()),
        teacher,
        shutter,
        frames,
        inbox: messages,
        orders,
        mechanism,
        courier,
        live,
        preview: Arc::clone(&preview),
        clock: Arc::clone(clock),
        stop: Arc::clone(&stops.judge),
        studying: None,
    }
    .start(&mut stages)?;
    Ok(Sorting {
        stages,
        ends,
        stops,
        inbox,
        tally,
        writer,
        drops,
        live: live_seen,
        camera,
        preview,
        orders: orders_in,
        tuner,
        changer,
        lectern,
        album,
        fill,
    })
}

fn start_tally(
    stages: &mut Stages,
    ledger: Ledger,
    clock: &Arc<dyn Clock>,
) -> Result<(Writer, TallyHandle), DaemonError> {
    let beat = stages.watch("tally");
    let beat_clock = Arc::clone(clock);
    Writer::spawn(ledger, Arc::clone(clock), move || beat.beat(beat_clock.now()))
        .map_err(|source| DaemonError::System { doing: "start the thread 'tally'".to_owned(), source })
}

fn start_capture(
    config: &Config,
    stages: &mut Stages,
    mut opener: Opener,
    stop: &Arc<AtomicBool>,
    clock: &Arc<dyn Clock>,
) -> Result<(newest::Reader, Arc<capture_stage::Status>), DaemonError> {
    let (mut writer, reader) = newest::channel(config.calibration.width, config.calibration.height);
    let status = Arc::new(capture_stage::Status::default());
    let beat = stages.watch("capture");
    let (stop, clock, shared) = (Arc::clone(stop), Arc::clone(clock), Arc::clone(&status));
    stages.spawn("capture", move || {
        let heartbeat = move |now| beat.beat(now);
        let context = capture_stage::Context { clock, stop: &stop, heartbeat: &heartbeat, status: &shared };
        capture_stage::run(&mut opener, &mut writer, &context).map(|_| ())
    })?;
    Ok((reader, status))
}
