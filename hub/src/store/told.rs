//! How bins last said that they are: one row a bin and kind, the last word as it comes.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{AnyConnection, Row as _};

use super::Store;
use super::batch::Batch;
use super::error::{Doing as _, StoreError};
use super::rows;
use crate::wire::{Alarm, BinName, Fill, Health, Twin};

/// What begins the kind of an alarm.
const ALARM: &str = "alarm ";

/// An alarm that is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AlarmUp {
    /// The contract's word.
    pub alarm: String,
    /// Since when, by the bin's clock, milliseconds since 1970 UTC; `None` where only the health names it.
    pub since_ms: Option<i64>,
}

/// What one bin told.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The compartments, and when they were said to be so.
    pub(super) fill: Option<(i64, Fill)>,
    pub(super) health: Option<Health>,
    pub(super) twin: Option<Twin>,
    health_received_ms: i64,
    alarms: Vec<(i64, i64, Alarm)>,
}

impl Told {
    /// Alarms that are up: those that the last health names, but for what has changed since.
    pub(super) fn alarms(&self) -> Vec<AlarmUp> {
        let mut up: Vec<AlarmUp> = Vec::new();
        for alarm in self.health.iter().flat_map(|health| &health.alarms) {
            up.push(AlarmUp { alarm: alarm.clone(), since_ms: None });
        }
        for (time_ms, received_ms, said) in &self.alarms {
            let known = up.iter().position(|up| up.alarm == said.alarm);
            let is_newer = *received_ms >= self.health_received_ms;
            match (known, said.raised) {
                (Some(place), true) => up[place].since_ms = Some(*time_ms),
                (Some(place), false) if is_newer => drop(up.remove(place)),
                (None, true) if is_newer => {
                    up.push(AlarmUp { alarm: said.alarm.clone(), since_ms: Some(*time_ms) });
                }
                _ => {}
            }
        }
        up
    }
}

impl Store {
    /// What each bin told, by its number.
    pub(super) async fn told(&self) -> Result<HashMap<i64, Told>, StoreError> {
        let doing = "reading how bins are";
        let rows =
            sqlx::query("SELECT bin_id, kind, time_ms, received_ms, data FROM told ORDER BY bin_id, kind");
        let mut bins: HashMap<i64, Told> = HashMap::new();
        for row in rows.fetch_all(&self.pool).await.doing(doing)? {
            let read = || -> Result<(i64, String, i64, i64, String), sqlx::Error> {
                Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?))
            };
            let (bin_id, kind, time_ms, received_ms, data) = read().doing(doing)?;
            let told = bins.entry(bin_id).or_default();
            match kind.as_str() {
                "fill" => told.fill = parse(&data).map(|fill| (time_ms, fill)),
                "health" => (told.health, told.health_received_ms) = (parse(&data), received_ms),
                "twin" => told.twin = parse(&data),
                _ => told.alarms.extend(parse(&data).map(|alarm| (time_ms, received_ms, alarm))),
            }
        }
        Ok(bins)
    }
}

/// What an older hub wrote may lack a field: then it is not known.
fn parse<T: DeserializeOwned>(data: &str) -> Option<T> {
    serde_json::from_str(data).ok()
}

/// The kind under which an alarm is kept.
pub(super) fn alarm_kind(alarm: &Alarm) -> String {
    format!("{ALARM}{}", alarm.alarm)
}

pub(super) async fn write_told(
    connection: &mut AnyConnection,
    batch: &Batch,
    bins: &HashMap<BinName, i64>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut placed: Vec<_> = batch
        .told
        .iter()
        .filter_map(|((bin, kind), told)| Some(((*bins.get(bin)?, kind.as_str()), told)))
        .collect();
    placed.sort_by_key(|(key, _)| *key);
    let values = placed.into_iter().map(|((bin_id, kind), (time_ms, data))| {
        [bin_id.into(), kind.into(), (*time_ms).into(), now_ms.into(), data.as_str().into()]
    });
    let head = "INSERT INTO told (bin_id, kind, time_ms, received_ms, data) VALUES";
    let tail = "ON CONFLICT (bin_id, kind) DO UPDATE SET time_ms = excluded.time_ms, \
                received_ms = excluded.received_ms, data = excluded.data";
    rows::write(connection, head, values.collect(), tail).await.doing("writing how bins are")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(name: &str, raised: bool) -> Alarm {
        Alarm { alarm: name.to_owned(), raised }
    }

    #[test]
    fn the_health_names_the_alarms_and_what_came_after_it_counts() {
        let health = |alarms: &[&str]| {
            let alarms: Vec<_> = alarms.iter().map(|alarm| (*alarm).to_owned()).collect();
            serde_json::from_value::<Health>(serde_json::json!({
                "state": "empty", "alarms": alarms, "temperature_c": null, "disk": null,
                "clock_synchronised": true, "up_s": 1, "waiting": 0,
            }))
            .unwrap()
        };
        let up = |told: &Told| -> Vec<(String, Option<i64>)> {
            told.alarms().into_iter().map(|up| (up.alarm, up.since_ms)).collect()
        };
        let mut told =
            Told { health: Some(health(&["camera", "jam"])), health_received_ms: 50, ..Told::default() };
        told.alarms = vec![(7, 40, alarm("jam", true)), (8, 41, alarm("ledger", true))];
        // The ledger's was cleared while nobody heard it: the health does not name it.
        assert_eq!(up(&told), [("camera".to_owned(), None), ("jam".to_owned(), Some(7))]);
        told.alarms = vec![(60, 61, alarm("camera", false)), (62, 63, alarm("blocked", true))];
        assert_eq!(up(&told), [("jam".to_owned(), None), ("blocked".to_owned(), Some(62))]);
        told.health = None;
        told.health_received_ms = 0;
        assert_eq!(up(&told), [("blocked".to_owned(), Some(62))]);
    }
}
