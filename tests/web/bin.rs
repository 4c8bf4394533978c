//! A bin without a machine: a real ledger, a real capture stage on made-up pictures, and the page.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use bunri::capture::{CaptureError, Description, Frame, FrameSource, Mode, Next, PixelFormat, newest, stage};
use bunri::clock::{Clock, Identity, Moment, SystemClock, WallTime};
use bunri::detect::{Presence, Region};
use bunri::identify::Limits;
use bunri::judge::{Command, CompartmentId, StateName, Verdict};
use bunri::mechanism::sensors::bank::FillNow;
use bunri::streams::Stream;
use bunri::tally::{DropRecord, Intent, Ledger, RunInfo, TallyHandle, Writer};
use bunri::teach::{Ask, Board, TeachError};
use bunri::uplink;
use bunri::web::album::Album;
use bunri::web::checkup::{Check, Finding, Grade};
use bunri::web::screen::{self, Both, Rule, Rules, Voice};
use bunri::web::{
    self, Calibrated, Calibrating, Changed, Display, Info, Knob, Live, NotSaved, Order, Page, Preview, Role,
    Seen, Settings, Teaching, Tuning, Users, WebError,
};
use tokio::sync::{broadcast, mpsc as orders, oneshot, watch};

pub(crate) const WIDTH: u32 = 320;
pub(crate) const HEIGHT: u32 = 240;
/// A screen of 21.5 inches, hung upright.
pub(crate) const SCREEN_WIDTH_MM: f32 = 268.0;

/// The machine's clock, with a hand on it.
#[derive(Default)]
pub(crate) struct Shifted(AtomicU64);

impl Shifted {
    pub(crate) fn forward(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_nanos()).unwrap(), SeqCst);
    }
}

impl Clock for Shifted {
    fn now(&self) -> Moment {
        SystemClock.now() + Duration::from_nanos(self.0.load(SeqCst))
    }

    fn wall(&self) -> WallTime {
        WallTime { synchronised: true, ..SystemClock.wall() }
    }

    fn sleep_until(&self, until: Moment) {
        let wait = until.since(self.now());
        SystemClock.sleep_until(SystemClock.now() + wait);
    }
}

/// A camera whose pictures are of one grey each, brighter and brighter.
struct Greys {
    clock: Arc<Shifted>,
    unplugged: Arc<AtomicBool>,
    sequence: u64,
    description: Description,
}

impl FrameSource for Greys {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        self.clock.sleep_until(self.clock.now() + Duration::from_millis(33));
        if self.unplugged.load(SeqCst) {
            return Err(lost());
        }
        self.sequence += 1;
        frame.resize(WIDTH, HEIGHT);
        frame.pixels.fill(grey_of(self.sequence));
        frame.sequence = self.sequence;
        frame.captured_at = self.clock.now();
        Ok(Next::Frame)
    }

    fn describe(&self) -> &Description {
        &self.description
    }
}

pub(crate) fn grey_of(sequence: u64) -> u8 {
    u8::try_from(sequence % 200).unwrap()
}

fn lost() -> CaptureError {
    CaptureError::Lost { device: "made-up camera".into(), why: "unplugged by the test".into() }
}

/// What a test works with.
pub(crate) struct Bin {
    pub(crate) address: SocketAddr,
    pub(crate) live: watch::Sender<Live>,
    pub(crate) drops: broadcast::Sender<Arc<DropRecord>>,
    pub(crate) uplink: watch::Sender<uplink::Status>,
    pub(crate) clock: Arc<Shifted>,
    pub(crate) unplugged: Arc<AtomicBool>,
    /// Whether the sorting loop says nothing.
    pub(crate) silent: Arc<AtomicBool>,
    pub(crate) tally: TallyHandle,
    /// What the page asked of the sorting loop.
    pub(crate) commands: Arc<Mutex<Vec<Command>>>,
    /// The drops' pictures, if any are to be kept.
    pub(crate) album: Option<Arc<Album>>,
    /// What the page is made of, for as long as it is served.
    #[allow(dead_code, reason = "the browser tests have no use for it")]
    pub(crate) page: Weak<Page>,
    /// Where logins and sessions are.
    pub(crate) folder: PathBuf,
    ended: mpsc::Receiver<Result<(), WebError>>,
    stop_page: watch::Sender<bool>,
    stop_camera: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

/// The passwords of [`Bin::with_logins`].
pub(crate) const KIM: (&str, &str) = ("kim", "acts with gloves");
pub(crate) const LEE: (&str, &str) = ("lee", "looks and learns");

impl Bin {
    /// A page that is open to everybody here.
    pub(crate) fn start() -> Self {
        Self::with(|settings| settings.open_on_loopback = true)
    }

