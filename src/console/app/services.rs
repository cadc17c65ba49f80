//! Wishes about services: which service is meant, the questions that come first, and the shell that follows a hold.

use super::{App, Effect};
use crate::clock::Timestamp;
use crate::console::action::Action;
use crate::console::format;
use crate::console::modal::ask::{Ask, Field};
use crate::console::modal::confirm::Confirm;
use crate::console::page::serviced::{module_lines, module_words};
use crate::console::shell::{Work, Worked};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::{Accepted, Command};
use crate::fleet::units;
use crate::service::view::{HoldState, ServiceView};
use crate::work::view::JobId;

/// How long a lock of somebody else is waited for, seconds.
const PATIENCE: u64 = 10;

/// Columns that a question has for its lines where the screen has 80.
const ROOM: usize = 74;

/// A hold that was asked for here.
#[derive(Debug)]
pub(super) struct Asked {
    service: String,
    job: JobId,
    /// It was said that its shell waits.
    waits: bool,
}

impl App {
    /// The service that a wish is about: what is named, what is selected, else the only one.
    fn service_target(&self, argument: Option<&str>) -> Result<&ServiceView, String> {
        let newest = &self.world.newest;
        if let Some(name) = argument {
            return newest.service(name).map(AsRef::as_ref).ok_or_else(|| format!("no service is called `{name}`"));
        }
        let here = self.pages.last().and_then(|open| open.page.service()).and_then(|(name, _)| newest.service(name));
        let only = || newest.services.first().filter(|_| newest.services.len() == 1);
        here.or_else(only).map(AsRef::as_ref).ok_or_else(|| "no service is selected".into())
    }

    /// Why this cannot be done with a service now.
    pub(super) fn not_of_service(&self, action: Action, argument: Option<&str>) -> Option<String> {
        if let Some(why) = self.world.unreachable() {
            return Some(why);
        }
        let service = match self.service_target(argument) {
            Ok(service) => service,
            Err(why) => return Some(why),
        };
        let name = &service.name;
        match (action, &service.hold) {
            (Action::MaintainService, Some(hold)) => Some(format!("{name} is held by {}", hold.owner)),
            (Action::MaintainService, None) if service.modules.is_empty() => Some(format!("{name} has no pid files")),
            (Action::Release | Action::StopModule, None) => Some(format!("{name} is not held here")),
            (Action::ForceRelease, None) if service.holders().is_empty() => Some(format!("nobody holds {name}")),
            _ => None,
        }
    }

    /// Asks what is needed for a wish about a service.
    pub(super) fn service_wish(&mut self, action: Action, argument: Option<&str>) {
        let service = match self.service_target(argument) {
            Ok(service) => service.clone(),
            Err(why) => return self.say(Meaning::Warn, why, None),
        };
        match action {
            Action::MaintainService => self.maintain_service(&service),
            Action::Release => {
                let mut lines = about(&service);
                lines.push(String::new());
                lines.push("Its boot program starts again what is stopped, and alarms are raised again.".into());
                let command = Command::ServiceRelease { service: service.name.clone(), generation: None };
                let title = format!("Give the locks of {} back?", service.name);
                self.modals.push(Box::new(Confirm::button(title, lines, " Release ", vec![command])));
            }
            Action::StopModule => {
                let selected = self.pages.last().and_then(|open| open.page.service());
                let module = selected.filter(|(name, _)| *name == service.name).and_then(|(_, module)| module);
                let question = stop(&service, module);
                self.modals.push(Box::new(question));
            }
            _ => {
                let mut lines = about(&service);
                lines.push(String::new());
                lines.push(
                    "The process that has the locks is ended, after it was proven twice to have them. Whoever it is may be \
                     at work: their shell stays, and the boot program starts what they stopped."
                        .into(),
                );
                let name = service.name.clone();
                let command = Command::ServiceForce { service: name.clone(), phrase: name.clone() };
                let title = format!("Release {name} by force?");
                self.modals.push(Box::new(Confirm::typed(title, lines, name, " End it ", vec![command])));
            }
        }
    }

    fn maintain_service(&mut self, service: &ServiceView) {
        let mut lines: Vec<String> = service.modules.iter().flat_map(|module| module_lines(module, ROOM)).collect();
        lines.push(String::new());
        lines.push(format!(
            "All of their locks are taken, or none. Then your shell on {} has this terminal; when you leave it, the locks are \
             given back and the console is here again. Nothing is decided about {} by itself meanwhile.",
            service.host, service.host
        ));
        let fields = vec![Field::new("why", "", ""), Field::new("for", "30m, 2h, 1d", "1h")];
        let title = format!("Maintenance of {} on {}?", service.name, service.host);
        self.modals.push(Box::new(Ask::new(title, lines, vec![service.name.clone()], fields, made)));
    }

    /// A hold that was asked for here is on its way.
    pub(super) fn service_asked(&mut self, command: &Command, accepted: &Accepted) {
        if let (Command::ServiceHold { service, .. }, Some(job)) = (command, accepted.job) {
            self.asked = Some(Asked { service: service.clone(), job, waits: false });
        }
    }

