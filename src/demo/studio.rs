//! The demo's recording studio: cameras that write sessions to a disk, a share for the copies, and a database of imports.
//!
//! What it writes are real files, and everything that is done with them is done by the engine: this room only records,
//! imports, and asks for copies as a person would.

mod past;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Zoned;
use rusqlite::Connection;

use super::pace::Pace;
use super::script::ANNOUNCE;
use crate::clock::{Clock, Timestamp};
use crate::engine::client::Client;
use crate::engine::command::{Answer, Command, Query, Which};
use crate::session::key::Key;
use crate::session::listing::Facts;
use crate::session::view::{Ask, CopyState, SessionRow, Sort};

/// Name of the store in the demo's fleet file.
pub(super) const STORE: &str = "mocap";
/// Cameras that record at once.
const CAMERAS: [&str; 4] = ["17391304", "17391305", "17403871", "17403872"];
/// A participant makes so many recordings.
const TRIALS: usize = 2;
/// A recording is written in so many pieces…
const PIECES: usize = 40;
/// …of so many bytes for each camera…
const PIECE: usize = 8 << 10;
/// …with this pause between them.
const PIECE_EVERY: Duration = Duration::from_millis(250);
/// Between the end of a recording and the word that the next one begins.
const BETWEEN: Duration = Duration::from_secs(7);
/// Who is recorded today: so many people, so that a demo that is forgotten does not fill the disk.
const TODAY: std::ops::Range<u32> = 14..54;
/// Nobody has written to a session for so long: it is quiet.
const SETTLE: Duration = Duration::from_secs(2);
/// …but never sooner than this.
const SOONEST: Duration = Duration::from_millis(100);
/// Between two looks at what is to be copied or imported.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A session is expected to be safe after so many of them.
const LOOKS: u32 = 30;

/// The studio's folders.
#[derive(Debug, Clone)]
pub struct Studio {
    data: PathBuf,
    share: PathBuf,
    imports: PathBuf,
    pace: Pace,
    today: std::ops::Range<u32>,
}

/// What was announced about a session, and whether it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which.
    pub session: String,
    /// What came, or did not: "is copied, verified by content, imported and safe to delete".
    pub what: String,
    /// Whether it came in time.
    pub ok: bool,
}

impl Studio {
    /// Makes the folders in `dir`, with a few days of recordings.
    pub fn set_up(dir: &Path, now: Timestamp) -> io::Result<Self> {
        let studio = Self {
            data: dir.join("data"),
            share: dir.join("machines").join("nas").join("recordings"),
            imports: dir.join("imports.db"),
            pace: Pace::WATCHED,
            today: TODAY,
        };
        for folder in [&studio.data, &studio.share] {
            std::fs::create_dir_all(folder)?;
        }
        let table = "CREATE TABLE IF NOT EXISTS imports (participant TEXT, date TEXT, imported INTEGER, PRIMARY KEY (participant, date))";
        let imports = Connection::open(&studio.imports).map_err(io::Error::other)?;
        imports.execute_batch(table).map_err(io::Error::other)?;
        past::leave(&studio, now, &imports)?;
        Ok(studio)
    }

    /// The same at another pace, without an end of the people who come.
    #[must_use]
    pub fn at(self, pace: Pace) -> Self {
        Self { pace, today: TODAY.start..u32::MAX, ..self }
    }

    /// The folder of nas in which copies lie.
    pub fn share(&self) -> &Path {
        &self.share
    }

