//! Commands: each is journalled, whether it is done or refused, and answered when its entry is on disk.

mod checkups;
mod hosts;

use tokio::sync::oneshot;

use super::pools::Wanted;
use super::sessions::Deletion;
use super::{Core, ReadAgain};
use crate::engine::command::{Accepted, Command, Refusal, RefusalKind};
use crate::engine::file;
use crate::engine::guest::{ReadOnly, Who};
use crate::fleet::secret::SecretSource;
use crate::journal::entry::Weight;
use crate::journal::writer::Recorded;
use crate::standin::arbiter::Act;
use crate::standin::worker::{Order, Word};
use crate::work::view::JobId;

pub(super) type Answer = oneshot::Sender<Result<Accepted, Refusal>>;

/// Something that was done: what is said, why, what it is about, and the job that does it.
pub(super) struct Done {
    said: String,
    why: String,
    pub(super) about: serde_json::Value,
    pub(super) job: Option<JobId>,
}

impl Done {
    /// Adds why.
    pub(super) fn because(&mut self, why: String) {
        self.why = why;
    }

    pub(super) fn new(said: impl Into<String>, about: serde_json::Value) -> Self {
        Self { said: said.into(), why: String::new(), about, job: None }
    }
}

impl Core {
    pub(super) fn command(&mut self, who: &Who, command: Command, answer: Answer) {
        let about = serde_json::to_value(&command).unwrap_or_default();
        let done = match command {
            _ if who.read_only.is_some() => Err(refuse_read_only(who, &about)),
            Command::DumpRestore { to, .. } if who.by_group && to.password != SecretSource::None => {
                Err(refuse_secret())
            }
            Command::Reload => return self.read_again(who, answer),
            command => match word(command) {
                Ok((pool, Ok(word))) => return self.pool_say(who, pool, word, about, answer),
                Ok((_, Err(refusal))) => Err(refusal),
                Err(command) => self.carry_out(who, *command),
            },
        };
        self.answer(who, about, done, answer);
    }

    /// Reads the fleet file beside everything else; [`Core::reload_answered`] goes on with it.
    fn read_again(&self, who: &Who, answer: Answer) {
        let (reading, who, to) = (file::read_aside(self.parts.file.clone()), who.clone(), self.read_again.clone());
        tokio::spawn(async move {
            let parsed = reading.await;
            let _engine_ends = to.send(ReadAgain { who, parsed, answer });
        });
    }

    pub(super) fn reload_answered(&mut self, again: ReadAgain) {
        self.reload(again.parsed, &again.who.name);
        let done = if self.file.refused.is_empty() {
            Ok(Done::new("the fleet file was read again", serde_json::json!({ "fleet_file": "read" })))
        } else {
            Err(Refusal {
                kind: RefusalKind::Usage,
                what: self.file.refused.join("\n"),
                hint: Some("the last good version stays in force; correct the file".into()),
            })
        };
        let about = serde_json::to_value(&Command::Reload).unwrap_or_default();
        self.answer(&again.who, about, done, again.answer);
    }

    pub(super) fn answer(&self, who: &Who, about: serde_json::Value, done: Result<Done, Refusal>, answer: Answer) {
        let stops = about["command"] == "stop";
        let (recorded, answered) = match done {
            Ok(Done { said, why, about, job }) => {
                let recorded = self.note(&who.name, said.clone(), why, about, Weight::Note);
                (recorded, Ok(Accepted { said, job }))
            }
            Err(refusal) => {
                let what = format!("refused: {}", about["command"].as_str().unwrap_or("command").replace('_', " "));
                let recorded = self.note(&who.name, what, refusal.what.clone(), about, Weight::Refusal);
                (recorded, Err(refusal))
            }
        };
        let stop = (stops && answered.is_ok()).then(|| self.parts.stop.clone());
        tokio::spawn(async move {
            let _nobody_waits = answer.send(when_durable(recorded, answered).await);
            if let Some(stop) = stop {
                stop.cancel();
            }
        });
    }

