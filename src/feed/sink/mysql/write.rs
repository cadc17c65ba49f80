//! Rows and their mark, in one transaction.

use std::ops::Range;

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Value as Sql};

use super::cells::{self, Batch};
use super::error::{Fault, tell};
use super::live::{Live, quoted};
use super::marks;
use crate::feed::sink::{Carry, SinkError, Write, join};
use crate::feed::value::Row;
use crate::feed::zone::Times;

/// What a packet holds beside a statement: its length and what it is.
const HEADER: usize = 5;

/// How a write ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Rows and mark are there.
    Done,
    /// Neither is: one of the rows is refused, as the server says.
    Refused(String),
}

/// Writes rows and mark, both or neither.
pub(super) async fn write(live: &mut Live, write: &Write, batch: &Batch) -> Result<Ended, SinkError> {
    marks::make(live).await?;
    match attempt(live, write, batch).await {
        Ok(()) => Ok(Ended::Done),
        Err(Fault::Row(what)) => live.undo().await.map(|()| Ended::Refused(what)),
        Err(Fault::Sink(error @ SinkError::Away(_))) => Err(error),
        Err(Fault::Sink(error)) => {
            live.undo().await?;
            // Whoever took the table away may have taken that of the marks too.
            live.marked = false;
            Err(error)
        }
    }
}

/// Writes rows alone, in a transaction of their own.
pub(super) async fn mend(live: &mut Live, carry: &Carry, batch: &Batch) -> Result<Ended, SinkError> {
    let mut written = live.conn.query_drop("START TRANSACTION").await.map_err(Fault::from);
    if written.is_ok() {
        written = insert(live, carry, &batch.rows).await;
    }
    if written.is_ok() {
        written = live.conn.query_drop("COMMIT").await.map_err(Fault::from);
    }
    match written {
        Ok(()) => Ok(Ended::Done),
        Err(Fault::Row(what)) => live.undo().await.map(|()| Ended::Refused(what)),
        Err(Fault::Sink(error @ SinkError::Away(_))) => Err(error),
        Err(Fault::Sink(error)) => live.undo().await.and(Err(error)),
    }
}

/// The mark first: its row is the lock for which a second pump waits, and then it sees that it comes too late.
async fn attempt(live: &mut Live, write: &Write, batch: &Batch) -> Result<(), Fault> {
    let mark = super::super::written(&write.mark)?;
    let moved = || {
        let Write { strand, was, .. } = write;
        let read = was.as_ref().map_or_else(|| "none".into(), |was| format!("turn {}", was.turn));
        SinkError::Moved(format!(
            "the mark of `{}` was changed by somebody else (read: {read}): another engine carries the feed",
            strand.table
        ))
    };
    // In one round trip.
    let begun = live.conn.query_drop(format!("START TRANSACTION; {}", marks::change(write, &mark))).await;
    match begun {
        Ok(()) if live.conn.affected_rows() == 1 => {}
        Ok(()) => return Err(moved().into()),
        Err(mysql_async::Error::Server(error)) if error.code == 1062 => return Err(moved().into()),
        Err(error) => return Err(error.into()),
    }
    insert(live, &write.carry, &batch.rows).await?;
    live.conn.query_drop("COMMIT").await.map_err(Fault::from)
}

/// Writes rows, in as few packets as they need.
async fn insert(live: &mut Live, carry: &Carry, rows: &[Vec<Sql>]) -> Result<(), Fault> {
    let (head, tail) = statement(carry);
    for range in packets(rows, live.packet.saturating_sub(head.len() + tail.len())) {
        let rows = rows.get(range).unwrap_or_default();
        if live.bulk && rows.len() > 1 {
            let marks = vec!["?"; carry.target.len()].join(",");
            let statement = live.prepared(&format!("{head}({marks}){tail}")).await?;
            live.conn.exec_batch(&statement, rows.iter().map(|row| Params::Positional(row.clone()))).await?;
        } else {
            let mut text = head.clone();
            for (at, row) in rows.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                cells::literals(&mut text, row);
            }
            text.push_str(&tail);
            if text.len() + HEADER > live.largest {
                return Err(Fault::Row(format!(
                    "it has {} bytes: raise max_allowed_packet of the server ({})",
                    text.len(),
                    live.largest
                )));
            }
            live.conn.query_drop(text).await?;
        }
    }
    Ok(())
}

