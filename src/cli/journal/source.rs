//! Where the entries of a journal come from: a running engine, or the folder of one that is not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::context::Context;
use crate::cli::exit::Failure;
use crate::clock::Timestamp;
use crate::engine::client::{Client, Link};
use crate::engine::command::{Answer, Query};
use crate::engine::socket::Socket;
use crate::journal::database;
use crate::journal::entry::{Chain, Entry};
use crate::journal::store::{self, Window};

/// Entries read at once.
const PAGE: u32 = 2_000;
/// How often a journal without an engine is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Where entries come from: an engine also knows those that wait for the disk.
pub(super) enum Source {
    Engine(Socket),
    Folder(PathBuf),
}

impl Source {
    /// How many entries there are, at least.
    pub(super) async fn length(&self) -> u64 {
        match self {
            Self::Engine(engine) => engine.snapshots().borrow().journal.length,
            Self::Folder(folder) => {
                let folder = folder.clone();
                let read = move || database::open_read_only(&folder).ok().map_or(0, |connection| length(&connection));
                tokio::task::spawn_blocking(read).await.unwrap_or(0)
            }
        }
    }

    /// Everything since then, and whether the chain holds.
    pub(super) async fn all(&self, since: Option<Timestamp>) -> Result<(Vec<Entry>, Chain), Failure> {
        match self {
            Self::Engine(engine) => {
                let mut pages: Vec<Vec<Entry>> = Vec::new();
                let mut before = None;
                loop {
                    let (page, chain) = ask(engine, since, before, PAGE).await?;
                    before = page.first().map(|entry| entry.seq);
                    let last = page.len() < PAGE as usize;
                    pages.push(page);
                    if last {
                        pages.reverse();
                        return Ok((pages.concat(), chain));
                    }
                }
            }
            Self::Folder(folder) => {
                let folder = folder.clone();
                let read = move || read_all(&folder, since);
                tokio::task::spawn_blocking(read).await.map_err(|error| Failure::failed(error.to_string()))?
            }
        }
    }

    /// Waits until there may be entries after this one, and returns them. Tells when the engine is gone, and waits for it.
    pub(super) async fn more(&self, context: &Context, last: u64) -> Result<Vec<Entry>, Failure> {
        match self {
            Self::Engine(engine) => match more(engine, last).await {
                Ok(entries) => Ok(entries),
                Err(failure) => {
                    let mut link = engine.link();
                    context.tell(&format!("hotspare: {}; waiting for it to return", failure.message));
                    match link.wait_for(|link| *link == Link::Joined).await {
                        Ok(_joined) => Ok(Vec::new()),
                        Err(_closed) => Err(failure),
                    }
                }
            },
            Self::Folder(folder) => {
                tokio::time::sleep(LOOK).await;
                let folder = folder.clone();
                let read = move || read_new(&folder, last);
                tokio::task::spawn_blocking(read).await.map_err(|error| Failure::failed(error.to_string()))
            }
        }
    }
}

async fn ask(
    engine: &Socket,
    since: Option<Timestamp>,
    before: Option<u64>,
    limit: u32,
) -> Result<(Vec<Entry>, Chain), Failure> {
    match engine.query(Query::Journal { since, before, limit }).await? {
        Answer::Journal { entries, chain } => Ok((entries, chain)),
        _ => Err(Failure::failed("the engine answered something else; its version may differ")),
    }
}

/// The whole journal of a folder without an engine, its chain followed to the end.
fn read_all(folder: &Path, since: Option<Timestamp>) -> Result<(Vec<Entry>, Chain), Failure> {
    if !folder.join(database::FILE).exists() {
        return Ok((Vec::new(), Chain::Intact));
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("the journal in {} cannot be read: {error}", folder.display()))
            .hint("start the engine: it sets a corrupt state.db aside and says so")
    };
    let mut connection = database::open_read_only(folder).map_err(|error| unreadable(&error))?;
    let window = Window { since, before: None, limit: u32::MAX };
    let entries = store::read(&connection, window).map_err(|error| unreadable(&error))?;
    let chain = store::verify(&mut connection, |_, _| true).map_err(|error| unreadable(&error))?;
    let entries = entries.into_iter().map(Arc::unwrap_or_clone).collect();
    Ok((entries, chain.unwrap_or(Chain::Checking)))
}

/// Waits until there are entries after this one, and returns them.
async fn more(engine: &Socket, last: u64) -> Result<Vec<Entry>, Failure> {
    let mut snapshots = engine.snapshots();
    let gone = |_closed| Failure::failed("the engine is gone");
    loop {
        let length = snapshots.wait_for(|snapshot| snapshot.journal.length != last).await.map_err(gone)?.journal.length;
        if length > last {
            return newer(engine, last).await;
        }
        // Either it began anew, or the picture is a moment older than what was read.
        let (newest, _chain) = ask(engine, None, None, 1).await?;
        if newest.last().is_none_or(|newest| newest.seq < last) {
            return newer(engine, 0).await;
        }
        snapshots.changed().await.map_err(|_closed| Failure::failed("the engine is gone"))?;
    }
}

/// A journal that is shorter than what was read of it began anew.
const fn anew(last: u64, length: u64) -> u64 {
    if length < last { 0 } else { last }
}

/// The entries after this one, oldest first, however many they are.
async fn newer(engine: &Socket, last: u64) -> Result<Vec<Entry>, Failure> {
    let (mut entries, mut before) = (Vec::new(), None);
    loop {
        let (mut page, _chain) = ask(engine, None, before, PAGE).await?;
        before = page.first().map(|entry| entry.seq);
        page.retain(|entry| entry.seq > last);
        page.append(&mut entries);
        entries = page;
        if before.is_none_or(|first| first <= last + 1) {
            return Ok(entries);
        }
    }
}

/// The number of the last entry.
fn length(connection: &rusqlite::Connection) -> u64 {
    let last = store::read(connection, Window { since: None, before: None, limit: 1 }).unwrap_or_default();
    last.last().map_or(0, |entry| entry.seq)
}

/// The entries after this one; what cannot be read now may be in a moment.
fn read_new(folder: &Path, last: u64) -> Vec<Entry> {
    let new = || {
        let connection = database::open_read_only(folder).ok()?;
        let length = length(&connection);
        let limit = u32::try_from(length - anew(last, length)).unwrap_or(u32::MAX);
        store::read(&connection, Window { since: None, before: None, limit }).ok()
    };
    new().unwrap_or_default().into_iter().map(Arc::unwrap_or_clone).collect()
}
