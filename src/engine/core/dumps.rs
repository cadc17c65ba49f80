//! Commands on dumps, each of them a job; and what is said of dumps without being asked.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use super::Core;
use super::commands::{Done, usage};
use crate::dump::report::{Made, MadeResult};
use crate::dump::restore::PHRASE;
use crate::dump::view::{DumpState, DumpView};
use crate::dump::worker::hands::{Pick, Restoring, Trouble};
use crate::engine::command::{Command, Refusal, RefusalKind, Report};
use crate::engine::guest::Who;
use crate::engine::{dumps, feeds};
use crate::fleet::secret::{DatabaseUrl, SecretSource};
use crate::fleet::settings::Event;
use crate::journal::entry::Weight;
use crate::work::jobs::{Handle, Outcome, Request};
use crate::work::view::{Priority, Unit};

/// What was last said of each dump.
#[derive(Debug, Default)]
pub(super) struct Said(BTreeMap<String, Word>);

impl Said {
    /// Forgets dumps that are declared no more.
    pub(super) fn retain(&mut self, declared: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| declared(name));
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Word {
    /// What is wrong with it, if anything is.
    trouble: Option<(DumpState, String)>,
    warnings: Vec<String>,
}

impl Core {
    /// One of the commands on dumps.
    pub(super) fn dump_command(&mut self, who: &Who, command: Command) -> Result<Done, Refusal> {
        match command {
            Command::DumpNow { dump } => self.dump_now(who, dump),
            Command::DumpVerify { dump, pick } => self.dump_verify(who, dump, pick),
            Command::DumpDrill { dump, pick } => self.dump_drill(who, dump, pick),
            Command::DumpRestore { dump, databases, pick, to, dry_run, phrase } => {
                self.dump_restore(who, dump, Restoring { databases, pick, to, dry_run }, &phrase)
            }
            Command::DumpEject { dump } => self.dump_eject(who, dump),
            _ => Err(usage("that is not about a dump".into(), None)),
        }
    }

    fn dump_now(&mut self, who: &Who, dump: String) -> Result<Done, Refusal> {
        let dumps = self.parts.dumps.clone();
        let name = self.dump_named(&dump)?;
        Ok(self.dump_job(who, "dump", &name, "dumping", move |job| async move {
            let made = dumps.make(&dump, Arc::new(job.clone()), job.token().clone()).await?;
            let ok = made.databases.iter().all(|database| database.result != MadeResult::Failed);
            Ok(Outcome { ok, note: said(&made), report: Report::Dumped { made } })
        }))
    }

    fn dump_verify(&mut self, who: &Who, dump: String, pick: Option<Pick>) -> Result<Done, Refusal> {
        let dumps = self.parts.dumps.clone();
        let name = self.dump_named(&dump)?;
        Ok(self.dump_job(who, "verify kits", &name, "checking the kits of", move |job| async move {
            let kits = dumps.verify(&dump, pick, Arc::new(job.clone()), job.token().clone()).await?;
            let bad = kits.kits.iter().filter(|kit| !kit.ok).count();
            let note = match (bad, kits.kits.len()) {
                (0, 1) => "the kit is whole".into(),
                (0, all) => format!("{all} kits are whole"),
                (bad, all) => format!("{bad} of {all} kits not whole"),
            };
            Ok(Outcome { ok: kits.ok, note, report: Report::KitsVerified { kits } })
        }))
    }

    fn dump_drill(&mut self, who: &Who, dump: String, pick: Pick) -> Result<Done, Refusal> {
        let dumps = self.parts.dumps.clone();
        let name = self.dump_named(&dump)?;
        Ok(self.dump_job(who, "drill", &name, "restoring for practice", move |job| async move {
            let drilled = dumps.drill(&dump, pick, Arc::new(job.clone()), job.token().clone()).await?;
            let word = if drilled.ok { "everything is there" } else { "not everything is there" };
            let note = format!("{}: {word}, {:.1} s", drilled.kit, drilled.seconds);
            Ok(Outcome { ok: drilled.ok, note, report: Report::Drilled { drilled } })
        }))
    }

    fn dump_restore(
        &mut self,
        who: &Who,
        dump: String,
        mut restoring: Restoring,
        phrase: &str,
    ) -> Result<Done, Refusal> {
        let name = self.dump_named(&dump)?;
        if !restoring.dry_run && phrase != PHRASE {
            return Err(Refusal {
                kind: RefusalKind::Safety,
                what: format!("nothing was restored: {PHRASE} was not typed"),
                hint: Some(format!("look at it with --dry-run first, then type {PHRASE}")),
            });
        }
        self.password_of(&dump, &mut restoring.to);
        let dumps = self.parts.dumps.clone();
        let (kind, said) = if restoring.dry_run {
            ("restore dry run", "looking what would be restored of")
        } else {
            ("restore", "restoring")
        };
        Ok(self.dump_job(who, kind, &name, said, move |job| async move {
            let restored = dumps.restore(&dump, restoring, Arc::new(job.clone()), job.token().clone()).await?;
            let count = restored.databases.len();
            let databases = if count == 1 { "1 database".into() } else { format!("{count} databases") };
            let note = match (restored.dry_run, restored.ok) {
                (true, true) => format!("{databases} of {} would be restored to {}", restored.kit, restored.to),
                (true, false) => format!("{} could not be restored to {}", restored.kit, restored.to),
                (false, true) => format!("{databases} of {} restored to {}", restored.kit, restored.to),
                (false, false) => format!("not everything of {} is at {}", restored.kit, restored.to),
            };
            Ok(Outcome { ok: restored.ok, note, report: Report::Restored { restored } })
        }))
    }

