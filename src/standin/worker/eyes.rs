//! Looking: at the anchors, through the witnesses, at the spares.
//!
//! The witnesses are asked all the time over connections that stay warm, seldom as long as all is well and at the pool's pace
//! as soon as anything fails, so that their word is there when it is needed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::super::desk::{Desk, Readiness};
use super::super::view::Sight;
use super::super::witness::{self, Inquiry};
use super::super::{drift, room};
use super::Pools;
use crate::fleet::Fleet;
use crate::fleet::check::CheckKind;
use crate::fleet::host::Host;
use crate::health::ask::Ask;
use crate::health::observation::Outcome;
use crate::health::view::Health;
use crate::reach::own;
use crate::reach::ssh::Remote;

/// Between two questions to the witnesses while all is well.
const CALM: Duration = Duration::from_secs(5);
/// A witness answers within this, or cannot be asked.
const WORD: Duration = Duration::from_millis(2500);
/// Between two looks at anchors while all is well; they are asked at the pool's pace otherwise.
const ANCHOR: Duration = Duration::from_secs(1);
/// Between two looks at the spares.
const READINESS: Duration = Duration::from_secs(30);
/// One look at a machine takes no longer.
const PATIENCE: Duration = Duration::from_secs(4);

impl Pools {
    /// Finds out which of the pool's machines and witnesses this computer is.
    pub(super) async fn know_itself(&self, desk: &Arc<Desk>) {
        loop {
            let fleet = self.fleet();
            let pool = desk.pool();
            let names = pool.protects.iter().chain(&pool.spares).chain(&pool.witnesses);
            let asking = names
                .filter_map(|name| fleet.host(name))
                .map(async |host| own::holds(&host.address, PATIENCE).await.then(|| host.name.clone()));
            desk.kept().own = join_all(asking).await.into_iter().flatten().collect();
            tokio::time::sleep(READINESS).await;
        }
    }

    pub(super) async fn ask_anchors(&self, desk: &Arc<Desk>) {
        if desk.pool().anchors.is_empty() {
            return;
        }
        loop {
            let timeout = desk.pool().probe.every.clamp(Duration::from_millis(200), Duration::from_millis(800));
            let asking = desk.pool().anchors.iter().map(|anchor| async move {
                if own::holds(anchor, timeout).await {
                    return (anchor.clone(), false);
                }
                let kind = CheckKind::Ping;
                let ask = Ask { kind, address: anchor.clone(), ssh: String::new(), vital: true };
                let seen = self.0.parts.prober.run(&ask, timeout).await;
                (anchor.clone(), seen.outcome == Outcome::Pass)
            });
            let answers: BTreeMap<String, bool> = join_all(asking).await.into_iter().collect();
            desk.kept().anchors = answers;
            let pause = if self.calm(desk) { ANCHOR } else { desk.pool().probe.every };
            tokio::time::sleep(pause).await;
        }
    }

    pub(super) async fn ask_witnesses(&self, desk: &Arc<Desk>) {
        let witnesses: Vec<String> = desk.pool().witnesses.clone();
        join_all(witnesses.iter().map(|witness| self.ask_witness(desk, witness))).await;
    }

