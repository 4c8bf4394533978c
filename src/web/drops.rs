//! Drops: the last ones, and those of a day or a stream, with their small pictures where such are kept; "that was glass".
//! Also all of them, as a file.
//!
//! Never a picture for somebody without a row in the audit log that says so.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{self, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use jiff::civil::Date;
use maud::{Markup, html};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::access::{Role, Who};
use super::acting::{Deed, Fields, Peer, act, write_down};
use super::nav::{Tab, Visit, token};
use super::view::{book, swatch};
use super::{Info, Site, sign};
use crate::streams::Stream;
use crate::tally::{
    DropRecord, DropState, ExportFormat, Search, Span, TallyError, corrections, day_start_ms, export_beside,
    search,
};

const PATH: &str = Tab::Drops.path();
/// What is asked for, in the audit log.
const CORRECT: &str = "correct";
const WITHDRAW: &str = "withdraw";

/// Drops on one page.
const PAGE: usize = 50;
/// Chunks of the file that may wait for the browser.
const CHUNKS: usize = 4;
const CHUNK_BYTES: usize = 32 * 1024;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(PATH, get(page))
        .route("/drops.csv", get(csv))
        .route("/drops/picture/{seq}", get(picture))
        .route("/drops/correct", act(correct))
        .route("/drops/withdraw", act(withdraw))
}

/// What is looked for, as it stands in the address; what makes no sense finds everything.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    day: String,
    stream: String,
    before: Option<u64>,
}

impl Asked {
    fn stream(&self) -> Option<Stream> {
        Stream::from_id(&self.stream)
    }

    fn search(&self, info: &Info) -> Search {
        let day = self.day.parse::<Date>().ok().and_then(|day| Span::day(day, &info.zone));
        Search { span: day.unwrap_or(Span::ALL), stream: self.stream(), before: self.before }
    }

    /// The address of the page after this one.
    fn older(&self, last: u64) -> String {
        let day = self.day.parse::<Date>().map(|day| day.to_string()).unwrap_or_default();
        format!("?day={day}&stream={}&before={last}", self.stream().map_or("", Stream::id))
    }
}

async fn page(
    State(site): State<Arc<Site>>,
    Extension(Peer(address)): Extension<Peer>,
    visit: Visit,
    Query(asked): Query<Asked>,
) -> Response {
    let info = &site.page.info;
    let wanted = asked.search(info);
    let read = move |path: &Path| {
        let drops = search(path, &wanted, PAGE)?;
        let (first, last) =
            (drops.last().map_or(0, |drop| drop.seq), drops.first().map_or(0, |drop| drop.seq));
        Ok(Found { truths: corrections(path, first, last)?, drops, pictured: HashSet::new() })
    };
    let mut found = match site.read_ledger(read).await {
        Ok(found) => found,
        Err(error) => return super::login::failed(&error.to_string()),
    };
    found.pictured = show_pictures(&site, &visit.who, address, &found.drops).await;
    let today = day_start_ms(site.page.clock.wall().unix_ms, &info.zone);
    visit.page(Tab::Drops, &[], None, &body(&visit, &asked, &found, today)).into_response()
}

/// Drops, what the crew said of some of them, and which have pictures.
struct Found {
    drops: Vec<DropRecord>,
    truths: HashMap<u64, Stream>,
    pictured: HashSet<u64>,
}

/// The drops whose pictures this page may show, now that the audit log has it.
async fn show_pictures(site: &Site, who: &Who, address: IpAddr, drops: &[DropRecord]) -> HashSet<u64> {
    let Some(album) = &site.page.album else { return HashSet::new() };
    let held = drops.iter().filter(|drop| album.holds(&drop.id, drop.seq)).map(|drop| drop.seq);
    let seqs: Vec<u64> = held.collect();
    let (Some(newest), Some(oldest)) = (seqs.first(), seqs.last()) else { return HashSet::new() };
    let detail = format!("{} of drops {oldest} to {newest}", seqs.len());
    let entry = Deed::done("look_at_pictures", detail, PATH, "").entry(site, &who.name, address);
    if !write_down(site, entry).await {
        return HashSet::new();
    }
    album.show(&who.name, &seqs);
    seqs.into_iter().collect()
}

