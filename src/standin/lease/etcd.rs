//! The lease of several engines: a key in etcd that lives as long as somebody renews it.
//!
//! Under the prefix of the fleet file there are `lease` (who holds it; its create revision is the generation), `holder` (left
//! behind by one who did not give it back), `book/POOL` and `seen/ENGINE`. `lease` and `seen/…` hang on the etcd lease of
//! their engine, its *session*, and vanish with it.
//!
//! etcd is spoken to through its JSON gateway over HTTP, so neither gRPC nor protobuf is needed.

mod campaign;
#[cfg(any(test, fuzzing))]
pub(super) mod foreign;
mod gateway;
mod message;
mod picture;
mod seal;
mod watcher;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::book::{Book, Version, WriteError};
use super::shared::Shared;
use super::{Ask, Tools};
use crate::fleet::secret::SecretSource;
use crate::fleet::settings::LeaseSettings;
use gateway::{Failure, Gateway};
use message::{Answer, Compare, Operation, Range};
use picture::{Mark, Picture};
use seal::{Seal, Writing};

/// How long an orderly end may take.
const FAREWELL: Duration = Duration::from_secs(3);

/// What the parts of this room have in common.
struct Common {
    shared: Arc<Shared>,
    gateway: Gateway,
    tools: Tools,
    prefix: String,
    /// The time to live that the fleet file wants.
    ttl: Duration,
    /// Whose the lease is, as the watch says.
    owner: watch::Sender<Owner>,
    /// What the watch shows.
    picture: Mutex<Picture>,
    /// How far that is.
    shown: watch::Sender<Mark>,
    /// It lags behind.
    lagging: Notify,
    signing_key: SecretSource,
    accept_unsigned: bool,
}

/// Whose the lease is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Owner {
    /// The revision at which the key was made: the generation. 0: nobody's.
    generation: u64,
    /// The session that it hangs on.
    session: u64,
}

impl Common {
    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    fn picture(&self) -> MutexGuard<'_, Picture> {
        // Whole after each change.
        self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is asked of values in etcd. The error says in words why the signing key cannot be had.
    async fn seal(&self) -> Result<Seal, String> {
        let secret = self.tools.secrets.resolve(&self.signing_key).await;
        let secret = secret.map_err(|error| format!("the signing key cannot be had: {error}; {}", error.remedy))?;
        Seal::new(secret.as_ref(), self.accept_unsigned)
    }

    /// Everything below the prefix.
    fn all(&self) -> Range {
        Range::below(&format!("{}/", self.prefix))
    }
}

/// Strives for the lease, keeps it, and answers until it is given back.
pub(super) async fn keep(shared: Arc<Shared>, settings: LeaseSettings, tools: Tools, mut asked: mpsc::Receiver<Ask>) {
    let prefix = settings.prefix.trim_end_matches('/').to_owned();
    let common = Common {
        picture: Mutex::new(Picture::new(&prefix, &shared.who)),
        shared,
        gateway: Gateway::new(&settings, &tools),
        tools,
        prefix,
        ttl: settings.ttl,
        owner: watch::Sender::default(),
        shown: watch::Sender::default(),
        lagging: Notify::new(),
        signing_key: settings.signing_key.clone(),
        accept_unsigned: settings.accept_unsigned,
    };
    let session = watch::Sender::new(None);
    let released = {
        let mut striving = std::pin::pin!(campaign::run(&common, &session));
        let mut watching = std::pin::pin!(watcher::run(&common));
        let mut telling = std::pin::pin!(common.shared.tell_in_time());
        tokio::select! {
            never = &mut striving => match never {},
            never = &mut watching => match never {},
            never = &mut telling => match never {},
            released = serve(&common, &mut asked) => released,
        }
    };
    let Some(told) = released else { return };
    let session = *session.borrow();
    if let Some(session) = session {
        // What nobody answers ends by itself with its time to live.
        let _late = tokio::time::timeout(FAREWELL, farewell(&common, session)).await;
    }
    common.shared.learn(|known| known.hold = None);
    let _gone = told.send(());
}

