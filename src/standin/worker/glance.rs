//! Glancing: while a host is suspect, its free spares ask the wire whether it is silent, so that a takeover that may follow
//! need not begin by waiting for that. It changes nothing, and counts for a moment only.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::super::desk::Desk;
use super::Pools;
use crate::health::view::Health;
use crate::runbook::cast::Machine;
use crate::runbook::kind::silence;
use crate::runbook::record::Glance;

/// One look takes no longer: two questions of 100 ms from the spare, over ssh.
const PATIENCE: Duration = Duration::from_secs(2);
/// A host that is gone for longer is not looked for all the time: a run looks itself.
const LOOKED_FOR: Duration = Duration::from_secs(15);
/// Longest sleep.
const IDLE: Duration = Duration::from_secs(1);

impl Pools {
    pub(super) async fn glance_at_wire(&self, desk: &Arc<Desk>) {
        let mut ears = self.ears(desk);
        let pace = desk.pool().probe.every / 2;
        loop {
            let doubtful = self.doubtful(desk);
            if doubtful.is_empty() {
                let _a_change_or_the_time = tokio::time::timeout(IDLE, ears.changed()).await;
                continue;
            }
            let looking = doubtful.iter().map(|(host, spare)| async move {
                let asked = self.0.parts.clock.tick();
                let said = silence::ask(&self.0.parts.tools, host, spare, PATIENCE).await;
                let pair = (host.name.clone(), spare.name.clone());
                let mut kept = desk.kept();
                match said {
                    Ok(words) => kept.glances.insert(pair, Glance { words, asked }),
                    Err(_answered) => kept.glances.remove(&pair),
                }
            });
            join_all(looking).await;
            tokio::time::sleep(pace).await;
        }
    }

    /// Hosts that may be gone, each with each spare that is free.
    fn doubtful(&self, desk: &Desk) -> Vec<(Machine, Machine)> {
        let beliefs = self.0.parts.watch.beliefs(&desk.pool().protects);
        let (fleet, now) = (self.fleet(), self.0.parts.clock.tick());
        let mut pairs = Vec::new();
        let kept = desk.kept();
        for belief in &beliefs {
            let recent = belief.fault.is_some_and(|fault| now.since(fault) <= LOOKED_FOR);
            if !recent || !matches!(belief.health, Health::Suspect | Health::Down) {
                continue;
            }
            for spare in desk.pool().spares.iter().filter(|spare| !kept.book.spares.contains_key(*spare)) {
                pairs.extend(fleet.host(&belief.host).map(Machine::from).zip(fleet.host(spare).map(Machine::from)));
            }
        }
        pairs
    }
}
