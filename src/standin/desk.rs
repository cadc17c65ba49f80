//! Desk: all that is known of one pool in this engine, and how it is put before the arbiter and the faces.

mod scene;
mod views;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::arbiter::{Judgement, Refusal};
use super::book::Book;
use super::lease::book::Version;
use super::owners::Contest;
use super::steady::since;
use super::view::{Owner, PoolView, Sight, WhyNot};
use crate::clock::Timestamp;
use crate::fleet::pool::Pool;
use crate::runbook::record::Glance;
use crate::runbook::run::Wish;
use crate::runbook::view::RunView;

pub(super) use scene::Seen;
pub(super) use views::not_begun;

/// What is not done and was not done a moment ago is one refusal.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(5);
/// Refusals that are remembered.
const REFUSALS: usize = 100;

/// One pool.
#[derive(Debug)]
pub(super) struct Desk {
    pool: Pool,
    kept: Mutex<Kept>,
    /// The book is changed by one at a time.
    pub(super) writing: tokio::sync::Mutex<()>,
    /// A witness has spoken: it may be the word that was missing.
    pub(super) heard: tokio::sync::Notify,
    /// Held while an address of a stand-in is announced or taken again: a run lets that end first.
    pub(super) holding: tokio::sync::Mutex<()>,
    /// Who owns the addresses is to be asked now.
    pub(super) ask_owners: tokio::sync::Notify,
}

/// What changes of it.
#[derive(Debug)]
pub(super) struct Kept {
    /// The durable facts, as they were last read or written.
    pub book: Book,
    /// Their version; `None`: they were not read yet.
    pub version: Option<Version>,
    /// Why facts may be missing, where the brake was tripped for it.
    pub doubted: Option<String>,
    /// They were taken up since this engine holds the lease.
    pub ours: bool,
    /// Why they cannot be read or written.
    pub trouble: Option<String>,
    /// What was decided and could not be written down, so that it was not begun: why, and when.
    pub unkept: Option<(String, Timestamp)>,
    /// Witness and host to what the one says of the other.
    pub sights: BTreeMap<(String, String), Sight>,
    /// Host and spare to the last look at the wire that found the one silent from the other.
    pub glances: BTreeMap<(String, String), Glance>,
    /// The pool's machines and witnesses on which this engine runs: what they see is what it sees itself.
    pub own: BTreeSet<String>,
    /// Anchor to whether it answered last.
    pub anchors: BTreeMap<String, bool>,
    /// Spare to what was found when it was looked at.
    pub readiness: BTreeMap<String, Readiness>,
    /// Drills that were promised and not made.
    pub overdue: Option<String>,
    /// Why the recovery card cannot be written.
    pub uncarded: Option<String>,
    /// Who answers for each address that moves.
    pub owners: Vec<Owner>,
    /// Address to who owns it and should not.
    pub contests: BTreeMap<String, Contest>,
    /// Address to what is wrong with it on the spare that serves with it.
    pub lapses: BTreeMap<String, Lapse>,
    /// What the arbiter said last.
    pub judged: Judgement,
    /// What was not done, newest first.
    pub refusals: VecDeque<WhyNot>,
    /// A decision was handed over and has not become a run yet.
    pub handed: bool,
    /// Orders that are being carried out here: what the book says is under way and nobody here does was interrupted.
    pub busy: u32,
    /// The run that is under way, or was the last.
    pub run: Option<Arc<RunView>>,
    /// The way to whoever does the run that is under way.
    pub hand: Option<mpsc::Sender<Wish>>,
    /// As faces see it.
    pub view: Arc<PoolView>,
}

/// What was found when a spare was looked at.
#[derive(Debug, Clone)]
pub(super) struct Readiness {
    /// What makes it not ready, besides its health; empty: nothing.
    pub unready: Vec<String>,
    /// The least free room on its disks, bytes.
    pub free: Option<u64>,
    /// When that was.
    pub at: Timestamp,
}

/// What is wrong with an address on the spare that serves with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lapse {
    /// In words.
    pub why: String,
    /// Somebody else answers for it.
    pub contested: bool,
}

