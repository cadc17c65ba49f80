//! The open file behind the tables: opened where it is not, opened anew where another took its name.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::Index;
use crate::journal::aside::{self, Identity};
use crate::journal::database;

#[derive(Debug)]
pub(super) struct Inner {
    folder: PathBuf,
    open: Mutex<Option<(Connection, Option<Identity>)>>,
    /// By itself: who asks how it goes does not wait for the disk.
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// How often it was opened, and how often something was not kept.
    breaks: u64,
    trouble: Option<String>,
}

impl Index {
    /// The tables of the `state.db` in this folder.
    pub fn new(folder: &Path) -> Self {
        Self(Arc::new(Inner { folder: folder.to_owned(), open: Mutex::default(), told: Mutex::default() }))
    }

    /// Why the last question was not answered, or the last fact not kept.
    pub fn trouble(&self) -> Option<String> {
        self.told().trouble.clone()
    }

    /// A number that changes whenever something may be missing in the file: it was opened anew, or could not be written.
    pub fn breaks(&self) -> u64 {
        self.told().breaks
    }

    /// Asks or tells the file; opens it where it is not, or was taken from under us.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Option<T> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = aside::identity(&self.0.folder);
        let done = match open.take() {
            Some((connection, then)) if then == now => Ok((connection, then)),
            _ => {
                self.told().breaks += 1;
                database::join(&self.0.folder).map(|connection| (connection, now)).map_err(|error| error.to_string())
            }
        };
        let done = done.and_then(|(mut connection, identity)| {
            let done = act(&mut connection).map_err(|error| error.to_string());
            if done.is_ok() {
                *open = Some((connection, identity));
            }
            done
        });
        let mut told = self.told();
        match done {
            Ok(done) => {
                told.trouble = None;
                Some(done)
            }
            Err(why) => {
                if told.trouble.as_ref() != Some(&why) {
                    tracing::warn!("what is known of sessions is not kept in state.db: {why}");
                }
                told.trouble = Some(why);
                told.breaks += 1;
                None
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
