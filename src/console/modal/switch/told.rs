//! What the box says: the evidence, what would be done, what would be lost; then the run.

use super::Kind;
use super::evidence::evidence;
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::page::{Line, run as lines_of};
use crate::console::pane::lag::{dumps, words as lag};
use crate::console::pane::pools::words;
use crate::console::table::{Part, dim, part, plain, width};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::runbook::view::{RunReport, RunState, RunView};
use crate::standin::view::{PoolDetail, PoolView, Protected};

/// What lines are made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    /// What is drawn.
    pub(super) world: &'a World,
    /// The signs.
    pub(super) glyphs: &'a Glyphs,
    /// Columns.
    pub(super) room: usize,
}

/// Columns of a name before what is said of it.
const NAME: usize = 15;

/// A name, and what is said of it in as many lines as it needs.
pub(super) fn said(name: &str, parts: Vec<Part>, room: usize) -> Vec<Line> {
    let mut lines = vec![vec![dim(format!("{name:<NAME$}"))]];
    for mut part in parts {
        let used = lines.last().map_or(0, |line| width(line));
        if used > NAME && used + width(std::slice::from_ref(&part)) > room {
            lines.push(vec![plain(" ".repeat(NAME))]);
            part.text = part.text.trim_start().to_owned().into();
        }
        if let Some(line) = lines.last_mut() {
            line.push(part);
        }
    }
    lines
}

/// A name, and a text that is broken where it is too long.
pub(super) fn text(name: &str, meaning: Meaning, text: &str, room: usize) -> Vec<Line> {
    let lines = wrap(text, room.saturating_sub(NAME).max(20)).into_iter().enumerate();
    lines
        .map(|(index, line)| vec![dim(format!("{:<NAME$}", if index == 0 { name } else { "" })), part(meaning, line)])
        .collect()
}

/// What is asked, in the title.
pub(super) fn question(kind: &Kind, pool: &str, run: &RunView) -> String {
    let host = run.failed.as_deref().unwrap_or(pool);
    let spare = run.spare.as_deref().unwrap_or("a spare");
    match kind {
        Kind::Takeover { .. } => format!("Take over {host} with {spare}?"),
        Kind::Giveback { .. } => format!("Give {host} its work back from {spare}?"),
        Kind::Drill => format!("Drill of {pool} with {spare}?"),
        Kind::Resume => format!("Go on with the interrupted {} of {host}?", run.purpose.word()),
        Kind::Abandon => format!("Undo the interrupted {} of {host}?", run.purpose.word()),
    }
}

/// What it is about, while nothing is asked.
pub(super) fn title(kind: &Kind, pool: &str, run: Option<&RunView>) -> String {
    let what = match kind {
        Kind::Takeover { .. } => "Takeover",
        Kind::Giveback { .. } => "Giveback",
        Kind::Drill => "Drill",
        Kind::Resume => "Going on",
        Kind::Abandon => "Undoing",
    };
    let asked = match kind {
        Kind::Takeover { failed, .. } => failed.as_deref(),
        Kind::Giveback { host } => host.as_deref(),
        _ => None,
    };
    match run.and_then(|run| run.failed.as_deref()).or(asked) {
        Some(host) => format!("{what} of {host} ({pool})"),
        None => format!("{what} in {pool}"),
    }
}

/// While the dry run is on its way.
pub(super) fn looking() -> Vec<Line> {
    let text = "Every step looks whether it could act, on the real hosts. Nothing is changed.";
    vec![vec![part(Meaning::Info, "looking…")], Vec::new(), vec![dim(text)]]
}

/// The question: evidence, what would be lost, the spare, what will be done.
pub(super) fn found(
    kind: &Kind,
    pool: &str,
    report: &RunReport,
    detail: Option<&PoolDetail>,
    page: &Page<'_>,
) -> Vec<Line> {
    let view = page.world.newest.pool(pool);
    let mut lines = evidence(kind, report, view.map(AsRef::as_ref), detail, page);
    if let Some(view) = view {
        lines.extend(about(kind, &report.run, view, page));
    }
    lines.push(Vec::new());
    lines.extend(steps(report, page));
    lines.extend(for_good(kind, &report.run, page));
    lines
}

