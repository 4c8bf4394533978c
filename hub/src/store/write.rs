//! One batch, one transaction: all of it or nothing, and the second time nothing.
//!
//! ```text
//!   drops ──> known (new numbers only) ──┬──> drops of the month, totals, hourly, openings
//!              │ same number             │
//!              ├ same contents: nothing  │
//!              └ other contents: clones  │        counts ──> reports (the largest stay)
//!                                        └──────────────────> commit, and only then the acknowledgement
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::{AnyConnection, Connection as _, Row as _};

use super::batch::{Arrived, Batch};
use super::error::{Doing as _, StoreError};
use super::months::month_of;
use super::rows::{self, Value, int};
use super::told::write_told;
use super::{Kind, Store};
use crate::wire::{BinName, Outcome};

/// What a batch changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Drops that were new.
    pub new: u64,
    /// Drops that had come before.
    pub repeated: u64,
    /// Drops whose number had other contents.
    pub clones: u64,
    /// Messages put to the dead letters.
    pub dead: u64,
}

impl Written {
    /// Adds what another batch changed.
    pub fn add(&mut self, other: Self) {
        self.new += other.new;
        self.repeated += other.repeated;
        self.clones += other.clones;
        self.dead += other.dead;
    }
}

/// A drop with the numbers of its bin and its ledger.
struct Placed<'a> {
    bin_id: i64,
    epoch_id: i64,
    seq: i64,
    arrived: &'a Arrived,
}

impl Store {
    /// Writes a batch; when this returns `Ok` the database has committed it.
    ///
    /// # Errors
    /// [`StoreError`]; nothing of the batch is written then.
    pub async fn write(&self, batch: &Batch, now_ms: i64) -> Result<Written, StoreError> {
        let mut connection = self.pool.acquire().await.doing("getting a connection to the database")?;
        let bins = self.ids.bins(&mut connection, batch.bins(), now_ms).await?;
        let drop_epochs = batch.drops.iter().map(|arrived| (&arrived.bin, &arrived.drop.epoch));
        let corrected = batch.corrections.iter().map(|(bin, _, correction)| (bin, &correction.epoch));
        let drop_epochs = drop_epochs.chain(corrected);
        let epochs = drop_epochs.chain(batch.counts.keys().map(|(bin, epoch)| (bin, epoch)));
        let epochs = epochs.filter_map(|(bin, epoch)| Some((*bins.get(bin)?, epoch.clone()))).collect();
        let epochs = self.ids.epochs(&mut connection, epochs, now_ms).await?;
        if self.kind == Kind::Postgres {
            let months = batch.drops.iter().map(|arrived| month_of(arrived.time_ms)).collect();
            self.months.ensure(&mut connection, months).await?;
        }

        let mut transaction = connection.begin().await.doing("beginning a transaction")?;
        let mut written = write_drops(&mut transaction, place(&batch.drops, &bins, &epochs), now_ms).await?;
        write_corrections(&mut transaction, batch, &bins, &epochs, now_ms).await?;
        write_counts(&mut transaction, batch, &bins, &epochs, now_ms).await?;
        write_presence(&mut transaction, batch, &bins, now_ms).await?;
        write_told(&mut transaction, batch, &bins, now_ms).await?;
        write_dead(&mut transaction, batch, now_ms).await?;
        transaction.commit().await.doing("committing a batch")?;
        written.dead = batch.dead.values().map(|letter| letter.times.unsigned_abs()).sum();
        Ok(written)
    }
}

/// Sorted by ledger and number.
fn place<'a>(
    drops: &'a [Arrived],
    bins: &HashMap<BinName, i64>,
    epochs: &HashMap<(i64, String), i64>,
) -> Vec<Placed<'a>> {
    let placed = drops.iter().filter_map(|arrived| {
        let bin_id = *bins.get(&arrived.bin)?;
        let epoch_id = *epochs.get(&(bin_id, arrived.drop.epoch.clone()))?;
        Some(Placed { bin_id, epoch_id, seq: i64::try_from(arrived.drop.seq).ok()?, arrived })
    });
    let mut placed: Vec<_> = placed.collect();
    placed.sort_by_key(|drop| (drop.epoch_id, drop.seq));
    placed
}

