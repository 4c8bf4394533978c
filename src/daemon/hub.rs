//! What the hub is told of the bin beside its drops, and what it may ask of it.
//!
//! Never a movement on the hub's word: the only commands that reach the sorting loop from here close or open a
//! compartment.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::errands::Errands;
use crate::capture::stage::{State, Status};
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::judge::{Alarm, Command, CompartmentId, StateName};
use crate::mechanism::sensors::bank::FillNow;
use crate::streams::Stream;
use crate::tally::{CompartmentEvent, TallyHandle};
use crate::uplink::wire::{Brought, CameraHealth, DiskHealth, Health, InferenceHealth, Location, Twin};
use crate::uplink::{CompartmentNow, Obeyed, Order, Surroundings};
use crate::web::{self, Live, Page, Tuning};

/// A loop that does not hear an order within this time hangs.
const HEARD_WITHIN: Duration = Duration::from_secs(2);
/// Whoever asks, in the ledger.
const WHO: &str = "hub";

/// The rest of the bin, as the uplink sees it.
pub(super) struct Around {
    config: Config,
    software: String,
    /// Name and version of the bundle at the start.
    bundle: String,
    started_at: Moment,
    clock: Arc<dyn Clock>,
    errands: Errands,
    inside: Inside,
}

/// The ways into the rest of the bin.
pub(super) struct Inside {
    pub(super) live: watch::Receiver<Live>,
    pub(super) fill: watch::Receiver<FillNow>,
    pub(super) camera: Arc<Status>,
    pub(super) tally: TallyHandle,
    pub(super) orders: mpsc::Sender<web::Order>,
    pub(super) tuning: Arc<dyn Tuning>,
    pub(super) restart: Arc<Notify>,
    pub(super) support: Support,
}

impl Inside {
    /// Those that the crew's page has.
    pub(super) fn of(page: &Arc<Page>, restart: &Arc<Notify>) -> Self {
        let support = Arc::clone(page);
        Self {
            live: page.live.clone(),
            fill: page.fill.clone(),
            camera: Arc::clone(&page.camera),
            tally: page.tally.clone(),
            orders: page.orders.clone(),
            tuning: Arc::clone(&page.tuning),
            restart: Arc::clone(restart),
            support: Arc::new(move || {
                let page = Arc::clone(&support);
                Box::pin(async move { page.support_bundle().await })
            }),
        }
    }
}

/// Makes the support bundle that the page's check-up offers.
pub(super) type Support = Arc<dyn Fn() -> Made + Send + Sync>;
type Made = Pin<Box<dyn Future<Output = std::io::Result<Vec<u8>>> + Send>>;

impl Around {
    pub(super) fn new(
        config: &Config,
        software: &str,
        bundle: &str,
        clock: &Arc<dyn Clock>,
        inside: Inside,
    ) -> Self {
        Self {
            config: config.clone(),
            errands: Errands::of(config),
            software: software.to_owned(),
            bundle: bundle.to_owned(),
            started_at: clock.now(),
            clock: Arc::clone(clock),
            inside,
        }
    }
}

impl Surroundings for Around {
    fn twin(&self) -> Twin {
        let location = |[latitude, longitude]: [f64; 2]| Location { latitude, longitude };
        Twin {
            software: self.software.clone(),
            model: self.inside.live.borrow().bundle_or(&self.bundle).to_owned(),
            configuration: self.config.hash.clone(),
            compartments: self.config.compartments.iter().map(|compartment| compartment.stream).collect(),
            location: self.config.location.map(location),
        }
    }

    fn health(&self) -> Health {
        let live = self.inside.live.borrow().clone();
        let frames_per_s = match self.inside.camera.state() {
            State::Streaming { fps } => tenths(fps),
            _ => 0.0,
        };
        let board = web::Health::read(&self.config.state_dir);
        Health {
            state: live.state.map(StateName::id).map(str::to_owned),
            alarms: self.alarms().into_iter().map(str::to_owned).collect(),
            camera: CameraHealth {
                signal: frames_per_s > 0.0,
                frames_per_s,
                refused: self.inside.camera.refused(),
            },
            inference: InferenceHealth {
                p50_ms: tenths(live.infer_ms_p50),
                p99_ms: tenths(live.infer_ms_p99),
            },
            temperature_c: board.temperature_c.map(tenths),
            disk: board.disk.map(|(free_bytes, size_bytes)| DiskHealth { free_bytes, size_bytes }),
            clock_synchronised: self.clock.wall().synchronised,
            up_s: self.clock.now().since(self.started_at).as_secs(),
            waiting: 0,
            given_up: 0,
        }
    }

