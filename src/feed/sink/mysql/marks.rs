//! The marks of feeds, in a table beside the rows.

use mysql_async::prelude::Queryable;

use super::error::tell;
use super::live::{Live, literal};
use crate::feed::mark::{Mark, Strand};
use crate::feed::sink::{SinkError, Write};

/// The table; made where it is missing, by whoever may.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS hotspare_marks (\
     feed VARCHAR(190) COLLATE utf8mb4_bin NOT NULL, source VARCHAR(190) COLLATE utf8mb4_bin NOT NULL, \
     tbl VARCHAR(190) COLLATE utf8mb4_bin NOT NULL, turn BIGINT UNSIGNED NOT NULL, mark LONGTEXT NOT NULL, \
     updated DATETIME NOT NULL, PRIMARY KEY (feed, source, tbl)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";

/// Whether the table of marks is there.
pub(super) async fn there(live: &mut Live) -> Result<bool, SinkError> {
    let question = "SELECT COUNT(*) FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_name = 'hotspare_marks'";
    let found: Option<u64> = live.conn.query_first(question).await.map_err(|error| tell(&error))?;
    Ok(found == Some(1))
}

/// Makes the table where it is missing. Asks first, since who may not make tables may still use it.
pub(super) async fn make(live: &mut Live) -> Result<(), SinkError> {
    if live.marked {
        return Ok(());
    }
    if !there(live).await? {
        live.conn.query_drop(TABLE).await.map_err(|error| tell(&error))?;
    }
    live.marked = true;
    Ok(())
}

/// The marks of a feed.
pub(super) async fn read(live: &mut Live, feed: &str) -> Result<Vec<(Strand, Mark)>, SinkError> {
    make(live).await?;
    let question = format!(
        "SELECT source, tbl, turn, mark FROM hotspare_marks WHERE feed = {} ORDER BY source, tbl",
        literal(feed)
    );
    let rows: Vec<(String, String, u64, String)> = match live.conn.query(question).await {
        Ok(rows) => rows,
        Err(error) => {
            live.marked = false;
            return Err(tell(&error));
        }
    };
    rows.into_iter()
        .map(|(source, table, turn, mark)| {
            let strand = Strand { feed: feed.into(), source, table };
            super::super::parse(&strand, turn, &mark).map(|mark| (strand, mark))
        })
        .collect()
}

/// Forgets the marks of a feed.
pub(super) async fn reset(live: &mut Live, feed: &str) -> Result<(), SinkError> {
    make(live).await?;
    let statement = format!("DELETE FROM hotspare_marks WHERE feed = {}", literal(feed));
    live.conn.query_drop(statement).await.map_err(|error| tell(&error))
}

/// The statement that changes the mark, if it is still the one that was read: it changes one row, or none.
pub(super) fn change(write: &Write, mark: &str) -> String {
    let Strand { feed, source, table } = &write.strand;
    let (feed, source, table, mark) = (literal(feed), literal(source), literal(table), literal(mark));
    let turn = write.mark.turn;
    match &write.was {
        None => {
            format!("INSERT INTO hotspare_marks VALUES ({feed}, {source}, {table}, {turn}, {mark}, UTC_TIMESTAMP())")
        }
        Some(was) => format!(
            "UPDATE hotspare_marks SET turn = {turn}, mark = {mark}, updated = UTC_TIMESTAMP() \
             WHERE feed = {feed} AND source = {source} AND tbl = {table} AND turn = {}",
            was.turn
        ),
    }
}
