//! The read API: JSON and CSV of what the pages show, described by `/api/v1/openapi.json`; and what residents may see.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query as Params, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::App;
use super::error::WebError;
use super::items::{self, Items, Query, Span};
use crate::clock::now_ms;
use crate::store::{BinNow, Corrected, Dead, EpochCheck, Rejects};

/// How long a resident's answer may be kept by whoever stands between, seconds.
pub(super) const OPEN_MAX_AGE: &str = "public, max-age=60";

#[derive(OpenApi)]
#[openapi(
    info(title = "bunri-hub", description = "What the district's recycling bins did, and how they stand."),
    paths(bins, ledgers, item_counts, rejects, corrections, dead_letters, residents)
)]
struct Description;

/// Where the description is.
pub(super) async fn description() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}

/// Every bin as it is now.
#[utoipa::path(get, path = "/api/v1/bins", responses((status = 200, body = Vec<BinNow>), (status = 401)))]
pub(super) async fn bins(State(app): State<Arc<App>>) -> Result<Json<Vec<BinNow>>, WebError> {
    Ok(Json(app.store.bins().await?))
}

/// What each ledger reports against what is held.
#[utoipa::path(get, path = "/api/v1/ledgers", responses((status = 200, body = Vec<EpochCheck>), (status = 401)))]
pub(super) async fn ledgers(State(app): State<Arc<App>>) -> Result<Json<Vec<EpochCheck>>, WebError> {
    Ok(Json(app.store.reconcile(now_ms()).await?))
}

/// Items by hour, day or month.
#[utoipa::path(
    get, path = "/api/v1/items", params(Query),
    responses((status = 200, body = Vec<Items>, description = "or the same as text/csv"), (status = 400), (status = 401))
)]
pub(super) async fn item_counts(
    State(app): State<Arc<App>>,
    Params(query): Params<Query>,
) -> Result<Response, WebError> {
    let span = Span::of(&query, jiff::Timestamp::now(), &app.zone)?;
    let (from, to) = span.hours();
    let items = items::by_step(app.store.hours(from, to).await?, query.by, &app.zone);
    match query.format.as_deref().unwrap_or("json") {
        "json" => Ok(Json(items).into_response()),
        "csv" => {
            let headers = [
                (CONTENT_TYPE, "text/csv; charset=utf-8"),
                (CONTENT_DISPOSITION, "attachment; filename=\"items.csv\""),
            ];
            Ok((headers, items::csv(&items)).into_response())
        }
        _ => Err(WebError::Asked { what: "format is json or csv" }),
    }
}

/// Rejected and returned items by reason.
#[utoipa::path(
    get, path = "/api/v1/rejects", params(Query),
    responses((status = 200, body = Vec<Rejects>), (status = 400), (status = 401))
)]
pub(super) async fn rejects(
    State(app): State<Arc<App>>,
    Params(query): Params<Query>,
) -> Result<Json<Vec<Rejects>>, WebError> {
    let (from, to) = Span::of(&query, jiff::Timestamp::now(), &app.zone)?.ms();
    Ok(Json(app.store.rejects(from, to).await?))
}

/// What the crew found items to be, by what they looked like and by model.
#[utoipa::path(
    get, path = "/api/v1/corrections", params(Query),
    responses((status = 200, body = Vec<Corrected>), (status = 400), (status = 401))
)]
pub(super) async fn corrections(
    State(app): State<Arc<App>>,
    Params(query): Params<Query>,
) -> Result<Json<Vec<Corrected>>, WebError> {
    let (from, to) = Span::of(&query, jiff::Timestamp::now(), &app.zone)?.ms();
    Ok(Json(app.store.corrected(from, to).await?))
}

/// The newest messages that were not understood.
#[utoipa::path(get, path = "/api/v1/dead-letters", responses((status = 200, body = Vec<Dead>), (status = 401)))]
pub(super) async fn dead_letters(State(app): State<Arc<App>>) -> Result<Json<Vec<Dead>>, WebError> {
    Ok(Json(app.store.dead_letters().await?))
}

/// Which bins take which streams now, as GeoJSON, without login. Nothing about people or single drops.
#[utoipa::path(get, path = "/open/bins.geojson", responses((status = 200, content_type = "application/geo+json")))]
pub(super) async fn residents(State(app): State<Arc<App>>) -> Result<Response, WebError> {
    let features: Vec<Value> = app.store.bins().await?.iter().map(|bin| feature(&app, bin)).collect();
    let collection = json!({"type": "FeatureCollection", "features": features});
    let headers = [(CONTENT_TYPE, "application/geo+json"), (CACHE_CONTROL, OPEN_MAX_AGE)];
    Ok((headers, collection.to_string()).into_response())
}

fn feature(app: &App, bin: &BinNow) -> Value {
    let id = format!("{}/{}", bin.district, bin.bin);
    let streams: serde_json::Map<String, Value> = bin
        .openings
        .iter()
        .map(|opening| {
            let state = json!({"state": opening.state, "last_emptied_ms": opening.emptied_ms});
            (opening.stream.clone(), state)
        })
        .collect();
    json!({
        "type": "Feature",
        "id": id,
        "geometry": app.locations.get(&id).cloned().unwrap_or(Value::Null),
        "properties": {
            "district": bin.district,
            "bin": bin.bin,
            "out_of_order": bin.is_out_of_order(),
            "streams": streams,
        },
    })
}
