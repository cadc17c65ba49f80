//! The book of a pool: read when the engine begins and whenever somebody else has written it, changed under the lease.

use std::sync::Arc;

use super::super::book::{Book, Note};
use super::super::desk::Desk;
use super::super::lease::book::WriteError;
use super::Pools;
use super::mind::words;
use crate::fleet::settings::LeaseKind;
use crate::journal::aside::SetAside;
use crate::journal::entry::Weight;
use crate::runbook::view::{RunId, RunView};

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undone {
    /// The book does not let it happen.
    #[error("{0}")]
    Refused(String),
    /// It cannot be kept.
    #[error("the state of the pool cannot be kept: {0}")]
    Unkept(String),
}

impl Pools {
    /// Reads the book where it is not known or was written by another engine.
    pub(super) async fn take_up(&self, desk: &Arc<Desk>) {
        self.read_book(desk).await;
        self.doubt(desk).await;
    }

    /// A `state.db` that was set aside held the books of this engine's own lease: who stands in may not be known any more, and a
    /// second spare must not be sent where one serves.
    async fn doubt(&self, desk: &Arc<Desk>) {
        let lost = self.0.parts.journal.tail().borrow().set_aside.as_ref().map(SetAside::sentence);
        let Some(lost) = lost.filter(|_| self.fleet().lease.kind == LeaseKind::Embedded) else { return };
        {
            let kept = desk.kept();
            if !kept.ours || kept.version.is_none() || kept.doubted.as_ref() == Some(&lost) {
                return;
            }
        }
        let why = format!("{lost}; find out which machine serves and put it right, then acknowledge");
        let now = self.now();
        let changed = self.change(desk, |book| {
            book.doubt(&why, now);
            Ok(())
        });
        if changed.await.is_ok() {
            desk.kept().doubted = Some(lost);
            let (what, why) = words(&desk.pool().name, &Note::Brake { why });
            self.write(desk, what, why, Weight::Alarm);
        }
    }

    async fn read_book(&self, desk: &Arc<Desk>) {
        let name = &desk.pool().name;
        let held = self.0.parts.lease.may_act().is_ok();
        let known = {
            let mut kept = desk.kept();
            if !held {
                kept.ours = false;
            }
            kept.version
        };
        // Who comes to the lease takes up what the engine before it has left.
        let comes = held && !desk.kept().ours;
        let elsewhere = self.0.parts.lease.books().borrow().get(name).is_some_and(|book| Some(book.version) != known);
        if known.is_some() && !elsewhere && !comes {
            return;
        }
        let _one_at_a_time = desk.writing.lock().await;
        match self.0.parts.lease.read(name).await {
            Ok(text) => {
                let read: Result<Book, String> = if text.text.is_empty() {
                    Ok(Book::default())
                } else {
                    serde_json::from_str(&text.text).map_err(|error| error.to_string())
                };
                let left = read.as_ref().ok().and_then(|book| book.run.as_ref()).filter(|_| held);
                let left = match left.map(|left| left.id) {
                    Some(run) => self.left(desk, run).await,
                    None => None,
                };
                let mut kept = desk.kept();
                match read {
                    Ok(mut book) => {
                        // What is under way and not done here was another engine's, or could not be written down.
                        if held && kept.busy == 0 {
                            book.restore(self.now());
                            kept.run = left.or_else(|| kept.run.take());
                        }
                        (kept.book, kept.version, kept.trouble) = (book, Some(text.version), None);
                        kept.ours = held;
                    }
                    Err(why) => {
                        let why =
                            format!("what was kept of {name} cannot be read, and nothing is done by itself: {why}");
                        kept.trouble = Some(why);
                    }
                }
            }
            Err(why) => desk.kept().trouble = Some(format!("the state of {name} cannot be read: {why}")),
        }
        if desk.show(&mut desk.kept()) {
            self.bump();
        }
    }

    /// How far a run came whose engine has gone. `None`: none of its steps had begun, or what was kept of it cannot be read.
    async fn left(&self, desk: &Arc<Desk>, run: RunId) -> Option<Arc<RunView>> {
        match self.record_of(desk, run).await {
            Ok(record) => record.map(|record| Arc::new(record.interrupted().view)),
            Err(undone) => {
                tracing::warn!(pool = desk.pool().name, %run, %undone, "the run that was interrupted cannot be shown");
                None
            }
        }
    }

    /// Changes the book: durable when this ends well, and not changed at all otherwise.
    pub(super) async fn change<T>(
        &self,
        desk: &Arc<Desk>,
        change: impl FnOnce(&mut Book) -> Result<T, String>,
    ) -> Result<T, Undone> {
        let _one_at_a_time = desk.writing.lock().await;
        let (mut book, version) = {
            let kept = desk.kept();
            let version = kept
                .version
                .ok_or_else(|| Undone::Unkept(kept.trouble.clone().unwrap_or_else(|| "it was not read yet".into())))?;
            (kept.book.clone(), version)
        };
        let done = change(&mut book).map_err(Undone::Refused)?;
        let text = serde_json::to_string(&book).map_err(|error| Undone::Unkept(error.to_string()))?;
        let written = self.0.parts.lease.write(&desk.pool().name, text, version).await;
        let mut kept = desk.kept();
        match written {
            Ok(version) => {
                (kept.book, kept.version, kept.trouble) = (book, Some(version), None);
                kept.unkept = None;
                if desk.show(&mut kept) {
                    drop(kept);
                    self.bump();
                }
                Ok(done)
            }
            Err(error) => {
                // Whether it is written or not is read again before anything else is done.
                if matches!(error, WriteError::Conflict { .. } | WriteError::Unknown(_)) {
                    kept.version = None;
                }
                Err(Undone::Unkept(error.to_string()))
            }
        }
    }
}
