//! The engine in one process, with its real journal, socket and file watch.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio_util::codec::{FramedRead, FramedWrite};

use super::client::{Client, Link, in_process};
use super::command::{Answer, Command, Query, RefusalKind};
use super::guest::{Guest, Who};
use super::snapshot::Snapshot;
use super::start::{Config, Engine, StartError};
use super::wire::{Codec, Hello, LARGEST_REPLY, LARGEST_REQUEST, ToGuest};
use super::{lock, server, socket};
use crate::clock::Clock;
use crate::dump::worker::hands::Pick;
use crate::fleet::secret::{DatabaseUrl, SecretSource};
use crate::health::view::Health;
use crate::journal::entry::Chain;
use crate::reach::ssh::SshOptions;
use crate::work::view::JobState;

mod guests;
mod left;
mod life;

const FLEET: &str = r#"
name = "harbour"
[hosts.studio-1]
address = "127.0.0.1"
checks = [{ kind = "tcp", port = 9, every = "1h" }]
[hosts.studio-2]
address = "127.0.0.1"
checks = [{ kind = "tcp", port = 9, every = "1h" }]
"#;

/// A folder with a fleet file in it; the state folder is `state` beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new(fleet: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::write(place.file(), fleet).unwrap();
        place
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("hotspare.toml")
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn socket(&self) -> PathBuf {
        self.state().join("engine.sock")
    }

    fn config(&self) -> Config {
        Config {
            fleet: self.file(),
            state: Some(self.state()),
            detached: false,
            quiet: false,
            clock: Clock::real(),
            ssh: SshOptions::default(),
        }
    }

    async fn start(&self) -> Engine {
        Engine::start(self.config()).await.unwrap()
    }
}

/// Waits until a snapshot shows it.
async fn until(
    snapshots: &mut watch::Receiver<Arc<Snapshot>>,
    shows: impl FnMut(&Arc<Snapshot>) -> bool,
) -> Arc<Snapshot> {
    let found = tokio::time::timeout(Duration::from_secs(10), snapshots.wait_for(shows)).await;
    Arc::clone(&found.expect("the snapshot shows it within 10 s").unwrap())
}

fn says(snapshot: &Snapshot, text: &str) -> bool {
    snapshot.journal.tail.iter().any(|entry| entry.what.contains(text))
}

async fn join(path: &Path) -> socket::Socket {
    socket::join(path, Guest::console(false), None).await.unwrap()
}
