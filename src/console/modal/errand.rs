//! An errand: a command that is sent, the job that does it, and the report that is read when the job has ended.
//!
//! A question that shows what an engine found out runs one before it asks.

use super::Want;
use crate::clock::Timestamp;
use crate::console::app::Reply;
use crate::console::world::World;
use crate::engine::command::{Answer, Command, Query, Refusal, Report};
use crate::work::view::{JobId, JobView};

/// A job that is in no picture for so long has ended long ago.
const UNSEEN_SECONDS: i64 = 3;

/// Why nothing came of it, and what to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// What, where and why.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A command on its way.
#[derive(Debug)]
pub struct Errand {
    command: Command,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It is to be sent.
    New,
    /// It was sent.
    Sent,
    /// This job does it, since then.
    Doing(JobId, Timestamp),
    /// The report was asked for.
    Reading(JobId),
    /// Its outcome was handed over.
    Over,
}

/// What an answer meant for an errand.
#[derive(Debug)]
pub enum Came {
    /// Nothing: it was to somebody else.
    Nothing,
    /// It goes on.
    On,
    /// It is over.
    Over(Result<Report, Failed>),
}

impl Errand {
    /// This command, which is sent as soon as it is asked what it wants.
    pub const fn new(command: Command) -> Self {
        Self { command, stage: Stage::New }
    }

    /// What it sends.
    pub const fn command(&self) -> &Command {
        &self.command
    }

    /// The job that does it, while it does.
    pub fn job<'a>(&self, world: &'a World) -> Option<&'a JobView> {
        match self.stage {
            Stage::Doing(id, _) => seen(world, id),
            _ => None,
        }
    }

    /// What it needs now.
    pub fn wants(&mut self, world: &World) -> Option<Want> {
        match self.stage {
            Stage::New => {
                self.stage = Stage::Sent;
                Some(Want::Send(self.command.clone()))
            }
            Stage::Doing(job, since) => {
                let long_ago = world.now.as_second() - since.as_second() >= UNSEEN_SECONDS;
                seen(world, job).map_or(long_ago, |job| job.state.ended()).then(|| {
                    self.stage = Stage::Reading(job);
                    Want::Ask(Query::Report { job })
                })
            }
            Stage::Sent | Stage::Reading(_) | Stage::Over => None,
        }
    }

    /// An answer has come, perhaps to somebody else.
    pub fn answered(&mut self, reply: &Reply, world: &World) -> Came {
        match (&self.stage, reply) {
            (Stage::Sent, Reply::Command(command, answer)) if *command == self.command => match answer {
                Ok(accepted) => match accepted.job {
                    Some(job) => {
                        self.stage = Stage::Doing(job, world.now);
                        Came::On
                    }
                    None => self.over(Err(Failed { what: accepted.said.clone(), hint: None })),
                },
                Err(refusal) => self.over(Err(failed(refusal))),
            },
            (Stage::Reading(job), Reply::Query(query, answer)) if *query == (Query::Report { job: *job }) => {
                let job = *job;
                let nothing = || {
                    let error = seen(world, job).and_then(|job| job.error.clone());
                    Failed { what: error.unwrap_or_else(|| format!("job {job} has left no report")), hint: None }
                };
                let came = match answer {
                    Ok(Answer::Report { report: Report::Nothing }) => Err(nothing()),
                    Ok(Answer::Report { report }) => Ok(report.clone()),
                    Ok(_) => Err(nothing()),
                    Err(refusal) => Err(seen(world, job)
                        .and_then(|job| job.error.clone())
                        .map_or_else(|| failed(refusal), |what| Failed { what, hint: None })),
                };
                self.over(came)
            }
            _ => Came::Nothing,
        }
    }

    fn over(&mut self, came: Result<Report, Failed>) -> Came {
        self.stage = Stage::Over;
        Came::Over(came)
    }
}

fn seen(world: &World, id: JobId) -> Option<&JobView> {
    world.newest.jobs.iter().find(|job| job.id == id).map(AsRef::as_ref)
}

fn failed(refusal: &Refusal) -> Failed {
    Failed { what: refusal.what.clone(), hint: refusal.hint.clone() }
}
