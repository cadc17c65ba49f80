//! What is kept of dumps for the next engine: which media they know, when the last good round was, the last drill.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::lock;
use crate::clock::Timestamp;
use crate::dump::view::DrillView;

/// Media that a dump knows at most; the one that was not seen for longest is forgotten.
const MEDIA: usize = 16;

/// What is kept of one dump.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// Ids of its media, the last one used last.
    pub(super) media: Vec<String>,
    /// The kit of the last good round.
    pub(super) kit: Option<String>,
    /// When that round ended.
    pub(super) good: Option<Timestamp>,
    /// The last drill.
    pub(super) drill: Option<DrillView>,
}

/// By dump.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<(BTreeMap<String, Kept>, bool)>);

impl Memory {
    /// What was written down by [`Memory::news`]; what cannot be read is as nothing.
    pub(super) fn read(text: &str) -> Self {
        Self(Mutex::new((serde_json::from_str(text).unwrap_or_default(), false)))
    }

    /// What is to be written down, where it has changed since the last time.
    pub(super) fn news(&self) -> Option<String> {
        let mut both = lock(&self.0);
        std::mem::take(&mut both.1).then(|| serde_json::to_string(&both.0).ok()).flatten()
    }

    pub(super) fn of(&self, dump: &str) -> Kept {
        lock(&self.0).0.get(dump).cloned().unwrap_or_default()
    }

    /// A round ended well.
    pub(super) fn good(&self, dump: &str, kit: &str, at: Timestamp) {
        self.change(dump, |kept| (kept.kit, kept.good) = (Some(kit.to_owned()), Some(at)));
    }

    /// A kit was written to this medium.
    pub(super) fn medium(&self, dump: &str, id: &str) {
        self.change(dump, |kept| {
            kept.media.retain(|known| known != id);
            kept.media.push(id.to_owned());
            let over = kept.media.len().saturating_sub(MEDIA);
            kept.media.drain(..over);
        });
    }

    /// A drill ended.
    pub(super) fn drilled(&self, dump: &str, drill: DrillView) {
        self.change(dump, |kept| kept.drill = Some(drill));
    }

    fn change(&self, dump: &str, change: impl FnOnce(&mut Kept)) {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = both.0.get(dump).cloned().unwrap_or_default();
        let mut after = before.clone();
        change(&mut after);
        if before != after {
            both.0.insert(dump.to_owned(), after);
            both.1 = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_told_once() {
        let memory = Memory::default();
        assert_eq!(memory.news(), None);
        memory.medium("meos", "4A21-0001");
        memory.medium("meos", "4A21-0002");
        memory.medium("meos", "4A21-0001");
        memory.good("meos", "2026-11-20T14-02-11Z", Timestamp::UNIX_EPOCH);
        let told = memory.news().unwrap();
        assert_eq!(memory.news(), None);
        let again = Memory::read(&told);
        assert_eq!(again.of("meos").media, ["4A21-0002", "4A21-0001"]);
        assert_eq!(again.of("meos").kit.as_deref(), Some("2026-11-20T14-02-11Z"));
        assert_eq!(again.of("other"), Kept::default());
        assert_eq!(Memory::read("half a").of("meos"), Kept::default());
    }
}
