//! The real hands: the medium of this machine, and the server's own programs.
//!
//! Whatever touches a medium does so on a thread that is left behind when the medium hangs. As long as one is left behind at a
//! place no other is sent there.

mod aside;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::aside::Aside;
use super::hands::{Hands, Job, Pick, Restoring, Round, Shelf, Trouble};
use super::lock;
use crate::clock::Clock;
use crate::dump::change::Memory;
use crate::dump::medium::{Kind, Medium, MediumTrouble};
use crate::dump::record::Kit;
use crate::dump::report::{Drilled, KitVerified, Restored, Verified};
use crate::dump::restore::{Shelves, Wish};
use crate::dump::tools::Tools;
use crate::dump::{drill, restore, round};
use crate::fleet::data::{Dump, Scratch};
use crate::reach::secret::Secrets;
use crate::work::progress::Event;

/// A medium is opened and listed within this time.
const OPEN: Duration = Duration::from_secs(20);
/// Old kits are removed within this time: a slow stick takes long for many small files.
const RETAIN: Duration = Duration::from_secs(300);
/// What a medium reads a second at least, bytes.
const SLOWEST: u64 = 1 << 20;
/// In the private folder of the state folder: option files, throw-away servers.
const FOLDER: &str = "dump";

/// The media and the servers that this machine reaches.
pub struct Site {
    tools: Tools,
    aside: Aside,
    /// What is remembered between the rounds of each dump, so long as the dump is the same.
    memories: Mutex<BTreeMap<String, Remembered>>,
}

/// A dump, and what is remembered of it.
type Remembered = (Arc<Dump>, Arc<Memory>);

impl Site {
    /// `state`: the folder for what only the engine's user may read.
    pub fn new(secrets: Secrets, clock: Clock, state: &Path) -> Self {
        let tools = Tools::new(clock, secrets, state.join(FOLDER));
        tools.sweep();
        Self { tools, aside: Aside::default(), memories: Mutex::default() }
    }

    fn memory(&self, dump: &Arc<Dump>) -> Arc<Memory> {
        let mut memories = lock(&self.memories);
        let known = memories.get(&dump.name).filter(|(of, _)| of == dump).map(|(_, memory)| Arc::clone(memory));
        known.unwrap_or_else(|| {
            self.sweep(&dump.scratch);
            let memory = Arc::<Memory>::default();
            memories.insert(dump.name.clone(), (Arc::clone(dump), Arc::clone(&memory)));
            memory
        })
    }

    /// Before the first round an engine before this one may have left something on the server for practice. No round waits for
    /// that server, and what cannot be removed now is removed by the next drill.
    fn sweep(&self, scratch: &Scratch) {
        if let Scratch::Server(url) = scratch {
            let (url, tools) = (url.clone(), self.tools.clone());
            tokio::spawn(async move { drill::beside::sweep_at(&url, &tools).await });
        }
    }

    /// The medium, open, and what lies on it.
    async fn open(&self, job: &Job) -> Result<(Arc<Medium>, Shelf), Trouble> {
        self.open_for(&job.dump, job).await
    }

    /// The same medium, for another dump.
    async fn open_for(&self, dump: &Arc<Dump>, job: &Job) -> Result<(Arc<Medium>, Shelf), Trouble> {
        let (dump, known, now) = (Arc::clone(dump), job.known.clone(), self.tools.clock.now());
        let (place, readers) = (dump.to.clone(), job.readers.clone());
        let opening = move || {
            let medium = Medium::open(&dump, &known, now)?.read_by(readers);
            let lies = shelf(&medium)?;
            Ok((Arc::new(medium), lies))
        };
        self.aside.run(&place, OPEN, opening).await?.map_err(trouble)
    }

    /// The medium, the kit that is meant, and all of them.
    async fn kit(&self, job: &Job, pick: &Pick) -> Result<(Arc<Medium>, Kit), Trouble> {
        let (medium, lies) = self.open(job).await?;
        let kit = pick.of(&lies.kits).map_err(Trouble::Failed)?.clone();
        Ok((medium, kit))
    }

    async fn verify_one(&self, job: &Job, medium: &Arc<Medium>, kit: &Kit) -> Result<KitVerified, Trouble> {
        let ended = Arc::new(AtomicBool::new(false));
        let bytes: u64 = kit.databases.iter().filter_map(|database| Some(database.held.as_ref()?.bytes())).sum();
        let patience = OPEN + Duration::from_secs(bytes / SLOWEST);
        let work = {
            let (medium, kit, ended) = (Arc::clone(medium), kit.clone(), Arc::clone(&ended));
            move || medium.verify(&kit, &ended)
        };
        let reading = self.aside.run(&job.dump.to, patience, work);
        let read = job.stop.run_until_cancelled(reading).await;
        ended.store(true, Ordering::Relaxed);
        read.ok_or(Trouble::Stopped)?
    }

