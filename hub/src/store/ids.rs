//! Bins and their ledgers as numbers: looked up or made, and remembered.
//!
//! Made outside the batch's transaction: a row here without drops does no harm, and nobody waits for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use sqlx::{AnyConnection, Row as _};

use super::error::{Doing as _, StoreError};
use super::rows::{self, Value};
use crate::wire::BinName;

/// More than any district has: past it the memory starts over, and the database is asked again.
const REMEMBERED_MAX: usize = 50_000;

/// What is already known. Ids never change, so that a lost entry costs one question.
#[derive(Debug, Default)]
pub(super) struct Ids {
    bins: Mutex<HashMap<BinName, i64>>,
    epochs: Mutex<HashMap<(i64, String), i64>>,
}

impl Ids {
    /// The number of each bin, made if new.
    pub(super) async fn bins(
        &self,
        connection: &mut AnyConnection,
        names: BTreeSet<&BinName>,
        now_ms: i64,
    ) -> Result<HashMap<BinName, i64>, StoreError> {
        let (mut found, missing) = remembered(&self.bins, names.into_iter().cloned());
        if !missing.is_empty() {
            let new =
                missing.iter().map(|name| [(&*name.district).into(), (&*name.bin).into(), now_ms.into()]);
            let head = "INSERT INTO bins (district, bin, first_seen_ms) VALUES";
            rows::write(connection, head, new.collect(), "ON CONFLICT (district, bin) DO NOTHING")
                .await
                .doing("making bins known")?;
        }
        for name in missing {
            let id: i64 = sqlx::query_scalar("SELECT id FROM bins WHERE district = $1 AND bin = $2")
                .bind(name.district.clone())
                .bind(name.bin.clone())
                .fetch_one(&mut *connection)
                .await
                .doing("looking up a bin")?;
            remember(&self.bins, name.clone(), id);
            found.insert(name, id);
        }
        Ok(found)
    }

    /// The number of each ledger, made if new.
    pub(super) async fn epochs(
        &self,
        connection: &mut AnyConnection,
        names: BTreeSet<(i64, String)>,
        now_ms: i64,
    ) -> Result<HashMap<(i64, String), i64>, StoreError> {
        let (mut found, missing) = remembered(&self.epochs, names.into_iter());
        if !missing.is_empty() {
            let new = missing.iter().map(|(bin, epoch)| [Value::Int(*bin), (&**epoch).into(), now_ms.into()]);
            let head = "INSERT INTO epochs (bin_id, epoch, first_seen_ms) VALUES";
            rows::write(connection, head, new.collect(), "ON CONFLICT (bin_id, epoch) DO NOTHING")
                .await
                .doing("making ledgers known")?;
        }
        for name in missing {
            let row = sqlx::query("SELECT id FROM epochs WHERE bin_id = $1 AND epoch = $2")
                .bind(name.0)
                .bind(name.1.clone())
                .fetch_one(&mut *connection)
                .await
                .doing("looking up a ledger")?;
            let id = row.try_get(0).doing("looking up a ledger")?;
            remember(&self.epochs, name.clone(), id);
            found.insert(name, id);
        }
        Ok(found)
    }
}

type Memory<K> = Mutex<HashMap<K, i64>>;

fn remembered<K: Clone + Eq + std::hash::Hash>(
    memory: &Memory<K>,
    wanted: impl Iterator<Item = K>,
) -> (HashMap<K, i64>, Vec<K>) {
    let memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut found, mut missing) = (HashMap::new(), Vec::new());
    for key in wanted {
        match memory.get(&key) {
            Some(id) => {
                found.insert(key, *id);
            }
            None => missing.push(key),
        }
    }
    (found, missing)
}

fn remember<K: Eq + std::hash::Hash>(memory: &Memory<K>, key: K, id: i64) {
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    if memory.len() >= REMEMBERED_MAX {
        memory.clear();
    }
    memory.insert(key, id);
}
