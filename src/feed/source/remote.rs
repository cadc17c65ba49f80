//! A SQLite file of a host, read over ssh with the host's own `sqlite3`.
//!
//! One round trip for all tables of a look, in one read transaction there. Statements travel on standard input; values come
//! back in printable characters, so that any byte survives whatever shell and terminal lie between. How many rows one
//! answer has follows from how much room and time the last ones took.

mod answer;
#[cfg(any(test, fuzzing))]
pub(super) mod foreign;
mod pace;
mod script;
mod words;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::groups::Newest;
use super::table::{Key, Table};
use super::{Ask, Look, Shape, Source, SourceError};
use crate::clock::{Clock, Tick};
use crate::feed::value::{Place, Value};
use crate::reach::ssh::{Output, Remote, SshError, SshErrorKind, SshPool};
use answer::Answer;
use pace::Pace;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// A single row may be so big, bytes of an answer.
const ROW: usize = 72 << 20;

/// A SQLite file of a host.
pub struct RemoteSource {
    /// The host's name.
    host: String,
    path: String,
    way: Way,
    clock: Clock,
    /// `PRAGMA schema_version` of what is known of the tables.
    schema: Option<i64>,
    tables: HashMap<Key, Arc<Table>>,
    newest: HashMap<String, Newest>,
    pace: Pace,
    /// Since when a writer keeps us out.
    locked: Option<Tick>,
}

/// How commands reach the file.
enum Way {
    Ssh {
        pool: SshPool,
        destination: String,
    },
    #[cfg(test)]
    Here,
}

/// Why there is no answer.
enum Silence {
    /// It would have been longer than allowed.
    TooMuch,
    Said(SourceError),
}

impl RemoteSource {
    /// A source on the host `host`, at a path seen from where ssh logs in.
    pub fn new(host: &str, destination: &str, path: &str, pool: SshPool, clock: Clock) -> Self {
        Self::over(Way::Ssh { pool, destination: destination.to_owned() }, host, path, clock)
    }

    fn over(way: Way, host: &str, path: &str, clock: Clock) -> Self {
        Self {
            host: host.to_owned(),
            path: path.to_owned(),
            way,
            clock,
            schema: None,
            tables: HashMap::new(),
            newest: HashMap::new(),
            pace: Pace::default(),
            locked: None,
        }
    }

    /// Runs these statements in one transaction.
    async fn run(&mut self, statements: &str, limit: usize) -> Result<Answer, Silence> {
        let remote = Remote::new(script::shell(&self.path), PATIENCE)
            .with_input(script::whole(statements).into_bytes())
            .with_limit(limit);
        let output = match &self.way {
            Way::Ssh { pool, destination } => pool.run(destination, &remote).await,
            #[cfg(test)]
            Way::Here => tests::run(&remote).await,
        };
        let output = output.map_err(|error| self.unreached(&error))?;
        let said = self.read(&output);
        if !matches!(&said, Err(words::Trouble { locked: true, .. })) {
            self.locked = None;
        }
        said.map_err(|trouble| Silence::Said(trouble.what))
    }

    fn read(&mut self, output: &Output) -> Result<Answer, words::Trouble> {
        match answer::read(&output.stdout) {
            Ok(answer) => Ok(answer),
            Err(broken) => {
                let now = self.clock.tick();
                let locked = now.since(*self.locked.get_or_insert(now)) + script::BUSY;
                Err(words::of(&self.host, &self.path, output, &broken, locked))
            }
        }
    }

    fn unreached(&self, error: &SshError) -> Silence {
        use SshErrorKind::{Client, Denied, HostKeyChanged, HostKeyUnknown, TooMuch};
        let what = format!("{}: {}; {}", self.host, error.what, error.remedy);
        match error.kind {
            TooMuch => Silence::TooMuch,
            Client | Denied | HostKeyChanged | HostKeyUnknown => Silence::Said(SourceError::Refused(what)),
            _ => Silence::Said(SourceError::Away(what)),
        }
    }

