//! `GET /metrics`: the bin in numbers, for Prometheus (OpenMetrics text).
//!
//! Never a label that grows without bound: streams, outcomes, states and alarms are fixed lists. Counts are the
//! ledger's own, so that a restart does not reset them.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use sha2::{Digest, Sha256};

use super::acting::peer;
use super::events::{CLIENTS_STALLED, STREAMS_REFUSED};
use super::text::alarm_id;
use super::view::Scene;
use super::{Info, Site};
use crate::capture::stage;
use crate::judge::{Alarm, Reason, StateName};
use crate::mechanism::FlapState;
use crate::streams::Stream;
use crate::tally::{Outcome, Totals};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/metrics", get(page))
}

/// `GET /metrics`, for this machine and for whoever has the token.
async fn page(State(site): State<Arc<Site>>, request: Request) -> Response {
    let token = site.settings.metrics_token.as_deref();
    if !peer(&request).is_loopback() && !has_token(request.headers(), token) {
        let text = "only from this machine, or with the token of web.metrics_token_file\n";
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], text).into_response();
    }
    let totals = match site.page.tally.ask(|ledger| ledger.totals()).await {
        Ok(totals) => totals,
        Err(error) => return super::login::failed(&error.to_string()),
    };
    let scrape = Scrape { info: site.page.info.clone(), scene: site.scene(), totals };
    ([(CONTENT_TYPE, OPEN_METRICS)], scrape.into_text()).into_response()
}

/// Whether the request carries the token, where there is one. Hashes are compared, so that the time taken tells nothing.
fn has_token(headers: &HeaderMap, token: Option<&str>) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let hash = |text: &str| Sha256::digest(text.as_bytes());
    matches!((given, token), (Some(given), Some(token)) if hash(given) == hash(token))
}

/// Everything that one answer is made from.
#[derive(Debug)]
pub(super) struct Scrape {
    pub(super) info: Info,
    pub(super) scene: Scene,
    pub(super) totals: Totals,
}

impl Scrape {
    pub(super) fn into_text(self) -> String {
        let mut registry = Registry::with_prefix("bunri");
        registry.register_collector(Box::new(self));
        let mut out = String::new();
        // Writing to a string cannot fail; half an answer would be refused for its missing end.
        let _infallible = text::encode(&mut out, &registry).is_err();
        out
    }
}

/// Writes families of one metric each.
struct Families<'e>(DescriptorEncoder<'e>);

impl Families<'_> {
    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        values.into_iter().try_for_each(|(labels, value)| family.encode_family(&labels)?.encode_gauge(&value))
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let none: Option<&prometheus_client::metrics::exemplar::Exemplar<[(&str, &str); 0], u64>> = None;
        self.0.encode_descriptor(name, help, None, MetricType::Counter)?.encode_counter(&value, none)
    }
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Families(encoder);
        self.bin(&mut out)?;
        self.drops(&mut out)?;
        self.machine(&mut out)?;
        self.compartments(&mut out)?;
        self.hub(&mut out)
    }
}

impl Scrape {
    fn bin(&self, out: &mut Families<'_>) -> fmt::Result {
        let (info, scene) = (&self.info, &self.scene);
        let build = [
            ("bin", info.bin.as_str()),
            ("software", &info.software),
            ("bundle", info.bundle_now(&scene.live)),
            ("configuration", &info.config_hash),
        ];
        out.gauges("build_info", "What runs here", [(build, 1.0)])?;
        let up = scene.now.since(info.started_at).as_secs_f64();
        out.gauge("up_seconds", "Since this run began", up)?;
        out.gauge(
            "clock_synchronised",
            "Whether a time service vouches for the clock",
            flag(scene.wall.synchronised),
        )?;
        out.gauge("loop_silent", "Whether the sorting loop gives no sign of life", flag(scene.silent))?;
        let state = scene.live.state;
        let states = StateName::ALL.map(|known| ([("state", known.id())], flag(state == Some(known))));
        out.gauges("state", "The sorting loop's state: 1 for the present one", states)?;
        let alarms =
            Alarm::ALL.map(|known| ([("alarm", alarm_id(known))], flag(scene.live.alarms.contains(&known))));
        out.gauges("alarm", "Whether this alarm is up", alarms)
    }

