//! The files the page needs, inside the program. Their addresses carry their hash: a browser may keep them for ever.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// One file.
pub(super) struct Asset {
    pub(super) route: &'static str,
    kind: &'static str,
    text: &'static str,
    hash: LazyLock<String>,
}

macro_rules! asset {
    ($name:literal, $kind:literal) => {
        Asset {
            route: concat!("/", $name),
            kind: $kind,
            text: include_str!(concat!("assets/", $name)),
            hash: LazyLock::new(|| hash(include_str!(concat!("assets/", $name)))),
        }
    };
}

pub(super) static STYLE: Asset = asset!("page.css", "text/css; charset=utf-8");
pub(super) static SCRIPT: Asset = asset!("page.js", "text/javascript; charset=utf-8");
pub(super) static DRAW: Asset = asset!("draw.js", "text/javascript; charset=utf-8");
pub(super) static SCREEN_STYLE: Asset = asset!("screen.css", "text/css; charset=utf-8");
pub(super) static SCREEN_SCRIPT: Asset = asset!("screen.js", "text/javascript; charset=utf-8");
pub(super) static ICON: Asset = asset!("icon.svg", "image/svg+xml");

/// Every file.
pub(super) static ALL: [&Asset; 6] = [&STYLE, &SCRIPT, &DRAW, &SCREEN_STYLE, &SCREEN_SCRIPT, &ICON];

impl Asset {
    /// The address with the hash.
    pub(super) fn path(&self) -> String {
        format!("{}?v={}", self.route, *self.hash)
    }

    pub(super) fn answer(&self) -> Response {
        let headers = [(CONTENT_TYPE, self.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
        (headers, self.text).into_response()
    }
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
