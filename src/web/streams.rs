//! The two streams of the page: events and pictures. Each is a task that waits for news and for its client.
//!
//! Between task and client is room for one message, so that a client that does not read stops its own task only, and
//! then gets the newest. A stream ends with the client, with its session, or when the page is stopped.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;

use super::access::Who;
use super::events::StreamRefused;
use super::pictures::BOUNDARY;
use super::preview::Viewer;
use super::pulse::News;
use super::text::Language;
use super::wire::DropFacts;
use super::{STREAMS_MAX, Site, stopped};

/// An event at least this often, by which a page knows that it is still connected.
const BEAT_EVERY: Duration = Duration::from_secs(2);

/// A place among the open streams; `None` when all are taken.
pub(super) fn slot(site: &Site) -> Option<OwnedSemaphorePermit> {
    let slot = Semaphore::try_acquire_owned(Arc::clone(&site.slots)).ok();
    if slot.is_none() {
        StreamRefused { open: STREAMS_MAX }.emit();
    }
    slot
}

/// Server-sent events: `state` with the facts and the parts of the page that changed, `drop` for each drop,
/// `missed` with a number where drops went unmentioned because the client lagged, `beat` as a sign of life.
pub(super) fn events(site: Arc<Site>, language: Language, who: Who, slot: OwnedSemaphorePermit) -> Response {
    let (out, stream) = mpsc::channel(1);
    tokio::spawn(send_events(site, language, who, slot, out));
    Sse::new(ReceiverStream::new(stream)).into_response()
}

type Sending = mpsc::Sender<Result<Event, Infallible>>;

async fn send_events(
    site: Arc<Site>,
    language: Language,
    who: Who,
    _slot: OwnedSemaphorePermit,
    out: Sending,
) {
    let mut stop = site.stop.clone();
    let mut drops = site.page.drops.subscribe();
    let mut news = site.news.clone();
    news.mark_unchanged(); // what was drawn for the listener before this one may be old
    let mut sent = Arc::new(News::draw(&site));
    let mut event = state_event(&sent, &News::default(), language);
    let mut beats = tokio::time::interval(BEAT_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            sent = out.send(Ok(event)) => if sent.is_err() { break },
            () = stopped(&mut stop) => break,
        }
        event = tokio::select! {
            _ = beats.tick() => {
                if !site.access.still(&who, site.page.clock.now()) {
                    break;
                }
                Event::default().event("beat").data("1")
            }
            changed = news.changed() => {
                if changed.is_err() {
                    break;
                }
                let next = Arc::clone(&news.borrow_and_update());
                let event = state_event(&next, &sent, language);
                sent = next;
                event
            }
            drop = drops.recv() => match drop {
                Ok(drop) => Event::default().event("drop").data(DropFacts::of(&drop).to_json()),
                // The list of drops comes with the state; only these single events are lost.
                Err(RecvError::Lagged(missed)) => Event::default().event("missed").data(missed.to_string()),
                Err(RecvError::Closed) => break,
            },
            () = out.closed() => break,
            () = stopped(&mut stop) => break,
        };
    }
}

fn state_event(next: &News, sent: &News, language: Language) -> Event {
    let parts: serde_json::Map<String, serde_json::Value> =
        next.changed(sent, language).map(|(name, html)| (name.to_owned(), html.into())).collect();
    let parts = serde_json::Value::from(parts);
    Event::default().event("state").data(format!(r#"{{"facts":{},"parts":{parts}}}"#, next.facts))
}

/// The live picture as `multipart/x-mixed-replace`.
pub(super) fn picture(site: Arc<Site>, who: Who, slot: OwnedSemaphorePermit) -> Response {
    let (out, stream) = mpsc::channel(1);
    let viewer = site.page.preview.watch();
    tokio::spawn(send_pictures(site, who, viewer, slot, out));
    let kind = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    ([(CONTENT_TYPE, kind)], Body::from_stream(ReceiverStream::new(stream))).into_response()
}

async fn send_pictures(
    site: Arc<Site>,
    who: Who,
    _viewer: Viewer,
    _slot: OwnedSemaphorePermit,
    out: mpsc::Sender<Result<Bytes, Infallible>>,
) {
    let (mut pictures, mut stop) = (site.pictures.clone(), site.stop.clone());
    let mut looks = tokio::time::interval(BEAT_EVERY);
    pictures.mark_unchanged(); // the picture there may be from an hour ago
    let mut next = Bytes::from(format!("--{BOUNDARY}\r\n"));
    loop {
        tokio::select! {
            sent = out.send(Ok(next)) => if sent.is_err() { return },
            () = stopped(&mut stop) => return,
        }
        next = loop {
            tokio::select! {
                changed = pictures.changed() => if changed.is_err() { return },
                _ = looks.tick() => if !site.access.still(&who, site.page.clock.now()) { return },
                () = out.closed() => return,
                () = stopped(&mut stop) => return,
            }
            if let Some(picture) = pictures.borrow_and_update().as_ref() {
                break picture.part.clone();
            }
        };
    }
}
