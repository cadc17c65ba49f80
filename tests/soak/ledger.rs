//! What was asked of the engine, and what it said.

use std::collections::BTreeMap;

use hotspare::engine::command::{Accepted, Refusal, RefusalKind};

/// What came of the commands.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Jobs that were accepted, with what was asked.
    pub(crate) jobs: BTreeMap<u64, &'static str>,
    /// Jobs whose number was given away twice.
    pub(crate) twice: Vec<u64>,
    /// Commands that were accepted, by kind.
    pub(crate) accepted: BTreeMap<&'static str, u64>,
    /// Commands that were refused, by kind.
    pub(crate) refused: BTreeMap<&'static str, u64>,
    /// Commands that no engine answered.
    pub(crate) gone: u64,
}

impl Ledger {
    pub(crate) fn note(&mut self, kind: &'static str, said: &Result<Accepted, Refusal>) {
        match said {
            Ok(accepted) => {
                *self.accepted.entry(kind).or_default() += 1;
                if let Some(job) = accepted.job
                    && self.jobs.insert(job.0, kind).is_some()
                {
                    self.twice.push(job.0);
                }
            }
            Err(Refusal { kind: RefusalKind::Gone, .. }) => self.gone += 1,
            Err(_refusal) => *self.refused.entry(kind).or_default() += 1,
        }
    }
}
