//! Many rows in few statements, the same text on both databases.
//!
//! A batch is cut into chunks of a few fixed sizes, so that each statement exists in a few forms, which the driver
//! keeps prepared.

use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{AnyConnection, AssertSqlSafe, Executor as _};

/// Rows in one statement. The largest times the widest table stays below SQLite's 32,766 parameters.
const CHUNKS: [usize; 5] = [256, 64, 16, 4, 1];

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i64),
    MaybeInt(Option<i64>),
    Real(f64),
    Text(String),
    MaybeText(Option<String>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The contract's numbers are checked to fit (`wire.rs`).
pub(super) fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Runs `head (…), (…), … tail` for all rows, `head` ending in `VALUES` and every row `WIDTH` wide; returns what
/// the statements returned.
pub(super) async fn write<const WIDTH: usize>(
    connection: &mut AnyConnection,
    head: &'static str,
    rows: Vec<[Value; WIDTH]>,
    tail: &'static str,
) -> Result<Vec<AnyRow>, sqlx::Error> {
    let mut returned = Vec::new();
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let size = CHUNKS.into_iter().find(|size| *size <= rows.len()).unwrap_or(1);
        let mut query = sqlx::query(AssertSqlSafe(statement(head, size, WIDTH, tail)));
        for value in rows.by_ref().take(size).flatten() {
            query = bind(query, value);
        }
        returned.extend(connection.fetch_all(query).await?);
    }
    Ok(returned)
}

fn bind(query: Query<'_, Any, AnyArguments>, value: Value) -> Query<'_, Any, AnyArguments> {
    match value {
        Value::Int(number) => query.bind(number),
        Value::MaybeInt(number) => query.bind(number),
        Value::Real(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::MaybeText(text) => query.bind(text),
    }
}

fn statement(head: &str, rows: usize, width: usize, tail: &str) -> String {
    let mut text = String::with_capacity(head.len() + tail.len() + rows * width * 6);
    text.push_str(head);
    for row in 0..rows {
        text.push_str(if row == 0 { " (" } else { ", (" });
        for column in 0..width {
            if column > 0 {
                text.push_str(", ");
            }
            text.push('$');
            text.push_str(&(row * width + column + 1).to_string());
        }
        text.push(')');
    }
    text.push(' ');
    text.push_str(tail);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_number_their_parameters() {
        let text = statement("INSERT INTO t (a, b) VALUES", 2, 2, "ON CONFLICT DO NOTHING");
        assert_eq!(text, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING");
    }
}
