//! Whether sessions were imported, asked of the databases that know: once for all sessions, never one by one.
//!
//! What the databases say is read by the files that talk to them; what follows from it is decided by pure rules
//! ([`rules`], [`flags`]). Where a database does not answer, or not in full, nothing is known of any session: neither
//! that it was imported nor that it was not.

mod acquired;
mod datajoint;
mod flags;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod name;
mod query;
mod rules;
mod server;
mod sqlite;

use std::collections::HashMap;
use std::time::Duration;

use super::key::Key;
use super::view::{Imported, SideState};
use crate::fleet::data;
use crate::reach::secret::Secrets;

/// How long a database may be silent.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A session on this computer's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Which.
    pub key: Key,
    /// Names, below the session's folder, and sizes in bytes of its files; those that are no `.mp4` are not looked at.
    pub videos: Vec<(String, u64)>,
}

/// What the databases said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All were asked and answered: one entry for each session on the disk and each one that the acquisition's database
    /// knows although nothing of it is on the disk.
    Known(HashMap<Key, Imported>),
    /// Something did not answer: nothing is known of any session.
    Unknown(Trouble),
}

/// Why the databases could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Trouble {
    /// In a word or two: "no answer", "login refused".
    pub word: &'static str,
    /// What is wrong, where, why. Never holds a password.
    pub why: String,
    /// What to do now.
    pub remedy: String,
}

impl Trouble {
    fn new(word: &'static str, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { word, why: why.into(), remedy: remedy.into() }
    }
}

impl Answer {
    /// What is known of one session.
    pub fn of(&self, key: &Key) -> Imported {
        match self {
            Self::Known(sessions) => sessions
                .get(key)
                .cloned()
                .unwrap_or_else(|| Imported::Unknown { why: "it was not there when the databases were asked".into() }),
            Self::Unknown(trouble) => Imported::Unknown { why: trouble.why.clone() },
        }
    }

    /// Whether the databases can be trusted to answer, for the view of the store.
    pub fn side(&self) -> SideState {
        match self {
            Self::Known(_) => SideState::Ready,
            Self::Unknown(Trouble { word, why, remedy }) => {
                SideState::Trouble { word: (*word).to_owned(), why: why.clone(), remedy: remedy.clone() }
            }
        }
    }
}

/// Asks for all sessions at once. `patience`: how long each database may be silent, [`PATIENCE`] as a rule; ends in any case
/// after ten times that.
pub async fn ask(how: &data::Imported, secrets: &Secrets, local: &[Local], patience: Duration) -> Answer {
    let asking = async {
        match how {
            data::Imported::Datajoint { sqlite, mysql } => {
                let acquired = acquired::read(sqlite, patience).await?;
                let wanted = rules::wanted(&acquired, local);
                let pipeline = datajoint::read(mysql, secrets, &wanted, patience).await?;
                Ok(rules::judge(&acquired, &pipeline, local))
            }
            data::Imported::Query { sqlite, query, mysql, queries } => {
                let flag = query::acquisition(sqlite, query, patience).await?;
                let server = mysql.as_ref().filter(|_| !queries.is_empty());
                let more = match server {
                    Some(server) => query::pipeline(server, secrets, queries, patience).await?,
                    None => Vec::new(),
                };
                Ok(flags::judge(&flag, &more, local.iter().map(|local| &local.key)))
            }
        }
    };
    let whole = patience.saturating_mul(10);
    match tokio::time::timeout(whole, asking).await {
        Ok(Ok(known)) => Answer::Known(known),
        Ok(Err(trouble)) => Answer::Unknown(trouble),
        Err(_late) => Answer::Unknown(Trouble::new(
            "no answer",
            format!("the databases had not answered in full after {}", crate::reach::plain::time(whole)),
            "see what keeps them busy",
        )),
    }
}
