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
//! - The page has a thread of its own, after all others in turn (`page.rs`): whoever crowds it delays nothing else.
//! - The watchdog is fed only while every stage's heartbeat is fresh.
//! - Stop order: capture, judge, flap to rest, ledger written, uplink's goodbye, page, ledger closed (the uplink
//!   and the page read it to the end). Each step is logged.

mod bundles;
mod calibrating;
mod chamber;
mod checkup;
mod errands;
mod error;
mod events;
mod exchange;
mod flap;
mod front;
mod heap;
mod hub;
mod judging;
mod keeping;
mod learning;
mod ledger;
mod lesson;
mod lookout;
mod newcomer;
mod own_camera;
mod page;
mod prepare;
mod rehearsal;
mod sensing;
mod sorter;
mod sorting;
mod supervise;
mod teaching;
mod teaching_again;
mod tuning;

pub use bundles::live_bundle;
pub use calibrating::{Calibrator, Eye};
pub use chamber::calibrated_background;
pub use checkup::check_up;
pub use errands::Errands;
pub use error::DaemonError;
pub use lesson::{Lesson, SeenItem, attend};
pub use own_camera::{OwnCamera, read_light};
pub use rehearsal::{Ending, Rehearsal, Rehearsed, RehearsedDrop, rehearse};
pub use sorter::{Looked, Sorter, View, judge_settings, site_head};
pub use teaching_again::pictures as taught_pictures;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use crate::capture::nokhwa::NokhwaSource;
use crate::capture::replay::{Clip, ReplaySource, Truth};
use crate::capture::{CaptureError, FrameSource};
use crate::clock::{Clock, Identity};
use crate::config::{Camera, Config};
use crate::judge::Command;
use crate::tally::{DropRecord, TallyHandle, Writer};
use crate::uplink;
use crate::web::{Live, Page};
use checkup::Running;
use events::{Started, StopStep};
use exchange::Changer;
use hub::{Around, Inside};
use judging::Message;
use page::{Serving, open_door, page_info, start_web};
use prepare::prepare;
use sorting::{Sorting, Stops, start_sorting};
use supervise::{Ended, Stages};

/// How long each stage may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How long the uplink may go on delivering before its goodbye.
const DELIVERY_LIMIT: Duration = Duration::from_secs(3);
/// How long the stage that made another one end may take to tell so.
const CAUSE_LIMIT: Duration = Duration::from_secs(2);
/// How often heartbeats are looked at.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// How a daemon ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to, or a replay is over.
    Stopped,
    /// The hub wants it: the program must begin again.
    Again,
}

/// The running daemon.
pub struct Daemon {
    stages: Stages,
    ends: mpsc::Receiver<Ended>,
    stops: Stops,
    inbox: SyncSender<Message>,
    tally: TallyHandle,
    writer: Writer,
    live: watch::Receiver<Live>,
    changer: Changer,
    drops: broadcast::Sender<Arc<DropRecord>>,
    uplink_status: Option<watch::Receiver<uplink::Status>>,
    truth: Option<Truth>,
    stop_uplink: watch::Sender<bool>,
    stop_web: watch::Sender<bool>,
    uplink_task: Option<JoinHandle<bool>>,
    serving: Option<Serving>,
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
        let ready = prepare(config, software, &*clock)?;
        let door = open_door(config).await?;

        let Sorting {
            stages,
            ends,
            stops,
            inbox,
            tally,
            writer,
            drops,
            live,
            camera,
            preview,
            orders,
            tuner,
            changer,
            lectern,
            album,
            fill,
        } = start_sorting(config, opener, ready.parts, &clock)?;

