//! Telling somebody that a run waits for a person: it asks, it failed or was interrupted, or it owes its clean-up.

use std::collections::BTreeMap;

use crate::engine::core::Core;
use crate::engine::runs::alarm;
use crate::fleet::settings::Event;
use crate::runbook::view::{RunState, RunView};

impl Core {
    /// Tells of runs that have begun to wait since the last look; of each once, and where several engines share the lease only
    /// the one that holds it.
    pub(in crate::engine::core) fn runs_wait(&mut self) {
        if self.parts.lease.may_act().is_err() {
            return;
        }
        let mut known = BTreeMap::new();
        // What else becomes of a run of a pool is told by the pool itself.
        let pools = self.parts.pools.views();
        let asks = pools.iter().filter_map(|pool| pool.run.clone()).filter(|run| run.question.is_some());
        for run in self.runs.views().into_iter().chain(asks) {
            let Some((what, why)) = waits(&run) else { continue };
            let told = match &self.run_waits {
                Some(told) => told.get(&run.id) == Some(&what),
                // Of a run that had ended before, whoever ended it has told.
                None => run.ended.is_some(),
            };
            if !told {
                self.notice(Event::RunWaits, &run.id.to_string(), what.clone(), why);
            }
            known.insert(run.id, what);
        }
        self.run_waits = Some(known);
    }
}

/// What a run waits for, and why; `None`: for nobody.
fn waits(run: &RunView) -> Option<(String, String)> {
    let (id, runbook) = (run.id, &run.runbook);
    if let Some(question) = &run.question {
        let how = run.answered_by();
        let what = format!("run {id} of {runbook} asks at step {}: `{how} yes`, `no` or `again`", question.step);
        return Some((what, question.text.clone()));
    }
    let what = match run.state {
        RunState::Failed => format!("run {id} of {runbook} failed"),
        RunState::Unknown => format!("run {id} of {runbook} ended, and nobody can tell how"),
        RunState::Interrupted => format!("run {id} of {runbook} was interrupted"),
        _ => return alarm(run).map(|what| (what, String::new())),
    };
    let owes = if run.owed.is_empty() { String::new() } else { format!("; it owes {}", run.owed.join(", ")) };
    Some((what + &owes, run.next.clone().unwrap_or_default()))
}
