//! Queries and their answers: what a face can see that the snapshot does not carry.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::clock::Timestamp;
use crate::configs;
use crate::dump::view::KitView;
use crate::health::view::History;
use crate::journal::entry::{Chain, Entry};
use crate::service::logs;
use crate::service::view::{HoldView, ServiceView};
use crate::session::key::Key;
use crate::session::view::{Ask, Detail, Rows};
use crate::standin::view::PoolDetail;
use crate::work::view::JobId;

/// A request to see something that the snapshot does not carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "query")]
pub enum Query {
    /// The history of a host.
    History {
        /// Host.
        host: String,
    },
    /// Entries of the journal, oldest first.
    Journal {
        /// Not before this time.
        since: Option<Timestamp>,
        /// Only entries with a smaller number than this: to page backwards.
        before: Option<u64>,
        /// At most so many, the newest of those that match.
        limit: u32,
    },
    /// Lines of the engine's log, oldest first.
    Log {
        /// Only lines with a greater number than this.
        after: u64,
    },
    /// How well the engine keeps up with its checks.
    Pace,
    /// The outcome of a job that has ended.
    Report {
        /// Job.
        job: JobId,
    },
    /// A window of the sessions of a store.
    Sessions {
        /// Which rows.
        ask: Box<Ask>,
    },
    /// Everything known of one session.
    Session {
        /// Store; `None`: the first of the fleet file.
        store: Option<String>,
        /// Which.
        key: Key,
    },
    /// Everything known of one pool.
    Pool {
        /// Its name.
        pool: String,
    },
    /// Whether a hold of a service still stands. Who holds asks every few seconds: one whose face is silent is given back.
    Hold {
        /// Service.
        service: String,
        /// Which hold.
        generation: u64,
    },
    /// All services with their modules and the locks of their pid files, looked at now.
    Services,
    /// The kits on the medium of a dump.
    Kits {
        /// Dump.
        dump: String,
    },
    /// A window of the logs of a service, of a host, or of one file.
    Logs {
        /// Which lines.
        ask: Box<logs::view::Ask>,
    },
    /// What is kept of configuration files.
    Configs,
    /// What changed in configuration files.
    ConfigDiff {
        /// Which files, between which versions.
        ask: Box<configs::view::Ask>,
    },
    /// A configuration file as it is kept.
    ConfigShow {
        /// Host.
        host: String,
        /// Path on it.
        path: String,
        /// As it was then; `None`: now.
        at: Option<Timestamp>,
    },
}

/// What a query returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// To [`Query::History`].
    History {
        /// The history.
        history: History,
    },
    /// To [`Query::Journal`].
    Journal {
        /// Entries, oldest first.
        entries: Vec<Entry>,
        /// Whether the chain over them holds.
        chain: Chain,
    },
    /// To [`Query::Log`].
    Log {
        /// Lines, oldest first.
        lines: Vec<LogLine>,
    },
    /// To [`Query::Pace`].
    Pace {
        /// The figures.
        pace: Pace,
    },
    /// To [`Query::Report`].
    Report {
        /// What came of the job.
        report: Report,
    },
    /// To [`Query::Sessions`].
    Sessions {
        /// The window.
        rows: Rows,
    },
    /// To [`Query::Session`].
    Session {
        /// Everything.
        detail: Box<Detail>,
    },
    /// To [`Query::Pool`].
    Pool {
        /// Everything.
        detail: Box<PoolDetail>,
    },
    /// To [`Query::Hold`].
    Hold {
        /// The hold, as long as it stands.
        hold: Option<HoldView>,
    },
    /// To [`Query::Services`].
    Services {
        /// In the order of the fleet file.
        services: Vec<ServiceView>,
    },
    /// To [`Query::Kits`].
    Kits {
        /// Newest first.
        kits: Vec<KitView>,
    },
    /// To [`Query::Logs`].
    Logs {
        /// The window.
        window: Box<logs::view::Window>,
    },
    /// To [`Query::Configs`].
    Configs {
        /// In the order of the fleet file.
        configs: Vec<configs::view::ConfigView>,
    },
    /// To [`Query::ConfigDiff`].
    ConfigDiff {
        /// File by file.
        diff: Box<configs::view::Diff>,
    },
    /// To [`Query::ConfigShow`].
    ConfigShow {
        /// The file.
        shown: Box<configs::view::Shown>,
    },
}

/// How well an engine keeps up with its checks, since it started.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Checks started.
    pub started: u64,
    /// Checks left out because their run before had not ended, or because a whole period was missed.
    pub skipped: u64,
    /// Half of the checks started no later than this, seconds.
    pub late_p50: f64,
    /// 99 of 100 checks started no later than this, seconds.
    pub late_p99: f64,
    /// The latest start, seconds.
    pub late_max: f64,
    /// Tasks that live in the engine now: a number that only grows is a leak.
    #[serde(default)]
    pub tasks: u64,
}

/// One line of the engine's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Number, from 1.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`.
    pub level: String,
    /// Text.
    pub text: String,
}
