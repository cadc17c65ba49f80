//! What a spare claimed stays with it while it stands in: each address is announced again at the times of
//! [`next_announcement`], and looked for every second. One that has vanished is taken again, once, after the wire was asked;
//! what does not help is left to a person, and so is an address for which somebody else answers.
//!
//! Every command that changes something carries the assignment's generation, so that the host itself refuses it when the
//! work has moved on. Nothing is done without the lease, or while a run of the pool is under way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::super::desk::{Desk, Lapse};
use super::super::owners::bare;
use super::Pools;
use super::claims::{Claim, claims};
use crate::clock::Tick;
use crate::journal::entry::Weight;
use crate::runbook::cast::Machine;
use crate::runbook::guard::Guard;
use crate::runbook::kind::address::{Holding, hold, next_announcement, repair};
use crate::runbook::kind::wire;
use crate::standin::book::Phase;

/// Between two looks whether an address is still there, and longest wait for the next announcement.
const LOOK: Duration = Duration::from_secs(1);
/// Shortest pause between two rounds.
const BREATH: Duration = Duration::from_millis(250);
/// An announcement, or a look, takes no longer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Until a spare that could not be asked is asked again, and while somebody else answers.
const AGAIN: Duration = Duration::from_secs(5);
/// An address that vanishes again within this time is left to a person: something on the machine removes it.
const STANDS: Duration = Duration::from_mins(10);

/// A spare that stands in, with the addresses it claimed.
struct Post {
    spare: Machine,
    host: String,
    generation: u64,
    claims: Vec<Held>,
}

/// An address that a spare claimed.
struct Held {
    claim: Claim,
    /// Up to when, counted from the claim, it was announced.
    told: Duration,
    /// When it is announced next, where that is not the usual time.
    next: Option<Tick>,
    /// When it was last taken again.
    repaired: Option<Tick>,
    /// It vanished, and a person is to see to it.
    lost: bool,
    /// How often in a row it could not be announced.
    misses: u32,
}

impl Pools {
    pub(super) async fn hold_addresses(&self, desk: &Arc<Desk>) {
        let mut posts: BTreeMap<String, Post> = BTreeMap::new();
        loop {
            self.man_posts(desk, &mut posts).await;
            join_all(posts.values_mut().map(|post| self.hold_post(desk, post))).await;
            let now = self.0.parts.clock.tick();
            let claims = posts.values().flat_map(|post| &post.claims).filter(|held| !held.lost);
            let next = claims.map(|held| held.due().since(now)).min().unwrap_or(LOOK);
            tokio::time::sleep(next.clamp(BREATH, LOOK)).await;
        }
    }

    /// Brings the posts in line with the book: one for each spare that stands in.
    async fn man_posts(&self, desk: &Arc<Desk>, posts: &mut BTreeMap<String, Post>) {
        let active: Vec<(String, String, u64)> = {
            let mut kept = desk.kept();
            let active = kept.book.spares.iter().filter(|(_, of)| of.phase == Phase::Active);
            let active: Vec<_> = active.map(|(spare, of)| (spare.clone(), of.host.clone(), of.generation)).collect();
            if active.is_empty() {
                kept.lapses.clear();
            }
            active
        };
        posts.retain(|spare, post| active.contains(&(spare.clone(), post.host.clone(), post.generation)));
        for (spare, host, generation) in active {
            if posts.contains_key(&spare) || self.0.parts.lease.may_act().is_err() {
                continue;
            }
            let Some(machine) = self.fleet().host(&spare).map(Machine::from) else { continue };
            // What cannot be read now is read again in the next round.
            let Ok(Some(record)) = self.read_served(desk, &spare).await else { continue };
            if record.view.failed.as_deref() != Some(host.as_str()) {
                continue;
            }
            let clock = &self.0.parts.clock;
            let claims = claims(&record, &spare, clock.now(), clock.tick()).into_iter().map(Held::new).collect();
            posts.insert(spare, Post { spare: machine, host, generation, claims });
        }
        let held = |address: &String| {
            posts.values().flat_map(|post| &post.claims).any(|held| bare(&held.claim.address) == *address)
        };
        desk.kept().lapses.retain(|address, _| held(address));
    }

    /// One round for one spare.
    async fn hold_post(&self, desk: &Arc<Desk>, post: &mut Post) {
        if post.claims.is_empty() || !self.may_hold(desk, post) {
            return;
        }
        let now = self.0.parts.clock.tick();
        let own = match wire::listing(&self.0.parts.tools, &post.spare, PATIENCE).await {
            Ok(own) => own,
            Err(why) => {
                // Whether the spare lives is asked elsewhere.
                tracing::debug!(why, "a spare does not say what it holds");
                for held in &mut post.claims {
                    held.next = Some(now + AGAIN);
                }
                return;
            }
        };
        for at in 0..post.claims.len() {
            let Some(held) = post.claims.get(at) else { continue };
            let there = own.has_on(&held.claim.device, &bare(&held.claim.address));
            let vanishes = !there && held.next.is_none_or(|next| next <= now);
            if (held.lost && there) || (!held.lost && (vanishes || held.due() <= now)) {
                self.hold_one(desk, post, at).await;
            }
        }
    }

