//! A connection that stands, set up the way a feed needs it.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Statement};

use super::error::{late, tell, unconnected};
use crate::clock::Tick;
use crate::feed::sink::{SinkError, TargetColumn};
use crate::fleet::secret::DatabaseUrl;
use crate::reach::mysql::{MysqlErrorKind, connect};
use crate::reach::secret::Secrets;

/// Packets are filled up to here, however large ones the server takes: what is on its way is held in memory three times.
const PACKET: usize = 1 << 20;
/// What a packet holds beside the rows.
const HEAD: usize = 4 << 10;

/// How a session is set up. Times travel in UTC whatever the server's zone is; values that do not fit are errors, not
/// changed without a word; a lock of somebody else is not waited for in place of the whole batch.
const SESSION: &str = "SET NAMES utf8mb4, time_zone = '+00:00', autocommit = 1, \
     sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
     innodb_lock_wait_timeout = 5, lock_wait_timeout = 10";

/// A connection.
pub(super) struct Live {
    /// The connection.
    pub(super) conn: Conn,
    /// Whether the server takes many rows of one prepared statement at once: MariaDB does, MySQL does not.
    pub(super) bulk: bool,
    /// Packets are filled up to here, bytes.
    pub(super) packet: usize,
    /// Largest packet that the server takes, bytes.
    pub(super) largest: usize,
    /// When it was last used.
    pub(super) used: Tick,
    statement: Option<(String, Statement)>,
    /// Whether the table of marks is known to be there.
    pub(super) marked: bool,
    /// The table that is walked over, and the columns in whose order its rows lie.
    pub(super) order: Option<(String, Vec<TargetColumn>)>,
}

impl Live {
    /// Connects, logs in, sets the session up.
    pub(super) async fn open(
        to: &DatabaseUrl,
        secrets: &Secrets,
        patience: Duration,
        now: Tick,
    ) -> Result<Self, SinkError> {
        let password = secrets
            .resolve(&to.password)
            .await
            .map_err(|error| SinkError::Refused(format!("{}: {}", error.what, error.remedy)))?;
        let mut conn = connect(to, password.as_ref(), patience).await.map_err(|error| {
            if error.kind == MysqlErrorKind::Denied {
                secrets.doubt(&to.password);
            }
            unconnected(error)
        })?;
        let setting = async {
            conn.query_drop(SESSION).await?;
            conn.query_first::<(Option<String>, String, u64), _>("SELECT DATABASE(), @@version, @@max_allowed_packet")
                .await
        };
        let said = tokio::time::timeout(patience, setting).await.map_err(|_late| late(patience))?;
        let (database, version, packet) = said.map_err(|error| tell(&error))?.unwrap_or_default();
        if database.is_none() {
            return Err(SinkError::Refused(format!("{} names no database: mysql://user@host/database", to.url)));
        }
        let largest = usize::try_from(packet).unwrap_or(usize::MAX);
        let packet = largest.min(PACKET).saturating_sub(HEAD);
        let bulk = version.contains("MariaDB") && conn.server_version() >= (10, 2, 7);
        Ok(Self { conn, bulk, packet, largest, used: now, statement: None, marked: false, order: None })
    }

    /// Whether it still answers.
    pub(super) async fn stands(&mut self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.conn.ping()).await.is_ok_and(|answer| answer.is_ok())
    }

    /// The prepared statement of this text; the last one is kept.
    pub(super) async fn prepared(&mut self, text: &str) -> Result<Statement, mysql_async::Error> {
        if let Some((kept, statement)) = &self.statement
            && kept == text
        {
            return Ok(statement.clone());
        }
        self.forget().await?;
        let statement = self.conn.prep(text).await?;
        self.statement = Some((text.to_owned(), statement.clone()));
        Ok(statement)
    }

    /// Lets go of the prepared statement: the table may be another one.
    pub(super) async fn forget(&mut self) -> Result<(), mysql_async::Error> {
        match self.statement.take() {
            Some((_, statement)) => self.conn.close(statement).await,
            None => Ok(()),
        }
    }

    /// Undoes what is under way. An error that it meets is told in place of the one that led here only where the connection
    /// is gone: then nobody knows what holds.
    pub(super) async fn undo(&mut self) -> Result<(), SinkError> {
        let undone = async {
            self.conn.query_drop("ROLLBACK").await?;
            self.forget().await
        };
        undone.await.map_err(|error| match tell(&error) {
            SinkError::Away(what) | SinkError::Refused(what) => SinkError::Away(what),
            other => other,
        })
    }
}

/// A name in backticks.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as a literal that no character set and no mode can read in another way.
pub(super) fn literal(text: &str) -> String {
    use std::fmt::Write;
    if text.is_empty() {
        return "''".into();
    }
    text.bytes().fold(String::from("_utf8mb4 0x"), |mut hex, byte| {
        let _infallible = write!(hex, "{byte:02x}");
        hex
    })
}
