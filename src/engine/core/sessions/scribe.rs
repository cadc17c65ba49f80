//! What the journal keeps of deletions.

use crate::clock::Clock;
use crate::durable;
use crate::journal::entry::Weight;
use crate::journal::store::Draft;
use crate::journal::writer::Journal;
use crate::reach::plain;
use crate::session::delete::{Approved, Recovered};
use crate::session::report::{DeleteReport, Proof};

/// The list of files in a journal entry is at most so long; a longer one is kept as a file beside the journal.
const LONGEST_LIST: usize = 32 << 10;
/// Folder of those files in the state folder.
const LISTS: &str = "deleted";

/// Writes into the journal what a deletion is about to do and what came of it.
pub(super) struct Scribe<'a> {
    pub(super) journal: &'a Journal,
    pub(super) clock: &'a Clock,
    pub(super) who: &'a str,
    pub(super) state: &'a std::path::Path,
}

impl Scribe<'_> {
    /// Before the first effect. Returns when the entry would survive a power cut.
    pub(super) fn approved(&self, approved: &Approved) -> Result<(), String> {
        let files = approved.files();
        let list = serde_json::to_value(&files).map_err(|error| error.to_string())?;
        let mut about = serde_json::json!({
            "session": approved.key.to_string(), "files": files.len(), "bytes": approved.bytes(),
            "remains": approved.remains, "excluded": approved.listing.excluded.len(),
        });
        let text = list.to_string();
        if text.len() <= LONGEST_LIST {
            about["list"] = list;
        } else {
            let (file, sum) = self
                .keep_list(approved, &text)
                .map_err(|error| format!("the list of files cannot be written into the state folder: {error}"))?;
            about["list_file"] = serde_json::json!(file);
            about["list_blake3"] = serde_json::json!(sum);
        }
        let count = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
        let what =
            format!("{} is deleted from this computer: {count}, {}", approved.key, plain::size(approved.bytes()));
        let why = format!("{}; it remains at {}", proven(&approved.proofs), approved.remains.join(", "));
        let recorded = self.append(what, why, about, Weight::Note)?;
        match recorded.blocking_recv() {
            Ok(recorded) if recorded.durable => Ok(()),
            _ => Err("the disk of the state folder does not take the entry; free some room there, then repeat".into()),
        }
    }

    /// A long list lies beside the journal, whose entry carries its sum.
    fn keep_list(&self, approved: &Approved, text: &str) -> std::io::Result<(String, String)> {
        let folder = self.state.join(LISTS);
        std::fs::create_dir_all(&folder)?;
        let time = self.clock.now().strftime("%Y%m%dT%H%M%SZ");
        let stem = format!("{}_{}_{time}", approved.key.day(), approved.key.participant);
        let mut name = format!("{stem}.json");
        // Two stores may delete sessions of one name in the same second, and neither list is to be lost.
        let mut number = 1_u32;
        while let Err(error) = durable::put_new(&folder.join(&name), text.as_bytes(), 0o600) {
            if error.kind() != std::io::ErrorKind::AlreadyExists || number > 1000 {
                return Err(error);
            }
            number += 1;
            name = format!("{stem}_{number}.json");
        }
        Ok((format!("{LISTS}/{name}"), blake3::hash(text.as_bytes()).to_hex().to_string()))
    }

    /// What came of it beyond what was written down before: that it is done says the end of the job.
    pub(super) fn deleted(&self, report: &DeleteReport) {
        for deleted in report.deleted.iter().filter(|deleted| !deleted.notes.is_empty()) {
            let what = format!("to know of the deletion of {}", deleted.key);
            let about = serde_json::json!({ "session": deleted.key.to_string(), "deleted": true });
            self.tell(what, deleted.notes.join("; "), about, Weight::Note);
        }
        for refused in &report.refused {
            let what = format!("refused: delete {}", refused.key);
            let about = serde_json::json!({ "session": refused.key.to_string(), "deleted": false });
            self.tell(what, refused.reasons.join("; "), about, Weight::Refusal);
        }
    }

    pub(super) fn recovered(&self, found: &Recovered) {
        let weight = if matches!(found, Recovered::Left { .. }) { Weight::Warning } else { Weight::Note };
        self.tell(found.to_string(), String::new(), serde_json::json!({ "recovered": true }), weight);
    }

    fn tell(&self, what: String, why: String, about: serde_json::Value, weight: Weight) {
        if let Err(error) = self.append(what, why, about, weight) {
            tracing::error!(%error, "an entry of the journal is lost");
        }
    }

    fn append(
        &self,
        what: String,
        why: String,
        about: serde_json::Value,
        weight: Weight,
    ) -> Result<tokio::sync::oneshot::Receiver<crate::journal::writer::Recorded>, String> {
        tracing::info!(who = self.who, why, "{what}");
        let draft = Draft { time: self.clock.now(), who: self.who.to_owned(), what, why, about, weight };
        self.journal.append(draft).map_err(|error| error.to_string())
    }
}

/// `imported, copy (content, from the disk, 2026-11-20 14:02 UTC), quiet (last changed, 2026-11-20 13:00 UTC)`.
fn proven(proofs: &[Proof]) -> String {
    let one = |proof: &Proof| match proof.how.as_str() {
        "" => proof.what.clone(),
        how => format!("{} ({how}, {})", proof.what, proof.at.strftime("%Y-%m-%d %H:%M UTC")),
    };
    proofs.iter().map(one).collect::<Vec<_>>().join(", ")
}