    /// Announces one address, and sees to it when it has vanished.
    async fn hold_one(&self, desk: &Arc<Desk>, post: &mut Post, at: usize) {
        let _a_run_waits = desk.holding.lock().await;
        if !self.may_hold(desk, post) {
            return;
        }
        let guard = guard(desk, post);
        let (spare, host) = (post.spare.clone(), post.host.clone());
        let Some(held) = post.claims.get_mut(at) else { return };
        let (tools, claim) = (&self.0.parts.tools, held.claim.clone());
        let answer = hold(tools, &spare, &claim.device, &claim.address, &guard, PATIENCE).await;
        let now = self.0.parts.clock.tick();
        let address = bare(&claim.address);
        match answer {
            Err(why) => {
                tracing::debug!(why, address, "an address was not announced");
                held.next = Some(now + AGAIN);
                held.misses += 1;
                // The spare has just said what it holds: a connection that was lost in between is lost once.
                if held.misses > 1 {
                    let why = format!("{} serves with {address} and does not announce it: {why}", spare.name);
                    self.lapse(desk, &host, &address, "is not announced", Lapse { why, contested: false });
                }
            }
            Ok(Holding::Held) => {
                held.announced(now);
                self.well(desk, &host, &spare.name, &address);
            }
            Ok(Holding::Contested(mac)) => {
                held.announced(now);
                held.next = Some(now + AGAIN);
                let why = format!("{address} is on {} and is answered by {mac} too", spare.name);
                self.lapse(desk, &host, &address, "has two owners", Lapse { why, contested: true });
                desk.ask_owners.notify_one();
            }
            Ok(Holding::Vanished) => {
                let may = held.repaired.is_none_or(|repaired| now.since(repaired) >= STANDS);
                let why = format!("{address} has vanished from {}, which serves with it", spare.name);
                let then =
                    if may { "it is taken again now" } else { "it was taken again a moment ago, and is not once more" };
                let lapse = Lapse { why: format!("{why}; {then}"), contested: false };
                self.lapse(desk, &host, &address, "has vanished", lapse);
                held.lost = true;
                if !may {
                    return;
                }
                held.repaired = Some(now);
                match repair(tools, &spare, &claim.device, &claim.address, &guard, PATIENCE).await {
                    Ok(()) => {
                        held.announced(self.0.parts.clock.tick());
                        self.well(desk, &host, &spare.name, &address);
                    }
                    Err(error) => {
                        let why = format!("{why}, and could not be taken again: {error}");
                        self.lapse(desk, &host, &address, "is not taken again", Lapse { why, contested: false });
                    }
                }
            }
        }
    }

    /// Whether this engine may still hold what it claimed with this spare.
    fn may_hold(&self, desk: &Desk, post: &Post) -> bool {
        let kept = desk.kept();
        let of = kept.book.spares.get(&post.spare.name);
        let same = of.is_some_and(|of| of.phase == Phase::Active && of.generation == post.generation);
        same && kept.book.run.is_none() && kept.hand.is_none() && self.0.parts.lease.may_act().is_ok()
    }

    /// Something is wrong with an address: shown, written and told, once.
    fn lapse(&self, desk: &Arc<Desk>, host: &str, address: &str, what: &str, lapse: Lapse) {
        let why = lapse.why.clone();
        let (known, shown) = {
            let mut kept = desk.kept();
            if kept.lapses.get(address) == Some(&lapse) {
                return;
            }
            let known = lapse.contested && kept.contests.contains_key(address);
            kept.lapses.insert(address.to_owned(), lapse);
            (known, desk.show(&mut kept))
        };
        if !known {
            self.alarm(desk, host, format!("{address} {what}"), why, Weight::Alarm);
        }
        if shown {
            self.bump();
        }
    }

    /// An address is held, and by nobody else.
    fn well(&self, desk: &Arc<Desk>, host: &str, spare: &str, address: &str) {
        let was = {
            let mut kept = desk.kept();
            let was = kept.lapses.remove(address);
            desk.show(&mut kept);
            was
        };
        if let Some(was) = was {
            let what = format!("{address} is on {spare} again, and nobody else answers for it");
            self.alarm(desk, host, what, format!("before: {}", was.why), Weight::Good);
            self.bump();
        }
    }
}

impl Held {
    const fn new(claim: Claim) -> Self {
        Self { claim, told: Duration::ZERO, next: None, repaired: None, lost: false, misses: 0 }
    }

    /// When it is announced next. What became due while nobody could is done at once.
    fn due(&self) -> Tick {
        self.next.unwrap_or_else(|| self.claim.since + next_announcement(self.told))
    }

    fn announced(&mut self, now: Tick) {
        self.told = now.since(self.claim.since);
        self.next = None;
        self.lost = false;
        self.misses = 0;
    }
}

/// What travels with each command for a spare.
fn guard(desk: &Desk, post: &Post) -> Guard {
    let pool = desk.pool().name.clone();
    let token = format!("{pool}-{}-holds", post.spare.name);
    Guard { scope: Some(pool), generation: post.generation, token }
}
