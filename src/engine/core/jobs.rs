//! Jobs beyond the life of an engine: the last number, and which have not ended, so that each job that was accepted has an end in
//! the journal also where the engine died without a word.

use std::collections::BTreeMap;

use super::Core;
use crate::journal::entry::Weight;
use crate::work::view::JobId;

/// Key of the last job's number in `state.db`.
pub(super) const LAST: &str = "last_job";
/// Key of the jobs that have not ended.
pub(super) const OPEN: &str = "open_jobs";

impl Core {
    /// Keeps the number of the last job, and what has not ended. In order with the entries: a job whose beginning is in the
    /// journal is kept.
    pub(super) fn keep_jobs(&mut self) {
        self.keep(LAST, self.jobs.last().to_string());
        self.keep_open_jobs();
    }

    /// Keeps what has not ended, where that is not what was kept last.
    pub(super) fn keep_open_jobs(&mut self) {
        let views = self.jobs.views();
        let open: BTreeMap<JobId, &str> =
            views.iter().filter(|job| !job.state.ended()).map(|job| (job.id, job.kind.as_str())).collect();
        let text = serde_json::to_string(&open).unwrap_or_default();
        if text != self.open_jobs_kept && self.keep(OPEN, text.clone()) {
            self.open_jobs_kept = text;
        }
    }

    /// Gives an end to each job that the engine before this one left without.
    pub(super) fn end_lost_jobs(&mut self, kept: Option<&str>) {
        let lost: BTreeMap<JobId, String> = kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        for (id, kind) in &lost {
            self.note(
                "engine",
                format!("job {id} ({kind}) was lost"),
                "the engine that did it ended without a word; ask for it again where it is still wanted",
                serde_json::json!({ "job": id, "state": "lost" }),
                Weight::Warning,
            );
        }
        self.keep_open_jobs();
    }
}
