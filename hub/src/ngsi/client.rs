//! The only file that names the HTTP client: one request, one answer, no retry.

use std::collections::HashSet;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{Entity, NgsiConfig, NgsiError};

/// How much of an answer is repeated in a message, characters.
const WHY_MAX: usize = 200;

pub(super) struct ContextBroker {
    http: reqwest::Client,
    url: String,
}

/// What became of one batch.
pub(super) struct Answer {
    /// `None`: all of it.
    taken: Option<HashSet<String>>,
    error: Option<NgsiError>,
}

impl Answer {
    pub(super) fn took(&self, id: &str) -> bool {
        self.taken.as_ref().is_none_or(|taken| taken.contains(id))
    }

    /// # Errors
    /// When a part was refused.
    pub(super) fn complete(self) -> Result<(), NgsiError> {
        self.error.map_or(Ok(()), Err)
    }
}

impl ContextBroker {
    pub(super) fn new(config: &NgsiConfig) -> Result<Self, NgsiError> {
        let settings = |why: String| NgsiError::Settings { why };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/ld+json"));
        if let Some(token) = &config.token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| settings("the token is no header".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(tenant) = &config.tenant {
            let value = HeaderValue::try_from(tenant).map_err(|error| settings(error.to_string()))?;
            headers.insert(HeaderName::from_static("ngsild-tenant"), value);
        }
        // Everything here speaks TLS through ring; an error means that somebody has said so already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().default_headers(headers).timeout(config.timeout).build();
        let http = http.map_err(|error| settings(error.to_string()))?;
        let url = format!("{}/entityOperations/upsert?options=update", config.url.trim_end_matches('/'));
        Ok(Self { http, url })
    }

    /// Makes entities known, or brings their attributes up to date.
    pub(super) async fn upsert(&self, entities: &[Entity]) -> Result<Answer, NgsiError> {
        let bodies: Vec<&Value> = entities.iter().map(|entity| &entity.body).collect();
        let unreachable =
            |error: reqwest::Error| NgsiError::Unreachable { url: self.url.clone(), why: one_line(&error) };
        let body = Value::from_iter(bodies.into_iter().cloned()).to_string();
        let answer = self.http.post(&self.url).body(body).send().await.map_err(unreachable)?;
        let status = answer.status();
        let text = answer.text().await.map_err(unreachable)?;
        match status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => {
                Ok(Answer { taken: None, error: None })
            }
            StatusCode::MULTI_STATUS => Ok(self.partly(&text)),
            _ => Err(NgsiError::Refused { url: self.url.clone(), status: status.as_u16(), why: cut(&text) }),
        }
    }

    /// A BatchOperationResult: `success` has the ids that were taken, `errors` the others with the reason.
    fn partly(&self, text: &str) -> Answer {
        let result: Value = serde_json::from_str(text).unwrap_or_default();
        let success = result["success"].as_array().into_iter().flatten();
        let taken: HashSet<_> = success.filter_map(|id| id.as_str().map(str::to_owned)).collect();
        let errors = result["errors"].as_array().map_or(&[][..], Vec::as_slice);
        let why = errors.first().map_or_else(|| cut(text), |first| cut(&first.to_string()));
        let (url, refused) = (self.url.clone(), errors.len());
        let error = NgsiError::Partly { url, taken: taken.len(), refused, why };
        Answer { taken: Some(taken), error: Some(error) }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(WHY_MAX).collect()
}

/// The client's errors keep their reason in their sources.
fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
