//! The pane Jobs: what is being done, how far is it, when will it end?

use std::cmp::{Ordering, Reverse};

use super::{Pane, Rows, key_words};
use crate::console::action::{Action, Scope};
use crate::console::format;
use crate::console::keymap::Keymap;
use crate::console::table::{Column, Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::snapshot::Snapshot;
use crate::work::view::{self as work, JobState, JobView};

/// The pane.
#[derive(Debug)]
pub struct Jobs;

const SORTS: &[&str] = &["state", "newest", "name"];

/// The meaning of a job's state.
pub fn meaning(state: JobState) -> Meaning {
    match state {
        JobState::Queued | JobState::Cancelled => Meaning::Dim,
        JobState::Running => Meaning::Info,
        JobState::Stalled | JobState::Paused | JobState::Cancelling => Meaning::Warn,
        JobState::Done => Meaning::Good,
        JobState::Failed => Meaning::Bad,
    }
}

/// The columns of a job's bar.
const BAR: usize = 12;

/// A bar of so many columns, filled for so many percent.
pub fn bar(percent: u8, columns: usize, glyphs: &Glyphs) -> String {
    let steps = glyphs.widths.len();
    let filled = usize::from(percent.min(100)) * columns * steps / 100;
    let full = glyphs.widths.last().copied().unwrap_or_default();
    let mut text = full.repeat(filled / steps);
    if let Some(rest) = (filled % steps).checked_sub(1) {
        text.push_str(glyphs.widths[rest]);
    }
    text
}

/// The jobs whose row shows the piece that is worked on, and which need a second one for the whole.
fn with_batch(snapshot: &Snapshot) -> impl Iterator<Item = &JobView> {
    snapshot.jobs.iter().map(AsRef::as_ref).filter(|job| batch(job).is_some())
}

/// The piece that is worked on, where it is one of several.
fn batch(job: &JobView) -> Option<&work::Part> {
    job.part.as_ref().filter(|part| part.pieces > 1 && !job.state.ended())
}

/// The job of a row, and whether the row is about the whole of its batch: first come all jobs, then their batches.
fn of(snapshot: &Snapshot, row: usize) -> Option<(&JobView, bool)> {
    match row.checked_sub(snapshot.jobs.len()) {
        None => snapshot.jobs.get(row).map(|job| (job.as_ref(), false)),
        Some(batch) => with_batch(snapshot).nth(batch).map(|job| (job, true)),
    }
}

/// The job of a row.
pub fn job(snapshot: &Snapshot, row: usize) -> Option<&JobView> {
    of(snapshot, row).map(|(job, _)| job)
}

/// What comes first: what needs an eye, what moves, what waits, what has ended.
fn rank(state: JobState) -> u8 {
    match state {
        JobState::Stalled | JobState::Paused => 0,
        JobState::Running | JobState::Cancelling => 1,
        JobState::Queued => 2,
        JobState::Failed => 3,
        JobState::Done | JobState::Cancelled => 4,
    }
}

fn running(snapshot: &Snapshot) -> usize {
    snapshot.jobs.iter().filter(|job| !job.state.ended() && job.state != JobState::Queued).count()
}

/// What a job is called: by the piece that is worked on, where there is one.
fn name(job: &JobView) -> String {
    if let Some(part) = job.part.as_ref().filter(|_| !job.state.ended()) {
        return format!("{} {}", job.kind, part.key);
    }
    if job.title.is_empty() || job.title == job.kind { job.kind.clone() } else { format!("{} {}", job.kind, job.title) }
}

impl Pane for Jobs {
    fn name(&self) -> &'static str {
        "Jobs"
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Jobs)
    }

    fn answer(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        let jobs = &world.shown.jobs;
        let count = |state| jobs.iter().filter(|job| job.state == state).count();
        let mut parts = vec![match running(&world.shown) {
            0 => dim("nothing runs"),
            running => plain(format!("{running} running")),
        }];
        let (queued, stalled, failed) = (count(JobState::Queued), count(JobState::Stalled), count(JobState::Failed));
        if queued > 0 {
            parts.push(plain(format!(", {queued} waiting")));
        }
        for (number, state) in [(stalled, JobState::Stalled), (failed, JobState::Failed)] {
            if number > 0 {
                parts.push(plain(", "));
                parts.push(part(meaning(state), format!("{} {number} {}", glyphs.job(state), state.word())));
            }
        }
        parts
    }

    fn brief(&self, world: &World, glyphs: &Glyphs) -> Vec<Part> {
        let mut parts = vec![plain(running(&world.shown).to_string())];
        if world.shown.jobs.iter().any(|job| job.state == JobState::Failed) {
            parts.push(part(Meaning::Bad, format!(" {}", glyphs.bad)));
        }
        parts
    }

    fn count(&self, world: &World) -> usize {
        world.shown.jobs.len() + with_batch(&world.shown).count()
    }

    fn key(&self, world: &World, row: usize) -> Option<String> {
        of(&world.shown, row).map(|(job, whole)| if whole { format!("{}/whole", job.id) } else { job.id.to_string() })
    }

    fn sorts(&self) -> &'static [&'static str] {
        SORTS
    }

    fn here(&self) -> Option<&dyn Rows> {
        Some(self)
    }

    fn columns(&self, world: &World) -> Vec<Column> {
        let longest = world.shown.jobs.iter().map(|job| name(job).chars().count()).max().unwrap_or(0);
        let name = u16::try_from(longest + 2).unwrap_or(u16::MAX).clamp(16, 34);
        vec![
            Column::fixed("no", 4).right().spare(3),
            Column::growing("  job", 16, name),
            Column::growing("progress", 12, 80),
            Column::fixed("", 4).right(),
            Column::fixed("rate", 9).right().spare(2),
            Column::fixed("left", 7).right().spare(1),
        ]
    }

    fn cells(&self, world: &World, glyphs: &Glyphs, row: usize) -> Vec<Vec<Part>> {
        let Some((job, whole)) = of(&world.shown, row) else { return Vec::new() };
        if let Some(part) = batch(job).filter(|_| whole) {
            return batch_cells(job, part, glyphs);
        }
        let ended = job.state.ended();
        let name = name(job);
        let piece = batch(job);
        let percent = piece.map(percent_of).or_else(|| job.percent());
        let percent = percent.filter(|_| !ended && job.state != JobState::Queued);
        let moves = percent.is_some();
        let rate = job.rate.filter(|_| moves).map(|rate| format::rate(rate, job.unit));
        let eta = match piece {
            Some(piece) => left_of(piece, job.rate),
            None => job.eta,
        };
        let left = eta.filter(|_| moves && job.state == JobState::Running).and_then(format::remaining);
        vec![
            vec![dim(job.id.to_string())],
            vec![part(meaning(job.state), glyphs.job(job.state)), plain(format!(" {name}"))],
            progress(job, percent, world, glyphs),
            percent.map(|percent| plain(format!("{percent} %"))).into_iter().collect(),
            rate.map(plain).into_iter().collect(),
            left.map(dim).into_iter().collect(),
        ]
    }

    fn empty(&self, world: &World, keymap: &Keymap) -> Vec<String> {
        let mut lines = vec!["nothing runs, and nothing has run".to_owned(), String::new()];
        if !world.changes_nothing() {
            lines.push(format!("{}  tries everything the fleet file needs", key_words(keymap, Action::Doctor)));
            lines.push(format!("{}  checks the journal", key_words(keymap, Action::VerifyJournal)));
        }
        lines
    }

    fn hints(&self) -> &'static [Action] {
        &[Action::Open, Action::Hold, Action::Cancel, Action::Doctor, Action::Filter, Action::Sort]
    }
}

