//! Turns: what beginning and ending a run does to the book, and what the arbiter's notes do.

use super::{Assignment, Attempt, Book, Brake, Note, PAST, Phase, Underway};
use crate::clock::Timestamp;
use crate::runbook::view::{RunId, RunState};
use crate::standin::arbiter::{Act, Decision};
use crate::standin::steady::since;
use crate::standin::view::Past;

/// A run may begin, or go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// The generation that its steps carry.
    pub generation: u64,
}

/// A change that the book does not let happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Runs of one pool never overlap.
    #[error("run {0} of this pool has not ended; wait for it, or resume, undo or abandon it")]
    Underway(RunId),
    /// One spare, one host.
    #[error("{spare} is taken for {host}; give that back or release it first")]
    Taken {
        /// The spare.
        spare: String,
        /// For whom.
        host: String,
    },
    /// There is nothing to give back or to release.
    #[error("{spare} does not serve in place of {host}; look again")]
    NotServing {
        /// The spare.
        spare: String,
        /// The host.
        host: String,
    },
    /// The run that is to be ended, resumed or abandoned is not the one under way.
    #[error("run {0} is not under way; look again")]
    NoSuchRun(RunId),
    /// Only a run whose engine has gone is resumed, undone or abandoned.
    #[error("run {0} is still under way; wait for it to end")]
    NotInterrupted(RunId),
    /// The brake holds only when it was tripped.
    #[error("the brake is not tripped; there is nothing to re-arm")]
    NotTripped,
    /// A spare that is not marked failed is not cleared.
    #[error("{0} is not marked as failed; give its work back, or release it")]
    NotFailed(String),
}

impl Book {
    /// A run begins: the generation grows, and the spare is taken. To be made durable before the first command.
    ///
    /// # Errors
    /// When another run has not ended, or the spare or the host is taken otherwise than the decision believes.
    pub fn begin(
        &mut self,
        decision: &Decision,
        by: &str,
        automatic: bool,
        run: RunId,
        now: Timestamp,
    ) -> Result<Begun, Conflict> {
        if let Some(other) = &self.run {
            return Err(Conflict::Underway(other.id));
        }
        let Decision { act, host, spare, planned, .. } = decision;
        let phase = match act {
            Act::Takeover | Act::Drill => {
                self.may_take(*act, spare, host)?;
                self.freed = None;
                Phase::Activating
            }
            Act::Release | Act::Giveback => {
                self.serves(spare, host)?;
                Phase::Releasing
            }
        };
        let generation = self.grow(spare, host);
        let before = self.spares.get(spare).filter(|_| phase == Phase::Releasing);
        let assignment = Assignment {
            host: host.clone(),
            phase,
            generation,
            since: now,
            by: before.map_or(by, |before| &before.by).to_owned(),
            run,
            planned: before.map_or(*planned, |before| before.planned),
            why: None,
        };
        self.spares.insert(spare.clone(), assignment);
        self.run = Some(Underway {
            id: run,
            decision: decision.clone(),
            generation,
            by: by.to_owned(),
            automatic,
            began: now,
            interrupted: false,
        });
        Ok(Begun { generation })
    }

    /// The spare is free, or failed for this same host, which has no other.
    fn may_take(&self, act: Act, spare: &str, host: &str) -> Result<(), Conflict> {
        let again = |of: &Assignment| act == Act::Takeover && of.phase == Phase::Failed && of.host == host;
        let mut others = self.spares.iter().filter(|(name, of)| name.as_str() == spare || of.host == host);
        match others.find(|(name, of)| name.as_str() != spare || !again(of)) {
            Some((name, of)) => Err(Conflict::Taken { spare: name.clone(), host: of.host.clone() }),
            None => Ok(()),
        }
    }

    fn serves(&self, spare: &str, host: &str) -> Result<(), Conflict> {
        let ends = |of: &&Assignment| of.host == host && matches!(of.phase, Phase::Active | Phase::Failed);
        match self.spares.get(spare).filter(ends) {
            Some(_) => Ok(()),
            None => Err(Conflict::NotServing { spare: spare.to_owned(), host: host.to_owned() }),
        }
    }

    /// The next generation, for both machines. One counter for the pool, so that it grows for whatever they share.
    pub(super) fn grow(&mut self, spare: &str, host: &str) -> u64 {
        self.generation = self.generation.saturating_add(1);
        for machine in [spare, host] {
            self.generations.insert(machine.to_owned(), self.generation);
        }
        self.generation
    }

    /// The run that is under way has ended, or was interrupted; while it still runs, nothing changes. `why`: what went
    /// wrong, where something did.
    ///
    /// # Errors
    /// When another run is under way, or none.
    pub fn ended(&mut self, run: RunId, state: RunState, why: Option<String>, now: Timestamp) -> Result<(), Conflict> {
        let under_way = self.run.as_mut().filter(|other| other.id == run).ok_or(Conflict::NoSuchRun(run))?;
        if state == RunState::Interrupted {
            under_way.interrupted = true;
        }
        if !state.ended() || state == RunState::Interrupted {
            return Ok(());
        }
        let Some(ended) = self.run.take() else { return Ok(()) };
        // Practice holds up nothing that is meant.
        if ended.automatic && ended.decision.act != Act::Drill {
            self.rest = Some(now);
        }
        self.settle(&ended, state, why, now);
        let Underway { id, decision, began, .. } = ended;
        self.past.insert(
            0,
            Past {
                run: id,
                purpose: decision.act.purpose(),
                host: decision.host,
                spare: decision.spare,
                at: now,
                state,
                seconds: since(now, decision.fault.unwrap_or(began)).as_secs_f64(),
                promised: None,
            },
        );
        self.past.truncate(PAST);
        Ok(())
    }

