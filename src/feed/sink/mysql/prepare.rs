//! Makes the table, its unique index and the place of the marks where they are missing.

use mysql_async::prelude::Queryable;

use super::error::tell;
use super::live::{Live, quoted};
use super::{marks, schema, types};
use crate::feed::sink::join::{self, TargetTable};
use crate::feed::sink::{Kind, Prepared, SinkError};
use crate::feed::source::{Column, Shape};
use crate::feed::value::Row;
use crate::fleet::data::FeedTable;

/// Keys that are written out where there are more than one of each.
const WRITTEN_OUT: usize = 5;

/// Says what is missing, and makes it unless it is a dry run or something stands in the way.
pub(super) async fn prepare(
    live: &mut Live,
    table: &FeedTable,
    shape: &Shape,
    sample: &[Row],
    dry_run: bool,
) -> Result<Prepared, SinkError> {
    let into = join::into(table);
    let mut prepared = Prepared::default();
    if !marks::there(live).await? {
        prepared.statements.push(marks::TABLE.into());
    }
    match schema::table(live, into).await? {
        None => create(table, shape, sample, &mut prepared)?,
        Some(there) => {
            notes(table, shape, &there, &mut prepared);
            if !there.is_unique(&table.key) {
                index(live, table, &there, &mut prepared).await?;
            }
        }
    }
    if !dry_run && prepared.doubled == 0 {
        for statement in &prepared.statements {
            live.conn.query_drop(statement).await.map_err(|error| tell(&error))?;
        }
    }
    Ok(prepared)
}

/// A new table, with the key as its primary key.
fn create(table: &FeedTable, shape: &Shape, sample: &[Row], prepared: &mut Prepared) -> Result<(), SinkError> {
    let is = |names: &[String], column: &Column| names.iter().any(|name| join::same(name, &column.name));
    let mut lines = Vec::new();
    for (at, column) in shape.columns.iter().enumerate() {
        let key = is(&table.key, column);
        if table.columns.is_empty() || is(&table.columns, column) || key {
            let kind = types::declared(column, key, sample.iter().filter_map(|row| row.values.get(at)));
            if key && kind.starts_with("DATETIME") {
                prepared.notes.push(twofold(&column.name));
            }
            lines.push(format!("{} {kind}", quoted(&column.name)));
        } else {
            prepared.notes.push(format!("the column `{}` is not carried", column.name));
        }
    }
    if let Some(missing) =
        table.key.iter().find(|key| !shape.columns.iter().any(|column| join::same(key, &column.name)))
    {
        return Err(SinkError::Refused(format!("the table `{}` of the source has no column `{missing}`", table.name)));
    }
    let key: Vec<String> = table.key.iter().map(|name| quoted(name)).collect();
    lines.push(format!("PRIMARY KEY ({})", key.join(", ")));
    prepared.statements.push(format!(
        "CREATE TABLE {} (\n  {}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
        quoted(join::into(table)),
        lines.join(",\n  ")
    ));
    Ok(())
}

/// What the repeated hour of a clock change does to a DATETIME.
fn twofold(name: &str) -> String {
    format!(
        "`{name}` is a DATETIME: in the hour that a clock change repeats, the second row of a key takes the place of the \
         first. A TIMESTAMP keeps both"
    )
}

/// The index over the key of a table that is there.
async fn index(
    live: &mut Live,
    table: &FeedTable,
    there: &TargetTable,
    prepared: &mut Prepared,
) -> Result<(), SinkError> {
    let into = quoted(join::into(table));
    let mut key = Vec::new();
    for name in &table.key {
        let field = there.column(name).ok_or_else(|| {
            SinkError::Refused(format!(
                "the table {into} of the target has no column `{name}`, which is part of the key"
            ))
        })?;
        let declared = field.column.declared.to_lowercase();
        if declared.contains("text") || declared.contains("blob") {
            return Err(SinkError::Refused(format!(
                "the column `{name}` is {declared} at the target, over which no index can be whole: ALTER TABLE {into} MODIFY \
                 {} VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
                quoted(name)
            )));
        }
        key.push(quoted(&field.column.name));
    }
    prepared.statements.push(format!("ALTER TABLE {into} ADD UNIQUE INDEX hotspare_key ({})", key.join(", ")));

    let whole: Vec<String> = key.iter().map(|name| format!("{name} IS NOT NULL")).collect();
    let groups = format!("FROM {into} WHERE {} GROUP BY {} HAVING COUNT(*) > 1", whole.join(" AND "), key.join(", "));
    let count = format!("SELECT COUNT(*) FROM (SELECT 1 {groups}) AS doubles");
    let doubled: Option<u64> = live.conn.query_first(count).await.map_err(|error| tell(&error))?;
    prepared.doubled = doubled.unwrap_or(0);
    if prepared.doubled > 0 {
        let shown: Vec<String> = key.iter().map(|name| format!("CONVERT({name} USING utf8mb4)")).collect();
        let question = format!(
            "SELECT CONCAT_WS(', ', {}), COUNT(*) {groups} ORDER BY {} LIMIT {WRITTEN_OUT}",
            shown.join(", "),
            key.join(", ")
        );
        prepared.doubles = live.conn.query(question).await.map_err(|error| tell(&error))?;
    }
    Ok(())
}

/// What a person should know of a table that is there.
fn notes(table: &FeedTable, shape: &Shape, there: &TargetTable, prepared: &mut Prepared) {
    for name in &table.key {
        let Some(field) = there.column(name) else { continue };
        if field.caseless {
            prepared.notes.push(format!(
                "`{name}` is compared without case at the target: keys that differ only in case are one row there. ALTER \
                 TABLE … MODIFY … COLLATE utf8mb4_bin tells them apart"
            ));
        }
        if field.column.kind == Kind::Naive {
            prepared.notes.push(twofold(name));
        }
    }
    for column in &shape.columns {
        let wanted = table.columns.is_empty() || table.columns.iter().any(|name| join::same(name, &column.name));
        match there.column(&column.name) {
            None if wanted => {
                prepared.notes.push(format!("the target has no column `{}`: it is not carried", column.name));
            }
            Some(field) if wanted && field.numbers && !table.key.iter().any(|key| join::same(key, &column.name)) => {
                prepared.notes.push(format!("`{}` numbers the rows of the target: it is not carried", column.name));
            }
            _ => {}
        }
    }
}
