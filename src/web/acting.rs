//! Requests that change something: every one is checked the same way and written down, whatever comes of it.
//!
//! ```text
//!  POST ── session? ── role act? ── small, in time? ── token? ──> handler ──> Deed ──> audit log ──> back to the page
//!            │ login     │ refused    │ refused          │ refused
//! ```
//!
//! - Never a changing address outside [`act`], but for the login itself.
//! - Never a request larger than [`BODY_MOST`] or slower than [`BODY_WITHIN`].
//! - Never safety here: a page asks, the judge and the mechanism decide.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Form;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, post};

use super::access::{Role, Who};
use super::events::{Acted, AuditNotKept};
use super::{Site, nav};
use crate::tally::{AuditEntry, AuditOutcome};

/// Bytes of a form, at most.
const BODY_MOST: usize = 64 * 1024;
/// A form must be there within this time.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// The fields of a form.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of a field; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// Every field but the token.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        let fields = self.0.iter().filter(|(name, _)| name != "token");
        fields.map(|(name, value)| (name.clone(), value.trim().to_owned())).collect()
    }

    /// The value as it was sent: spaces may belong to a password.
    pub(super) fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// Reads a form of bounded size in bounded time.
    pub(super) async fn read(request: Request) -> Result<Self, (StatusCode, &'static str)> {
        let (parts, body) = request.into_parts();
        let body = match tokio::time::timeout(BODY_WITHIN, to_bytes(body, BODY_MOST)).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => return Err((StatusCode::PAYLOAD_TOO_LARGE, "the form is too large\n")),
            Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "the form did not come in time\n")),
        };
        let request = Request::from_parts(parts, Body::from(body));
        match Form::<Vec<(String, String)>>::from_request(request, &()).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(_) => Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "a form was expected\n")),
        }
    }
}

/// What came of a changing request.
pub(super) struct Deed {
    /// What was asked for, as an identifier: `flap_turn`.
    pub(super) what: &'static str,
    /// With which values, for the audit log; never a secret.
    pub(super) detail: String,
    pub(super) outcome: AuditOutcome,
    /// Why not, for the audit log.
    pub(super) why: String,
    pub(super) answer: Answer,
}

/// What the browser gets.
pub(super) enum Answer {
    /// Back to this address, with the text `note-...` of this identifier.
    Back(&'static str, &'static str),
    /// A page of its own.
    Page(Response),
}

impl Deed {
    /// It was done: back to `page` with a note.
    pub(super) fn done(what: &'static str, detail: String, page: &'static str, note: &'static str) -> Self {
        let (outcome, why) = (AuditOutcome::Done, String::new());
        Self { what, detail, outcome, why, answer: Answer::Back(page, note) }
    }

    /// It may not be, or not now: back to `page` with the reason's note.
    pub(super) fn refused(
        what: &'static str,
        detail: String,
        page: &'static str,
        note: &'static str,
    ) -> Self {
        let (outcome, why) = (AuditOutcome::Refused, note.to_owned());
        Self { what, detail, outcome, why, answer: Answer::Back(page, note) }
    }

    /// It was tried and failed: back to `page` with a note; the audit log gets the whole reason.
    pub(super) fn failed(
        what: &'static str,
        detail: String,
        page: &'static str,
        note: &'static str,
        why: impl std::fmt::Display,
    ) -> Self {
        let outcome = AuditOutcome::Failed;
        Self { what, detail, outcome, why: why.to_string(), answer: Answer::Back(page, note) }
    }

    /// Its row in the audit log.
    pub(super) fn entry(&self, site: &Site, who: &str, address: IpAddr) -> AuditEntry {
        AuditEntry {
            who: who.to_owned(),
            address: address.to_string(),
            what: self.what.to_owned(),
            detail: self.detail.clone(),
            outcome: self.outcome,
            why: self.why.clone(),
            wall: site.page.clock.wall(),
        }
    }
}

/// Makes a changing address of a handler. The handler runs only for whoever may act and sent the token; what it
/// returns is written into the audit log before the browser hears of it.
pub(super) fn act<F, Fut>(handler: F) -> MethodRouter<Arc<Site>>
where
    F: Fn(Arc<Site>, Who, Fields) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Deed> + Send + 'static,
{
    post(move |State(site): State<Arc<Site>>, request: Request| async move {
        let address = peer(&request);
        let Some(who) = request.extensions().get::<Who>().cloned() else {
            return StatusCode::UNAUTHORIZED.into_response();
        };
        let path = request.uri().path().to_owned();
        let refuse = |status: StatusCode, text: &'static str| Deed {
            what: "refused",
            detail: path.clone(),
            outcome: AuditOutcome::Refused,
            why: text.trim_end().to_owned(),
            answer: Answer::Page((status, text).into_response()),
        };
        let deed = if who.role == Role::Act {
            match Fields::read(request).await {
                Ok(fields) if fields.get("token") == who.token => {
                    handler(Arc::clone(&site), who.clone(), fields).await
                }
                Ok(_) => refuse(StatusCode::FORBIDDEN, "the form's token is wrong: load the page again\n"),
                Err((status, text)) => refuse(status, text),
            }
        } else {
            refuse(StatusCode::FORBIDDEN, "this login may look and not act\n")
        };
        conclude(&site, &who.name, address, deed).await
    })
}

/// Writes a deed down; says whether the audit log has it now.
pub(super) async fn write_down(site: &Site, entry: AuditEntry) -> bool {
    Acted { entry: &entry }.emit();
    let now = site.page.clock.now();
    let written = site.page.tally.ask(move |ledger| ledger.audit(&entry, now)).await;
    if let Err(error) = &written {
        AuditNotKept { error }.emit();
    }
    written.is_ok()
}

/// Writes a deed down, then answers.
pub(super) async fn conclude(site: &Site, who: &str, address: IpAddr, deed: Deed) -> Response {
    // The program's log has it in any case: whoever clears a jam must not be kept from it by a full disk.
    let _in_the_log = write_down(site, deed.entry(site, who, address)).await;
    match deed.answer {
        Answer::Page(response) => response,
        Answer::Back(page, note) => {
            let key = if deed.outcome == AuditOutcome::Done { "done" } else { "refused" };
            Redirect::to(&format!("{page}?{key}={note}#{}", nav::NOTE)).into_response()
        }
    }
}

/// Where a request comes from; the server puts it there.
pub(super) fn peer(request: &Request) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    request.extensions().get::<Peer>().map_or(unknown, |peer| peer.0)
}

/// `name=value` of an address, without the rest.
pub(super) fn query<'a>(request: &'a axum::http::Uri, name: &str) -> Option<&'a str> {
    let pairs = request.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Whether the client wants to be shown a page.
pub(super) fn wants_page(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/html"))
}
