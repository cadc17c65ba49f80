//! The gate between two hosts: every vital check of every host passes, and every replica of a service is healthy.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Said, replicas};
use crate::reach::plain;
use crate::runbook::cast::Machine;
use crate::runbook::deed::{Bit, Found, Look, Told, Trouble};
use crate::runbook::each::GATE;
use crate::runbook::plan::{Gated, Spot};
use crate::runbook::tools::Tools;

/// Between two rounds of questions.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest time of one question.
const QUESTION: Duration = Duration::from_secs(5);
/// One question may take so long even if the time is nearly over.
const LEAST: Duration = Duration::from_millis(100);

/// What must hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate<'a> {
    pub(super) hosts: &'a [Machine],
    pub(super) within: Duration,
    pub(super) service: Option<&'a Gated>,
}

pub(super) async fn check(tools: &Tools, bit: Bit<'_>, gate: Gate<'_>) -> Result<Found, Trouble> {
    if bit.look != Look::Dry {
        return Ok(Found::to_do());
    }
    // The others are about what will be then; of a large fleet they would be many questions at once.
    if bit.step.name != GATE {
        return Ok(Found::to_do());
    }
    let wrong = wrong(tools, gate, bit.patience.min(QUESTION)).await;
    if wrong.is_empty() {
        return Ok(Found::ToDo { note: Some("it is open now".into()), keep: None });
    }
    Err(Trouble::Refused(format!("it is closed now: {}", wrong.join("; "))))
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>, gate: Gate<'_>) -> Said {
    let began = tools.clock.tick();
    let until = gate.within.min(bit.patience);
    let mut said = Vec::new();
    loop {
        let left = until.saturating_sub(tools.clock.tick().since(began));
        let wrong = wrong(tools, gate, left.clamp(LEAST, QUESTION)).await;
        let passed = tools.clock.tick().since(began);
        if wrong.is_empty() {
            return Ok(Some(format!("open after {}", plain::time(passed))));
        }
        if passed + AGAIN >= until {
            let within = plain::time(gate.within);
            return Err(Trouble::Failed(format!(
                "closed for {within}: {}; the hosts after it are untouched",
                wrong.join("; ")
            )));
        }
        if wrong != said {
            bit.live.tell(Told::Line(wrong.join("; ")));
            said = wrong;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What keeps it closed, all asked at once and each within the time.
async fn wrong(tools: &Tools, gate: Gate<'_>, patience: Duration) -> Vec<String> {
    let hosts = gate.hosts.iter().map(|host| async move {
        let asked = (tools.vitals)(host.clone(), patience).await;
        asked.err().map(|why| format!("{}: {why}", host.name))
    });
    let service = async {
        let service = gate.service?;
        let late = || Some(format!("{}: docker gave no answer within {}", service.docker, plain::time(patience)));
        tokio::time::timeout(patience, of_service(tools, service)).await.unwrap_or_else(|_late| late())
    };
    let (hosts, service) = tokio::join!(join_all(hosts), service);
    hosts.into_iter().flatten().chain(service).collect()
}

async fn of_service(tools: &Tools, service: &Gated) -> Option<String> {
    let name = &service.docker;
    match replicas::ask(tools, &Spot::Machine(service.on.clone()), name).await {
        Err(trouble) => Some(format!("{name}: {}", trouble.words())),
        Ok(seen) if !seen.all_well(seen.wanted) => {
            Some(format!("{name}: {} of {} run{}", seen.well, seen.wanted, seen.trouble()))
        }
        Ok(seen) => {
            let quorum = service.quorum.filter(|quorum| seen.well <= *quorum)?;
            Some(format!("{name}: {} run and {quorum} are needed to serve: it cannot lose one more", seen.well))
        }
    }
}
