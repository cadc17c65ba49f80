//! What lies in the studio when the demo begins: a few days of recordings, some of them copied.

use std::io::{self, Write};

use jiff::{Span, Zoned};
use rusqlite::Connection;

use super::{CAMERAS, PIECE, Studio, TRIALS, base, mark_imported, noise, sidecar};
use crate::clock::Timestamp;
use crate::session::key::Key;

/// A session of the days before today.
struct Past {
    participant: &'static str,
    days_ago: i64,
    /// Of each recording.
    pieces: usize,
    imported: bool,
    there: There,
}

/// What somebody left on the share, with other tools.
enum There {
    Nothing,
    /// All of it, which nobody has verified.
    Whole,
    /// The copy of its last video broke off.
    Short,
}

const PAST: [Past; 6] = [
    Past { participant: "p011", days_ago: 4, pieces: 40, imported: true, there: There::Whole },
    Past { participant: "TF47", days_ago: 3, pieces: 30, imported: true, there: There::Nothing },
    Past { participant: "p012", days_ago: 3, pieces: 46, imported: true, there: There::Nothing },
    Past { participant: "b009", days_ago: 2, pieces: 24, imported: true, there: There::Nothing },
    Past { participant: "p013", days_ago: 1, pieces: 38, imported: false, there: There::Nothing },
    Past { participant: "TF48", days_ago: 1, pieces: 34, imported: false, there: There::Short },
];

/// Records them where they are not there yet.
pub(super) fn leave(studio: &Studio, now: Timestamp, imports: &Connection) -> io::Result<()> {
    let today = now.to_zoned(jiff::tz::TimeZone::system());
    for past in &PAST {
        let day = today.saturating_sub(Span::new().days(past.days_ago));
        let key = Key { date: day.date(), participant: past.participant.to_owned() };
        if studio.folder(&key).exists() || studio.copy(&key).exists() {
            continue;
        }
        for trial in 0..TRIALS {
            recorded(studio, &key, &day, trial, past.pieces * PIECE)?;
        }
        carried(studio, &key, &past.there)?;
        if past.imported {
            mark_imported(imports, &key)?;
        }
    }
    Ok(())
}

/// A recording of a day that is over.
fn recorded(studio: &Studio, key: &Key, day: &Zoned, trial: usize, length: usize) -> io::Result<()> {
    let folder = studio.folder(key);
    std::fs::create_dir_all(&folder)?;
    let at = day.saturating_add(Span::new().minutes(i64::try_from(trial).unwrap_or(0) * 7));
    let base = base(&at);
    let written = std::time::SystemTime::from(at.timestamp());
    for camera in CAMERAS {
        let mut file = std::fs::File::create(folder.join(format!("{base}.{camera}.mp4")))?;
        file.write_all(&noise(length))?;
        file.set_modified(written)?;
    }
    sidecar(&folder, &base)?.set_modified(written)
}

/// What somebody has carried to the share before there was hotspare.
fn carried(studio: &Studio, key: &Key, there: &There) -> io::Result<()> {
    if matches!(there, There::Nothing) {
        return Ok(());
    }
    let copy = studio.copy(key);
    std::fs::create_dir_all(&copy)?;
    let mut last = None;
    for entry in std::fs::read_dir(studio.folder(key))? {
        let entry = entry?;
        let to = copy.join(entry.file_name());
        std::fs::copy(entry.path(), &to)?;
        std::fs::File::options().write(true).open(&to)?.set_modified(entry.metadata()?.modified()?)?;
        last = last.max(Some(to).filter(|to| to.extension().is_some_and(|kind| kind == "mp4")));
    }
    match last {
        Some(video) if matches!(there, There::Short) => {
            let length = std::fs::metadata(&video)?.len();
            std::fs::File::options().write(true).open(&video)?.set_len(length / 3)
        }
        _ => Ok(()),
    }
}
