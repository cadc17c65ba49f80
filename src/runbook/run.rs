//! Run: does the steps of a plan one after the other, journalled, and undoes them.
//!
//! For each step: the right is asked, the intent is made durable, then the step checks, acts and verifies. Whatever ends
//! the engine in between, the record on disk says what may have been done, and [`Way::Resume`] and [`Way::Abandon`] go on
//! from there.

mod attempt;
mod fenced;
mod part;
mod runner;
mod timeline;
mod undo;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use super::deed::Deeds;
use super::record::RunRecord;
use super::view::RunView;
use crate::clock::Clock;
use crate::journal::entry::Weight;
use runner::Runner;

/// The right to act, asked before every step and every undo.
pub trait Right: Send + Sync {
    /// Whether it is still held; otherwise why not, in words.
    fn may(&self) -> Result<(), String>;
}

/// Where a run is kept.
pub trait Ledger: Send + Sync {
    /// Keeps the record, with a line for the journal where there is one to write. Answers only when both are durable;
    /// an error says why they are not, and then nothing is begun that depends on it.
    fn keep<'a>(&'a self, record: &'a RunRecord, note: Option<Note>) -> BoxFuture<'a, Result<(), String>>;
}

/// A line for the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// How much it matters.
    pub weight: Weight,
    /// What, in one line.
    pub what: String,
    /// Why, or what was seen.
    pub why: String,
    /// For programs: `run`, `runbook`, `step`, `state`, `generation`.
    pub about: serde_json::Value,
}

/// What a person wants of a run that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The answer to the question of a step.
    Answer {
        /// Name of the step that asks.
        step: String,
        /// Confirmed, or refused.
        yes: bool,
        /// Who.
        who: String,
    },
    /// The evidence of the question that stands is looked at again.
    LookAgain,
    /// No further step; waits and questions end at once, a command that is under way may finish.
    Stop {
        /// Undo what was done?
        undo: bool,
        /// Who.
        who: String,
    },
}

/// How the executor is watched and steered.
#[derive(Debug)]
pub struct Hand {
    /// Where the view is published at each change.
    pub view: watch::Sender<Arc<RunView>>,
    /// What people want. All senders gone: nobody wants anything.
    pub wishes: mpsc::Receiver<Wish>,
}

/// What is done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its steps are done from the first.
    Begin,
    /// It is gone on with at the step that was under way: first it is asked whether that was done. Where that cannot be
    /// told the run ends as unknown, and a second resume does the step again. A run that was being undone is undone further.
    Resume,
    /// What was done is undone, last first.
    Abandon,
}

/// Executes a plan and answers with the record as it ended. Dropping the future leaves the last kept record, which
/// [`RunRecord::interrupted`] shows; nothing is undone by that.
pub async fn execute(
    record: RunRecord,
    way: Way,
    deeds: &dyn Deeds,
    clock: &Clock,
    right: &dyn Right,
    ledger: &dyn Ledger,
    hand: Hand,
) -> RunRecord {
    Runner::new(record, deeds, clock, right, ledger, hand).execute(way).await
}

#[cfg(test)]
mod tests;