    /// At an address that another one had.
    #[allow(dead_code, reason = "the browser tests start one again")]
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        Self::with(|settings| {
            settings.open_on_loopback = true;
            settings.listen = address;
        })
    }

    /// A page with two logins: kim may act, lee may look.
    pub(crate) fn with_logins() -> Self {
        Self::with(|settings| add_logins(&settings.folder))
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_screen(SCREEN_WIDTH_MM, change)
    }

    /// With a resident's screen of this width.
    pub(crate) fn with_screen(screen_width_mm: f32, change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_display(screen_width_mm, Display { language: None, volume_percent: 60 }, change)
    }

    /// With a resident's screen of this width, in this language and this loud.
    pub(crate) fn with_display(
        screen_width_mm: f32,
        display: Display,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let clock = Arc::new(Shifted::default());
        let folder = tempfile::tempdir().unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = Settings::new(listen, folder.path().join("web"));
        change(&mut settings);
        let run = RunInfo { software: "0.1.0 (test)".into(), bundle: None };
        let identity = Identity::read().unwrap();
        let state_dir = folder.path().to_owned();
        let ledger =
            Ledger::open(&state_dir.join("tally.db"), &identity, &run, clock.now(), clock.wall()).unwrap();
        let album = settings.keep_frames.map(|keeping| {
            let (zone, now_ms) = (jiff::tz::TimeZone::UTC, clock.wall().unix_ms);
            Arc::new(Album::open(keeping, zone, &state_dir, ledger.epoch(), now_ms))
        });
        let (_writer, tally) = Writer::spawn(ledger, clock.clone(), || {}).unwrap();
        let (live, live_seen) = watch::channel(Live { state: Some(StateName::Empty), ..Live::default() });
        let (uplink, uplink_seen) = watch::channel(uplink::Status { connected: true, ..Default::default() });
        let (drops, _) = broadcast::channel(16);
        let (stop_page, stop) = watch::channel(false);
        let (orders_in, orders) = orders::channel(web::ORDERS_MAX);
        let mut bin = Self {
            address: settings.listen,
            album,
            commands: Arc::default(),
            folder: settings.folder.clone(),
            page: Weak::new(),
            live,
            drops,
            uplink,
            unplugged: Arc::default(),
            silent: Arc::default(),
            tally,
            ended: mpsc::channel().1,
            stop_page,
            stop_camera: Arc::default(),
            threads: Vec::new(),
            _folder: folder,
            clock,
        };
        let camera = Arc::new(stage::Status::default());
        let preview = Arc::new(Preview::new());
        bin.spawn_camera(Arc::clone(&camera), Arc::clone(&preview));
        bin.spawn_loop(orders);
        let page = Page {
            boot_id: identity.boot_id.clone(),
            calibration: Arc::new(Calibrations::new(bin.live.clone())),
            tuning: Arc::new(NoTuning(display)),
            teaching: Arc::new(NoTeaching),
            album: bin.album.clone(),
            orders: orders_in,
            info: Info { state_dir: state_dir.clone(), ..info(bin.clock.now(), screen_width_mm) },
            check_up: Arc::new(findings),
            live: live_seen,
            fill: watch::channel(FillNow::default()).1,
            drops: bin.drops.clone(),
            tally: bin.tally.clone(),
            uplink: Some(uplink_seen),
            camera,
            preview,
            clock: bin.clock.clone(),
        };
        bin.spawn_page(settings, page, stop);
        bin
    }

