//! The page of a job: how far it is, who wanted it, and what it found.

use super::{Line, Page, dumped, fact, fed, report, run, serviced};
use crate::clock::Timestamp;
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::look::Look;
use crate::console::pane::jobs::{bar, meaning};
use crate::console::pane::sessions::words;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::command::{Answer, Finding, Grade, Query, Refusal, Report};
use crate::work::view::{JobId, JobState, JobView};

/// The page.
#[derive(Debug)]
pub struct JobPage {
    id: JobId,
    /// Its first picture, for a job that has left the snapshot meanwhile.
    last: JobView,
    asked: bool,
    report: Option<Result<Report, String>>,
}

impl JobPage {
    /// The page of this job.
    pub fn new(job: &JobView) -> Self {
        Self { id: job.id, last: job.clone(), asked: false, report: None }
    }

    fn now<'a>(&'a self, world: &'a World) -> &'a JobView {
        world.shown.jobs.iter().find(|job| job.id == self.id).map_or(&self.last, AsRef::as_ref)
    }
}

impl Page for JobPage {
    fn crumb(&self) -> String {
        format!("{} {}", self.last.kind, self.id)
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Jobs)
    }

    fn job(&self) -> Option<JobId> {
        Some(self.id)
    }

    fn hints(&self) -> &'static [Action] {
        &[Action::Back, Action::Hold, Action::Cancel, Action::Copy]
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        if self.asked || !self.now(world).state.ended() || world.unreachable().is_some() {
            return None;
        }
        self.asked = true;
        Some(Query::Report { job: self.id })
    }

    fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        if *query != (Query::Report { job: self.id }) {
            return;
        }
        match answer {
            Ok(Answer::Report { report }) => self.report = Some(Ok(report.clone())),
            Ok(_) => {}
            Err(refusal) => self.report = Some(Err(refusal.what.clone())),
        }
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let job = self.now(world);
        let sign = format!("{} {}", glyphs.job(job.state), job.state.word());
        let mut lines = vec![fact("job", [plain(format!("{} {}", job.kind, job.title))])];
        lines.push(fact("state", [part(meaning(job.state), sign)]));
        lines.push(fact("asked", [plain(format!("{} by {}", moment(job.asked, world), job.who))]));
        if let Some(started) = job.started {
            lines.push(fact("began", [plain(moment(started, world))]));
        }
        if let Some(ended) = job.ended {
            lines.push(fact("ended", [plain(moment(ended, world))]));
        }
        if let Some(now) = job.part.as_ref().filter(|_| !job.state.ended()) {
            let percent = words::percent(now);
            let bar = bar(u8::try_from(percent).unwrap_or(99), 30, glyphs);
            let bar = part(Meaning::Chart, format!("{bar:<30}"));
            let what = plain(format!(" {percent:>2} %  {} {}", now.step, now.key));
            lines.push(fact("piece", [bar, what, dim(format!(", {} of {}", now.before + 1, now.pieces))]));
        }
        if let Some(percent) = job.percent().filter(|_| !job.state.ended()) {
            let bar = bar(percent, 30, glyphs);
            // Below the bar of a piece the figures stand in one column.
            let bar = if job.part.is_some() { format!("{bar:<30}") } else { bar };
            lines.push(fact("progress", [part(Meaning::Chart, bar), plain(format!(" {percent:>2} %"))]));
        }
        let mut done = vec![plain(format::amount(job.done, job.total, job.unit))];
        let moves = !job.state.ended() && job.state != JobState::Paused;
        done.extend(job.rate.filter(|_| moves).map(|rate| dim(format!("   {}", format::rate(rate, job.unit)))));
        done.extend(
            job.eta
                .filter(|_| job.state != JobState::Paused)
                .and_then(format::remaining)
                .map(|eta| dim(format!("   {eta} left"))),
        );
        lines.push(fact("done", done));
        if let Some(note) = &job.note {
            lines.push(fact("note", [plain(note.clone())]));
        }
        if let Some(error) = &job.error {
            lines.push(fact("error", [part(Meaning::Bad, error.clone())]));
        }
        lines.push(Vec::new());
        lines.extend(self.findings(job, world.now, glyphs, width));
        lines
    }
}

