//! The verdict: what must hold after a play, however long it was.
//!
//! A figure is flat when the median of the last third of what was measured after the warm-up is not more than its bound above the
//! median of the first third. Medians, because a restore for practice or a check of the whole journal is a peak and no leak;
//! thirds, because a leak shows at the end however slow it is, if the play is long enough for it. Of the processes that work for
//! the engine, which are few or many as it happens, the fewest of each third: what leaks is never gone.

use std::collections::{BTreeMap, BTreeSet};

use crate::Plan;
use crate::ear::Heard;
use crate::house::{Ended, JOURNAL};
use crate::ledger::Ledger;
use crate::samples::{Sample, Series};

/// A play of hours: resident memory stays within this.
const FLAT: f64 = 0.05;
/// A play of a minute has not seen everything twice: the first restore for practice may come in its last third.
const FLAT_SHORT: f64 = 0.25;
/// Shorter plays are short, seconds.
const LONG: f64 = 1_500.0;
/// Half of the remarks are seen this soon, milliseconds.
const BEAT: f64 = 1_000.0;
/// At most so much lies beside the journal in the state folder and in the folder for temporary files, KiB.
const BESIDE: u64 = 64 << 10;

pub(crate) struct Verdict {
    pub(crate) told: Vec<String>,
    pub(crate) wrong: Vec<String>,
}

/// What was said and heard.
pub(crate) struct Told {
    pub(crate) ledger: Ledger,
    pub(crate) heard: Heard,
    pub(crate) ended: Ended,
    /// What was not well in the end.
    pub(crate) left: Vec<String>,
}

pub(crate) fn of(plan: &Plan, series: &Series, mut told: Told) -> Verdict {
    let mut verdict = Verdict { told: Vec::new(), wrong: std::mem::take(&mut told.left) };
    let measured: Vec<&Sample> = series.0.iter().filter(|sample| sample.at >= plan.warm().as_secs_f64()).collect();
    for entry in &told.ended.entries {
        told.heard.hear(entry["seq"].as_u64().unwrap_or(0), &entry["about"]);
    }
    flat(&mut verdict, &measured);
    jobs(&mut verdict, &told.ledger, &told.heard);
    rest(&mut verdict, &measured, &told);
    verdict
}

impl Verdict {
    fn must(&mut self, holds: bool, what: String) {
        self.told.push(format!("{}  {what}", if holds { "ok   " } else { "WRONG" }));
        if !holds {
            self.wrong.push(what);
        }
    }
}

fn flat(verdict: &mut Verdict, measured: &[&Sample]) {
    assert!(measured.len() >= 9, "{} samples after the warm-up", measured.len());
    let span = measured[measured.len() - 1].at - measured[0].at;
    let engines: BTreeSet<u32> = measured.iter().map(|sample| sample.engine.pid).collect();
    verdict.must(engines.len() == 1, format!("one engine lives through the {span:.0} s that are measured"));
    let bound = if span >= LONG { FLAT } else { FLAT_SHORT };
    let mut figure = |what: &str, of_third: fn(&[f64]) -> f64, bound: f64, slack: f64, of: &dyn Fn(&Sample) -> f64| {
        let values: Vec<f64> = measured.iter().map(|sample| of(sample)).collect();
        let third = values.len() / 3;
        let (first, last) = (of_third(&values[..third]), of_third(&values[values.len() - third..]));
        let grown = if first > 0.0 { (last - first) / first * 100.0 } else { 0.0 };
        let most = values.iter().copied().fold(0.0, f64::max);
        let hour = slope(measured, of) * 3600.0;
        let line = format!(
            "{what}: {first:.0} at first, {last:.0} at last ({grown:+.1} %), {most:.0} at most, {hour:+.0} an hour"
        );
        verdict.must(last <= first * (1.0 + bound) + slack, line);
    };
    figure("engine, resident KiB", median, bound, 0.0, &|sample| sample.engine.rss as f64);
    figure("console, resident KiB", median, bound, 0.0, &|sample| sample.console.rss as f64);
    figure("engine, descriptors", median, 0.1, 8.0, &|sample| sample.engine.fds as f64);
    figure("engine, threads", median, 0.1, 4.0, &|sample| sample.engine.threads as f64);
    figure("engine, tasks", median, 0.1, 16.0, &|sample| sample.tasks.unwrap_or(0) as f64);
    figure("engine, fewest processes that work for it", fewest, 0.1, 4.0, &|sample| sample.children as f64);
    figure("sessions that are somewhere", median, 0.1, 40.0, &|sample| sample.sessions as f64);
    figure("console, descriptors", median, 0.0, 2.0, &|sample| sample.console.fds as f64);
    let (first, last) = (measured[0], measured[measured.len() - 1]);
    let share = |of: &dyn Fn(&Sample) -> f64| (of(last) - of(first)) / span * 100.0;
    let (engine, console) = (share(&|sample| sample.engine.cpu), share(&|sample| sample.console.cpu));
    verdict.told.push(format!("       of a processor: engine {engine:.1} %, console {console:.1} %"));
}

