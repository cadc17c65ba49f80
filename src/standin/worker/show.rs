//! What goes to a spare besides the steps of runs: a generation that it is to know, and a moment for what is still on its way.

use std::sync::Arc;
use std::time::Duration;

use super::super::desk::Desk;
use super::Pools;
use crate::reach::ssh::Remote;
use crate::runbook::guard::{Guard, stopped};

/// A machine that has not said that it knows the generation within this time may not know it.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest wait of a run for an announcement that is under way.
const QUIET: Duration = Duration::from_millis(500);

impl Pools {
    /// Shows a generation to machines, so that a late command of an older one is refused there. Answers with those that could
    /// not be told, and why.
    pub(super) async fn show_generation(&self, desk: &Arc<Desk>, machines: &[String], generation: u64) -> Vec<String> {
        let (pool, fleet) = (desk.pool().name.clone(), self.fleet());
        let guard = Guard { scope: Some(pool.clone()), generation, token: format!("{pool}-{generation}") };
        let mut untold = Vec::new();
        for name in machines {
            let Some(host) = fleet.host(name) else {
                untold.push(format!("{name} is no longer in the fleet file"));
                continue;
            };
            let remote = Remote::new(guard.wrap("generation", "exit 0"), PATIENCE);
            self.0.parts.tools.ssh.wake(&host.ssh);
            match self.0.parts.tools.ssh.run(&host.ssh, &remote).await {
                Ok(output) if output.success() => {}
                Ok(output) => untold.push(format!(
                    "{name}: {}",
                    stopped(&output).unwrap_or_else(|| format!("exit status {}", output.status))
                )),
                Err(error) => untold.push(format!("{name}: {}", error.what)),
            }
        }
        if !untold.is_empty() {
            tracing::warn!(pool, generation, why = untold.join("; "), "a generation was not shown");
        }
        untold
    }

    /// Waits a moment for an announcement that is under way: it began before the run, and its host may have let it in.
    pub(super) async fn let_go(&self, desk: &Arc<Desk>) {
        let _refused_by_the_host_later = tokio::time::timeout(QUIET, desk.holding.lock()).await;
    }
}