    fn spawn_camera(&mut self, status: Arc<stage::Status>, preview: Arc<Preview>) {
        let (mut writer, mut reader) = newest::channel(WIDTH, HEIGHT);
        let (clock, unplugged, stop) = (self.clock.clone(), self.unplugged.clone(), self.stop_camera.clone());
        self.threads.push(std::thread::spawn(move || {
            let mode = Mode { format: PixelFormat::Mjpeg, width: WIDTH, height: HEIGHT, rate_hz: 30.0 };
            let description = Description { name: "made-up camera".into(), mode, requested: None };
            let mut open = || -> Result<Box<dyn FrameSource>, CaptureError> {
                if unplugged.load(SeqCst) {
                    return Err(lost());
                }
                let (clock, unplugged) = (clock.clone(), unplugged.clone());
                Ok(Box::new(Greys { clock, unplugged, sequence: 0, description: description.clone() }))
            };
            let context =
                stage::Context { clock: clock.clone(), stop: &stop, heartbeat: &|_| {}, status: &status };
            stage::run(&mut open, &mut writer, &context).unwrap();
        }));
        let (clock, live, silent) = (self.clock.clone(), self.live.clone(), self.silent.clone());
        self.threads.push(std::thread::spawn(move || {
            while !reader.is_closed() {
                if !silent.load(SeqCst) {
                    live.send_modify(|_| {}); // no news, but alive
                }
                if let Some(frame) = reader.latest(Duration::from_millis(50)) {
                    preview.offer(frame, &presence(frame), clock.now());
                }
            }
        }));
    }

    /// Hears orders, and does nothing else.
    fn spawn_loop(&mut self, mut orders: orders::Receiver<Order>) {
        let commands = Arc::clone(&self.commands);
        self.threads.push(std::thread::spawn(move || {
            while let Some(order) = orders.blocking_recv() {
                commands.lock().unwrap().push(order.command);
                let _nobody_waits = order.answer.send(Ok(())).is_err();
            }
        }));
    }

    fn spawn_page(&mut self, settings: Settings, page: Page, stop: watch::Receiver<bool>) {
        let page = Arc::new(page);
        self.page = Arc::downgrade(&page);
        let (bound, address) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        self.threads.push(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let result = runtime.block_on(async {
                let door = web::bind(&settings).await?;
                bound.send(door.address().unwrap()).unwrap();
                web::serve(door, page, stop).await
            });
            let _nobody_waits = end.send(result).is_err();
        }));
        self.address = address.recv().unwrap();
        self.ended = ended;
    }

    /// Writes a drop into the ledger, confirms it and tells the page.
    pub(crate) fn drop_item(&self, verdict: Verdict) -> Arc<DropRecord> {
        let (moment, wall) = (self.clock.now(), self.clock.wall());
        let record = self.tally.call(move |ledger| {
            let seq = ledger.intend(&Intent { verdict: &verdict, moment, wall, chamber: None })?;
            Ok(ledger.confirm(seq, moment, wall)?.record)
        });
        let record = Arc::new(record.unwrap());
        let _nobody_listens = self.drops.send(Arc::clone(&record)).is_err();
        record
    }

    /// Asks the page to stop; what came of it, or `None` when it did not end within `limit`.
    pub(crate) fn stop(&self, limit: Duration) -> Option<Result<(), WebError>> {
        self.stop_page.send_replace(true);
        self.ended.recv_timeout(limit).ok()
    }
}

impl Drop for Bin {
    fn drop(&mut self) {
        self.stop_page.send_replace(true);
        self.stop_camera.store(true, SeqCst);
        for thread in self.threads.drain(..) {
            let _failed_already = thread.join().is_err();
        }
    }
}

/// A check-up with one of each grade.
fn findings() -> Vec<Finding> {
    let grades = [
        (Check::Camera, Grade::Pass, "30/s"),
        (Check::Clock, Grade::Warn, "1970"),
        (Check::Disk, Grade::Fail, "12 MiB"),
    ];
    grades.map(|(check, grade, value)| Finding { check, grade, value: value.into() }).to_vec()
}

/// Settings are the daemon's; these have none.
struct NoTuning(Display);

impl Tuning for NoTuning {
    fn display(&self) -> Display {
        self.0
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

    fn change(&self, _fields: &[(String, String)]) -> Result<Changed, Vec<String>> {
        Ok(Changed::default())
    }

    fn undo(&self) -> Result<Changed, Vec<String>> {
        Ok(Changed::default())
    }
}

/// Calibrations in memory: whatever lies inside the picture can be learnt.
struct Calibrations {
    all: Mutex<Vec<Calibrated>>,
    live: watch::Sender<Live>,
}

impl Calibrations {
    fn new(live: watch::Sender<Live>) -> Self {
        let region = Region { x: 40, y: 20, width: 240, height: 200 };
        live.send_modify(|live| live.region = region);
        let own = Calibrated { seen: Seen { region, ..Seen::default() }, ..Calibrated::default() };
        Self { all: Mutex::new(vec![own]), live }
    }

