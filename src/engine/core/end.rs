//! The end of an engine: domains, jobs and notices get their last words before the journal is closed.

use std::time::Duration;

use super::Core;
use crate::journal::entry::Weight;
use crate::standin::worker::News;

/// Jobs that are asked to end get so long.
const JOBS_END_WITHIN: Duration = Duration::from_secs(5);

impl Core {
    /// Ends everything that goes on, each within its time.
    pub(super) async fn close(&mut self) {
        self.jobs.cancel_all();
        let (feeds, dumps, services) =
            (self.parts.feeds.clone(), self.parts.dumps.clone(), self.parts.services.clone());
        // Over connections that the hosts' room is about to close.
        services.shutdown().await;
        while let Ok(news) = self.parts.service_news.try_recv() {
            self.service_news(&news);
        }
        let (logs, configs) = (self.parts.logs.clone(), self.parts.configs.clone());
        tokio::join!(
            self.parts.hosts.shutdown(),
            self.parts.sessions.shutdown(),
            self.parts.pools.shutdown(),
            feeds.shutdown(),
            dumps.shutdown(),
            logs.shutdown(),
            configs.shutdown()
        );
        // What pools have told last, of a takeover that the end came upon, say; nothing is begun any more.
        while let Ok(news) = self.parts.pool_news.try_recv() {
            if let News::Told { event, subject, what, why } = news {
                self.notice(event, &subject, what, why);
            }
        }
        self.keep_feeds();
        self.keep_dumps();
        let all_ended = async {
            let mut changed = self.jobs.changed();
            while self.jobs.open() > 0 && changed.changed().await.is_ok() {}
        };
        if tokio::time::timeout(JOBS_END_WITHIN, all_ended).await.is_err() {
            self.note(
                "engine",
                format!("{} jobs did not end in time and were left", self.jobs.open()),
                format!("the engine stops, and they had {} s", JOBS_END_WITHIN.as_secs()),
                serde_json::json!({ "jobs": "left", "count": self.jobs.open() }),
                Weight::Warning,
            );
        }
        while let Ok(job) = self.ended_jobs.try_recv() {
            self.job_ended(&job);
        }
        self.herald.close().await;
        self.note(
            "engine",
            "the engine stopped",
            String::new(),
            serde_json::json!({ "engine": "stopped", "pid": self.engine.pid }),
            Weight::Note,
        );
        let _on_disk = tokio::time::timeout(JOBS_END_WITHIN, self.parts.journal.close()).await;
        self.publish();
    }
}
