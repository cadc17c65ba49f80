//! Who owns the addresses, for ever: what each machine says of itself every few seconds, and more seldom who answers for them on
//! the wire, as a machine hears it that does not hold them.
//!
//! What is found wrong is looked at once more a moment later, before it is believed: two machines are never asked at the
//! very same time, and an address may have moved in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::super::desk::Desk;
use super::super::owners::{self, Answers, Contest, Ear};
use super::Pools;
use crate::clock::Tick;
use crate::fleet::Fleet;
use crate::fleet::settings::Event;
use crate::health::view::Health;
use crate::journal::entry::Weight;
use crate::runbook::cast::Machine;
use crate::runbook::guard::Guard;
use crate::runbook::kind::address::hold;
use crate::runbook::kind::wire::{self, Heard, Listing};

/// Between two looks at what the machines hold.
const PAUSE: Duration = Duration::from_secs(5);
/// Between two questions to the wire while all is well.
const WIRE: Duration = Duration::from_secs(30);
/// Until a look is repeated that found something wrong for the first time.
const AGAIN: Duration = Duration::from_secs(1);
/// A witness listens so long for answers.
const LISTEN: Duration = Duration::from_millis(300);
/// One look at a machine takes no longer.
const PATIENCE: Duration = Duration::from_secs(4);

/// A contest is over.
const ALONE: &str = "has one owner again";

/// What is remembered from look to look.
#[derive(Default)]
struct Memory {
    /// Hardware address to machine: also of one that cannot be asked any more.
    macs: BTreeMap<String, String>,
    /// When the wire was asked last.
    asked: Option<Tick>,
    /// Addresses with which something is wrong that was seen once.
    suspects: BTreeSet<String>,
}

/// An address, and who may own it.
struct Moving {
    address: String,
    host: String,
    spare: Option<String>,
}

impl Pools {
    pub(super) async fn look_at_owners(&self, desk: &Arc<Desk>) {
        let mut memory = Memory::default();
        loop {
            let now = self.0.parts.clock.tick();
            let contested = !desk.kept().contests.is_empty();
            let listen =
                contested || !memory.suspects.is_empty() || memory.asked.is_none_or(|asked| now.since(asked) >= WIRE);
            if !self.look_once(desk, &mut memory, listen).await {
                return;
            }
            let pause = if memory.suspects.is_empty() { PAUSE } else { AGAIN };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = desk.ask_owners.notified() => memory.asked = None,
            }
        }
    }

    /// One look; `false`: the pool moves no address.
    async fn look_once(&self, desk: &Arc<Desk>, memory: &mut Memory, listen: bool) -> bool {
        let fleet = self.fleet();
        let before = stamp(desk);
        let moving = moving(desk, &fleet);
        if moving.is_empty() {
            return false;
        }
        let machines = members(desk, &fleet);
        let asking = machines.iter().map(|machine| async move {
            let listing = wire::listing(&self.0.parts.tools, machine, PATIENCE).await;
            (machine.name.clone(), listing.ok())
        });
        let mut answers: Vec<(String, Option<Listing>)> = join_all(asking).await;
        owners::each_once(&mut answers);
        for (machine, listing) in &answers {
            for mac in listing.iter().flat_map(Listing::macs) {
                memory.macs.insert(mac.clone(), machine.clone());
            }
        }
        let ears = if listen {
            memory.asked = Some(self.0.parts.clock.tick());
            self.listen(desk, &machines, &moving, &answers).await
        } else {
            BTreeMap::new()
        };
        // What moved in between is nobody's fault.
        let still = before.is_some() && stamp(desk) == before;
        let mut told = Vec::new();
        let now = self.now();
        let shown = {
            let mut kept = desk.kept();
            if still {
                for one in &moving {
                    // The spare that holds it may have heard the same, and told it.
                    let known = kept.lapses.get(&one.address).is_some_and(|lapse| lapse.contested);
                    let new = judge(one, &mut kept.contests, memory, &answers, ears.get(&one.address));
                    told.extend(new.map(|(what, why, weight)| (one, known, what, why, weight)));
                }
                let known = |address: &String| moving.iter().any(|one| one.address == *address);
                kept.contests.retain(|address, _| known(address));
            }
            kept.owners = moving
                .iter()
                .map(|one| owners::of(&one.address, &answers, kept.contests.get(&one.address), now))
                .collect();
            desk.show(&mut kept)
        };
        let mut alone = Vec::new();
        for (one, known, what, why, weight) in told {
            alone.extend((what == ALONE).then_some(&one.address));
            let what = format!("{} {what}", one.address);
            if known {
                self.write(desk, what, why, weight);
            } else {
                self.alarm(desk, &one.host, what, why, weight);
            }
        }
        if shown {
            self.bump();
        }
        for address in alone {
            self.announce_alone(desk, &machines, &answers, address).await;
        }
        true
    }

    /// Has the one that is left announce its address: clients may still believe the other, which answers no more.
    async fn announce_alone(&self, desk: &Desk, machines: &[Machine], answers: &Answers, address: &str) {
        let _a_run_waits = desk.holding.lock().await;
        if stamp(desk).is_none() || self.0.parts.lease.may_act().is_err() {
            return;
        }
        let holds = |(name, said): &(String, Option<Listing>)| {
            let device = said.as_ref()?.device_of(address)?.to_owned();
            Some((machines.iter().find(|machine| machine.name == *name)?, device))
        };
        let Some((machine, device)) = answers.iter().find_map(holds) else { return };
        let (scope, generation) = (desk.pool().name.clone(), desk.kept().book.generation);
        let guard = Guard { token: format!("{scope}-{}-alone", machine.name), scope: Some(scope), generation };
        if let Err(why) = hold(&self.0.parts.tools, machine, &device, address, &guard, PATIENCE).await {
            tracing::debug!(why, address, "an address was not announced");
        }
    }

    /// Has machines that do not hold them ask the wire for the addresses.
    async fn listen(
        &self,
        desk: &Desk,
        machines: &[Machine],
        moving: &[Moving],
        answers: &Answers,
    ) -> BTreeMap<String, Ear> {
        // Free spares first: they have nothing else to do.
        let busy: BTreeSet<String> = desk.kept().book.spares.keys().cloned().collect();
        let spares = &desk.pool().spares;
        let mut able: Vec<&Machine> = machines
            .iter()
            .filter(|machine| answers.iter().any(|(name, said)| *name == machine.name && said.is_some()))
            .collect();
        able.sort_by_key(|machine| !spares.contains(&machine.name) || busy.contains(&machine.name));
        let mut ears = BTreeMap::new();
        for witness in able {
            let holds = |address: &str| owners::holders(address, answers).any(|name| name == witness.name);
            let asked: Vec<&str> = moving
                .iter()
                .map(|one| one.address.as_str())
                .filter(|address| !ears.contains_key(*address) && !holds(address))
                .collect();
            if asked.is_empty() {
                continue;
            }
            match wire::ask(&self.0.parts.tools, witness, &asked, LISTEN, PATIENCE).await {
                Ok(heard) => ears.extend(heard.into_iter().filter_map(|(address, heard)| match heard {
                    Heard::Answers(macs) => Some((address, Ear { witness: witness.name.clone(), macs })),
                    Heard::Deaf(_) => None,
                })),
                Err(why) => tracing::debug!(why, "the wire was not asked"),
            }
        }
        ears
    }

    /// Machines that may be asked who answers for an address that a run takes, best first: those that are up.
    pub(super) fn witnesses(&self, desk: &Desk, failed: Option<&str>, spare: Option<&str>) -> Vec<Machine> {
        let beliefs = self.0.parts.watch.beliefs(desk.members());
        let up = |name: &str| {
            beliefs.iter().any(|belief| belief.host == name && matches!(belief.health, Health::Up | Health::Degraded))
        };
        let part = |name: &str| [failed, spare].contains(&Some(name));
        // Whoever has no part in the run is asked first: the host that gets its work back may be asked about nobody else.
        let mut able: Vec<Machine> = members(desk, &self.fleet()).into_iter().filter(|one| up(&one.name)).collect();
        able.sort_by_key(|machine| part(&machine.name));
        able
    }

    /// Something about an address: written, and told to whoever is to know of takeovers.
    pub(super) fn alarm(&self, desk: &Desk, host: &str, what: String, why: String, weight: Weight) {
        self.write(desk, what.clone(), why.clone(), weight);
        if self.0.parts.lease.may_act().is_ok() {
            self.tell(super::News::Told { event: Event::Takeover, subject: host.to_owned(), what, why });
        }
    }
}

