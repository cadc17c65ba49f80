//! Wishes: what the engine is asked to change, after asking the person for what is needed.

use std::time::Duration;

use super::possible::{not_in_maintenance, not_to_hold};
use super::{App, Effect};
use crate::clock::Timestamp;
use crate::console::action::{Action, Invocation};
use crate::console::format;
use crate::console::modal::ask::{Ask, Field};
use crate::console::modal::confirm::Confirm;
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::Command;
use crate::fleet::units;
use crate::work::view::{JobId, JobState, JobView};

impl App {
    pub(super) fn wish(&mut self, invocation: &Invocation) {
        let argument = invocation.argument.clone();
        match invocation.action {
            Action::Probe => self.probe(argument),
            Action::ProbeAll => self.send(Command::ProbeNow { hosts: Vec::new() }),
            Action::Maintain => self.maintain(argument),
            Action::EndMaintenance => self.end_maintenance(argument),
            Action::Cancel => self.cancel(argument.as_deref()),
            Action::Hold => self.hold(argument.as_deref()),
            Action::Takeover
            | Action::Giveback
            | Action::Drill
            | Action::Pause
            | Action::Unpause
            | Action::Swear
            | Action::Clear
            | Action::Acknowledge
            | Action::Resume
            | Action::Abandon
            | Action::AnswerStep
            | Action::Why => self.pool_wish(invocation.action, argument.as_deref()),
            Action::CarryNow | Action::Compare | Action::Repair | Action::Prepare | Action::StartOver => {
                self.feed_wish(invocation.action, argument.as_deref());
            }
            Action::MakeKit | Action::VerifyKits | Action::DrillKit | Action::Eject | Action::RestoreKit => {
                self.dump_wish(invocation.action, argument.as_deref());
            }
            Action::MaintainService | Action::Release | Action::StopModule | Action::ForceRelease => {
                self.service_wish(invocation.action, argument.as_deref());
            }
            Action::Runs
            | Action::RunBegin
            | Action::RunAnswer
            | Action::RunLook
            | Action::RunResume
            | Action::RunAbandon => {
                self.run_wish(invocation.action, argument.as_deref());
            }
            Action::Sync => self.sync(argument.as_deref()),
            Action::Verify => self.verify(argument.as_deref()),
            Action::Delete => self.delete(argument.as_deref()),
            Action::DeleteSafe => self.delete_safe(),
            Action::Refresh => self.refresh(),
            Action::Limit => self.limit(argument.as_deref()),
            Action::ChooseStore => self.choose_store(argument.as_deref().unwrap_or_default()),
            Action::Note => self.note(argument),
            Action::VerifyJournal => self.send(Command::VerifyJournal),
            Action::Doctor => self.send(Command::Doctor),
            Action::FetchConfigs => self.send(Command::ConfigNow { config: None }),
            Action::Reload => self.send(Command::Reload),
            Action::Start => {
                self.say(Meaning::Info, "starting an engine…", None);
                self.effects.push(Effect::Restart);
            }
            _ => self.stop(),
        }
    }

    pub(super) fn send(&mut self, command: Command) {
        self.effects.push(Effect::Send(command));
    }

    /// The named host, or those that are meant without a name.
    fn hosts(&mut self, argument: Option<String>) -> Option<Vec<String>> {
        let hosts = match argument {
            None => self.targets(),
            Some(name) => vec![name],
        };
        let unknown = hosts.iter().find(|name| self.world.newest.host(name).is_none()).cloned();
        match unknown {
            Some(name) => {
                self.say(Meaning::Warn, format!("the fleet file has no host `{name}`"), None);
                None
            }
            None => Some(hosts),
        }
    }

    fn probe(&mut self, argument: Option<String>) {
        if let Some(hosts) = self.hosts(argument) {
            self.send(Command::ProbeNow { hosts });
        }
    }

    fn maintain(&mut self, argument: Option<String>) {
        let Some(hosts) = self.hosts(argument) else { return };
        let lines = vec![
            "Watching goes on, acting stops: no alarm is raised about these hosts, and nothing is done about them."
                .into(),
            "When the time is over nothing is started: the journal and every console say so, and ask to prolong it."
                .into(),
        ];
        let fields = vec![Field::new("why", "", ""), Field::new("for", "30m, 2h, 1d", "2h")];
        let ask = Ask::new(format!("Maintenance of {}?", hosts.join(", ")), lines, hosts, fields, made_maintenance);
        self.modals.push(Box::new(ask));
    }

    fn end_maintenance(&mut self, argument: Option<String>) {
        let Some(hosts) = self.hosts(argument) else { return };
        let mut lines = Vec::new();
        let mut commands = Vec::new();
        for name in &hosts {
            let Some(maintenance) = self.world.newest.host(name).and_then(|host| host.maintenance.as_ref()) else {
                continue;
            };
            let left = format::left(maintenance.until, self.world.now);
            lines.push(format!("{name}: {left} left, by {}: {}", maintenance.owner, maintenance.why));
            commands.push(Command::EndMaintenance { host: name.clone() });
        }
        if commands.is_empty() {
            return self.say(Meaning::Warn, not_in_maintenance(&hosts), None);
        }
        lines.push(String::new());
        lines.push("Alarms are raised about them again at once, and hotspare may act on them.".into());
        let title = format!("End the maintenance of {}?", format::several(commands.len(), "host"));
        self.modals.push(Box::new(Confirm::button(title, lines, " End maintenance ", commands)));
    }

