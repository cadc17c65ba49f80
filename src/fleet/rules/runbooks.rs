//! Runbooks and their steps.

use super::{Places, repeated, way};
use crate::fleet::Fleet;
use crate::fleet::check::CheckKind;
use crate::fleet::report::Report;
use crate::fleet::runbook::{Each, OnError, Place, Runbook, Step, StepKind};
use crate::fleet::template::placeholders;

/// How the steps between two hosts are called.
const GATE: &str = "gate";

pub(super) fn check(fleet: &Fleet, places: &Places<'_>, report: &mut Report) {
    for runbook in &fleet.runbooks {
        for (at, name) in repeated(runbook.steps.iter().map(|step| step.name.as_str())) {
            let place = places.of(way!["runbooks", &runbook.name, "steps", at, "name"]);
            report.error(place, format!("`{}` has two steps named `{name}`", runbook.name));
        }
        for (at, step) in runbook.steps.iter().enumerate() {
            times(runbook, at, step, places, report);
        }
        undo(runbook, places, report);
        cleanup(runbook, places, report);
        each(fleet, runbook, places, report);
    }
}

fn times(runbook: &Runbook, at: usize, step: &Step, places: &Places<'_>, report: &mut Report) {
    let place = |key: &str| places.of(way!["runbooks", &runbook.name, "steps", at, key]);
    match &step.kind {
        StepKind::Wait { within, check, .. } => {
            if step.timeout < *within {
                let message = format!("the step ends after {:?}, before `within` of {within:?} is over", step.timeout);
                report.error(place("timeout"), message).hint("a wait step needs no `timeout`: its `within` ends it");
            }
            if check.timeout() > *within {
                let message = format!("one try of the check may take {:?}, longer than `within`", check.timeout());
                report.warning(place("within"), message);
            }
        }
        StepKind::Scale { pace, .. } if step.timeout < pace.interval => {
            let message = format!("the step ends after {:?}, before the first `interval` is over", step.timeout);
            report.error(place("timeout"), message).hint("leave `timeout` out: each change ends in time by itself");
        }
        StepKind::Scale { service, to, pace } => {
            if let Some(quorum) = pace.quorum.filter(|quorum| to < quorum) {
                let message = format!("{service} needs {quorum} replicas (its `quorum`), and this leaves {to}");
                report.error(place("to"), message).hint("scale to its quorum or more");
            }
        }
        StepKind::Ask { show: Some(_), .. } if step.on.is_none() => {
            report.error(place("show"), "`show` needs `on`: where the command runs");
        }
        _ => {}
    }
}

/// `on_error = "undo"` where nothing can be undone.
fn undo(runbook: &Runbook, places: &Places<'_>, report: &mut Report) {
    let undoable = |step: &Step| step.undo.is_some() || matches!(step.kind, StepKind::Address { .. });
    for (at, _) in runbook.steps.iter().enumerate().filter(|(_, step)| step.on_error == OnError::Undo) {
        if !runbook.steps.iter().take(at + 1).any(undoable) {
            let place = places.of(way!["runbooks", &runbook.name, "steps", at, "on_error"]);
            report.warning(place, "there is nothing to undo: no step up to this one has an `undo`");
        }
    }
}

/// What must be done may not be left out.
fn cleanup(runbook: &Runbook, places: &Places<'_>, report: &mut Report) {
    for (at, step) in runbook.steps.iter().enumerate().filter(|(_, step)| step.cleanup) {
        let place = |key: &str| places.of(way!["runbooks", &runbook.name, "steps", at, key]);
        if step.on_error == OnError::Continue {
            let message = format!("`{}` is a clean-up: the run may not go on without it", step.name);
            report.error(place("on_error"), message).hint("leave `on_error` out, or take `cleanup` away");
        }
        if step.undo.is_some() {
            report.error(place("undo"), format!("`{}` is a clean-up, which is not undone", step.name));
        }
    }
}

