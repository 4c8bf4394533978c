//! Which address answers with what, and what every answer carries.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::text::Language;
use super::{STREAMS_MAX, Site, assets, streams, view};

/// Nothing but what this program serves, and no script or style inside the page.
const CONTENT_POLICY: &str = "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; \
                              connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What every answer carries.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

type Shared = State<Arc<Site>>;

/// The addresses.
pub(super) fn router(site: &Arc<Site>) -> Router {
    let mut router = Router::new()
        .route("/", get(page))
        .route("/events", get(events))
        .route("/picture", get(picture))
        .route("/healthz", get(health));
    for asset in [&assets::STYLE, &assets::SCRIPT, &assets::ICON] {
        router = router.route(asset.route, get(move || async move { asset.answer() }));
    }
    router.fallback(not_found).layer(middleware::from_fn(guard)).with_state(Arc::clone(site))
}

#[derive(Deserialize)]
struct Asked {
    lang: Option<String>,
}

impl Asked {
    fn language(&self, headers: &HeaderMap) -> Language {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::choose(self.lang.as_deref(), accepted)
    }
}

async fn page(State(site): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let language = asked.language(&headers);
    let page = view::page(site.texts.of(language), &site.page.info, &site.scene());
    ([(header::VARY, "Accept-Language")], page).into_response()
}

async fn events(State(site): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    match streams::slot(&site) {
        Some(slot) => streams::events(site, asked.language(&headers), slot),
        None => too_many(),
    }
}

async fn picture(State(site): Shared) -> Response {
    match streams::slot(&site) {
        Some(slot) => streams::picture(&site, slot),
        None => too_many(),
    }
}

fn too_many() -> Response {
    let text =
        format!("{STREAMS_MAX} streams of this page are open already: close another one and try again\n");
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

async fn not_found(State(site): Shared, headers: HeaderMap) -> Response {
    let language = Asked { lang: None }.language(&headers);
    (StatusCode::NOT_FOUND, view::not_found(site.texts.of(language))).into_response()
}

/// Refuses other hosts' names and puts the headers on every answer.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).map(HeaderValue::to_str);
    let mut response = match host {
        Some(Ok(host)) if is_here(host) => next.run(request).await,
        None => next.run(request).await, // HTTP/1.0: no browser
        _ => {
            let text = "this page answers only to an IP address or to localhost\n";
            (StatusCode::MISDIRECTED_REQUEST, text).into_response()
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a Host header names this machine by a name that no other site can take.
fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_nobody_else_can_take_are_this_machine() {
        for host in ["localhost", "localhost:8480", "127.0.0.1:8480", "[::1]:8480", "[::1]", "192.168.0.7"] {
            assert!(is_here(host), "{host}");
        }
        for host in
            ["", "evil.example", "evil.example:8480", "localhost.evil.example", "127.0.0.1.evil.example"]
        {
            assert!(!is_here(host), "{host}");
        }
    }
}
