//! What happens without being asked for: pulses, changed files, ended jobs, hosts that go and come.

use std::sync::Arc;

use super::Core;
use super::runs::of_people;
use crate::engine::file::{self, Parsed};
use crate::engine::freeze::Change;
use crate::engine::guest::Count;
use crate::engine::hosts::Told;
use crate::engine::notify::Notice;
use crate::engine::pools;
use crate::fleet::settings::{Event, Linger};
use crate::health::view::Health;
use crate::health::worker::HostChange;
use crate::journal::entry::{Chain, Weight};
use crate::work::view::{JobState, JobView, Priority};

/// What went well in the background is told once in so long.
const SUMMED_UP: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Core {
    pub(super) fn pulse(&mut self) {
        let clock = &self.parts.clock;
        match self.watchdog.pulse(clock.tick(), clock.now()) {
            Some(Change::Frozen(freeze)) => {
                let about = serde_json::json!({ "frozen": true, "until": freeze.until });
                let what = "automatic decisions are suspended for 30 s";
                self.parts.pools.freeze(Some(freeze.why.clone()));
                self.note("engine", what, freeze.why, about, Weight::Warning);
            }
            Some(Change::Thawed) => {
                self.parts.pools.freeze(None);
                let about = serde_json::json!({ "frozen": false });
                self.note("engine", "automatic decisions may be taken again", "", about, Weight::Good);
            }
            None => {}
        }
        self.end_overdue_maintenance();
        self.runs_wait();
        self.keep_feeds();
        self.keep_dumps();
        if !self.parts.quiet {
            self.verify_again();
        }
    }

    pub(super) fn end_overdue_maintenance(&mut self) {
        for (host, view) in self.guards.overdue(self.maintenance.all(), self.now()) {
            self.maintenance.begin(&host, view);
            self.parts.hosts.maintain(&host, self.maintenance.all().get(&host));
            self.keep_maintenance();
        }
        let over = self.maintenance.expire(self.now());
        for (host, view) in &over {
            self.note(
                "engine",
                format!("the time of the maintenance of {host} is over: it counts again, and nothing was done to it"),
                format!("begun by {} ({})", view.owner, view.why),
                serde_json::json!({ "host": host, "maintenance": false }),
                Weight::Warning,
            );
            self.counts_again(host);
        }
        if !over.is_empty() {
            self.keep_maintenance();
        }
    }

    /// Ends the maintenance of a host. One that is down was so quietly until now.
    pub(super) fn counts_again(&mut self, host: &str) {
        self.parts.hosts.maintain(host, None);
        let Some(view) = self.parts.hosts.views().into_iter().find(|view| view.name == host) else { return };
        if view.health == Health::Down && self.news.down_after_all(host) {
            let (what, why) = (format!("{host} is down"), view.why.clone().unwrap_or_default());
            let about = serde_json::json!({ "host": host, "from": "maintenance", "to": "down" });
            self.note("engine", what.clone(), why.clone(), about, Weight::Alarm);
            self.notice(Event::HostDown, host, what, why);
        }
    }

    pub(super) fn reload(&mut self, parsed: Parsed, who: &str) {
        match parsed {
            Ok(fleet) if fleet == *self.parts.fleet => {
                let recovered = !self.file.refused.is_empty();
                self.file.refused.clear();
                self.file.read = self.now();
                if recovered {
                    self.told_of_file(
                        who,
                        "the fleet file is whole again and says what is in force",
                        "",
                        "read",
                        Weight::Good,
                    );
                }
            }
            Ok(fleet) if fleet.name != self.parts.fleet.name => {
                let why = format!(
                    "the name of the fleet changed from {} to {}, and the state folder is chosen by it: stop this engine first",
                    self.parts.fleet.name, fleet.name
                );
                self.refuse_file(who, vec![why]);
            }
            Ok(fleet) => {
                self.parts.fleet = Arc::new(fleet);
                self.parts.outlet.want(self.parts.fleet.engine.metrics);
                let _closed_or_busy = self.parts.journal.limit(self.parts.fleet.engine.journal);
                self.parts.door.set(&self.parts.fleet.engine.groups);
                self.parts.hosts.replace(&self.parts.fleet);
                self.parts.sessions.replace(&self.parts.fleet);
                self.parts.pools.reload(&pools::calm(&self.parts.fleet, self.parts.quiet));
                self.parts.feeds.reload(&self.parts.fleet);
                self.parts.dumps.reload(&self.parts.fleet);
                self.parts.services.reload(&self.parts.fleet);
                self.parts.logs.reload(&self.parts.fleet);
                self.parts.configs.reload(&self.parts.fleet);
                self.parts.hosts.maintain_all(self.maintenance.all());
                self.forget_absent();
                self.file.refused.clear();
                self.file.read = self.now();
                self.file.runbooks = of_people(&self.parts.fleet);
                let hosts = self.parts.fleet.hosts.len();
                let what = format!("the fleet file was read and is in force: {hosts} hosts");
                self.told_of_file(who, &what, "it changed", "read", Weight::Note);
            }
            Err(errors) => self.refuse_file(who, errors.iter().map(file::in_one_line).collect()),
        }
    }

    fn refuse_file(&mut self, who: &str, refused: Vec<String>) {
        let why = refused.join("\n");
        self.file.refused = refused;
        self.told_of_file(
            who,
            "the new fleet file is refused; the last good one stays in force",
            &why,
            "refused",
            Weight::Warning,
        );
    }

    /// What was told of hosts, feeds and dumps that are declared no more: whoever comes back with its trouble is told of again.
    fn forget_absent(&mut self) {
        let fleet = &self.parts.fleet;
        self.news.retain(|host| fleet.host(host).is_some());
        self.feeds_said.retain(|feed| fleet.feeds.iter().any(|known| known.name == feed));
        self.dumps_said.retain(|dump| fleet.dumps.iter().any(|known| known.name == dump));
    }

    fn told_of_file(&self, who: &str, what: &str, why: &str, word: &str, weight: Weight) {
        let about = serde_json::json!({ "fleet_file": word, "path": self.parts.file });
        self.note(who, what, why, about, weight);
    }

    pub(super) fn job_ended(&mut self, job: &JobView) {
        self.keep_open_jobs();
        let (name, about) =
            (format!("job {} ({})", job.id, job.kind), serde_json::json!({ "job": job.id, "state": job.state }));
        match job.state {
            JobState::Failed => {
                let why = job.error.clone().unwrap_or_default();
                self.note("engine", format!("{name} failed"), why.clone(), about, Weight::Alarm);
                self.notice(Event::JobFailed, &job.id.to_string(), format!("{name} failed"), why);
            }
            JobState::Cancelled => {
                self.note("engine", format!("{name} was cancelled"), "", about, Weight::Note);
            }
            // One entry a copy would drive out of the journal what people have done.
            JobState::Done if job.priority == Priority::Background => self.done_again(),
            _ => {
                self.note(
                    "engine",
                    format!("{name} is done"),
                    job.note.clone().unwrap_or_default(),
                    about,
                    Weight::Note,
                );
            }
        }
    }

    /// A copy was verified again and is as it was: told once a day for all of them.
    fn done_again(&mut self) {
        let now = self.now();
        let (since, count) = self.again.get_or_insert((now, 0));
        *count += 1;
        if now.duration_since(*since) < SUMMED_UP {
            return;
        }
        let (since, count) = (*since, *count);
        self.again = None;
        let copies = if count == 1 { "1 copy was".to_owned() } else { format!("{count} copies were") };
        let what = format!("{copies} verified again in the background since {since:.0}");
        let about = serde_json::json!({ "verified_again": count });
        self.note("engine", what, "each is as it was", about, Weight::Note);
    }

    /// Journals a change of belief, and tells whom the fleet file names.
    pub(super) fn host_changed(&mut self, changed: &HostChange) {
        let told = self.news.of(changed);
        if told == Told::Nothing {
            return;
        }
        let (host, change) = (&changed.host, &changed.change);
        let quietly = if changed.in_maintenance { " (in maintenance)" } else { "" };
        let what = format!("{host} is {}{quietly}", change.to.word());
        let why = changed.evidence.clone().or_else(|| change.why.clone()).unwrap_or_default();
        let about = serde_json::json!({ "host": host, "from": change.from.word(), "to": change.to.word() });
        self.note("engine", what.clone(), why.clone(), about, changed.weight);
        match told {
            Told::Down => self.notice(Event::HostDown, host, what, why),
            Told::Back => self.notice(Event::HostUp, host, what, why),
            Told::Entry | Told::Nothing => {}
        }
    }

    pub(super) fn notice(&self, event: Event, subject: &str, what: String, why: String) {
        let notice = Notice {
            event,
            fleet: self.parts.fleet.name.clone(),
            time: self.now(),
            subject: subject.to_owned(),
            what,
            why,
        };
        self.herald.tell(&self.parts.fleet.notify, &notice, &self.parts.journal);
    }

    pub(super) fn verdict(&mut self, chain: Chain) {
        if let Chain::Broken { at, why } = &chain
            && self.chain != chain
        {
            let what = format!("the journal's chain breaks at entry {at}");
            self.note("engine", what, why.clone(), serde_json::json!({ "chain": "broken", "at": at }), Weight::Alarm);
        }
        self.chain = chain;
    }

    /// The metrics cannot be served where they are wanted, or they are again.
    pub(super) fn outlet_told(&self, trouble: Option<String>) {
        let about = serde_json::json!({ "metrics": if trouble.is_none() { "served" } else { "not served" } });
        match trouble {
            Some(why) => self.note("engine", "nobody can read the metrics", why, about, Weight::Alarm),
            None => self.note("engine", "nothing stands in the way of the metrics any more", "", about, Weight::Good),
        };
    }

    /// Checks the chain beside everything else, without a job: it is part of starting.
    pub(super) fn verify_quietly(&self) {
        let (journal, verdicts, stop) = (self.parts.journal.clone(), self.verdicts.clone(), self.parts.stop.clone());
        tokio::task::spawn_blocking(move || match journal.verify(|_, _| !stop.is_cancelled()) {
            Ok(Some(chain)) => {
                let _engine_ends = verdicts.blocking_send(chain);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the journal's chain is not verified"),
        });
    }

    /// Ends the engine when its last guest left, no job runs, and the fleet file says so.
    pub(super) fn guests(&mut self, count: Count) {
        let here = if self.parts.detached { count.guests } else { count.consoles };
        let left = here == 0 && self.most_guests > 0;
        self.most_guests = self.most_guests.max(here);
        let fleet = &self.parts.fleet;
        let idle =
            fleet.hosts.is_empty() && fleet.feeds.is_empty() && fleet.dumps.is_empty() && fleet.sessions.is_empty();
        let goes = match fleet.engine.linger {
            Linger::Always => false,
            Linger::Never => true,
            Linger::Auto => idle,
        };
        if left && goes && self.jobs.awaited() == 0 && self.nothing_held(false).is_ok() {
            let about = serde_json::json!({ "engine": "stopping" });
            self.note("engine", "the engine stops: the last console left", "linger", about, Weight::Note);
            self.parts.stop.cancel();
        }
    }
}