    async fn verify_all(&self, job: Job, pick: Option<Pick>) -> Result<Verified, Trouble> {
        let (medium, lies) = self.open(&job).await?;
        let kits = match pick {
            None => lies.kits,
            Some(pick) => vec![pick.of(&lies.kits).map_err(Trouble::Failed)?.clone()],
        };
        if kits.is_empty() {
            return Err(Trouble::Failed("there is no kit of this dump on the medium".into()));
        }
        job.steer.event(Event::Total(kits.iter().map(Kit::bytes).sum()));
        let (mut verified, mut done) = (Vec::new(), 0);
        for kit in &kits {
            job.steer.note(&kit.name);
            verified.push(self.verify_one(&job, &medium, kit).await?);
            done += kit.bytes();
            job.steer.event(Event::Reached(done));
        }
        Ok(Verified { ok: verified.iter().all(|kit| kit.ok), kits: verified })
    }
}

impl Hands for Site {
    fn look(&self, job: Job) -> BoxFuture<'_, Result<Shelf, Trouble>> {
        async move { Ok(self.open(&job).await?.1) }.boxed()
    }

    fn round(&self, job: Job) -> BoxFuture<'_, Result<Round, Trouble>> {
        async move {
            let (medium, before) = self.open(&job).await?;
            let memory = self.memory(&job.dump);
            let keeper = Arc::<Medium>::clone(&medium);
            let last = before.kits.first();
            let made = round::round(&job.dump, &self.tools, keeper, last, &memory, job.steer, &job.stop).await?;
            let (dump, at) = (Arc::clone(&job.dump), job.dump.to.clone());
            let ending = move || {
                let kept = medium.retain(dump.keep, 0);
                let mut after = shelf(&medium)?;
                // The kit is whole; that old ones stay is told, and no reason to call the round bad.
                after.warnings.extend(kept.err().map(|error| format!("old kits cannot be removed: {error}")));
                Ok(after)
            };
            let after = self.aside.run(&at, RETAIN, ending).await?.map_err(trouble)?;
            Ok(Round { made, shelf: after })
        }
        .boxed()
    }

    fn verify(&self, job: Job, pick: Option<Pick>) -> BoxFuture<'_, Result<Verified, Trouble>> {
        self.verify_all(job, pick).boxed()
    }

    fn drill(&self, job: Job, pick: Pick) -> BoxFuture<'_, Result<Drilled, Trouble>> {
        async move {
            let (medium, kit) = self.kit(&job, &pick).await?;
            drill::drill(&job.dump, &kit, &self.tools, medium, job.steer, &job.stop).await
        }
        .boxed()
    }

    fn restore(&self, job: Job, restoring: Restoring) -> BoxFuture<'_, Result<Restored, Trouble>> {
        async move {
            let (medium, kit) = self.kit(&job, &restoring.pick).await?;
            let (beside, _) = self.open_for(&Arc::new(restore::before(&job.dump)), &job).await?;
            let wish = Wish { databases: restoring.databases, to: restoring.to, dry_run: restoring.dry_run };
            let shelves = Shelves { from: medium, aside: beside };
            restore::restore(&job.dump, &kit, &wish, &self.tools, shelves, job.steer, &job.stop).await
        }
        .boxed()
    }

    fn eject(&self, job: Job) -> BoxFuture<'_, Result<String, Trouble>> {
        async move {
            let (medium, _) = self.open(&job).await?;
            let medium = Arc::into_inner(medium)
                .ok_or_else(|| Trouble::Failed("the medium is in use; try again in a moment".into()))?;
            medium.eject().await.map(|ejected| ejected.said).map_err(trouble)
        }
        .boxed()
    }
}

/// What lies on it, and how much room there is.
fn shelf(medium: &Medium) -> Result<Shelf, MediumTrouble> {
    let on_it = medium.shelf()?;
    let current = on_it.kits.first().and_then(|kit| medium.seen(kit));
    let warnings = on_it.broken.into_iter().map(|(kit, why)| format!("kit {kit} is not whole: {why}"));
    Ok(Shelf {
        current,
        id: Some(medium.id().to_owned()),
        free: medium.free(),
        warnings: warnings.collect(),
        kits: on_it.kits,
    })
}

/// With what to do now, in the one line that everybody is shown.
fn trouble(trouble: MediumTrouble) -> Trouble {
    match trouble.kind {
        Kind::Stopped => Trouble::Stopped,
        _ if trouble.remedy.is_empty() => Trouble::Medium(trouble.what),
        _ => Trouble::Medium(format!("{}; {}", trouble.what, trouble.remedy)),
    }
}