    fn put(&self, seen: Seen, back_to: Option<u32>, by: &str) -> Changed {
        self.live.send_modify(|live| live.region = seen.region);
        let mut all = self.all.lock().unwrap();
        let number = u32::try_from(all.len()).unwrap();
        let saved_at_ms = 1_772_334_000_000;
        all.insert(0, Calibrated { number, saved_at_ms, by: by.into(), back_to, seen, learnt: true });
        Changed { what: vec![format!("version {} -> {number}", number - 1)], restart: false }
    }
}

impl Calibrating for Calibrations {
    fn versions(&self) -> Result<Vec<Calibrated>, Vec<String>> {
        Ok(self.all.lock().unwrap().clone())
    }

    fn chamber(&self) -> Option<Vec<u8>> {
        None
    }

    fn save(&self, seen: Seen, _confirmed: bool, by: &str) -> Result<Changed, NotSaved> {
        if seen.region.fits(WIDTH, HEIGHT) {
            return Ok(self.put(seen, None, by));
        }
        Err(NotSaved::Problems(vec!["camera.region: is not inside the picture".into()]))
    }

    fn back_to(&self, number: u32, by: &str) -> Result<Changed, NotSaved> {
        let found = self.all.lock().unwrap().iter().find(|version| version.number == number).cloned();
        let found = found.ok_or_else(|| NotSaved::Problems(vec![format!("there is no version {number}")]))?;
        Ok(self.put(found.seen, Some(number), by))
    }
}

/// So is teaching; here nobody can be asked.
struct NoTeaching;

impl Teaching for NoTeaching {
    fn board(&self) -> Arc<Board> {
        Arc::default()
    }

    fn ask(&self, _ask: Ask) -> oneshot::Receiver<Result<String, TeachError>> {
        oneshot::channel().1
    }

    fn said(&self) {}
}

/// Writes the two logins.
pub(crate) fn add_logins(folder: &Path) {
    let mut users = Users::default();
    users.set(KIM.0, Role::Act, KIM.1).unwrap();
    users.set(LEE.0, Role::Look, LEE.1).unwrap();
    users.save(folder).unwrap();
}

fn info(started_at: Moment, screen_width_mm: f32) -> Info {
    Info {
        bin: "yangcheon/b-017".into(),
        software: "0.1.0 (test)".into(),
        bundle: "lite0-9".into(),
        bundle_change: Limits::default(),
        config_hash: "0123456789ab".into(),
        zone: jiff::tz::TimeZone::get("Asia/Seoul").unwrap(),
        started_at,
        compartments: vec![Stream::ClearPet, Stream::Can, Stream::Glass, Stream::General],
        screen: screen(screen_width_mm),
        configuration: "[uplink]\nhost = \"hub\"\nusername = \"bin-17\"\n".into(),
        has_camera: true,
        has_rig: true,
        inputs: Vec::new(),
        guards: vec!["guard.service_door".into()],
        doors: 1,
        state_dir: std::env::temp_dir(),
    }
}

/// A screen that speaks both languages, with the rules that ship.
fn screen(width_mm: f32) -> screen::Settings {
    let file: toml::Table = include_str!("../../calibration/rules.toml").parse().unwrap();
    let rule = |stream: Stream| {
        let Some(rule) = file["rule"].get(stream.id()) else { return Rule::default() };
        let text = |language: &str| rule[language].as_str().unwrap().to_owned();
        Rule { words: Both { ko: text("ko"), en: text("en") }, name: None }
    };
    screen::Settings {
        width_mm,
        letter_mm: 12.0,
        voice: Voice { rate: 1.0, korean: true, english: true },
        rules: Rules {
            date: jiff::civil::date(2026, 11, 22),
            source: "a test".into(),
            rules: Stream::ALL.map(rule),
        },
    }
}

fn presence(frame: &Frame) -> Presence {
    let item = Some(Region { x: 100, y: 60, width: 80, height: 90 });
    Presence {
        sequence: frame.sequence,
        captured_at: frame.captured_at,
        occupied: true,
        extent: item,
        objects: [item, None, None, None],
        ..Presence::default()
    }
}

/// A can, sure.
pub(crate) fn a_can() -> Verdict {
    Verdict {
        label: "can_drink".into(),
        seen: Stream::Can,
        probability: 0.94,
        stream: Stream::Can,
        compartment: Some(CompartmentId(1)),
        reason: None,
        votes: 5,
        settled_at: Moment::from_millis(1_000),
        decided_at: Moment::from_millis(1_412),
    }
}