/// Placeholders and places of `each` belong to a runbook that has it, and that runbook to no pool.
fn each(fleet: &Fleet, runbook: &Runbook, places: &Places<'_>, report: &mut Report) {
    let uses = |step: &Step| {
        let on = step.on == Some(Place::Each);
        let check_on = matches!(&step.kind, StepKind::Wait { check_on: Some(Place::Each), .. });
        let named = texts(&step.kind).any(|text| placeholders(text).any(|(_, name)| name.starts_with("each.")));
        on || check_on || named
    };
    let Some(each) = &runbook.each else {
        for (at, step) in runbook.steps.iter().enumerate().filter(|(_, step)| uses(step)) {
            let message =
                format!("`{}` is about the host whose turn it is, and `{}` has no `each`", step.name, runbook.name);
            let finding = report.error(places.of(way!["runbooks", &runbook.name, "steps", at]), message);
            finding.hint(format!("write `each = [\"kv-1\", …]` in [runbooks.{}]", runbook.name));
        }
        return;
    };
    let place = places.of(way!["runbooks", &runbook.name, "each"]);
    match each {
        Each::Labels(labels) => {
            if !fleet.hosts.iter().any(|host| labels.iter().all(|(name, value)| host.labels.get(name) == Some(value))) {
                report
                    .error(place.clone(), "no host carries these labels")
                    .hint("`labels = { role = \"kv\" }` in [hosts.NAME]");
            }
        }
        Each::Named(names) => {
            for (at, name) in repeated(names.iter().map(String::as_str)) {
                let place = places.of(way!["runbooks", &runbook.name, "each", at]);
                report.error(place, format!("`{name}` is there twice"));
            }
        }
        Each::Hosts => {}
    }
    for (at, _) in runbook.steps.iter().enumerate().filter(|(_, step)| step.name == GATE) {
        let place = places.of(way!["runbooks", &runbook.name, "steps", at, "name"]);
        report.error(place, format!("`{GATE}` is what stands between two hosts: name the step otherwise"));
    }
    if !runbook.steps.iter().any(uses) {
        let message = format!("no step of `{}` is about the host whose turn it is", runbook.name);
        report
            .warning(place.clone(), message)
            .hint("`on = \"each\"` runs a step there; `{each.name}` and `{each.address}` name it");
    }
    for pool in &fleet.pools {
        let runs = [Some(&pool.takeover), pool.giveback.as_ref(), pool.drill.as_ref()];
        if runs.into_iter().flatten().any(|name| *name == runbook.name) {
            let message = format!("the pool `{}` runs `{}`, which goes over several hosts", pool.name, runbook.name);
            report.error(place.clone(), message).hint("a pool's runbook is about one failed host and one spare");
        }
    }
}

/// The texts of a step that may hold placeholders.
pub(super) fn texts(kind: &StepKind) -> impl Iterator<Item = &str> {
    let texts: Vec<&str> = match kind {
        StepKind::Command { run } => vec![run],
        StepKind::Address { take, drop, .. } => take.iter().chain(drop).map(String::as_str).collect(),
        StepKind::Compose { folder } => vec![folder],
        StepKind::Dns { record, address, .. } => vec![record, address],
        StepKind::Http { url, .. } => vec![url],
        StepKind::MysqlPromote { url } => vec![&url.url],
        StepKind::Ask { text, show } => std::iter::once(text).chain(show).map(String::as_str).collect(),
        StepKind::Wait { check, .. } => of_check(&check.kind),
        StepKind::Scale { .. } | StepKind::Gate { .. } => Vec::new(),
    };
    texts.into_iter()
}

/// The texts of a check that a step waits for.
fn of_check(kind: &CheckKind) -> Vec<&str> {
    match kind {
        CheckKind::Http { url, contains, .. } => std::iter::once(url).chain(contains).map(String::as_str).collect(),
        CheckKind::Mysql { url, .. } | CheckKind::MysqlReplica { url, .. } | CheckKind::MongoReplica { url, .. } => {
            vec![&url.url]
        }
        CheckKind::Command { run, contains } => std::iter::once(run).chain(contains).map(String::as_str).collect(),
        _ => Vec::new(),
    }
}
