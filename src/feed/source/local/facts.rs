//! What SQLite says of a table.

use rusqlite::{Connection, OptionalExtension};

use super::words::Fault;
use crate::feed::source::table::Facts;
use crate::feed::source::{Column, sql};

/// Asks for all there is to know.
pub(super) fn read(file: &Connection, name: &str) -> Result<Facts, Fault> {
    let kind: Option<String> = file
        .prepare_cached("SELECT type FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let mut facts = Facts { name: name.to_owned(), kind, ..Facts::default() };
    if facts.kind.is_none() {
        facts.others = others(file)?;
        return Ok(facts);
    }
    columns(file, &mut facts)?;
    indexes(file, &mut facts)?;
    facts.rowid = if facts.kind.as_deref() == Some("table") { rowid(file, &facts) } else { None };
    Ok(facts)
}

fn columns(file: &Connection, facts: &mut Facts) -> Result<(), Fault> {
    let mut statement =
        file.prepare_cached("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1)")?;
    let mut rows = statement.query([&facts.name])?;
    while let Some(row) = rows.next()? {
        let (name, declared): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        if row.get::<_, i64>(3)? > 0 {
            facts.primary.push(name.clone());
        }
        // 1 is a hidden column of a virtual table; 2 and 3 are generated ones, which can be read like others.
        if row.get::<_, i64>(4)? != 1 {
            let not_null = row.get::<_, i64>(2)? != 0;
            facts.columns.push(Column { name, declared: declared.unwrap_or_default(), not_null });
        }
    }
    Ok(())
}

fn indexes(file: &Connection, facts: &mut Facts) -> Result<(), Fault> {
    let mut statement = file.prepare_cached("SELECT name, \"unique\" FROM pragma_index_list(?1) WHERE partial = 0")?;
    let mut rows = statement.query([&facts.name])?;
    while let Some(row) = rows.next()? {
        let index: String = row.get(0)?;
        let mut parts = file.prepare_cached("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
        let parts = parts.query_map([index], |row| row.get::<_, Option<String>>(0))?;
        // An index over an expression has no name there.
        let parts: Vec<String> = parts.map(|part| part.map(Option::unwrap_or_default)).collect::<Result<_, _>>()?;
        facts.indexes.push((parts, row.get::<_, i64>(1)? != 0));
    }
    Ok(())
}

fn rowid(file: &Connection, facts: &Facts) -> Option<&'static str> {
    let rowid = sql::rowid(&facts.columns.iter().map(|column| column.name.as_str()))?;
    file.prepare(&format!("SELECT {rowid} FROM {}", sql::name(&facts.name))).is_ok().then_some(rowid)
}

fn others(file: &Connection) -> Result<Vec<String>, Fault> {
    let mut statement = file.prepare(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' LIMIT 20",
    )?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}
