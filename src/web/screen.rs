//! The resident's screen: what the bin does with the item in the wet hand before it.
//!
//! ```text
//!  sorting loop ──Live──> Follower ──Face──> drawn once ──┬──> GET /screen         the whole screen
//!                                                         └──> GET /screen/events  each new face, at once
//! ```
//!
//! - Never a picture from the camera: the answer's own policy forbids the browser to show any.
//! - Never anything to press, nor anything that waits for a resident.
//! - Never later than it must: a face is sent when the loop publishes it, not at the page's own pace.
//! - Never takes a place from the crew's page: it has places of its own, [`SCREENS_MAX`].

mod face;
mod pictogram;
mod rules;
mod view;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;

use super::events::StreamRefused;
use super::text::{Language, Texts};
use super::view::run_id;
use super::{Display, Info, SILENT_AFTER, Site, routes, stopped};
pub(crate) use face::{Face, Follower, Outcome};
pub use rules::{Both, NAME_EN_MAX, NAME_KO_MAX, RULE_EN_MAX, RULE_KO_MAX, Rule, Rules};

/// Screens that may be open at once: the bin's own, and one somebody looks at from afar.
pub const SCREENS_MAX: usize = 4;
/// A word at least this often, by which a screen knows that the bin is there.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// Without news from the loop the bin is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Nothing from elsewhere, and no picture from anywhere: the drawings are part of the page.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                              base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How the screen is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Width of the visible picture, millimetres.
    pub width_mm: f32,
    /// Height of the smallest capital letter, millimetres.
    pub letter_mm: f32,
    /// What it says aloud.
    pub voice: Voice,
    /// The streams' rules.
    pub rules: Rules,
}

/// The browser's own speech.
#[derive(Clone, Debug, PartialEq)]
pub struct Voice {
    /// 1 is the usual speed.
    pub rate: f32,
    /// Says everything in Korean.
    pub korean: bool,
    /// Says everything in English, after Korean.
    pub english: bool,
}

impl Voice {
    /// The languages' tags, as the screen's script takes them.
    fn languages(&self, first: Language) -> String {
        let speaks = |language: &Language| match language {
            Language::Korean => self.korean,
            Language::English => self.english,
        };
        let tags = first.first().into_iter().filter(speaks).map(Language::id);
        tags.collect::<Vec<_>>().join(" ")
    }
}

/// The screen as it was drawn last.
#[derive(Debug)]
pub(super) struct Shown {
    face: Face,
    display: Display,
    /// The event's data.
    data: String,
}

impl Shown {
    pub(super) fn draw(texts: &Texts, info: &Info, display: Display, face: Face) -> Self {
        let settings = &info.screen;
        let say = |language| view::say(face, texts.of(language), settings);
        let data = json!({
            "run": run(info, display),
            "face": face.id(),
            "html": view::face(face, texts, settings, first(display)).into_string(),
            "say": { "ko": say(Language::Korean), "en": say(Language::English) },
        });
        Self { face, display, data: data.to_string() }
    }
}

/// The language that stands first.
fn first(display: Display) -> Language {
    display.language.unwrap_or(Language::Korean)
}

/// What tells one screen from the next: it loads itself anew when this changes.
fn run(info: &Info, display: Display) -> String {
    format!("{}-{}-{}", run_id(info), first(display).id(), display.volume_percent)
}

/// Follows the loop and draws each new face once, whoever watches.
pub(super) async fn follow(site: Arc<Site>, shown: watch::Sender<Arc<Shown>>) {
    let mut live = site.page.live.clone();
    let mut follower = Follower::new(site.page.info.doors);
    loop {
        let now = site.page.clock.now();
        let face = follower.look(&live.borrow_and_update(), site.silence(now) > SILENT_AFTER, now);
        let display = site.page.tuning.display();
        let known = shown.borrow().clone();
        if known.face != face || known.display != display {
            shown.send_replace(Arc::new(Shown::draw(&site.texts, &site.page.info, display, face)));
        }
        // A loop that has ended publishes nothing more: its silence will show.
        let news = async {
            if live.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let _looked_anyway = tokio::time::timeout(LOOK_EVERY, news).await;
    }
}

/// Open to everybody.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/screen", get(page))
        .route("/screen/events", get(events))
        .route("/screen-size.css", get(size))
}