    /// The job of this number, or the one that is meant without a number.
    fn job(&self, argument: Option<&str>) -> Option<&JobView> {
        match argument {
            None => self.target_job(),
            Some(number) => number.parse().ok().and_then(|number| self.job_of(JobId(number))),
        }
    }

    fn hold(&mut self, argument: Option<&str>) {
        let Some(job) = self.job(argument) else {
            return self.say(Meaning::Warn, "there is no such job", None);
        };
        match not_to_hold(job) {
            Some(why) => self.say(Meaning::Warn, why, None),
            None => self.send(Command::Hold { job: job.id, held: job.state != JobState::Paused }),
        }
    }

    fn cancel(&mut self, argument: Option<&str>) {
        let job = self.job(argument);
        let Some(job) = job.filter(|job| !job.state.ended()).cloned() else {
            return self.say(Meaning::Warn, "there is no such job, or it has ended", None);
        };
        let done = format::amount(job.done, job.total, job.unit);
        let lines = vec![
            format!("{} {}", job.kind, job.title),
            format!("asked for by {}, {}, done so far: {done}", job.who, job.state.word()),
            String::new(),
            "It ends as soon as it can. What it has done stays; what it has begun is left whole.".into(),
        ];
        let confirm = Confirm::typed(
            format!("Cancel job {}?", job.id),
            lines,
            job.id.to_string(),
            " End the job ",
            vec![Command::Cancel { job: job.id }],
        );
        self.modals.push(Box::new(confirm));
    }

    fn note(&mut self, argument: Option<String>) {
        if let Some(text) = argument {
            return self.send(Command::Note { text });
        }
        let lines = vec!["A remark stands in the journal for ever, with your name and the time.".into()];
        let fields = vec![Field::new("remark", "", "")];
        let ask = Ask::new("Write into the journal".into(), lines, Vec::new(), fields, made_note);
        self.modals.push(Box::new(ask));
    }

    fn stop(&mut self) {
        let fleet = self.world.newest.head.fleet.clone();
        let (lines, commands) = stopping(&self.world);
        let confirm =
            Confirm::typed(format!("Stop the engine of {fleet}?"), lines, fleet.clone(), " Stop the engine ", commands);
        // No job and no hold is forced that was not read.
        self.modals.push(Box::new(confirm.anew(&fleet, |_, world| Some(stopping(world)))));
    }
}

/// What ends with the engine. It is forced where something does.
fn stopping(world: &World) -> (Vec<String>, Vec<Command>) {
    let newest = &world.newest;
    let engine = &newest.head.engine;
    let running = newest.jobs.iter().filter(|job| !job.state.ended());
    let running: Vec<String> = running.map(|job| format!("  {} {} {}", job.id, job.kind, job.title)).collect();
    let held = newest.services.iter().filter_map(|service| Some((service, service.hold.as_ref()?)));
    let held: Vec<String> = held
        .map(|(service, hold)| format!("  {} on {}, held by {}: {}", service.name, service.host, hold.owner, hold.why))
        .collect();
    let mut lines = vec![
        format!("Engine pid {} stops. No host is watched any more, and nothing is done about any failure.", engine.pid),
        String::new(),
    ];
    if !running.is_empty() {
        lines.push(format!("{} would be cancelled:", format::several(running.len(), "job")));
        lines.extend(running.iter().cloned());
        lines.push(String::new());
    }
    if !held.is_empty() {
        lines.push(format!("the locks of {} would be given back:", format::several(held.len(), "service")));
        lines.extend(held.iter().cloned());
        lines.push(String::new());
    }
    if engine.consoles > 1 {
        lines.push(format!("{} consoles are joined to it.", engine.consoles));
    }
    let force = !(running.is_empty() && held.is_empty());
    (lines, vec![Command::Stop { force }])
}

/// The longest maintenance: longer ones are forgotten.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

fn made_maintenance(hosts: &[String], typed: &[&str], world: &World) -> Result<Vec<Command>, (usize, String)> {
    let [why, span] = typed else { return Err((0, "reason and duration are needed".into())) };
    if why.is_empty() {
        return Err((0, "say why: others will want to know".into()));
    }
    let span = units::duration(span).map_err(|error| (1, error.to_string()))?;
    if span.is_zero() || span > LONGEST {
        return Err((1, "between a moment and 31d".into()));
    }
    let until: Timestamp = world.now.saturating_add(span).unwrap_or(Timestamp::MAX);
    Ok(hosts.iter().map(|host| Command::Maintain { host: host.clone(), why: (*why).to_owned(), until }).collect())
}

fn made_note(_: &[String], typed: &[&str], _: &World) -> Result<Vec<Command>, (usize, String)> {
    match typed {
        [text] if !text.is_empty() => Ok(vec![Command::Note { text: (*text).to_owned() }]),
        _ => Err((0, "write something".into())),
    }
}
