//! The client: snapshots in, commands out. All that a face knows of the engine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use super::command::{Accepted, Answer, Command, Query, Refusal};
use super::snapshot::Snapshot;

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

    /// Asks to change something. Ends within 10 s.
    fn command(&self, command: Command) -> BoxFuture<Result<Accepted, Refusal>>;

    /// Asks to see something. Ends within 10 s.
    fn query(&self, query: Query) -> BoxFuture<Result<Answer, Refusal>>;

    /// Starts an engine after [`Link::Lost`] and joins it. Ends within 10 s.
    fn restart(&self) -> BoxFuture<Result<(), Refusal>>;
}
