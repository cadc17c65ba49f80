//! The general form: queries of one's own, asked once for all sessions.

use std::path::Path;
use std::time::Duration;

use mysql_async::{Row, Value};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::flags::{self, Cell, Flags, Table};
use super::server::Server;
use super::{Trouble, sqlite};
use crate::fleet::secret::DatabaseUrl;
use crate::reach::secret::Secrets;

/// Asks the acquisition's database.
pub(super) async fn acquisition(path: &Path, query: &str, patience: Duration) -> Result<Flags, Trouble> {
    let statement = query.to_owned();
    let table = sqlite::ask(path, patience, move |file| rows(file, &statement)).await?;
    flags::read(&table, true).map_err(|wrong| {
        Trouble::new("error", format!("{}: the query {wrong}", path.display()), "correct `query` in the fleet file")
    })
}

fn rows(file: &Connection, query: &str) -> rusqlite::Result<Table> {
    let mut statement = file.prepare(query)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let width = columns.len();
    let mut table = Table { columns, rows: Vec::new() };
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let cell = |at| {
            row.get_ref(at).map(|value| match value {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Integer(number),
                ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Real(_) | ValueRef::Blob(_) => Cell::Other,
            })
        };
        table.rows.push((0..width).map(cell).collect::<rusqlite::Result<_>>()?);
    }
    Ok(table)
}

/// Asks the pipeline's server, one statement for each named query.
pub(super) async fn pipeline(
    url: &DatabaseUrl,
    secrets: &Secrets,
    queries: &[(String, String)],
    patience: Duration,
) -> Result<Vec<(String, Flags)>, Trouble> {
    let mut server = Server::connect(url, secrets, patience).await?;
    let mut answers = Vec::with_capacity(queries.len());
    for (name, query) in queries {
        let mut table = Table::default();
        let what = format!("`{name}`");
        let columns = server.rows(&what, query, |row| table.rows.push(cells(&row))).await?;
        table.columns = columns;
        let flags = flags::read(&table, false).map_err(|wrong| {
            Trouble::new(
                "error",
                format!("{}: the query {what} {wrong}", url.url),
                "correct `queries` in the fleet file",
            )
        })?;
        answers.push((name.clone(), flags));
    }
    server.end().await;
    Ok(answers)
}

fn cells(row: &Row) -> Vec<Cell> {
    let cell = |at: usize| match row.as_ref(at) {
        Some(Value::Bytes(bytes)) => Cell::Text(String::from_utf8_lossy(bytes).into_owned()),
        Some(Value::Int(number)) => Cell::Integer(*number),
        Some(Value::UInt(number)) => i64::try_from(*number).map_or(Cell::Other, Cell::Integer),
        Some(Value::NULL) | None => Cell::Null,
        Some(_) => Cell::Other,
    };
    (0..row.len()).map(cell).collect()
}