    async fn table(&mut self, name: &str, cursor: Option<&str>) -> Result<Arc<Table>, SourceError> {
        let key = (name.to_owned(), cursor.map(str::to_owned));
        if let Some(known) = self.tables.get(&key) {
            return Ok(known.clone());
        }
        let answer = self.small(&script::facts(name)).await?;
        let file = format!("{}:{}", self.host, self.path);
        let table = Arc::new(Table::new(answer.facts(name), cursor, &file)?);
        if self.schema != Some(answer.schema) {
            (self.schema, self.tables) = (Some(answer.schema), HashMap::new());
        }
        self.tables.insert(key, table.clone());
        Ok(table)
    }

    /// An answer that is short.
    async fn small(&mut self, statements: &str) -> Result<Answer, SourceError> {
        match self.run(statements, pace::ANSWER).await {
            Ok(answer) => Ok(answer),
            Err(Silence::Said(error)) => Err(error),
            Err(Silence::TooMuch) => {
                Err(SourceError::Refused(format!("{}: sqlite3 says more than it was asked", self.host)))
            }
        }
    }

    async fn looking(&mut self, asks: &[Ask]) -> Result<Vec<Look>, SourceError> {
        let mut tables = Vec::with_capacity(asks.len());
        for ask in asks {
            tables.push(self.table(&ask.table, ask.cursor.as_deref()).await?);
        }
        loop {
            let (at, began) = (self.clock.now(), self.clock.tick());
            let mut statements = String::new();
            let mut limits = Vec::with_capacity(asks.len());
            for (number, (ask, table)) in asks.iter().zip(&tables).enumerate() {
                let limit = self.pace.limit(&ask.table, ask.limit, asks.len());
                let newest = self.newest.entry(ask.table.clone()).or_default();
                statements.push_str(&script::look(number, ask, table, limit, newest, began));
                limits.push(limit);
            }
            let least = limits.iter().all(|limit| *limit <= 1);
            match self.run(&statements, if least { ROW } else { pace::ANSWER }).await {
                Ok(answer) if self.schema == Some(answer.schema) => {
                    let now = self.clock.tick();
                    self.pace.heard(answer.bytes, now.since(began));
                    let mut looks = Vec::with_capacity(asks.len());
                    for (number, (ask, table)) in asks.iter().zip(&tables).enumerate() {
                        let newest = self.newest.entry(ask.table.clone()).or_default();
                        let look = answer.look(number, ask, table, newest, at, now)?;
                        self.pace.weighed(&ask.table, look.rows.len() + look.changed.len(), answer.weight(number));
                        looks.push(look);
                    }
                    return Ok(looks);
                }
                // The tables have changed: what was asked may mean something else now.
                Ok(_other) => {
                    (self.schema, self.tables) = (None, HashMap::new());
                    tables.clear();
                    for ask in asks {
                        tables.push(self.table(&ask.table, ask.cursor.as_deref()).await?);
                    }
                }
                Err(Silence::Said(error)) => {
                    // A table that is gone is looked for anew.
                    self.tables.clear();
                    return Err(error);
                }
                Err(Silence::TooMuch) if least => {
                    let most = crate::reach::plain::size(u64::try_from(ROW).unwrap_or(u64::MAX));
                    let host = &self.host;
                    return Err(SourceError::Refused(format!(
                        "{host}: a row is bigger than {most}; leave out its column"
                    )));
                }
                Err(Silence::TooMuch) => {
                    for ask in asks {
                        self.pace.too_much(&ask.table);
                    }
                }
            }
        }
    }

    async fn counting(&mut self, ask: &Ask, key: &[(String, Value)], before: &Place) -> Result<u64, SourceError> {
        let table = self.table(&ask.table, ask.cursor.as_deref()).await?;
        Ok(self.small(&script::before(&table, key, before)).await?.count())
    }
}

impl Source for RemoteSource {
    fn shape<'a>(
        &'a mut self,
        table: &'a str,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<Shape>, SourceError>> {
        Box::pin(async move {
            // Asked for when something does not fit any more.
            self.tables.clear();
            Ok(self.table(table, cursor).await?.shape.clone())
        })
    }

    fn look<'a>(&'a mut self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Look>, SourceError>> {
        Box::pin(self.looking(asks))
    }

    fn before<'a>(
        &'a mut self,
        ask: &'a Ask,
        key: &'a [(String, Value)],
        before: &'a Place,
    ) -> BoxFuture<'a, Result<u64, SourceError>> {
        Box::pin(self.counting(ask, key, before))
    }
}

#[cfg(test)]
mod tests;