    async fn ask_witness(&self, desk: &Arc<Desk>, name: &str) {
        let mut ears = self.ears(desk);
        loop {
            let fleet = self.fleet();
            let Some(machine) = fleet.host(name) else { return };
            if desk.kept().own.contains(name) {
                // It sees what this engine sees: it is no second place to look from.
                self.no_second_eye(desk, name);
                tokio::time::sleep(CALM).await;
                continue;
            }
            let members = desk.pool().protects.iter().chain(&desk.pool().spares);
            let asked: Vec<&Host> =
                members.filter(|member| *member != name).filter_map(|member| fleet.host(member)).collect();
            let inquiry = Inquiry::about(asked.iter().copied());
            let script = inquiry.script(witness::patience(desk.pool().probe.every));
            let answered = self.0.parts.tools.ssh.run(&machine.ssh, &Remote::new(script, WORD)).await;
            let at = self.now();
            let sights: Vec<Sight> = match answered {
                Ok(output) => inquiry
                    .read(&String::from_utf8_lossy(&output.stdout))
                    .into_iter()
                    .map(|word| Sight {
                        witness: name.to_owned(),
                        host: word.host,
                        reaches: word.reaches,
                        at,
                        says: word.says,
                    })
                    .collect(),
                Err(error) => asked
                    .iter()
                    .map(|host| Sight {
                        witness: name.to_owned(),
                        host: host.name.clone(),
                        reaches: None,
                        at,
                        says: error.what.clone(),
                    })
                    .collect(),
            };
            {
                let mut kept = desk.kept();
                for sight in sights {
                    kept.sights.insert((sight.witness.clone(), sight.host.clone()), sight);
                }
            }
            desk.heard.notify_one();
            if self.calm(desk) {
                let trouble = async {
                    while self.calm(desk) {
                        ears.changed().await;
                    }
                };
                let _as_soon_as_something_fails = tokio::time::timeout(CALM, trouble).await;
            } else {
                tokio::time::sleep(desk.pool().probe.every).await;
            }
        }
    }

    /// Says in the place of what a witness sees that it sees nothing else than this engine.
    fn no_second_eye(&self, desk: &Desk, name: &str) {
        let at = self.now();
        let says = "this engine runs on it and sees the same; name another machine in `witnesses`".to_owned();
        let mut kept = desk.kept();
        for host in desk.pool().protects.iter().chain(&desk.pool().spares).filter(|host| *host != name) {
            let sight = Sight { witness: name.to_owned(), host: host.clone(), reaches: None, at, says: says.clone() };
            kept.sights.insert((name.to_owned(), host.clone()), sight);
        }
    }

    /// Whether nothing of the pool fails at this moment.
    fn calm(&self, desk: &Desk) -> bool {
        self.0.parts.watch.beliefs(desk.members()).iter().all(|belief| belief.fault.is_none())
    }

    pub(super) async fn look_at_spares(&self, desk: &Arc<Desk>) {
        loop {
            let fleet = self.fleet();
            let spares = desk.pool().spares.iter().filter_map(|name| fleet.host(name));
            let looking = spares.map(|spare| self.readiness(desk, &fleet, spare));
            for (spare, looked) in join_all(looking).await {
                desk.kept().readiness.insert(spare, looked);
            }
            tokio::time::sleep(READINESS).await;
        }
    }

    /// What makes a spare not ready, besides its health: it cannot be commanded, or it is not what it is to stand in for.
    async fn readiness(&self, desk: &Desk, fleet: &Fleet, spare: &Host) -> (String, Readiness) {
        let ssh = &self.0.parts.tools.ssh;
        let (mut free, mut unready) = (None, Vec::new());
        match ssh.run(&spare.ssh, &Remote::new(room::SCRIPT, PATIENCE)).await {
            Ok(output) if output.status == 0 => {
                (free, unready) = room::judge(&output.text());
                for drift in &desk.pool().drift {
                    let beliefs = self.0.parts.watch.beliefs(&desk.pool().protects);
                    let alive = |name: &&String| {
                        beliefs.iter().any(|belief| belief.host == **name && belief.health != Health::Down)
                    };
                    let hosts: Vec<&Host> =
                        desk.pool().protects.iter().filter(alive).filter_map(|name| fleet.host(name)).collect();
                    let said = join_all(std::iter::once(spare).chain(hosts).map(|host| async move {
                        let output = ssh.run(&host.ssh, &Remote::new(drift.run.clone(), PATIENCE)).await;
                        (host.name.clone(), output.map_err(|error| error.what))
                    }));
                    unready.extend(drift::judge(&drift.run, &said.await));
                }
            }
            Ok(output) => unready.push(format!("a shell on it ends with status {}", output.status)),
            Err(error) => unready.push(format!("it cannot be commanded: {}", error.what)),
        }
        (spare.name.clone(), Readiness { unready, free, at: self.now() })
    }
}
