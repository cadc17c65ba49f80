//! A client over the engine's socket. It joins again by itself when the engine was lost.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::codec::{FramedRead, FramedWrite};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::client::{BoxFuture, Client, Link};
use super::command::{Accepted, Answer, Command, Query, Refusal, RefusalKind};
use super::guest::Guest;
use super::launch::{self, Launch};
use super::path::Short;
use super::snapshot::Snapshot;
use super::wire::{Codec, Hello, LARGEST_REPLY, ToEngine, ToGuest};

/// The engine says hello and shows its first picture within this.
const JOIN_WITHIN: Duration = Duration::from_secs(5);
/// Between two attempts to join again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// No request takes longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Requests that wait to be sent.
const QUEUE: usize = 64;

/// Joins the engine behind this socket. `launch`: how to start one when it is lost and somebody asks for it.
pub async fn join(path: &Path, guest: Guest, launch: Option<Launch>) -> Result<Socket, Refusal> {
    let Joining { connection, first, looks_only } = connect(path, &guest).await?;
    let (sender, requests) = mpsc::channel(QUEUE);
    let shared = Arc::new(Shared {
        path: path.to_owned(),
        guest,
        launch,
        snapshots: watch::channel(first).0,
        link: watch::channel(Link::Joined).0,
        looks_only: Mutex::new(looks_only),
        owed: Mutex::default(),
        last: AtomicU64::new(0),
        requests: sender,
    });
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    let staying = stay(Arc::clone(&shared), connection, requests);
    tokio::spawn(async move { stop.run_until_cancelled_owned(staying).await });
    Ok(Socket { shared, _leaves_when_dropped: Arc::new(guard) })
}

/// A client over a socket. Cheap to clone; it leaves when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Socket {
    shared: Arc<Shared>,
    _leaves_when_dropped: Arc<DropGuard>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    guest: Guest,
    launch: Option<Launch>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    link: watch::Sender<Link>,
    looks_only: Mutex<Option<String>>,
    owed: Mutex<HashMap<u64, Owed>>,
    last: AtomicU64,
    requests: mpsc::Sender<ToEngine>,
}

#[derive(Debug)]
enum Owed {
    Command(oneshot::Sender<Result<Accepted, Refusal>>),
    Query(oneshot::Sender<Result<Answer, Refusal>>),
}

type Connection = (FramedRead<OwnedReadHalf, Codec<ToGuest, ()>>, FramedWrite<OwnedWriteHalf, Codec<(), ToEngine>>);

/// A connection at its beginning.
struct Joining {
    connection: Connection,
    first: Arc<Snapshot>,
    /// Why the engine lets this one only look.
    looks_only: Option<String>,
}

/// Connects, says hello, and waits for the first picture.
async fn connect(path: &Path, guest: &Guest) -> Result<Joining, Refusal> {
    tokio::time::timeout(JOIN_WITHIN, connect_now(path, guest)).await.unwrap_or_else(|_late| {
        let secs = JOIN_WITHIN.as_secs();
        Err(gone(format!("the engine behind {} did not answer within {secs} s", path.display())))
    })
}

async fn connect_now(path: &Path, guest: &Guest) -> Result<Joining, Refusal> {
    let unreachable = |error: &dyn std::fmt::Display| gone(format!("no engine answers at {}: {error}", path.display()));
    let short = Short::of(path).map_err(|error| unreachable(&error))?;
    let stream = UnixStream::connect(short.path()).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => shut(path),
        _ => unreachable(&error),
    })?;
    let (read, write) = stream.into_split();
    let mut writer = FramedWrite::new(write, Codec::<(), Hello>::new(LARGEST_REPLY));
    // One that closes without having listened may have said before who it is.
    let sent = writer.send(&Hello::new(&guest.face, guest.read_only)).await;
    let mut reader = FramedRead::new(read, Codec::<Hello, ()>::new(LARGEST_REPLY));
    let hello = match reader.next().await {
        Some(Ok(hello)) => hello,
        Some(Err(error)) => return Err(unreachable(&error)),
        None => match sent {
            Ok(()) => return Err(unreachable(&"it closed the connection at once")),
            Err(error) => return Err(unreachable(&error)),
        },
    };
    let misfit = |what| Refusal { kind: RefusalKind::Failed, what, hint: None };
    hello.check("this program", "the running engine").map_err(misfit)?;
    sent.map_err(|error| unreachable(&error))?;
    let mut reader = reader.map_decoder(|_hello| Codec::<ToGuest, ()>::new(LARGEST_REPLY));
    let first = match reader.next().await {
        Some(Ok(ToGuest::Full(snapshot))) => snapshot,
        Some(Ok(ToGuest::Bye { why })) => return Err(hello.refused.unwrap_or_else(|| gone(why))),
        Some(Ok(_)) => return Err(unreachable(&"it did not begin with a whole picture")),
        Some(Err(error)) => return Err(unreachable(&error)),
        None => return Err(unreachable(&"it closed the connection")),
    };
    let connection = (reader, writer.map_encoder(|_hello| Codec::new(LARGEST_REPLY)));
    Ok(Joining { connection, first, looks_only: hello.looks_only })
}