fn moment(time: Timestamp, world: &World) -> String {
    format::moment(time, world.now, &world.zone)
}

impl JobPage {
    fn findings(&self, job: &JobView, now: Timestamp, glyphs: &Glyphs, width: usize) -> Vec<Line> {
        let findings = match &self.report {
            None if job.state.ended() => return vec![vec![dim("asking the engine for the report…")]],
            None => return vec![vec![dim("what it finds stands here when it has ended")]],
            Some(Err(why)) => return vec![vec![part(Meaning::Warn, format!("no report: {why}"))]],
            Some(Ok(Report::Findings { findings })) if findings.is_empty() => {
                return vec![vec![dim("it found nothing to report")]];
            }
            Some(Ok(Report::Findings { findings })) => findings,
            Some(Ok(Report::Synced { sync })) => return report::synced(sync, glyphs, width),
            Some(Ok(Report::Verified { verified })) => return report::verified(verified, glyphs, width),
            Some(Ok(Report::Deleted { deletion })) => return report::deleted(deletion, now, glyphs, width),
            Some(Ok(Report::Ran { ran })) => return run::report(ran, glyphs, width),
            Some(Ok(Report::Fed { fed })) => return fed::ran(fed, glyphs, width),
            Some(Ok(Report::Compared { compared })) => return fed::compared(compared, glyphs, width),
            Some(Ok(Report::Prepared { prepared })) => return fed::prepared(prepared, glyphs, width),
            Some(Ok(Report::Dumped { made })) => return dumped::made(made, glyphs, width),
            Some(Ok(Report::KitsVerified { kits })) => return dumped::verified(kits, glyphs, width),
            Some(Ok(Report::Drilled { drilled })) => return dumped::drilled(drilled, glyphs, width),
            Some(Ok(Report::Restored { restored })) => return dumped::restored(restored, now, glyphs, width),
            Some(Ok(Report::ServiceHeld { held })) => return serviced::held(held, width),
            Some(Ok(Report::ServiceReleased { released })) => return serviced::released(released, glyphs, width),
            Some(Ok(Report::ServiceStopped { stopped })) => return serviced::stopped(stopped, glyphs, width),
            Some(Ok(Report::Refused { why })) => return report::below(why, Meaning::Bad, 0, width),
            Some(Ok(Report::Nothing)) => return Vec::new(),
        };
        let count = |grade| findings.iter().filter(|finding| finding.grade == grade).count();
        let (bad, risk) = (count(Grade::Bad), count(Grade::Risk));
        let summary = format!("  {}: {bad} bad, {risk} with a risk", format::several(findings.len(), "finding"));
        let mut lines = vec![vec![part(Meaning::Title, "Findings"), dim(summary)]];
        let mut sorted: Vec<&Finding> = findings.iter().collect();
        sorted.sort_by_key(|finding| std::cmp::Reverse(finding.grade));
        let longest = sorted.iter().map(|finding| finding.subject.chars().count()).max().unwrap_or(0).min(32);
        for finding in sorted {
            let (meaning, sign) = match finding.grade {
                Grade::Good => (Meaning::Good, glyphs.good),
                Grade::Risk => (Meaning::Warn, glyphs.warn),
                Grade::Bad => (Meaning::Bad, glyphs.bad),
            };
            let indent = longest + 4;
            let room = width.saturating_sub(indent).max(20);
            for (index, text) in wrap(&finding.found, room).into_iter().enumerate() {
                lines.push(if index == 0 {
                    vec![part(meaning, sign), plain(format!(" {:<longest$}  ", finding.subject)), plain(text)]
                } else {
                    vec![plain(" ".repeat(indent)), plain(text)]
                });
            }
            if !finding.remedy.is_empty() {
                for text in wrap(&finding.remedy, room) {
                    lines.push(vec![plain(" ".repeat(indent)), part(Meaning::Info, text)]);
                }
            }
        }
        lines
    }
}
