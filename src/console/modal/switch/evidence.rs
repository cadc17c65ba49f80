//! The evidence in the box: what is known of the host, who sees it, who answers for its address, how strong the fence is.

use super::Kind;
use super::told::{Page, said, text};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::page::Line;
use crate::console::pane::pools::words;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::health::observation::Outcome;
use crate::health::view::{Health, HostView};
use crate::runbook::view::{RunReport, RunView, StepState};
use crate::standin::view::{PoolDetail, PoolView, SpareState};

/// What is known of the host: its health, who sees it, who answers for its address, the fence.
pub(super) fn evidence(
    kind: &Kind,
    report: &RunReport,
    pool: Option<&PoolView>,
    detail: Option<&PoolDetail>,
    page: &Page<'_>,
) -> Vec<Line> {
    let run = &report.run;
    let (world, glyphs) = (page.world, page.glyphs);
    let mut lines = Vec::new();
    if let Some(loses) = pool.and_then(|pool| loses(run, pool)) {
        let spare = run.spare.as_deref().unwrap_or("the spare");
        let text =
            format!("{} {loses} loses its stand-in: {spare} stops serving for it, and {loses} waits", glyphs.warn);
        lines.extend(wrap(&text, page.room).into_iter().map(|line| vec![part(Meaning::Bad, line)]));
        lines.push(Vec::new());
    }
    let Some(host) = run.failed.as_deref().and_then(|name| world.newest.host(name)) else { return lines };
    let since = format::moment(host.since, world.now, &world.zone);
    let health = crate::console::pane::hosts::meaning(host.health);
    let mut first = vec![
        plain(format!("{} is ", host.name)),
        part(health, format!("{} {}", glyphs.health(host.health), host.health.word())),
        plain(format!(" since {since}")),
    ];
    if matches!(kind, Kind::Takeover { .. }) && !matches!(host.health, Health::Down) {
        first.push(part(Meaning::Warn, "  it may be alive: its service stops when the fence works"));
    }
    lines.push(first);
    lines.extend(said("  seen by", seen_by(host, detail, glyphs), page.room));
    for owner in pool.iter().flat_map(|pool| &pool.owners) {
        let own = host.service.as_ref().is_some_and(|at| at.split('/').next() == Some(owner.address.as_str()));
        if own {
            lines.extend(said("  address", words::owned(owner, glyphs), page.room));
        }
    }
    if matches!(kind, Kind::Takeover { .. }) {
        let fence = run.steps.iter().find(|step| step.fence);
        let (meaning, words) = match fence {
            None => (Meaning::Warn, "none: no step of the runbook is a fence".to_owned()),
            Some(step) => match (&step.note, step.state) {
                (Some(note), StepState::Refused | StepState::Failed | StepState::Unknown) => {
                    (Meaning::Bad, note.clone())
                }
                (Some(note), _) => (Meaning::Text, note.clone()),
                (None, _) => (Meaning::Text, format!("step {}: {}", step.name, step.does)),
            },
        };
        lines.extend(text("  fence", meaning, &words, page.room));
    }
    lines
}

/// The host that loses its stand-in by this.
fn loses<'a>(run: &RunView, pool: &'a PoolView) -> Option<&'a str> {
    let spare = pool.spares.iter().find(|spare| Some(&spare.name) == run.spare.as_ref())?;
    let serves = spare.standing_in_for.as_ref().filter(|_| spare.state == SpareState::Active)?;
    (Some(serves) != run.failed.as_ref()).then_some(serves.as_str())
}

/// What each pair of eyes sees: the checks of this computer, and the witnesses.
fn seen_by(host: &HostView, detail: Option<&PoolDetail>, glyphs: &Glyphs) -> Vec<Part> {
    let mut parts = vec![plain("console")];
    for check in host.checks.iter().filter(|check| check.vital) {
        let meaning = match check.result {
            Outcome::Pass => Meaning::Good,
            Outcome::Fail => Meaning::Bad,
            Outcome::Unknown => Meaning::Unknown,
        };
        parts.push(part(meaning, format!(" {} {}", glyphs.outcome(check.result), check.name)));
    }
    let Some(detail) = detail else {
        parts.push(dim("   asking the witnesses…"));
        return parts;
    };
    for sight in detail.matrix.iter().filter(|sight| sight.host == host.name && sight.witness != "console") {
        let (meaning, sign) = words::reaches(sight.reaches, glyphs);
        parts.push(part(meaning, format!("   {} {sign}", sight.witness)));
    }
    parts
}
