//! The pages: the district's behind a login, the residents' for everybody, and the read API.
//!
//! ```text
//!   /               the district: bins, items, rejects, dead letters     login
//!   /api/v1/…       the same as JSON and CSV, and openapi.json           login
//!   /open           residents: which bins take what now                  everybody, cacheable
//!   /open/bins.geojson                                                   everybody, cacheable
//!   /healthz        whether this copy takes in messages                  everybody
//!   /files/…        bundles and support bundles, where configured        bins, as the proxy decides
//! ```
//!
//! Never shows a person or a single drop. Never anything from another place: the pages work without the internet.
//! Never changes anything but who is logged in, and never a bundle (`files.rs`).

mod api;
mod bins;
mod chart;
mod error;
mod files;
mod items;
mod login;
mod pages;
mod text;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, Query as Params, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

pub use error::WebError;
pub use items::{Items, Query, Step};
pub use login::user_line;

use crate::clock::now_ms;
use crate::config::PageConfig;
use crate::ingest::Status;
use crate::locations;
use crate::store::Store;
use items::Span;
use login::Users;
use text::{Language, Texts};

/// After a wrong password.
const WRONG_WAIT: Duration = Duration::from_millis(500);
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'";

/// What every answer is made of.
struct App {
    store: Arc<Store>,
    status: watch::Receiver<Status>,
    zone: TimeZone,
    texts: Texts,
    users: Users,
    behind_tls: bool,
    /// Geometry by `district/bin`.
    locations: HashMap<String, Value>,
    /// Where files for bins are, and from them.
    files: Option<PathBuf>,
}

/// The pages, ready to listen.
pub struct Pages {
    app: Arc<App>,
    listener: tokio::net::TcpListener,
}