    /// Its part of the fleet file; `mounted`: where that folder is mounted here.
    pub fn fleet_file(&self, mounted: Option<&Path>) -> String {
        let quoted = |path: &Path| path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
        let share = mounted.unwrap_or(&self.share);
        let mount = mounted.map(|at| format!(", mount = \"{}\"", quoted(at))).unwrap_or_default();
        format!(
            r#"
[sessions.{STORE}]
source       = "{}"
layout       = "{{participant}}/{{date}}"
participants = ["p", "b", "TF"]
settle       = "{}"
limit        = "1MiB/s"
destinations = [ {{ name = "share", path = "{}"{mount}, layout = "{{date}}/{{participant}}" }} ]
imported     = {{ sqlite = "{}", query = "SELECT participant, date, imported FROM imports" }}
"#,
            quoted(&self.data),
            self.pace.written(SETTLE, SOONEST),
            quoted(share),
            quoted(&self.imports),
        )
    }

    /// Records, imports and copies until it is dropped. Tells of each session that came through.
    pub async fn work(&self, client: &Arc<dyn Client>, clock: &Clock, tell: impl FnMut(Event)) -> io::Result<()> {
        tokio::try_join!(self.record(client, clock), self.look_after(client, clock, tell)).map(|_| ())
    }

    /// One participant after the other comes today, and each makes a few recordings.
    async fn record(&self, client: &Arc<dyn Client>, clock: &Clock) -> io::Result<()> {
        let now = || clock.now().to_zoned(jiff::tz::TimeZone::system());
        for number in self.today.clone() {
            let key = Key { date: now().date(), participant: format!("p{number:03}") };
            if self.folder(&key).exists() || self.copy(&key).exists() {
                // An earlier demo in this folder.
                continue;
            }
            for _trial in 0..TRIALS {
                let (seconds, who) = (ANNOUNCE.as_secs(), &key.participant);
                note(client, format!("in {seconds} s {who} is recorded by {} cameras", CAMERAS.len())).await;
                tokio::time::sleep(self.pace.of(ANNOUNCE)).await;
                self.trial(&key, &now()).await?;
                tokio::time::sleep(self.pace.of(BETWEEN)).await;
            }
        }
        note(client, "nobody else is recorded today".into()).await;
        std::future::pending().await
    }

    async fn trial(&self, key: &Key, at: &Zoned) -> io::Result<()> {
        let folder = self.folder(key);
        std::fs::create_dir_all(&folder)?;
        let base = base(at);
        let mut videos = CAMERAS
            .iter()
            .map(|camera| std::fs::File::create(folder.join(format!("{base}.{camera}.mp4"))))
            .collect::<io::Result<Vec<_>>>()?;
        for _piece in 0..PIECES {
            for video in &mut videos {
                video.write_all(&noise(self.pace.share(PIECE)))?;
            }
            tokio::time::sleep(self.pace.of(PIECE_EVERY)).await;
        }
        sidecar(&folder, &base).map(drop)
    }

    /// Copies what is quiet, imports what is copied, and says what is safe.
    async fn look_after(&self, client: &Arc<dyn Client>, clock: &Clock, mut tell: impl FnMut(Event)) -> io::Result<()> {
        let mut waiting: Vec<(Key, u32)> = Vec::new();
        let mut imported = None;
        loop {
            tokio::time::sleep(self.pace.of(LOOK_EVERY)).await;
            let rows = rows(client, imported.take()).await;
            if self.import(&rows)? {
                // Whoever has imported something has the pane look again.
                imported = Some(clock.now());
            }
            if rows.iter().any(|row| row.copies.iter().any(|copy| matches!(copy.state, CopyState::Unknown { .. }))) {
                // Nobody knows what lies there; whatever is lacking is copied when it answers again.
                waiting.clear();
                continue;
            }
            waiting.retain_mut(|(key, looks)| {
                let Some(row) = rows.iter().find(|row| row.key == *key && row.source.is_some()) else {
                    // Somebody has deleted it.
                    return false;
                };
                *looks += 1;
                if row.safe || *looks == LOOKS {
                    tell(event(key, row.safe));
                }
                !row.safe && *looks < LOOKS
            });
            // All that is to be copied in one go, the oldest first, as a person marks them.
            let keys: Vec<Key> = rows.iter().rev().filter(|row| to_copy(row)).map(|row| row.key.clone()).collect();
            if waiting.is_empty() && !keys.is_empty() {
                let which = Which::Keys { keys: keys.clone() };
                let command = Command::SessionSync { store: Some(STORE.into()), which, dry_run: false };
                if client.command(command).await.is_ok() {
                    waiting = keys.into_iter().map(|key| (key, 0)).collect();
                }
            }
        }
    }