    fn carry_out(&mut self, who: &Who, command: Command) -> Result<Done, Refusal> {
        match command {
            Command::ProbeNow { hosts } => {
                for host in &hosts {
                    self.known(host)?;
                }
                let said = match hosts.as_slice() {
                    [] => "all hosts are asked now".to_owned(),
                    [host] => format!("{host} is asked now"),
                    several => format!("{} hosts are asked now", several.len()),
                };
                let done = Done::new(said, serde_json::json!({ "probe": hosts }));
                self.parts.hosts.probe_now(hosts);
                Ok(done)
            }
            Command::Maintain { host, why, until } => self.maintain(who, &host, why, until),
            Command::EndMaintenance { host } => self.end_maintenance(&host),
            Command::Cancel { job } => self.cancel(job),
            Command::Hold { job, held } => {
                if !self.jobs.hold(job, held) {
                    let hint = "`hotspare jobs` lists those that run";
                    return Err(usage(format!("no job {job} runs"), Some(hint.into())));
                }
                let said = format!("job {job} {}", if held { "is held" } else { "goes on" });
                Ok(Done::new(said, serde_json::json!({ "job": job, "held": held })))
            }
            Command::SessionRefresh { store } => self.session_refresh(store.as_deref()),
            Command::SessionSync { store, which, dry_run } => self.session_sync(who, store.as_deref(), &which, dry_run),
            Command::SessionVerify { store, which, level } => self.session_verify(who, store.as_deref(), &which, level),
            Command::SessionDelete { store, which, dry_run, phrase, shown } => {
                let wanted = Deletion { dry_run, phrase, shown };
                self.session_delete(who, store.as_deref(), &which, &wanted)
            }
            Command::SessionLimit { store, limit } => self.session_limit(store.as_deref(), limit),
            Command::PoolTakeover { pool, failed, spare, dry_run, phrase } => {
                self.pool_change(who, &pool, Wanted { act: Act::Takeover, host: failed, spare, dry_run, phrase })
            }
            Command::PoolGiveback { pool, host, dry_run, phrase } => {
                self.pool_change(who, &pool, Wanted { act: Act::Giveback, host, spare: None, dry_run, phrase })
            }
            Command::PoolRelease { pool, host, dry_run, phrase } => {
                self.pool_change(who, &pool, Wanted { act: Act::Release, host, spare: None, dry_run, phrase })
            }
            Command::PoolDrill { pool, dry_run } => {
                let phrase = String::new();
                self.pool_change(who, &pool, Wanted { act: Act::Drill, host: None, spare: None, dry_run, phrase })
            }
            Command::PoolResume { pool } => self.pool_mend(who, &pool, Order::Resume),
            Command::PoolAbandon { pool } => self.pool_mend(who, &pool, Order::Abandon),
            Command::FeedRun { feed } => self.feed_run(who, feed),
            Command::FeedCheck { feed, repair } => self.feed_check(who, feed, repair),
            Command::FeedPrepare { feed, dry_run } => self.feed_prepare(who, feed, dry_run),
            Command::FeedReset { feed, phrase } => self.feed_reset(who, feed, &phrase),
            command @ (Command::DumpNow { .. }
            | Command::DumpVerify { .. }
            | Command::DumpDrill { .. }
            | Command::DumpRestore { .. }
            | Command::DumpEject { .. }) => self.dump_command(who, command),
            command @ (Command::ServiceHold { .. }
            | Command::ServiceRelease { .. }
            | Command::ServiceStop { .. }
            | Command::ServiceForce { .. }) => self.service_command(who, command),
            Command::ConfigNow { config } => self.config_now(who, config),
            Command::Run { runbook, set, dry_run } => self.run_alone(who, &runbook, set, dry_run),
            Command::RunMend { runbook, abandon } => self.run_mend(who, &runbook, abandon),
            Command::Scale { service, to, interval, dry_run } => self.scale(who, &service, to, interval, dry_run),
            Command::Answer { run, yes, step } => self.run_answer(who, run, yes, step.as_deref()),
            Command::LookAgain { run } => self.run_look_again(run),
            // Taken by `word`, and when it was read by `reload_answered`.
            Command::PoolPause { .. }
            | Command::PoolUnpause { .. }
            | Command::PoolSwear { .. }
            | Command::PoolClear { .. }
            | Command::PoolAcknowledge { .. }
            | Command::Reload => Err(usage("that is answered elsewhere".into(), None)),
            Command::Doctor => Ok(self.doctor(who)),
            Command::VerifyJournal => Ok(self.verify(who)),
            Command::Note { text } => {
                let text = text.trim();
                if text.is_empty() || text.len() > LONGEST_NOTE {
                    let what = format!("a remark has 1 to {LONGEST_NOTE} bytes, this one has {}", text.len());
                    return Err(usage(what, None));
                }
                Ok(Done::new(text, serde_json::json!({ "note": true })))
            }
            Command::Stop { force } => {
                let open = self.jobs.awaited();
                if open > 0 && !force {
                    return Err(Refusal {
                        kind: RefusalKind::Safety,
                        what: format!("{open} {} still running", if open == 1 { "job is" } else { "jobs are" }),
                        hint: Some("wait, cancel them, or stop with --force, which cancels them".into()),
                    });
                }
                self.nothing_held(force)?;
                Ok(Done::new("the engine stops", serde_json::json!({ "engine": "stopping", "force": force })))
            }
        }
    }

