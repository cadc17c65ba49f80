//! A pool as faces see it. Pure.

use std::sync::Arc;

use super::{Desk, Kept};
use crate::clock::Timestamp;
use crate::fleet::pool::Pool;
use crate::runbook::cast::Purpose;
use crate::runbook::view::{RunState, RunView};
use crate::standin::arbiter::Decision;
use crate::standin::book::{Phase, Underway};
use crate::standin::drill;
use crate::standin::view::{Past, PoolDetail, PoolView, Protected, SpareState, SpareView, Stand};

/// Before anything was seen.
pub(super) fn blank(pool: &Pool, now: Timestamp) -> PoolView {
    let host = |name: &String| Protected {
        name: name.clone(),
        stand: Stand::Serving,
        since: now,
        spare: None,
        why: "not looked at yet".into(),
        if_it_dies: String::new(),
    };
    let spare = |name: &String| SpareView {
        name: name.clone(),
        state: SpareState::Unready,
        standing_in_for: None,
        since: None,
        by: None,
        generation: 0,
        reasons: vec!["not looked at yet".into()],
        proven: None,
        free: None,
    };
    PoolView {
        name: pool.name.clone(),
        mode: pool.mode.word().into(),
        hosts: pool.protects.iter().map(host).collect(),
        spares: pool.spares.iter().map(spare).collect(),
        paused: None,
        held_back: Vec::new(),
        run: None,
        owners: Vec::new(),
        last_takeover: None,
        last_drill: None,
        target: pool.target.as_secs_f64(),
        drill_every: drill::every(pool).map(|every| every.as_secs_f64()),
        alarms: Vec::new(),
    }
}

impl Desk {
    /// Makes the view anew; `true` where it is another one.
    pub(in crate::standin) fn show(&self, kept: &mut Kept) -> bool {
        let view = self.compose(kept);
        if *kept.view == view {
            return false;
        }
        kept.view = Arc::new(view);
        true
    }

    fn compose(&self, kept: &Kept) -> PoolView {
        let (book, judged) = (&kept.book, &kept.judged);
        let hosts = judged.hosts.iter().map(|host| Protected {
            name: host.name.clone(),
            stand: host.stand,
            since: host.since,
            spare: host.spare.clone(),
            why: match &host.needs {
                Some(needs) if !needs.is_empty() => format!("{}; needs: {needs}", host.why),
                _ => host.why.clone(),
            },
            if_it_dies: host.if_it_dies.clone(),
        });
        let spares = judged.spares.iter().map(|spare| {
            let assigned = book.spares.get(&spare.name);
            let looked = kept.readiness.get(&spare.name);
            let serves = assigned.filter(|assigned| assigned.phase == Phase::Active);
            SpareView {
                name: spare.name.clone(),
                state: spare.state,
                standing_in_for: spare.standing_in_for.clone(),
                since: serves.map(|assigned| assigned.since),
                by: assigned.map(|assigned| assigned.by.clone()),
                generation: book.generation_of(&spare.name),
                reasons: spare.reasons.clone(),
                proven: looked.map(|looked| looked.at),
                free: looked.and_then(|looked| looked.free),
            }
        });
        let last = |purpose: Purpose| book.past.iter().find(|past| past.purpose == purpose).cloned();
        let mut alarms = judged.alarms.clone();
        alarms.extend(kept.trouble.clone());
        alarms.extend(kept.overdue.clone());
        alarms.extend(kept.uncarded.clone());
        alarms.extend(kept.unkept.as_ref().map(|(why, _at)| why.clone()));
        alarms.extend(owned(kept));
        PoolView {
            hosts: hosts.collect(),
            spares: spares.collect(),
            paused: book.paused.clone(),
            held_back: judged.held_back.clone(),
            run: self.run(kept),
            owners: kept.owners.clone(),
            last_takeover: last(Purpose::Takeover),
            last_drill: last(Purpose::Drill),
            alarms,
            ..blank(self.pool(), kept.view.hosts.first().map_or_else(Timestamp::default, |host| host.since))
        }
    }

