//! What is believed of a host, for whoever acts on it: below any maintenance, and in monotonic time.

use super::state::State;
use crate::clock::Tick;
use crate::health::policy::HostPolicy;
use crate::health::view::{Health, MaintenanceView};

/// What is believed of one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    /// Host.
    pub host: String,
    /// What its checks say, whatever maintenance it is in.
    pub health: Health,
    /// Since when.
    pub since: Tick,
    /// Since when it may have been gone: its last answer before the failures that no vital check has interrupted since;
    /// `None`: none fails.
    pub fault: Option<Tick>,
    /// Since when every vital check passes without another result; `None`: one does not.
    pub passing_since: Option<Tick>,
    /// Why it is not up, in one line.
    pub why: Option<String>,
    /// What is to be expected next: "down after 2 more failures".
    pub next: Option<String>,
    /// The evidence: each check that does not pass, how often in a row, and why.
    pub evidence: Option<String>,
    /// Maintenance in force.
    pub maintenance: Option<MaintenanceView>,
}

impl Belief {
    pub(super) fn of<'a>(
        host: &str,
        state: &State,
        policy: &HostPolicy,
        checks: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            host: host.to_owned(),
            health: state.verdict.health,
            since: state.stood,
            fault: state.memory.fault(policy),
            passing_since: state.memory.passing_since(policy),
            why: state.verdict.why.clone(),
            next: state.verdict.next.clone(),
            evidence: state.memory.evidence(checks),
            maintenance: state.maintenance.clone(),
        }
    }
}