    /// The pipeline imports what has a copy. Whether anything was new to it.
    fn import(&self, rows: &[SessionRow]) -> io::Result<bool> {
        let ready = |row: &&SessionRow| row.source.is_some() && copied(row) && row.imported.known() != Some(true);
        let mut ready = rows.iter().filter(ready).peekable();
        if ready.peek().is_none() {
            return Ok(false);
        }
        let imports = Connection::open(&self.imports).map_err(io::Error::other)?;
        ready.try_fold(false, |any, row| Ok(mark_imported(&imports, &row.key)? || any))
    }

    fn folder(&self, key: &Key) -> PathBuf {
        self.data.join(&key.participant).join(key.day())
    }

    fn copy(&self, key: &Key) -> PathBuf {
        self.share.join(key.day()).join(&key.participant)
    }
}

/// Whether nobody works on it, all of it is recorded, and a destination lacks something of it.
fn to_copy(row: &SessionRow) -> bool {
    let recorded = |facts: &Facts| facts.videos as usize >= CAMERAS.len() * TRIALS;
    row.source.as_ref().is_some_and(recorded) && row.busy.is_none() && !copied(row)
}

/// Whether every destination has it, by names and sizes.
fn copied(row: &SessionRow) -> bool {
    !row.copies.is_empty() && row.copies.iter().all(|copy| copy.state == CopyState::Same)
}

fn event(key: &Key, safe: bool) -> Event {
    let what = if safe {
        "is copied, verified by content, imported and safe to delete"
    } else {
        "is not safe to delete, though it should be by now"
    };
    Event { session: key.to_string(), what: what.into(), ok: safe }
}

/// `walk_20250104_100100`, as the acquisition names a recording.
fn base(at: &Zoned) -> String {
    format!("walk_{}", at.strftime("%Y%m%d_%H%M%S"))
}

fn sidecar(folder: &Path, base: &str) -> io::Result<std::fs::File> {
    let text = serde_json::json!({ "serials": CAMERAS, "meta_info": "demo" });
    let mut file = std::fs::File::create(folder.join(format!("{base}.json")))?;
    file.write_all(text.to_string().as_bytes())?;
    Ok(file)
}

/// Bytes that no disk and no file system can make smaller, as those of a video.
fn noise(length: usize) -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..)).take(length).collect()
}

/// The pipeline's word on a session. Whether it is new.
fn mark_imported(imports: &Connection, key: &Key) -> io::Result<bool> {
    let values = (&key.participant, key.day());
    let new = imports.execute("INSERT OR IGNORE INTO imports VALUES (?1, ?2, 1)", values);
    new.map(|new| new > 0).map_err(io::Error::other)
}

/// Those that are here, those that changed last first: of all that ever were here, more than one window holds, the others come
/// last. `not_before`: as a look found them that began then or later.
async fn rows(client: &Arc<dyn Client>, not_before: Option<Timestamp>) -> Vec<SessionRow> {
    let ask = Ask { store: Some(STORE.into()), sort: Sort::Changed, limit: 500, not_before, ..Ask::default() };
    match client.query(Query::Sessions { ask: Box::new(ask) }).await {
        Ok(Answer::Sessions { rows }) => rows.rows,
        _ => Vec::new(),
    }
}

/// A remark in the journal. One that cannot be written is an alarm in the snapshot already.
async fn note(client: &Arc<dyn Client>, text: String) {
    let _told = client.command(Command::Note { text }).await;
}
