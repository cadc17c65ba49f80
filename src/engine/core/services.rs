//! Commands on services, each of them a job; the maintenance of a host while a service on it is held; and what is said of
//! holds that come to their end.

mod over;

use std::future::Future;
use std::time::Duration;

use super::Core;
use super::commands::{Done, usage};
use crate::clock::Timestamp;
use crate::engine::command::{Command, Refusal, RefusalKind, Report};
use crate::engine::guest::Who;
use crate::fleet::data::Service;
use crate::fleet::nearest;
use crate::service::trouble::Trouble;
use crate::service::view::HoldView;
use crate::service::worker::{Order, module_names};
use crate::work::jobs::{Handle, Outcome, Request};
use crate::work::view::{Priority, Unit};

/// The longest hold: longer ones are forgotten.
const LONGEST: Duration = Duration::from_hours(24 * 7);
/// The longest wait for somebody else's lock.
const PATIENCE: u64 = 600;

impl Core {
    /// One of the commands on services.
    pub(super) fn service_command(&mut self, who: &Who, command: Command) -> Result<Done, Refusal> {
        match command {
            Command::ServiceHold { service, why, until, patience } => {
                self.service_hold(who, &service, &why, until, patience)
            }
            Command::ServiceRelease { service, generation } => {
                // A hold outlives its service's place in the fleet file, so the name is not looked up there.
                let services = self.parts.services.clone();
                let name = service.clone();
                Ok(self.service_job(who, "release", &name, "giving back the locks of", move |_job| async move {
                    let released = services.release(&service, generation).await?;
                    let note = match released.free {
                        Some(true) => "the locks are free, read back".to_owned(),
                        Some(false) => format!("a lock is still held on {}", released.host),
                        None => format!("{} cannot be asked whether they are free", released.host),
                    };
                    Ok(Outcome { ok: released.free == Some(true), note, report: Report::ServiceReleased { released } })
                }))
            }
            Command::ServiceStop { service, module } => {
                let declared = self.service_named(&service)?;
                if let Some(module) = &module {
                    one_of(&declared, module)?;
                }
                let services = self.parts.services.clone();
                let name = service.clone();
                Ok(self.service_job(who, "stop", &name, "stopping modules of", move |job| async move {
                    let tell = |said: &str| job.note(said);
                    let stopped = services.stop(&service, module.as_deref(), &tell, job.token()).await?;
                    let left = stopped.modules.iter().find(|module| !module.gone);
                    let note = left.map_or_else(
                        || "what was to be stopped is gone".to_owned(),
                        |left| format!("{}: {}", left.name, left.said),
                    );
                    Ok(Outcome { ok: left.is_none(), note, report: Report::ServiceStopped { stopped } })
                }))
            }
            Command::ServiceForce { service, phrase } => self.service_force(who, &service, &phrase),
            _ => Err(usage("that is not about a service".into(), None)),
        }
    }

    fn service_hold(
        &mut self,
        who: &Who,
        service: &str,
        why: &str,
        until: Timestamp,
        patience: u64,
    ) -> Result<Done, Refusal> {
        let host = self.service_named(service)?.host;
        let now = self.now();
        if why.trim().is_empty() {
            let hint = Some("say why, for the others".into());
            return Err(usage(format!("the maintenance of {service} has no reason"), hint));
        }
        let span = until.duration_since(now);
        if !span.is_positive() || span.unsigned_abs() > LONGEST {
            let hint = Some("give it a time between a second and 7 days, such as --for 1h".into());
            return Err(usage(format!("the maintenance of {service} would end at {until:.0}"), hint));
        }
        let why = why.trim().to_owned();
        let ticket = self.parts.services.reserve(&Order {
            service: service.to_owned(),
            owner: who.name.clone(),
            why: why.clone(),
            until,
            // Only this task submits jobs: the hold has the number of its job.
            generation: self.jobs.last().saturating_add(1),
            patience: Duration::from_secs(patience.min(PATIENCE)),
        });
        let ticket = ticket.map_err(|trouble| Refusal {
            kind: RefusalKind::Safety,
            what: trouble.to_string(),
            hint: Some("`hotspare service list` shows who holds what".into()),
        })?;
        // Before the first lock is taken: from here on nothing is decided about the host by itself.
        self.guard_host(&host, service, &ticket.view());
        let services = self.parts.services.clone();
        let mut done = self.service_job(who, "maintain", service, "locking", move |job| async move {
            let held = services.hold(ticket, job.token()).await?;
            let count = held.modules.len();
            let locks = if count == 1 { "1 lock is".into() } else { format!("{count} locks are") };
            let note = format!("{locks} held on {} until {:.0}", held.host, held.hold.until);
            Ok(Outcome { ok: true, note, report: Report::ServiceHeld { held: Box::new(held) } })
        });
        done.because(why);
        Ok(done)
    }

