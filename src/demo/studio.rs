//! The demo's recording studio: cameras that write sessions to a disk, a share for the copies, and a database of imports.
//!
//! What it writes are real files, and everything that is done with them is done by the engine: this room only records,
//! imports, and asks for copies as a person would.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Span, Zoned};
use rusqlite::Connection;

use super::script::ANNOUNCE;
use crate::clock::{Clock, Timestamp};
use crate::engine::client::Client;
use crate::engine::command::{Answer, Command, Query, Which};
use crate::session::key::Key;
use crate::session::view::{Ask, CopyState, SessionRow, Sort};

/// Name of the store in the demo's fleet file.
const STORE: &str = "mocap";
/// Cameras that record at once.
const CAMERAS: [&str; 4] = ["17391304", "17391305", "17403871", "17403872"];
/// Who was recorded on which of the days before today.
const PAST: [(&str, i64); 6] = [("p011", 4), ("TF47", 3), ("p012", 3), ("b009", 2), ("p013", 1), ("TF48", 1)];
/// Trials of each of them.
const TRIALS: usize = 2;
/// Bytes of a video.
const VIDEO: usize = 320 * 1024;
/// A recording is written in so many pieces…
const PIECES: usize = 24;
/// …with this pause between them.
const PIECE_EVERY: Duration = Duration::from_millis(250);
/// Between the end of a recording and the word that the next one begins.
const BETWEEN: Duration = Duration::from_secs(11);
/// Between two looks at what is to be copied or imported.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A session is asked for until it is safe, so often.
const LOOKS: u32 = 20;

/// The studio's folders.
#[derive(Debug, Clone)]
pub struct Studio {
    data: PathBuf,
    share: PathBuf,
    imports: PathBuf,
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
    /// Makes the folders in `dir`, with a few days of recordings that nobody has copied yet.
    pub fn set_up(dir: &Path, now: Timestamp) -> io::Result<Self> {
        let studio = Self { data: dir.join("data"), share: dir.join("share"), imports: dir.join("imports.db") };
        for folder in [&studio.data, &studio.share] {
            std::fs::create_dir_all(folder)?;
        }
        let today = now.to_zoned(jiff::tz::TimeZone::system());
        for (participant, days) in PAST {
            let day = today.saturating_sub(Span::new().days(days));
            if !studio.folder(participant, day.date()).exists() {
                for trial in 0..TRIALS {
                    studio.recorded_before(participant, &day, trial)?;
                }
            }
        }
        let table = "CREATE TABLE IF NOT EXISTS imports (participant TEXT, date TEXT, imported INTEGER, PRIMARY KEY (participant, date))";
        Connection::open(&studio.imports).and_then(|imports| imports.execute_batch(table)).map_err(io::Error::other)?;
        Ok(studio)
    }

    /// Its part of the fleet file.
    pub fn fleet_file(&self) -> String {
        let quoted = |path: &Path| path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
        format!(
            r#"
[sessions.{STORE}]
source       = "{}"
layout       = "{{participant}}/{{date}}"
participants = ["p", "b", "TF"]
settle       = "4s"
limit        = "1MiB/s"
destinations = [ {{ name = "share", path = "{}", layout = "{{date}}/{{participant}}" }} ]
imported     = {{ sqlite = "{}", query = "SELECT participant, date, imported FROM imports" }}
"#,
            quoted(&self.data),
            quoted(&self.share),
            quoted(&self.imports),
        )
    }

    /// Records, imports and copies until it is dropped. Tells of each session that came through.
    pub async fn work(&self, client: &Arc<dyn Client>, clock: &Clock, tell: impl FnMut(Event)) -> io::Result<()> {
        tokio::try_join!(self.record(client, clock), self.look_after(client, tell)).map(|_| ())
    }

    /// One participant after the other comes today, and each makes a few recordings.
    async fn record(&self, client: &Arc<dyn Client>, clock: &Clock) -> io::Result<()> {
        for number in 0_u32.. {
            tokio::time::sleep(BETWEEN).await;
            let participant = format!("p{:03}", 14 + number / 3);
            let text = format!("in {} s {participant} is recorded by {} cameras", ANNOUNCE.as_secs(), CAMERAS.len());
            note(client, text).await;
            tokio::time::sleep(ANNOUNCE).await;
            self.trial(&participant, &clock.now().to_zoned(jiff::tz::TimeZone::system())).await?;
        }
        Ok(())
    }

