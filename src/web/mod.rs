//! The page of one bin: what it sees, what it did, what is wrong.
//!
//! ```text
//!  sorting loop ──Live──────────┐                        ┌──> GET /         the whole page
//!  sorting loop ──frames──> Preview ──> one encoder ─────┼──> GET /picture  MJPEG, 5 a second
//!  ledger ──drops──> Book (last drops, counts) ──────────┤
//!  camera, uplink ──status──────┴──> pulse: one Scene ───┼──> GET /events   what changed, 5 a second at most
//!                                    drawn once for all  └──> GET /healthz  is the loop alive?
//!  sorting loop ──Live──> screen: one Face ─────────────────> GET /screen   for the residents
//! ```
//!
//! - Never slows the sorting: the loop only publishes and tries a lock; drawing, encoding and reading happen once,
//!   however many watch, and only while somebody does.
//! - Never more than [`STREAMS_MAX`] open streams and [`CONNECTIONS_MAX`] connections; headers, time to send them and
//!   time to read an answer are limited. A client that lags misses states, and gets the newest.
//! - Never shows the crew's pages, or changes anything, for somebody without a session (`access.rs`); every changing
//!   request goes through `acting.rs` into the audit log.
//! - Never beyond this machine without encryption (`tls.rs`).
//! - Never a picture on disk, but for small ones of drops where the configuration keeps them, for a while (`album.rs`).
//! - Never anything from another place: the page works without the internet.
//! - Never answers for another host's name (a web site that points its name at this machine gets nothing).

mod access;
mod acting;
pub mod album;
mod assets;
mod book;
mod calibration;
mod camera;
pub mod checkup;
mod compartments;
mod counts;
mod drops;
mod error;
mod events;
mod flap;
mod health;
mod live;
mod login;
mod metrics;
mod nav;
mod pictures;
mod preview;
mod pulse;
mod recent;
mod routes;
pub mod screen;
mod server;
mod settings;
pub mod sign;
mod streams;
mod support;
mod teach;
mod teaching;
mod text;
mod tls;
mod tune;
mod tuning;
mod view;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use access::{PASSWORD_LEAST, Role, Users};
pub use calibration::{Calibrated, Calibrating, NotSaved, Seen};
pub use error::WebError;
pub use events::{CLIENTS_STALLED, STREAMS_REFUSED};
pub use health::Health;
pub use live::Live;
pub use preview::Preview;
pub use recent::RECENT_LOG;
pub use settings::{Settings, Tls};
pub use teaching::Teaching;
pub use text::Language;
pub use tuning::{Changed, Display, Knob, Tuning};

use crate::capture::stage;
use crate::clock::{Clock, Moment};
use crate::identify::Limits;
use crate::judge::{Command, Refusal};
use crate::mechanism::lines::Levels;
use crate::mechanism::sensors::bank::FillNow;
use crate::streams::Stream;
use crate::tally::{DropRecord, TallyError, TallyHandle};
use crate::uplink;
use access::Access;
use album::Album;
use book::Book;
use pictures::Picture;
use pulse::News;
use screen::{Face, SCREENS_MAX, Shown};
use text::Texts;
use view::{Camera, Scene};

/// Streams (pictures and events together) that may be open at once; an open page has two.
pub const STREAMS_MAX: usize = 16;
/// Connections that may be open at once; further ones wait.
pub const CONNECTIONS_MAX: usize = 64;
/// Connections of one address, so that it cannot take every place; a browser uses six.
pub const CONNECTIONS_OF_ONE: usize = 40;
/// A loop that publishes nothing for this long counts as dead.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(3);

/// What does not change while the program runs.
#[derive(Clone, Debug)]
pub struct Info {
    /// The bin's name.
    pub bin: String,
    /// Version and commit of this program.
    pub software: String,
    /// Name and version of the model bundle.
    pub bundle: String,
    /// What a new one must pass.
    pub bundle_change: Limits,
    /// What the configuration is known by.
    pub config_hash: String,
    /// The zone in which times are shown and days counted.
    pub zone: jiff::tz::TimeZone,
    /// When this run began.
    pub started_at: Moment,
    /// What each compartment collects, in the rig's order.
    pub compartments: Vec<Stream>,
    /// How the resident's screen is set up.
    pub screen: screen::Settings,
    /// The configuration's text, for the support bundle.
    pub configuration: String,
    /// The configuration names a camera.
    pub has_camera: bool,
    /// The configuration names a drive.
    pub has_rig: bool,
    /// Names of the drive's inputs, in the order of its lines.
    pub inputs: Vec<String>,
    /// Names of the guards.
    pub guards: Vec<String>,
    /// Those of them that are service doors.
    pub doors: Levels,
    /// Folder of the ledger, whose disk is watched.
    pub state_dir: PathBuf,
}

