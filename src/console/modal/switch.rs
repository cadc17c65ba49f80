//! Who serves is changed: takeover, giveback, drill, and what becomes of a run that was interrupted.
//!
//! First the same without its effects, on the real hosts; then the question, answered by typing the name of its object;
//! then the same box shows the run, step by step. What is sent names exactly what was shown.

mod evidence;
mod kind;
mod picture;
mod told;

pub use kind::Kind;

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::{Modal, Outcome, Sight, Want};
use crate::clock::Timestamp;
use crate::console::action::{Action, Invocation};
use crate::console::app::Reply;
use crate::console::draw::brush::Brush;
use crate::console::world::World;
use crate::engine::command::{Answer, Command, Query, Refusal, RefusalKind, Report};
use crate::runbook::view::{RunId, RunReport};
use crate::standin::view::{PoolDetail, PoolView};
use crate::work::view::JobId;

/// Columns that it takes at most.
const WIDTH: u16 = 104;
/// What is said of a run that was sent, where nobody here knows what came of it.
const NOT_KNOWN: &str = "what became of it is not known; the page of the pool shows it";
/// A job that is in no picture for so long has ended long ago.
const UNSEEN_SECONDS: i64 = 3;

/// The question, then the run.
#[derive(Debug)]
pub struct Switch {
    pool: String,
    kind: Kind,
    /// Who sees whom, as evidence.
    detail: Option<Box<PoolDetail>>,
    asked: bool,
    /// The newest run before this one.
    before: Option<RunId>,
    stage: Stage,
    /// The first line that is seen of what is too long.
    offset: usize,
}

#[derive(Debug)]
enum Stage {
    /// The dry run is to be asked for.
    New,
    /// It was asked for.
    Asked,
    /// This job does it, since then.
    Looking(JobId, Timestamp),
    /// Its report was asked for.
    Reading(JobId),
    /// It is here: the question.
    Read(Box<Found>),
    /// The answer is to be sent.
    Agreed(Command),
    /// It was sent.
    Sent(Command),
    /// This job does it, since then.
    Doing(JobId, Timestamp),
    /// Its report was asked for.
    Closing(JobId),
    /// What came of it.
    Ended(Box<RunReport>),
    /// Nothing came of it.
    Failed(String, Option<String>),
    /// It was sent, and nobody here knows what came of it.
    Unknown(String, Option<String>),
}

/// What the dry run found, and the question that it makes.
#[derive(Debug)]
struct Found {
    report: RunReport,
    /// What is done if the name is typed.
    command: Command,
    confirm: Confirm,
}

impl Switch {
    /// About this pool.
    pub fn new(pool: &PoolView, kind: Kind) -> Self {
        let before = pool.run.as_ref().map(|run| run.id);
        let mends = kind.mends();
        let mut switch =
            Self { pool: pool.name.clone(), kind, detail: None, asked: false, before, stage: Stage::New, offset: 0 };
        // A run that was interrupted is shown as it is: there is nothing to rehearse.
        if let Some(run) = pool.run.as_ref().filter(|_| mends) {
            let report = RunReport { run: (**run).clone(), dry_run: false, refused: Vec::new() };
            switch.stage = switch.read(report);
        }
        switch
    }

    /// The dry run.
    fn look(&self) -> Command {
        self.kind.command(&self.pool, None)
    }

    fn read(&self, report: RunReport) -> Stage {
        let (kind, pool) = (&self.kind, &self.pool);
        let command = kind.command(pool, Some(&report.run));
        let title = told::question(kind, pool, &report.run);
        let phrase = kind.phrase(pool, &report.run);
        let confirm = Confirm::typed(title, Vec::new(), phrase, kind.button(), vec![command.clone()]);
        let confirm = if kind.mends() { confirm.of_width(WIDTH) } else { confirm.with_dry_run(WIDTH, self.look()) };
        Stage::Read(Box::new(Found { report, command, confirm }))
    }

    /// Only before the command is sent, and where the engine itself says no to it, it is sure that nothing was done.
    fn failed(&mut self, refusal: &Refusal) {
        let (what, hint) = (refusal.what.clone(), refusal.hint.clone());
        let no = matches!(refusal.kind, RefusalKind::Usage | RefusalKind::Safety);
        let sure = match self.stage {
            Stage::Sent(_) => no,
            Stage::Doing(..) | Stage::Closing(_) => false,
            _ => true,
        };
        self.stage = if sure { Stage::Failed(what, hint) } else { Stage::Unknown(what, hint) };
    }

    /// The report of a job is here: of the dry run, or of the run.
    fn reported(&mut self, job: JobId, answer: &Result<Answer, Refusal>, world: &World) {
        let looked = matches!(self.stage, Stage::Reading(_));
        match answer {
            Ok(Answer::Report { report: Report::Ran { ran } }) if ran.dry_run == looked => {
                let ran = (**ran).clone();
                self.offset = 0;
                self.stage = if looked { self.read(ran) } else { Stage::Ended(Box::new(ran)) };
            }
            Ok(_) => {
                let error = world.newest.jobs.iter().find(|seen| seen.id == job).and_then(|job| job.error.clone());
                let why = error.unwrap_or_else(|| format!("job {job} has left no report"));
                self.stage = if looked { Stage::Failed(why, None) } else { Stage::Unknown(why, None) };
            }
            Err(refusal) => self.failed(refusal),
        }
    }

