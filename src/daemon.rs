//! Builds the rooms, wires them, supervises them and stops them in order: the only place that knows them all.
//!
//! ```text
//!  capture ==frames==> judge (detect, identify, judge) --requests--> mechanism
//!                        ^  |  ^---------movements-----------------------'
//!                        |  '--intents, endings--> tally --outbox--> uplink
//!                        '-----recorded, refused------'   '--counts--> web
//! guard --vetoes--> judge, and by a flag straight to mechanism
//! ```
//!
//! - Double lines are one-slot and overwrite; single lines are bounded queues. Nothing on the frame path waits.
//! - A stage that ends early ends the process, naming itself; systemd starts it again.
//! - The watchdog is fed only while every stage's heartbeat is fresh.
//! - Stop order: capture, judge, flap to rest, ledger written, uplink's goodbye, page, ledger closed (the uplink
//!   and the page read it to the end). Each step is logged.

mod checkup;
mod error;
mod events;
mod flap;
mod hub;
mod judging;
mod ledger;
mod lesson;
mod rehearsal;
mod sorter;
mod supervise;
mod teaching;
mod tuning;

pub use checkup::check_up;
pub use error::DaemonError;
pub use lesson::{Lesson, attend};
pub use rehearsal::{Ending, Rehearsal, Rehearsed, RehearsedDrop, rehearse};
pub use sorter::{Looked, Sorter, View, calibrated_background, judge_settings, site_head};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use crate::capture::nokhwa::NokhwaSource;
use crate::capture::replay::{Clip, ReplaySource, Truth};
use crate::capture::{CaptureError, FrameSource, newest, stage as capture_stage};
use crate::clock::{Clock, Identity, Moment};
use crate::config::{Camera, Config};
use crate::detect::Background;
use crate::identify::{Bundle, Head, Identifier};
use crate::judge::{Command, Compartment, Judge};
use crate::mechanism::guard::Guard;
use crate::mechanism::lines::Levels;
use crate::tally::{BundleInfo, DropRecord, Ledger, RunInfo, TallyHandle, Writer};
use crate::web::{Info, Live, Page, Preview};
use crate::{uplink, web};
use checkup::Running;
use events::{Started, StopStep};
use hub::{Around, Inside};
use judging::{Judging, Message};
use ledger::Courier;
use supervise::{Ended, Stages};
use tuning::Tuner;

/// Drops that a slow listener may lag behind.
const DROPS_KEPT: usize = 256;
/// Messages that may wait for the judge.
const INBOX: usize = 256;
/// How long each stage may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How long the uplink may go on delivering before its goodbye.
const DELIVERY_LIMIT: Duration = Duration::from_secs(3);
/// How long the stage that made another one end may take to tell so.
const CAUSE_LIMIT: Duration = Duration::from_secs(2);
/// How often heartbeats are looked at.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// The running daemon.
pub struct Daemon {
    stages: Stages,
    ends: mpsc::Receiver<Ended>,
    stop_capture: Arc<AtomicBool>,
    stop_judge: Arc<AtomicBool>,
    stop_guards: Arc<AtomicBool>,
    inbox: SyncSender<Message>,
    tally: TallyHandle,
    writer: Writer,
    drops: broadcast::Sender<Arc<DropRecord>>,
    uplink_status: Option<watch::Receiver<uplink::Status>>,
    truth: Option<Truth>,
    stop_uplink: watch::Sender<bool>,
    stop_web: watch::Sender<bool>,
    uplink_task: Option<JoinHandle<bool>>,
    web_task: Option<JoinHandle<Result<(), web::WebError>>>,
    /// The hub wants the program to start again.
    restart: Arc<Notify>,
}

type Opener = Box<dyn FnMut() -> Result<Box<dyn FrameSource>, CaptureError> + Send>;