impl Info {
    /// The streams there are here: the district's, and of the others those that the city has named.
    pub(crate) fn streams(&self) -> impl Iterator<Item = Stream> {
        Stream::ALL.into_iter().filter(|stream| self.has(*stream))
    }

    /// Whether there is this stream here.
    pub(crate) fn has(&self, stream: Stream) -> bool {
        !stream.is_invented() || self.screen.rules.of(stream).name.is_some()
    }
}

/// What the crew asks of the sorting loop.
#[derive(Debug)]
pub struct Order {
    /// What.
    pub command: Command,
    /// Told what the loop made of it.
    pub answer: oneshot::Sender<Result<(), Refusal>>,
}

/// Orders that may wait for the sorting loop.
pub const ORDERS_MAX: usize = 8;
/// A loop that does not hear an order within this time hangs.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// Everything the page is made from.
pub struct Page {
    /// The kernel's identifier of this boot: sessions belong to it.
    pub boot_id: String,
    /// What does not change.
    pub info: Info,
    /// The sorting loop's news. Its publications are its sign of life for `/healthz`.
    pub live: watch::Receiver<Live>,
    /// What the compartments' sensors say.
    pub fill: watch::Receiver<FillNow>,
    /// Whoever keeps the settings.
    pub tuning: Arc<dyn Tuning>,
    /// Whoever keeps the camera's calibration.
    pub calibration: Arc<dyn Calibrating>,
    /// Whoever teaches.
    pub teaching: Arc<dyn Teaching>,
    /// Small pictures of drops; `None` where none are kept.
    pub album: Option<Arc<Album>>,
    /// The way to the sorting loop, of [`ORDERS_MAX`] places.
    pub orders: mpsc::Sender<Order>,
    /// Every drop that was confirmed, or voided, as it now stands.
    pub drops: broadcast::Sender<Arc<DropRecord>>,
    /// The ledger, for the last drops and the counts.
    pub tally: TallyHandle,
    /// The uplink's state; `None` without a hub.
    pub uplink: Option<watch::Receiver<uplink::Status>>,
    /// The camera's state.
    pub camera: Arc<stage::Status>,
    /// The newest picture.
    pub preview: Arc<Preview>,
    /// Looks at everything the bin needs. Blocks for a while.
    pub check_up: Arc<dyn Fn() -> Vec<checkup::Finding> + Send + Sync>,
    /// For ages and times of day.
    pub clock: Arc<dyn Clock>,
}

impl Page {
    /// Columns and rows of the camera's pictures.
    fn camera_size(&self) -> (u32, u32) {
        let source = self.camera.source();
        source.map_or((640, 480), |source| (source.mode.width, source.mode.height))
    }

    /// Everything as it is now, for somebody who sees no picture.
    fn scene(&self, book: Arc<Book>, health: Health) -> Scene {
        let now = self.clock.now();
        let live = self.live.borrow().clone();
        let camera = Camera {
            state: self.camera.state(),
            refused: self.camera.refused(),
            age: self.camera.last_good().map(|at| now.since(at)),
            size: self.camera_size(),
        };
        Scene {
            now,
            wall: self.clock.wall(),
            silent: false,
            camera,
            shown: live.presence,
            uplink: self.uplink.as_ref().map(|status| status.borrow().clone()),
            book,
            health,
            fill: self.fill.borrow().clone(),
            lesson: self.teaching.board(),
            live,
        }
    }
}

/// Where the page can be reached, once somebody serves it.
pub struct Door {
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
    settings: Settings,
}

impl Door {
    /// The address that the system gave.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }
}

/// Listens, and makes or reads the certificate.
///
/// # Errors
/// When another program listens there, the address is not this machine's, or the certificate cannot be used.
pub async fn bind(settings: &Settings) -> Result<Door, WebError> {
    let address = settings.listen;
    let tls = tls::acceptor(settings)?;
    let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => WebError::AddressInUse { address },
        _ => WebError::Bind { address, source },
    })?;
    let address = listener.local_addr().unwrap_or(address);
    // Whoever serves it may do so on another runtime.
    let listener = listener.into_std().map_err(|source| WebError::Bind { address, source })?;
    events::Listening { address, encrypted: tls.is_some(), open: settings.open_on_loopback }.emit();
    Ok(Door { listener, tls, settings: settings.clone() })
}