    fn drops(&self, out: &mut Families<'_>) -> fmt::Result {
        let name = "drops";
        let help = "Drops that came to an end, by the stream they looked like and what became of them";
        let mut family = out.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        let outcomes = [Outcome::Accepted, Outcome::Returned, Outcome::Void].into_iter();
        for outcome in outcomes.chain(Reason::ALL.map(Outcome::Rejected)) {
            for stream in Stream::ALL {
                let count = self.totals.counts.get(stream, outcome);
                // What was counted stays, also when the city has given the stream up.
                if count == 0 && !self.info.has(stream) {
                    continue;
                }
                let labels = [("stream", stream.id()), ("outcome", outcome.id())];
                let none: Option<&prometheus_client::metrics::exemplar::Exemplar<[(&str, &str); 0], u64>> =
                    None;
                family.encode_family(&labels)?.encode_counter(&count, none)?;
            }
        }
        Ok(())
    }

    fn machine(&self, out: &mut Families<'_>) -> fmt::Result {
        let (camera, live) = (&self.scene.camera, &self.scene.live);
        let fps = if let stage::State::Streaming { fps } = camera.state { f64::from(fps) } else { 0.0 };
        out.gauge("camera_signal", "Whether pictures arrive", flag(camera.has_signal()))?;
        out.gauge("camera_frames_per_second", "Good pictures", fps)?;
        out.counter("camera_frames_refused", "Pictures that were damaged", camera.refused)?;
        out.gauge(
            "flap_failed",
            "Whether the flap is out of order",
            flag(live.flap == Some(FlapState::Failed)),
        )?;
        let seconds = |ms: f32| f64::from(ms) / 1_000.0;
        let times = [
            ([("quantile", "0.5")], seconds(live.infer_ms_p50)),
            ([("quantile", "0.99")], seconds(live.infer_ms_p99)),
        ];
        out.gauges("inference_seconds", "Time of one look of the classifier, over the last 128", times)?;
        out.counter(
            "web_streams_refused",
            "Streams of the page refused because too many were open",
            STREAMS_REFUSED.load(Relaxed),
        )?;
        out.counter(
            "web_clients_stalled",
            "Connections closed because the client read nothing",
            CLIENTS_STALLED.load(Relaxed),
        )
    }

    /// A level that is unknown has no line: a gauge that says 0 would say empty.
    fn compartments(&self, out: &mut Families<'_>) -> fmt::Result {
        let (fill, now) = (&self.scene.fill, self.scene.now);
        let live = &self.scene.live.compartments;
        let full = live.iter().map(|one| ([("stream", one.stream.id())], flag(one.full)));
        out.gauges("compartment_full", "Whether nothing more fits in", full)?;
        let sensed = self.info.compartments.iter().enumerate();
        let sensed: Vec<_> =
            sensed.filter_map(|(index, stream)| Some((stream.id(), fill.of(index, now)?))).collect();
        let levels = sensed.iter().filter_map(|(id, seen)| Some(([("stream", *id)], f64::from(seen.level?))));
        out.gauges("compartment_level", "How full a compartment's sensor sees it, 0 to 1", levels)?;
        let works = sensed.iter().map(|(id, seen)| ([("stream", *id)], flag(seen.trouble.is_none())));
        out.gauges("compartment_sensor_works", "Whether a compartment's sensor can be believed", works)
    }

