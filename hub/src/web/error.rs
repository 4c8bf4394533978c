//! What can go wrong with the pages.

use std::path::PathBuf;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::store::StoreError;

/// A failure of the pages.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another program using it?")]
    Listen {
        /// Which.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that the configuration names cannot be used.
    #[error("cannot use {path}: {why}")]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The words inside the program are broken.
    #[error("the words for {language} are broken: build anew")]
    Text {
        /// Which language.
        language: &'static str,
    },
    /// The kernel gives no random numbers, or a password cannot be hashed.
    #[error("cannot make a secret: {why}")]
    Secret {
        /// Why.
        why: String,
    },
    /// What was asked for cannot be understood.
    #[error("{what}")]
    Asked {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The database does not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        match self {
            Self::Asked { what } => (StatusCode::BAD_REQUEST, what).into_response(),
            error => {
                tracing::warn!("{error}");
                (StatusCode::SERVICE_UNAVAILABLE, "the hub cannot answer now; try again soon").into_response()
            }
        }
    }
}
