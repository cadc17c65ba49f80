//! A table of the file: what it has, and how it is made.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::tell;
use crate::feed::sink::join::{self, TargetField, TargetTable, Unique};
use crate::feed::sink::{Kind, Prepared, SinkError, TargetColumn};
use crate::feed::source::Shape;
use crate::fleet::data::FeedTable;

/// Keys that are written out where there are more than one of each.
const WRITTEN_OUT: i64 = 5;

/// The table of marks.
pub(super) const MARKS: &str = "CREATE TABLE IF NOT EXISTS hotspare_marks (feed TEXT NOT NULL, source TEXT NOT NULL, \
     tbl TEXT NOT NULL, turn INTEGER NOT NULL, mark TEXT NOT NULL, updated TEXT NOT NULL, \
     PRIMARY KEY (feed, source, tbl)) WITHOUT ROWID";

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether there is a table of this name.
pub(super) fn there(file: &Connection, name: &str) -> Result<bool, SinkError> {
    file.query_row("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?)", [name], |_row| Ok(()))
        .optional()
        .map(|found| found.is_some())
        .map_err(|error| tell(&error))
}

/// A table, or `None` where there is none of this name.
pub(super) fn read(file: &mut Connection, name: &str) -> Result<Option<TargetTable>, SinkError> {
    if !there(file, name)? {
        return Ok(None);
    }
    inner(file, name).map(Some).map_err(|error| tell(&error))
}

fn inner(file: &Connection, name: &str) -> rusqlite::Result<TargetTable> {
    let mut table = TargetTable::default();
    let mut keys = Vec::new();
    let mut asked =
        file.prepare("SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?)")?;
    let mut rows = asked.query([name])?;
    while let Some(row) = rows.next()? {
        let (name, declared): (String, String) = (row.get(0)?, row.get(1)?);
        if row.get::<_, i64>(4)? > 0 {
            keys.push((name.clone(), declared.to_uppercase() == "INTEGER"));
        }
        table.columns.push(TargetField {
            column: TargetColumn { name, declared, kind: Kind::Any },
            optional: !row.get::<_, bool>(2)? || row.get(3)?,
            numbers: false,
            // 2 and 3: computed.
            computed: row.get::<_, i64>(5)? >= 2,
            caseless: false,
        });
    }
    let mut asked = file.prepare("SELECT name, origin, partial FROM pragma_index_list(?) WHERE \"unique\"")?;
    let mut rows = asked.query([name])?;
    let mut primary = false;
    while let Some(row) = rows.next()? {
        let (index, origin, partial): (String, String, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        primary |= origin == "pk";
        let mut asked = file.prepare("SELECT name, coll FROM pragma_index_xinfo(?) WHERE key")?;
        let parts: Vec<(Option<String>, Option<String>)> =
            asked.query_map([&index], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        let whole = !partial && parts.iter().all(|(name, _)| name.is_some());
        for (name, collation) in &parts {
            let caseless = collation.as_ref().is_some_and(|collation| collation != "BINARY");
            let field = table.columns.iter_mut().find(|field| Some(&field.column.name) == name.as_ref());
            if let (Some(field), true) = (field, caseless) {
                field.caseless = true;
            }
        }
        table.uniques.push(Unique {
            name: index,
            columns: parts.into_iter().filter_map(|(name, _)| name).collect(),
            whole,
        });
    }
    // A primary key without an index is the rowid.
    if let ([(key, true)], false) = (keys.as_slice(), primary) {
        table.uniques.push(Unique { name: "primary key".into(), columns: vec![key.clone()], whole: true });
        table.columns.iter_mut().filter(|field| field.column.name == *key).for_each(|field| field.numbers = true);
    }
    Ok(table)
}

/// Says what is missing, and makes it unless it is a dry run or something stands in the way.
pub(super) fn prepare(
    file: &mut Connection,
    table: &FeedTable,
    shape: &Shape,
    dry_run: bool,
) -> Result<Prepared, SinkError> {
    let mut prepared = Prepared::default();
    if !there(file, "hotspare_marks")? {
        prepared.statements.push(MARKS.into());
    }
    let into = join::into(table);
    let key: Vec<String> = table.key.iter().map(|name| quoted(name)).collect();
    let key = key.join(", ");
    match read(file, into)? {
        None => prepared.statements.push(create(table, shape, &key, &mut prepared.notes)?),
        Some(there) => {
            for name in table.key.iter().filter(|name| there.column(name).is_some_and(|field| field.caseless)) {
                prepared.notes.push(format!("`{name}` is compared without case at the target"));
            }
            if !there.is_unique(&table.key) {
                let index = quoted(&format!("hotspare_key_{into}"));
                prepared.statements.push(format!("CREATE UNIQUE INDEX {index} ON {} ({key})", quoted(into)));
                (prepared.doubled, prepared.doubles) = doubles(file, into, &key).map_err(|error| tell(&error))?;
            }
        }
    }
    if !dry_run && prepared.doubled == 0 {
        for statement in &prepared.statements {
            file.execute_batch(statement).map_err(|error| tell(&error))?;
        }
    }
    Ok(prepared)
}

/// A new table, with the key as its primary key and the types that it has at the source.
fn create(table: &FeedTable, shape: &Shape, key: &str, notes: &mut Vec<String>) -> Result<String, SinkError> {
    let is = |names: &[String], name: &str| names.iter().any(|wanted| join::same(wanted, name));
    if let Some(missing) =
        table.key.iter().find(|key| !shape.columns.iter().any(|column| join::same(key, &column.name)))
    {
        return Err(SinkError::Refused(format!("the table `{}` of the source has no column `{missing}`", table.name)));
    }
    let mut lines = Vec::new();
    for column in &shape.columns {
        let part = is(&table.key, &column.name);
        if !table.columns.is_empty() && !part && !is(&table.columns, &column.name) {
            notes.push(format!("the column `{}` is not carried", column.name));
            continue;
        }
        let null = if part || column.not_null { " NOT NULL" } else { "" };
        lines.push(format!("{} {}{null}", quoted(&column.name), column.declared));
    }
    lines.push(format!("PRIMARY KEY ({key})"));
    Ok(format!("CREATE TABLE {} (\n  {}\n)", quoted(join::into(table)), lines.join(",\n  ")))
}

/// How many keys there are more than once, and the first of them.
fn doubles(file: &Connection, table: &str, key: &str) -> rusqlite::Result<(u64, Vec<(String, u64)>)> {
    let groups = format!("FROM {} GROUP BY {key} HAVING COUNT(*) > 1", quoted(table));
    let count: i64 = file.query_row(&format!("SELECT COUNT(*) FROM (SELECT 1 {groups})"), [], |row| row.get(0))?;
    let shown = key.replace(", ", " || ', ' || ");
    let mut asked = file.prepare(&format!("SELECT {shown}, COUNT(*) {groups} ORDER BY {key} LIMIT ?"))?;
    let first = asked.query_map(params![WRITTEN_OUT], |row| {
        Ok((row.get::<_, Option<String>>(0)?.unwrap_or_default(), row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    Ok((count.unsigned_abs(), first.collect::<rusqlite::Result<_>>()?))
}
