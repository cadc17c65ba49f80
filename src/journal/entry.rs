//! One entry of the journal.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// What was decided, done or refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Position in the journal, from 1, without gaps.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// Who: `engine`, or the person and the face they used, such as `ana (console)`.
    pub who: String,
    /// What happened, in one line: "studio-2 is down".
    pub what: String,
    /// Why: the evidence or the reason given.
    pub why: String,
    /// What it is about, for programs: `{"host": "studio-2", "from": "suspect", "to": "down"}`.
    pub about: serde_json::Value,
    /// How much it matters, for colour and filters.
    pub weight: Weight,
}

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Ordinary.
    Note,
    /// Something became better.
    Good,
    /// Something needs an eye.
    Warning,
    /// Something is wrong.
    Alarm,
    /// hotspare refused to do something.
    Refusal,
}

impl Weight {
    /// The word that is stored and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Alarm => "alarm",
            Self::Refusal => "refusal",
        }
    }

    /// The weight of a stored word; one that is not known is a note.
    pub fn from_word(word: &str) -> Self {
        [Self::Good, Self::Warning, Self::Alarm, Self::Refusal]
            .into_iter()
            .find(|weight| weight.word() == word)
            .unwrap_or(Self::Note)
    }
}

/// Whether the chain of hashes over the journal holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chain {
    /// Every entry follows from the one before.
    Intact,
    /// It breaks at this entry.
    Broken {
        /// Sequence number of the first entry that does not follow.
        at: u64,
        /// What is wrong there.
        why: String,
    },
    /// It is being checked.
    Checking,
}
