//! Plan: a runbook with every placeholder filled and every place resolved for one cast. Pure.
//!
//! A plan is kept with its run, so that a run that was interrupted goes on with exactly what was begun although the fleet
//! file has changed. A password that the fleet file holds in clear is not kept: it is taken out when the plan is made and
//! asked back with [`Plan::recall`].

pub(crate) mod fill;
pub(crate) mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cast::{Cast, Machine, Purpose};
use crate::fleet::check::Check;
use crate::fleet::runbook::{OnError, Runbook, ScalePace, StepKind, Tsig};
use crate::fleet::secret::{DatabaseUrl, Secret, SecretSource};

/// What a run will do, step by step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the runbook.
    pub runbook: String,
    /// What the run is for.
    pub purpose: Purpose,
    /// Who plays which part.
    pub cast: Cast,
    /// The steps that will be done, in order. Those that have no part in a drill are not among those of a drill.
    pub steps: Vec<Planned>,
    /// Passwords that stand in clear in the fleet file, by the name of their step.
    #[serde(skip)]
    secrets: BTreeMap<String, Secret>,
}

/// One step, ready to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Its name, unique in its runbook.
    pub name: String,
    /// What it does.
    pub act: Act,
    /// Where it runs; `None` for kinds that have no place.
    pub on: Option<Spot>,
    /// Is this the fence?
    pub fence: bool,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often it is tried again.
    pub retries: u32,
    /// What happens when it fails.
    pub on_error: OnError,
    /// How a person undoes it: a shell command, or the word of the kind.
    pub undo: Option<String>,
    /// Its password stands in clear in the fleet file and is not kept with the plan.
    pub inline_secret: bool,
    /// Must it be done before the run may end, also when the run is abandoned?
    #[serde(default)]
    pub cleanup: bool,
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// Beside the engine.
    Console,
    /// On a machine, over ssh.
    Machine(Machine),
}

impl Spot {
    /// Its name on screens.
    pub fn name(&self) -> &str {
        match self {
            Self::Console => "console",
            Self::Machine(machine) => &machine.name,
        }
    }
}

/// What a step does, with nothing left to fill in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A shell command.
    Command {
        /// The command; each value that was filled in is one quoted word.
        run: String,
    },
    /// Takes an address, drops one, or both: drops first.
    Address {
        /// Address to take, with prefix length.
        take: Option<String>,
        /// Address to drop, with prefix length.
        drop: Option<String>,
        /// Network device.
        device: String,
    },
    /// Brings a compose stack up.
    Compose {
        /// Folder of the stack, as one word for the shell.
        folder: String,
        /// Undone by bringing it down?
        down: bool,
    },
    /// Changes an address record.
    Dns {
        /// Name server with port.
        server: String,
        /// Zone.
        zone: String,
        /// Record name in the zone.
        record: String,
        /// New address.
        address: String,
        /// Time to live, seconds.
        ttl: u32,
        /// Key that signs the update.
        tsig: Option<Tsig>,
    },
    /// An HTTP request.
    Http {
        /// Method.
        method: String,
        /// Url.
        url: String,
        /// JSON body, as it is sent.
        body: Option<String>,
        /// Expected status.
        status: u16,
    },
    /// Makes a replica writable.
    MysqlPromote {
        /// Server.
        url: DatabaseUrl,
    },
    /// Waits until a check passes.
    Wait {
        /// The check, with the placeholders of the run filled in; those of the machine are left to whoever asks.
        check: Box<Check>,
        /// The machine that is asked, or where it runs.
        on: Spot,
        /// Longest wait.
        within: Duration,
    },
    /// Asks the operator.
    Ask {
        /// The question.
        text: String,
        /// A command whose output is shown with it, where the step runs.
        show: Option<String>,
    },
    /// Scales a service, one by one.
    Scale {
        /// Docker service.
        service: String,
        /// Target count.
        to: u32,
        /// How fast, and how far down.
        pace: ScalePace,
    },
    /// Waits until every vital check of these hosts passes.
    Gate {
        /// The hosts.
        hosts: Vec<Machine>,
        /// Longest wait.
        within: Duration,
        /// A service whose replicas must all be healthy besides.
        service: Option<Gated>,
    },
}

