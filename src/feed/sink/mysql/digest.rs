//! Walks over the rows of a table in the order of its primary key, a chunk at a time, and says what they hold: digests that
//! the server makes itself wherever it writes values the way [`canon`] does, or that are made here.

use mysql_async::prelude::Queryable;
use mysql_async::{Row as SqlRow, Value as Sql};

use super::cells;
use super::error::tell;
use super::live::{Live, quoted};
use super::schema;
use crate::feed::compare::canon::{self, Hashed};
use crate::feed::convert;
use crate::feed::sink::join::{self, TargetTable};
use crate::feed::sink::{Carry, Kind, SinkError, Step, TargetColumn, Walked, Want};
use crate::feed::value::Value;
use crate::feed::zone::Times;

/// The next chunk.
pub(super) async fn walk(live: &mut Live, carry: &Carry, step: &Step, times: &Times) -> Result<Walked, SinkError> {
    let table = quoted(join::into(&carry.table));
    let order = order(live, carry).await?;
    let names: Vec<String> = order.iter().map(|column| quoted(&column.name)).collect();
    let names = names.join(", ");
    let from = step.after.as_ref().map(|after| beside(&order, after, ">", ">"));
    let last = format!(
        "SELECT {names} FROM {table}{} ORDER BY {names} LIMIT 1 OFFSET {}",
        from.as_ref().map(|from| format!(" WHERE {from}")).unwrap_or_default(),
        step.rows.saturating_sub(1)
    );
    let last: Option<SqlRow> = live.conn.query_first(last).await.map_err(|error| tell(&error))?;
    let last: Option<Vec<Value>> = last.map(|row| row.unwrap().into_iter().zip(&order).map(spot).collect());

    let mut bounds: Vec<String> = from.into_iter().collect();
    bounds.extend(last.as_ref().map(|last| beside(&order, last, "<", "<=")));
    if let Some((at, value)) = &step.within
        && let Some(column) = carry.target.get(*at)
        && let Ok(first) = convert::cell(value, column, times)
    {
        bounds.push(format!("{} >= {}", quoted(&column.name), cells::literal(&cells::sql(first))));
    }
    let bounds = if bounds.is_empty() { "1".into() } else { bounds.join(" AND ") };
    let mut walked = Walked { next: last, ..Walked::default() };
    ask(live, carry, &step.want, &format!("FROM {table} WHERE {bounds}"), &mut walked)
        .await
        .map_err(|error| tell(&error))?;
    Ok(walked)
}

/// The columns in whose order the rows lie: the primary key's, or the feed's key.
async fn order(live: &mut Live, carry: &Carry) -> Result<Vec<TargetColumn>, SinkError> {
    let name = join::into(&carry.table);
    if let Some((known, order)) = &live.order
        && known == name
    {
        return Ok(order.clone());
    }
    let there = schema::table(live, name).await?.unwrap_or_default();
    let order =
        primary(&there).unwrap_or_else(|| carry.key.iter().filter_map(|at| carry.target.get(*at)).cloned().collect());
    live.order = Some((name.to_owned(), order.clone()));
    Ok(order)
}

/// The primary key, unless it has values that are not compared the way they are written (an enum is compared by its number).
fn primary(there: &TargetTable) -> Option<Vec<TargetColumn>> {
    let primary = there.uniques.iter().find(|unique| unique.name == "PRIMARY" && unique.whole)?;
    let columns: Option<Vec<TargetColumn>> =
        primary.columns.iter().map(|name| there.column(name).map(|field| field.column.clone())).collect();
    columns.filter(|columns| columns.iter().all(|column| column.kind != Kind::Other))
}

/// Where a chunk ends, as literals.
fn spot((value, column): (Sql, &TargetColumn)) -> Value {
    let text = match (value, column.kind) {
        (Sql::Bytes(bytes), Kind::Integer | Kind::Number) => String::from_utf8_lossy(&bytes).into_owned(),
        (value, _) => cells::literal(&value),
    };
    Value::Text(text.into_bytes())
}

/// Rows on one side of this place: `a > 1 OR (a = 1 AND (b > 2))`, which the servers look up in the index, as they do not
/// with `(a, b) > (1, 2)`. `at` compares the last column.
fn beside(order: &[TargetColumn], place: &[Value], how: &str, at: &str) -> String {
    let mut text = String::new();
    for (column, value) in order.iter().zip(place).rev() {
        let (name, value) = (quoted(&column.name), value.text().unwrap_or("NULL"));
        text = if text.is_empty() {
            format!("{name} {at} {value}")
        } else {
            format!("{name} {how} {value} OR ({name} = {value} AND ({text}))")
        };
    }
    format!("({text})")
}