    /// Back to the server that is dumped goes with the password that the fleet file has for it.
    fn password_of(&self, dump: &str, to: &mut DatabaseUrl) {
        let Some(dump) = self.parts.fleet.dumps.iter().find(|known| known.name == dump) else { return };
        let same = |one: &str, other: &str| one.trim_end_matches('/') == other.trim_end_matches('/');
        if to.password == SecretSource::None && same(&to.url, &dump.server.url) {
            to.password = dump.server.password.clone();
        }
    }

    fn dump_eject(&mut self, who: &Who, dump: String) -> Result<Done, Refusal> {
        let dumps = self.parts.dumps.clone();
        let name = self.dump_named(&dump)?;
        Ok(self.dump_job(who, "eject", &name, "letting go of the medium of", move |job| async move {
            let note = dumps.eject(&dump, Arc::new(job.clone()), job.token().clone()).await?;
            Ok(Outcome { ok: true, note, report: Report::Nothing })
        }))
    }

    fn dump_named(&self, dump: &str) -> Result<String, Refusal> {
        self.parts
            .dumps
            .known(dump)
            .map_err(|what| usage(what, Some("`hotspare dump list` shows what there is".into())))
    }

    fn dump_job<F>(
        &mut self,
        who: &Who,
        kind: &'static str,
        dump: &str,
        said: &str,
        work: impl FnOnce(Handle<Report>) -> F + Send + 'static,
    ) -> Done
    where
        F: Future<Output = Result<Outcome<Report>, Trouble>> + Send + 'static,
    {
        let request = Request {
            kind,
            title: dump.to_owned(),
            unit: Unit::Bytes,
            priority: Priority::Normal,
            who: who.name.clone(),
        };
        self.errand(request, "dump", said, work)
    }

    /// Whether this engine makes rounds, as it is now.
    pub(super) fn guide_dumps(&self) {
        self.parts.dumps.may(feeds::elsewhere(&self.parts.lease));
    }

    /// Keeps what is known of dumps for the next engine.
    pub(super) fn keep_dumps(&self) {
        if let Some(known) = self.parts.dumps.news() {
            self.keep(dumps::KNOWN, known);
        }
    }

    /// Says what has changed for the worse or for the better.
    pub(super) fn dumps_seen(&mut self) {
        for view in self.parts.dumps.views() {
            // While a round is under way nobody knows yet whether it is better.
            if matches!(view.state, DumpState::Starting | DumpState::Dumping | DumpState::Elsewhere) {
                continue;
            }
            let trouble = view.state.wrong().then(|| (view.state, view.why.clone().unwrap_or_default()));
            let now = Word { trouble, warnings: view.warnings.clone() };
            let before = self.dumps_said.0.insert(view.name.clone(), now.clone()).unwrap_or_default();
            if now != before {
                self.dump_said(&view, &before, &now);
            }
        }
    }

    fn dump_said(&self, view: &DumpView, before: &Word, now: &Word) {
        let name = &view.name;
        let about = serde_json::json!({ "dump": name, "state": view.state.word(), "kit": view.kit });
        match (&before.trouble, &now.trouble) {
            (Some((was, told)), Some((state, why))) if was == state => {
                // Another database fails, or for another reason: written down, and nobody is called again.
                if told != why && *state != DumpState::Late {
                    let what = format!("dump {name}: {}", state.word());
                    self.note("engine", what, why.clone(), about.clone(), Weight::Warning);
                }
            }
            (_, Some((state, why))) => {
                let what = format!("dump {name}: {}", state.word());
                self.note("engine", what.clone(), why.clone(), about.clone(), Weight::Alarm);
                self.notice(Event::DumpFailed, name, what, why.clone());
            }
            (Some((was, _)), None) => {
                let what = match &view.kit {
                    _ if view.state == DumpState::Ejected => format!("dump {name}: the medium may be taken out"),
                    Some(kit) => format!("dump {name} is good again after it was {}: kit {kit}", was.word()),
                    None => format!("dump {name} is good again after it was {}", was.word()),
                };
                self.note("engine", what, String::new(), about.clone(), Weight::Good);
            }
            (None, None) => {}
        }
        for warning in now.warnings.iter().filter(|warning| !before.warnings.contains(warning)) {
            self.note("engine", format!("dump {name}: {warning}"), String::new(), about.clone(), Weight::Warning);
        }
    }
}

/// `kit 2026-11-20T14-02-11Z: 2 written, 3 unchanged, 1 failed`.
fn said(made: &Made) -> String {
    let count = |result| made.databases.iter().filter(|database| database.result == result).count();
    let counts =
        [(MadeResult::Written, "written"), (MadeResult::Unchanged, "unchanged"), (MadeResult::Failed, "failed")];
    let counts = counts.map(|(result, word)| (count(result), word));
    let said: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    format!("kit {}: {}", made.kit, said.join(", "))
}
