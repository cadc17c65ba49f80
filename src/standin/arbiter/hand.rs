//! By hand: what a person may do, what refuses, and what of that a person may insist on.
//!
//! A person may act where automation is held back: paused, frozen, braked, cooling down, after a failed attempt, in any
//! mode. A person may never act without the lease, while another run of the pool has not ended, or give one spare to two
//! hosts.

use super::evidence::{Belief, Testimony, hear, isolated};
use super::holds::under_way;
use super::spares::{Spares, unfit};
use super::{Act, Decision, Refusal, Scene, Wish};
use crate::fleet::pool::Pool;
use crate::standin::book::{Book, Phase};

/// What a person may do now: the decision to begin, or everything that speaks against it.
///
/// # Errors
/// All refusals at once. Where each of them is overridable, the same wish with `insists` is granted.
pub fn by_hand(pool: &Pool, book: &Book, scene: &Scene, wish: &Wish) -> Result<Decision, Vec<Refusal>> {
    let mut asked = Asked { pool, book, scene, wish, refusals: Vec::new() };
    asked.right_to_act();
    let testimony = hear(scene.host(&wish.host), scene.now);
    let spare = match wish.act {
        Act::Takeover | Act::Drill => asked.fresh_spare(&testimony),
        Act::Release | Act::Giveback => asked.serving_spare(&testimony),
    };
    let refused = asked.refusals.iter().any(|refusal| !refusal.overridable || !wish.insists);
    match spare {
        Some(spare) if !refused => Ok(Decision {
            act: wish.act,
            host: wish.host.clone(),
            spare,
            for_host: None,
            fault: scene.host(&wish.host).filter(|_| wish.act == Act::Takeover).and_then(|host| host.fault),
            planned: wish.act == Act::Takeover && testimony.belief == Belief::Up,
            evidence: testimony.evidence,
        }),
        _ => Err(asked.refusals),
    }
}

struct Asked<'a> {
    pool: &'a Pool,
    book: &'a Book,
    scene: &'a Scene,
    wish: &'a Wish,
    refusals: Vec<Refusal>,
}

/// Whether a spare is taken for a host.
enum Served<'a> {
    No,
    /// It failed.
    Badly(&'a str),
    Already,
}

impl<'a> Asked<'a> {
    fn never(&mut self, why: impl Into<String>, needs: impl Into<String>) {
        self.refuse(why.into(), needs.into(), false);
    }

    fn unless_insisted(&mut self, why: impl Into<String>, needs: impl Into<String>) {
        self.refuse(why.into(), needs.into(), true);
    }

    fn refuse(&mut self, why: String, needs: String, overridable: bool) {
        let what = format!("{} of {} by hand", self.wish.act.word(), self.wish.host);
        self.refusals.push(Refusal { what, why, needs, overridable });
    }

    /// What holds for everything that a person may want.
    fn right_to_act(&mut self) {
        if let Err(why) = &self.scene.lease {
            self.never(format!("this engine does not hold the lease: {why}"), "the engine that holds it, or the lease");
        }
        if let Some(run) = &self.book.run {
            let needs = if run.interrupted { "resume, undo or abandon it first" } else { "wait for it to end" };
            self.never(under_way(run), needs);
        }
        if let Some(why) = isolated(self.scene) {
            self.unless_insisted(why, "an anchor that answers");
        }
        if !self.pool.protects.contains(&self.wish.host) {
            let why = format!("{} is not protected by the pool {}", self.wish.host, self.pool.name);
            self.never(why, "the name of one of its hosts");
        }
        let (runbook, key) = match self.wish.act {
            Act::Giveback => (self.pool.giveback.is_some(), "giveback"),
            Act::Drill => (self.pool.drill.is_some(), "drill"),
            Act::Takeover | Act::Release => (true, ""),
        };
        if !runbook {
            self.never(
                format!("the pool {} has no `{key}` runbook", self.pool.name),
                format!("declare `{key}` in the fleet file"),
            );
        }
    }