    fn cancel(&self, job: JobId) -> Result<Done, Refusal> {
        if !self.jobs.cancel(job) {
            let hint = "`hotspare jobs` lists those that run";
            return Err(usage(format!("no job {job} runs"), Some(hint.into())));
        }
        Ok(Done::new(format!("job {job} is asked to end"), serde_json::json!({ "job": job })))
    }

    /// Returns whether the journal took it.
    pub(super) fn keep(&self, key: &str, value: String) -> bool {
        let kept = self.parts.journal.keep(key, value);
        if let Err(error) = &kept {
            tracing::error!(%error, key, "a value is not kept");
        }
        kept.is_ok()
    }

    pub(super) fn submitted(&mut self, id: JobId, said: &str) -> Done {
        self.keep_jobs();
        let mut done = Done::new(format!("{said}: job {id}"), serde_json::json!({ "job": id }));
        done.job = Some(id);
        done
    }
}

/// What a person says of a pool, where that is what a command is; a phrase that was not typed is refused here.
fn word(command: Command) -> Result<(String, Result<Word, Refusal>), Box<Command>> {
    let typed = |name: &str, phrase: &str, word: Word| {
        if phrase == name {
            return Ok(word);
        }
        Err(Refusal {
            kind: RefusalKind::Safety,
            what: format!("nothing was changed: {name} was not typed"),
            hint: Some(format!("type {name}, letter by letter")),
        })
    };
    Ok(match command {
        Command::PoolPause { pool, why, .. } if why.trim().is_empty() => {
            let hint = Some("say why, for the others".into());
            (pool, Err(usage("a pause has a reason".into(), hint)))
        }
        Command::PoolPause { pool, why, until } => (pool, Ok(Word::Pause { why, until })),
        Command::PoolUnpause { pool } => (pool, Ok(Word::Unpause)),
        Command::PoolAcknowledge { pool } => (pool, Ok(Word::Acknowledge)),
        Command::PoolSwear { pool, host, phrase } => {
            let said = typed(&host.clone(), &phrase, Word::Swear { host });
            (pool, said)
        }
        Command::PoolClear { pool, spare, phrase } => {
            let said = typed(&spare.clone(), &phrase, Word::Clear { spare });
            (pool, said)
        }
        command => return Err(Box::new(command)),
    })
}

const LONGEST_NOTE: usize = 4_096;

/// The answer, when the entry that tells of it would survive a power cut, or with a word that it would not yet.
async fn when_durable(
    recorded: Option<oneshot::Receiver<Recorded>>,
    answered: Result<Accepted, Refusal>,
) -> Result<Accepted, Refusal> {
    let durable = match recorded {
        Some(recorded) => recorded.await.is_ok_and(|recorded| recorded.durable),
        None => false,
    };
    answered.map(|mut accepted| {
        if !durable {
            accepted.said.push_str(" (its journal entry waits in memory: state.db cannot be written)");
        }
        accepted
    })
}

fn refuse_read_only(who: &Who, about: &serde_json::Value) -> Refusal {
    let command = about["command"].as_str().unwrap_or("this").replace('_', " ");
    let (why, hint) = match &who.read_only {
        Some(ReadOnly::Viewer(why)) => (why.as_str(), "ask one of those who may"),
        _ => ("--read-only was given", "start hotspare without --read-only to change anything"),
    };
    Refusal { kind: RefusalKind::Safety, what: format!("{command} is refused, because {why}"), hint: Some(hint.into()) }
}

/// Where a secret lies is for the engine's own user to say: it would be read, or its program run, with that user's rights.
fn refuse_secret() -> Refusal {
    Refusal {
        kind: RefusalKind::Safety,
        what: "nothing was restored: whoever is let in by a group does not choose a password file".into(),
        hint: Some("restore to the server that is dumped, or have the engine's own user do it".into()),
    }
}

pub(super) fn usage(what: String, hint: Option<String>) -> Refusal {
    Refusal { kind: RefusalKind::Usage, what, hint }
}
