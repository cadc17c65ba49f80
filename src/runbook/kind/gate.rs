//! The gate between two hosts: every vital check of every host passes, and every replica of a service is healthy.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Said, replicas};
use crate::reach::plain;
use crate::runbook::cast::Machine;
use crate::runbook::deed::{Bit, Found, Look, Told, Trouble};
use crate::runbook::plan::{Gated, Spot};
use crate::runbook::tools::Tools;

/// Between two rounds of questions.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest time of one check that does not pass.
const QUESTION: Duration = Duration::from_secs(5);

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
    let wrong = wrong(tools, gate).await;
    // Of a dry run only the first gate is about what is now.
    let first = bit.step.name == crate::runbook::each::GATE;
    match wrong.is_empty() {
        true => Ok(Found::ToDo { note: Some("it is open now".into()), keep: None }),
        false if first => Err(Trouble::Refused(format!("it is closed now: {}", wrong.join("; ")))),
        false => Ok(Found::ToDo { note: Some(format!("it is closed now: {}", wrong.join("; "))), keep: None }),
    }
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>, gate: Gate<'_>) -> Said {
    let began = tools.clock.tick();
    let until = gate.within.min(bit.patience);
    let mut said = Vec::new();
    loop {
        let wrong = wrong(tools, gate).await;
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

/// What keeps it closed, all asked at once.
async fn wrong(tools: &Tools, gate: Gate<'_>) -> Vec<String> {
    let hosts = gate.hosts.iter().map(|host| async move {
        let asked = (tools.vitals)(host.clone(), QUESTION).await;
        asked.err().map(|why| format!("{}: {why}", host.name))
    });
    let service = async {
        match gate.service {
            Some(service) => of_service(tools, service).await,
            None => None,
        }
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
