//! Facts: everything about one host that the table asks for, and the words for it.

use std::time::Duration;

use super::Act;
use super::evidence::{Belief, Testimony};
use super::holds::Holds;
use super::scene::{HostSeen, Scene};
use super::spares::{Spares, Victim};
use crate::fleet::pool::{GivebackMode, Mode, Pool};
use crate::health::view::Health;
use crate::reach::plain;
use crate::standin::book::{Assignment, Attempt, Book, Phase};
use crate::standin::steady::since;

/// A condition of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cond {
    /// Its spare is becoming its stand-in.
    Activating,
    /// Its spare stands in.
    Active,
    /// Its spare is being freed.
    Releasing,
    /// Its spare is marked failed.
    Failed,
    /// The run that changes its spare was interrupted.
    Interrupted,
    /// Its spare does not answer.
    SpareDown,
    /// This engine holds the lease, is not frozen and not cut off.
    Clear,
    /// A person moved its work while it was alive.
    Planned,
    /// The pool gives back automatically.
    GivebackAuto,
    /// Its vital checks pass without a failure for `up_after`.
    Back,
    /// It is in maintenance.
    Maintenance,
    /// Its vital checks pass.
    Up,
    /// Its vital checks pass, others do not.
    Degraded,
    /// Nothing is known of it.
    Unknown,
    /// Something is wrong, not enough to act on.
    Suspect,
    /// Down, and no witness can be asked.
    Unwitnessed,
    /// Down, and no majority of the witnesses agrees.
    Reached,
    /// Down, and no majority of the engines agrees.
    Outvoted,
    /// Down by checks, witnesses and engines.
    Gone,
    /// It still counts as down, and its vital checks pass at this moment.
    Passing,
    /// A run was tried for it in this outage, and failed.
    Tried,
    /// A spare is free and ready, and no more important host needs it.
    Free,
    /// A spare serves in place of a less important host, and the pool escalates.
    Victim,
    /// That spare has not served for `dwell`.
    Dwelling,
    /// A spare is free, and not ready.
    Unready,
    /// The pool is held back.
    Held,
    /// The pool cools down.
    Resting,
    /// The mode is not `auto`.
    NotAuto,
}

impl Cond {
    /// For the table in the documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Activating => "its spare is activating",
            Self::Active => "its spare is active",
            Self::Releasing => "its spare is releasing",
            Self::Failed => "its spare is marked failed",
            Self::Interrupted => "the run was interrupted",
            Self::SpareDown => "the spare is down",
            Self::Clear => "lease held, not frozen, not cut off",
            Self::Planned => "moved by a person while alive",
            Self::GivebackAuto => "giveback is automatic",
            Self::Back => "up for `up_after` without a fault",
            Self::Maintenance => "in maintenance",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Suspect => "suspect",
            Self::Unwitnessed => "down, no witness can be asked",
            Self::Reached => "down, no majority of witnesses",
            Self::Outvoted => "down, no majority of engines",
            Self::Gone => "down by checks and witnesses",
            Self::Passing => "its vital checks pass again",
            Self::Tried => "a run failed in this outage",
            Self::Free => "a spare is free and ready",
            Self::Victim => "a less important host has a spare, `escalate`",
            Self::Dwelling => "not yet for `dwell`",
            Self::Unready => "a spare is free, not ready",
            Self::Held => "held back",
            Self::Resting => "cooling down",
            Self::NotAuto => "mode is not auto",
        }
    }
}

/// Everything about one host.
pub(super) struct Facts<'a> {
    pub(super) pool: &'a Pool,
    pub(super) book: &'a Book,
    pub(super) scene: &'a Scene,
    pub(super) holds: &'a Holds,
    pub(super) name: &'a str,
    pub(super) seen: Option<&'a HostSeen>,
    pub(super) testimony: Testimony,
    pub(super) assigned: Option<(&'a str, &'a Assignment)>,
    pub(super) free: Option<&'a str>,
    pub(super) victim: Option<Victim<'a>>,
    pub(super) unready: String,
    pub(super) taken: String,
}

/// Whether a drill of the host has not ended.
fn practised(book: &Book, host: &str) -> bool {
    book.run.as_ref().is_some_and(|run| run.decision.act == Act::Drill && run.decision.host == host)
}

impl<'a> Facts<'a> {
    /// Of one host, when more important ones have claimed theirs.
    pub(super) fn of(name: &'a str, spares: &Spares<'a>, holds: &'a Holds, testimony: Testimony) -> Self {
        let Spares { pool, book, scene, .. } = *spares;
        Self {
            pool,
            book,
            scene,
            holds,
            name,
            seen: scene.host(name),
            testimony,
            // Practice changes nothing for the host: it serves, or fails, as if there were none.
            assigned: book.serving(name).filter(|_| !practised(book, name)),
            free: spares.free(holds.rest.is_some()),
            victim: spares.victim(name),
            unready: spares.unready(),
            taken: spares.taken(),
        }
    }

