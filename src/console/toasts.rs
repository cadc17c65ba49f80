//! Messages of this console: what came of a wish, and what happened meanwhile. Shown for a moment, kept for reading.

use std::collections::VecDeque;

use super::theme::Meaning;
use super::theme::glyphs::Glyphs;
use crate::clock::Timestamp;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// When.
    pub at: Timestamp,
    /// Good, bad, or neither.
    pub meaning: Meaning,
    /// What is said.
    pub text: String,
    /// What to do now.
    pub hint: Option<String>,
}

impl Toast {
    /// The sign of what it means.
    pub const fn sign(&self, glyphs: &Glyphs) -> &'static str {
        match self.meaning {
            Meaning::Good => glyphs.good,
            Meaning::Warn => glyphs.warn,
            Meaning::Bad => glyphs.bad,
            _ => glyphs.dot,
        }
    }

    /// Seconds for which it is shown: longer where it must be read.
    fn lasts(&self) -> i64 {
        if matches!(self.meaning, Meaning::Bad | Meaning::Warn) { 15 } else { 6 }
    }
}

/// How many are kept.
const KEPT: usize = 200;

/// All messages.
#[derive(Debug, Clone, Default)]
pub struct Toasts {
    all: VecDeque<Toast>,
}

impl Toasts {
    /// Adds one.
    pub fn add(&mut self, toast: Toast) {
        if self.all.len() == KEPT {
            self.all.pop_front();
        }
        self.all.push_back(toast);
    }

    /// The newest one that is still shown, and how many more are.
    pub fn live(&self, now: Timestamp) -> Option<(&Toast, usize)> {
        let shown = |toast: &&Toast| now.as_second().saturating_sub(toast.at.as_second()) < toast.lasts();
        let count = self.all.iter().filter(shown).count();
        self.all.iter().rev().find(shown).map(|toast| (toast, count - 1))
    }

    /// All of them, newest first.
    pub fn history(&self) -> impl Iterator<Item = &Toast> {
        self.all.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_passes_and_stays_in_the_history() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut toasts = Toasts::default();
        toasts.add(Toast { at: at(0), meaning: Meaning::Good, text: "done".into(), hint: None });
        assert!(toasts.live(at(5)).is_some());
        assert!(toasts.live(at(6)).is_none());
        toasts.add(Toast { at: at(6), meaning: Meaning::Bad, text: "refused".into(), hint: None });
        assert_eq!(toasts.live(at(20)).map(|(toast, more)| (toast.text.as_str(), more)), Some(("refused", 0)));
        assert_eq!(toasts.history().count(), 2);
    }
}
