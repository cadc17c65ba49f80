//! Commands, queries and reports: all that a face can ask of the engine, and what it hears of it.

mod outcome;
mod query;
mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::dump::worker::hands::Pick;
use crate::fleet::secret::DatabaseUrl;
use crate::runbook::view::RunId;
use crate::session::view::Level;
use crate::work::view::JobId;

pub use self::outcome::{Accepted, Refusal, RefusalKind};
pub use self::query::{Answer, LogLine, Pace, Query};
pub use self::report::{Finding, Grade, Report};
pub use crate::session::view::Which;

/// A request to change something. Each one that is accepted or refused leaves a trace in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Command {
    /// Run every check of these hosts now; no names: of all hosts.
    ProbeNow {
        /// Names of hosts.
        hosts: Vec<String>,
    },
    /// Watching goes on, acting stops, until then.
    Maintain {
        /// Host.
        host: String,
        /// Why.
        why: String,
        /// When it ends.
        until: Timestamp,
    },
    /// End of maintenance.
    EndMaintenance {
        /// Host.
        host: String,
    },
    /// End a job.
    Cancel {
        /// Job.
        job: JobId,
    },
    /// Hold a job between two pieces of its work, or let it go on.
    Hold {
        /// Job.
        job: JobId,
        /// Held, or let go.
        held: bool,
    },
    /// Look at all sides of a store again.
    SessionRefresh {
        /// Store; `None`: the first of the fleet file.
        store: Option<String>,
    },
    /// Copy sessions to every destination and verify them, as a job.
    SessionSync {
        /// Store; `None`: the first of the fleet file.
        store: Option<String>,
        /// Which.
        which: Which,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// Compare copies with their source or their manifest, as a job.
    SessionVerify {
        /// Store; `None`: the first of the fleet file.
        store: Option<String>,
        /// Which.
        which: Which,
        /// How thoroughly; `None`: by content where a manifest exists, else by sizes.
        level: Option<Level>,
    },
    /// Delete sessions from this computer after all safety checks, as a job.
    SessionDelete {
        /// Store; `None`: the first of the fleet file.
        store: Option<String>,
        /// Which.
        which: Which,
        /// Only say what would be done; needs no phrase.
        dry_run: bool,
        /// What the person typed: `DELETE` for one session, `DELETE ALL` for several.
        phrase: String,
        /// [`DeleteReport::declared`](crate::session::report::DeleteReport::declared) of what the person was shown: where the
        /// fleet file says otherwise by now, nothing is deleted. `None`: nothing was shown.
        #[serde(default)]
        shown: Option<String>,
    },
    /// Change how many bytes a second the copies of a store may take, also for those that run.
    SessionLimit {
        /// Store; `None`: the first of the fleet file.
        store: Option<String>,
        /// Bytes a second; `None`: no limit.
        limit: Option<u64>,
    },
    /// A spare takes a host's place, as a job.
    PoolTakeover {
        /// Pool.
        pool: String,
        /// The host; `None`: the most important one that is gone.
        failed: Option<String>,
        /// The spare; `None`: the first that is ready.
        spare: Option<String>,
        /// Only say what would be done, after looking on the real hosts; needs no phrase.
        dry_run: bool,
        /// What the person typed: the name of the host, or of the pool where a script says yes.
        phrase: String,
    },
    /// The work goes back to the protected host, as a job.
    PoolGiveback {
        /// Pool.
        pool: String,
        /// The host; `None`: the only one that is stood in for.
        host: Option<String>,
        /// Only say what would be done, after looking on the real hosts; needs no phrase.
        dry_run: bool,
        /// What the person typed: the name of the host, or of the pool where a script says yes.
        phrase: String,
    },
    /// A spare serves no longer, though its host is not back: it is free for another, as a job.
    PoolRelease {
        /// Pool.
        pool: String,
        /// The host; `None`: the only one that is stood in for.
        host: Option<String>,
        /// Only say what would be done; needs no phrase.
        dry_run: bool,
        /// What the person typed: the name of the host, or of the pool where a script says yes.
        phrase: String,
    },
    /// Practice a takeover by the pool's drill, as a job.
    PoolDrill {
        /// Pool.
        pool: String,
        /// Only say what would be done, after looking on the real hosts.
        dry_run: bool,
    },
    /// Go on with a run that was interrupted, as a job.
    PoolResume {
        /// Pool.
        pool: String,
    },
    /// Undo what an interrupted run has done, as a job.
    PoolAbandon {
        /// Pool.
        pool: String,
    },
    /// No automatic decisions meanwhile.
    PoolPause {
        /// Pool.
        pool: String,
        /// Why.
        why: String,
        /// When it ends by itself.
        until: Timestamp,
    },
    /// Automatic decisions again.
    PoolUnpause {
        /// Pool.
        pool: String,
    },
    /// Say under one's name that a machine is off: the fence where nothing else can prove it.
    PoolSwear {
        /// Pool.
        pool: String,
        /// The host that is off.
        host: String,
        /// What the person typed: the name of the host.
        phrase: String,
    },
    /// Say under one's name that a spare on which something failed was looked at and is clean: it is free again.
    PoolClear {
        /// Pool.
        pool: String,
        /// The spare.
        spare: String,
        /// What the person typed: the name of the spare.
        phrase: String,
    },
    /// A person has seen what happened: the cool-down ends, the brake is re-armed, another automatic attempt is allowed.
    PoolAcknowledge {
        /// Pool.
        pool: String,
    },
    /// Carry what waits at the sources of a feed now, once, as a job.
    FeedRun {
        /// Feed.
        feed: String,
    },
    /// Compare both ends of a feed row by row, as a job.
    FeedCheck {
        /// Feed.
        feed: String,
        /// Carry exactly what is missing or different.
        repair: bool,
    },
    /// Make what the target of a feed needs, its tables and their unique indexes, as a job.
    FeedPrepare {
        /// Feed.
        feed: String,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// Forget how far a feed was carried: everything is carried from its beginning again, over what is there. As a job.
    FeedReset {
        /// Feed.
        feed: String,
        /// What the person typed: the name of the feed.
        phrase: String,
    },
    /// Make a kit now, as a job.
    DumpNow {
        /// Dump.
        dump: String,
    },
    /// Read kits and compare them with their sums, as a job.
    DumpVerify {
        /// Dump.
        dump: String,
        /// Which; `None`: all of them.
        pick: Option<Pick>,
    },
    /// Restore a kit for practice, into a server that is thrown away, as a job.
    DumpDrill {
        /// Dump.
        dump: String,
        /// Which.
        pick: Pick,
    },
    /// Restore a kit for real, as a job. What is at the target is dumped before.
    DumpRestore {
        /// Dump.
        dump: String,
        /// Only these databases; none: all of the kit.
        databases: Vec<String>,
        /// Which kit.
        pick: Pick,
        /// Where to.
        to: DatabaseUrl,
        /// Only say what would be overwritten; needs no phrase.
        dry_run: bool,
        /// What the person typed: `RESTORE`.
        phrase: String,
    },
    /// Write out what waits for the medium of a dump and let go of it, so that it may be taken out, as a job.
    DumpEject {
        /// Dump.
        dump: String,
    },
    /// Lock every pid file of a service, or none, for a person who works on it, as a job. Its host is in maintenance as long.
    ServiceHold {
        /// Service.
        service: String,
        /// Why.
        why: String,
        /// When the host itself ends it.
        until: Timestamp,
        /// How long it is tried while somebody else holds one of them, seconds.
        patience: u64,
    },
    /// Give the locks of a service back, as a job.
    ServiceRelease {
        /// Service.
        service: String,
        /// Only this hold; `None`: whichever this engine has.
        generation: Option<u64>,
    },
    /// Stop modules of a service whose locks this engine holds, as a job: an interrupt, a minute, another one.
    ServiceStop {
        /// Service.
        service: String,
        /// The module's name or its pid file; `None`: all that live, one after the other.
        module: Option<String>,
    },
    /// End the process that holds locks of a service, whosever it is, as a job.
    ServiceForce {
        /// Service.
        service: String,
        /// What the person typed: the name of the service.
        phrase: String,
    },
    /// Fetch the files of a config backup now, as a job.
    ConfigNow {
        /// Config backup; `None`: all of them.
        config: Option<String>,
    },
    /// Run a runbook, as a job.
    Run {
        /// Its name.
        runbook: String,
        /// Values for placeholders.
        set: BTreeMap<String, String>,
        /// Only say what would be done, after looking on the real hosts.
        dry_run: bool,
    },
    /// Go on with the last run of a runbook, or undo it, as a job. Its clean-up is done either way.
    RunMend {
        /// The runbook.
        runbook: String,
        /// Undo what it has done, instead of going on?
        abandon: bool,
    },
    /// Scale a service one by one, as a run of one step.
    Scale {
        /// Its name in the fleet file.
        service: String,
        /// How many there shall be.
        to: u32,
        /// Between two changes; `None`: 30 s.
        interval: Option<Duration>,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// Look again at what is shown with the question of a run.
    LookAgain {
        /// The run.
        run: RunId,
    },
    /// Answer what a step of a run wants to know.
    Answer {
        /// The run.
        run: RunId,
        /// Go on, or stop there.
        yes: bool,
        /// The step whose question was read; another one is not answered. `None`: whichever asks.
        #[serde(default)]
        step: Option<String>,
    },
    /// Try everything that the fleet file needs, as a job.
    Doctor,
    /// Check the chain of hashes of the whole journal, as a job.
    VerifyJournal,
    /// Read the fleet file again.
    Reload,
    /// Write a remark into the journal.
    Note {
        /// The remark.
        text: String,
    },
    /// Stop the engine. Refused while jobs run, unless forced.
    Stop {
        /// Cancel jobs first.
        force: bool,
    },
}
