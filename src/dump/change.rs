//! Whether a database may have changed since it was dumped, told cheaply, and how one moment of it can be read.
//!
//! A mark is a sum of what the server tells of the tables: when they were made and last written, and of everything else that a dump holds.
//! It is taken before the dump begins, so that what is written meanwhile shows in the next mark. Times have whole seconds, so
//! those of the last two prove nothing; `UPDATE_TIME` of `InnoDB` is lost with a restart, and then its log tells: nothing changes a
//! table without writing there. Where nothing tells there is no mark, and the database is dumped; the sum of what was dumped is the proof.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mysql_async::Row;

use super::dumper;
use super::record::Held;
use super::server::{Line, literal};
use super::trouble::Trouble;

/// Seconds within which a time of whole seconds proves nothing.
const FRESH: i64 = 2;

/// What is remembered of the last rounds of a dump: for databases that turned out to be unchanged the newest mark, which the kit that
/// holds them cannot know. Nothing is lost with it but one needless look at each database.
#[derive(Debug, Default)]
pub struct Memory(Mutex<BTreeMap<String, Remembered>>);

#[derive(Debug, Clone)]
struct Remembered {
    content: String,
    mark: String,
}

impl Memory {
    /// The newest mark of what is held.
    fn mark(&self, name: &str, held: &Held) -> String {
        match self.known().get(name) {
            Some(known) if known.content == held.content => known.mark.clone(),
            _ => held.mark.clone(),
        }
    }

    /// The database was found as it is held, when its mark was this.
    pub(super) fn remember(&self, name: &str, held: &Held, mark: &str) {
        let known = Remembered { content: held.content.clone(), mark: mark.to_owned() };
        self.known().insert(name.to_owned(), known);
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How one moment of a database is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// All its tables know transactions: a snapshot, which locks nobody out.
    Snapshot,
    /// None of them does: the tool locks all of them while it reads.
    Locked,
    /// Some do: these others are locked while a snapshot of the rest is read.
    Both(Vec<String>),
}

/// What is known of a database before it is dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// How one moment of it is read.
    pub moment: Moment,
    /// Bytes that its tables take on the server.
    pub bytes: u64,
    /// Views that cannot be read, and would keep the tool from reading anything.
    pub broken: Vec<String>,
    /// Events that no tool reads, by the name of their database: see [`dumper::reads_events`].
    pub unread: Vec<String>,
    /// The sum of all times; without what proves nothing.
    times: Option<String>,
    /// The same with the place in the log of `InnoDB`.
    log: Option<String>,
}

/// What is known of the whole server before any of its databases is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whole {
    now: i64,
    log: Vec<(String, String)>,
    able: Vec<String>,
}

impl Whole {
    /// Looks at the server. What it tells must be older than any dump that it is used for.
    pub async fn of(line: &mut Line) -> Result<Self, Trouble> {
        let log = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_lsn_current', 'Innodb_redo_log_current_lsn')";
        let now: Vec<i64> = line.ask("SELECT UNIX_TIMESTAMP()").await?;
        Ok(Self {
            now: now.first().copied().unwrap_or(0),
            log: line.ask(log).await?,
            able: line.ask("SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES'").await?,
        })
    }
}

impl Look {
    /// Looks at a database.
    pub async fn at(line: &mut Line, name: &str, whole: &Whole) -> Result<Self, Trouble> {
        let schema = literal(name);
        let tables = format!(
            "SELECT TABLE_NAME, TABLE_TYPE, IFNULL(ENGINE, ''), CAST(IFNULL(UNIX_TIMESTAMP(CREATE_TIME), 0) AS SIGNED), \
             CAST(IFNULL(UNIX_TIMESTAMP(UPDATE_TIME), 0) AS SIGNED), IFNULL(AUTO_INCREMENT, 0), \
             IF(ENGINE = 'MyISAM', CONCAT_WS(' ', TABLE_ROWS, DATA_LENGTH), ''), IFNULL(DATA_LENGTH, 0), \
             IFNULL(TABLE_COMMENT, '') FROM information_schema.TABLES WHERE TABLE_SCHEMA = {schema} ORDER BY TABLE_NAME"
        );
        let tables: Option<Vec<Told>> = line.rows(&tables).await?.into_iter().map(Told::read).collect();
        let Some(tables) = tables else {
            return Err(Trouble::Failed("what the server tells of its tables cannot be read".into()));
        };
        let rest: Vec<(String, i64)> = line.ask(&rest(&schema)).await?;
        let mut look = Self::of(&tables, &rest, whole, &line.nature.identity);
        if !dumper::reads_events(name) {
            let events = format!("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {schema}");
            look.unread = line.ask(&events).await?;
        }
        Ok(look)
    }