impl Rows for Jobs {
    fn haystack(&self, world: &World, row: usize) -> String {
        let Some(job) = job(&world.shown, row) else { return String::new() };
        let mut words = vec![job.kind.as_str(), job.title.as_str(), job.state.word(), job.who.as_str()];
        words.extend(job.note.as_deref());
        words.extend(job.error.as_deref());
        words.join(" ")
    }

    fn compare(&self, world: &World, sort: usize, a: usize, b: usize) -> Ordering {
        let (Some((one, whole)), Some((other, other_whole))) = (of(&world.shown, a), of(&world.shown, b)) else {
            return Ordering::Equal;
        };
        // The batch stands right below its piece, whichever way around.
        let newest = Reverse(one.id).cmp(&Reverse(other.id)).then(whole.cmp(&other_whole));
        match SORTS.get(sort).copied() {
            Some("newest") => newest,
            Some("name") => (&one.kind, &one.title).cmp(&(&other.kind, &other.title)).then(newest),
            _ => rank(one.state).cmp(&rank(other.state)).then(newest),
        }
    }
}

/// The row of the whole batch, below that of the piece that is worked on.
fn batch_cells(job: &JobView, piece: &work::Part, glyphs: &Glyphs) -> Vec<Vec<Part>> {
    let percent = job.percent().unwrap_or(0);
    let left = job.eta.filter(|_| job.state == JobState::Running).and_then(format::remaining);
    vec![
        Vec::new(),
        vec![dim("  of the batch")],
        vec![part(Meaning::Chart, bar(percent, BAR, glyphs))],
        vec![plain(format!("{percent} %"))],
        vec![plain(format!("{} of {}", piece.before, piece.pieces))],
        left.map(dim).into_iter().collect(),
    ]
}

fn percent_of(piece: &work::Part) -> u8 {
    u8::try_from(super::sessions::words::percent(piece)).unwrap_or(99)
}

/// Seconds that are left of a piece at this rate.
pub fn left_of(piece: &work::Part, rate: Option<f64>) -> Option<f64> {
    let rate = rate.filter(|rate| *rate > f64::EPSILON)?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let left = piece.total.saturating_sub(piece.done) as f64;
    Some(left / rate)
}

/// A moving job shows its bar, any other one what became of it.
fn progress(job: &JobView, percent: Option<u8>, world: &World, glyphs: &Glyphs) -> Vec<Part> {
    if job.state == JobState::Running
        && let Some(percent) = percent
    {
        return vec![part(Meaning::Chart, bar(percent, BAR, glyphs))];
    }
    let mut parts = vec![part(meaning(job.state), job.state.word())];
    if let Some(ended) = job.ended {
        parts.push(dim(format!(" {} ago", format::age(ended, world.reference()))));
    }
    if let Some(said) = job.error.as_ref().or(job.note.as_ref()) {
        parts.push(dim(format!(" {} {said}", glyphs.dot)));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::theme::glyphs::{ASCII, UNICODE};

    #[test]
    fn a_bar_fills_its_columns_only_at_the_end() {
        assert_eq!(bar(0, 16, &UNICODE), "");
        assert_eq!(bar(100, 16, &UNICODE).chars().count(), 16);
        assert_eq!(bar(61, 16, &UNICODE), "█████████▊");
        assert_eq!(bar(99, 16, &ASCII), "#".repeat(15));
    }
}
