//! Families of the engine as a whole: itself, its lease, its file, its journal, jobs and runs.

use super::Picture;
use super::page::{Page, alone, count, flag, number, sample, time};
use crate::journal::entry::Chain;
use crate::runbook::view::{RunState, RunView};
use crate::work::view::JobState;

/// Where a job may stand.
const JOBS: [JobState; 8] = [
    JobState::Queued,
    JobState::Running,
    JobState::Stalled,
    JobState::Paused,
    JobState::Cancelling,
    JobState::Done,
    JobState::Failed,
    JobState::Cancelled,
];

/// Where a run may stand.
const RUNS: [RunState; 8] = [
    RunState::Running,
    RunState::Asking,
    RunState::Undoing,
    RunState::Done,
    RunState::Failed,
    RunState::Unknown,
    RunState::Undone,
    RunState::Interrupted,
];

pub(super) fn put(picture: &Picture<'_>, page: &mut Page) {
    let snapshot = picture.snapshot;
    let (head, engine) = (&snapshot.head, &snapshot.head.engine);
    page.gauge(
        "hotspare_engine_info",
        "The engine: its version, its fleet and where its lease lives; always 1.",
        [sample([("fleet", &head.fleet), ("version", &engine.version), ("lease", &head.lease.kind)], 1.0)],
    );
    page.gauge("hotspare_engine_start_time_seconds", "When the engine started.", alone(time(engine.started)));
    page.gauge(
        "hotspare_engine_answer_seconds",
        "How long the heart of the engine took to answer a question at this scrape: how late its loop is.",
        alone(picture.answered.as_secs_f64()),
    );
    page.gauge(
        "hotspare_engine_frozen",
        "1 while automatic decisions are suspended because the engine cannot trust its own eyes.",
        alone(flag(engine.frozen.is_some())),
    );
    page.gauge("hotspare_engine_consoles", "Consoles that are joined.", alone(f64::from(engine.consoles)));
    page.gauge(
        "hotspare_engine_alarms",
        "Things that need a person and are not a host's: a full state disk, a clean-up that is owed.",
        alone(number(head.alarms.len())),
    );
    page.counter("hotspare_snapshots_total", "Snapshots that the engine has published.", alone(count(snapshot.seq)));
    page.gauge(
        "hotspare_snapshot_timestamp_seconds",
        "When the newest snapshot was composed; one is only when something changed.",
        alone(time(snapshot.taken)),
    );
    page.gauge(
        "hotspare_lease_held",
        "1 where this engine holds the right to act; the engines of one fleet must have 1 in sum.",
        alone(flag(head.lease.held)),
    );
    page.gauge(
        "hotspare_fleet_file_refused",
        "1 while the newest version of the fleet file has errors and an older one is in force.",
        alone(flag(!head.file.refused.is_empty())),
    );
    page.gauge(
        "hotspare_fleet_file_read_timestamp_seconds",
        "When the fleet file was last read and accepted.",
        alone(time(head.file.read)),
    );
    pace(picture, page);
    page.gauge("hotspare_journal_length", "Entries of the journal.", alone(count(snapshot.journal.length)));
    page.counter(
        "hotspare_journal_entries_total",
        "Entries of the journal since the engine started, by weight.",
        picture.tally.all().map(|(weight, seen)| sample([("weight", weight.word())], count(seen))),
    );
    page.gauge(
        "hotspare_journal_chain_broken",
        "1 where an entry of the journal does not follow from the one before: it was changed from outside.",
        alone(flag(matches!(snapshot.journal.chain, Chain::Broken { .. }))),
    );
    page.gauge(
        "hotspare_jobs",
        "Jobs by state: all that have not ended, and the last that have.",
        JOBS.map(|state| {
            let here = snapshot.jobs.iter().filter(|job| job.state == state).count();
            sample([("state", state.word())], number(here))
        }),
    );
    runs(picture, page);
}

fn pace(picture: &Picture<'_>, page: &mut Page) {
    let Some(figures) = picture.pace else { return };
    page.counter("hotspare_checks_started_total", "Checks that were started.", alone(count(figures.started)));
    page.counter(
        "hotspare_checks_skipped_total",
        "Checks left out because their run before had not ended, or because a whole period was missed.",
        alone(count(figures.skipped)),
    );
    page.gauge(
        "hotspare_check_start_late_seconds",
        "How late checks started, since the engine started: 99 of 100 no later than this.",
        alone(figures.late_p99),
    );
}

/// The last run of each runbook and of each pool.
fn runs(picture: &Picture<'_>, page: &mut Page) {
    let all = || {
        let of_pools = picture.snapshot.pools.iter().filter_map(|pool| pool.run.as_ref());
        picture.snapshot.runs.iter().chain(of_pools)
    };
    page.gauge(
        "hotspare_runs",
        "The last run of each runbook and of each pool, by state.",
        RUNS.map(|state| {
            let here = all().filter(|run| run.state == state).count();
            sample([("state", state.word())], number(here))
        }),
    );
    page.gauge(
        "hotspare_runs_needing_a_person",
        "Runs that wait for an answer, were interrupted, ended nobody knows how, or owe a clean-up.",
        alone(number(all().filter(|run| RunView::needs_a_person(run)).count())),
    );
}
