//! The engine's side of the socket. A guest that is slow, silent or mad costs nobody but itself.
//!
//! No queue of pictures is kept: each guest's writer goes from the picture it sent last straight to the newest one, so a
//! slow reader gets fewer and larger changes. One that takes nothing for [`TAKES_WITHIN`] is dropped; when it joins
//! again it begins with a whole picture.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::codec::{FramedRead, FramedWrite};
use tokio_util::task::TaskTracker;

use super::delta::Delta;
use super::door::{Crowd, Part, Peer};
use super::guest::{Guest, ReadOnly, Who, person};
use super::path::Short;
use super::start::Engine;
use super::wire::{Codec, Hello, LARGEST_REQUEST, ToEngine, ToGuest, WireError};
use crate::fleet::settings::Groups;
use crate::reach::plain;

/// A guest says hello within this.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// A guest takes a frame within this.
pub(super) const TAKES_WITHIN: Duration = Duration::from_secs(10);
/// Requests of one guest at a time; it waits with the next.
const REQUESTS: usize = 32;
/// Guests at a time.
const GUESTS: usize = 512;
/// Of another user at a time, those who are turned away included.
const GUESTS_OF_ONE: usize = 32;
/// Longest name of a face, characters.
const LONGEST_FACE: usize = 40;
/// When the engine stops, replies that are still owed get so long.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A bound socket; its file is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Bound {
    listener: UnixListener,
    path: std::path::PathBuf,
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_file(&self.path);
    }
}

/// Binds the socket. The caller holds the engine's lock, so a socket that is there belongs to nobody any more: the new one
/// takes its name in one rename, for its owner alone from the first moment.
pub(super) fn bind(path: &Path) -> std::io::Result<Bound> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let fresh = tempfile::Builder::new().prefix(".engine-").tempdir_in(folder)?;
    let first = fresh.path().join("s");
    let listener = UnixListener::bind(Short::of(&first)?.path())?;
    std::fs::set_permissions(&first, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&first, path)?;
    Ok(Bound { listener, path: path.to_owned() })
}

/// Serves until the engine stops. A guest takes each frame within `takes_within`, or is dropped.
pub(super) async fn serve(bound: Bound, engine: Engine, takes_within: Duration) {
    let guests = TaskTracker::new();
    let crowd = Crowd::default();
    loop {
        let stream = tokio::select! {
            () = engine.stopping().cancelled() => break,
            accepted = bound.listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: others may leave.
                    tracing::warn!(%error, "a guest could not be let in");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Ok(peer) = stream.peer_cred().map(|peer| Peer { uid: peer.uid(), gid: peer.gid() }) else { continue };
        let most = if peer.is_own() { GUESTS } else { GUESTS_OF_ONE };
        let Some(place) = crowd.enter(peer.uid, most) else {
            tracing::debug!(uid = peer.uid, "a guest is turned away: {most} of this user are here");
            continue;
        };
        let engine = engine.clone();
        guests.spawn(async move {
            if let Err(error) = host(stream, peer, &engine, takes_within).await {
                tracing::debug!(%error, "a guest is gone");
            }
            drop(place);
        });
    }
    drop(bound);
    guests.close();
    let _left = tokio::time::timeout(LAST_WORDS + takes_within, guests.wait()).await;
}

type Writer = FramedWrite<OwnedWriteHalf, Codec<(), ToGuest>>;
type Reader = FramedRead<OwnedReadHalf, Codec<ToEngine, ()>>;

#[derive(Debug, thiserror::Error)]
enum Parted {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("{0}")]
    Mismatch(String),
    #[error("it took nothing for {} ms", .0.as_millis())]
    Slow(Duration),
    #[error("it said no hello for {} s", HELLO_WITHIN.as_secs())]
    Silent,
}

/// Looks after one guest until it leaves.
async fn host(stream: UnixStream, peer: Peer, engine: &Engine, takes_within: Duration) -> Result<(), Parted> {
    let changes = engine.door().changes();
    let part = engine.door().judge(peer).await;
    let (read, write) = stream.into_split();
    let mut writer = FramedWrite::new(write, Codec::<(), Hello>::new(LARGEST_REQUEST));
    let (looks_only, refused) = match &part {
        Part::Own | Part::Operator => (None, None),
        Part::Viewer(why) => (Some(why.clone()), None),
        Part::Nobody(refusal) => (None, Some(refusal.clone())),
    };
    send(&mut writer, &Hello { looks_only, refused, ..Hello::new("", false) }, takes_within).await?;
    let mut reader = FramedRead::new(read, Codec::<Hello, ()>::new(LARGEST_REQUEST));
    let hello = match tokio::time::timeout(HELLO_WITHIN, reader.next()).await {
        Err(_late) => return Err(Parted::Silent),
        Ok(None) => return Ok(()),
        Ok(Some(hello)) => hello?,
    };
    hello.check("this engine", "the guest").map_err(Parted::Mismatch)?;
    let mut writer = writer.map_encoder(|_hello| Codec::<(), ToGuest>::new(LARGEST_REQUEST));
    // It names itself, and its name comes into the journal.
    let guest = Guest { face: plain::line(&hello.face, LONGEST_FACE), read_only: hello.read_only };
    let name = tokio::task::spawn_blocking(move || person(peer.uid)).await;
    let mut who = Who::new(&name.unwrap_or_else(|_broken| format!("uid {}", peer.uid)), &guest);
    match &part {
        Part::Own => {}
        Part::Operator => who.by_group = true,
        Part::Viewer(why) => who = Who { read_only: Some(ReadOnly::Viewer(why.clone())), by_group: true, ..who },
        Part::Nobody(refusal) => {
            if engine.door().is_news(peer) {
                engine.turned_away(who.name, refusal.what.clone()).await;
            }
            return send(&mut writer, &ToGuest::Bye { why: refusal.what.clone() }, takes_within).await;
        }
    }
    let _present = engine.enter(&guest);

    let (replies, due) = mpsc::channel(REQUESTS);
    let owed = TaskTracker::new();
    let put_out = engine.door().until_other(peer, &part, changes.clone());
    let admitted = Admitted { peer, part: part.clone(), changes, who };
    let reader = reader.map_decoder(|_hello| Codec::new(LARGEST_REQUEST));
    let listener = listen(reader, admitted, engine, replies, &owed);
    let teller = tell(writer, engine, due, &owed, put_out, takes_within);
    // Whichever ends first ends the other: a guest that only listens or only speaks is gone.
    tokio::select! {
        ended = listener => ended,
        ended = teller => ended,
    }
}

