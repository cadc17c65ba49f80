//! Composing and publishing a snapshot.

use std::sync::Arc;

use super::Core;
use crate::engine::pools::lease_view;
use crate::engine::snapshot::{Head, Snapshot};
use crate::engine::{compose, runs};
use crate::journal::entry::Chain;

impl Core {
    /// Publishes a snapshot, if anything in it differs from the last one.
    pub(super) fn publish(&mut self) {
        self.published_at = self.parts.clock.tick();
        let before = Arc::clone(&self.published.borrow());
        let mut engine = self.engine.clone();
        engine.frozen = self.watchdog.frozen().cloned();
        engine.consoles = self.parts.presence.counts().borrow().consoles;
        let head = Head {
            fleet: self.parts.fleet.name.clone(),
            lease: lease_view(&self.parts.fleet, &self.parts.lease),
            engine,
            file: self.file.clone(),
            alarms: self.alarms(),
        };
        let tail = Arc::clone(&self.parts.journal.tail().borrow());
        let now = Snapshot {
            seq: before.seq + 1,
            taken: self.now(),
            head: compose::shared(&before.head, head),
            hosts: compose::shared_list(&before.hosts, self.parts.hosts.views()),
            pools: compose::shared_list(&before.pools, self.parts.pools.views()),
            feeds: compose::shared_list(&before.feeds, self.parts.feeds.views()),
            dumps: compose::shared_list(&before.dumps, self.parts.dumps.views()),
            runs: compose::shared_list(&before.runs, self.runs.views()),
            services: compose::shared_list(
                &before.services,
                compose::shared_rows(&before.services, self.parts.services.views()),
            ),
            stores: compose::shared_list(&before.stores, self.parts.sessions.views()),
            jobs: compose::shared_list(&before.jobs, self.jobs.views()),
            journal: compose::shared(&before.journal, compose::journal(&tail, &self.chain)),
        };
        if compose::differ(&before, &now) {
            self.published.send_replace(Arc::new(now));
        }
    }

    fn alarms(&self) -> Vec<String> {
        let mut alarms = Vec::new();
        let tail = Arc::clone(&self.parts.journal.tail().borrow());
        alarms.extend(tail.trouble.clone());
        alarms.extend(self.parts.journal.hangs());
        alarms.extend(self.parts.sessions.trouble());
        alarms.extend(self.parts.outlet.trouble().borrow().clone());
        alarms.extend(self.parts.door.trouble());
        alarms.extend(self.parts.lease.state().borrow().foreign.clone());
        alarms.extend(tail.set_aside.as_ref().map(|aside| format!("{} ({})", aside.sentence(), aside.why)));
        if let Chain::Broken { at, why } = &self.chain {
            alarms.push(format!("the journal's chain breaks at entry {at}: {why}"));
        }
        alarms.extend(self.runs.views().iter().filter_map(|run| runs::alarm(run)));
        // There may be one for each host and file: they stand last.
        alarms.extend(self.parts.configs.alarms());
        alarms
    }
}