/// What changes when an address moves; `None`: one is moved now.
fn stamp(desk: &Desk) -> Option<u64> {
    let kept = desk.kept();
    (kept.hand.is_none() && kept.book.run.as_ref().is_none_or(|run| run.interrupted)).then_some(kept.book.generation)
}

/// The machines of the pool.
fn members(desk: &Desk, fleet: &Fleet) -> Vec<Machine> {
    let names = desk.pool().protects.iter().chain(&desk.pool().spares);
    names.filter_map(|name| fleet.host(name)).map(Machine::from).collect()
}

/// The addresses that the pool moves.
fn moving(desk: &Desk, fleet: &Fleet) -> Vec<Moving> {
    let kept = desk.kept();
    let hosts = desk.pool().protects.iter().filter_map(|name| fleet.host(name));
    hosts
        .filter_map(|host| {
            let address = owners::bare(host.service.as_deref()?);
            let spare = kept.book.serving(&host.name).map(|(spare, _)| spare.to_owned());
            Some(Moving { address, host: host.name.clone(), spare })
        })
        .collect()
}

/// Believes what was seen twice; answers with what is new: what, why, how much it matters.
fn judge(
    one: &Moving,
    contests: &mut BTreeMap<String, Contest>,
    memory: &mut Memory,
    answers: &Answers,
    ear: Option<&Ear>,
) -> Option<(&'static str, String, Weight)> {
    let may: Vec<&str> = std::iter::once(one.host.as_str()).chain(one.spare.as_deref()).collect();
    let address = &one.address;
    match (owners::contest(address, &may, answers, ear, &memory.macs), contests.get(address)) {
        (Some(now), before) if before.is_some_and(|before| before.owners == now.owners) => {
            // The same owners, told with what is known of them now; heard once is heard until the wire says otherwise.
            let heard = now.heard || before.is_some_and(|before| before.heard);
            if now.heard || !heard {
                contests.insert(address.clone(), now);
            }
            None
        }
        (Some(now), Some(before)) if before.heard && !now.heard => None,
        (Some(now), _) => {
            if !memory.suspects.contains(address) {
                memory.suspects.insert(address.clone());
                return None;
            }
            memory.suspects.remove(address);
            let what = if now.freezes { "has two owners" } else { "has a wrong owner" };
            let why = now.why.clone();
            contests.insert(address.clone(), now);
            Some((what, why, Weight::Alarm))
        }
        (None, Some(before)) if owners::over(before, answers, ear) => {
            memory.suspects.remove(address);
            let why = format!("before: {}", before.why);
            contests.remove(address);
            Some((ALONE, why, Weight::Good))
        }
        (None, Some(_)) => None,
        (None, None) => {
            memory.suspects.remove(address);
            None
        }
    }
}