    fn service_force(&mut self, who: &Who, service: &str, phrase: &str) -> Result<Done, Refusal> {
        self.service_named(service)?;
        if phrase != service {
            return Err(Refusal {
                kind: RefusalKind::Safety,
                what: format!("nothing was released: {service} was not typed"),
                hint: Some("`hotspare service list` shows who holds its locks; whoever it is may be at work".into()),
            });
        }
        let (services, name) = (self.parts.services.clone(), service.to_owned());
        Ok(self.service_job(who, "force release", service, "releasing by force", move |job| async move {
            let released = services.force(&name, job.token()).await?;
            let who: Vec<String> =
                released.ended.iter().map(|holder| format!("pid {} was ended", holder.pid)).collect();
            let free = if released.free == Some(true) { "the locks are free" } else { "a lock is still held" };
            let note = who.into_iter().chain([free.to_owned()]).collect::<Vec<_>>().join(", ");
            Ok(Outcome { ok: released.free == Some(true), note, report: Report::ServiceReleased { released } })
        }))
    }

    fn service_named(&self, name: &str) -> Result<Service, Refusal> {
        let known = self.parts.services.known(name);
        known.map_err(|what| usage(what, Some("`hotspare service list` shows what there is".into())))
    }

    fn service_job<F>(
        &mut self,
        who: &Who,
        kind: &'static str,
        service: &str,
        said: &str,
        work: impl FnOnce(Handle<Report>) -> F + Send + 'static,
    ) -> Done
    where
        F: Future<Output = Result<Outcome<Report>, Trouble>> + Send + 'static,
    {
        let request = Request {
            kind,
            title: service.to_owned(),
            unit: Unit::Items,
            priority: Priority::Urgent,
            who: who.name.clone(),
        };
        self.errand(request, "service", said, work)
    }

    /// Puts the host of a hold into maintenance, unless somebody has it there already for another reason.
    fn guard_host(&mut self, host: &str, service: &str, hold: &HoldView) {
        let Some(view) = self.guards.begin(host, service, hold, self.maintenance.all().get(host)) else { return };
        self.maintenance.begin(host, view);
        self.parts.hosts.maintain(host, self.maintenance.all().get(host));
        self.keep_maintenance();
    }

    /// Somebody works on a service in the belief that it is locked: an engine that stops would give it back.
    pub(super) fn nothing_held(&self, force: bool) -> Result<(), Refusal> {
        match self.parts.services.holds().first() {
            Some((service, host, hold)) if !force => Err(Refusal {
                kind: RefusalKind::Safety,
                what: format!("{service} on {host} is held by {}: {}", hold.owner, hold.why),
                hint: Some("wait for them, or stop with --force, which gives its locks back".into()),
            }),
            _ => Ok(()),
        }
    }
}

/// Whether a service has this module, by its name or its pid file; otherwise which it has.
fn one_of(service: &Service, module: &str) -> Result<(), Refusal> {
    let names = module_names(service);
    if names.iter().chain(&service.pid_files).any(|known| known == module) {
        return Ok(());
    }
    let meant = nearest(module, names.iter().map(String::as_str)).map(|near| format!("did you mean {near}? "));
    let there = if names.is_empty() { "no pid files".into() } else { names.join(", ") };
    let hint = format!("{}{} has {there}", meant.unwrap_or_default(), service.name);
    Err(usage(format!("service {} has no module {module}", service.name), Some(hint)))
}
