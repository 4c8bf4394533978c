//! What a context broker has taken, one row an entity.

use std::collections::HashMap;

use sqlx::Row as _;

use super::Store;
use super::error::{Doing as _, StoreError};
use super::rows;

impl Store {
    /// The digest of every entity as it was taken last.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn exported(&self) -> Result<HashMap<String, i64>, StoreError> {
        let doing = "reading what the context broker has taken";
        let rows =
            sqlx::query("SELECT entity, digest FROM exported").fetch_all(&self.pool).await.doing(doing)?;
        let entities = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        entities.collect::<Result<_, sqlx::Error>>().doing(doing)
    }

    /// Remembers that these entities were taken.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written; then they are sent again.
    pub async fn mark_exported(
        &self,
        entities: impl Iterator<Item = (&str, i64)>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await.doing("getting a connection to the database")?;
        let values = entities.map(|(entity, digest)| [entity.into(), digest.into(), now_ms.into()]).collect();
        let head = "INSERT INTO exported (entity, digest, sent_ms) VALUES";
        let tail = "ON CONFLICT (entity) DO UPDATE SET digest = excluded.digest, sent_ms = excluded.sent_ms";
        rows::write(&mut connection, head, values, tail).await.doing("noting what was taken")?;
        Ok(())
    }
}