/// Answers until it is asked to give the lease back, or nobody can ask any more.
async fn serve(common: &Common, asked: &mut mpsc::Receiver<Ask>) -> Option<oneshot::Sender<()>> {
    let mut answering = FuturesUnordered::new();
    loop {
        tokio::select! {
            ask = asked.recv() => match ask? {
                Ask::Release(told) => return Some(told),
                other => answering.push(answer(common, other)),
            },
            Some(()) = answering.next(), if !answering.is_empty() => {}
        }
    }
}

async fn answer(common: &Common, ask: Ask) {
    match ask {
        Ask::Read(pool, told) => {
            let _gone = told.send(read(common, &pool).await);
        }
        Ask::Write { pool, text, expected, told } => {
            let _gone = told.send(write(common, &pool, text, expected).await);
        }
        Ask::Release(told) => drop(told),
    }
}

async fn read(common: &Common, pool: &str) -> Result<Book, String> {
    let seal = common.seal().await?;
    let name = format!("book/{pool}");
    let range = Range::one(&common.key(&name));
    let answer = common.gateway.range(&range).await.map_err(|failure| failure.to_string())?;
    let found = answer.kvs.into_iter().next();
    let same = common.picture().is_same(&seal, &common.key(&name), found.as_ref());
    same.map_err(|why| picture::told(&name, &why))?;
    let Some(found) = found else { return Ok(Book::default()) };
    let opened = seal.open(&found).map_err(|foreign| picture::told(&name, &foreign))?;
    Ok(Book { text: opened.text.into(), version: found.mod_revision })
}

/// One transaction compares the ownership of the lease and the version of the book, and writes.
async fn write(common: &Common, pool: &str, text: String, expected: Version) -> Result<Version, WriteError> {
    let Ok(right) = common.shared.may_act() else {
        return Err(WriteError::NotHeld("its time was over before the book could be written".to_owned()));
    };
    let (lease, book) = (common.key("lease"), common.key(&format!("book/{pool}")));
    let seal = common.seal().await.map_err(WriteError::Unavailable)?;
    let text = if seal.signs() {
        let found = common.gateway.range(&Range::one(&book)).await;
        let found = found.map_err(|failure| WriteError::Unavailable(failure.to_string()))?.kvs.into_iter().next();
        let version = found.as_ref().map_or(0, |found| found.mod_revision);
        if version != expected {
            return Err(WriteError::Conflict { found: version });
        }
        seal.close(Writing::after(&book, found.as_ref(), 0), &text)
    } else {
        text
    };
    let compare = [Compare::created(&lease, right.generation), Compare::modified(&book, expected)];
    let then = [Operation::put(&book, &text, None)];
    let otherwise = [Operation::range(&lease), Operation::range(&book)];
    match common.gateway.txn(&compare, &then, &otherwise).await {
        Ok(answer) if answer.succeeded => Ok(answer.header.revision),
        Ok(answer) => {
            let owner = answer.found(0).map_or(0, |lease| lease.create_revision);
            if owner != right.generation {
                return Err(WriteError::NotHeld("it was lost while the book was to be written".to_owned()));
            }
            match answer.found(1) {
                // An earlier try of this very call, whose answer did not come: nobody else may write while we hold the lease.
                Some(found) if answer.again && found.value == text => Ok(found.mod_revision),
                found => Err(WriteError::Conflict { found: found.map_or(0, |found| found.mod_revision) }),
            }
        }
        Err(Failure::Unreachable { why, perhaps: true }) => Err(WriteError::Unknown(why)),
        Err(failure) => Err(WriteError::Unavailable(failure.to_string())),
    }
}

/// Gives back what is ours, at once, so that nobody has to wait for its end.
async fn farewell(common: &Common, session: u64) {
    let _ends_by_itself = let_go(common, session).await;
    let _ends_too = common.gateway.revoke(session).await;
}

/// Takes the lease away from a session that is ours, and the note that somebody may still act under it.
async fn let_go(common: &Common, session: u64) -> Result<Answer, Failure> {
    let lease = common.key("lease");
    let then = [Operation::delete(&lease), Operation::delete(&common.key("holder"))];
    common.gateway.txn(&[Compare::session(&lease, session)], &then, &[]).await
}
