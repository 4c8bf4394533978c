//! The camera: the region drawn on its picture, the empty chamber, how sharp and how bright the picture is, and every
//! calibration that was saved.
//!
//! Drawing needs a script; the four numbers do not. Never learns anything itself: that is the sorting loop's
//! ([`super::Calibrating`]).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::access::{Role, Who};
use super::acting::{Answer, Deed, Fields, act};
use super::nav::{Tab, Visit, token};
use super::tune::refused;
use super::view::camera::{self, FIELDS, Form};
use super::{Calibrated, Calibrating, Changed, NotSaved, Seen, Site, assets, login, view};
use crate::capture::Controls;
use crate::detect::Region;
use crate::tally::AuditOutcome;

const PATH: &str = Tab::Camera.path();
/// How sharp and how bright: asked for again and again while the page is open.
pub(super) const FOCUS: &str = "/camera/focus";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(PATH, get(page))
        .route(FOCUS, get(focus))
        .route("/camera/chamber", get(chamber))
        .route("/camera/save", act(save))
        .route("/camera/learn", act(learn))
        .route("/camera/return", act(go_back))
}

/// Asks whoever keeps the calibration, beside the runtime's own thread.
async fn ask<T: Send + 'static>(
    site: &Site,
    question: impl FnOnce(&dyn Calibrating) -> T + Send + 'static,
) -> Option<T> {
    let calibration = Arc::clone(&site.page.calibration);
    tokio::task::spawn_blocking(move || question(&*calibration)).await.ok()
}

/// The version in force; `None` where it cannot be read.
pub(super) async fn in_force(site: &Site) -> Option<Calibrated> {
    let versions = ask(site, |calibration| calibration.versions()).await?.ok()?;
    versions.into_iter().next()
}

async fn page(visit: Visit) -> Response {
    let versions = match ask(&visit.site, |calibration| calibration.versions()).await {
        Some(Ok(versions)) => versions,
        Some(Err(problems)) => return login::failed(&problems.join("; ")),
        None => return login::failed("the calibration cannot be read"),
    };
    let (words, info, scene) = (visit.words(), &visit.site.page.info, visit.site.scene());
    let part = |name: &str| view::part(name, words, info, &scene);
    let in_force = versions.first().cloned().unwrap_or_default();
    let form = Form { words, acts: visit.who.role == Role::Act, token: token(&visit.who) };
    let (width, height) = scene.camera.size;
    let body = html! {
        (view::live_head(words, &part("state")))
        main #main {
            div .left {
                div #draw data-width=(width) data-height=(height) { (view::chamber_section(words, part)) }
                (camera::light(words, None))
            }
            div .right {
                (camera::region(&form, &in_force, (width, height)))
                (camera::learn(&form, &in_force))
                (camera::versions(&form, info, &versions))
            }
        }
    };
    visit
        .page(Tab::Camera, &[&assets::SCRIPT, &assets::DRAW], Some(view::run_id(info)), &body)
        .into_response()
}

/// How sharp and how bright the picture is now.
async fn focus(visit: Visit) -> Markup {
    let site = &visit.site;
    site.focus_asked_at.store(site.page.clock.now().as_nanos(), Relaxed);
    let focus = site.pictures.borrow().as_ref().and_then(|picture| picture.focus);
    camera::readings(visit.words(), focus.as_ref())
}

/// The empty chamber in force.
async fn chamber(visit: Visit) -> Response {
    match ask(&visit.site, |calibration| calibration.chamber()).await.flatten() {
        Some(png) => ([(header::CONTENT_TYPE, "image/png")], png).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What a form says; `None` where it is not understood.
fn read(fields: &Fields) -> Option<Seen> {
    let number = |name: &str| fields.get(name).parse::<u32>().ok();
    let [x, y, width, height] = FIELDS.map(number);
    let region = Region { x: x?, y: y?, width: width?, height: height? };
    // An empty field leaves it to the camera.
    let control = |name: &str| match fields.get(name) {
        "" => Some(None),
        text => text.parse::<u32>().ok().map(Some),
    };
    let controls = Controls {
        exposure_100us: control("exposure_100us")?,
        gain: control("gain")?,
        white_balance_k: control("white_balance_k")?,
        focus: control("focus")?,
        mains_hz: control("mains_hz")?,
    };
    Some(Seen { region, controls })
}

async fn save(site: Arc<Site>, who: Who, fields: Fields) -> Deed {
    const WHAT: &str = "camera_save";
    let Some(seen) = read(&fields) else {
        return Deed::refused(WHAT, String::new(), PATH, "not-understood");
    };
    let saved = ask(&site, move |calibration| calibration.save(seen, false, &who.name)).await;
    conclude(&site, WHAT, saved)
}

async fn learn(site: Arc<Site>, who: Who, fields: Fields) -> Deed {
    let confirmed = fields.get("confirmed") == "yes";
    let saved = ask(&site, move |calibration| {
        let versions = calibration.versions().map_err(NotSaved::Problems)?;
        let seen = versions.first().map_or_else(Seen::default, |version: &Calibrated| version.seen);
        calibration.save(seen, confirmed, &who.name)
    })
    .await;
    conclude(&site, "camera_learn", saved)
}

async fn go_back(site: Arc<Site>, who: Who, fields: Fields) -> Deed {
    const WHAT: &str = "camera_return";
    let Ok(number) = fields.get("version").parse() else {
        return Deed::refused(WHAT, String::new(), PATH, "not-understood");
    };
    let saved = ask(&site, move |calibration| calibration.back_to(number, &who.name)).await;
    conclude(&site, WHAT, saved)
}

fn conclude(site: &Site, what: &'static str, saved: Option<Result<Changed, NotSaved>>) -> Deed {
    match saved {
        Some(Ok(changed)) => {
            let note = if changed.restart { "camera-restart" } else { "camera-saved" };
            Deed::done(what, changed.what.join(", "), PATH, note)
        }
        Some(Err(NotSaved::Problems(problems))) => {
            let page = refused(site, PATH, &problems);
            let answer = Answer::Page((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
            let why = problems.join("; ");
            Deed { what, detail: String::new(), outcome: AuditOutcome::Refused, why, answer }
        }
        Some(Err(why)) => Deed::refused(what, String::new(), PATH, why.id()),
        None => Deed::failed(what, String::new(), PATH, "loop-unheard", "the calibration's keeper ended"),
    }
}