/// `GET /drops/picture/SEQ`: of a drop on a page that was shown to this login.
async fn picture(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    extract::Path(seq): extract::Path<u64>,
) -> Response {
    let path = site.page.album.as_ref().and_then(|album| album.shown(&who.name, seq));
    let Some(path) = path else { return StatusCode::NOT_FOUND.into_response() };
    match tokio::task::spawn_blocking(move || std::fs::read(path)).await {
        Ok(Ok(jpeg)) => ([(CONTENT_TYPE, "image/jpeg")], jpeg).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What the crew says a drop truly was, and the ways to take that back and to say so.
fn truth(visit: &Visit, drop: &DropRecord, said: Option<Stream>) -> Markup {
    let words = visit.words();
    let may = visit.who.role == Role::Act && drop.state == DropState::Confirmed;
    html! {
        @if let Some(truth) = said {
            p .truth .right[truth == drop.verdict.seen] {
                (swatch(truth)) (words.with("drops-truth", "stream", words.stream(truth)))
            }
            @if may {
                form .withdraw method="post" action="/drops/withdraw" {
                    (token(&visit.who))
                    input type="hidden" name="seq" value=(drop.seq);
                    button .plain type="submit" { (words.text("drops-withdraw")) }
                }
            }
        }
        @if may {
            details .correct {
                summary { (words.text("drops-correct")) }
                form method="post" action="/drops/correct" {
                    (token(&visit.who))
                    input type="hidden" name="seq" value=(drop.seq);
                    div .truths {
                        @for stream in visit.site.page.info.streams() {
                            button .plain type="submit" name="truth" value=(stream.id()) { (swatch(stream)) (words.stream(stream)) }
                        }
                    }
                }
            }
        }
    }
}

/// `POST /drops/correct`
async fn correct(site: Arc<Site>, who: Who, fields: Fields) -> Deed {
    let detail = format!("{} {}", fields.get("seq"), fields.get("truth"));
    let understood = fields.get("seq").parse().ok().zip(Stream::from_id(fields.get("truth")));
    let Some((seq, truth)) = understood else {
        return Deed::refused(CORRECT, detail, PATH, "not-understood");
    };
    let wall = site.page.clock.wall();
    match site.page.tally.ask(move |ledger| ledger.correct(seq, truth, &who.name, wall)).await {
        Ok(()) => {
            site.page.teaching.said();
            Deed::done(CORRECT, detail, PATH, "corrected")
        }
        Err(TallyError::UnknownDrop { .. }) => Deed::refused(CORRECT, detail, PATH, "not-understood"),
        Err(error) => Deed::failed(CORRECT, detail, PATH, "not-written", error),
    }
}

/// `POST /drops/withdraw`
async fn withdraw(site: Arc<Site>, who: Who, fields: Fields) -> Deed {
    let detail = fields.get("seq").to_owned();
    let Ok(seq) = detail.parse() else { return Deed::refused(WITHDRAW, detail, PATH, "not-understood") };
    let wall = site.page.clock.wall();
    match site.page.tally.ask(move |ledger| ledger.withdraw(seq, &who.name, wall)).await {
        Ok(()) => {
            site.page.teaching.said();
            Deed::done(WITHDRAW, detail, PATH, "withdrawn")
        }
        Err(TallyError::NothingSaid { .. }) => Deed::refused(WITHDRAW, detail, PATH, "nothing-said"),
        Err(error) => Deed::failed(WITHDRAW, detail, PATH, "not-written", error),
    }
}

fn body(visit: &Visit, asked: &Asked, found: &Found, today: i64) -> Markup {
    let (words, info) = (visit.words(), &visit.site.page.info);
    let drops = &found.drops;
    let more = drops.last().filter(|_| drops.len() == PAGE);
    html! {
        main #main .single {
            h1 { (words.text("tab-drops")) }
            form .find method="get" action="/drops" {
                label { (words.text("drops-day")) input type="date" name="day" value=(asked.day); }
                label {
                    (words.text("counts-stream"))
                    select name="stream" {
                        option value="" { (words.text("drops-any")) }
                        @for stream in info.streams() {
                            option value=(stream.id()) selected[asked.stream() == Some(stream)] { (words.stream(stream)) }
                        }
                    }
                }
                button type="submit" { (words.text("drops-find")) }
            }
            @if let Some(album) = &visit.site.page.album {
                p .note { (sign::note(words, album.keeping())) }
            }
            section .drops aria-label=(words.text("tab-drops")) {
                @if drops.is_empty() {
                    p .note { (words.text("drops-found-none")) }
                } @else {
                    (book::list(words, info, drops, today, |drop| html! {
                        @if found.pictured.contains(&drop.seq) {
                            img .judged src=(format!("/drops/picture/{}", drop.seq)) loading="lazy" alt=(words.text("drops-picture"));
                        }
                        (truth(visit, drop, found.truths.get(&drop.seq).copied()))
                    }))
                }
            }
            p .downloads {
                @if let Some(last) = more { a .button href=(asked.older(last.seq)) { (words.text("drops-older")) } }
                @if asked.before.is_some() { a .button href="/drops" { (words.text("drops-newest")) } }
                a .button href="/drops.csv" download="" { (words.text("drops-csv")) }
            }
        }
    }
}

/// `GET /drops.csv`: everything, as `bunri tally export --csv` writes it.
async fn csv(State(site): State<Arc<Site>>) -> Response {
    let (chunks, body) = mpsc::channel(CHUNKS);
    let zone = site.page.info.zone.clone();
    tokio::spawn(async move {
        let written = site.read_ledger(move |path| {
            let mut out = io::BufWriter::with_capacity(CHUNK_BYTES, Chunks(&chunks));
            // A browser that went away, or a ledger that cannot be read to its end, cuts the file short.
            let exported = export_beside(path, ExportFormat::Csv, &zone, &mut out);
            drop(out);
            if let Err(error) = &exported {
                let _gone = chunks.blocking_send(Err(io::Error::other(error.to_string()))).is_err();
            }
            exported
        });
        let _told_already = written.await.is_err();
    });
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"drops.csv\""),
    ];
    (headers, Body::from_stream(ReceiverStream::new(body))).into_response()
}

/// Hands what is written to whoever reads the answer; waits for them.
struct Chunks<'a>(&'a mpsc::Sender<io::Result<Bytes>>);

impl io::Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(chunk)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
