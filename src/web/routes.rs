//! Which address answers whom with what, and what every answer carries.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::access::{Who, cookie};
use super::acting::{query, wants_page};
use super::nav::Visit;
use super::text::Language;
use super::{
    STREAMS_MAX, Site, assets, camera, checkup, compartments, counts, drops, flap, login, metrics, screen,
    streams, teach, tune, view,
};

/// Nothing but what this program serves, and no script or style inside the page.
const CONTENT_POLICY: &str = "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; \
                              connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What every answer carries.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

type Shared = State<Arc<Site>>;

/// The language that `?lang=` chose last.
const LANGUAGE: &str = "bunri_lang";

/// The addresses: those for everybody, and the crew's.
pub(super) fn router(site: &Arc<Site>) -> Router {
    let mut open =
        Router::new().route(login::PATH, get(login::form).post(login::log_in)).route("/healthz", get(health));
    open = open.merge(screen::routes()).merge(metrics::routes());
    for asset in assets::ALL {
        open = open.route(asset.route, get(move || async move { asset.answer() }));
    }
    let crew = Router::new()
        .route("/", get(page))
        .route("/events", get(events))
        .route("/picture", get(picture))
        .route("/logout", post(login::log_out))
        .merge(camera::routes())
        .merge(compartments::routes())
        .merge(checkup::routes())
        .merge(counts::routes())
        .merge(drops::routes())
        .merge(flap::routes())
        .merge(teach::routes())
        .merge(tune::routes())
        .route_layer(middleware::from_fn_with_state(Arc::clone(site), entry));
    let names = Arc::new(site.settings.names.clone());
    open.merge(crew)
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(names, guard))
        .with_state(Arc::clone(site))
}

/// Lets in whoever has a session. What a page asks by itself does not keep one alive: an open page is
/// not a person.
async fn entry(State(site): Shared, mut request: Request, next: Next) -> Response {
    let stream = matches!(request.uri().path(), "/events" | "/picture" | camera::FOCUS);
    match site.access.who(request.headers(), site.page.clock.now(), !stream) {
        Ok(Some(who)) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Ok(None) if request.method() == Method::GET && !stream => {
            Redirect::to(&format!("{}?next={}", login::PATH, request.uri().path())).into_response()
        }
        Ok(None) if wants_page(&request) && !stream => Redirect::to(login::PATH).into_response(),
        Ok(None) => (StatusCode::UNAUTHORIZED, "log in first\n").into_response(),
        Err(error) => error.into_response(),
    }
}

/// The language of an answer: `?lang=`, then the one chosen last, then the bin's, the browser's, Korean.
pub(super) struct Tongue(pub(super) Language);

impl FromRequestParts<Arc<Site>> for Tongue {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Infallible> {
        Ok(Self(Self::of(parts, site)))
    }
}

impl Tongue {
    pub(super) fn of(parts: &Parts, site: &Site) -> Language {
        let asked = query(&parts.uri, "lang").or_else(|| cookie(&parts.headers, LANGUAGE));
        let accepted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::choose(asked, site.page.tuning.display().language, accepted)
    }
}

async fn page(visit: Visit) -> Response {
    let calibrated = camera::in_force(&visit.site).await;
    let page = view::page(&visit, calibrated.as_ref());
    ([(header::VARY, "Accept-Language, Cookie")], page).into_response()
}

async fn events(State(site): Shared, Tongue(language): Tongue, Extension(who): Extension<Who>) -> Response {
    match streams::slot(&site) {
        Some(slot) => streams::events(site, language, who, slot),
        None => too_many(STREAMS_MAX),
    }
}

async fn picture(State(site): Shared, Extension(who): Extension<Who>) -> Response {
    match streams::slot(&site) {
        Some(slot) => streams::picture(site, who, slot),
        None => too_many(STREAMS_MAX),
    }
}

pub(super) fn too_many(open: usize) -> Response {
    let text = format!("{open} streams of this page are open already: close another one and try again\n");
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], text).into_response()
}

/// 200 while the sorting loop publishes.
async fn health(State(site): Shared) -> Response {
    let silence = site.silence(site.page.clock.now());
    if silence <= super::SILENT_AFTER {
        return "ok\n".into_response();
    }
    let text = format!("the sorting loop has published nothing for {:.1} s\n", silence.as_secs_f32());
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn not_found(State(site): Shared, Tongue(language): Tongue) -> Response {
    let page = view::not_found(site.texts.of(language), &site.page.info.bin);
    (StatusCode::NOT_FOUND, page).into_response()
}

/// Refuses other hosts' names, keeps the chosen language and puts the headers on every answer.
async fn guard(State(names): State<Arc<Vec<String>>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).map(HeaderValue::to_str);
    let chosen = query(request.uri(), "lang").and_then(Language::from_tag);
    let mut response = match host {
        Some(Ok(host)) if is_here(host, &names) => next.run(request).await,
        None => next.run(request).await, // HTTP/1.0: no browser
        _ => {
            let text = "this page answers only to an IP address or to localhost\n";
            (StatusCode::MISDIRECTED_REQUEST, text).into_response()
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value)); // the resident's screen has a stricter policy
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(language) = chosen {
        let cookie = format!("{LANGUAGE}={}; Path=/; SameSite=Strict; Max-Age=31536000", language.id());
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// Whether a Host header names this machine by a name that no other site can take, or by one of its configured ones.
fn is_here(host: &str, names: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let known = |known: &str| name.eq_ignore_ascii_case(known);
    known("localhost") || address.parse::<IpAddr>().is_ok() || names.iter().any(|name| known(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_nobody_else_can_take_are_this_machine() {
        for host in ["localhost", "localhost:8480", "127.0.0.1:8480", "[::1]:8480", "[::1]", "192.168.0.7"] {
            assert!(is_here(host, &[]), "{host}");
        }
        for host in
            ["", "evil.example", "evil.example:8480", "localhost.evil.example", "127.0.0.1.evil.example"]
        {
            assert!(!is_here(host, &[]), "{host}");
        }
        let names = ["bin-17.local".to_owned()];
        assert!(is_here("Bin-17.local:8443", &names) && !is_here("bin-18.local", &names));
    }
}
