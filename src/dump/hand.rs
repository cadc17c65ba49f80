//! The hand that writes to a medium: a thread of its own for each round, which can be left behind where the medium hangs.
//!
//! What is dumped is compressed here. It stays in memory while it is small: an unchanged database, found out by the sum of what was
//! dumped, then costs the medium nothing. The kit is begun with the first database that needs it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::keeper::{Draft, Files, Keeper};
use super::record::{File, Kit};
use super::tools::Tools;
use super::trouble::Trouble;
use crate::clock::{Clock, Timestamp};
use crate::reach::plain;

/// What is compressed to less than this waits in memory until it is known to be wanted.
const SMALL: usize = 16 << 20;
/// As `zstd -1`: a stick writes no faster than this compresses.
const LEVEL: i32 = 1;
/// A medium that writes out and gives back fewer bytes a second than this is broken.
const SLOWEST: u64 = 250_000;
/// Between two looks at whether the medium still moves.
const LOOK: Duration = Duration::from_millis(250);

type Order = Box<dyn FnOnce(&mut Bench) + Send>;

/// Writes one kit, at the word of a round.
pub(super) struct Hand {
    orders: Sender<Order>,
    pulse: Arc<Pulse>,
    patience: Duration,
    clock: Clock,
}

/// Whether the medium is being waited for, and how often it has done something.
#[derive(Default)]
struct Pulse {
    beats: AtomicU64,
    waiting: AtomicBool,
}

impl Pulse {
    fn beat<T>(&self, act: impl FnOnce() -> T) -> T {
        self.waiting.store(true, Ordering::Release);
        let done = act();
        self.beats.fetch_add(1, Ordering::Release);
        self.waiting.store(false, Ordering::Release);
        done
    }
}

/// What lies before the hand.
struct Bench {
    drafting: Option<Drafting>,
    packed: Option<Spool>,
}

/// A kit that is begun when it is needed.
struct Drafting {
    keeper: Arc<dyn Keeper>,
    at: Timestamp,
    expected: u64,
    draft: Option<Box<dyn Draft>>,
    pulse: Arc<Pulse>,
}

impl Drafting {
    fn draft(&mut self) -> Result<&mut Box<dyn Draft>, Trouble> {
        let draft = match self.draft.take() {
            Some(draft) => draft,
            None => self.pulse.beat(|| self.keeper.begin(self.at, self.expected))?,
        };
        Ok(self.draft.insert(draft))
    }

    fn files(&mut self, database: &str) -> Result<Box<dyn Files>, Trouble> {
        let pulse = Arc::clone(&self.pulse);
        let draft = self.draft()?;
        pulse.beat(|| draft.files(database))
    }
}

/// Where compressed bytes go: memory, and from a certain size on the medium.
struct Spool {
    drafting: Drafting,
    database: String,
    memory: Vec<u8>,
    files: Option<Box<dyn Files>>,
    trouble: Option<Trouble>,
}