/// Each job that was accepted has exactly one end, told in the journal.
fn jobs(verdict: &mut Verdict, ledger: &Ledger, heard: &Heard) {
    let known: BTreeSet<u64> = heard.of_jobs.values().map(|of| of.job).collect();
    let mut ends: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for of in heard.of_jobs.values() {
        if let Some(end) = &of.end {
            ends.entry(of.job).or_default().push(end);
        }
    }
    let mut how: BTreeMap<&str, usize> = BTreeMap::new();
    for state in ends.values().flatten() {
        *how.entry(state).or_default() += 1;
    }
    let unknown: Vec<u64> = ledger.jobs.keys().filter(|job| !known.contains(job)).copied().collect();
    let endless: Vec<u64> = known.iter().filter(|job| !ends.contains_key(job)).copied().collect();
    let again: Vec<&u64> = ends.iter().filter(|(_, states)| states.len() > 1).map(|(job, _)| job).collect();
    let (asked, all) = (ledger.jobs.len(), known.len());
    verdict.must(unknown.is_empty(), format!("each of {asked} accepted jobs is in the journal: not {unknown:?}"));
    verdict
        .must(endless.is_empty(), format!("each of {all} jobs of the journal has an end ({how:?}): not {endless:?}"));
    verdict
        .must(again.is_empty() && ledger.twice.is_empty(), format!("none ended twice: {again:?} {:?}", ledger.twice));
    let Ledger { accepted, refused, gone, .. } = ledger;
    verdict.told.push(format!("       accepted {accepted:?}\n       refused {refused:?}, no engine for {gone}"));
    verdict.must(!accepted.is_empty() && how.contains_key("done"), "work was done".into());
}

fn rest(verdict: &mut Verdict, measured: &[&Sample], told: &Told) {
    let Told { heard, ended, .. } = told;
    let last = measured[measured.len() - 1];
    verdict.must(ended.journal == 0, format!("the chain of {} entries is whole", ended.entries.len()));
    verdict.must(
        heard.missed.is_empty(),
        format!("{} entries were heard, none is missing: {:?}", heard.last, heard.missed),
    );
    let most = JOURNAL + JOURNAL / 10 + 2;
    let holds = ended.entries.len() as u64;
    verdict
        .must(holds <= most, format!("the journal holds {holds} of {} entries, and was to keep {JOURNAL}", heard.last));
    let beats: Vec<f64> = measured.iter().filter_map(|sample| sample.beat).collect();
    let missed = measured.len() - beats.len();
    let (half, most) = (median(&beats), beats.iter().copied().fold(0.0, f64::max));
    verdict.must(
        half <= BEAT && missed == 0,
        format!("a remark is seen after {half:.0} ms (half of {}), {most:.0} ms at most, {missed} never", beats.len()),
    );
    let beside = last.state.saturating_sub(last.state_db + last.wal) + last.temporary;
    verdict.must(beside <= BESIDE, format!("{beside} KiB lie beside the journal ({} KiB of log)", last.log));
    let wal = measured.iter().map(|sample| sample.wal).max().unwrap_or(0);
    verdict.must(wal <= 32 << 10, format!("state.db has {} KiB, its log {wal} KiB at most", last.state_db));
    verdict.must(ended.temporary.is_empty(), format!("no temporary file is left: {:?}", ended.temporary));
    verdict.must(ended.processes.is_empty(), format!("no process is left: {:?}", ended.processes));
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn fewest(values: &[f64]) -> f64 {
    values.iter().copied().reduce(f64::min).unwrap_or(0.0)
}

/// Least squares, a second.
fn slope(measured: &[&Sample], of: &dyn Fn(&Sample) -> f64) -> f64 {
    let count = measured.len() as f64;
    let (x, y) = (
        measured.iter().map(|sample| sample.at).sum::<f64>() / count,
        measured.iter().map(|sample| of(sample)).sum::<f64>() / count,
    );
    let above: f64 = measured.iter().map(|sample| (sample.at - x) * (of(sample) - y)).sum();
    let below: f64 = measured.iter().map(|sample| (sample.at - x).powi(2)).sum();
    if below > 0.0 { above / below } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(of: impl Fn(&mut Sample)) -> Vec<Sample> {
        (0..90)
            .map(|step| {
                let mut sample = Sample { at: f64::from(step) * 20.0, ..Sample::default() };
                (sample.engine.rss, sample.console.rss) = (50_000, 20_000);
                of(&mut sample);
                sample
            })
            .collect()
    }

    fn verdict(samples: &[Sample]) -> Verdict {
        let mut verdict = Verdict { told: Vec::new(), wrong: Vec::new() };
        flat(&mut verdict, &samples.iter().collect::<Vec<_>>());
        verdict
    }

    #[test]
    fn a_leak_of_ten_percent_is_found_and_a_peak_is_none() {
        let leaks = verdict(&series(|sample| sample.engine.rss = (50_000.0 * (1.0 + sample.at / 18_000.0)) as u64));
        assert_eq!(leaks.wrong.len(), 1, "{:?}", leaks.wrong);
        assert!(leaks.wrong[0].contains("engine, resident"), "{:?}", leaks.wrong);
        let peaks = verdict(&series(|sample| {
            if sample.at % 400.0 == 0.0 {
                sample.engine.rss = 90_000;
            }
        }));
        assert!(peaks.wrong.is_empty(), "{:?}", peaks.wrong);
    }

    #[test]
    fn processes_that_never_end_are_found_and_many_at_a_time_are_none() {
        let swings = |at: f64| if at % 60.0 == 0.0 { 4 } else { 6 };
        let busy = verdict(&series(|sample| {
            sample.children = if sample.at > 900.0 && sample.at % 60.0 != 0.0 { 23 } else { swings(sample.at) };
        }));
        assert!(busy.wrong.is_empty(), "{:?}", busy.wrong);
        let leaks = verdict(&series(|sample| sample.children = swings(sample.at) + (sample.at / 200.0) as u64));
        assert_eq!(leaks.wrong.len(), 1, "{:?}", leaks.wrong);
        assert!(leaks.wrong[0].contains("processes"), "{:?}", leaks.wrong);
    }
}
