//! Where runs are kept: beside the books, under the same lease.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::super::desk::Desk;
use super::super::lease::Lease;
use super::super::lease::book::Version;
use super::Pools;
use crate::clock::Clock;
use crate::journal::store::Draft;
use crate::journal::writer::Journal;
use crate::runbook::record::RunRecord;
use crate::runbook::run::{Ledger, Note, Right};

/// How long a run waits for what it keeps before its next step.
const PATIENCE: Duration = Duration::from_secs(10);

fn hangs() -> String {
    format!(
        "where runs are kept, nothing has answered for {} s; is the disk of the state folder hanging?",
        PATIENCE.as_secs()
    )
}

/// The right to act, as long as the lease is held.
pub struct Standing(pub Lease);

impl Right for Standing {
    fn may(&self) -> Result<(), String> {
        self.0.may_act().map(|_right| ()).map_err(|not| not.to_string())
    }
}

/// One run, kept as a book of the lease, with its lines in the journal.
pub struct Ledge {
    lease: Lease,
    journal: Journal,
    clock: Clock,
    name: String,
    version: tokio::sync::Mutex<Option<Version>>,
}

impl Ledge {
    /// Under this name among the books.
    pub fn at(name: String, lease: Lease, journal: Journal, clock: Clock) -> Self {
        Self { lease, journal, clock, name, version: tokio::sync::Mutex::new(None) }
    }

    /// The run of a pool that is under way.
    pub(super) fn new(pools: &Pools, desk: &Desk) -> Self {
        let parts = &pools.0.parts;
        Self::at(run_key(desk), parts.lease.clone(), parts.journal.clone(), parts.clock.clone())
    }

    async fn write(&self, record: &RunRecord) -> Result<(), String> {
        let lease = &self.lease;
        let text = serde_json::to_string(record).map_err(|error| error.to_string())?;
        let mut version = self.version.lock().await;
        let expected = match *version {
            Some(version) => version,
            None => lease.read(&self.name).await?.version,
        };
        *version = Some(lease.write(&self.name, text, expected).await.map_err(|error| error.to_string())?);
        Ok(())
    }
}

impl Ledger for Ledge {
    fn keep<'a>(&'a self, record: &'a RunRecord, note: Option<Note>) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let Some(note) = note else {
                let written = tokio::time::timeout(PATIENCE, self.write(record)).await;
                return written.unwrap_or_else(|_late| Err(hangs()));
            };
            let Note { weight, what, why, about } = note;
            let draft = Draft { time: self.clock.now(), who: record.orders.who.clone(), what, why, about, weight };
            // Both at once: where they go to the same disk, they wait for it together.
            let recorded = self.journal.append(draft).map_err(|error| error.to_string())?;
            // A disk that hangs gives no error, and a run that waits for it would hold the pool, and the lease, for ever.
            let both = async { tokio::join!(self.write(record), recorded) };
            let Ok((written, recorded)) = tokio::time::timeout(PATIENCE, both).await else {
                return Err(hangs());
            };
            written?;
            match recorded {
                Ok(recorded) if recorded.durable => Ok(()),
                _ => Err("the journal cannot be written: free or repair the disk of the state folder".into()),
            }
        }
        .boxed()
    }
}

/// Where the run that is under way is kept.
fn run_key(desk: &Desk) -> String {
    format!("{}.run", desk.pool().name)
}

/// Where the takeover by which a spare serves is kept.
fn served_key(desk: &Desk, spare: &str) -> String {
    format!("{}.served.{spare}", desk.pool().name)
}

impl Pools {
    /// The run that was kept last.
    pub(super) async fn read_record(&self, desk: &Arc<Desk>) -> Result<Option<RunRecord>, String> {
        self.read_kept(&run_key(desk)).await
    }

    /// The takeover by which a spare serves.
    pub(super) async fn read_served(&self, desk: &Arc<Desk>, spare: &str) -> Result<Option<RunRecord>, String> {
        self.read_kept(&served_key(desk, spare)).await
    }

