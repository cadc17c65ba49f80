//! The lease of an engine alone: whoever holds the lock of the state folder has it. The kernel takes the lock back when the
//! process ends, and a process that sleeps keeps it, so nothing has to be renewed.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::book::{Book, Version, WriteError};
use super::hold::Hold;
use super::shared::Shared;
use super::{Ask, Shelf};
use crate::clock::Tick;

/// Where the number of the last ownership is kept.
const GENERATION: &str = "lease/generation";
/// Before the number of this ownership is written once more.
const AGAIN: Duration = Duration::from_secs(1);

/// A book, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: Version,
    text: Arc<str>,
}

/// Takes the lease, and answers until it is given back.
pub(super) async fn keep(shared: Arc<Shared>, shelf: Arc<dyn Shelf>, mut asked: mpsc::Receiver<Ask>) {
    let mut taking = true;
    loop {
        if taking {
            match take(shelf.as_ref()).await {
                Ok(generation) => {
                    taking = false;
                    let hold = Hold { generation, from: Tick::default(), until: None };
                    shared.learn(|known| (known.hold, known.trouble) = (Some(hold), None));
                }
                Err(error) => shared.learn(|known| known.trouble = Some(error)),
            }
        }
        let ask = tokio::select! {
            ask = asked.recv() => ask,
            () = tokio::time::sleep(AGAIN), if taking => continue,
        };
        match ask {
            None => return,
            Some(Ask::Read(pool, told)) => {
                let read = read(shelf.as_ref(), &pool).await;
                if let Ok(book) = &read {
                    shared.note(&pool, book);
                }
                let _gone = told.send(read);
            }
            Some(Ask::Write { pool, text, expected, told }) => {
                let written = write(&shared, shelf.as_ref(), &pool, text, expected).await;
                let _gone = told.send(written);
            }
            Some(Ask::Release(told)) => {
                shared.learn(|known| known.hold = None);
                let _gone = told.send(());
                return;
            }
        }
    }
}

/// A new number for this ownership, on the disk before anybody acts under it.
async fn take(shelf: &dyn Shelf) -> Result<u64, String> {
    let words = |error| format!("the state folder cannot keep the lease: {error}; make room there or repair it");
    let last = shelf.kept(GENERATION.to_owned()).await.map_err(words)?;
    let last = match last {
        None => 0,
        Some(text) => text.parse::<u64>().map_err(|_error| words(format!("{GENERATION} is {text:?}, not a number")))?,
    };
    let generation = last.saturating_add(1);
    shelf.keep(GENERATION.to_owned(), generation.to_string()).await.map_err(words)?;
    Ok(generation)
}

async fn read(shelf: &dyn Shelf, pool: &str) -> Result<Book, String> {
    let Some(text) = shelf.kept(key(pool)).await? else { return Ok(Book::default()) };
    let kept: Kept = serde_json::from_str(&text).map_err(|error| format!("the book of {pool} is damaged: {error}"))?;
    Ok(Book { text: kept.text, version: kept.version })
}

async fn write(
    shared: &Shared,
    shelf: &dyn Shelf,
    pool: &str,
    text: String,
    expected: Version,
) -> Result<Version, WriteError> {
    let found = read(shelf, pool).await.map_err(WriteError::Unavailable)?.version;
    if found != expected {
        return Err(WriteError::Conflict { found });
    }
    let book = Book { text: text.into(), version: found.saturating_add(1) };
    let kept = Kept { version: book.version, text: Arc::clone(&book.text) };
    let kept = serde_json::to_string(&kept).map_err(|error| WriteError::Unavailable(error.to_string()))?;
    shelf.keep(key(pool), kept).await.map_err(WriteError::Unknown)?;
    shared.note(pool, &book);
    Ok(book.version)
}

fn key(pool: &str) -> String {
    format!("lease/book/{pool}")
}

#[cfg(test)]
mod tests;
