//! A pool as faces see it. Pure.

use std::sync::Arc;

use super::{Desk, Kept};
use crate::clock::Timestamp;
use crate::fleet::pool::Pool;
use crate::runbook::cast::Purpose;
use crate::standin::book::Phase;
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
            run: kept.run.clone(),
            owners: kept.owners.clone(),
            last_takeover: last(Purpose::Takeover),
            last_drill: last(Purpose::Drill),
            alarms,
            ..blank(self.pool(), kept.view.hosts.first().map_or_else(Timestamp::default, |host| host.since))
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
