//! Runbooks and their steps.

use super::{Places, repeated, way};
use crate::fleet::Fleet;
use crate::fleet::report::Report;
use crate::fleet::runbook::{OnError, Runbook, Step, StepKind};

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
        StepKind::Scale { interval, .. } if step.timeout < *interval => {
            let message = format!("the step ends after {:?}, before the first `interval` is over", step.timeout);
            report
                .error(place("timeout"), message)
                .hint("leave `timeout` out: it then grows with the number of changes");
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

/// The texts of a step that may hold placeholders.
pub(super) fn texts(kind: &StepKind) -> impl Iterator<Item = &str> {
    let texts: Vec<&str> = match kind {
        StepKind::Command { run } => vec![run],
        StepKind::Address { take, drop, .. } => take.iter().chain(drop).map(String::as_str).collect(),
        StepKind::Compose { folder } => vec![folder],
        StepKind::Dns { record, address, .. } => vec![record, address],
        StepKind::Http { url, .. } => vec![url],
        StepKind::MysqlPromote { url } => vec![&url.url],
        StepKind::Ask { text } => vec![text],
        StepKind::Wait { .. } | StepKind::Scale { .. } => Vec::new(),
    };
    texts.into_iter()
}
