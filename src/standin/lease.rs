//! The lease: the right to act. Of several engines only its holder decides anything.
//!
//! - It ends by the holder's own clock ([`hold`]). A renewal counts from before it was sent, and only for four fifths of its
//!   time to live: a holder that hears nothing stops before anybody else can begin, and needs nobody to tell it.
//! - Whoever is about to act asks [`Lease::may_act`], each time: an engine that slept looks at the clock when it wakes.
//! - An engine whose disk hangs can write nothing down and so does nothing: it renews no lease that others share, which passes
//!   to one that can.
//! - What pools remember ([`book`]) is written under the lease, in one step with the question whether it is still ours.
//! - Engines tell each other what they see ([`opinion`]); a host is down when most of the living engines say so.
//!
//! One engine alone keeps its lease in its state folder, whose lock it holds; several share an etcd. The rules are the same.
//! This room does not know what is decided.

pub mod book;
mod embedded;
mod etcd;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
pub mod hold;
pub mod opinion;
mod shared;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock::{Clock, Timestamp};
use crate::fleet::settings::{LeaseKind, LeaseSettings};
use crate::reach::network::Network;
use crate::reach::secret::Secrets;
use book::{Book, Books, Version, WriteError};
use hold::Right;
use opinion::{Others, Sights};
use shared::Shared;

/// How the lease stands, as people and rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseState {
    /// Whether this engine holds it. For showing and for waking up: who acts asks [`Lease::may_act`].
    pub held: bool,
    /// Who holds it, as far as is known; `None`: nobody, or nobody knows.
    pub by: Option<String>,
    /// Whether another engine holds it, as far as is known. One that has just taken it over and may not act yet is this one.
    pub elsewhere: bool,
    /// Why it is held or not, in one line; where something is wrong, with what to do now.
    pub why: String,
    /// Since when it stands so.
    pub since: Timestamp,
    /// Grew with each change of ownership: that of the holder, or the last one known. 0: never held yet.
    pub generation: u64,
    /// What lies where the lease is kept and none of this fleet's engines wrote, a line each: it is not believed.
    pub foreign: Vec<String>,
}

/// The lease is not ours, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this engine does not hold the lease: {0}")]
pub struct NotHeld(pub String);

/// Where the embedded lease keeps what must outlive the engine: texts in `state.db`.
pub trait Shelf: Send + Sync + 'static {
    /// Keeps a text under a key. It is on the disk when this ends well; the error says in words why it may not be.
    fn keep(&self, key: String, text: String) -> BoxFuture<'static, Result<(), String>>;

    /// What is kept under a key; `None`: nothing.
    fn kept(&self, key: String) -> BoxFuture<'static, Result<Option<String>, String>>;

    /// Why nothing has been kept for longer than a disk may take; `None`: all is well. Never waits.
    fn hangs(&self) -> Option<String>;
}

/// What a lease works with.
#[derive(Clone)]
pub struct Tools {
    /// Knows the time.
    pub clock: Clock,
    /// Knows the password of the etcd user.
    pub secrets: Secrets,
    /// The way to etcd.
    pub network: Network,
    /// Keeps the embedded lease's books, in the state folder whose lock this engine holds; of any lease it knows whether that
    /// folder's disk answers.
    pub shelf: Arc<dyn Shelf>,
}

/// The right to act, held or striven for until the last clone is dropped. Cheap to clone.
#[derive(Clone)]
pub struct Lease {
    shared: Arc<Shared>,
    keeper: Arc<Keeper>,
}

/// The task that keeps the lease.
struct Keeper {
    asks: tokio::sync::mpsc::Sender<Ask>,
    _ends: DropGuard,
}

/// What the keeper is asked.
enum Ask {
    Read(String, oneshot::Sender<Result<Book, String>>),
    Write { pool: String, text: String, expected: Version, told: oneshot::Sender<Result<Version, WriteError>> },
    Release(oneshot::Sender<()>),
}

impl Lease {
    /// Begins to strive for the lease, as `who`: a name that no other engine has and that people recognise, such as
    /// [`engine_name`]'s. Must be called within a tokio runtime.
    pub fn start(settings: &LeaseSettings, who: String, tools: Tools) -> Self {
        let ended = CancellationToken::new();
        let (asks, asked) = tokio::sync::mpsc::channel(16);
        let shared = Arc::new(Shared::new(who, tools.clock.clone()));
        let common = Arc::clone(&shared);
        let keeping = match settings.kind {
            LeaseKind::Embedded => embedded::keep(common, tools.shelf, asked).boxed(),
            LeaseKind::Etcd => etcd::keep(common, settings.clone(), tools, asked).boxed(),
        };
        tokio::spawn(ended.clone().run_until_cancelled_owned(keeping));
        Self { shared, keeper: Arc::new(Keeper { asks, _ends: ended.drop_guard() }) }
    }

    /// How it stands, and every change of it.
    pub fn state(&self) -> watch::Receiver<LeaseState> {
        self.shared.state()
    }

    /// Whether this engine may act at this moment. Asks the clock itself, so that an engine that slept is not fooled by a
    /// time it noted before. Never waits.
    pub fn may_act(&self) -> Result<Right, NotHeld> {
        self.shared.may_act()
    }

    /// A pool's book as it is now, asked of where it is kept: with version 0 and no text where there is none yet. The error
    /// says in words why it cannot be had.
    pub async fn read(&self, pool: &str) -> Result<Book, String> {
        self.ask(|told| Ask::Read(pool.to_owned(), told)).await.unwrap_or_else(|| Err(ENDED.to_owned()))
    }

    /// Writes a pool's book, if this engine holds the lease and the book still has the version that was read: both are
    /// compared in the same step that writes. It is durable when this ends well.
    pub async fn write(&self, pool: &str, text: String, expected: Version) -> Result<Version, WriteError> {
        self.may_act().map_err(|NotHeld(why)| WriteError::NotHeld(why))?;
        let written = self.ask(|told| Ask::Write { pool: pool.to_owned(), text, expected, told }).await;
        written.unwrap_or_else(|| Err(WriteError::Unknown(ENDED.to_owned())))
    }

    /// All books as they change, whoever writes them. Those of the embedded lease appear when they are first read or
    /// written.
    pub fn books(&self) -> watch::Receiver<Arc<Books>> {
        self.shared.books()
    }

    /// Tells the other engines what this one sees now. It vanishes there a time to live after this engine ends.
    pub fn publish(&self, seen: Sights) {
        self.shared.publish(seen);
    }

    /// What the other living engines see, as it changes. While etcd does not answer: what they said last.
    pub fn others(&self) -> watch::Receiver<Arc<Others>> {
        self.shared.others()
    }

    /// Gives the lease back, so that another engine has it at once, and strives for it no more. From the call on this engine
    /// may not act. Ends after a few seconds even where nobody answers.
    pub async fn release(&self) {
        self.shared.learn(|known| known.released = true);
        let _ended_already = self.ask(Ask::Release).await;
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (told, answer) = oneshot::channel();
        self.keeper.asks.send(ask(told)).await.ok()?;
        answer.await.ok()
    }
}

/// What is answered after [`Lease::release`].
const ENDED: &str = "the lease was given back, because this engine ends";

/// A name for this engine that people recognise and no other has: machine, process id, and a random part, since process
/// ids come again.
pub fn engine_name() -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{machine}:{}:{:06x}", std::process::id(), fastrand::u32(..0x0100_0000))
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("state", &*self.state().borrow()).finish_non_exhaustive()
    }
}
