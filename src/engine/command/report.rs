//! Reports: what came of a job, in full.

use serde::{Deserialize, Serialize};

use crate::dump::report::{Drilled, Made, Restored, Verified};
use crate::feed::report::{FeedCompared, FeedPrepared, FeedRan};
use crate::runbook::view::RunReport;
use crate::service::view::{Held, Released, Stopped};
use crate::session::report::{DeleteReport, SyncReport, VerifyReport};

/// What came of a job, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "report")]
pub enum Report {
    /// Of the doctor: one finding a line.
    Findings {
        /// In the order of the fleet file.
        findings: Vec<Finding>,
    },
    /// Of a copy.
    Synced {
        /// Session by session.
        sync: SyncReport,
    },
    /// Of a verification.
    Verified {
        /// One for each session and destination.
        verified: Vec<VerifyReport>,
    },
    /// Of a deletion.
    Deleted {
        /// What was deleted and what refused.
        deletion: DeleteReport,
    },
    /// Of a run.
    Ran {
        /// Step by step.
        ran: Box<RunReport>,
    },
    /// Of one round of a feed.
    Fed {
        /// Table by table.
        fed: FeedRan,
    },
    /// Of a comparison of both ends of a feed.
    Compared {
        /// Table by table.
        compared: FeedCompared,
    },
    /// Of preparing the target of a feed.
    Prepared {
        /// Table by table.
        prepared: FeedPrepared,
    },
    /// Of one round of a dump.
    Dumped {
        /// Database by database.
        made: Made,
    },
    /// Of a check of kits.
    KitsVerified {
        /// Kit by kit.
        kits: Verified,
    },
    /// Of a restore for practice.
    Drilled {
        /// Database by database.
        drilled: Drilled,
    },
    /// Of a restore for real, or of its rehearsal.
    Restored {
        /// Database by database.
        restored: Restored,
    },
    /// Of a hold that was taken.
    ServiceHeld {
        /// The hold, and the modules.
        held: Box<Held>,
    },
    /// Of a release.
    ServiceReleased {
        /// Whether it is.
        released: Released,
    },
    /// Of stopping modules.
    ServiceStopped {
        /// Module by module.
        stopped: Stopped,
    },
    /// A safety check said no, and nothing was changed.
    Refused {
        /// Why.
        why: String,
    },
    /// Nothing but how it ended.
    Nothing,
}

/// One thing that the doctor tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was tried: "ssh to studio-1".
    pub subject: String,
    /// How it went.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// What to do about it; empty when all is well.
    pub remedy: String,
}

/// How well something the doctor tried went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Good,
    /// Works, with a risk.
    Risk,
    /// Does not work.
    Bad,
}