/// Stays joined until it is cancelled.
async fn stay(shared: Arc<Shared>, mut connection: Connection, mut requests: mpsc::Receiver<ToEngine>) {
    loop {
        let why = follow(&shared, connection, &mut requests).await;
        let pid = shared.snapshots.borrow().head.engine.pid;
        let why = why.unwrap_or_else(|| format!("the engine (pid {pid}) ended without a word"));
        shared.lose(&why);
        connection = loop {
            // Requests of the time without an engine are answered at once, not when one is back.
            let rest = tokio::time::sleep(AGAIN_AFTER);
            tokio::pin!(rest);
            loop {
                tokio::select! {
                    () = &mut rest => break,
                    Some(_request) = requests.recv() => shared.fail_all(&why),
                }
            }
            match connect(&shared.path, &shared.guest).await {
                Ok(Joining { connection, first, looks_only }) => {
                    *shared.looks_only.lock().unwrap_or_else(PoisonError::into_inner) = looks_only;
                    shared.snapshots.send_replace(first);
                    shared.link.send_replace(Link::Joined);
                    break connection;
                }
                // Another version took the place of the one that was lost, or it lets this one in no more: that is what a
                // person should know now.
                Err(Refusal { kind: RefusalKind::Failed | RefusalKind::Safety, what, .. }) => shared.lose(&what),
                Err(_nobody_there) => {}
            }
        };
    }
}

/// Follows one connection to its end; returns why it ended, where that is known.
async fn follow(shared: &Shared, connection: Connection, requests: &mut mpsc::Receiver<ToEngine>) -> Option<String> {
    let (mut reader, mut writer) = connection;
    loop {
        tokio::select! {
            message = reader.next() => match message {
                Some(Ok(ToGuest::Bye { why })) => return Some(why),
                Some(Ok(message)) => {
                    if let Err(why) = shared.receive(message) {
                        return Some(why);
                    }
                }
                Some(Err(error)) => return Some(format!("the connection to the engine broke: {error}")),
                None => return None,
            },
            Some(request) = requests.recv() => {
                match tokio::time::timeout(ANSWER_WITHIN, writer.send(&request)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Some(format!("the connection to the engine broke: {error}")),
                    Err(_late) => return Some("the engine takes no requests any more".into()),
                }
            }
        }
    }
}

impl Shared {
    fn receive(&self, message: ToGuest) -> Result<(), String> {
        match message {
            ToGuest::Full(snapshot) => {
                self.snapshots.send_replace(snapshot);
            }
            ToGuest::Delta(delta) => {
                let before = Arc::clone(&self.snapshots.borrow());
                let now = delta.apply(&before).map_err(|misfit| misfit.to_string())?;
                self.snapshots.send_replace(Arc::new(now));
            }
            ToGuest::Accepted { id, reply } => {
                if let Some(Owed::Command(waiting)) = self.owed().remove(&id) {
                    let _nobody_waits = waiting.send(reply);
                }
            }
            ToGuest::Answer { id, reply } => {
                if let Some(Owed::Query(waiting)) = self.owed().remove(&id) {
                    let _nobody_waits = waiting.send(reply.map(|answer| *answer));
                }
            }
            ToGuest::Bye { .. } => {}
        }
        Ok(())
    }

    fn lose(&self, why: &str) {
        let lost = Link::Lost { why: why.to_owned() };
        self.link.send_if_modified(|link| {
            let news = *link != lost;
            *link = lost;
            news
        });
        self.fail_all(why);
    }

    fn fail_all(&self, why: &str) {
        for (_, owed) in self.owed().drain() {
            match owed {
                Owed::Command(waiting) => drop(waiting.send(Err(gone(why.to_owned())))),
                Owed::Query(waiting) => drop(waiting.send(Err(gone(why.to_owned())))),
            }
        }
    }

    fn owed(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Owed>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(u64) -> ToEngine,
        owe: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Owed,
    ) -> Result<T, Refusal> {
        if let Link::Lost { why } = &*self.link.borrow() {
            return Err(gone(why.clone()));
        }
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let (reply, replied) = oneshot::channel();
        self.owed().insert(id, owe(reply));
        let asking = async {
            self.requests.send(request(id)).await.map_err(|_closed| gone("this client has left".into()))?;
            replied.await.map_err(|_closed| gone("this client has left".into()))?
        };
        let answered = tokio::time::timeout(ANSWER_WITHIN, asking).await;
        self.owed().remove(&id);
        answered.unwrap_or_else(|_late| {
            Err(gone(format!("the engine did not answer within {} s", ANSWER_WITHIN.as_secs())))
        })
    }
}

impl Client for Socket {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.shared.snapshots.subscribe()
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.shared.link.subscribe()
    }

    fn looks_only(&self) -> Option<String> {
        self.shared.looks_only.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn command(&self, command: Command) -> BoxFuture<Result<Accepted, Refusal>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.ask(|id| ToEngine::Command { id, ask: command }, Owed::Command).await })
    }

    fn query(&self, query: Query) -> BoxFuture<Result<Answer, Refusal>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.ask(|id| ToEngine::Query { id, ask: query }, Owed::Query).await })
    }

    fn restart(&self) -> BoxFuture<Result<(), Refusal>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let Some(launch) = &shared.launch else {
                return Err(gone(
                    "this face does not know how to start an engine; start one with `hotspare engine`".into(),
                ));
            };
            let mut link = shared.link.subscribe();
            if *link.borrow() == Link::Joined {
                return Ok(());
            }
            launch::spawn_detached(launch, &shared.path).await?;
            let joined = link.wait_for(|link| *link == Link::Joined);
            match tokio::time::timeout(ANSWER_WITHIN, joined).await {
                Ok(Ok(_)) => Ok(()),
                _ => Err(gone("the engine was started but cannot be joined; look at its log".into())),
            }
        })
    }
}

/// The system lets nobody of this one's rights to the socket.
fn shut(path: &Path) -> Refusal {
    Refusal {
        kind: RefusalKind::Safety,
        what: format!("the engine behind {} is another user's, and lets in nobody else", path.display()),
        hint: Some(
            "its user may let groups in: `operators` and `viewers` under [engine] of the fleet file; or is there a folder above it that lets nobody through?".into(),
        ),
    }
}

fn gone(what: String) -> Refusal {
    Refusal { kind: RefusalKind::Gone, what, hint: None }
}
