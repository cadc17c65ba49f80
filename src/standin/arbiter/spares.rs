//! Spares: which of them a host may have, when more important hosts have chosen theirs.
//!
//! The least movement: a free spare before one that serves, the first of the fleet file first, and nothing that serves is
//! ever moved only for balance.

use super::scene::{Scene, SpareSeen};
use crate::clock::Timestamp;
use crate::fleet::pool::Pool;
use crate::health::view::Health;
use crate::standin::book::{Assignment, Book, Phase};

/// The spares of a pool, and who has chosen which.
pub(super) struct Spares<'a> {
    pub(super) pool: &'a Pool,
    pub(super) book: &'a Book,
    pub(super) scene: &'a Scene,
    claims: Vec<(&'a str, &'a str)>,
}

/// A stand-in that escalation may take away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Victim<'a> {
    pub(super) spare: &'a str,
    pub(super) host: &'a str,
    pub(super) since: Timestamp,
}

impl<'a> Spares<'a> {
    pub(super) const fn new(pool: &'a Pool, book: &'a Book, scene: &'a Scene) -> Self {
        Self { pool, book, scene, claims: Vec::new() }
    }

    /// A host has chosen a spare: less important ones do not get it.
    pub(super) fn claim(&mut self, host: &'a str, spare: &'a str) {
        self.claims.push((host, spare));
    }

    fn claimed(&self, spare: &str) -> Option<&'a str> {
        self.claims.iter().find(|(_host, of)| *of == spare).map(|(host, _)| *host)
    }

    /// The first spare that is free and fit. During a cool-down, one that was freed on purpose comes first: it alone may
    /// be used at once.
    pub(super) fn free(&self, resting: bool) -> Option<&'a str> {
        let mut free: Vec<&'a str> =
            self.pool.spares.iter().map(String::as_str).filter(|spare| self.is_free(spare)).collect();
        free.retain(|spare| unfit(self.scene.spare(spare)).is_empty());
        let freed = free.iter().find(|spare| resting && self.book.freed.as_deref() == Some(**spare));
        freed.or(free.first()).copied()
    }

    fn is_free(&self, spare: &str) -> bool {
        !self.book.spares.contains_key(spare) && self.claimed(spare).is_none()
    }

    /// The stand-in of the least important host that is less important than this one, if its spare is fit for another.
    pub(super) fn victim(&self, host: &str) -> Option<Victim<'a>> {
        let rank = |name: &str| self.pool.protects.iter().position(|other| other == name);
        let mine = rank(host)?;
        let may = |(spare, of): &(&'a String, &'a Assignment)| {
            of.phase == Phase::Active
                && self.pool.spares.contains(spare)
                && self.claimed(spare).is_none()
                && unfit(self.scene.spare(spare)).is_empty()
        };
        let less = self.book.spares.iter().filter(may).filter_map(|(spare, of)| {
            let theirs = rank(&of.host).filter(|theirs| *theirs > mine)?;
            Some((theirs, Victim { spare, host: &of.host, since: of.since }))
        });
        less.max_by_key(|(theirs, _)| *theirs).map(|(_, victim)| victim)
    }

    /// The spares that are free and not fit, with what is wrong with each.
    pub(super) fn unready(&self) -> String {
        let free = self.pool.spares.iter().filter(|spare| self.is_free(spare));
        let told = free.filter_map(|spare| {
            let reasons = unfit(self.scene.spare(spare));
            (!reasons.is_empty()).then(|| format!("{spare} ({})", reasons.join(", ")))
        });
        told.collect::<Vec<_>>().join("; ")
    }

    /// The spares that are not free, with whom they are taken for.
    pub(super) fn taken(&self) -> String {
        let told = self.pool.spares.iter().filter_map(|spare| {
            if let Some(host) = self.claimed(spare) {
                return Some(format!("{spare} goes to {host}"));
            }
            let of = self.book.spares.get(spare)?;
            Some(match of.phase {
                Phase::Failed => format!("{spare} failed in place of {}", of.host),
                Phase::Releasing => format!("{spare} stops serving in place of {}", of.host),
                Phase::Activating | Phase::Active => format!("{spare} serves in place of {}", of.host),
            })
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

/// Everything that speaks against using a spare; empty: nothing.
pub(super) fn unfit(spare: Option<&SpareSeen>) -> Vec<String> {
    let Some(spare) = spare else { return vec!["it is not watched".into()] };
    let mut reasons = Vec::new();
    if !matches!(spare.health, Health::Up | Health::Degraded) {
        reasons.push(format!("it is {}", spare.health.word()));
    }
    reasons.extend(spare.maintenance.iter().map(|why| format!("in maintenance: {why}")));
    reasons.extend(spare.unready.iter().cloned());
    reasons
}
