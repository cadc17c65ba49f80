//! The demo's people counters: three cameras of studio-1 that write into a SQLite file, a warehouse that has to have every
//! row, and somebody who locks the warehouse for a while.
//!
//! Who carries the rows is the engine; this room only counts, locks, and looks whether the warehouse has what was counted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::pace::Pace;
use super::script::{ANNOUNCE, WAREHOUSE_LOCKED, every_day};
use crate::clock::Clock;
use crate::engine::client::Client;
use crate::engine::command::Command;
use crate::feed::view::FeedState;

/// Name of the feed in the demo's fleet file.
const FEED: &str = "counts";
/// What each camera is called.
const CAMERAS: [&str; 3] = ["entrance", "hall-3", "stairs"];
/// Each camera counts this often.
const TICK: Duration = Duration::from_secs(1);
/// One of so many rows of the last camera comes late…
const LATE_ONE_IN: u32 = 5;
/// …by so many ticks, behind rows with younger times.
const LATE_TICKS: usize = 6;
/// Ticks that are counted, so that a demo that is forgotten does not fill the disk: a day.
const TICKS: u32 = 86_400;
/// The warehouse is locked for so long.
const LOCKED_FOR: Duration = Duration::from_secs(8);
/// Every row must be in the warehouse so soon after it is free again.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(8);
/// How a time is written.
const WRITTEN: &str = "%Y-%m-%d %H:%M:%S";
/// How it is written where several come in a second.
const WRITTEN_FINER: &str = "%Y-%m-%d %H:%M:%S.%3f";
/// A demo that hurries has the counters forget their old rows after so many ticks…
const FORGETS_EVERY: u32 = 1_200;
/// …but so many.
const KEPT_ROWS: i64 = 20_000;
/// Between two looks at the warehouse.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// As the counters have it.
const SOURCE: &str = "\
    PRAGMA synchronous = OFF; \
    CREATE TABLE IF NOT EXISTS traffic (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, in_count INTEGER NOT NULL, \
    out_count INTEGER NOT NULL, region_count INTEGER NULL, camera_name TEXT NOT NULL, ip TEXT NULL); \
    CREATE INDEX IF NOT EXISTS idx_camera_name_timestamp ON traffic (camera_name, timestamp);";
/// As `hotspare feed prepare` would make it, in a file that reports are read from meanwhile.
const WAREHOUSE: &str = "\
    PRAGMA journal_mode = WAL; \
    CREATE TABLE IF NOT EXISTS traffic (timestamp TEXT NOT NULL, in_count INTEGER NOT NULL, out_count INTEGER NOT NULL, \
    region_count INTEGER NULL, camera_name TEXT NOT NULL, ip TEXT NULL); \
    CREATE UNIQUE INDEX IF NOT EXISTS traffic_key ON traffic (camera_name, timestamp);";

/// The counters' file, and the warehouse.
#[derive(Debug, Clone)]
pub struct Counts {
    source: PathBuf,
    warehouse: PathBuf,
    pace: Pace,
}

/// What came of one time that the warehouse was locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Whether the engine said that the target is away.
    pub seen: bool,
    /// The most rows that waited.
    pub waited: u64,
    /// How long after the lock every row was there; `None`: not in time.
    pub took: Option<Duration>,
}

impl Outage {
    /// Whether it was seen, and nothing was lost.
    pub const fn ok(&self) -> bool {
        self.seen && self.took.is_some()
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let seen = if self.seen { "was seen" } else { "was not seen" };
        let (seconds, waited) = (LOCKED_FOR.as_secs(), self.waited);
        let there = match self.took {
            Some(took) => format!("every row was there {:.1} s after it", took.as_secs_f64()),
            None => format!("not every row was there {} s after it", CAUGHT_UP_WITHIN.as_secs()),
        };
        format!("{FEED}: a warehouse locked for {seconds} s {seen}, {waited} rows waited, {there}")
    }
}

impl Counts {
    /// Makes both files in `dir`.
    pub fn set_up(dir: &Path) -> io::Result<Self> {
        let folder = dir.join("machines").join("studio-1");
        std::fs::create_dir_all(&folder)?;
        let counts = Self {
            source: folder.join("people_count_database.db"),
            warehouse: dir.join("warehouse.db"),
            pace: Pace::WATCHED,
        };
        for (file, tables) in [(&counts.source, SOURCE), (&counts.warehouse, WAREHOUSE)] {
            open(file)?.execute_batch(tables).map_err(io::Error::other)?;
        }
        Ok(counts)
    }

    /// The same at another pace.
    #[must_use]
    pub fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Its part of the fleet file.
    pub fn fleet_file(&self) -> String {
        let quoted = |path: &Path| path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
        format!(
            r#"
[feeds.{FEED}]
from    = {{ sqlite = "{}" }}
to      = {{ sqlite = "{}" }}
tables  = [ {{ name = "traffic", key = ["camera_name", "timestamp"], cursor = "id" }} ]
lag_by  = "camera_name"
max_lag = "5s"
"#,
            quoted(&self.source),
            quoted(&self.warehouse),
        )
    }

    /// Counts, and locks the warehouse at its times, until it is dropped. Tells what came of each lock.
    pub async fn work(&self, client: &Arc<dyn Client>, clock: &Clock, tell: impl FnMut(Outage)) -> io::Result<()> {
        tokio::try_join!(self.count(clock), self.lock(client, clock, tell)).map(|_| ())
    }

