//! The person on duty: what a snapshot says needs a person is done.

use std::time::Duration;

use hotspare::engine::command::Command;
use hotspare::engine::snapshot::Snapshot;
use hotspare::health::view::Health;
use hotspare::runbook::view::RunState;
use hotspare::standin::view::{SpareState, Stand};

use crate::faults::Faults;
use crate::house::House;

/// Everything is well again within this, once nothing is broken any more.
const WELL_WITHIN: Duration = Duration::from_secs(90);

/// The next thing to do about the pool, where there is one.
pub(crate) fn wanted(snapshot: &Snapshot) -> Option<Command> {
    let pool = snapshot.pool("people-count")?;
    let name = || pool.name.clone();
    // What the console offers, and no more.
    if pool.run.as_ref().is_some_and(|run| run.state == RunState::Interrupted) {
        return Some(Command::PoolAbandon { pool: name() });
    }
    if let Some(spare) = pool.spares.iter().find(|spare| spare.state == SpareState::Failed) {
        let (spare, phrase) = (spare.name.clone(), spare.name.clone());
        return Some(Command::PoolClear { pool: name(), spare, phrase });
    }
    let back = |stand: Stand| matches!(stand, Stand::Returned | Stand::StoodIn);
    let up = |host: &str| snapshot.host(host).is_some_and(|host| host.health == Health::Up);
    if let Some(host) = pool.hosts.iter().find(|host| back(host.stand) && host.spare.is_some() && up(&host.name)) {
        let (host, phrase) = (Some(host.name.clone()), host.name.clone());
        return Some(Command::PoolGiveback { pool: name(), host, dry_run: false, phrase });
    }
    (!pool.held_back.is_empty() || !pool.alarms.is_empty()).then(|| Command::PoolAcknowledge { pool: name() })
}

/// What is still not well.
fn wrong(snapshot: &Snapshot) -> Vec<String> {
    let mut wrong = Vec::new();
    for host in snapshot.hosts.iter().filter(|host| host.health != Health::Up) {
        wrong.push(format!("{} is {}: {:?}", host.name, host.health.word(), host.why));
    }
    for pool in snapshot.pools.iter().filter(|pool| !pool.well()) {
        wrong.push(format!("pool {}: {:?} {:?} {:?}", pool.name, pool.alarms, pool.hosts, pool.spares));
    }
    for feed in snapshot.feeds.iter().filter(|feed| !feed.well()) {
        wrong.push(format!("feed {} is {:?}, {} rows behind", feed.name, feed.state, feed.rows_behind));
    }
    for dump in snapshot.dumps.iter().filter(|dump| !dump.well()) {
        wrong.push(format!("dump {} is {:?}", dump.name, dump.state));
    }
    wrong.extend(snapshot.head.file.refused.iter().map(|why| format!("fleet file: {why}")));
    wrong.extend(snapshot.head.alarms.iter().map(|alarm| format!("alarm: {alarm}")));
    let open = snapshot.jobs.iter().filter(|job| !job.state.ended());
    wrong.extend(open.map(|job| format!("job {} ({}) is {}: {:?}", job.id, job.kind, job.state.word(), job.note)));
    wrong
}

/// Mends everything and waits until all is well and no job is open. Returns what is not well in the end.
pub(crate) async fn in_order(house: &House, faults: &mut Faults) -> Vec<String> {
    // A stick that was out when the play ended, and everything else.
    let (stick, pocket) = (house.path().join("stick"), house.path().join("stick in a pocket"));
    if pocket.exists() && !stick.exists() {
        std::fs::rename(&pocket, &stick).unwrap();
    }
    faults.mend_all().await;
    let client = house.client();
    let began = house.clock.tick();
    loop {
        let snapshot = client.snapshots().borrow().clone();
        let left = wrong(&snapshot);
        let passed = house.clock.tick().since(began);
        if left.is_empty() || passed > WELL_WITHIN {
            println!("soak: in order, or not, after {:.1} s", passed.as_secs_f64());
            return left;
        }
        if let Some(command) = wanted(&snapshot) {
            let _said = client.command(command).await;
        }
        // A backup of a machine that had no power is tried again tomorrow, or when somebody asks for it.
        let configs = snapshot.head.alarms.iter().any(|alarm| alarm.starts_with("config backup"));
        if configs && snapshot.jobs.iter().all(|job| job.state.ended()) {
            let _said = client.command(Command::ConfigNow { config: None }).await;
        }
        for job in snapshot.jobs.iter().filter(|job| !job.state.ended() && passed > WELL_WITHIN / 3) {
            let _said = client.command(Command::Cancel { job: job.id }).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