/// Serves the page until `stop` is true (or its sender is gone), then ends within a second, whatever is open.
///
/// # Errors
/// When a task of the page ends early, or the texts inside the program are damaged.
pub async fn serve(
    door: Door,
    page: impl Into<Arc<Page>>,
    stop: watch::Receiver<bool>,
) -> Result<(), WebError> {
    let page = page.into();
    let address = door.settings.listen;
    let listener =
        TcpListener::from_std(door.listener).map_err(|source| WebError::Bind { address, source })?;
    let (book_out, book) = watch::channel(Arc::new(Book::default()));
    let (health_out, health) = watch::channel(Health::read(&page.info.state_dir));
    let (news_out, news) = watch::channel(Arc::new(News::default()));
    let (pictures_out, pictures) = watch::channel(None);
    let texts = Texts::load()?.named(&page.info.screen.rules);
    let (screen_out, screen) =
        watch::channel(Arc::new(Shown::draw(&texts, &page.info, page.tuning.display(), Face::Moment)));
    let site = Arc::new(Site {
        heard_at: AtomicU64::new(page.clock.now().as_nanos()),
        texts,
        access: Arc::new(Access::new(&door.settings, &page.boot_id)?),
        slots: Arc::new(Semaphore::new(STREAMS_MAX)),
        screens: Arc::new(Semaphore::new(SCREENS_MAX)),
        readers: Semaphore::new(1),
        stop: stop.clone(),
        page,
        settings: door.settings,
        book,
        health,
        news,
        pictures,
        screen,
        focus_asked_at: AtomicU64::new(0),
    });
    let mut tasks = JoinSet::new();
    let names = [
        (tasks.spawn(book::keep(Arc::clone(&site), book_out)).id(), "book"),
        (tasks.spawn(health::keep(Arc::clone(&site), health_out)).id(), "health"),
        (tasks.spawn(pulse::beat(Arc::clone(&site), news_out)).id(), "pulse"),
        (tasks.spawn(pictures::encode(Arc::clone(&site), pictures_out)).id(), "pictures"),
        (tasks.spawn(screen::follow(Arc::clone(&site), screen_out)).id(), "screen"),
        (tasks.spawn(Arc::clone(&site.access).keep_on()).id(), "sessions"),
    ];
    let mut server = tokio::spawn(server::accept(listener, door.tls, routes::router(&site), stop));
    let ended = tokio::select! {
        // The server ends in order only when it is told to.
        served = &mut server => served.err().map(|error| ("server", error.to_string())),
        Some(first) = tasks.join_next_with_id() => {
            let (id, why) = match first {
                Ok((id, ())) => (id, "it returned".to_owned()),
                Err(error) => (error.id(), error.to_string()),
            };
            Some((names.iter().find(|(known, _)| *known == id).map_or("unknown", |(_, name)| *name), why))
        }
    };
    server.abort();
    tasks.shutdown().await;
    site.access.keep();
    ended.map_or(Ok(()), |(task, why)| Err(WebError::TaskEnded { task, why }))
}

/// Returns once the page must end.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _sender_gone = stop.wait_for(|stop| *stop).await.is_err();
}

/// What every request and task of the page works with.
struct Site {
    page: Arc<Page>,
    settings: Settings,
    texts: Texts,
    access: Arc<Access>,
    /// When the sorting loop was last heard, in nanoseconds.
    heard_at: AtomicU64,
    /// One permit per open stream.
    slots: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
    book: watch::Receiver<Arc<Book>>,
    health: watch::Receiver<Health>,
    news: watch::Receiver<Arc<News>>,
    pictures: watch::Receiver<Option<Arc<Picture>>>,
    /// One permit: long questions to the ledger, and check-ups, come one at a time.
    readers: Semaphore,
    /// One permit per open resident's screen.
    screens: Arc<Semaphore>,
    screen: watch::Receiver<Arc<Shown>>,
    /// When somebody last asked how sharp the picture is, in nanoseconds.
    focus_asked_at: AtomicU64,
}

impl Site {
    /// Asks the ledger something that may take a while, beside its writer; one question at a time.
    async fn read_ledger<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Path) -> Result<T, TallyError> + Send + 'static,
    ) -> Result<T, TallyError> {
        let _turn = self.readers.acquire().await;
        let path = self.page.info.state_dir.join("tally.db");
        let answer = tokio::task::spawn_blocking(move || question(&path)).await;
        answer.unwrap_or(Err(TallyError::Stopped))
    }

    /// Asks the sorting loop; `None` when it does not answer.
    async fn order(&self, command: Command) -> Option<Result<(), Refusal>> {
        let (answer, heard) = oneshot::channel();
        self.page.orders.try_send(Order { command, answer }).ok()?;
        tokio::time::timeout(HEARD_WITHIN, heard).await.ok()?.ok()
    }

    /// How long the sorting loop has published nothing.
    fn silence(&self, now: Moment) -> Duration {
        now.since(Moment::from_nanos(self.heard_at.load(Relaxed)))
    }

    /// Everything as it is now.
    fn scene(&self) -> Scene {
        let scene = self.page.scene(self.book.borrow().clone(), self.health.borrow().clone());
        // The boxes belong to the picture that is shown; without viewers there is none.
        let pictured = self.pictures.borrow().as_ref().map(|picture| picture.presence);
        let shown = pictured.filter(|presence| scene.now.since(presence.captured_at) < SILENT_AFTER);
        Scene { silent: self.silence(scene.now) > SILENT_AFTER, shown: shown.unwrap_or(scene.shown), ..scene }
    }
}
