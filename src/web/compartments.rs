//! The compartments: emptied by one button each, full or not, closed or open.
//!
//! What is said here is written into the ledger first and holds after a restart; then the sorting loop hears of it.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::Site;
use super::access::{Role, Who};
use super::acting::{Deed, Fields, act};
use super::nav::{Tab, Visit, token};
use super::text::{Words, grouped, key};
use super::view::{accent, bar, icon, local, percent};
use crate::judge::{Command, CompartmentId};
use crate::mechanism::sensors::level::Seen;
use crate::streams::Stream;
use crate::tally::{CompartmentBook, CompartmentEvent};

const PATH: &str = Tab::Compartments.path();
/// What is asked for, in the audit log.
const WHAT: &str = "compartment";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route(PATH, get(page)).route("/compartments/say", act(say))
}

async fn page(visit: Visit) -> Response {
    let streams = visit.site.page.info.compartments.clone();
    let configured = visit.site.page.live.borrow().compartments.clone();
    let read = visit.site.page.tally.ask(move |ledger| {
        streams
            .into_iter()
            .map(|stream| Ok((stream, ledger.compartment(stream)?)))
            .collect::<Result<Vec<_>, _>>()
    });
    let mut books = match read.await {
        Ok(books) => books,
        Err(error) => return super::login::failed(&error.to_string()),
    };
    for ((stream, book), now) in books.iter_mut().zip(&configured) {
        // Where nobody has said anything, the configuration has.
        if *stream == now.stream {
            book.closed = Some(now.disabled);
        }
    }
    let (fill, now) = (visit.site.page.fill.borrow().clone(), visit.site.page.clock.now());
    let sensed: Vec<_> = (0..books.len()).map(|index| fill.of(index, now)).collect();
    visit.page(Tab::Compartments, &[], None, &body(&visit, &books, &sensed)).into_response()
}

fn body(visit: &Visit, books: &[(Stream, CompartmentBook)], sensed: &[Option<Seen>]) -> Markup {
    let words = visit.words();
    html! {
        main #main .cards {
            h1 { (words.text("tab-compartments")) }
            @for (number, ((stream, book), seen)) in (1..).zip(books.iter().zip(sensed)) {
                (card(visit, words, number, *stream, (book, *seen)))
            }
        }
    }
}

fn card(
    visit: &Visit,
    words: Words<'_>,
    number: usize,
    stream: Stream,
    (book, seen): (&CompartmentBook, Option<Seen>),
) -> Markup {
    let closed = book.closed == Some(true);
    let (class, mark, state) = match (closed, book.full) {
        (true, _) => ("closed", icon::pause(), "compartment-closed"),
        (false, true) => ("full", icon::full(), "compartment-full"),
        (false, false) => ("open", icon::ready(), "compartment-open"),
    };
    let emptied = book.emptied.map(|wall| local(&visit.site.page.info, wall, "%m-%d %H:%M"));
    let button = |event: CompartmentEvent, primary: bool| {
        html! {
            button .primary[primary] .plain[!primary] type="submit" name="event" value=(event.id()) {
                (words.text(&super::text::key("compartment-say", event.id())))
            }
        }
    };
    html! {
        section .card .(accent(stream)) aria-labelledby={ "c" (number) } {
            h2 #{ "c" (number) } {
                span .number-mark aria-hidden="true" { (number) }
                span { (words.stream(stream)) }
            }
            p .status .(class) { (mark) strong { (words.text(state)) } }
            p .note {
                (words.with("compartment-items", "count", grouped(book.items_since)))
                " · "
                @match &emptied {
                    Some(time) => (words.with("compartment-emptied", "time", time.as_str())),
                    None => (words.text("compartment-never")),
                }
            }
            @if let Some(seen) = seen { (sensor(words, stream, seen)) }
            @if visit.who.role == Role::Act {
                form .actions method="post" action="/compartments/say" {
                    (token(&visit.who))
                    input type="hidden" name="stream" value=(stream.id());
                    (button(CompartmentEvent::Emptied, true))
                    (button(if book.full { CompartmentEvent::NotFull } else { CompartmentEvent::Full }, false))
                    (button(if closed { CompartmentEvent::Opened } else { CompartmentEvent::Closed }, false))
                }
            }
        }
    }
}

/// What the compartment's sensor says, or why that is not known.
fn sensor(words: Words<'_>, stream: Stream, seen: Seen) -> Markup {
    let distance = seen.distance_mm.map(|mm| format!("{mm:.0}"));
    html! {
        @match (seen.level, seen.trouble) {
            (Some(level), _) => {
                div .level {
                    (bar(level, &accent(stream)))
                    span .number { (percent(level)) }
                }
                @if let Some(distance) = distance { p .note { (words.with("compartment-distance", "mm", distance)) } }
            }
            (None, Some(trouble)) => {
                p .note { (icon::warning()) " " strong { (words.text("compartment-unknown")) }
                    " " (words.text(&key("sensor", trouble.id()))) }
            }
            (None, None) => p .note { (words.text("compartment-room")) },
        }
    }
}

async fn say(site: Arc<Site>, who: Who, fields: Fields) -> Deed {
    let (stream, event) = (fields.get("stream"), fields.get("event"));
    let detail = format!("{stream} {event}");
    let found = Stream::from_id(stream).zip(CompartmentEvent::from_id(event)).and_then(|(stream, event)| {
        let index = site.page.info.compartments.iter().position(|known| *known == stream)?;
        Some((stream, event, CompartmentId(u8::try_from(index).ok()?)))
    });
    let Some((stream, event, id)) = found else {
        return Deed::refused(WHAT, detail, PATH, "not-understood");
    };
    let wall = site.page.clock.wall();
    let written =
        site.page.tally.ask(move |ledger| ledger.note_compartment(stream, event, &who.name, wall)).await;
    if let Err(error) = written {
        return Deed::failed(WHAT, detail, PATH, "not-written", error);
    }
    let command = match event {
        CompartmentEvent::Emptied | CompartmentEvent::NotFull => Command::Full(id, false),
        CompartmentEvent::Full => Command::Full(id, true),
        CompartmentEvent::Closed => Command::Disabled(id, true),
        CompartmentEvent::Opened => Command::Disabled(id, false),
    };
    if site.order(command).await.is_some() {
        Deed::done(WHAT, detail, PATH, "compartment-said")
    } else {
        Deed::failed(WHAT, detail, PATH, "loop-silent", "the sorting loop does not answer")
    }
}