async fn write_drops(
    connection: &mut AnyConnection,
    drops: Vec<Placed<'_>>,
    now_ms: i64,
) -> Result<Written, StoreError> {
    let mut written = Written::default();
    if drops.is_empty() {
        return Ok(written);
    }
    let keys = drops.iter().map(|drop| [drop.epoch_id.into(), drop.seq.into(), drop.arrived.digest.into()]);
    let head = "INSERT INTO known (epoch_id, seq, digest) VALUES";
    let tail = "ON CONFLICT (epoch_id, seq) DO NOTHING RETURNING epoch_id, seq";
    let inserted =
        rows::write(connection, head, keys.collect(), tail).await.doing("writing numbers of drops")?;
    let mut new = HashSet::with_capacity(inserted.len());
    for row in inserted {
        let key: (i64, i64) = (
            row.try_get(0).doing("reading numbers of drops")?,
            row.try_get(1).doing("reading numbers of drops")?,
        );
        new.insert(key);
    }
    // Of the same number twice in one batch the first is the new one, as in the statement above.
    let (fresh, again): (Vec<_>, Vec<_>) =
        drops.into_iter().partition(|drop| new.remove(&(drop.epoch_id, drop.seq)));
    written.new = fresh.len() as u64;
    written.clones = write_clones(connection, &again, now_ms).await?;
    written.repeated = again.len() as u64 - written.clones;
    if !fresh.is_empty() {
        write_rows(connection, &fresh, now_ms).await?;
        write_totals(connection, &fresh).await?;
        write_openings(connection, &fresh).await?;
    }
    Ok(written)
}

