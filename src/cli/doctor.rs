//! `hotspare doctor`: tries everything that the fleet file needs, one line each with the remedy.

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{follow, join};
use crate::engine::client::Client;
use crate::engine::command::{Answer, Command, Finding, Grade, Query, Report};
use crate::reach::plain;

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
        let ended = follow::ended(context, &engine, job).await?;
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

fn line(finding: &Finding) -> String {
    let grade = match finding.grade {
        Grade::Good => "● good",
        Grade::Risk => "◐ risk",
        Grade::Bad => "✗ bad ",
    };
    let remedy = if finding.remedy.is_empty() { String::new() } else { format!(" → {}", finding.remedy) };
    format!("{}\n", plain::one_line(&format!("{grade}  {}: {}{remedy}", finding.subject, finding.found)))
}