    fn of(tables: &[Told], rest: &[(String, i64)], whole: &Whole, server: &str) -> Self {
        let able: BTreeSet<&str> = whole.able.iter().map(String::as_str).collect();
        let base = || tables.iter().filter(|table| !table.view);
        let others: Vec<String> =
            base().filter(|table| !able.contains(table.engine.as_str())).map(|table| table.name.clone()).collect();
        let moment = match (others.len(), base().count()) {
            (0, _) => Moment::Snapshot,
            (others, all) if others == all => Moment::Locked,
            _ => Moment::Both(others),
        };
        let old = |time: i64| time <= whole.now - FRESH;
        let mut sum = blake3::Hasher::new();
        sum.update(server.as_bytes());
        for table in tables {
            sum.update(format!("\n{table:?}").as_bytes());
        }
        for (text, time) in rest {
            sum.update(format!("\n{text} {time}").as_bytes());
        }
        let times = sum.finalize().to_hex().to_string();
        let others_old = rest.iter().all(|(_text, time)| old(*time)) && tables.iter().all(|table| old(table.made));
        // Other engines write when it suits them, and their times say little.
        let told = |table: &Told| table.written > 0 && old(table.written);
        let by_time = base().all(|table| matches!(table.engine.as_str(), "InnoDB" | "MyISAM") && told(table));
        let by_log = base().all(|table| table.engine == "InnoDB" || (table.engine == "MyISAM" && told(table)));
        let log = whole.log.first().filter(|_read| by_log && others_old).map(|(_name, place)| {
            sum.update(format!("\nlog {place}").as_bytes());
            sum.finalize().to_hex().to_string()
        });
        Self {
            moment,
            bytes: tables.iter().map(|table| table.bytes).sum(),
            broken: tables.iter().filter(|table| table.view && table.broken).map(|table| table.name.clone()).collect(),
            unread: Vec::new(),
            times: (by_time && others_old).then_some(times),
            log,
        }
    }

    /// What is kept to tell the next time whether it changed; empty: nothing tells.
    pub fn mark(&self) -> String {
        match (&self.times, &self.log) {
            (Some(times), _) => format!("times {times}"),
            (None, Some(log)) => format!("log {log}"),
            (None, None) => String::new(),
        }
    }

    /// Whether it certainly is as it was when it was dumped.
    pub fn same(&self, name: &str, held: &Held, memory: &Memory) -> bool {
        let mark = memory.mark(name, held);
        let is = |kind: &str, now: &Option<String>| now.as_ref().is_some_and(|now| mark == format!("{kind} {now}"));
        is("times", &self.times) || is("log", &self.log)
    }
}

/// Everything that a dump holds beside tables, each with the time of its last change, and with a sum of its text.
fn rest(schema: &str) -> String {
    format!(
        "SELECT CONCAT('database ', DEFAULT_CHARACTER_SET_NAME, ' ', DEFAULT_COLLATION_NAME), 0 \
           FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {schema} \
         UNION ALL SELECT CONCAT_WS(' ', 'view', TABLE_NAME, MD5(VIEW_DEFINITION), DEFINER), 0 \
           FROM information_schema.VIEWS WHERE TABLE_SCHEMA = {schema} \
         UNION ALL SELECT CONCAT_WS(' ', 'routine', ROUTINE_TYPE, ROUTINE_NAME, MD5(ROUTINE_DEFINITION)), \
           CAST(IFNULL(UNIX_TIMESTAMP(LAST_ALTERED), 0) AS SIGNED) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {schema} \
         UNION ALL SELECT CONCAT_WS(' ', 'event', EVENT_NAME, STATUS, MD5(EVENT_DEFINITION)), \
           CAST(IFNULL(UNIX_TIMESTAMP(LAST_ALTERED), 0) AS SIGNED) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {schema} \
         UNION ALL SELECT CONCAT_WS(' ', 'trigger', TRIGGER_NAME, EVENT_OBJECT_TABLE, MD5(ACTION_STATEMENT)), \
           CAST(IFNULL(UNIX_TIMESTAMP(CREATED), 0) AS SIGNED) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {schema} \
         UNION ALL SELECT CONCAT_WS(' ', 'column', TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, \
           IFNULL(COLUMN_DEFAULT, '-'), EXTRA, COLUMN_COMMENT), 0 \
           FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {schema}"
    )
}

