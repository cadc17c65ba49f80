//! Each: a runbook over several hosts, spread into one plain list of steps. Pure.
//!
//! One host after the other: its steps, each under the name `step@host`, and then a gate: nothing is begun on the next host
//! before every host passes its vital checks. A gate stands before the first host too, because rolling work on a fleet that
//! is not whole takes away what is left of it.

use crate::fleet::Fleet;
use crate::fleet::host::Host;
use crate::fleet::runbook::{Each, OnError, Runbook, Step, StepKind};

/// Name of the step between two hosts; after a host it is `gate@host`.
pub const GATE: &str = "gate";

/// The runbook as one list of steps; one without `each` is that already. The error says why there is nothing to spread
/// over.
pub fn spread(runbook: &Runbook, fleet: &Fleet) -> Result<Runbook, String> {
    let Some(each) = &runbook.each else { return Ok(runbook.clone()) };
    let hosts = hosts(each, fleet)?;
    if hosts.is_empty() {
        return Err(format!("no host of {} is meant by `each` of {}", fleet.name, runbook.name));
    }
    let gate = gate(runbook, fleet, &hosts);
    let mut steps = vec![gate.clone()];
    for host in &hosts {
        let at = |step: &Step| Step {
            name: format!("{}@{}", step.name, host.name),
            each: Some(host.name.clone()),
            ..step.clone()
        };
        steps.extend(runbook.steps.iter().map(at));
        steps.push(at(&gate));
    }
    Ok(Runbook { each: None, steps, ..runbook.clone() })
}

fn hosts<'a>(each: &Each, fleet: &'a Fleet) -> Result<Vec<&'a Host>, String> {
    match each {
        Each::Named(names) => {
            let find = |name: &String| fleet.host(name).ok_or_else(|| format!("the fleet has no host {name}"));
            names.iter().map(find).collect()
        }
        Each::Hosts => Ok(fleet.hosts.iter().collect()),
        Each::Labels(labels) => {
            let carries = |host: &&Host| labels.iter().all(|(name, value)| host.labels.get(name) == Some(value));
            Ok(fleet.hosts.iter().filter(carries).collect())
        }
    }
}

fn gate(runbook: &Runbook, fleet: &Fleet, hosts: &[&Host]) -> Step {
    let named = runbook.gate.service.as_ref();
    let service = named.and_then(|name| fleet.services.iter().find(|known| known.name == *name));
    let service = service.map(|known| (known.docker_name().to_owned(), known.host.clone(), known.quorum));
    let within = runbook.gate.within;
    let hosts = hosts.iter().map(|host| host.name.clone()).collect();
    Step {
        name: GATE.into(),
        kind: StepKind::Gate { hosts, within, service },
        on: None,
        fence: false,
        timeout: within,
        retries: 0,
        on_error: OnError::Stop,
        drill: true,
        undo: None,
        cleanup: false,
        each: None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fleet::load;
    use crate::runbook::cast::{Cast, Purpose};
    use crate::runbook::plan::{Spot, plan};

    fn fleet(each: &str) -> Fleet {
        let text = format!(
            r#"
            name = "f"
            [hosts.a]
            address = "192.0.2.1"
            labels = {{ role = "kv" }}
            [hosts.b]
            address = "192.0.2.2"
            labels = {{ role = "kv" }}
            [hosts.c]
            address = "192.0.2.3"
            [services.web]
            host = "c"
            docker = "www"
            quorum = 2
            [runbooks.roll]
            each = {each}
            gate_within = "40s"
            gate_service = "web"
            steps = [
              {{ name = "restart", kind = "command", on = "each", run = "echo {{each.name}} at {{each.address}}" }},
              {{ name = "look", kind = "wait", check = {{ kind = "tcp", port = 22, on = "each" }} }},
            ]
            "#
        );
        let loaded = load(text.as_bytes(), Path::new("/x/hotspare.toml"));
        assert_eq!(loaded.errors().count(), 0, "{:?}", loaded.diagnostics);
        loaded.fleet.expect("a fleet")
    }

    fn spread_over(each: &str) -> Runbook {
        let fleet = fleet(each);
        spread(&fleet.runbooks[0], &fleet).expect("hosts")
    }

    fn names(runbook: &Runbook) -> Vec<&str> {
        runbook.steps.iter().map(|step| step.name.as_str()).collect()
    }

    #[test]
    fn every_host_has_its_steps_and_a_gate_after_them() {
        let expected = ["gate", "restart@b", "look@b", "gate@b", "restart@a", "look@a", "gate@a"];
        assert_eq!(names(&spread_over(r#"["b", "a"]"#)), expected, "in the order that was written");
        let labelled = spread_over(r#"{ role = "kv" }"#);
        assert_eq!(names(&labelled), ["gate", "restart@a", "look@a", "gate@a", "restart@b", "look@b", "gate@b"]);
        assert_eq!(names(&spread_over(r#""hosts""#)).len(), 10);
        let gate = &labelled.steps[0].kind;
        let service = Some(("www".to_owned(), "c".to_owned(), Some(2)));
        let within = std::time::Duration::from_secs(40);
        assert_eq!(*gate, StepKind::Gate { hosts: vec!["a".into(), "b".into()], within, service });
    }

    #[test]
    fn the_host_whose_turn_it_is_fills_places_and_words() {
        let fleet = fleet(r#"["b", "a"]"#);
        let runbook = spread(&fleet.runbooks[0], &fleet).expect("hosts");
        let plan = plan(&runbook, Purpose::Alone, &Cast::of(&fleet, "1")).expect("a plan");
        assert_eq!(plan.steps[1].does(), "echo 'b' at '192.0.2.2'");
        assert_eq!(plan.steps[4].on.as_ref().map(Spot::name), Some("a"));
        assert_eq!(plan.steps[5].does(), "wait for tcp (tcp) of a, at most 60 s");
        let gate = "every vital check of b, a passes, every replica of www is healthy, at most 40 s";
        assert_eq!(plan.steps[3].does(), gate);
    }

    #[test]
    fn a_host_that_left_the_fleet_is_named() {
        let mut fleet = fleet(r#"["b", "a"]"#);
        fleet.hosts.retain(|host| host.name != "a");
        assert_eq!(spread(&fleet.runbooks[0], &fleet), Err("the fleet has no host a".into()));
        let runbook =
            Runbook { each: Some(Each::Labels([("role".into(), "db".into())].into())), ..fleet.runbooks[0].clone() };
        assert_eq!(spread(&runbook, &fleet), Err("no host of f is meant by `each` of roll".into()));
    }
}