    fn hub(&self, out: &mut Families<'_>) -> fmt::Result {
        let Some(status) = &self.scene.uplink else { return Ok(()) };
        out.gauge(
            "uplink_connected",
            "Whether the broker knows that this bin is online",
            flag(status.connected),
        )?;
        out.gauge("uplink_backlog_messages", "Messages the hub has not acknowledged", status.backlog as f64)?;
        let waits_ms = status.oldest_unsent.map_or(0, |oldest| self.scene.wall.unix_ms - oldest.unix_ms);
        out.gauge(
            "uplink_oldest_unsent_seconds",
            "Age of the oldest of them",
            waits_ms.max(0) as f64 / 1_000.0,
        )?;
        out.gauge(
            "uplink_nobody_listens",
            "Whether nobody is subscribed to this bin's drops",
            flag(status.nobody_listens),
        )?;
        out.counter("uplink_given_up", "Messages given up, too old or too many", status.given_up)?;
        out.counter("uplink_unheard", "Messages that came back because of that", status.unheard)?;
        out.counter("uplink_published", "Drops acknowledged since this run began", status.published)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::super::view::tests::{info, scene};
    use super::*;
    use crate::mechanism::sensors::Trouble;
    use crate::mechanism::sensors::bank::FillNow;
    use crate::mechanism::sensors::level::Seen;
    use crate::tally::Counts;

    #[test]
    fn only_the_whole_token_opens() {
        let with =
            |value: &'static str| HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
        assert!(has_token(&with("Bearer of tidings"), Some("of tidings")));
        for (headers, token) in [
            (with("Bearer of tidings"), Some("of tiding")),
            (with("Bearer "), Some("of tidings")),
            (with("of tidings"), Some("of tidings")),
            (with("Bearer "), None),
            (HeaderMap::new(), Some("of tidings")),
        ] {
            assert!(!has_token(&headers, token), "{headers:?} {token:?}");
        }
    }

    #[test]
    fn numbers_have_their_names_and_an_end() {
        let mut counts = Counts::default();
        counts.add(Stream::Can, Outcome::Accepted);
        counts.add(Stream::Can, Outcome::Rejected(Reason::NotSure));
        counts.add(Stream::City2, Outcome::Accepted);
        let mut scene = scene();
        scene.live.state = Some(StateName::Jam);
        scene.live.alarms = vec![Alarm::Jam];
        let seen = |level, trouble| Some(Seen { level, distance_mm: None, trouble });
        let seen = vec![seen(Some(0.25), None), seen(None, Some(Trouble::Failing))];
        scene.fill = FillNow { at: scene.now, seen, alarm: true };
        let totals = Totals { epoch: "0000-epoch".into(), last_seq: 2, counts, corrections: 0 };
        let text = Scrape { info: info(), scene, totals }.into_text();
        for line in [
            "# TYPE bunri_drops counter",
            "bunri_drops_total{stream=\"can\",outcome=\"accepted\"} 1",
            "bunri_drops_total{stream=\"can\",outcome=\"not_sure\"} 1",
            "bunri_drops_total{stream=\"glass\",outcome=\"void\"} 0",
            "bunri_drops_total{stream=\"city_2\",outcome=\"accepted\"} 1",
            "bunri_state{state=\"jam\"} 1.0",
            "bunri_state{state=\"empty\"} 0.0",
            "bunri_alarm{alarm=\"jam\"} 1.0",
            "bunri_camera_signal 1.0",
            "bunri_compartment_level{stream=\"clear_pet\"} 0.25",
            "bunri_compartment_sensor_works{stream=\"can\"} 0.0",
            "bunri_camera_frames_refused_total 2",
            "bunri_uplink_backlog_messages 0.0",
            "# EOF",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("city_1"), "neither named here nor counted:\n{text}");
        let names = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(['{', ' ']).next().unwrap());
        let well = |name: &str| {
            name.starts_with("bunri_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        assert_eq!(names.filter(|name| !well(name)).collect::<Vec<_>>(), Vec::<&str>::new());
    }
}