    /// Keys while nothing is asked.
    fn plain_key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        let moves = matches!(self.stage, Stage::Sent(_) | Stage::Agreed(_) | Stage::Doing(..) | Stage::Closing(_));
        let asks = || self.run(sight.world).is_some_and(|run| run.question.is_some());
        match key.code {
            KeyCode::Char('a') if moves && asks() => {
                // Another pool may be selected below by now.
                return Outcome::CloseAnd(Invocation { action: Action::AnswerStep, argument: Some(self.pool.clone()) });
            }
            KeyCode::Esc if moves => return Outcome::Cancelled("the run goes on; the page of the pool shows it"),
            KeyCode::Esc | KeyCode::Enter if matches!(self.stage, Stage::Ended(_)) => return Outcome::Close,
            KeyCode::Esc | KeyCode::Enter if matches!(self.stage, Stage::Unknown(..)) => {
                return Outcome::Cancelled(NOT_KNOWN);
            }
            KeyCode::Esc => return Outcome::Cancelled("nothing was done"),
            KeyCode::Enter if !moves => return Outcome::Cancelled("nothing was done"),
            KeyCode::Char('d') if matches!(self.stage, Stage::Read(_) | Stage::Failed(..)) && !self.kind.mends() => {
                self.again();
            }
            KeyCode::Down => self.offset += 1,
            KeyCode::Up => self.offset = self.offset.saturating_sub(1),
            _ => {}
        }
        Outcome::Stay
    }

    fn again(&mut self) {
        (self.stage, self.asked, self.offset) = (Stage::New, false, 0);
    }

    /// The run that was begun here, as the newest picture shows it.
    fn run<'a>(&self, world: &'a World) -> Option<&'a crate::runbook::view::RunView> {
        let run = world.newest.pool(&self.pool)?.run.as_deref()?;
        (self.kind.mends() || Some(run.id) > self.before).then_some(run)
    }
}

/// Whether a job has ended, as far as can be told.
fn ended(job: JobId, since: Timestamp, world: &World) -> bool {
    let seen = world.newest.jobs.iter().find(|seen| seen.id == job);
    seen.map_or(world.now.as_second() - since.as_second() >= UNSEEN_SECONDS, |job| job.state.ended())
}

impl Modal for Switch {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        let Stage::Read(found) = &mut self.stage else { return self.plain_key(key, sight) };
        if !found.report.refused.is_empty() {
            return self.plain_key(key, sight);
        }
        if found.confirm.asks_dry_run(key) {
            self.again();
            return Outcome::Stay;
        }
        match found.confirm.key(key, sight) {
            Outcome::Send(_) => {
                self.stage = Stage::Agreed(found.command.clone());
                self.offset = 0;
                Outcome::Stay
            }
            outcome => outcome,
        }
    }

    fn paste(&mut self, text: &str, sight: Sight<'_>) -> Outcome {
        match &mut self.stage {
            Stage::Read(found) => found.confirm.paste(text, sight),
            _ => Outcome::Stay,
        }
    }

    fn wants(&mut self, world: &World) -> Option<Want> {
        if !self.asked && world.unreachable().is_none() {
            self.asked = true;
            return Some(Want::Ask(Query::Pool { pool: self.pool.clone() }));
        }
        match &mut self.stage {
            Stage::New => {
                self.stage = Stage::Asked;
                Some(Want::Send(self.look()))
            }
            Stage::Agreed(command) => {
                let command = command.clone();
                self.stage = Stage::Sent(command.clone());
                Some(Want::Send(command))
            }
            Stage::Looking(job, since) if ended(*job, *since, world) => {
                let job = *job;
                self.stage = Stage::Reading(job);
                Some(Want::Ask(Query::Report { job }))
            }
            Stage::Doing(job, since) if ended(*job, *since, world) => {
                let job = *job;
                self.stage = Stage::Closing(job);
                Some(Want::Ask(Query::Report { job }))
            }
            _ => None,
        }
    }

    fn answered(&mut self, reply: &Reply, world: &World) -> bool {
        match (&self.stage, reply) {
            (_, Reply::Query(query, Ok(Answer::Pool { detail })))
                if *query == (Query::Pool { pool: self.pool.clone() }) =>
            {
                self.detail = Some(detail.clone());
                // The page of the pool wants to read it too.
                false
            }
            (Stage::Asked, Reply::Command(command, answer)) if *command == self.look() => {
                match answer {
                    Ok(accepted) => match accepted.job {
                        Some(job) => self.stage = Stage::Looking(job, world.now),
                        None => self.stage = Stage::Failed(accepted.said.clone(), None),
                    },
                    Err(refusal) => self.failed(refusal),
                }
                true
            }
            (Stage::Sent(sent), Reply::Command(command, answer)) if command == sent => {
                match answer {
                    Ok(accepted) => match accepted.job {
                        Some(job) => self.stage = Stage::Doing(job, world.now),
                        None => self.stage = Stage::Unknown(accepted.said.clone(), None),
                    },
                    Err(refusal) => self.failed(refusal),
                }
                true
            }
            (Stage::Reading(job) | Stage::Closing(job), Reply::Query(query, answer))
                if *query == (Query::Report { job: *job }) =>
            {
                self.reported(*job, answer, world);
                // The page of the job wants to read it too.
                false
            }
            _ => false,
        }
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, sight: Sight<'_>) {
        self.picture(brush, screen, sight);
    }
}