impl Daemon {
    /// Builds every room and starts the threads and tasks. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The first room that cannot be built; what was started before it ends with the process.
    pub async fn start(
        config: &Config,
        software: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Daemon, DaemonError> {
        let (opener, truth) = source_opener(config, &clock)?;
        let Prepared { identity, bundle, head, ledger, sorter, open_intent } =
            prepare(config, software, &*clock)?;
        let door = open_door(config).await?;

        let (mut stages, ends) = Stages::new(Arc::clone(&clock));
        let [stop_capture, stop_judge, stop_guards] = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
        let (inbox, messages) = sync_channel(INBOX);
        let (orders_in, orders) = mpsc::channel(web::ORDERS_MAX);
        let (live, live_seen) = watch::channel(Live::default());
        let (drops, _) = broadcast::channel(DROPS_KEPT);
        let preview = Arc::new(Preview::new());

        let (writer, tally) = start_tally(&mut stages, ledger, &clock)?;
        let mechanism = flap::start(config, &mut stages, &inbox, &stop_guards, &clock)?;
        let (frames, camera) = start_capture(config, &mut stages, opener, &stop_capture, &clock)?;
        let tuner = Arc::new(Tuner::new(config, head, inbox.clone()));
        let bundle_in_use = sorter.bundle().clone();
        let (teacher, lectern) = teaching::start(config, bundle_in_use, &tuner, &inbox, &clock, &mut stages)?;
        let judging = Judging {
            sorter,
            teacher,
            frames,
            inbox: messages,
            orders,
            mechanism,
            courier: Courier::new(tally.clone(), inbox.clone(), drops.clone(), Arc::clone(&clock)),
            live,
            preview: Arc::clone(&preview),
            clock: Arc::clone(&clock),
            stop: Arc::clone(&stop_judge),
        };
        start_judge(&mut stages, judging)?;

        let (stop_uplink, uplink_stop) = watch::channel(false);
        let (stop_web, web_stop) = watch::channel(false);
        let tuning: Arc<dyn web::Tuning> = tuner.clone();
        let restart = Arc::new(Notify::new());
        let inside = Inside {
            live: live_seen.clone(),
            camera: Arc::clone(&camera),
            tally: tally.clone(),
            orders: orders_in.clone(),
            tuning: Arc::clone(&tuning),
            restart: Arc::clone(&restart),
        };
        let around = Around::new(config, software, &bundle, &clock, inside);
        let (uplink_task, uplink_status) =
            start_uplink(config, &tally, &identity, &clock, uplink_stop, around).unzip();
        let page = Page {
            boot_id: identity.boot_id,
            info: page_info(config, software, &bundle, clock.now()),
            tuning: tuner,
            teaching: Arc::new(lectern),
            orders: orders_in,
            check_up: Running::new(&live_seen, &camera, &uplink_status).checker(config, &clock),
            live: live_seen,
            drops: drops.clone(),
            tally: tally.clone(),
            uplink: uplink_status.clone(),
            camera,
            preview,
            clock,
        };
        let web_task = door.map(|door| tokio::spawn(web::serve(door, page, web_stop)));
        Started { bin: config.bin.bin(), bundle: &bundle, open_intent }.emit();
        Ok(Daemon {
            stages,
            ends,
            stop_capture,
            stop_judge,
            stop_guards,
            inbox,
            tally,
            writer,
            drops,
            uplink_status,
            truth,
            stop_uplink,
            stop_web,
            uplink_task,
            web_task,
            restart,
        })
    }

    /// What a replay has shown; `None` with a camera.
    pub fn truth(&self) -> Option<Truth> {
        self.truth.clone()
    }

    /// Every confirmed drop from now on.
    pub fn drops(&self) -> broadcast::Receiver<Arc<DropRecord>> {
        self.drops.subscribe()
    }

    /// The ledger.
    pub fn tally(&self) -> TallyHandle {
        self.tally.clone()
    }

    /// Tells the judge something the crew or a sensor wants.
    pub fn command(&self, command: Command) {
        ledger::send(&self.inbox, Message::Command(command));
    }

    /// Supervises until `stop` completes or a replay ends, then stops everything in order.
    ///
    /// # Errors
    /// The stage that ended early, after the others were stopped.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), DaemonError> {
        // Outside systemd there is nobody to notify.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let end = self.supervise(stop).await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        let stopped = self.stop().await;
        end.and(stopped)
    }