/// A docker service at a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gated {
    /// Name of the docker service.
    pub docker: String,
    /// A machine that can be asked about it.
    pub on: Machine,
    /// How many replicas it needs.
    pub quorum: Option<u32>,
}

impl Act {
    /// Whether it changes nothing anywhere: it looks, waits or asks.
    pub const fn only_looks(&self) -> bool {
        matches!(self, Self::Wait { .. } | Self::Ask { .. } | Self::Gate { .. })
    }

    /// Whether it gives the spare what must not have two owners: an address, or the right to take writes.
    pub const fn claims(&self) -> bool {
        matches!(self, Self::Address { take: Some(_), .. } | Self::MysqlPromote { .. })
    }
}

/// Why a plan cannot be made: every reason at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("runbook {runbook} cannot be run: {}", .reasons.join("; "))]
pub struct PlanError {
    /// Name of the runbook.
    pub runbook: String,
    /// What is missing, step by step, and what to do about it.
    pub reasons: Vec<String>,
}

/// The plan of a runbook for a cast.
pub fn plan(runbook: &Runbook, purpose: Purpose, cast: &Cast) -> Result<Plan, PlanError> {
    let mut plan = Plan {
        runbook: runbook.name.clone(),
        purpose,
        cast: cast.clone(),
        steps: Vec::new(),
        secrets: BTreeMap::new(),
    };
    let mut reasons = Vec::new();
    for step in runbook.steps.iter().filter(|step| step.drill || purpose != Purpose::Drill) {
        let turn = step.each.as_ref().map(|name| Cast { each: cast.hosts.get(name).cloned(), ..cast.clone() });
        match fill::step(step, turn.as_ref().unwrap_or(cast)) {
            Ok((planned, secret)) => {
                if let Some(secret) = secret {
                    plan.secrets.insert(planned.name.clone(), secret);
                }
                plan.steps.push(planned);
            }
            Err(missing) => reasons.extend(missing),
        }
    }
    if plan.steps.is_empty() && reasons.is_empty() {
        reasons.push("it has no step for this; write one, or let one take part in drills".into());
    }
    if reasons.is_empty() { Ok(plan) } else { Err(PlanError { runbook: runbook.name.clone(), reasons }) }
}

impl Plan {
    /// Takes the passwords that stand in clear in the fleet file from there, after the plan was read back from disk.
    pub fn recall(&mut self, runbook: &Runbook) {
        for step in &runbook.steps {
            let wanted = self.steps.iter().any(|planned| planned.name == step.name && planned.inline_secret);
            if wanted && let Some(SecretSource::Inline(secret)) = source(&step.kind) {
                self.secrets.insert(step.name.clone(), secret.clone());
            }
        }
    }

    /// Where the password of a step comes from, or why it cannot be had.
    pub fn password(&self, step: &Planned) -> Result<SecretSource, String> {
        match (step.inline_secret, self.secrets.get(&step.name), &step.act) {
            (true, Some(secret), _) => Ok(SecretSource::Inline(secret.clone())),
            (true, None, _) => Err(format!(
                "the password of step {} stood in the fleet file and is no longer there; put it back, or undo the run",
                step.name
            )),
            (false, _, Act::MysqlPromote { url }) => Ok(url.password.clone()),
            (false, _, Act::Wait { check, .. }) => Ok(check_source(check).cloned().unwrap_or_default()),
            _ => Ok(SecretSource::None),
        }
    }
}

/// Where the password that a step needs comes from.
fn source(kind: &StepKind) -> Option<&SecretSource> {
    match kind {
        StepKind::MysqlPromote { url } => Some(&url.password),
        StepKind::Wait { check, .. } => check_source(check),
        _ => None,
    }
}

fn check_source(check: &Check) -> Option<&SecretSource> {
    use crate::fleet::check::CheckKind::{MongoReplica, Mysql, MysqlReplica};
    match &check.kind {
        Mysql { url, .. } | MysqlReplica { url, .. } | MongoReplica { url, .. } => Some(&url.password),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
