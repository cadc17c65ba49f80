//! The client: snapshots in, commands out. All that a face knows of the engine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use super::command::{Accepted, Answer, Command, Query, Refusal, RefusalKind};
use super::guest::{Guest, Present, Who, person};
use super::snapshot::Snapshot;
use super::start::Engine;

/// A future that a trait object can return.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Whether the engine is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Joined.
    Joined,
    /// Lost; the client tries to join again by itself.
    Lost {
        /// Why, in words for a person.
        why: String,
    },
}

/// A joined engine, in this process or over its socket.
pub trait Client: Send + Sync + 'static {
    /// The newest snapshot, always; changes wake the receiver.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// Whether the engine is there.
    fn link(&self) -> watch::Receiver<Link>;

    /// Why the engine lets this one only look, whatever it was started with; `None`: it does not. It may be otherwise each
    /// time that the engine was joined.
    fn looks_only(&self) -> Option<String> {
        None
    }

    /// Asks to change something. Ends within 10 s.
    fn command(&self, command: Command) -> BoxFuture<Result<Accepted, Refusal>>;

    /// Asks to see something. Ends within 10 s.
    fn query(&self, query: Query) -> BoxFuture<Result<Answer, Refusal>>;

    /// Starts an engine after [`Link::Lost`] and joins it. Ends within 10 s.
    fn restart(&self) -> BoxFuture<Result<(), Refusal>>;
}

/// Joins an engine of this process.
pub fn in_process(engine: &Engine, guest: &Guest) -> InProcess {
    let who = Who::new(&person(rustix::process::getuid().as_raw()), guest);
    let (tell, link) = watch::channel(Link::Joined);
    let ended = engine.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = ended.ended() => {
                tell.send_replace(Link::Lost { why: "the engine was stopped".into() });
            }
            () = tell.closed() => {}
        }
    });
    InProcess { engine: engine.clone(), who, link, _present: engine.enter(guest) }
}

/// A client of an engine in the same process.
#[derive(Debug)]
pub struct InProcess {
    engine: Engine,
    who: Who,
    link: watch::Receiver<Link>,
    _present: Present,
}

impl Client for InProcess {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.engine.snapshots()
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    fn command(&self, command: Command) -> BoxFuture<Result<Accepted, Refusal>> {
        let (engine, who) = (self.engine.clone(), self.who.clone());
        Box::pin(async move { engine.command(who, command).await })
    }

    fn query(&self, query: Query) -> BoxFuture<Result<Answer, Refusal>> {
        let engine = self.engine.clone();
        Box::pin(async move { engine.query(query).await })
    }

    fn restart(&self) -> BoxFuture<Result<(), Refusal>> {
        Box::pin(async {
            Err(Refusal {
                kind: RefusalKind::Gone,
                what: "the engine ran in this process and has ended".into(),
                hint: Some("leave, and start hotspare again".into()),
            })
        })
    }
}
