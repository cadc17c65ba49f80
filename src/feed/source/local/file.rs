//! The file: opened, looked at in one transaction, and opened anew where another one lies in its place.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Notify;

use super::words::{self, Fault};
use super::{facts, look};
use crate::clock::{Clock, Tick};
use crate::feed::source::groups::Newest;
use crate::feed::source::table::{Key, Table};
use crate::feed::source::{Ask, Look, Shape, SourceError};
use crate::feed::value::{Place, Value};

/// How long a reader waits for a writer who commits. Short: the caller waits too, and asks again.
const BUSY: Duration = Duration::from_millis(500);
/// Between two looks at whether anybody still waits, in steps of SQLite's machine.
const STEPS: i32 = 20_000;
/// Statements that are kept prepared.
const STATEMENTS: usize = 128;

/// Which file it is: device and inode.
type Identity = (u64, u64);

/// A SQLite file. All of it may block.
///
/// The file itself is never opened but by SQLite: where a process closes a file, POSIX takes all its locks on it away, also
/// those of another connection.
pub(super) struct File {
    path: PathBuf,
    clock: Clock,
    stop: Arc<AtomicBool>,
    moved: Arc<Notify>,
    open: Option<Open>,
    /// Since when a writer keeps us out.
    locked: Option<Tick>,
    /// Newest times of groups; they outlive the connection.
    newest: HashMap<String, Newest>,
}

struct Open {
    connection: Connection,
    file: Identity,
    log: Option<Identity>,
    /// `PRAGMA schema_version` of what is known of the tables.
    schema: i64,
    tables: HashMap<Key, Arc<Table>>,
    /// `PRAGMA data_version` at the last look.
    seen: Option<i64>,
    /// Where the file really lies.
    real: PathBuf,
    _watcher: Option<RecommendedWatcher>,
}

impl File {
    pub(super) fn new(path: PathBuf, clock: Clock, stop: Arc<AtomicBool>, moved: Arc<Notify>) -> Self {
        Self { path, clock, stop, moved, open: None, locked: None, newest: HashMap::new() }
    }

    pub(super) fn shape(&mut self, name: &str, cursor: Option<&str>) -> Result<Arc<Shape>, SourceError> {
        self.within(|view| Ok(view.table(name, cursor)?.shape.clone()))
    }

    pub(super) fn look(&mut self, asks: &[Ask]) -> Result<Vec<Look>, SourceError> {
        let clock = self.clock.clone();
        let mut newest = std::mem::take(&mut self.newest);
        let looked = self.within(|view| {
            let at = clock.now();
            let mut looks = Vec::with_capacity(asks.len());
            for ask in asks {
                let table = view.table(&ask.table, ask.cursor.as_deref())?;
                let newest = newest.entry(ask.table.clone()).or_default();
                looks.push(look::at(view.connection, &table, ask, newest, &clock, at)?);
            }
            Ok(looks)
        });
        self.newest = newest;
        looked
    }

    pub(super) fn before(&mut self, ask: &Ask, key: &[(String, Value)], before: &Place) -> Result<u64, SourceError> {
        self.within(|view| {
            let table = view.table(&ask.table, ask.cursor.as_deref())?;
            look::before(view.connection, &table, key, before)
        })
    }

    /// Whether nothing has changed since the last look, as far as can be told.
    pub(super) fn as_seen(&mut self) -> bool {
        let path = &self.path;
        let Some(open) = &self.open else { return false };
        if identity(path).ok().flatten() != Some(open.file) {
            return false;
        }
        match (open.seen, data_version(&open.connection)) {
            (Some(seen), Ok(now)) => seen == now,
            // A writer commits: soon there will be something.
            (Some(_), Err(error)) => Fault::from(error).is_busy(),
            (None, _) => false,
        }
    }