/// A guest that was let in.
struct Admitted {
    peer: Peer,
    part: Part,
    changes: watch::Receiver<Groups>,
    who: Who,
}

impl Admitted {
    /// Whether it is still what it was let in as. Asked before each request, so that none slips in after a change of the
    /// fleet file was told to whoever made it.
    async fn stands(&mut self, engine: &Engine) -> bool {
        if self.part == Part::Own || !self.changes.has_changed().unwrap_or(false) {
            return true;
        }
        self.changes.mark_unchanged();
        engine.door().judge(self.peer).await == self.part
    }
}

/// Takes requests until the guest leaves; each is answered by a task of its own, so that a slow one delays no other.
async fn listen(
    mut reader: Reader,
    mut guest: Admitted,
    engine: &Engine,
    replies: mpsc::Sender<ToGuest>,
    owed: &TaskTracker,
) -> Result<(), Parted> {
    let turns = Arc::new(Semaphore::new(REQUESTS));
    while let Some(request) = reader.next().await {
        let request = request?;
        if !guest.stands(engine).await {
            // It is put out with a word by whoever speaks to it.
            return std::future::pending().await;
        }
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { break };
        let (engine, replies, who) = (engine.clone(), replies.clone(), guest.who.clone());
        let seen = if let ToEngine::Query { ask, .. } = &request { guest.part.may_ask(ask) } else { Ok(()) };
        owed.spawn(async move {
            let reply = match request {
                ToEngine::Command { id, ask } => ToGuest::Accepted { id, reply: engine.command(who, ask).await },
                ToEngine::Query { id, ask } => {
                    let reply = match seen {
                        Ok(()) => engine.query(ask).await.map(Box::new),
                        Err(refusal) => Err(refusal),
                    };
                    ToGuest::Answer { id, reply }
                }
            };
            let _guest_is_gone = replies.send(reply).await;
            drop(turn);
        });
    }
    Ok(())
}

/// Sends pictures and replies until the engine stops, the guest does not take them, or it is put out.
async fn tell(
    mut writer: Writer,
    engine: &Engine,
    mut replies: mpsc::Receiver<ToGuest>,
    owed: &TaskTracker,
    put_out: impl Future<Output = String>,
    takes_within: Duration,
) -> Result<(), Parted> {
    let mut put_out = std::pin::pin!(put_out);
    let mut snapshots = engine.snapshots();
    let mut last = Arc::clone(&snapshots.borrow_and_update());
    send(&mut writer, &ToGuest::Full(Arc::clone(&last)), takes_within).await?;
    loop {
        let message = tokio::select! {
            Some(reply) = replies.recv() => reply,
            Ok(()) = snapshots.changed() => {
                let now = Arc::clone(&snapshots.borrow_and_update());
                let delta = Delta::between(&last, &now);
                last = now;
                ToGuest::Delta(Box::new(delta))
            }
            why = &mut put_out => return send(&mut writer, &ToGuest::Bye { why }, takes_within).await,
            () = engine.stopping().cancelled() => break,
        };
        send(&mut writer, &message, takes_within).await?;
    }
    owed.close();
    let _owed = tokio::time::timeout(LAST_WORDS, async {
        tokio::select! {
            () = owed.wait() => {}
            () = async { while let Some(reply) = replies.recv().await { if send(&mut writer, &reply, takes_within).await.is_err() { break } } } => {}
        }
    })
    .await;
    while let Ok(reply) = replies.try_recv() {
        send(&mut writer, &reply, takes_within).await?;
    }
    send(&mut writer, &ToGuest::Bye { why: "the engine was stopped".into() }, takes_within).await
}

async fn send<Out: serde::Serialize>(
    writer: &mut FramedWrite<OwnedWriteHalf, Codec<impl Sized, Out>>,
    message: &Out,
    within: Duration,
) -> Result<(), Parted> {
    tokio::time::timeout(within, writer.send(message))
        .await
        .map_err(|_late| Parted::Slow(within))?
        .map_err(Parted::from)
}