/// What the server tells of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    name: String,
    view: bool,
    engine: String,
    made: i64,
    written: i64,
    next: u64,
    size: String,
    bytes: u64,
    broken: bool,
}

impl Told {
    fn read(row: Row) -> Option<Self> {
        type Columns = (String, String, String, i64, i64, u64, String, u64, String);
        let (name, kind, engine, made, written, next, size, bytes, comment) =
            mysql_async::from_row_opt::<Columns>(row).ok()?;
        let view = kind.contains("VIEW");
        // A view's comment is `VIEW`, or why it cannot be read.
        let broken = view && comment != "VIEW";
        // How much InnoDB takes changes without anybody writing.
        let counted = if engine == "MyISAM" { size } else { String::new() };
        Some(Self { name, view, engine, made, written, next, size: counted, bytes, broken })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(engine: &str, written: i64) -> Told {
        Told { name: format!("t{engine}"), engine: engine.into(), made: 10, written, ..Told::default() }
    }

    fn look(tables: &[Told], log: &str) -> Look {
        let whole =
            Whole { now: 1000, log: vec![("Innodb_lsn_current".into(), log.into())], able: vec!["InnoDB".into()] };
        Look::of(tables, &[], &whole, "s")
    }

    fn same(then: &[Told], log_then: &str, now: &[Told], log_now: &str) -> bool {
        let held = Held {
            kit: String::new(),
            at: crate::clock::Timestamp::UNIX_EPOCH,
            files: Vec::new(),
            content: "c".into(),
            plain: 0,
            locked: None,
            tables: Vec::new(),
            mark: look(then, log_then).mark(),
        };
        look(now, log_now).same("d", &held, &Memory::default())
    }

    #[test]
    fn a_time_that_is_old_enough_tells_and_a_fresh_or_missing_one_does_not() {
        let old = [table("InnoDB", 900), table("MyISAM", 900)];
        assert!(same(&old, "1", &old, "2"));
        let written = [table("InnoDB", 901), table("MyISAM", 900)];
        assert!(!same(&old, "1", &written, "1"));
        let fresh = [table("InnoDB", 999), table("MyISAM", 900)];
        assert!(!same(&fresh, "1", &fresh, "2"));
        let lost = [table("InnoDB", 0), table("MyISAM", 900)];
        assert!(!same(&lost, "1", &lost, "2"));
    }

    #[test]
    fn where_times_are_lost_the_log_tells_of_innodb_and_of_nothing_else() {
        let lost = [table("InnoDB", 0)];
        assert!(same(&lost, "1", &lost, "1"));
        assert!(!same(&[table("MyISAM", 999)], "1", &[table("MyISAM", 999)], "1"));
        assert!(!same(&[table("Aria", 900)], "1", &[table("Aria", 900)], "1"));
        assert!(!same(&[table("MEMORY", 0)], "1", &[table("MEMORY", 0)], "1"));
    }

    #[test]
    fn one_moment_is_read_without_locking_more_than_must_be() {
        let moment = |tables: &[Told]| look(tables, "1").moment;
        assert_eq!(moment(&[]), Moment::Snapshot);
        assert_eq!(moment(&[table("InnoDB", 1)]), Moment::Snapshot);
        assert_eq!(moment(&[table("MyISAM", 1)]), Moment::Locked);
        assert_eq!(moment(&[table("InnoDB", 1), table("Aria", 1)]), Moment::Both(vec!["tAria".into()]));
    }
}
