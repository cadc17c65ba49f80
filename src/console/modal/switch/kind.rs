//! What is to be done, and the command that does it.

use crate::engine::command::Command;
use crate::runbook::view::RunView;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A spare takes a host's place.
    Takeover {
        /// The host; `None`: the most important one that is gone.
        failed: Option<String>,
        /// The spare; `None`: the first that is ready.
        spare: Option<String>,
    },
    /// The work goes back.
    Giveback {
        /// The host; `None`: the only one that is stood in for.
        host: Option<String>,
    },
    /// Practice.
    Drill,
    /// An interrupted run goes on.
    Resume,
    /// What an interrupted run has done is undone.
    Abandon,
}

impl Kind {
    /// Whether it is about a run that was interrupted: there is nothing to rehearse.
    pub const fn mends(&self) -> bool {
        matches!(self, Self::Resume | Self::Abandon)
    }

    /// What the button says.
    pub const fn button(&self) -> &'static str {
        match self {
            Self::Takeover { .. } => " Take over ",
            Self::Giveback { .. } => " Give back ",
            Self::Drill => " Drill ",
            Self::Resume => " Go on ",
            Self::Abandon => " Undo it ",
        }
    }

    /// What is sent: the dry run, or with the names that the dry run found the same in earnest.
    pub fn command(&self, pool: &str, found: Option<&RunView>) -> Command {
        let name = pool;
        let (pool, dry_run) = (pool.to_owned(), found.is_none());
        let phrase = found.map(|run| self.phrase(name, run)).unwrap_or_default();
        let host = |asked: &Option<String>| found.and_then(|run| run.failed.clone()).or_else(|| asked.clone());
        match self {
            Self::Takeover { failed, spare } => {
                let spare = found.and_then(|run| run.spare.clone()).or_else(|| spare.clone());
                Command::PoolTakeover { pool, failed: host(failed), spare, dry_run, phrase }
            }
            Self::Giveback { host: asked } => Command::PoolGiveback { pool, host: host(asked), dry_run, phrase },
            Self::Drill => Command::PoolDrill { pool, dry_run },
            Self::Resume => Command::PoolResume { pool },
            Self::Abandon => Command::PoolAbandon { pool },
        }
    }

    /// What must be typed: the name of the host, or of the pool where the object is the pool.
    pub fn phrase(&self, pool: &str, run: &RunView) -> String {
        let host = run.failed.clone().filter(|_| *self != Self::Drill);
        host.unwrap_or_else(|| pool.to_owned())
    }
}
