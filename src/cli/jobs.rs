//! `hotspare jobs`: what is running, and what ran last.

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{join, table};
use crate::engine::client::Client;
use crate::work::view::JobView;

/// Arguments of `hotspare jobs`.
#[derive(Debug, Args)]
pub struct JobsArgs {}

#[derive(Serialize)]
struct Document<'a> {
    engine: bool,
    jobs: Vec<&'a JobView>,
}

/// Lists jobs, oldest first. Without an engine there are none.
pub fn run(context: &Context, _args: &JobsArgs) -> Result<Exit, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        let engine = join::running(context, &place).await?;
        let snapshot = engine.as_ref().map(|engine| engine.snapshots().borrow().clone());
        let jobs: Vec<&JobView> =
            snapshot.iter().flat_map(|snapshot| snapshot.jobs.iter()).map(AsRef::as_ref).collect();
        if engine.is_none() {
            context.tell("hotspare: no engine runs");
        }
        if context.json {
            context.document(&Document { engine: engine.is_some(), jobs })?;
        } else if !jobs.is_empty() {
            context.print(&text(&jobs))?;
        } else if engine.is_some() {
            context.tell("hotspare: no job runs, and none has run since the engine started");
        }
        Ok(Exit::Done)
    })
}

fn text(jobs: &[&JobView]) -> String {
    let mut table = table::Table::new(["job", "kind", "what", "state", "done", "left", "who", "note"]);
    for job in jobs {
        #[expect(clippy::cast_possible_truncation, reason = "an estimate below a hundred days")]
        let left = job.eta.map_or_else(String::new, |seconds| table::span(seconds as i64));
        table.row([
            job.id.to_string(),
            job.kind.clone(),
            job.title.clone(),
            job.state.word().to_owned(),
            job.percent().map_or_else(String::new, |percent| format!("{percent} %")),
            left,
            job.who.clone(),
            job.error.clone().or_else(|| job.note.clone()).unwrap_or_default(),
        ]);
    }
    table.render()
}