    async fn supervise(&mut self, stop: impl Future<Output = ()>) -> Result<(), DaemonError> {
        tokio::pin!(stop);
        let mut watch = tokio::time::interval(WATCH_EVERY);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                () = self.restart.notified() => {
                    StopStep { step: "the hub asks for a restart" }.emit();
                    return Ok(());
                }
                Some(ended) = self.ends.recv() => return self.why_ended(ended).await,
                _ = watch.tick() => {
                    if self.writer.is_finished() {
                        return Err(DaemonError::StageEnded { stage: "tally", why: "unasked".to_owned() });
                    }
                    if self.stages.all_alive() {
                        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
                    }
                }
            }
        }
    }

    /// What a stage's end means. When the camera's end of the frames is gone the judge ends too, and with it the
    /// flap's stage; any of them may be the first to tell. The capture stage, or an error, says why.
    async fn why_ended(&mut self, mut ended: Ended) -> Result<(), DaemonError> {
        while ended.stage != "capture" && ended.result.is_ok() {
            match tokio::time::timeout(CAUSE_LIMIT, self.ends.recv()).await {
                Ok(Some(cause)) if cause.stage == "capture" || cause.result.is_err() => ended = cause,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        let replay_over = self.truth.as_ref().is_some_and(Truth::has_ended);
        match ended.result {
            Ok(()) if ended.stage == "capture" && replay_over => Ok(()),
            Ok(()) => Err(DaemonError::StageEnded { stage: ended.stage, why: "unasked".to_owned() }),
            Err(why) => Err(DaemonError::StageEnded { stage: ended.stage, why }),
        }
    }

    async fn stop(mut self) -> Result<(), DaemonError> {
        StopStep { step: "capture" }.emit();
        self.stop_capture.store(true, Ordering::Relaxed);
        if !self.stages.join("capture", STOP_LIMIT).await {
            // A read of a stalled camera cannot be interrupted; the process ends without it.
            StopStep { step: "the camera does not answer, going on without it" }.emit();
        }
        StopStep { step: "judge" }.emit();
        self.stop_judge.store(true, Ordering::Relaxed);
        self.stages.join("judge", STOP_LIMIT).await;
        StopStep { step: "flap to rest" }.emit();
        self.stages.join("mechanism", STOP_LIMIT).await;
        // The guards watch over the flap's last way too.
        self.stop_guards.store(true, Ordering::Relaxed);
        self.stages.join("guard", STOP_LIMIT).await;
        StopStep { step: "ledger written" }.emit();
        let written = self.tally.ask(|_| Ok(())).await;
        self.stop_uplink().await;
        StopStep { step: "page" }.emit();
        self.stop_web.send_replace(true);
        if let Some(task) = self.web_task.take() {
            let _ = tokio::time::timeout(STOP_LIMIT, task).await;
        }
        StopStep { step: "ledger closed" }.emit();
        self.tally.stop();
        let writer = self.writer;
        let closed = tokio::task::spawn_blocking(move || writer.join()).await;
        written?;
        closed.unwrap_or(Ok(()))?;
        Ok(())
    }

    /// Lets the uplink deliver what is there, for a while, then says goodbye.
    async fn stop_uplink(&mut self) {
        let (Some(task), Some(mut status)) = (self.uplink_task.take(), self.uplink_status.clone()) else {
            return;
        };
        StopStep { step: "uplink" }.emit();
        let tally = self.tally.clone();
        let connected = status.borrow().connected;
        let delivered = async {
            while tally.ask(|ledger| ledger.outbox_len()).await.is_ok_and(|backlog| backlog > 0) {
                if status.changed().await.is_err() {
                    break;
                }
            }
        };
        if connected {
            let _ = tokio::time::timeout(DELIVERY_LIMIT, delivered).await;
        }
        self.stop_uplink.send_replace(true);
        let _ = tokio::time::timeout(STOP_LIMIT, task).await;
    }
}

/// Listens where the page is to be, if it is to be anywhere.
async fn open_door(config: &Config) -> Result<Option<web::Door>, DaemonError> {
    match &config.web {
        Some(settings) => Ok(Some(web::bind(settings).await?)),
        None => Ok(None),
    }
}

fn start_judge(stages: &mut Stages, judging: Judging) -> Result<(), DaemonError> {
    let beat = stages.watch("judge");
    stages.spawn("judge", move || judging.run(&beat))
}

fn page_info(config: &Config, software: &str, bundle: &str, started_at: Moment) -> Info {
    Info {
        bin: config.bin.bin().to_owned(),
        software: software.to_owned(),
        bundle: bundle.to_owned(),
        config_hash: config.hash.clone(),
        zone: config.zone.clone(),
        started_at,
        region: config.calibration.detect.region,
        compartments: config.compartments.iter().map(|compartment| compartment.stream).collect(),
        screen: config.screen.clone(),
        configuration: config.text.clone(),
        inputs: config.drive.lines().inputs.into_iter().map(|input| input.role).collect(),
        guards: config.guards.guards.iter().map(|(_, input)| input.role.clone()).collect(),
        doors: doors(config),
        state_dir: config.state_dir.clone(),
    }
}

/// Which guards are service doors.
fn doors(config: &Config) -> Levels {
    let guards = config.guards.guards.iter().enumerate();
    guards
        .filter(|(_, (guard, _))| *guard == Guard::ServiceDoor)
        .fold(0, |doors, (index, _)| doors | 1 << index)
}

/// The size and the detector's settings of the configured rig.
pub fn view(config: &Config) -> View {
    let calibration = &config.calibration;
    View { width: calibration.width, height: calibration.height, detect: calibration.detect.clone() }
}

/// What is there before any thread is.
struct Prepared {
    identity: Identity,
    /// Name and version of the bundle.
    bundle: String,
    /// What turns the network's answers into streams.
    head: Head,
    ledger: Ledger,
    sorter: Sorter,
    open_intent: Option<u64>,
}

fn prepare(config: &Config, software: &str, clock: &dyn Clock) -> Result<Prepared, DaemonError> {
    let identity = Identity::read()
        .map_err(|source| DaemonError::System { doing: "read the boot identifier".to_owned(), source })?;
    let bundle = Bundle::open(&config.bundle)?;
    let name = format!("{} {}", bundle.manifest.name, bundle.manifest.version);
    let (ledger, resumed) = open_ledger(config, software, &bundle, &identity, clock)?;
    let open_intent = resumed.as_ref().map(|(seq, _)| *seq);
    let compartments = known_compartments(config, &ledger)?;
    let sorter = build_sorter(config, bundle, compartments, resumed, clock.now())?;
    let head = sorter.head().clone();
    Ok(Prepared { identity, bundle: name, head, ledger, sorter, open_intent })
}

/// The intent an earlier run left open, with the empty chamber as it was then.
type OpenIntent = (u64, Option<Vec<u8>>);

fn open_ledger(
    config: &Config,
    software: &str,
    bundle: &Bundle,
    identity: &Identity,
    clock: &dyn Clock,
) -> Result<(Ledger, Option<OpenIntent>), DaemonError> {
    std::fs::create_dir_all(&config.state_dir).map_err(|source| DaemonError::System {
        doing: format!("make the state folder {} ([bin] state_dir)", config.state_dir.display()),
        source,
    })?;
    let manifest = &bundle.manifest;
    let run = RunInfo {
        software: software.to_owned(),
        bundle: Some(BundleInfo {
            name: format!("{} {}", manifest.name, manifest.version),
            sha256: manifest.model.sha256.clone(),
        }),
    };
    let path = config.state_dir.join("tally.db");
    let ledger = Ledger::open(&path, identity, &run, clock.now(), clock.wall())?;
    let open = ledger.open_intent()?.map(|open| (open.record.seq, open.chamber));
    Ok((ledger, open))
}

/// The configured compartments, as the crew has left them.
fn known_compartments(config: &Config, ledger: &Ledger) -> Result<Vec<Compartment>, DaemonError> {
    let mut compartments = config.compartments.clone();
    for compartment in &mut compartments {
        let book = ledger.compartment(compartment.stream)?;
        compartment.full = book.full;
        compartment.disabled = book.closed.unwrap_or(compartment.disabled);
    }
    Ok(compartments)
}

fn build_sorter(
    config: &Config,
    bundle: Bundle,
    compartments: Vec<Compartment>,
    resumed: Option<OpenIntent>,
    now: Moment,
) -> Result<Sorter, DaemonError> {
    let open_intent = resumed.as_ref().map(|(seq, _)| *seq);
    let background = calibrated_background(config)?
        .or_else(|| resumed.and_then(|(_, chamber)| Background::from_bytes(&chamber?)));
    let site = site_head(config, &bundle)?;
    let identifier = Identifier::load(bundle, &config.runtime, site.as_ref())?;
    let mut settings = judge_settings(config, identifier.head());
    settings.rules.compartments = compartments;
    let judge = Judge::new(settings, open_intent, now);
    Ok(Sorter::new(view(config), background, identifier, judge))
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

type Uplink = (JoinHandle<bool>, watch::Receiver<uplink::Status>);

fn start_uplink(
    config: &Config,
    tally: &TallyHandle,
    identity: &Identity,
    clock: &Arc<dyn Clock>,
    stop: watch::Receiver<bool>,
    around: Around,
) -> Option<Uplink> {
    let settings = config.uplink.clone()?;
    let (status, seen) = watch::channel(uplink::Status::default());
    let (tally, identity, clock) = (tally.clone(), identity.clone(), Arc::clone(clock));
    let run = uplink::run_within(settings, tally, identity, clock, status, stop, Some(Arc::new(around)));
    Some((tokio::spawn(run), seen))
}

fn source_opener(config: &Config, clock: &Arc<dyn Clock>) -> Result<(Opener, Option<Truth>), DaemonError> {
    match &config.camera {
        Camera::V4l2(settings) => {
            let (settings, clock) = (settings.clone(), Arc::clone(clock));
            let open = move || {
                let source = NokhwaSource::open(&settings, Arc::clone(&clock))?;
                Ok(Box::new(source) as Box<dyn FrameSource>)
            };
            Ok((Box::new(open), None))
        }
        Camera::Replay { clips, options } => {
            let clips = Clip::open_all(clips)?;
            let source = ReplaySource::new(clips, *options, Arc::clone(clock))?;
            let truth = source.truth();
            let mut source = Some(source);
            let open = move || match source.take() {
                Some(source) => Ok(Box::new(source) as Box<dyn FrameSource>),
                // A replay is never lost, so it is never opened twice; were it, there is nothing to play.
                None => Err(CaptureError::Clips(Vec::new())),
            };
            Ok((Box::new(open), Some(truth)))
        }
    }
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