impl Spool {
    /// Brings what waits in memory to the medium.
    fn settle(&mut self) -> Result<(), Trouble> {
        if self.files.is_none() {
            self.files = Some(self.drafting.files(&self.database)?);
        }
        let memory = std::mem::take(&mut self.memory);
        if let (Some(files), false) = (&mut self.files, memory.is_empty()) {
            self.drafting.pulse.beat(|| files.write_all(&memory)).map_err(|error| Trouble::Medium(words(&error)))?;
        }
        Ok(())
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.memory.extend_from_slice(bytes);
        // Pieces that are worth a call; the first comes when it is certain that this is not small.
        let enough = if self.files.is_some() { 1 << 20 } else { SMALL };
        if self.memory.len() >= enough
            && let Err(trouble) = self.settle()
        {
            let error = std::io::Error::other(trouble.to_string());
            self.trouble = Some(trouble);
            return Err(error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Bench {
    /// Compresses one database as it comes.
    fn pack(&mut self, database: String, pieces: &Receiver<Vec<u8>>, spare: &Sender<Vec<u8>>) -> Result<(), Trouble> {
        let drafting = self.drafting.take().ok_or(Trouble::Stopped)?;
        let spool = Spool { drafting, database, memory: Vec::new(), files: None, trouble: None };
        let mut encoder = zstd::stream::write::Encoder::new(spool, LEVEL)
            .and_then(|mut encoder| encoder.include_checksum(true).map(|()| encoder))
            .map_err(|error| Trouble::Failed(format!("zstd: {error}")))?;
        let mut written = Ok(());
        while let (Ok(()), Ok(piece)) = (&written, pieces.recv()) {
            written = encoder.write_all(&piece);
            let _nobody_needs_it = spare.send(piece);
        }
        let ended = match written {
            Ok(()) => encoder.try_finish(),
            Err(error) => Err((encoder, error)),
        };
        // After an error the kit goes with what was written of it.
        self.packed = Some(ended.map_err(|(mut encoder, error)| {
            let trouble = encoder.get_mut().trouble.take();
            trouble.unwrap_or_else(|| Trouble::Failed(format!("zstd: {error}")))
        })?);
        Ok(())
    }

    /// Keeps what was packed last.
    fn keep(&mut self) -> Result<Vec<File>, Trouble> {
        let mut spool = self.packed.take().ok_or(Trouble::Stopped)?;
        let settled = spool.settle();
        let Spool { drafting, files, .. } = spool;
        let pulse = Arc::clone(&drafting.pulse);
        self.drafting = Some(drafting);
        settled?;
        files.map_or(Ok(Vec::new()), |files| pulse.beat(|| files.finish()))
    }

    /// Forgets it.
    fn forget(&mut self) {
        if let Some(spool) = self.packed.take() {
            let pulse = Arc::clone(&spool.drafting.pulse);
            self.drafting = Some(spool.drafting);
            pulse.beat(|| drop(spool.files));
        }
    }
}

impl Hand {
    /// A hand for a round that began `at`, whose kit will need about so many bytes.
    pub(super) fn new(keeper: Arc<dyn Keeper>, at: Timestamp, expected: u64, tools: &Tools) -> Result<Self, Trouble> {
        let (orders, given) = channel::<Order>();
        let pulse = Arc::new(Pulse::default());
        let drafting = Drafting { keeper, at, expected, draft: None, pulse: Arc::clone(&pulse) };
        let work = move || {
            let mut bench = Bench { drafting: Some(drafting), packed: None };
            while let Ok(order) = given.recv() {
                order(&mut bench);
            }
        };
        std::thread::Builder::new()
            .name("dump-write".into())
            .spawn(work)
            .map_err(|error| Trouble::Failed(format!("no thread: {error}")))?;
        Ok(Self { orders, pulse, patience: tools.patience.medium, clock: tools.clock.clone() })
    }

    /// Compresses a database as it comes; ends when it has come to its end.
    pub(super) async fn pack(
        &self,
        database: &str,
        pieces: Receiver<Vec<u8>>,
        spare: Sender<Vec<u8>>,
        stop: &CancellationToken,
    ) -> Result<(), Trouble> {
        let database = database.to_owned();
        self.ask(stop, move |bench| bench.pack(database, &pieces, &spare)).await
    }

    /// Keeps what was packed last: its files.
    pub(super) async fn keep(&self, stop: &CancellationToken) -> Result<Vec<File>, Trouble> {
        self.ask(stop, Bench::keep).await
    }

    /// Forgets what was packed last.
    pub(super) async fn forget(&self, stop: &CancellationToken) -> Result<(), Trouble> {
        let forget = |bench: &mut Bench| {
            bench.forget();
            Ok(())
        };
        self.ask(stop, forget).await
    }

    /// Publishes the kit. What this hand wrote has an empty name for its kit, and gets the kit's.
    pub(super) async fn publish(&self, mut kit: Kit, stop: &CancellationToken) -> Result<Kit, Trouble> {
        let fresh =
            kit.databases.iter().filter_map(|database| database.held.as_ref()).filter(|held| held.kit.is_empty());
        let bytes: u64 = fresh.flat_map(|held| &held.files).map(|file| file.bytes).sum();
        // All of it is written out and read back, within one call.
        let patience = self.patience + Duration::from_secs(bytes / SLOWEST);
        let publish = move |bench: &mut Bench| {
            let mut drafting = bench.drafting.take().ok_or(Trouble::Stopped)?;
            let name = drafting.draft()?.name();
            kit.name.clone_from(&name);
            for held in kit.databases.iter_mut().filter_map(|database| database.held.as_mut()) {
                if held.kit.is_empty() {
                    held.kit.clone_from(&name);
                }
            }
            let draft = drafting.draft.take().ok_or(Trouble::Stopped)?;
            drafting.pulse.beat(|| draft.publish(kit))
        };
        self.ask_long(stop, patience, publish).await
    }

    /// Notes that nothing has changed since this kit.
    pub(super) async fn unchanged(&self, kit: Kit, at: Timestamp, stop: &CancellationToken) -> Result<(), Trouble> {
        let note = move |bench: &mut Bench| {
            let drafting = bench.drafting.as_ref().ok_or(Trouble::Stopped)?;
            drafting.pulse.beat(|| drafting.keeper.unchanged(&kit, at))
        };
        self.ask(stop, note).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        stop: &CancellationToken,
        act: impl FnOnce(&mut Bench) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.ask_long(stop, self.patience, act).await
    }

    async fn ask_long<T: Send + 'static>(
        &self,
        stop: &CancellationToken,
        patience: Duration,
        act: impl FnOnce(&mut Bench) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (tell, told) = oneshot::channel();
        let order: Order = Box::new(move |bench| {
            let _nobody_waits = tell.send(act(bench));
        });
        self.orders
            .send(order)
            .map_err(|_gone| Trouble::Failed("the thread that writes to the medium broke off".into()))?;
        tokio::select! {
            done = told => done.unwrap_or_else(|_gone| {
                Err(Trouble::Failed("the thread that writes to the medium broke off; this is a defect, please report it".into()))
            }),
            () = self.hangs(patience) => Err(Trouble::Medium(format!(
                "the medium takes nothing any more since {}; take it out, look at it, and put it in again",
                plain::time(patience)
            ))),
            () = stop.cancelled() => Err(Trouble::Stopped),
        }
    }

    /// Ends when the medium has been waited for too long.
    async fn hangs(&self, patience: Duration) {
        let (mut seen, mut since) = (0, self.clock.tick());
        loop {
            tokio::time::sleep(LOOK).await;
            let beats = self.pulse.beats.load(Ordering::Acquire);
            if beats != seen || !self.pulse.waiting.load(Ordering::Acquire) {
                (seen, since) = (beats, self.clock.tick());
            } else if self.clock.tick().since(since) >= patience {
                return;
            }
        }
    }
}

/// An error of the system without its number.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
