//! Services: whether their pid files are there, whether the host has what locks them, and whether somebody has them locked.

use super::{Bag, Examination, bad, good, risk};
use crate::engine::command::Finding;
use crate::fleet::data::Service;
use crate::service::hold::MOST;
use crate::service::look::{self, Seen};
use crate::service::view::ModuleState;

pub(super) fn examinations(bag: &Bag) -> Vec<Examination> {
    let services = bag.fleet.services.iter().filter(|service| !service.pid_files.is_empty());
    let examination = |service: &Service| {
        let (bag, service) = (bag.clone(), service.clone());
        let subject = format!("service {}", service.name);
        Examination::new(subject.clone(), async move {
            let Some(host) = bag.fleet.host(&service.host) else { return Vec::new() };
            match look::look(bag.prober.ssh(), &host.ssh, &service, bag.clock.now()).await {
                Ok(seen) => findings(&subject, &service, &seen),
                Err(trouble) => vec![bad(&subject, trouble.to_string(), format!("try it by hand: ssh {}", host.ssh))],
            }
        })
    };
    services.map(examination).collect()
}

fn findings(subject: &str, service: &Service, seen: &Seen) -> Vec<Finding> {
    let mut list = Vec::new();
    if let Some(missing) = look::missing(service, seen) {
        list.push(bad(subject, missing, "correct pid_files; relative paths begin in the login folder"));
    }
    let count = service.pid_files.len();
    if count > MOST {
        let found = format!("has {count} pid files, and at most {MOST} are locked together");
        list.push(bad(subject, found, "make two services of it"));
    }
    let has = |tool: &str| seen.tools.iter().any(|known| known == tool);
    if !["flock", "perl", "python3"].into_iter().any(has) {
        let found = format!("{} has neither flock nor perl nor python3: nothing can be locked", service.host);
        list.push(bad(subject, found, format!("on {}: apt-get install util-linux", service.host)));
    }
    if !has("ps") {
        let found = format!("{} has no ps: what its modules are is not seen", service.host);
        list.push(risk(subject, found, format!("on {}: apt-get install procps", service.host)));
    }
    if !seen.proves {
        let found = format!("{} cannot say who holds a lock", service.host);
        list.push(risk(subject, found, format!("on {}: install lsof", service.host)));
    }
    for holder in seen.holders() {
        let found = format!("is locked: nothing restarts its modules; by {}", holder.said());
        list.push(risk(subject, found, "wait for them; if it was forgotten: hotspare service release --force"));
    }
    if list.is_empty() {
        let running = seen.modules.iter().filter(|module| module.state == ModuleState::Running).count();
        let files =
            if count == 1 { "its pid file is there".into() } else { format!("its {count} pid files are there") };
        list.push(good(subject, format!("{files}, {running} of {count} modules run, nobody has it locked")));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::engine::command::Grade;

    #[test]
    fn a_host_without_any_program_that_locks_is_bad() {
        let service = Service {
            name: "judicator".into(),
            host: "kv-1".into(),
            pid_files: vec!["main.pid".into()],
            logs: None,
            docker: None,
            quorum: None,
            shrink_interval: std::time::Duration::ZERO,
        };
        let seen = |tools: &[&str]| Seen {
            at: Timestamp::UNIX_EPOCH,
            modules: Vec::new(),
            near: Vec::new(),
            tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
            proves: true,
        };
        let grades = |tools: &[&str]| -> Vec<Grade> {
            findings("s", &service, &seen(tools)).into_iter().map(|finding| finding.grade).collect()
        };
        assert_eq!(grades(&["perl", "ps"]), [Grade::Good]);
        assert_eq!(grades(&["python3"]), [Grade::Risk]);
        assert_eq!(grades(&["ps"]), [Grade::Bad]);
    }
}