    /// The spare for a takeover or a drill.
    fn fresh_spare(&mut self, testimony: &Testimony) -> Option<String> {
        let again = match self.served() {
            Served::Already => return None,
            Served::Badly(spare) => Some(spare.to_owned()),
            Served::No => None,
        };
        self.speaks_for_the_host(testimony);
        let fresh = again.is_none();
        let chosen = match again.or_else(|| self.wish.spare.clone()) {
            Some(spare) => spare,
            None => self.any_spare()?,
        };
        let taken = self.book.spares.get(&chosen).filter(|_| fresh);
        if let Some(of) = taken {
            let why = format!("{chosen} is taken for {}", of.host);
            self.never(why, format!("give {} back, or release {chosen}, first", of.host));
        } else if self.pool.spares.contains(&chosen) {
            for why in unfit(self.scene.spare(&chosen)) {
                self.unless_insisted(format!("{chosen} is not ready: {why}"), "a spare that is ready");
            }
        } else {
            self.never(format!("{chosen} is no spare of the pool {}", self.pool.name), "the name of one of its spares");
        }
        Some(chosen)
    }

    /// Whether a spare is taken for the host. One that failed for it, and may still hold its address, is the only one on
    /// which a takeover may be repeated.
    fn served(&mut self) -> Served<'a> {
        let Some((spare, of)) = self.book.serving(&self.wish.host) else { return Served::No };
        let host = &of.host;
        if of.phase != Phase::Failed || self.wish.act == Act::Drill {
            let needs = format!("give {host} back, or release {spare}, first");
            self.never(format!("{spare} is taken for {host} already"), needs);
            return Served::Already;
        }
        if self.wish.spare.as_ref().is_some_and(|wanted| wanted != spare) {
            let why = format!("{spare} failed in place of {host} and may still hold its address");
            self.never(why, format!("release or clear {spare} first, or take over again with it"));
            return Served::Already;
        }
        Served::Badly(spare)
    }

    fn speaks_for_the_host(&mut self, testimony: &Testimony) {
        let Testimony { belief, evidence, .. } = testimony;
        let host = &self.wish.host;
        match (self.wish.act, belief) {
            (Act::Drill, Belief::Up) | (Act::Takeover, Belief::Gone) => {}
            (Act::Drill, _) => {
                self.never(format!("{host} is not up ({evidence}): it may need the spare"), "a drill when all is well");
            }
            (_, Belief::Up) => self
                .unless_insisted(format!("{host} is up and answers"), "a planned switchover, if that is what you want"),
            _ => self
                .unless_insisted(format!("{host} is not known to be down: {evidence}"), "more evidence, or your word"),
        }
    }

    /// The first spare that is fit, or else the first that is free and may be insisted on.
    fn any_spare(&mut self) -> Option<String> {
        let spares = Spares::new(self.pool, self.book, self.scene);
        if let Some(spare) = spares.free(false) {
            return Some(spare.to_owned());
        }
        let free = self.pool.spares.iter().find(|spare| !self.book.spares.contains_key(*spare));
        if free.is_none() {
            self.never(format!("no spare is free: {}", spares.taken()), "give a host back, or release a spare, first");
        }
        free.cloned()
    }

    /// The spare for a giveback or a release.
    fn serving_spare(&mut self, testimony: &Testimony) -> Option<String> {
        let host = &self.wish.host;
        let Some((spare, of)) = self.book.serving(host) else {
            self.never(format!("no spare serves in place of {host}"), "nothing: there is nothing to end");
            return None;
        };
        if self.wish.spare.as_ref().is_some_and(|wanted| wanted != spare) {
            self.never(format!("it is {spare} that serves in place of {host}"), format!("say {spare}"));
        }
        if !matches!(of.phase, Phase::Active | Phase::Failed) {
            self.never(format!("{spare} is in the middle of a run"), "wait for it to end, or resume or undo it");
        }
        match (self.wish.act, testimony.belief) {
            (Act::Giveback, Belief::Up) | (Act::Release, _) => {}
            (Act::Giveback, Belief::Suspect) => {
                self.unless_insisted(format!("{host} is suspect: {}", testimony.evidence), "the host up");
            }
            _ => self.never(
                format!("{host} is not up: {}", testimony.evidence),
                format!("the host up; to free {spare}, release it"),
            ),
        }
        Some(spare.to_owned())
    }
}
