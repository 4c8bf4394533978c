//! What can go wrong with the database.

use sqlx::migrate::MigrateError;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address names no database that this program speaks.
    #[error("{url:?} names no database: use postgres://user@host/name or sqlite:///path/to/hub.db")]
    Url {
        /// What was given, without its password.
        url: String,
    },
    /// The tables could not be brought up to date.
    #[error(
        "cannot bring the tables up to date ({source}): is another version of bunri-hub using this database?"
    )]
    Migrate {
        /// What sqlx says.
        #[source]
        source: MigrateError,
    },
    /// The database did not do what was asked.
    #[error("{doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What it says.
        #[source]
        source: sqlx::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed later, with nothing changed by anybody here.
    ///
    /// Only an answer about the data itself is final: everything else (a lost connection, a full disk, a lock, a
    /// restart) passes or is mended, and what waits is at the broker meanwhile.
    pub fn is_transient(&self) -> bool {
        let source = match self {
            Self::Database { source, .. } | Self::Migrate { source: MigrateError::Execute(source) } => source,
            Self::Url { .. } | Self::Migrate { .. } => return false,
        };
        match source {
            sqlx::Error::Database(answer) => !is_about_the_data(answer.code().as_deref().unwrap_or("")),
            sqlx::Error::Encode(_) | sqlx::Error::Decode(_) => false,
            _ => true,
        }
    }
}

/// SQLSTATE (five characters) classes 22, data exception, and 23, integrity; SQLite's TOOBIG, CONSTRAINT, MISMATCH and
/// RANGE, whose extended codes (at most four digits) keep theirs in the lowest byte.
fn is_about_the_data(code: &str) -> bool {
    if code.len() == 5 {
        return code.starts_with("22") || code.starts_with("23");
    }
    matches!(code.parse::<u32>().map(|code| code & 0xff), Ok(18 | 19 | 20 | 25))
}

/// Says what was being done when the database failed.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { doing, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_about_the_data_are_final() {
        for code in ["22021", "23505", "23514", "19", "2067", "1555", "787", "275"] {
            assert!(is_about_the_data(code), "{code}");
        }
        for code in ["40P01", "40001", "53100", "57P01", "08006", "5", "6", "10", "13", "517", "261", ""] {
            assert!(!is_about_the_data(code), "{code}");
        }
    }
}