    /// What `read` makes of the file in one transaction.
    fn within<T>(&mut self, read: impl FnOnce(&mut View<'_>) -> Result<T, Fault>) -> Result<T, SourceError> {
        let read = self.opened().and_then(|open| {
            open.connection.execute_batch("BEGIN")?;
            let answer = open.view().and_then(|mut view| read(&mut view));
            let ended = open.connection.execute_batch("ROLLBACK");
            let answer = answer?;
            ended?;
            Ok(answer)
        });
        let answer = read.map_err(|fault| {
            let busy = fault.is_busy();
            if !busy && !fault.is_said() {
                self.open = None;
            }
            let now = self.clock.tick();
            // It waited before it was told.
            let locked = now.since(*self.locked.get_or_insert(now)) + BUSY;
            if !busy {
                self.locked = None;
            }
            words::of(&self.path, fault, locked)
        })?;
        self.locked = None;
        Ok(answer)
    }

    /// The connection to the file that lies there now.
    fn opened(&mut self) -> Result<&mut Open, Fault> {
        let Some(file) = identity(&self.path).map_err(|error| words::unreadable(&self.path, &error))? else {
            self.open = None;
            return Err(words::missing(&self.path).into());
        };
        let mut known = self.open.take();
        // The old one is closed before another is opened: its log must not be taken for that of the new one.
        if known.as_mut().is_some_and(|open| open.file != file || !open.same_log()) {
            known = None;
        }
        let open = match known {
            Some(open) => open,
            None => self.begin(file)?,
        };
        Ok(self.open.insert(open))
    }

    fn begin(&self, file: Identity) -> Result<Open, Fault> {
        let real = self.path.canonicalize().map_err(|error| words::unreadable(&self.path, &error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&real, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let stop = self.stop.clone();
        connection.progress_handler(STEPS, Some(move || stop.load(Ordering::Relaxed)))?;
        let watcher = watch(&real, &self.moved);
        // The log is made with the first transaction, where there is none yet.
        let schema = connection.pragma_query_value(None, "schema_version", |row| row.get(0))?;
        let log = log_identity(&real);
        Ok(Open { connection, file, log, schema, tables: HashMap::new(), seen: None, real, _watcher: watcher })
    }
}

impl Open {
    /// Whether the log is still the one that this connection has open.
    fn same_log(&mut self) -> bool {
        let now = log_identity(&self.real);
        // One that came later was opened by SQLite itself when it was needed.
        if self.log.is_none() {
            self.log = now;
        }
        self.log == now || now.is_none() && self.log.is_none()
    }

    fn view(&mut self) -> Result<View<'_>, Fault> {
        let schema = self.connection.pragma_query_value(None, "schema_version", |row| row.get(0))?;
        if schema != self.schema {
            (self.schema, self.tables) = (schema, HashMap::new());
        }
        self.seen = Some(data_version(&self.connection)?);
        Ok(View { connection: &self.connection, tables: &mut self.tables })
    }
}

/// The file within one transaction.
struct View<'a> {
    connection: &'a Connection,
    tables: &'a mut HashMap<Key, Arc<Table>>,
}

impl View<'_> {
    fn table(&mut self, name: &str, cursor: Option<&str>) -> Result<Arc<Table>, Fault> {
        let key = (name.to_owned(), cursor.map(str::to_owned));
        if let Some(known) = self.tables.get(&key) {
            return Ok(known.clone());
        }
        let facts = facts::read(self.connection, name)?;
        let table = Arc::new(Table::new(facts, cursor, self.connection.path().unwrap_or_default())?);
        self.tables.insert(key, table.clone());
        Ok(table)
    }
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// `None`: there is no such file.
fn identity(path: &Path) -> std::io::Result<Option<Identity>> {
    match std::fs::metadata(path) {
        Ok(about) => Ok(Some((about.dev(), about.ino()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn log_identity(file: &Path) -> Option<Identity> {
    identity(&beside(file, "-wal")).ok().flatten()
}

/// The file with the same name and something after it.
fn beside(file: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(more);
    name.into()
}

/// Wakes whoever waits when the file or one of its logs moves; `None` where the system cannot tell.
fn watch(file: &Path, moved: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let names = ["", "-wal", "-journal"].map(|more| beside(file, more));
    let names: Vec<OsString> = names.iter().filter_map(|path| path.file_name()).map(OsStr::to_owned).collect();
    let moved = moved.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let ours = |path: &PathBuf| path.file_name().is_some_and(|name| names.iter().any(|ours| ours == name));
        // Reading is no news, least of all our own.
        let news = event.as_ref().map_or(true, |event| {
            !matches!(event.kind, EventKind::Access(_)) && (event.need_rescan() || event.paths.iter().any(ours))
        });
        if news {
            moved.notify_one();
        }
    })
    .ok()?;
    watcher.watch(file.parent()?, RecursiveMode::NonRecursive).ok()?;
    Some(watcher)
}