    /// One row a camera and tick; some of the last camera's come late.
    async fn count(&self, clock: &Clock) -> io::Result<()> {
        let file = open(&self.source)?;
        file.execute_batch("PRAGMA synchronous = OFF").map_err(io::Error::other)?;
        let mut late: Vec<(usize, String)> = Vec::new();
        let mut last = String::new();
        let mut ticks = tokio::time::interval(self.pace.of(TICK));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let (written, end) = if self.pace.hurried() { (WRITTEN_FINER, u32::MAX) } else { (WRITTEN, TICKS) };
        for tick in 0..end {
            ticks.tick().await;
            if self.pace.hurried() && tick % FORGETS_EVERY == 0 {
                self.forget(&file)?;
            }
            let time = clock.now().to_zoned(jiff::tz::TimeZone::system()).strftime(written).to_string();
            // Two ticks of one time would be one row.
            if time <= last {
                continue;
            }
            for camera in CAMERAS {
                if camera == CAMERAS[CAMERAS.len() - 1] && fastrand::u32(..LATE_ONE_IN) == 0 {
                    late.push((LATE_TICKS, time.clone()));
                } else {
                    write(&file, camera, &time)?;
                }
            }
            for (ticks, time) in &mut late {
                *ticks -= 1;
                if *ticks == 0 {
                    write(&file, CAMERAS[CAMERAS.len() - 1], time)?;
                }
            }
            late.retain(|(ticks, _)| *ticks > 0);
            last = time;
        }
        std::future::pending().await
    }

    /// The counters keep their last rows, and the warehouse those of its time.
    fn forget(&self, file: &Connection) -> io::Result<()> {
        let old = "DELETE FROM traffic WHERE id <= (SELECT MAX(id) FROM traffic) - ?1";
        file.execute(old, [KEPT_ROWS]).map_err(io::Error::other)?;
        let old = "DELETE FROM traffic WHERE rowid <= (SELECT MAX(rowid) FROM traffic) - ?1";
        // Whoever has it locked keeps it until the next time.
        let _locked = open(&self.warehouse)?.execute(old, [KEPT_ROWS * 2]);
        Ok(())
    }

    /// Somebody locks the warehouse, at its times.
    async fn lock(&self, client: &Arc<dyn Client>, clock: &Clock, mut tell: impl FnMut(Outage)) -> io::Result<()> {
        let start = clock.tick();
        for at in every_day(WAREHOUSE_LOCKED) {
            let at = start + self.pace.of(at);
            tokio::time::sleep((at.since(clock.tick())).saturating_sub(self.pace.of(ANNOUNCE))).await;
            let (soon, seconds) = (self.pace.of(ANNOUNCE).as_secs_f64(), self.pace.of(LOCKED_FOR).as_secs_f64());
            note(client, format!("in {soon} s somebody locks the warehouse of the counts for {seconds} s")).await;
            tokio::time::sleep(at.since(clock.tick())).await;
            let outage = self.outage(client, clock).await?;
            note(client, outage.line()).await;
            tell(outage);
        }
        Ok(())
    }

    async fn outage(&self, client: &Arc<dyn Client>, clock: &Clock) -> io::Result<Outage> {
        let warehouse = open(&self.warehouse)?;
        warehouse.execute_batch("BEGIN EXCLUSIVE").map_err(io::Error::other)?;
        let (locked, mut seen, mut waited) = (clock.tick(), false, 0);
        while clock.tick().since(locked) < self.pace.of(LOCKED_FOR) {
            tokio::time::sleep(self.pace.of(LOOK_EVERY)).await;
            let snapshot = Arc::clone(&client.snapshots().borrow());
            if let Some(feed) = snapshot.feed(FEED) {
                seen |= feed.state == FeedState::TargetAway;
                waited = waited.max(feed.rows_behind);
            }
        }
        warehouse.execute_batch("ROLLBACK").map_err(io::Error::other)?;
        let (free, counted) = (clock.tick(), self.counted()?);
        let mut took = None;
        while took.is_none() && clock.tick().since(free) < CAUGHT_UP_WITHIN {
            tokio::time::sleep(LOOK_EVERY).await;
            took = (self.missing(counted)? == 0).then(|| clock.tick().since(free));
        }
        Ok(Outage { seen, waited, took })
    }

    /// The last row that was counted.
    fn counted(&self) -> io::Result<i64> {
        let last = open(&self.source)?.query_row("SELECT COALESCE(MAX(id), 0) FROM traffic", [], |row| row.get(0));
        last.map_err(io::Error::other)
    }

    /// Rows up to this one that the warehouse lacks.
    fn missing(&self, last: i64) -> io::Result<i64> {
        let file = open(&self.source)?;
        let attached = file.execute("ATTACH ?1 AS warehouse", [self.warehouse.display().to_string()]);
        attached.map_err(io::Error::other)?;
        let missing = "SELECT COUNT(*) FROM main.traffic AS counted WHERE id <= ?1 AND NOT EXISTS (\
            SELECT 1 FROM warehouse.traffic AS there WHERE there.camera_name = counted.camera_name \
            AND there.timestamp = counted.timestamp AND there.in_count = counted.in_count)";
        file.query_row(missing, [last], |row| row.get(0)).map_err(io::Error::other)
    }
}

fn open(path: &Path) -> io::Result<Connection> {
    Connection::open(path).map_err(io::Error::other)
}

/// One row of a camera.
fn write(file: &Connection, camera: &str, time: &str) -> io::Result<()> {
    let (entered, left) = (fastrand::u32(..4), fastrand::u32(..4));
    let row = (time, entered, left, camera);
    let insert = "INSERT INTO traffic (timestamp, in_count, out_count, camera_name) VALUES (?1, ?2, ?3, ?4)";
    file.execute(insert, row).map(drop).map_err(io::Error::other)
}

/// A remark in the journal. One that cannot be written is an alarm in the snapshot already.
async fn note(client: &Arc<dyn Client>, text: String) {
    let _told = client.command(Command::Note { text }).await;
}
