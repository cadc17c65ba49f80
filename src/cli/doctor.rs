//! `hotspare doctor`: tries everything that the fleet file needs, one line each with the remedy.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::join;
use crate::engine::client::Client;
use crate::engine::command::{Answer, Command, Finding, Grade, Query, Report};
use crate::engine::snapshot::Snapshot;
use crate::engine::socket::Socket;
use crate::reach::plain;
use crate::work::view::{JobId, JobView};

/// Arguments of `hotspare doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {}

#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    findings: &'a [Finding],
}

/// Runs the doctor as a job of the engine and prints its findings; exit 1 if any is bad.
pub fn run(context: &Context, _args: &DoctorArgs) -> Result<Exit, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        let accepted = engine.command(Command::Doctor).await?;
        let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
        let ended = ended(context, &engine, job).await?;
        if let Some(error) = &ended.error {
            return Err(Failure::failed(format!("the doctor did not come to an end: {error}")));
        }
        let Answer::Report { report: Report::Findings { findings } } = engine.query(Query::Report { job }).await?
        else {
            return Err(Failure::failed("the engine answered something else; its version may differ"));
        };
        let ok = findings.iter().all(|finding| finding.grade != Grade::Bad);
        if context.json {
            context.document(&Document { ok, findings: &findings })?;
        } else {
            let lines: String = findings.iter().map(line).collect();
            context.print(&lines)?;
        }
        Ok(if ok { Exit::Done } else { Exit::Failed })
    })
}

/// Tells how far it is until it has ended.
async fn ended(context: &Context, engine: &Socket, job: JobId) -> Result<Arc<JobView>, Failure> {
    let mut snapshots = engine.snapshots();
    let mut link = engine.link();
    let mut told = None;
    loop {
        let view = find(&snapshots.borrow_and_update(), job);
        if let Some(view) = view {
            if view.state.ended() {
                return Ok(view);
            }
            if view.note.is_some() && view.note != told {
                told.clone_from(&view.note);
                context.tell(view.note.as_deref().unwrap_or_default());
            }
        }
        tokio::select! {
            changed = snapshots.changed() => changed.map_err(|_closed| Failure::failed("the engine is gone"))?,
            _ = link.changed() => {
                if let crate::engine::client::Link::Lost { why } = &*link.borrow_and_update() {
                    return Err(Failure::failed(format!("the engine was lost while the doctor ran: {why}")));
                }
            }
        }
    }
}

fn find(snapshot: &Snapshot, job: JobId) -> Option<Arc<JobView>> {
    snapshot.jobs.iter().find(|view| view.id == job).cloned()
}

fn line(finding: &Finding) -> String {
    let grade = match finding.grade {
        Grade::Good => "● good",
        Grade::Risk => "◐ risk",
        Grade::Bad => "✗ bad ",
    };
    let remedy = if finding.remedy.is_empty() { String::new() } else { format!(" → {}", finding.remedy) };
    format!("{}\n", plain::one_line(&format!("{grade}  {}: {}{remedy}", finding.subject, finding.found)))
}
