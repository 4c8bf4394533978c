//! The settings: what is in force, what may be changed, and the way back.
//!
//! Never a judgement of its own: the configuration is checked as a whole by whoever keeps it ([`super::Tuning`]).

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::Site;
use super::access::{Role, Who};
use super::acting::{Answer, Deed, Fields, act};
use super::nav::{Tab, Visit, token};
use super::text::Words;
use super::tuning::{Changed, Knob};
use super::view::{icon, local};
use crate::streams::Stream;
use crate::tally::{AuditEntry, AuditOutcome};

const PATH: &str = Tab::Settings.path();
/// Lines of the audit log on the page.
const AUDIT_SHOWN: usize = 30;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(PATH, get(page))
        .route("/settings/change", act(change))
        .route("/settings/undo", act(undo))
}

async fn page(visit: Visit) -> Response {
    let tuning = Arc::clone(&visit.site.page.tuning);
    let read = tokio::task::spawn_blocking(move || (tuning.knobs(), tuning.text(), tuning.can_undo())).await;
    let Ok((knobs, text, can_undo)) = read else {
        return super::login::failed("the settings cannot be read");
    };
    let audit = match visit.site.page.tally.ask(|ledger| ledger.audit_recent(AUDIT_SHOWN)).await {
        Ok(audit) => audit,
        Err(error) => return super::login::failed(&error.to_string()),
    };
    let words = visit.words();
    let acts = visit.who.role == Role::Act;
    let body = html! {
        main #main {
            div .left {
                section aria-labelledby="knobs-title" {
                    h2 #knobs-title { (words.text("tab-settings")) }
                    p .note { (words.text("knobs-note")) }
                    form method="post" action="/settings/change" {
                        (token(&visit.who))
                        @for knob in &knobs { (field(words, knob, acts)) }
                        @if acts {
                            div .actions { button .primary type="submit" { (words.text("knobs-apply")) } }
                        }
                    }
                    @if acts && can_undo {
                        form .actions method="post" action="/settings/undo" {
                            (token(&visit.who))
                            button .plain type="submit" { (words.text("knobs-undo")) }
                        }
                    }
                }
            }
            div .right {
                section aria-labelledby="audit-title" {
                    h2 #audit-title { (words.text("audit-title")) }
                    (log(&visit, words, &audit))
                }
                section aria-labelledby="file-title" {
                    h2 #file-title { (words.text("file-title")) }
                    details {
                        summary { (words.text("file-show")) }
                        pre tabindex="0" { code { (text) } }
                    }
                }
            }
        }
    };
    visit.page(Tab::Settings, &[], None, &body).into_response()
}

fn field(words: Words<'_>, knob: &Knob, acts: bool) -> Markup {
    let id = knob.path.replace(['.', '_'], "-");
    let stream = knob.path.strip_prefix("judge.thresholds.").and_then(Stream::from_id);
    let label = match stream {
        Some(stream) => words.with("knob-threshold", "stream", words.stream(stream)),
        None => words.text(&format!("knob-{id}")),
    };
    html! {
        div .knob .changed[knob.changed] {
            label for=(id) { (label) }
            @if knob.choices.is_empty() {
                input id=(id) name=(knob.path) value=(knob.value) inputmode="decimal" autocomplete="off" readonly[!acts];
            } @else {
                select id=(id) name=(knob.path) disabled[!acts] {
                    @for choice in std::iter::once(&"").chain(knob.choices) {
                        @let key = if choice.is_empty() { "none" } else { choice };
                        option value=(choice) selected[knob.value == *choice] { (words.text(&format!("knob-{id}-{key}"))) }
                    }
                }
            }
            p .note {
                code { (knob.path) }
                @if knob.changed { " · " strong { (words.text("knob-changed")) } }
                @if !knob.live { " · " (words.text("knob-restart")) }
            }
        }
    }
}

fn log(visit: &Visit, words: Words<'_>, audit: &[AuditEntry]) -> Markup {
    html! {
        @if audit.is_empty() { p .note { (words.text("audit-none")) } }
        ul .log {
            @for entry in audit {
                li .refused[entry.outcome != AuditOutcome::Done] {
                    span .time { (local(&visit.site.page.info, entry.wall, "%m-%d %H:%M:%S")) }
                    span {
                        strong { (entry.who) } " " code { (entry.what) } " " (entry.detail)
                        @if entry.outcome != AuditOutcome::Done {
                            " · " (words.text(&format!("audit-{}", entry.outcome.id()))) " " (entry.why)
                        }
                    }
                }
            }
        }
    }
}

async fn change(site: Arc<Site>, _who: Who, fields: Fields) -> Deed {
    let wanted = fields.all();
    let tuning = Arc::clone(&site.page.tuning);
    let changed = tokio::task::spawn_blocking(move || tuning.change(&wanted)).await;
    conclude(&site, "settings_change", changed.unwrap_or_else(|error| Err(vec![error.to_string()])))
}

async fn undo(site: Arc<Site>, _who: Who, _fields: Fields) -> Deed {
    let tuning = Arc::clone(&site.page.tuning);
    let undone = tokio::task::spawn_blocking(move || tuning.undo()).await;
    conclude(&site, "settings_undo", undone.unwrap_or_else(|error| Err(vec![error.to_string()])))
}

fn conclude(site: &Site, what: &'static str, changed: Result<Changed, Vec<String>>) -> Deed {
    match changed {
        Ok(changed) if changed.what.is_empty() => Deed::done(what, String::new(), PATH, "knobs-same"),
        Ok(changed) => {
            let note = if changed.restart { "knobs-restart" } else { "knobs-applied" };
            Deed::done(what, changed.what.join(", "), PATH, note)
        }
        Err(problems) => {
            let page = (StatusCode::UNPROCESSABLE_ENTITY, refused(site, &problems)).into_response();
            let (outcome, why) = (AuditOutcome::Refused, problems.join("; "));
            Deed { what, detail: String::new(), outcome, why, answer: Answer::Page(page) }
        }
    }
}

/// Every problem at once, in both languages: it is made where nobody knows the visitor's.
fn refused(site: &Site, problems: &[String]) -> Markup {
    let both = super::text::Language::ALL.map(|language| site.texts.of(language));
    let words = both[0];
    let body = html! {
        main #main .cards {
            section .whole {
                @for words in both {
                    p .status .full { (icon::warning()) strong { (words.text("knobs-refused")) } }
                }
                ul .problems { @for problem in problems { li { code { (problem) } } } }
                p { a .button href=(PATH) { (words.text("knobs-back")) } }
            }
        }
    };
    let (bin, title) = (site.page.info.bin.as_str(), words.text("tab-settings"));
    super::nav::Frame { words, bin, tab: None, who: None, run: None, scripts: &[], note: None }
        .page(&title, &body)
}