/// What stands before and behind the rows of a statement.
fn statement(carry: &Carry) -> (String, String) {
    let names: Vec<String> = carry.target.iter().map(|column| quoted(&column.name)).collect();
    // All columns, those of the key too: a TIMESTAMP that is not named may set itself to the current time.
    let set: Vec<String> = names.iter().map(|name| format!("{name}=VALUES({name})")).collect();
    let head = format!("INSERT INTO {} ({}) VALUES ", quoted(join::into(&carry.table)), names.join(","));
    (head, format!(" ON DUPLICATE KEY UPDATE {}", set.join(",")))
}

/// Which rows go together, so that no packet is larger than this. A row that is larger alone goes alone.
fn packets(rows: &[Vec<Sql>], limit: usize) -> Vec<Range<usize>> {
    let (mut packets, mut begin, mut filled) = (Vec::new(), 0, 0);
    for (at, row) in rows.iter().enumerate() {
        let size = cells::size(row);
        if filled + size > limit && at > begin {
            packets.push(begin..at);
            (begin, filled) = (at, 0);
        }
        filled += size;
    }
    if begin < rows.len() {
        packets.push(begin..rows.len());
    }
    packets
}

/// The first row that is refused, and why, by halving: what is tried is undone each time.
pub(super) async fn find(live: &mut Live, carry: &Carry, batch: &Batch) -> Result<Option<(usize, String)>, SinkError> {
    let (mut good, mut bad) = (0, batch.rows.len());
    let mut why = None;
    // All rows before `good` are taken together; those before `bad` are not.
    while good < bad {
        let middle = good + (bad - good) / 2;
        live.conn.query_drop("START TRANSACTION").await.map_err(|error| tell(&error))?;
        let tried = insert(live, carry, batch.rows.get(good..=middle).unwrap_or_default()).await;
        if !matches!(tried, Err(Fault::Sink(SinkError::Away(_)))) {
            live.undo().await?;
        }
        match tried {
            Ok(()) => good = middle + 1,
            Err(Fault::Row(what)) => {
                why = Some(what);
                bad = middle;
            }
            Err(Fault::Sink(error)) => return Err(error),
        }
    }
    Ok(why.map(|why| (bad, why)))
}

/// Whether the target has the row with this key.
pub(super) async fn has(live: &mut Live, carry: &Carry, row: &Row, times: &Times) -> Result<bool, SinkError> {
    let Ok(cells) = cells::one(carry, row, times) else { return Ok(false) };
    let mut wanted = Vec::new();
    for (at, cell) in cells.into_iter().enumerate().filter(|(at, _)| carry.key.contains(at)) {
        if let Some(column) = carry.target.get(at) {
            wanted.push(format!("{} = {}", quoted(&column.name), cells::literal(&cells::sql(cell))));
        }
    }
    let table = quoted(join::into(&carry.table));
    let question = format!("SELECT 1 FROM {table} WHERE {} LIMIT 1", wanted.join(" AND "));
    let found: Result<Option<u8>, _> = live.conn.query_first(question).await;
    found.map(|found| found.is_some()).map_err(|error| tell(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_filled_and_none_is_too_large() {
        let row = |bytes: usize| vec![Sql::Bytes(vec![b'x'; bytes])];
        // 2 × 44 + 12 = 100 each.
        let rows: Vec<_> = (0..5).map(|_| row(44)).collect();
        assert_eq!(packets(&rows, 250), [0..2, 2..4, 4..5]);
        assert_eq!(packets(&rows, 10), [0..1, 1..2, 2..3, 3..4, 4..5]);
        assert_eq!(packets(&rows, 500), vec![0..rows.len()]);
        assert!(packets(&[], 10).is_empty());
        assert_eq!(packets(&[row(44), row(9_000), row(44)], 300), [0..1, 1..2, 2..3]);
    }
}
