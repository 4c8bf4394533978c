//! Teach: the crew shows items one after another, sees each one taken, and lets the bin judge by them.
//!
//! - Never a decision here: every button is a question to whoever teaches ([`super::Teaching`]), who may refuse.
//! - Never a picture to keep: it comes out of memory, of the item alone, and a browser may not store it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::access::{Role, Who};
use super::acting::{Deed, Fields, act};
use super::nav::{Tab, Visit, token};
use super::view;
use super::{Site, assets};
use crate::teach::{Ask, Kind, TeachError};

const PATH: &str = Tab::Teach.path();
/// The form that every button of a lesson belongs to: the buttons are drawn for all, the token for one.
pub(super) const FORM: &str = "lesson-form";
/// Whoever teaches answers within this time, or fits just now.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(PATH, get(page))
        .route("/teach/picture/{id}", get(picture))
        .route("/teach/ask", act(ask))
}

async fn page(visit: Visit) -> Markup {
    let (words, info, scene) = (visit.words(), &visit.site.page.info, visit.site.scene());
    let part = |name: &str| view::part(name, words, info, &scene);
    let acts = visit.who.role == Role::Act;
    let body = html! {
        div #lesson-now aria-live="polite" { (part("lesson-now")) }
        (view::connection(words))
        main #main .looks[!acts] {
            div #alarms { (part("alarms")) }
            div .left { div #lesson { (part("lesson")) } }
            div .right { (view::chamber_section(words, part)) }
        }
        @if acts { form #(FORM) method="post" action="/teach/ask" { (token(&visit.who)) } }
    };
    visit.page(Tab::Teach, &[&assets::SCRIPT], Some(view::run_id(info)), &body)
}

/// `GET /teach/picture/ID`: an item of the present lesson.
async fn picture(State(site): State<Arc<Site>>, Path(id): Path<u64>) -> Response {
    let board = site.page.teaching.board();
    match board.items.iter().find(|item| item.id == id) {
        Some(item) => ([(CONTENT_TYPE, "image/jpeg")], item.picture.to_vec()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What a button stands for: its name in the audit log, what to ask, and the note when it was done.
fn question(text: &str) -> Option<(&'static str, Ask, &'static str)> {
    let (verb, what) = text.split_once(' ').unwrap_or((text, ""));
    Some(match verb {
        "begin" => ("teach_begin", Ask::Begin, "teach-begun"),
        "choose" => ("teach_choose", Ask::Choose(Kind::from_id(what)?), "teach-chosen"),
        "remove" => ("teach_remove", Ask::Remove(what.parse().ok()?), "teach-removed"),
        "fit" => ("teach_fit", Ask::Fit, "teach-fitting"),
        "apply" => ("teach_apply", Ask::Apply, "teach-applied"),
        "undo" => ("teach_undo", Ask::Undo, "teach-undone"),
        "end" => ("teach_end", Ask::End, "teach-ended"),
        _ => return None,
    })
}

/// The note for what may not be, or not now; `None` for what went wrong.
const fn refusal(error: &TeachError) -> Option<&'static str> {
    Some(match error {
        TeachError::Bundle { .. } => "teach-bundle",
        TeachError::NothingTaught => "teach-nothing-taught",
        TeachError::NothingChosen => "teach-nothing-chosen",
        TeachError::NotFitted => "teach-not-fitted",
        TeachError::Worse { .. } => "teach-worse",
        TeachError::TooMany { .. } => "teach-too-many",
        TeachError::NothingToUndo { .. } => "teach-nothing-to-undo",
        TeachError::NoLesson => "teach-no-lesson",
        TeachError::Configured { .. } => "teach-configured",
        TeachError::TeachingAgain => "teach-again",
        _ => return None,
    })
}

async fn ask(site: Arc<Site>, _who: Who, fields: Fields) -> Deed {
    let text = fields.get("ask").to_owned();
    let Some((what, ask, note)) = question(&text) else {
        return Deed::refused("teach", text, PATH, "not-understood");
    };
    let answer = tokio::time::timeout(HEARD_WITHIN, site.page.teaching.ask(ask)).await;
    match answer {
        Ok(Ok(Ok(detail))) => Deed::done(what, detail, PATH, note),
        Ok(Ok(Err(error))) => match refusal(&error) {
            Some(note) => Deed::refused(what, text, PATH, note),
            None if matches!(error, TeachError::NotHeard) => {
                Deed::failed(what, text, PATH, "teach-not-heard", error)
            }
            None => Deed::failed(what, text, PATH, "teach-failed", error),
        },
        Ok(Err(_)) | Err(_) => {
            Deed::failed(what, text, PATH, "teach-busy", "whoever teaches does not answer")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Stream;

    #[test]
    fn every_button_is_one_question_and_nothing_else_is() {
        let asked = |text| question(text).map(|(_, ask, _)| ask);
        assert_eq!(asked("choose glass"), Some(Ask::Choose(Kind::Of(Stream::Glass))));
        assert_eq!(asked("choose unknown"), Some(Ask::Choose(Kind::Unknown)));
        assert_eq!(asked("remove 12"), Some(Ask::Remove(12)));
        assert_eq!(asked("apply"), Some(Ask::Apply));
        for nonsense in ["", "choose", "choose tin", "remove", "remove -1", "explode"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
    }
}