/// Why it cannot be done now, then the same.
pub(super) fn refused(
    kind: &Kind,
    pool: &str,
    report: &RunReport,
    detail: Option<&PoolDetail>,
    page: &Page<'_>,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for reason in &report.refused {
        for (index, line) in wrap(reason, page.room.saturating_sub(2)).into_iter().enumerate() {
            let sign = part(Meaning::Bad, format!("{} ", page.glyphs.bad));
            lines.push(vec![if index == 0 { sign } else { plain("  ") }, plain(line)]);
        }
    }
    // A dry run changes no state of a step: whether an oath can help is told by where the host stands.
    let pool_view = page.world.newest.pool(pool);
    let stands = |host: &&Protected| Some(&host.name) == report.run.failed.as_ref();
    let gone = pool_view.and_then(|pool| pool.hosts.iter().find(stands)).is_some_and(|host| host.stand.gone());
    if gone && matches!(kind, Kind::Takeover { .. }) {
        let text = "where nothing can prove that it is off, somebody who has seen it can swear it";
        lines.push(vec![part(Meaning::Info, format!("{} {text}", page.glyphs.into))]);
    }
    lines.push(vec![dim("nothing was changed; the refusal stands in the journal")]);
    lines.push(Vec::new());
    lines.extend(evidence(kind, report, pool_view.map(AsRef::as_ref), detail, page));
    if !report.run.steps.is_empty() {
        lines.push(Vec::new());
        lines.extend(steps(report, page));
    }
    lines
}

/// What would be lost, and how the spare is.
fn about(kind: &Kind, run: &RunView, pool: &PoolView, page: &Page<'_>) -> Vec<Line> {
    let (world, glyphs) = (page.world, page.glyphs);
    let mut lines = Vec::new();
    match kind {
        Kind::Takeover { .. } => {
            lines.extend(said("would be lost", lost(run, pool, page), page.room));
        }
        Kind::Giveback { .. } => {
            let back = pool.hosts.iter().find(|host| Some(&host.name) == run.failed.as_ref());
            lines.extend(back.into_iter().flat_map(|host| text("stands", Meaning::Text, &host.why, page.room)));
        }
        Kind::Drill | Kind::Resume | Kind::Abandon => {}
    }
    let spare = pool.spares.iter().find(|spare| Some(&spare.name) == run.spare.as_ref());
    if let Some(spare) = spare {
        let (meaning, sign, called) = words::spare(spare.state, glyphs);
        let mut parts = vec![part(meaning, format!("{sign} {called}"))];
        if let Some(host) = &spare.standing_in_for {
            parts.push(plain(format!(" for {host}")));
        }
        if let Some(proven) = spare.proven {
            parts.push(dim(format!(", looked at {}", format::ago(proven, world.now))));
        }
        if let Some(free) = spare.free {
            parts.push(dim(format!(" {} {} free", glyphs.dot, crate::reach::plain::size(free))));
        }
        parts.push(dim(format!(" {} ", glyphs.dot)));
        if let Some(past) = &pool.last_drill {
            parts.extend(words::last("drill", past, pool, world, glyphs));
        } else {
            parts.push(words::never_drilled(pool, glyphs));
        }
        lines.extend(said("the spare is", parts, page.room));
        lines.extend(spare.reasons.iter().flat_map(|why| text("", Meaning::Warn, why, page.room)));
    }
    lines
}