    async fn trial(&self, participant: &str, at: &Zoned) -> io::Result<()> {
        let folder = self.folder(participant, at.date());
        std::fs::create_dir_all(&folder)?;
        let base = base(at);
        let mut videos = CAMERAS
            .iter()
            .map(|camera| std::fs::File::create(folder.join(format!("{base}.{camera}.mp4"))))
            .collect::<io::Result<Vec<_>>>()?;
        for _piece in 0..PIECES {
            for video in &mut videos {
                video.write_all(&noise(VIDEO / PIECES))?;
            }
            tokio::time::sleep(PIECE_EVERY).await;
        }
        sidecar(&folder, &base)
    }

    /// Copies what is quiet, imports what is copied, and says what is safe.
    async fn look_after(&self, client: &Arc<dyn Client>, mut tell: impl FnMut(Event)) -> io::Result<()> {
        let mut waiting: Vec<(Key, u32)> = Vec::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let rows = rows(client).await;
            self.import(&rows)?;
            waiting.retain_mut(|(key, looks)| {
                *looks += 1;
                let safe = rows.iter().any(|row| row.key == *key && row.safe);
                if safe || *looks == LOOKS {
                    tell(event(key, safe));
                }
                !safe && *looks < LOOKS
            });
            // One after the other, as a tired person would.
            let quiet = |row: &&SessionRow| {
                row.source.is_some()
                    && row.busy.is_none()
                    && !copied(row)
                    && waiting.iter().all(|(key, _)| *key != row.key)
            };
            if waiting.is_empty()
                && let Some(row) = rows.iter().rev().find(quiet)
            {
                let which = Which::Keys { keys: vec![row.key.clone()] };
                let command = Command::SessionSync { store: Some(STORE.into()), which, dry_run: false };
                if client.command(command).await.is_ok() {
                    waiting.push((row.key.clone(), 0));
                }
            }
        }
    }

    /// The pipeline imports what has a copy.
    fn import(&self, rows: &[SessionRow]) -> io::Result<()> {
        let ready = |row: &&SessionRow| copied(row) && row.imported.known() == Some(false);
        let mut ready = rows.iter().filter(ready).peekable();
        if ready.peek().is_none() {
            return Ok(());
        }
        let imports = Connection::open(&self.imports).map_err(io::Error::other)?;
        for row in ready {
            let values = (&row.key.participant, row.key.day());
            imports.execute("INSERT OR IGNORE INTO imports VALUES (?1, ?2, 1)", values).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn folder(&self, participant: &str, date: Date) -> PathBuf {
        self.data.join(participant).join(crate::session::key::compact(date))
    }

    /// A trial of a day that is over.
    fn recorded_before(&self, participant: &str, day: &Zoned, trial: usize) -> io::Result<()> {
        let folder = self.folder(participant, day.date());
        std::fs::create_dir_all(&folder)?;
        let at = day.saturating_add(Span::new().minutes(i64::try_from(trial).unwrap_or(0) * 7));
        let base = base(&at);
        let written = std::time::SystemTime::from(at.timestamp());
        for camera in CAMERAS {
            let mut file = std::fs::File::create(folder.join(format!("{base}.{camera}.mp4")))?;
            file.write_all(&noise(VIDEO))?;
            file.set_modified(written)?;
        }
        sidecar(&folder, &base)
    }
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

fn sidecar(folder: &Path, base: &str) -> io::Result<()> {
    let text = serde_json::json!({ "serials": CAMERAS, "meta_info": "demo" });
    std::fs::write(folder.join(format!("{base}.json")), text.to_string())
}

/// Bytes that no disk and no file system can make smaller, as those of a video.
fn noise(length: usize) -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..)).take(length).collect()
}

async fn rows(client: &Arc<dyn Client>) -> Vec<SessionRow> {
    let ask = Ask { store: Some(STORE.into()), sort: Sort::Date, limit: 500, ..Ask::default() };
    match client.query(Query::Sessions { ask: Box::new(ask) }).await {
        Ok(Answer::Sessions { rows }) => rows.rows,
        _ => Vec::new(),
    }
}

/// A remark in the journal. One that cannot be written is an alarm in the snapshot already.
async fn note(client: &Arc<dyn Client>, text: String) {
    let _told = client.command(Command::Note { text }).await;
}
