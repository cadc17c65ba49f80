//! What the journal lets go of: its oldest entries, when it holds more than it is to keep.
//!
//! The chain stays whole. An entry tells what was dropped and the hash of the last of it, in the transaction that drops it; the
//! chain is then followed from there, and a beginning that no entry tells of is a break. Nothing is dropped of which the chain
//! does not hold: that would be the evidence.

use rusqlite::{OptionalExtension, params};

use super::{Draft, Ends, Entry, Head, Store, ends, raw};
use crate::clock::Timestamp;
use crate::journal::chain::Hash;
use crate::journal::entry::Weight;

/// So many are dropped at once, so that nobody waits for long…
const AT_ONCE: u64 = 2_000;
/// …and not before so many are too many, of what is to be kept: one entry tells of all of them.
const SLACK: u64 = 10;

/// What was dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// The entry that tells it.
    pub told: std::sync::Arc<Entry>,
    /// Files beside the journal that belonged to dropped entries, below the state folder.
    pub files: Vec<String>,
}

impl Store {
    /// Drops the oldest entries where there are notably more than these. `None`: there was nothing to drop, or the chain of what
    /// would be dropped does not hold.
    pub fn drop_old(&mut self, keep: u64, now: Timestamp) -> rusqlite::Result<Option<Dropped>> {
        let Ends { base, .. } = ends(&self.connection)?;
        let surplus = self.length().saturating_sub(base.seq.unsigned_abs()).saturating_sub(keep);
        if surplus < (keep / SLACK).clamp(1, AT_ONCE) {
            return Ok(None);
        }
        let count = surplus.min(AT_ONCE);
        let Some((last, files)) = self.follow(base, count)? else { return Ok(None) };
        let draft = Draft {
            time: now,
            who: "engine".into(),
            what: format!("the journal let go of its entries up to {}: it keeps {keep}", last.seq),
            why: "the chain goes on from the last of them".into(),
            about: serde_json::json!({ "journal": { "dropped": last.seq, "hash": hex(&last.hash) } }),
            weight: Weight::Note,
        };
        let row = draft.row(self.head.seq + 1);
        let head = Head { seq: row.seq, hash: row.follow(&self.head.hash) };
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO journal (seq, time, who, what, why, about, weight, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![row.seq, row.time, row.who, row.what, row.why, row.about, row.weight, head.hash],
        )?;
        transaction.execute(
            "UPDATE head SET seq = ?, hash = ?, base = ?, base_hash = ?",
            params![head.seq, head.hash, last.seq, last.hash],
        )?;
        transaction.execute("DELETE FROM journal WHERE seq <= ?", [last.seq])?;
        transaction.commit()?;
        self.head = head;
        Ok(Some(Dropped { told: std::sync::Arc::new(draft.at(row.seq.unsigned_abs())), files }))
    }

    /// Follows the chain over so many entries. Returns its last, and the files that belong to them; `None`: it breaks.
    fn follow(&self, base: Head, count: u64) -> rusqlite::Result<Option<(Head, Vec<String>)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, time, who, what, why, about, weight, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?",
        )?;
        let mut rows = statement.query(params![base.seq, i64::try_from(count).unwrap_or(i64::MAX)])?;
        let (mut last, mut files) = (base, Vec::new());
        while let Some(row) = rows.next()? {
            let (Ok(found), Some(hash)) = (raw(row), row.get::<_, Hash>(7).optional().ok().flatten()) else {
                return Ok(None);
            };
            if found.seq != last.seq + 1 || found.follow(&last.hash) != hash {
                return Ok(None);
            }
            if found.about.contains("list_file")
                && let Ok(about) = serde_json::from_str::<serde_json::Value>(&found.about)
            {
                files.extend(about["list_file"].as_str().map(str::to_owned));
            }
            last = Head { seq: found.seq, hash };
        }
        Ok((last.seq - base.seq == i64::try_from(count).unwrap_or(i64::MAX)).then_some((last, files)))
    }
}

/// The end of what this entry says was dropped, where it says so.
pub(super) fn told(row: &crate::journal::chain::Row) -> Option<Head> {
    if row.who != "engine" || !row.about.starts_with("{\"journal\":{\"dropped\":") {
        return None;
    }
    let about: serde_json::Value = serde_json::from_str(&row.about).ok()?;
    let hash = blake3::Hash::from_hex(about["journal"]["hash"].as_str()?).ok()?;
    Some(Head { seq: about["journal"]["dropped"].as_i64()?, hash: *hash.as_bytes() })
}

fn hex(hash: &Hash) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}