/// `GET /screen`
async fn page(State(site): State<Arc<Site>>) -> Response {
    let info = &site.page.info;
    let face = site.screen.borrow().face;
    let display = site.page.tuning.display();
    let look = view::Look { first: first(display), volume_percent: display.volume_percent };
    let page = view::page(face, &site.texts, &info.screen, look, &run(info, display));
    ([(CONTENT_SECURITY_POLICY, CONTENT_POLICY)], page).into_response()
}

/// `GET /screen-size.css`: how large a letter is on this screen. Its own file, because pages carry no styles.
async fn size(State(site): State<Arc<Site>>) -> Response {
    let settings = &site.page.info.screen;
    let letter_vw = settings.letter_mm / settings.width_mm * 100.0;
    ([(CONTENT_TYPE, "text/css")], format!(":root {{ --letter: {letter_vw:.4}vw; }}\n")).into_response()
}

/// `GET /screen/events`: `face` with each new face, `beat` as a sign of life.
async fn events(State(site): State<Arc<Site>>) -> Response {
    let Ok(slot) = Semaphore::try_acquire_owned(Arc::clone(&site.screens)) else {
        StreamRefused { open: SCREENS_MAX }.emit();
        return routes::too_many(SCREENS_MAX);
    };
    let (out, stream) = mpsc::channel(1);
    tokio::spawn(send(site.screen.clone(), site.stop.clone(), slot, out));
    Sse::new(ReceiverStream::new(stream)).into_response()
}

async fn send(
    mut shown: watch::Receiver<Arc<Shown>>,
    mut stop: watch::Receiver<bool>,
    _slot: OwnedSemaphorePermit,
    out: mpsc::Sender<Result<Event, Infallible>>,
) {
    let mut beats = tokio::time::interval(BEAT_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    shown.mark_changed();
    loop {
        let event = tokio::select! {
            changed = shown.changed() => {
                if changed.is_err() {
                    return;
                }
                Event::default().event("face").data(&shown.borrow_and_update().data)
            }
            _ = beats.tick() => Event::default().event("beat").data("1"),
            () = out.closed() => return,
            () = stopped(&mut stop) => return,
        };
        tokio::select! {
            sent = out.send(Ok(event)) => if sent.is_err() { return },
            () = stopped(&mut stop) => return,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::streams::Stream;

    /// A screen with the rules that ship, and a city that collects batteries.
    pub(in crate::web) fn settings() -> Settings {
        let file: toml::Table = include_str!("../../calibration/rules.toml").parse().unwrap();
        let rule = |stream: Stream| {
            let both = |ko: &str, en: &str| Both { ko: ko.to_owned(), en: en.to_owned() };
            let Some(rule) = file["rule"].get(stream.id()) else {
                let batteries = both("폐건전지", "Batteries");
                let rule = Rule {
                    words: both("녹슨 것은 넣지 마세요", "No rusty ones"),
                    name: Some(batteries),
                };
                return if stream == Stream::City2 { rule } else { Rule::default() };
            };
            let text = |language: &str| rule[language].as_str().unwrap().to_owned();
            Rule { words: Both { ko: text("ko"), en: text("en") }, name: None }
        };
        Settings {
            width_mm: 268.0,
            letter_mm: 12.0,
            voice: Voice { rate: 1.0, korean: true, english: false },
            rules: Rules {
                date: jiff::civil::date(2026, 11, 22),
                source: "a test".to_owned(),
                rules: Stream::ALL.map(rule),
            },
        }
    }

    #[test]
    fn the_voices_are_named_the_first_language_first() {
        let voice = |korean, english, first| Voice { korean, english, ..settings().voice }.languages(first);
        assert_eq!(voice(true, true, Language::Korean), "ko en");
        assert_eq!(voice(true, true, Language::English), "en ko");
        assert_eq!(voice(false, false, Language::Korean), "");
    }
}