    fn compartments(&self) -> Vec<CompartmentNow> {
        let live = self.inside.live.borrow();
        let configured = &self.config.compartments;
        // Before the loop's first word the configuration's holds.
        let compartments = if live.compartments.is_empty() { configured } else { &live.compartments };
        let holds = self.config.holds_items.iter().copied();
        let (fill, now) = (self.inside.fill.borrow(), self.clock.now());
        compartments
            .iter()
            .zip(holds)
            .enumerate()
            .map(|(index, (compartment, holds_items))| CompartmentNow {
                stream: compartment.stream,
                full: compartment.full,
                closed: compartment.disabled,
                holds_items,
                measured: fill.of(index, now).and_then(|seen| seen.level),
            })
            .collect()
    }

    fn alarms(&self) -> Vec<&'static str> {
        let mut alarms: Vec<_> =
            self.inside.live.borrow().alarms.iter().map(|alarm| alarm_id(*alarm)).collect();
        if self.inside.fill.borrow().troubled(self.clock.now()) {
            alarms.push("sensor");
        }
        alarms
    }

    fn obey(&self, order: Order) -> Obeyed {
        match order {
            Order::Compartment { stream, closed } => self.compartment(stream, closed),
            Order::Threshold { stream, value } => {
                self.set(format!("judge.thresholds.{stream}"), value.to_string())
            }
            Order::Support(file) => {
                let (errands, made) = (self.errands.clone(), (self.inside.support)());
                Box::pin(async move {
                    let bundle = made.await.map_err(|error| error.to_string())?;
                    errands.deliver(&file, bundle).await
                })
            }
            Order::Install { file, sha256, signature } => {
                let errands = self.errands.clone();
                Box::pin(async move { errands.install(&file, sha256, signature).await })
            }
            Order::Rollback => {
                let errands = self.errands.clone();
                Box::pin(async move { errands.roll_back().await })
            }
            Order::Language(language) => self.set("web.language".to_owned(), language.id().to_owned()),
            Order::Restart => {
                let restart = Arc::clone(&self.inside.restart);
                Box::pin(async move {
                    restart.notify_one();
                    Ok(Brought::default())
                })
            }
        }
    }
}

impl Around {
    /// As the crew's page does it: written into the ledger first, then told to the sorting loop.
    fn compartment(&self, stream: Stream, closed: bool) -> Obeyed {
        let position = self.config.compartments.iter().position(|known| known.stream == stream);
        let id = position.and_then(|position| u8::try_from(position).ok()).map(CompartmentId);
        let (tally, orders, wall) =
            (self.inside.tally.clone(), self.inside.orders.clone(), self.clock.wall());
        let event = if closed { CompartmentEvent::Closed } else { CompartmentEvent::Opened };
        Box::pin(async move {
            let id = id.ok_or_else(|| format!("this bin has no compartment for {stream}"))?;
            let write = tally.ask(move |ledger| ledger.note_compartment(stream, event, WHO, wall));
            write.await.map_err(|error| error.to_string())?;
            let silent = || "the sorting loop does not answer".to_owned();
            let (answer, heard) = oneshot::channel();
            let command = Command::Disabled(id, closed);
            orders.try_send(web::Order { command, answer }).map_err(|_| silent())?;
            let heard = tokio::time::timeout(HEARD_WITHIN, heard).await.map_err(|_| silent())?;
            let heard = heard.map_err(|_| silent())?;
            heard.map(|()| Brought::default()).map_err(|refusal| refusal.id().to_owned())
        })
    }