    /// Gives the terminal to the shell when the locks are held and nothing is being typed, or forgets it where they were
    /// not given.
    pub(super) fn open_shell(&mut self) {
        let Some(Asked { service, job, .. }) = &self.asked else { return };
        let newest = &self.world.newest;
        if newest.jobs.iter().any(|view| view.id == *job && view.state.ended() && view.error.is_some()) {
            let error = newest.jobs.iter().find(|view| view.id == *job).and_then(|view| view.error.clone());
            self.asked = None;
            return self.say(Meaning::Bad, error.unwrap_or_default(), None);
        }
        let Some(view) = newest.service(service) else { return };
        let mine = view.hold.as_ref().filter(|hold| hold.generation == job.0 && hold.state == HoldState::Held);
        let (Some(stands), Some(on)) = (mine, newest.host(&view.host)) else { return };
        if !self.modals.is_empty() {
            let text = format!("the locks of {} are held: your shell follows when this is closed", view.name);
            return self.let_shell_wait(text);
        }
        let mut before = vec![format!(
            "hotspare: {} on {}: held until {}: {}",
            view.name,
            view.host,
            format::second(stands.until, &self.world.zone),
            stands.why
        )];
        before.extend(view.modules.iter().map(|module| format!("  {}", module_words(module))));
        before.push(format!("hotspare: your shell on {} follows; leave it to give the locks back", view.host));
        let work = Work {
            service: view.name.clone(),
            host: view.host.clone(),
            ssh: on.ssh.clone(),
            hold: stands.clone(),
            words: before,
        };
        self.asked = None;
        self.effects.push(Effect::Shell(work));
    }

    /// What is typed into a question would go to the shell instead: it waits, and says so once.
    fn let_shell_wait(&mut self, text: String) {
        let said = self.asked.as_mut().map(|asked| std::mem::replace(&mut asked.waits, true));
        if said == Some(false) {
            self.say(Meaning::Info, text, None);
        }
    }

    /// The shell has ended: the locks go back.
    pub fn worked(&mut self, work: &Work, worked: Result<Worked, String>) {
        match worked {
            Err(why) => {
                let hint = Some("apt-get install openssh-client".into());
                self.say(Meaning::Bad, format!("ssh cannot be started: {why}"), hint);
            }
            Ok(Worked { lost: Some(lost), .. }) => {
                let text = format!("the locks of {} did not last until the end: {lost}", work.service);
                self.say(Meaning::Bad, text, Some("look what its modules did meanwhile".into()));
                return;
            }
            Ok(Worked { status: Some(255), .. }) => {
                let text = format!("ssh {} ended with 255: no connection, or it broke", work.ssh);
                self.say(Meaning::Bad, text, None);
            }
            Ok(_) => {}
        }
        let generation = Some(work.hold.generation);
        self.send(Command::ServiceRelease { service: work.service.clone(), generation });
    }
}

/// Who holds it.
fn about(service: &ServiceView) -> Vec<String> {
    let mut lines = vec![format!("{} on {}", service.name, service.host)];
    if let Some(hold) = &service.hold {
        lines.push(format!("held by {}: {}", hold.owner, hold.why));
    }
    let strange = service.holders().into_iter().filter(|holder| service.hold.is_none() || holder.mark.is_none());
    lines.extend(strange.map(|holder| format!("held by {}", holder.said())));
    lines
}

fn stop(service: &ServiceView, module: Option<&str>) -> Confirm {
    let meant = service.modules.iter().filter(|one| module.is_none_or(|name| one.name == name));
    let mut lines: Vec<String> = meant.flat_map(|module| module_lines(module, ROOM)).collect();
    lines.push(String::new());
    lines.push(
        "Each that lives is interrupted, and once more after a minute. It is never killed; its locks keep the boot program \
         from starting it again until they are released."
            .into(),
    );
    let (what, phrase) = match module {
        Some(module) => (format!("module {module} of {}", service.name), module.to_owned()),
        None => (format!("every module of {}", service.name), service.name.clone()),
    };
    let command = Command::ServiceStop { service: service.name.clone(), module: module.map(ToOwned::to_owned) };
    Confirm::typed(format!("Stop {what}?"), lines, phrase, " Stop ", vec![command])
}

fn made(services: &[String], typed: &[&str], world: &World) -> Result<Vec<Command>, (usize, String)> {
    let [why, span] = typed else { return Err((0, "reason and duration are needed".into())) };
    if why.is_empty() {
        return Err((0, "say why: others will want to know".into()));
    }
    let span = units::duration(span).map_err(|error| (1, error.to_string()))?;
    if span.is_zero() {
        return Err((1, "longer than that".into()));
    }
    let until: Timestamp = world.now.saturating_add(span).unwrap_or(Timestamp::MAX);
    let hold = |service: &String| Command::ServiceHold {
        service: service.clone(),
        why: (*why).to_owned(),
        until,
        patience: PATIENCE,
    };
    Ok(services.iter().map(hold).collect())
}