/// Repetitions whose contents differ from those kept; returns how many.
async fn write_clones(
    connection: &mut AnyConnection,
    again: &[Placed<'_>],
    now_ms: i64,
) -> Result<u64, StoreError> {
    let mut clones = Vec::new();
    for drop in again {
        let kept: i64 = sqlx::query_scalar("SELECT digest FROM known WHERE epoch_id = $1 AND seq = $2")
            .bind(drop.epoch_id)
            .bind(drop.seq)
            .fetch_one(&mut *connection)
            .await
            .doing("comparing a repeated drop")?;
        if kept != drop.arrived.digest {
            let payload = serde_json::to_string(&drop.arrived.drop).unwrap_or_default();
            clones.push([
                drop.epoch_id.into(),
                drop.seq.into(),
                drop.arrived.digest.into(),
                now_ms.into(),
                Value::Text(payload),
            ]);
        }
    }
    let count = clones.len() as u64;
    let head = "INSERT INTO clones (epoch_id, seq, digest, received_ms, payload) VALUES";
    let tail = "ON CONFLICT (epoch_id, seq, digest) DO NOTHING";
    rows::write(connection, head, clones, tail).await.doing("writing clones")?;
    Ok(count)
}

async fn write_rows(
    connection: &mut AnyConnection,
    fresh: &[Placed<'_>],
    now_ms: i64,
) -> Result<(), StoreError> {
    let values = fresh.iter().map(|placed| {
        let Arrived { time_ms, drop, .. } = placed.arrived;
        [
            month_of(*time_ms).into(),
            placed.epoch_id.into(),
            placed.seq.into(),
            (*time_ms).into(),
            drop.clock_synchronised.into(),
            now_ms.into(),
            (&*drop.stream).into(),
            (&*drop.seen).into(),
            (&*drop.label).into(),
            drop.probability.into(),
            drop.accepted.into(),
            Value::MaybeText(drop.reason.clone()),
            Value::MaybeInt(drop.compartment.map(i64::from)),
            int(drop.timings.settled_to_decided_ms),
            Value::MaybeInt(drop.timings.decided_to_confirmed_ms.and_then(|ms| i64::try_from(ms).ok())),
            drop.late.into(),
        ]
    });
    let head = "INSERT INTO drops (month, epoch_id, seq, time_ms, clock_synchronised, received_ms, stream, seen, \
                label, probability, accepted, reason, compartment, settled_to_decided_ms, \
                decided_to_confirmed_ms, late) VALUES";
    rows::write(connection, head, values.collect(), "").await.doing("writing drops")?;
    Ok(())
}

async fn write_totals(connection: &mut AnyConnection, fresh: &[Placed<'_>]) -> Result<(), StoreError> {
    let mut totals: BTreeMap<(i64, &str, Outcome), i64> = BTreeMap::new();
    let mut hourly: BTreeMap<(i64, i64, &str, Outcome), i64> = BTreeMap::new();
    for placed in fresh {
        let Arrived { time_ms, drop, .. } = placed.arrived;
        let (seen, outcome) = (drop.seen.as_str(), drop.outcome());
        *totals.entry((placed.epoch_id, seen, outcome)).or_default() += 1;
        *hourly.entry((placed.bin_id, time_ms.div_euclid(3_600_000), seen, outcome)).or_default() += 1;
    }
    let values = totals.into_iter().map(|((epoch, seen, outcome), items)| {
        [epoch.into(), seen.into(), outcome.id().into(), items.into()]
    });
    let head = "INSERT INTO totals (epoch_id, seen, outcome, items) VALUES";
    let tail = "ON CONFLICT (epoch_id, seen, outcome) DO UPDATE SET items = totals.items + excluded.items";
    rows::write(connection, head, values.collect(), tail).await.doing("adding to the totals")?;
    let values = hourly.into_iter().map(|((bin, hour, seen, outcome), items)| {
        [bin.into(), hour.into(), seen.into(), outcome.id().into(), items.into()]
    });
    let head = "INSERT INTO hourly (bin_id, hour, seen, outcome, items) VALUES";
    let tail =
        "ON CONFLICT (bin_id, hour, seen, outcome) DO UPDATE SET items = hourly.items + excluded.items";
    rows::write(connection, head, values.collect(), tail).await.doing("adding to the hours")?;
    Ok(())
}

/// Whether a bin takes a stream, as its newest drop that looked like it tells.
async fn write_openings(connection: &mut AnyConnection, fresh: &[Placed<'_>]) -> Result<(), StoreError> {
    struct Opening {
        epoch_id: i64,
        seq: i64,
        state: &'static str,
        since_ms: i64,
        emptied_ms: Option<i64>,
    }
    let mut openings: BTreeMap<(i64, &str), Opening> = BTreeMap::new();
    for placed in fresh {
        let Arrived { time_ms, drop, .. } = placed.arrived;
        let state = match drop.reason.as_deref() {
            None => "open",
            Some("compartment_full") => "full",
            Some("compartment_disabled") => "disabled",
            Some(_) => continue,
        };
        let (epoch_id, seq) = (placed.epoch_id, placed.seq);
        let new = Opening { epoch_id, seq, state, since_ms: *time_ms, emptied_ms: None };
        let opening = openings.entry((placed.bin_id, &drop.seen)).or_insert(new);
        if opening.state == "full" && state == "open" {
            opening.emptied_ms = Some(*time_ms);
        }
        if opening.state != state {
            opening.since_ms = *time_ms;
        }
        (opening.epoch_id, opening.seq, opening.state) = (epoch_id, seq, state);
    }
    let values = openings.into_iter().map(|((bin, seen), opening)| {
        [
            bin.into(),
            seen.into(),
            opening.epoch_id.into(),
            opening.seq.into(),
            opening.state.into(),
            opening.since_ms.into(),
            Value::MaybeInt(opening.emptied_ms),
        ]
    });
    let head = "INSERT INTO openings (bin_id, stream, epoch_id, seq, state, since_ms, emptied_ms) VALUES";
    let tail = "ON CONFLICT (bin_id, stream) DO UPDATE SET epoch_id = excluded.epoch_id, seq = excluded.seq, \
                state = excluded.state, \
                since_ms = CASE WHEN openings.state = excluded.state THEN openings.since_ms \
                           ELSE excluded.since_ms END, \
                emptied_ms = CASE WHEN excluded.emptied_ms IS NOT NULL THEN excluded.emptied_ms \
                             WHEN openings.state = 'full' AND excluded.state = 'open' THEN excluded.since_ms \
                             ELSE openings.emptied_ms END \
                WHERE excluded.epoch_id > openings.epoch_id \
                   OR (excluded.epoch_id = openings.epoch_id AND excluded.seq > openings.seq)";
    rows::write(connection, head, values.collect(), tail).await.doing("writing what is open")?;
    Ok(())
}

/// What the crew said never changes either: a repetition finds its number taken.
async fn write_corrections(
    connection: &mut AnyConnection,
    batch: &Batch,
    bins: &HashMap<BinName, i64>,
    epochs: &HashMap<(i64, String), i64>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let placed = batch.corrections.iter().filter_map(|(bin, time_ms, correction)| {
        let epoch_id = *epochs.get(&(*bins.get(bin)?, correction.epoch.clone()))?;
        Some(((epoch_id, correction.number), (time_ms, correction)))
    });
    let placed: BTreeMap<_, _> = placed.collect();
    let values = placed.into_iter().map(|((epoch_id, number), (time_ms, correction))| {
        [
            epoch_id.into(),
            int(number),
            int(correction.seq),
            (*time_ms).into(),
            now_ms.into(),
            (&*correction.truth).into(),
            correction.withdrawn.into(),
            (&*correction.seen).into(),
            (&*correction.stream).into(),
            (&*correction.label).into(),
            correction.model.as_deref().unwrap_or("").into(),
        ]
    });
    let head = "INSERT INTO corrections (epoch_id, number, seq, time_ms, received_ms, truth, withdrawn, seen, \
                stream, label, model) VALUES";
    let tail = "ON CONFLICT (epoch_id, number) DO NOTHING";
    rows::write(connection, head, values.collect(), tail).await.doing("writing corrections")?;
    Ok(())
}

async fn write_counts(
    connection: &mut AnyConnection,
    batch: &Batch,
    bins: &HashMap<BinName, i64>,
    epochs: &HashMap<(i64, String), i64>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let placed = batch.counts.iter().filter_map(|((bin, epoch), (time_ms, counts))| {
        let epoch_id = *epochs.get(&(*bins.get(bin)?, epoch.clone()))?;
        Some((epoch_id, (time_ms, counts)))
    });
    let placed: BTreeMap<i64, _> = placed.collect();
    let values = placed.into_iter().map(|(epoch_id, (time_ms, counts))| {
        [
            epoch_id.into(),
            (*time_ms).into(),
            now_ms.into(),
            int(counts.last_seq),
            int(counts.total),
            int(counts.rejected),
            int(counts.returned),
            int(counts.voided),
            int(counts.given_up),
            int(counts.corrections),
            Value::Text(serde_json::to_string(&counts.streams).unwrap_or_default()),
        ]
    });
    let head = "INSERT INTO reports (epoch_id, reported_ms, received_ms, last_seq, total, rejected, returned, \
                voided, given_up, corrections, streams) VALUES";
    let tail = "ON CONFLICT (epoch_id) DO UPDATE SET reported_ms = excluded.reported_ms, \
                received_ms = excluded.received_ms, last_seq = excluded.last_seq, total = excluded.total, \
                rejected = excluded.rejected, returned = excluded.returned, voided = excluded.voided, \
                given_up = excluded.given_up, corrections = excluded.corrections, streams = excluded.streams \
                WHERE excluded.last_seq > reports.last_seq OR (excluded.last_seq = reports.last_seq AND \
                excluded.total + excluded.returned + excluded.voided + excluded.given_up + excluded.corrections > \
                reports.total + reports.returned + reports.voided + reports.given_up + reports.corrections)";
    rows::write(connection, head, values.collect(), tail).await.doing("writing reported counts")?;
    Ok(())
}

/// The last word counts, as it comes: a bin's clock may have jumped, its topic's order has not. Only a connection that
/// has ended does not begin again.
async fn write_presence(
    connection: &mut AnyConnection,
    batch: &Batch,
    bins: &HashMap<BinName, i64>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let seen = batch.seen.iter().filter_map(|(bin, counted)| Some((*bins.get(bin)?, *counted)));
    let mut seen: Vec<(i64, bool)> = seen.collect();
    seen.sort_unstable();
    let values = seen
        .into_iter()
        .map(|(bin, counted)| [Value::Int(bin), now_ms.into(), if counted { now_ms } else { 0 }.into()])
        .collect();
    let head = "INSERT INTO presence (bin_id, seen_ms, counted_ms) VALUES";
    // Anew after five seconds: a write per message would be one too many.
    let tail = "ON CONFLICT (bin_id) DO UPDATE SET seen_ms = excluded.seen_ms, \
                counted_ms = CASE WHEN excluded.counted_ms > presence.counted_ms THEN excluded.counted_ms \
                             ELSE presence.counted_ms END \
                WHERE presence.seen_ms < excluded.seen_ms - 5000 \
                   OR presence.counted_ms < excluded.counted_ms - 5000";
    rows::write(connection, head, values, tail).await.doing("writing signs of life")?;
    let mut words: Vec<_> =
        batch.availability.iter().filter_map(|(bin, words)| Some((*bins.get(bin)?, words))).collect();
    words.sort_by_key(|(bin, _)| *bin);
    for (bin, words) in words {
        for (time_ms, word) in words {
            let row = [
                bin.into(),
                (&*word.state).into(),
                (&*word.cause).into(),
                (&*word.connection).into(),
                (*time_ms).into(),
            ];
            let head = "INSERT INTO presence (bin_id, state, cause, connection, changed_ms) VALUES";
            let tail = "ON CONFLICT (bin_id) DO UPDATE SET state = excluded.state, cause = excluded.cause, \
                        connection = excluded.connection, changed_ms = excluded.changed_ms \
                        WHERE presence.connection IS NULL OR presence.connection <> excluded.connection \
                           OR presence.state = 'online'";
            rows::write(connection, head, vec![row], tail).await.doing("writing availability")?;
        }
    }
    Ok(())
}

async fn write_dead(connection: &mut AnyConnection, batch: &Batch, now_ms: i64) -> Result<(), StoreError> {
    let values = batch.dead.iter().map(|(digest, letter)| {
        [
            (*digest).into(),
            now_ms.into(),
            letter.times.into(),
            (&*letter.topic).into(),
            (&*letter.reason).into(),
            (&*letter.payload).into(),
        ]
    });
    let head = "INSERT INTO dead_letters (digest, received_ms, times, topic, reason, payload) VALUES";
    let tail = "ON CONFLICT (digest) DO UPDATE SET times = dead_letters.times + excluded.times, \
                received_ms = excluded.received_ms";
    rows::write(connection, head, values.collect(), tail).await.doing("writing dead letters")?;
    Ok(())
}
