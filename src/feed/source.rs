//! Where rows come from. A source changes nothing and never makes a writer wait.

#[cfg(any(test, fuzzing))]
pub(super) mod foreign;
mod groups;
pub mod http;
pub mod local;
pub mod remote;
mod sql;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::value::{Place, Row, Value};
use crate::clock::{Clock, Timestamp};
use crate::fleet::data::{Feed, FeedSource};
use crate::fleet::host::Host;
use crate::reach::http::HttpClient;
use crate::reach::secret::Secrets;
use crate::reach::ssh::SshPool;

/// One column of a table at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its declared type, as it was written; may be empty.
    pub declared: String,
    /// Whether NULL is refused there.
    pub not_null: bool,
}

/// A table at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// Whether the cursor cannot have one value twice (a rowid, or a column with a unique index of its own).
    pub unique: bool,
}

/// What is asked of one table, in one look.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Its name.
    pub table: String,
    /// Column that only grows with insertion; `None`: the rowid.
    pub cursor: Option<String>,
    /// Columns that are wanted of each row, in this order.
    pub columns: Vec<String>,
    /// Rows after this place; `None`: from the beginning.
    pub after: Option<Place>,
    /// Also rows at `after` itself: where the cursor is not unique, more may have come there. Those that were carried are told
    /// apart by whoever asks.
    pub again: bool,
    /// At most so many rows, and the others of the last one's place where that is not unique.
    pub limit: u32,
    /// Also rows whose value in this column is this or greater (`None`: any), for updates. At most `limit`, and the others of
    /// the last one's value.
    pub changes: Option<(String, Option<Place>)>,
    /// Counts also by the values of this column, with the newest time of each; and the column that has the time.
    pub group: Option<(String, Option<String>)>,
    /// Column whose smallest and greatest values are wanted, as a rule a time.
    pub time: Option<String>,
}

/// What stands in one table, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The row at [`Ask::after`]; `None` where there is none (any more).
    pub tail: Option<Row>,
    /// The first and the last place of the table; `None`: it is empty.
    pub span: Option<(Place, Place)>,
    /// Rows after the mark, those in `rows` included.
    pub waiting: u64,
    /// Whether `waiting` was counted, or is only an upper bound.
    pub counted: bool,
    /// The first rows after the mark, by their places.
    pub rows: Vec<Row>,
    /// Rows that changed since, by [`Ask::changes`], in its order.
    pub changed: Vec<Row>,
    /// Smallest and greatest value of [`Ask::time`]; of the first row that waits, too.
    pub times: Option<Times>,
    /// By the value of the column of [`Ask::group`]: rows that wait, and the newest time.
    pub groups: BTreeMap<String, Group>,
    /// When it was looked, by the clock of this machine.
    pub at: Timestamp,
}

/// Times of a table, as they are written there.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// The smallest.
    pub first: Value,
    /// The greatest.
    pub last: Value,
    /// Of the first row that waits, by its place.
    pub waiting: Option<Value>,
}

/// One group of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Rows after the mark.
    pub waiting: u64,
    /// The newest time, as it is written there.
    pub newest: Option<Value>,
}

/// Why a source does not say what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It cannot be reached, is locked or does not answer in time: later again.
    #[error("{0}")]
    Away(String),
    /// It was reached, and a person has something to do: no such table, a corrupt file, a token that is refused.
    #[error("{0}")]
    Refused(String),
}

/// One machine's rows.
pub trait Source: Send {
    /// The columns of a table.
    fn shape<'a>(
        &'a mut self,
        table: &'a str,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<Shape>, SourceError>>;

    /// What stands in these tables, at one moment where the source can tell that; one answer for each, in their order.
    fn look<'a>(&'a mut self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Look>, SourceError>>;

    /// How many rows of a table have these values in these columns and stand before a place.
    fn before<'a>(
        &'a mut self,
        ask: &'a Ask,
        key: &'a [(String, Value)],
        before: &'a Place,
    ) -> BoxFuture<'a, Result<u64, SourceError>>;

    /// These rows are at the target for good. Sources that only know times need not tell of them again.
    fn carried(&mut self, _table: &str, _rows: &[Row]) {}

    /// Ends when something may have changed; never, where the source cannot tell.
    fn stirred(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// What sources reach other machines with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Connections to hosts.
    pub ssh: SshPool,
    /// Asks web servers.
    pub http: HttpClient,
    /// Tokens.
    pub secrets: Secrets,
    /// Knows the time.
    pub clock: Clock,
}

/// The source of a feed: on `host`, or of this machine where there is none. Nothing is opened before it is asked.
pub fn open(feed: &Feed, host: Option<&Host>, tools: &Tools) -> Box<dyn Source> {
    match (&feed.from, host) {
        (FeedSource::Sqlite { path, .. }, None) => Box::new(local::LocalSource::new(path, tools.clock.clone())),
        (FeedSource::Sqlite { path, .. }, Some(host)) => {
            let (path, tools) = (path.to_string_lossy(), tools.clone());
            Box::new(remote::RemoteSource::new(&host.name, &host.ssh, &path, tools.ssh, tools.clock))
        }
        (FeedSource::Http { url, token, .. }, host) => {
            let (name, address) = host.map_or(("", ""), |host| (host.name.as_str(), host.address.as_str()));
            let bare = address.parse::<std::net::Ipv6Addr>().is_ok();
            let address = if bare { format!("[{address}]") } else { address.to_owned() };
            let url = url.replace("{address}", &address).replace("{name}", name);
            let (host, token, tools) = (name.to_owned(), token.clone(), tools.clone());
            let server = http::Server { host, url, token, secrets: tools.secrets, http: tools.http };
            Box::new(http::HttpSource::new(server, feed.window, tools.clock))
        }
    }
}