    /// As the page's Settings does it: checked with the whole configuration, and undone there.
    fn set(&self, path: String, value: String) -> Obeyed {
        let tuning = Arc::clone(&self.inside.tuning);
        let field = (path, value);
        Box::pin(async move {
            let changed = tokio::task::spawn_blocking(move || tuning.change(&[field])).await;
            match changed {
                Ok(Ok(_)) => Ok(Brought::default()),
                Ok(Err(problems)) => Err(problems.join("; ")),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

/// As the contract names it.
const fn alarm_id(alarm: Alarm) -> &'static str {
    match alarm {
        Alarm::Jam => "jam",
        Alarm::Mechanism => "mechanism",
        Alarm::Ledger => "ledger",
        Alarm::Camera => "camera",
        Alarm::Blocked => "blocked",
        Alarm::CrewCalled => "crew_called",
    }
}

fn tenths(value: f32) -> f64 {
    (f64::from(value) * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock::{Identity, SystemClock};
    use crate::tally::{Ledger, RunInfo, Writer};
    use crate::uplink::wire::Language;
    use crate::web::{Changed, Display, Knob};

    struct NoTuning;

    impl Tuning for NoTuning {
        fn display(&self) -> Display {
            Display::default()
        }

        fn knobs(&self) -> Vec<Knob> {
            Vec::new()
        }

        fn text(&self) -> String {
            String::new()
        }

        fn can_undo(&self) -> bool {
            false
        }

        fn change(&self, fields: &[(String, String)]) -> Result<Changed, Vec<String>> {
            let may = |path: &str| path.starts_with("judge.thresholds.") || path == "web.language";
            assert!(fields.iter().all(|(path, _)| may(path)), "{fields:?}");
            Ok(Changed::default())
        }

        fn undo(&self) -> Result<Changed, Vec<String>> {
            Ok(Changed::default())
        }
    }

    #[tokio::test]
    async fn nothing_that_the_hub_can_ask_moves_the_flap() {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let run = RunInfo { software: "test".to_owned(), bundle: None };
        let path = folder.path().join("tally.db");
        let identity = Identity::read().unwrap();
        let ledger = Ledger::open(&path, &identity, &run, clock.now(), clock.wall()).unwrap();
        let (writer, tally) = Writer::spawn(ledger, Arc::clone(&clock), || {}).unwrap();
        let (orders, mut asked) = mpsc::channel(64);
        let (_live, live) = watch::channel(Live::default());
        let (_fill, fill) = watch::channel(FillNow::default());
        let restart = Arc::new(Notify::new());
        let config = Config::load(Path::new("calibration/demo/bunri.toml")).unwrap();
        let inside = Inside {
            live,
            fill,
            camera: Arc::new(Status::default()),
            tally: tally.clone(),
            orders,
            tuning: Arc::new(NoTuning),
            restart: Arc::clone(&restart),
            support: Arc::new(|| Box::pin(async { Ok(b"bundle".to_vec()) })),
        };
        let around = Around::new(&config, "", "", &clock, inside);
        let loop_side = tokio::spawn(async move {
            let mut commands = Vec::new();
            while let Some(order) = asked.recv().await {
                commands.push(order.command);
                order.answer.send(Ok(())).unwrap();
            }
            commands
        });
        let collected = around.compartments().iter().map(|now| now.stream).collect::<Vec<_>>();
        for stream in Stream::ALL {
            for closed in [true, false] {
                let done = around.obey(Order::Compartment { stream, closed }).await;
                assert_eq!(done.is_ok(), collected.contains(&stream), "{stream}: {done:?}");
            }
            around.obey(Order::Threshold { stream, value: 0.9 }).await.unwrap();
        }
        around.obey(Order::Language(Language::Ko)).await.unwrap();
        around.obey(Order::Restart).await.unwrap();
        restart.notified().await;
        drop(around);
        let commands = loop_side.await.unwrap();
        assert_eq!(commands.len(), 2 * collected.len());
        for command in commands {
            assert!(matches!(command, Command::Disabled(..)), "{command:?} came from the hub");
        }
        tally.stop();
        tokio::task::spawn_blocking(move || writer.join()).await.unwrap().unwrap();
    }
}