/// What would be lost with the host: the rows of it that no feed has carried yet, as far as anybody knows.
fn lost(run: &RunView, pool: &PoolView, page: &Page<'_>) -> Vec<Part> {
    let feeds = page.world.newest.feeds.iter().filter(|feed| feed.follows.as_deref() == Some(pool.name.as_str()));
    let mut parts: Vec<Part> = Vec::new();
    for feed in feeds {
        let machines = feed.machines();
        let meant = machines.iter().find(|machine| machine.source == run.failed.as_deref());
        // Without the machine itself, what waits anywhere is the most that can be said.
        let looked = meant.map_or(feed.looked, |machine| machine.looked);
        let (rows, counted) = meant.map_or((feed.rows_behind, false), |machine| (machine.rows_behind, machine.counted));
        let seconds = meant.map_or(feed.seconds_behind, |machine| machine.seconds_behind);
        let (meaning, what) = match (looked, rows) {
            (None, _) => (Meaning::Unknown, "not known".to_owned()),
            (Some(_), 0) => (Meaning::Text, "no row waited".to_owned()),
            (Some(_), _) => {
                let behind = lag::rows_behind(rows, counted);
                (Meaning::Warn, format!("{behind}, {}", lag::delay(seconds)))
            }
        };
        let read = looked.map_or_else(
            || " (not read since the engine began)".to_owned(),
            |looked| format!(" (read {})", format::ago(looked, page.world.now)),
        );
        let dot = if parts.is_empty() { String::new() } else { format!(" {} ", page.glyphs.dot) };
        parts.push(part(meaning, format!("{dot}{}: {what}", feed.name)));
        parts.push(dim(read));
    }
    for dump in page.world.newest.dumps.iter() {
        let said = dumps::said(dump, page.glyphs);
        let meaning = if dump.well() && dump.good.is_some() { Meaning::Text } else { said.meaning };
        let dot = if parts.is_empty() { String::new() } else { format!(" {} ", page.glyphs.dot) };
        parts.push(part(meaning, format!("{dot}dump {}: {}", dump.name, dumps::kit(dump, page.world.now))));
        parts.push(dim(format!(" ({})", dumps::drilled(dump, page.world.now))));
    }
    // What nobody watches is said to be unknown; saying nothing would look like nothing.
    if parts.is_empty() {
        parts.push(part(Meaning::Unknown, "not known: neither a feed nor a dump is watched"));
    } else if page.world.newest.dumps.is_empty() {
        parts.push(part(Meaning::Unknown, format!(" {} no dump is watched", page.glyphs.dot)));
    }
    parts
}

/// The steps, without what the box says already.
fn steps(report: &RunReport, page: &Page<'_>) -> Vec<Line> {
    let head = if report.dry_run { "will be done" } else { "its steps" };
    let mut lines = vec![vec![dim(head)]];
    lines.extend(lines_of::steps(&report.run, report.dry_run, page.glyphs, page.room));
    lines
}

/// What does not come back by itself.
fn for_good(kind: &Kind, run: &RunView, page: &Page<'_>) -> Vec<Line> {
    let last = run.steps.iter().enumerate().find(|(_, step)| step.undo.is_none() && !step.fence);
    let text = match (kind, last) {
        (Kind::Takeover { .. }, Some((at, _))) => {
            format!("cannot be undone after step {} without a giveback", at + 1)
        }
        (Kind::Takeover { .. }, None) => "every step but the fence is undone if a later one fails".into(),
        (Kind::Giveback { .. }, _) => {
            "the service pauses between the stop on the spare and the start on the host".into()
        }
        (Kind::Drill, _) => "what the drill begins is undone at its end, also when it fails".into(),
        (Kind::Resume, _) => {
            "it goes on with the step that was interrupted, after looking whether that took effect".into()
        }
        (Kind::Abandon, _) if run.steps.is_empty() => {
            "none of its steps had begun: nothing has to be undone, and its spare is free again".into()
        }
        (Kind::Abandon, _) => {
            "what was done is undone from the last step to the first; what cannot be undone is named".into()
        }
    };
    let wrapped = wrap(&text, page.room);
    wrapped.into_iter().map(|line| vec![dim(line)]).collect()
}

/// The run as it moves.
pub(super) fn live(run: Option<&RunView>, page: &Page<'_>) -> Vec<Line> {
    match run {
        Some(run) => lines_of::run(run, false, page.glyphs, page.room),
        None => vec![vec![part(Meaning::Info, "beginning…")]],
    }
}

/// What came of it, and what to do next.
pub(super) fn ended(report: &RunReport, page: &Page<'_>) -> Vec<Line> {
    let mut lines = lines_of::report(report, page.glyphs, page.room);
    if report.refused.is_empty() && report.run.state == RunState::Done {
        lines.push(Vec::new());
        lines.push(vec![part(Meaning::Good, format!("{} done and verified", page.glyphs.good))]);
    }
    lines
}