    async fn read_kept(&self, key: &str) -> Result<Option<RunRecord>, String> {
        let kept = self.0.parts.lease.read(key).await?;
        if kept.text.is_empty() {
            return Ok(None);
        }
        let unreadable = |error: serde_json::Error| format!("what was kept as {key} cannot be read: {error}");
        serde_json::from_str(&kept.text).map(Some).map_err(unreadable)
    }

    /// Keeps the takeover by which a spare serves, for the way back.
    pub(super) async fn keep_served(&self, desk: &Arc<Desk>, record: &RunRecord) {
        let Some(spare) = &record.view.spare else { return };
        let key = served_key(desk, spare);
        let kept = async {
            let text = serde_json::to_string(record).map_err(|error| error.to_string())?;
            let version = self.0.parts.lease.read(&key).await?.version;
            self.0.parts.lease.write(&key, text, version).await.map_err(|error| error.to_string())
        };
        if let Err(why) = kept.await {
            tracing::warn!(why, spare, "the way back of a takeover is not kept; the giveback runbook is still there");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::fleet::pool::Fence;
    use crate::fleet::runbook::{OnError, Place, Runbook, Step, StepKind};
    use crate::fleet::settings::LeaseSettings;
    use crate::journal::entry::Weight;
    use crate::reach::network::Network;
    use crate::reach::secret::Secrets;
    use crate::runbook::cast::{Cast, Purpose};
    use crate::runbook::plan::plan;
    use crate::runbook::record::Orders;
    use crate::runbook::view::RunId;
    use crate::standin::lease::{Shelf, Tools};

    /// A disk that takes the number of the lease, and hangs with the first run.
    struct Hangs;

    impl Shelf for Hangs {
        fn keep(&self, key: String, _text: String) -> BoxFuture<'static, Result<(), String>> {
            if key == "lease/generation" { std::future::ready(Ok(())).boxed() } else { std::future::pending().boxed() }
        }

        fn kept(&self, _key: String) -> BoxFuture<'static, Result<Option<String>, String>> {
            std::future::ready(Ok(None)).boxed()
        }

        fn hangs(&self) -> Option<String> {
            None
        }
    }

    fn record(clock: &Clock) -> RunRecord {
        let step = Step {
            name: "it".into(),
            kind: StepKind::Command { run: "true".into() },
            on: Some(Place::Console),
            fence: false,
            timeout: Duration::from_secs(60),
            retries: 0,
            on_error: OnError::Stop,
            drill: true,
            cleanup: false,
            each: None,
            undo: None,
        };
        let plan = plan(&Runbook::plain("r", vec![step]), Purpose::Alone, &Cast::default()).expect("a plan");
        let orders = Orders {
            who: "ana".into(),
            why: "test".into(),
            generation: 1,
            fence: Fence::None,
            oath: None,
            before: Vec::new(),
            since: None,
        };
        RunRecord::new(RunId(1), plan, orders, clock)
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_does_not_wait_for_ever_for_a_disk_that_hangs() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::held(Timestamp::UNIX_EPOCH);
        let (secrets, network) = (Secrets::new(clock.clone()), Network::real());
        let tools = Tools { clock: clock.clone(), secrets, network, shelf: Arc::new(Hangs) };
        let lease = Lease::start(&LeaseSettings::default(), "engine-a".into(), tools);
        lease.state().wait_for(|state| state.held).await.expect("held");
        let journal = Journal::start(folder.path(), &clock).expect("a journal");
        let ledge = Ledge::at("p.run".into(), lease, journal, clock.clone());
        let note =
            Note { weight: Weight::Note, what: "it begins".into(), why: String::new(), about: serde_json::Value::Null };
        for note in [None, Some(note)] {
            let ended = tokio::time::timeout(Duration::from_secs(60), ledge.keep(&record(&clock), note)).await;
            let why = ended.expect("it ends").expect_err("nothing was kept");
            assert!(why.contains("nothing has answered for 10 s"), "{why}");
        }
    }
}
