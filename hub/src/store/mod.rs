//! What is kept, in PostgreSQL or SQLite, through one code path: the only folder that names the database crate.
//!
//! - A batch is one transaction. Whoever is told `Ok` may acknowledge: the database has committed.
//! - Everything is keyed by what the contract says never changes, so that writing a message twice, or two messages in
//!   the other order, leaves the same tables (`tests/store.rs` holds them to it).
//! - Both databases run the same statements: numbers are BIGINT, flags 0 or 1, parameters `$1`. Only the migrations
//!   and the monthly tables (`months.rs`) know which one it is.
//!
//! Never reads a clock, never talks to a broker.

mod asks;
mod batch;
mod error;
mod exported;
mod ids;
mod months;
mod read;
mod reconcile;
mod rows;
mod told;
mod write;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AnyPool, Executor as _};

pub use batch::Batch;
pub use error::StoreError;
pub use read::{BinNow, Corrected, Dead, Hour, Opening, Rejects};
pub use reconcile::{EpochCheck, State};
pub use told::AlarmUp;
pub use write::Written;

use error::Doing as _;
use ids::Ids;
use months::Months;

static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

/// Batches that PostgreSQL writes at once for one hub; more only wait for each other's disk.
const WRITERS: u32 = 4;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Postgres,
    Sqlite,
}

/// The database.
#[derive(Debug)]
pub struct Store {
    pool: AnyPool,
    kind: Kind,
    writers: usize,
    ids: Ids,
    months: Months,
}

impl Store {
    /// Connects and brings the tables up to date. `url`: `postgres://…` or `sqlite://…` (the file is made when missing).
    ///
    /// # Errors
    /// [`StoreError`], saying what was tried.
    pub async fn open(url: &str, connections_max: u32) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let kind = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => Kind::Postgres,
            Some("sqlite") => Kind::Sqlite,
            _ => return Err(StoreError::Url { url: without_password(url) }),
        };
        let mut url = url.to_owned();
        if kind == Kind::Sqlite && !url.contains('?') {
            url.push_str("?mode=rwc");
        }
        let pool = AnyPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(std::time::Duration::from_secs(10))
            .after_connect(move |connection, _| Box::pin(prepare(connection, kind)))
            .connect(&url)
            .await
            .doing("connecting to the database")?;
        let migrator = if kind == Kind::Postgres { &POSTGRES } else { &SQLITE };
        migrator.run(&pool).await.map_err(|source| StoreError::Migrate { source })?;
        // Half of the connections at most: the pages want some too. SQLite has one writer.
        let writers = if kind == Kind::Postgres { (connections_max / 2).clamp(1, WRITERS) } else { 1 };
        Ok(Self { pool, kind, writers: writers as usize, ids: Ids::default(), months: Months::default() })
    }

    /// How many batches it bears to be written at once.
    pub const fn writers(&self) -> usize {
        self.writers
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The same promise on both: what is committed survives the power going a moment later.
async fn prepare(connection: &mut AnyConnection, kind: Kind) -> Result<(), sqlx::Error> {
    let statement = match kind {
        Kind::Postgres => "SET synchronous_commit = on",
        Kind::Sqlite => {
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; \
             PRAGMA foreign_keys = ON"
        }
    };
    connection.execute(statement).await?;
    Ok(())
}

/// The address without what stands between `//` and `@`.
fn without_password(url: &str) -> String {
    match (url.split_once("//"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}//…@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_of_nothing_is_refused_without_its_password() {
        let error = Store::open("mysql://me:secret@db/x", 1).await.unwrap_err().to_string();
        assert!(error.contains("mysql://…@db/x") && !error.contains("secret"), "{error}");
    }
}