        let restart = Arc::new(Notify::new());
        let (uplink_news, uplink_status) =
            config.uplink.is_some().then(|| watch::channel(uplink::Status::default())).unzip();
        let page = Arc::new(Page {
            boot_id: ready.identity.boot_id.clone(),
            info: page_info(config, software, &ready.bundle, clock.now()),
            calibration: Arc::new(Calibrator::of_loop(config, inbox.clone(), &clock)),
            tuning: tuner,
            teaching: Arc::new(lectern),
            album,
            orders,
            check_up: Running::new(&live, &fill, &camera, &uplink_status, &ready.bundle)
                .checker(config, &clock),
            live: live.clone(),
            fill,
            drops: drops.clone(),
            tally: tally.clone(),
            uplink: uplink_status.clone(),
            camera,
            preview,
            clock: Arc::clone(&clock),
        });
        let inside = Inside::of(&page, &restart);
        let around = Around::new(config, software, &ready.bundle, &clock, inside);
        let (stop_uplink, uplink_task) =
            start_uplink(config, &tally, &ready.identity, &clock, uplink_news, around);
        let (stop_web, serving) = start_web(door, page)?;
        Started { bin: config.bin.bin(), bundle: &ready.bundle, open_intent: ready.open_intent }.emit();
        Ok(Daemon {
            stages,
            ends,
            stops,
            inbox,
            tally,
            writer,
            live,
            changer,
            drops,
            uplink_status,
            truth,
            stop_uplink,
            stop_web,
            uplink_task,
            serving,
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

    /// The sorting loop's news.
    pub fn live(&self) -> watch::Receiver<Live> {
        self.live.clone()
    }

    /// The ledger.
    pub fn tally(&self) -> TallyHandle {
        self.tally.clone()
    }

    /// Tells the judge something the crew or a sensor wants.
    pub fn command(&self, command: Command) {
        ledger::send(&self.inbox, Message::Command(command));
    }

    /// Supervises until `stop` completes, a replay ends or the hub wants a restart, then stops everything in order.
    ///
    /// # Errors
    /// The stage that ended early, after the others were stopped.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<End, DaemonError> {
        // Outside systemd there is nobody to notify.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let end = self.supervise(stop).await;
        let again = matches!(end, Ok(End::Again));
        if !again {
            // Who begins again at once is not stopping, as systemd sees it.
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        }
        let delivery = if again { Duration::ZERO } else { DELIVERY_LIMIT };
        let stopped = self.stop(delivery).await;
        if again {
            // Nobody feeds it until the program, in its own place, has built its rooms.
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
        match (end?, stopped?) {
            // Only the end of the process frees it.
            (End::Again, false) => {
                let why = "it does not let the camera go, to begin again".to_owned();
                Err(DaemonError::StageEnded { stage: "capture", why })
            }
            (end, _) => Ok(end),
        }
    }

    async fn supervise(&mut self, stop: impl Future<Output = ()>) -> Result<End, DaemonError> {
        tokio::pin!(stop);
        let mut watch = tokio::time::interval(WATCH_EVERY);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(End::Stopped),
                () = self.restart.notified() => {
                    StopStep { step: "the hub asks for a restart" }.emit();
                    // By itself: a supervisor might leave alone what has ended in order.
                    return Ok(End::Again);
                }
                Some(ended) = self.ends.recv() => return self.why_ended(ended).await.map(|()| End::Stopped),
                _ = watch.tick() => {
                    if self.writer.is_finished() {
                        return Err(DaemonError::StageEnded { stage: "tally", why: "unasked".to_owned() });
                    }
                    if self.stages.all_alive() {
                        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
                    }
                    self.changer.look(self.stages.now());
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

    /// Stops everything in order; returns whether the camera was let go.
    async fn stop(mut self, delivery: Duration) -> Result<bool, DaemonError> {
        StopStep { step: "capture" }.emit();
        self.stops.capture.store(true, Ordering::Relaxed);
        let freed = self.stages.join("capture", STOP_LIMIT).await;
        if !freed {
            // A read of a stalled camera cannot be interrupted; the process ends without it.
            StopStep { step: "the camera does not answer, going on without it" }.emit();
        }
        StopStep { step: "judge" }.emit();
        self.stops.judge.store(true, Ordering::Relaxed);
        self.stages.join("judge", STOP_LIMIT).await;
        StopStep { step: "flap to rest" }.emit();
        self.stages.join("mechanism", STOP_LIMIT).await;
        // The guards watch over the flap's last way too.
        self.stops.guards.store(true, Ordering::Relaxed);
        self.stages.join("guard", STOP_LIMIT).await;
        StopStep { step: "ledger written" }.emit();
        let written = self.tally.ask(|_| Ok(())).await;
        self.stop_uplink(delivery).await;
        StopStep { step: "page" }.emit();
        self.stop_web.send_replace(true);
        if let Some(ended) = self.serving.take() {
            let _ = tokio::time::timeout(STOP_LIMIT, ended).await;
        }
        StopStep { step: "ledger closed" }.emit();
        self.tally.stop();
        let writer = self.writer;
        let closed = tokio::task::spawn_blocking(move || writer.join()).await;
        written?;
        closed.unwrap_or(Ok(()))?;
        Ok(freed)
    }

    /// Lets the uplink deliver what is there, for a while, then says goodbye.
    async fn stop_uplink(&mut self, limit: Duration) {
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
            let _ = tokio::time::timeout(limit, delivered).await;
        }
        self.stop_uplink.send_replace(true);
        let _ = tokio::time::timeout(STOP_LIMIT, task).await;
    }
}

/// The size and the detector's settings of the configured rig.
pub fn view(config: &Config) -> View {
    let calibration = &config.calibration;
    View { width: calibration.width, height: calibration.height, detect: calibration.detect.clone() }
}

/// What stops it, and without a hub nothing else.
fn start_uplink(
    config: &Config,
    tally: &TallyHandle,
    identity: &Identity,
    clock: &Arc<dyn Clock>,
    status: Option<watch::Sender<uplink::Status>>,
    around: Around,
) -> (watch::Sender<bool>, Option<JoinHandle<bool>>) {
    let (stop, stopped) = watch::channel(false);
    let start = |(settings, status)| {
        let (tally, identity, clock) = (tally.clone(), identity.clone(), Arc::clone(clock));
        let run =
            uplink::run_within(settings, tally, identity, clock, status, stopped, Some(Arc::new(around)));
        tokio::spawn(run)
    };
    (stop, config.uplink.clone().zip(status).map(start))
}

fn source_opener(config: &Config, clock: &Arc<dyn Clock>) -> Result<(Opener, Option<Truth>), DaemonError> {
    match &config.camera {
        Camera::None => Ok((Box::new(|| Err(CaptureError::NotChosen)), None)),
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
