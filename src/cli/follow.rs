//! Following a job of the engine to its end, with its progress on standard error: a bar on a terminal, else a line every
//! few seconds.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::exit::Failure;
use super::table;
use crate::clock::{Clock, Tick};
use crate::console::format;
use crate::engine::client::{Client, Link};
use crate::engine::command::{Answer, Command, Query, Report};
use crate::engine::snapshot::Snapshot;
use crate::engine::socket::Socket;
use crate::reach::plain;
use crate::work::view::{JobId, JobState, JobView, Unit};

/// Between two lines where no terminal shows them.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// Between two pictures of the bar.
const BETWEEN_BARS: Duration = Duration::from_millis(200);
/// A job that was asked to end gets so long.
pub(super) const END_WITHIN: Duration = Duration::from_secs(10);
/// So many steps of what counts in things are all said; a long batch then says where it is every few seconds.
const FEW: usize = 20;
/// Columns of the bar.
const BAR: usize = 20;

/// Tells how far it is until it has ended. The job goes on when this is dropped.
pub async fn ended(context: &Context, engine: &Socket, job: JobId) -> Result<Arc<JobView>, Failure> {
    let mut snapshots = engine.snapshots();
    let mut link = engine.link();
    let mut teller = Teller::new(context);
    loop {
        let view = find(&snapshots.borrow_and_update(), job);
        if let Some(view) = view {
            if view.state.ended() {
                teller.wipe();
                return Ok(view);
            }
            teller.tell(&view);
        }
        tokio::select! {
            changed = snapshots.changed() => changed.map_err(|_closed| Failure::failed("the engine is gone"))?,
            _ = link.changed() => {
                if let Link::Lost { why } = &*link.borrow_and_update() {
                    teller.wipe();
                    return Err(Failure::failed(format!("the engine was lost while job {job} ran: {why}"))
                        .hint("run the same command again: it goes on where this one stopped"));
                }
            }
        }
    }
}

/// As [`ended`], but Ctrl-C ends the job and waits until it has left everything whole.
pub async fn ended_or_cancelled(context: &Context, engine: &Socket, job: JobId) -> Result<Arc<JobView>, Failure> {
    tokio::select! {
        ended = ended(context, engine, job) => ended,
        _ = tokio::signal::ctrl_c() => {
            context.tell("hotspare: interrupted; the job is asked to end");
            engine.command(Command::Cancel { job }).await?;
            let mut snapshots = engine.snapshots();
            let over = |snapshot: &Arc<Snapshot>| find(snapshot, job).is_none_or(|view| view.state.ended());
            let _in_time = tokio::time::timeout(END_WITHIN, snapshots.wait_for(over)).await.is_ok();
            Err(Failure::interrupted().hint("run the same command again: it goes on where this one stopped"))
        }
    }
}

/// An error where the engine was lost.
pub fn still_there(engine: &Socket) -> Result<(), Failure> {
    match &*engine.link().borrow() {
        Link::Lost { why } => Err(Failure::failed(format!("the engine was lost: {why}"))),
        Link::Joined => Ok(()),
    }
}

/// What came of a job that has ended; one that was cancelled or broke before it could say is an error.
pub async fn report(engine: &Socket, ended: &JobView) -> Result<Report, Failure> {
    if ended.state == JobState::Cancelled {
        return Err(Failure { message: format!("job {} was cancelled", ended.id), ..Failure::interrupted() });
    }
    match (engine.query(Query::Report { job: ended.id }).await, &ended.error) {
        (Ok(Answer::Report { report }), _) => Ok(report),
        (_, Some(error)) => Err(Failure::failed(error)),
        (Err(refusal), None) => Err(refusal.into()),
        (Ok(_), None) => Err(Failure::failed("the engine answered something else; its version may differ")),
    }
}

fn find(snapshot: &Snapshot, job: JobId) -> Option<Arc<JobView>> {
    snapshot.jobs.iter().find(|view| view.id == job).cloned()
}

/// Tells of progress as often as it is of use.
struct Teller<'a> {
    context: &'a Context,
    clock: Clock,
    terminal: bool,
    last: Option<Tick>,
    drawn: bool,
    said: String,
    steps: usize,
}

impl<'a> Teller<'a> {
    fn new(context: &'a Context) -> Self {
        let terminal = std::io::stderr().is_terminal() && !context.quiet;
        Self { context, clock: Clock::real(), terminal, last: None, drawn: false, said: String::new(), steps: 0 }
    }

    fn tell(&mut self, job: &JobView) {
        let now = self.clock.tick();
        let pause = if self.terminal { BETWEEN_BARS } else { BETWEEN_LINES };
        let each = !self.terminal && job.unit == Unit::Items && self.steps < FEW;
        if !each && self.last.is_some_and(|last| now.since(last) < pause) {
            return;
        }
        let line = plain::one_line(&line(job));
        if line.is_empty() || line == self.said {
            return;
        }
        self.last = Some(now);
        if self.terminal {
            let _gone = write!(std::io::stderr().lock(), "\r\x1b[K{line}");
            self.drawn = true;
        } else {
            self.context.tell(&line);
        }
        self.said = line;
        self.steps += 1;
    }

    fn wipe(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _gone = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// `copy p014/20261120  ████████      61 %  118 MB/s  0:42 left  3 of 41`, as far as it is known.
fn line(job: &JobView) -> String {
    let mut words = Vec::new();
    if let Some(part) = &job.part {
        words.push(format!("{} {}", part.step, part.key));
        if part.pieces > 1 {
            words.push(format!("{} of {}", part.before + 1, part.pieces));
        }
    } else if let Some(note) = &job.note {
        words.push(note.clone());
    }
    if job.unit == Unit::Bytes
        && let Some(percent) = job.percent()
    {
        let full = BAR * usize::from(percent) / 100;
        words.push(format!("{}{}", "█".repeat(full), "·".repeat(BAR - full)));
        words.push(format!("{percent:>3} %"));
        words.extend(job.rate.map(|rate| format::rate(rate, job.unit)));
        #[expect(clippy::cast_possible_truncation, reason = "an estimate below a hundred days")]
        words.extend(job.eta.map(|seconds| format!("{} left", table::span(seconds as i64))));
    }
    words.join("  ")
}