    /// The run that is under way, waits for a person, or was the last. What the book says was interrupted is shown so, whatever
    /// was seen of it last: a person ends that, and nothing else is begun before.
    fn run(&self, kept: &Kept) -> Option<Arc<RunView>> {
        let Some(left) = kept.book.run.as_ref().filter(|left| left.interrupted) else { return kept.run.clone() };
        match kept.run.as_ref().filter(|run| run.id == left.id) {
            Some(run) if run.state == RunState::Interrupted => Some(Arc::clone(run)),
            Some(run) => {
                let next = "its end is not kept: resume the run to keep it, or abandon it (undo what was done)";
                let run = RunView::clone(run);
                Some(Arc::new(RunView { state: RunState::Interrupted, next: Some(next.into()), question: None, ..run }))
            }
            None => Some(Arc::new(not_begun(left, &self.pool().name))),
        }
    }

    /// Everything known of it.
    pub(in crate::standin) fn detail(&self) -> PoolDetail {
        let kept = self.kept();
        let past: Vec<Past> = kept.book.past.clone();
        PoolDetail {
            pool: PoolView::clone(&kept.view),
            matrix: kept.sights.values().cloned().collect(),
            refusals: kept.refusals.iter().cloned().collect(),
            past,
        }
    }
}

/// A run that was interrupted before its first step: nothing of it was kept but what the book says.
pub(in crate::standin) fn not_begun(left: &Underway, pool: &str) -> RunView {
    let Decision { act, host, spare, evidence, .. } = left.decision.clone();
    RunView {
        id: left.id,
        runbook: String::new(),
        purpose: act.purpose(),
        pool: Some(pool.to_owned()),
        failed: Some(host),
        spare: Some(spare),
        who: left.by.clone(),
        why: evidence,
        generation: left.generation,
        state: RunState::Interrupted,
        started: left.began,
        ended: None,
        steps: Vec::new(),
        timeline: Vec::new(),
        question: None,
        next: Some("the engine ended before its first step: abandon the run, and begin anew".into()),
        owed: Vec::new(),
    }
}

/// Two owners, a wrong one and none are all alarms; who cannot be asked is none.
fn owned(kept: &Kept) -> Vec<String> {
    let nobody = |owner: &crate::standin::view::Owner| {
        let nobody = owner.held_by.is_empty() && owner.seen.is_some() && !kept.lapses.contains_key(&owner.address);
        nobody.then(|| format!("nobody holds {}", owner.address))
    };
    // While a run moves it, an address has no owner for a moment.
    let moving = kept.run.as_ref().is_some_and(|run| !run.state.ended());
    let nobody: Vec<String> = if moving { Vec::new() } else { kept.owners.iter().filter_map(nobody).collect() };
    let contests = kept.contests.values().map(|contest| contest.why.clone());
    let lapses = kept.lapses.iter().filter(|(address, _)| !kept.contests.contains_key(*address));
    nobody.into_iter().chain(contests).chain(lapses.map(|(_, lapse)| lapse.why.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::view::RunId;
    use crate::standin::arbiter::Act;
    use crate::standin::desk::example;

    /// What was seen of the run last, and the number of that run; the book holds run 7.
    fn shown(seen: Option<(u64, RunState)>, interrupted: bool) -> Option<(RunId, RunState)> {
        let now = Timestamp::UNIX_EPOCH;
        let desk = example(now);
        let decision = Decision {
            act: Act::Takeover,
            host: "a".into(),
            spare: "s".into(),
            for_host: None,
            fault: None,
            planned: false,
            evidence: "seen".into(),
        };
        let mut kept = desk.kept();
        kept.book.begin(&decision, "ana", false, RunId(7), now).unwrap();
        if interrupted {
            kept.book.restore(now);
        }
        let left = kept.book.run.clone().unwrap();
        kept.run = seen.map(|(id, state)| Arc::new(RunView { id: RunId(id), state, ..not_begun(&left, "p") }));
        desk.show(&mut kept);
        let run = kept.view.run.as_deref()?;
        assert!(run.state != RunState::Interrupted || run.next.as_ref().is_some_and(|next| next.contains("abandon")));
        Some((run.id, run.state))
    }

    #[test]
    fn what_was_interrupted_is_shown_so_that_a_person_ends_it() {
        use RunState::{Done, Interrupted, Running};
        let interrupted = Some((RunId(7), Interrupted));
        // Never seen here; another one was the last; as it was kept; its end could not be kept.
        for seen in [None, Some((6, Done)), Some((7, Interrupted)), Some((7, Done))] {
            assert_eq!(shown(seen, true), interrupted, "{seen:?}");
        }
        assert_eq!(shown(Some((7, Running)), false), Some((RunId(7), Running)));
        assert_eq!(shown(None, false), None);
    }
}