impl Pages {
    /// Reads what the configuration names and begins to listen.
    ///
    /// # Errors
    /// [`WebError`] for a file that cannot be used or an address that cannot be listened on.
    pub async fn open(
        config: &PageConfig,
        store: Arc<Store>,
        status: watch::Receiver<Status>,
        zone: TimeZone,
    ) -> Result<Self, WebError> {
        let locations = config.locations_file.as_deref().map(read_locations).transpose()?;
        config.files_folder.as_deref().map(files::prepare).transpose()?;
        let app = App {
            store,
            status,
            zone,
            texts: Texts::load(config.streams.clone())?,
            users: Users::read(&config.users_file)?,
            behind_tls: config.behind_tls,
            locations: locations.unwrap_or_default(),
            files: config.files_folder.clone(),
        };
        let listener = tokio::net::TcpListener::bind(config.listen)
            .await
            .map_err(|source| WebError::Listen { address: config.listen, source })?;
        Ok(Self { app: Arc::new(app), listener })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop` is true or its sender is gone.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        axum::serve(self.listener, router(self.app)).with_graceful_shutdown(stopped).await
    }
}

fn router(app: Arc<App>) -> Router {
    let inside = Router::new()
        .route("/", get(district))
        .route("/logout", post(logout))
        .route("/api/v1/bins", get(api::bins))
        .route("/api/v1/ledgers", get(api::ledgers))
        .route("/api/v1/items", get(api::item_counts))
        .route("/api/v1/rejects", get(api::rejects))
        .route("/api/v1/corrections", get(api::corrections))
        .route("/api/v1/dead-letters", get(api::dead_letters))
        .route("/api/v1/openapi.json", get(api::description))
        .merge(app.files.as_ref().map_or_else(Router::new, |_| files::inside()))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), logged_in));
    inside
        .merge(app.files.as_deref().map_or_else(Router::new, files::outside))
        .route("/login", get(login_page).post(log_in))
        .route("/open", get(residents))
        .route("/open/bins.geojson", get(api::residents))
        .route("/page.css", get(style))
        .route("/healthz", get(health))
        .layer(middleware::from_fn(guarded))
        .with_state(app)
}

/// Lets in who is logged in; others are sent to the login, programs are told.
async fn logged_in(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, WebError> {
    if let Some(token) = login::token_of(request.headers())
        && app.store.session(&login::kept(token), now_ms()).await?.is_some()
    {
        let mut response = next.run(request).await;
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return Ok(response);
    }
    if request.uri().path().starts_with("/api/") {
        return Ok((StatusCode::UNAUTHORIZED, "log in at /login first").into_response());
    }
    Ok(Redirect::to("/login").into_response())
}

/// Headers that every answer carries.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    response
}

#[derive(Deserialize)]
struct Shown {
    lang: Option<String>,
    #[serde(default)]
    by: Step,
    #[serde(default)]
    wrong: u8,
}

fn language(shown: &Shown, headers: &HeaderMap) -> Language {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::choose(shown.lang.as_deref(), accepted)
}

async fn district(
    State(app): State<Arc<App>>,
    Params(shown): Params<Shown>,
    headers: HeaderMap,
) -> Result<Html<String>, WebError> {
    let query = Query { by: shown.by, ..Query::default() };
    let span = Span::of(&query, jiff::Timestamp::now(), &app.zone)?;
    let ((first, last), (from_ms, to_ms), now_ms) = (span.hours(), span.ms(), now_ms());
    let shown_items = items::by_step(app.store.hours(first, last).await?, shown.by, &app.zone);
    let page = pages::District {
        bins: &app.store.bins().await?,
        ledgers: &app.store.reconcile(now_ms).await?,
        items: &shown_items,
        rejects: &app.store.rejects(from_ms, to_ms).await?,
        corrected: &app.store.corrected(from_ms, to_ms).await?,
        dead: &app.store.dead_letters().await?,
        by: shown.by,
        now_ms,
    };
    let words = app.texts.of(language(&shown, &headers));
    Ok(Html(pages::district(words, &page).into_string()))
}

async fn residents(
    State(app): State<Arc<App>>,
    Params(shown): Params<Shown>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let words = app.texts.of(language(&shown, &headers));
    let page = pages::residents(words, &app.store.bins().await?, now_ms()).into_string();
    let headers = [(CACHE_CONTROL.as_str(), api::OPEN_MAX_AGE), ("vary", "accept-language")];
    Ok((headers, Html(page)).into_response())
}

async fn login_page(
    State(app): State<Arc<App>>,
    Params(shown): Params<Shown>,
    headers: HeaderMap,
) -> Html<String> {
    let words = app.texts.of(language(&shown, &headers));
    Html(pages::login(words, shown.wrong > 0).into_string())
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

async fn log_in(
    State(app): State<Arc<App>>,
    Form(credentials): Form<Credentials>,
) -> Result<Response, WebError> {
    if !app.users.knows(&credentials.name, &credentials.password).await {
        tokio::time::sleep(WRONG_WAIT).await;
        return Ok(Redirect::to("/login?wrong=1").into_response());
    }
    let (token, now_ms) = (login::new_token()?, now_ms());
    let expires_ms = now_ms + login::SESSION_MS;
    app.store.begin_session(&login::kept(&token), &credentials.name, expires_ms, now_ms).await?;
    tracing::info!(name = credentials.name, "logged in");
    Ok(([(SET_COOKIE, login::cookie(&token, app.behind_tls))], Redirect::to("/")).into_response())
}

async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, WebError> {
    if let Some(token) = login::token_of(&headers) {
        app.store.end_session(&login::kept(token)).await?;
    }
    Ok(([(SET_COOKIE, login::cookie("", app.behind_tls))], Redirect::to("/login")).into_response())
}

async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("assets/page.css")).into_response()
}

async fn health(State(app): State<Arc<App>>) -> Response {
    let status = app.status.borrow().clone();
    let code = if status.connected { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(serde_json::json!({"connected": status.connected, "messages": status.messages})))
        .into_response()
}

/// Where bins stand.
fn read_locations(path: &Path) -> Result<HashMap<String, Value>, WebError> {
    locations::read(path).map_err(|why| WebError::File { path: path.to_owned(), why })
}