    /// What was measured of a run that has ended, and what was promised; seconds.
    pub fn measured(&mut self, id: RunId, seconds: f64, promised: Option<f64>) {
        if let Some(past) = self.past.iter_mut().find(|past| past.run == id) {
            (past.seconds, past.promised) = (seconds, promised);
        }
    }

    /// What is true of the spare and the host afterwards.
    fn settle(&mut self, ended: &Underway, state: RunState, why: Option<String>, now: Timestamp) {
        let Decision { act, host, spare, for_host, .. } = &ended.decision;
        let after = match (act, state) {
            // Undone means that everything is as it was before the run.
            (Act::Takeover, RunState::Done) | (Act::Release | Act::Giveback, RunState::Undone) => Some(Phase::Active),
            (Act::Release | Act::Giveback | Act::Drill, RunState::Done)
            | (Act::Takeover | Act::Drill, RunState::Undone) => None,
            _ => Some(Phase::Failed),
        };
        match after {
            Some(phase) => {
                if let Some(of) = self.spares.get_mut(spare) {
                    of.phase = phase;
                    of.since = now;
                    of.why = why.filter(|_| phase == Phase::Failed);
                }
            }
            None => drop(self.spares.remove(spare)),
        }
        let tried = |why: &str| Attempt { run: ended.id, why: why.to_owned() };
        match (act, state) {
            (Act::Drill, _) => {}
            (Act::Takeover, RunState::Done) => {
                if let Some(outage) = self.outages.get_mut(host) {
                    outage.tried = None;
                }
            }
            (Act::Giveback, RunState::Done) => drop(self.outages.remove(host)),
            // Freed by a person: it is not taken for the same host again as if nobody had said anything.
            (Act::Release, RunState::Done) if for_host.is_none() => {
                let said = format!("{} released {spare} from it", ended.by);
                self.outages.entry(host.clone()).or_default().tried = Some(tried(&said));
            }
            (Act::Release, RunState::Done) => self.freed = Some(spare.clone()),
            _ => {
                let whom = for_host.as_ref().unwrap_or(host);
                let said = format!("the {} with {spare} {}", act.word(), state.word());
                self.outages.entry(whom.clone()).or_default().tried = Some(tried(&said));
            }
        }
    }

    /// Another engine begins to use this book: what was under way is interrupted, and no time lies in the future, since
    /// the clock of the engine before may have gone ahead of ours.
    pub fn restore(&mut self, now: Timestamp) {
        if let Some(run) = &mut self.run {
            run.interrupted = true;
            run.began = run.began.min(now);
        }
        for of in self.spares.values_mut() {
            of.since = of.since.min(now);
        }
        for time in [&mut self.rest, &mut self.armed].into_iter().flatten() {
            *time = (*time).min(now);
        }
    }

    /// An interrupted run goes on, or is undone, with a generation of its own: what the engine that has gone still has on
    /// the way to a host is refused there.
    ///
    /// # Errors
    /// When this run was not interrupted.
    pub fn resume(&mut self, run: RunId) -> Result<Begun, Conflict> {
        let (spare, host) = self.interrupted(run)?;
        let generation = self.grow(&spare, &host);
        if let Some(of) = self.spares.get_mut(&spare) {
            of.generation = generation;
        }
        if let Some(under_way) = &mut self.run {
            under_way.generation = generation;
            under_way.interrupted = false;
        }
        Ok(Begun { generation })
    }

    /// An interrupted run is left as it is. Its spare is marked failed: what it did is not known.
    ///
    /// # Errors
    /// When this run was not interrupted.
    pub fn abandon(&mut self, run: RunId, by: &str, now: Timestamp) -> Result<(), Conflict> {
        let (spare, host) = self.interrupted(run)?;
        // No step of it may still arrive.
        self.grow(&spare, &host);
        self.ended(run, RunState::Unknown, Some(format!("{by} abandoned run {run}")), now)
    }

    fn interrupted(&self, run: RunId) -> Result<(String, String), Conflict> {
        let under_way = self.run.as_ref().filter(|other| other.id == run).ok_or(Conflict::NoSuchRun(run))?;
        if !under_way.interrupted {
            return Err(Conflict::NotInterrupted(run));
        }
        Ok((under_way.decision.spare.clone(), under_way.decision.host.clone()))
    }

    /// What the arbiter found out is remembered.
    pub fn note(&mut self, note: &Note, now: Timestamp) {
        match note {
            Note::Brake { why } => self.brake = Some(Brake { at: now, why: why.clone() }),
            Note::Lost { spare, why } => {
                if let Some(of) = self.spares.get_mut(spare).filter(|of| of.phase == Phase::Active) {
                    of.phase = Phase::Failed;
                    of.since = now;
                    of.why = Some(why.clone());
                }
            }
            Note::Recovered { host } => drop(self.outages.remove(host)),
            Note::Forsworn { host, .. } => {
                if let Some(outage) = self.outages.get_mut(host) {
                    outage.oath = None;
                }
                self.forget_empty();
            }
        }
    }

    /// An outage of which nothing is remembered is none.
    pub(super) fn forget_empty(&mut self) {
        self.outages.retain(|_host, outage| outage.tried.is_some() || outage.oath.is_some());
    }
}
