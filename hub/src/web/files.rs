//! Files for bins (`page.files_folder`): they fetch bundles from here, and put their support bundles here.
//!
//! ```text
//!   GET /files/bundles/<name>     <folder>/bundles/<name>     whoever the proxy lets through
//!   PUT /files/support/<name>     <folder>/support/<name>     the same, once for each name
//!   GET /files/support[/<name>]                               login
//! ```
//!
//! Who comes this far is for the proxy to decide, by the bins' own certificates. Never a bundle from a bin, never a
//! support bundle to one, never one in place of another, and never more than [`KEPT_MAX`] of them.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as Named, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use tower_http::services::ServeDir;

use super::App;
use super::error::WebError;

/// A support bundle has some ten kilobytes; the log of a bad day may be longer. Bytes.
const SUPPORT_MAX: usize = 4 << 20;
/// Support bundles that are kept; somebody must remove old ones then.
const KEPT_MAX: usize = 1_000;
const NAME_MAX: usize = 100;
const BUNDLES: &str = "bundles";
const SUPPORT: &str = "support";

/// Makes the two folders.
pub(super) fn prepare(folder: &Path) -> Result<(), WebError> {
    [BUNDLES, SUPPORT].iter().try_for_each(|name| {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).map_err(|error| failed(&path, &error))
    })
}

/// What only people see, who log in.
pub(super) fn inside() -> Router<Arc<App>> {
    Router::new().route("/files/support", get(list)).route("/files/support/{name}", get(show))
}

/// What is for bins.
pub(super) fn outside(folder: &Path) -> Router<Arc<App>> {
    let bundles = ServeDir::new(folder.join(BUNDLES)).append_index_html_on_directories(false);
    let limited = put(take).layer(DefaultBodyLimit::max(SUPPORT_MAX));
    Router::new().nest_service("/files/bundles", bundles).route("/files/support/{name}", limited)
}

/// One support bundle that came.
#[derive(serde::Serialize)]
struct Came {
    name: String,
    bytes: u64,
}

async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<Came>>, WebError> {
    blocking(support(&app)?, |folder| {
        let came = std::fs::read_dir(folder)?.filter_map(Result::ok).filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| is_plain(name))?;
            Some(Came { name, bytes: entry.metadata().ok()?.len() })
        });
        let mut came: Vec<_> = came.collect();
        came.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Json(came))
    })
    .await
}

async fn show(State(app): State<Arc<App>>, Named(name): Named<String>) -> Result<Response, WebError> {
    blocking(place(&app, &name)?, |path| match std::fs::read(path) {
        Ok(bytes) => Ok(([(CONTENT_TYPE, "application/gzip")], bytes).into_response()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(StatusCode::NOT_FOUND.into_response()),
        Err(error) => Err(error),
    })
    .await
}

async fn take(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    bytes: Bytes,
) -> Result<StatusCode, WebError> {
    let folder = support(&app)?;
    blocking(place(&app, &name)?, move |path| keep(&folder, path, &bytes)).await
}

/// Writes a file whole or not at all. The same file again, after an answer that was lost, is as good as the first.
fn keep(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<StatusCode> {
    let taken = || match std::fs::read(path) {
        Ok(there) if there == bytes => Ok(StatusCode::NO_CONTENT),
        Ok(_) => Ok(StatusCode::CONFLICT),
        Err(error) => Err(error),
    };
    if path.exists() {
        return taken();
    }
    if std::fs::read_dir(folder)?.count() >= KEPT_MAX {
        tracing::warn!("{} holds {KEPT_MAX} support bundles: remove old ones", folder.display());
        return Ok(StatusCode::INSUFFICIENT_STORAGE);
    }
    let mut part = tempfile::NamedTempFile::new_in(folder)?;
    part.write_all(bytes)?;
    part.as_file().sync_all()?;
    match part.persist_noclobber(path) {
        Ok(_) => Ok(StatusCode::CREATED),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => taken(),
        Err(error) => Err(error.error),
    }
}

fn support(app: &App) -> Result<PathBuf, WebError> {
    let none = WebError::Asked { what: "this hub keeps no files" };
    app.files.as_ref().map(|folder| folder.join(SUPPORT)).ok_or(none)
}

fn place(app: &App, name: &str) -> Result<PathBuf, WebError> {
    if is_plain(name) {
        return Ok(support(app)?.join(name));
    }
    Err(WebError::Asked {
        what: "a file's name is up to 100 letters, digits and -_.@+, and does not begin with a dot",
    })
}

fn is_plain(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte);
    (1..=NAME_MAX).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(letter)
}

/// Disks may be slow; pages must not wait for them.
async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, WebError> {
    let at = path.clone();
    let done = tokio::task::spawn_blocking(move || work(&at)).await;
    done.unwrap_or_else(|broken_off| Err(io::Error::other(broken_off))).map_err(|error| failed(&path, &error))
}

fn failed(path: &Path, error: &io::Error) -> WebError {
    WebError::File { path: path.to_owned(), why: error.to_string() }
}
