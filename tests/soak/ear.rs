//! Somebody who hears every entry of the journal as it comes, also those that it lets go of later.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspare::engine::command::{Answer, Query};
use hotspare::journal::entry::Entry;

use crate::house::House;

/// What an entry says of a job.
#[derive(Debug, Clone)]
pub(crate) struct OfJob {
    pub(crate) job: u64,
    /// How it ended, where the entry says so.
    pub(crate) end: Option<String>,
}

pub(crate) struct Ear {
    house: Arc<House>,
    heard: Heard,
}

/// Entries by number.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) of_jobs: BTreeMap<u64, OfJob>,
    /// The last one.
    pub(crate) last: u64,
    /// Numbers that were missing between two.
    pub(crate) missed: Vec<u64>,
}

impl Heard {
    pub(crate) fn hear(&mut self, seq: u64, about: &serde_json::Value) {
        if seq <= self.last {
            return;
        }
        self.missed.extend(self.last + 1..seq);
        self.last = seq;
        if let Some(job) = about["job"].as_u64() {
            let end = about["state"].as_str().filter(|state| ["done", "failed", "cancelled", "lost"].contains(state));
            self.of_jobs.insert(seq, OfJob { job, end: end.map(str::to_owned) });
        }
    }
}

impl Ear {
    pub(crate) fn new(house: &Arc<House>) -> Self {
        Self { house: Arc::clone(house), heard: Heard::default() }
    }

    pub(crate) fn into_heard(self) -> Heard {
        self.heard
    }

    /// Listens. Ends never.
    pub(crate) async fn listen(&mut self) {
        let client = self.house.client();
        let mut snapshots = client.snapshots();
        loop {
            let tail = snapshots.borrow_and_update().journal.tail.clone();
            // More came at once than a picture shows, or while no engine answered.
            if let Some(first) = tail.first().filter(|first| first.seq > self.heard.last + 1) {
                let limit = u32::try_from(first.seq - self.heard.last).unwrap_or(u32::MAX);
                let query = Query::Journal { since: None, before: Some(first.seq), limit };
                if let Ok(Answer::Journal { entries, .. }) = client.query(query).await {
                    for entry in &entries {
                        self.one(entry);
                    }
                }
            }
            for entry in &tail {
                self.one(entry);
            }
            if snapshots.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn one(&mut self, entry: &Entry) {
        self.heard.hear(entry.seq, &entry.about);
    }
}