async fn ask(live: &mut Live, carry: &Carry, want: &Want, from: &str, walked: &mut Walked) -> mysql_async::Result<()> {
    let texts: Option<Vec<String>> = carry.target.iter().map(written).collect();
    let Some(texts) = texts else { return fetch(live, carry, want, from, walked).await };
    let key: Vec<&str> = carry.key.iter().filter_map(|at| texts.get(*at)).map(String::as_str).collect();
    let key = hash(&parts(key.into_iter()));
    let row = hash(&parts(texts.iter().map(String::as_str)));
    let mask = canon::BUCKETS - 1;
    match want {
        Want::Digests => {
            let question = format!(
                "SELECT k & {mask}, COUNT(*), BIT_XOR(r) FROM (SELECT {key} AS k, {row} AS r {from}) AS x GROUP BY 1"
            );
            walked.digests = live.conn.query(question).await?;
        }
        Want::Rows(buckets) => {
            let question = if buckets.len() == canon::BUCKETS {
                format!("SELECT {key}, {row} {from}")
            } else {
                let buckets: Vec<String> = buckets.iter().map(ToString::to_string).collect();
                format!("SELECT {key} AS k, {row} {from} HAVING k & {mask} IN ({})", buckets.join(","))
            };
            walked.rows = live.conn.query_map(question, |(key, row)| Hashed { key, row }).await?;
        }
        Want::Keys(keys) => {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let names = carry.key.iter().filter_map(|at| carry.target.get(*at)).map(|column| {
                let name = quoted(&column.name);
                let zone = if column.kind == Kind::Moment { ", ' UTC'" } else { "" };
                format!("'{}=', CONVERT({name} USING utf8mb4){zone}", column.name.replace(['\\', '\''], ""))
            });
            let names: Vec<String> = names.collect();
            let question = format!(
                "SELECT CONCAT({}), {key} AS k {from} HAVING k IN ({})",
                names.join(", ', ', "),
                keys.join(",")
            );
            let found: Vec<(Option<String>, u64)> = live.conn.query(question).await?;
            walked.keys = found.into_iter().filter_map(|(key, _)| key).collect();
        }
    }
    Ok(())
}

/// The value of a column as [`canon`] writes it; `None` where the server writes it in another way.
fn written(column: &TargetColumn) -> Option<String> {
    let name = quoted(&column.name);
    let long = canon::is_long(column);
    let text = match column.kind {
        Kind::Integer => format!("CAST({name} + 0 AS CHAR)"),
        Kind::Text if long => format!("SHA2(CONVERT({name} USING utf8mb4), 256)"),
        Kind::Text => format!("CONVERT({name} USING utf8mb4)"),
        Kind::Bytes if long => format!("SHA2({name}, 256)"),
        Kind::Bytes => name.clone(),
        Kind::Naive | Kind::Moment => format!("DATE_FORMAT({name}, '%Y-%m-%d %H:%i:%s.%f')"),
        Kind::Number | Kind::Any | Kind::Other => return None,
    };
    Some(format!("IF({name} IS NULL, 'n', CONCAT(LENGTH({text}), ':', {text}))"))
}

fn parts<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    format!("CONCAT({})", parts.collect::<Vec<_>>().join(", "))
}

/// The first 64 bits of SHA-256.
fn hash(text: &str) -> String {
    format!("CAST(CONV(LEFT(SHA2({text}, 256), 16), 16, 10) AS UNSIGNED)")
}

/// The same with digests that are made here, of all the values.
async fn fetch(
    live: &mut Live,
    carry: &Carry,
    want: &Want,
    from: &str,
    walked: &mut Walked,
) -> mysql_async::Result<()> {
    let texts: Vec<String> = carry
        .target
        .iter()
        .map(|column| {
            let name = quoted(&column.name);
            match column.kind {
                Kind::Bytes => name,
                Kind::Integer => format!("CAST({name} + 0 AS CHAR)"),
                Kind::Naive | Kind::Moment => format!("DATE_FORMAT({name}, '%Y-%m-%d %H:%i:%s.%f')"),
                _ => format!("CONVERT({name} USING utf8mb4)"),
            }
        })
        .collect();
    let question = format!("SELECT {} {from}", texts.join(", "));
    let mut result = live.conn.query_iter(question).await?;
    while let Some(row) = result.next().await? {
        let values: Vec<Option<Vec<u8>>> = row
            .unwrap()
            .into_iter()
            .zip(&carry.target)
            .map(|(value, column)| match value {
                Sql::Bytes(bytes) => canon::said(bytes, column),
                _ => None,
            })
            .collect();
        walked.take(want, canon::hashed(carry, &values), || canon::key(carry, &values));
    }
    Ok(())
}