impl Desk {
    pub(super) fn new(pool: &Pool, now: Timestamp) -> Self {
        let kept = Kept {
            book: Book::default(),
            version: None,
            doubted: None,
            ours: false,
            trouble: None,
            unkept: None,
            sights: BTreeMap::new(),
            glances: BTreeMap::new(),
            own: BTreeSet::new(),
            anchors: BTreeMap::new(),
            readiness: BTreeMap::new(),
            overdue: None,
            uncarded: None,
            owners: Vec::new(),
            contests: BTreeMap::new(),
            lapses: BTreeMap::new(),
            judged: Judgement::default(),
            refusals: VecDeque::new(),
            handed: false,
            busy: 0,
            run: None,
            hand: None,
            view: Arc::new(views::blank(pool, now)),
        };
        Self {
            pool: pool.clone(),
            kept: Mutex::new(kept),
            writing: tokio::sync::Mutex::default(),
            heard: tokio::sync::Notify::new(),
            holding: tokio::sync::Mutex::default(),
            ask_owners: tokio::sync::Notify::new(),
        }
    }

    /// The same desk for a pool that the fleet file says otherwise.
    pub(super) fn carried(&self, pool: &Pool, now: Timestamp) -> Self {
        let fresh = Self::new(pool, now);
        {
            let (mut new, mut old) = (fresh.kept(), self.kept());
            new.book = old.book.clone();
            new.version = old.version;
            new.doubted.clone_from(&old.doubted);
            new.ours = old.ours;
            new.run.clone_from(&old.run);
            new.hand = old.hand.take();
            new.handed = old.handed;
            new.busy = old.busy;
            new.refusals = std::mem::take(&mut old.refusals);
            new.contests.clone_from(&old.contests);
            new.lapses.clone_from(&old.lapses);
        }
        fresh
    }

    pub(super) const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Protected hosts and spares.
    pub(super) fn members(&self) -> impl Iterator<Item = &String> {
        self.pool.protects.iter().chain(&self.pool.spares)
    }

    /// What lies behind this lock is whole at any time.
    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As faces see it.
    pub(super) fn view(&self) -> Arc<PoolView> {
        Arc::clone(&self.kept().view)
    }
}

impl Kept {
    /// Addresses with two owners, in words: nothing is done by itself meanwhile.
    pub(super) fn contested(&self) -> Vec<String> {
        let heard = self.contests.values().filter(|contest| contest.freezes).map(|contest| contest.why.clone());
        let lapses =
            self.lapses.iter().filter(|(address, lapse)| lapse.contested && !self.contests.contains_key(*address));
        heard.chain(lapses.map(|(_, lapse)| lapse.why.clone())).collect()
    }

    /// Remembers what is not done; returns what was not remembered before, for the journal.
    pub(super) fn refuse(&mut self, refusals: &[Refusal], now: Timestamp) -> Vec<Refusal> {
        let mut fresh = Vec::new();
        for refusal in refusals {
            // A count that grows by one with each failure is the same refusal, told more exactly.
            let again =
                |old: &&mut WhyNot| old.what == refusal.what && (old.why == refusal.why || since(now, old.at) < AGAIN);
            if let Some(old) = self.refusals.iter_mut().find(again) {
                old.why.clone_from(&refusal.why);
                old.needs.clone_from(&refusal.needs);
                old.at = now;
                continue;
            }
            let (what, why, needs) = (refusal.what.clone(), refusal.why.clone(), refusal.needs.clone());
            self.refusals.push_front(WhyNot { at: now, what, why, needs });
            self.refusals.truncate(REFUSALS);
            fresh.push(refusal.clone());
        }
        fresh
    }
}

/// A desk of the pool `p`: `s` is the spare of `a`.
#[cfg(test)]
fn example(now: Timestamp) -> Desk {
    let text = "name = \"f\"\n[hosts.a]\naddress = \"192.0.2.1\"\n[hosts.s]\naddress = \"192.0.2.3\"\n[pools.p]\n\
                protects = [\"a\"]\nspares = [\"s\"]\nfence = \"none\"\ntakeover = \"r\"\n\
                [runbooks.r]\nsteps = [{ kind = \"command\", on = \"spare\", run = \"true\" }]\n";
    let fleet = crate::fleet::load(text.as_bytes(), std::path::Path::new("/nowhere/fleet.toml")).fleet;
    Desk::new(&fleet.expect("a fleet").pools[0], now)
}