    /// Whether a condition of the table holds.
    pub(super) fn holds(&self, cond: Cond) -> bool {
        let phase = self.assigned.map(|(_spare, of)| of.phase);
        let belief = self.testimony.belief;
        match cond {
            Cond::Activating => phase == Some(Phase::Activating),
            Cond::Active => phase == Some(Phase::Active),
            Cond::Releasing => phase == Some(Phase::Releasing),
            Cond::Failed => phase == Some(Phase::Failed),
            Cond::Interrupted => self.book.run.as_ref().is_some_and(|run| run.interrupted),
            Cond::SpareDown => self.spare_is_down(),
            Cond::Clear => self.holds.clear,
            Cond::Planned => self.assigned.is_some_and(|(_spare, of)| of.planned),
            Cond::GivebackAuto => self.pool.giveback_mode == GivebackMode::Auto && self.pool.giveback.is_some(),
            Cond::Back => self.is_back(),
            Cond::Maintenance => self.seen.is_some_and(|host| host.maintenance.is_some()),
            Cond::Up => belief == Belief::Up,
            Cond::Degraded => self.seen.is_some_and(|host| host.health == Health::Degraded),
            Cond::Unknown => belief == Belief::Unknown,
            Cond::Suspect => belief == Belief::Suspect,
            Cond::Unwitnessed => belief == Belief::Unwitnessed,
            Cond::Reached => belief == Belief::Reached,
            Cond::Outvoted => belief == Belief::Outvoted,
            Cond::Gone => belief == Belief::Gone,
            Cond::Passing => self.seen.is_some_and(|host| host.health == Health::Down && host.passing_since.is_some()),
            Cond::Tried => self.tried().is_some(),
            Cond::Free => self.free.is_some(),
            Cond::Victim => self.pool.escalate && self.victim.is_some(),
            Cond::Dwelling => self.dwell_left().is_some(),
            Cond::Unready => !self.unready.is_empty(),
            Cond::Held => !self.holds.all.is_empty(),
            Cond::Resting => self.holds.rest.is_some() && !self.completes(),
            Cond::NotAuto => self.pool.mode != Mode::Auto,
        }
    }

    /// The spare was freed for a more important host in the run before this: one change in two halves.
    fn completes(&self) -> bool {
        self.free.is_some() && self.free == self.book.freed.as_deref()
    }

    fn spare_is_down(&self) -> bool {
        let spare = self.assigned.and_then(|(spare, _)| self.scene.spare(spare));
        spare.is_some_and(|spare| spare.health == Health::Down)
    }

    fn is_back(&self) -> bool {
        self.testimony.belief == Belief::Up && self.back_in().is_zero()
    }

    /// How long it must still pass before it is trusted.
    fn back_in(&self) -> Duration {
        let passing = self.seen.and_then(|host| host.passing_since).map(|from| since(self.scene.now, from));
        self.pool.up_after.saturating_sub(passing.unwrap_or_default())
    }

    fn dwell_left(&self) -> Option<Duration> {
        let served = self.victim.as_ref().map(|victim| since(self.scene.now, victim.since))?;
        self.pool.dwell.checked_sub(served).filter(|left| !left.is_zero())
    }

    fn tried(&self) -> Option<&Attempt> {
        self.book.outages.get(self.name).and_then(|outage| outage.tried.as_ref())
    }

    /// A text of the table with its words filled in.
    pub(super) fn say(&self, template: &str) -> String {
        let mut said = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            said.push_str(before);
            let Some((name, left)) = after.split_once('}') else { break };
            said.push_str(&self.word(name));
            rest = left;
        }
        said.push_str(rest);
        said
    }

    fn word(&self, name: &str) -> String {
        let of = self.assigned.map(|(_spare, of)| of);
        let victim = self.victim.as_ref();
        let left = |time: Option<Duration>| time.map(whole_seconds).unwrap_or_default();
        match name {
            "spare" => self.assigned.map(|(spare, _)| spare.to_owned()).unwrap_or_default(),
            "run" => of.map(|of| of.run.to_string()).unwrap_or_default(),
            "by" => of.map(|of| of.by.clone()).unwrap_or_default(),
            "failure" => of.and_then(|of| of.why.clone()).unwrap_or_else(|| "the reason is not known".into()),
            "hold" => self.holds.all.join("; "),
            "mode" => self.pool.mode.word().to_owned(),
            "up_after" => plain::time(self.pool.up_after),
            "back_in" => whole_seconds(self.back_in()),
            "maintenance" => self.seen.and_then(|host| host.maintenance.clone()).unwrap_or_default(),
            "seen" if self.testimony.belief == Belief::Up => {
                self.seen.and_then(|host| host.why.clone()).unwrap_or_else(|| "it is up".into())
            }
            "seen" => self.testimony.evidence.clone(),
            "next" => self.seen.and_then(|host| host.next.clone()).unwrap_or_else(|| "more evidence".into()),
            "silent" => match self.testimony.silent.as_slice() {
                [] => " (none is declared)".into(),
                silent => format!(" (of {})", silent.join(", ")),
            },
            "reach" => self.testimony.reach.join(", "),
            "tried" => self.tried().map(|tried| format!("run {}: {}", tried.run, tried.why)).unwrap_or_default(),
            "free" => self.free.unwrap_or_default().to_owned(),
            "from" => victim.map(|victim| victim.spare.to_owned()).unwrap_or_default(),
            "other" => victim.map(|victim| victim.host.to_owned()).unwrap_or_default(),
            "rest" => left(self.holds.rest),
            "dwell" => plain::time(self.pool.dwell),
            "dwell_left" => left(self.dwell_left()),
            "unready" => self.unready.clone(),
            "taken" => self.taken.clone(),
            other => format!("{{{other}}}"),
        }
    }
}

/// Rounded up, so that a countdown ends at 1 s and not at 0 s.
pub(super) fn whole_seconds(time: Duration) -> String {
    plain::time(Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0)))
}
