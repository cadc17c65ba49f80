//! Choosing one of several lines by typing a part of it: what help and palette share.

pub use nucleo_matcher::pattern::AtomKind;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Which of the lines match, best first, and which is selected.
#[derive(Debug, Clone, Default)]
pub struct Chooser {
    /// Positions of the matching lines.
    pub matching: Vec<usize>,
    /// Position among them.
    pub selected: usize,
    /// Whether it was gone to by a key, since something was typed.
    pub moved: bool,
    offset: usize,
}

impl Chooser {
    /// Finds the lines that have all typed words, as they are or letter by letter; keeps their order where nothing is
    /// typed.
    pub fn find(&mut self, typed: &str, kind: AtomKind, lines: &[String]) {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let pattern = Pattern::new(typed, CaseMatching::Ignore, Normalization::Smart, kind);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = lines
            .iter()
            .enumerate()
            .filter_map(|(index, line)| Some((pattern.score(Utf32Str::new(line, &mut buffer), &mut matcher)?, index)))
            .collect();
        scored.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), *index));
        self.matching = scored.into_iter().map(|(_, index)| index).collect();
        self.selected = 0;
        self.offset = 0;
        self.moved = false;
    }

    /// Selects the line that is exactly this, where there is one: it is what was typed, whatever else has its letters.
    pub fn prefer(&mut self, exact: &str, lines: &[String]) {
        if let Some(position) = self.matching.iter().position(|index| lines[*index] == exact) {
            self.selected = position;
        }
    }

    /// The selected line.
    pub fn current(&self) -> Option<usize> {
        self.matching.get(self.selected).copied()
    }

    /// Moves on a key that moves. Returns whether it was one.
    pub fn key(&mut self, key: KeyEvent, page: usize) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let last = self.matching.len().saturating_sub(1);
        self.selected = match (key.code, control) {
            (KeyCode::Down, _) | (KeyCode::Char('n'), true) => self.selected + 1,
            (KeyCode::Up, _) | (KeyCode::Char('p'), true) => self.selected.saturating_sub(1),
            (KeyCode::PageDown, _) => self.selected + page,
            (KeyCode::PageUp, _) => self.selected.saturating_sub(page),
            _ => return false,
        }
        .min(last);
        self.moved = true;
        true
    }

    /// The first line to draw where so many fit.
    pub fn scroll(&mut self, height: usize) -> usize {
        let lowest = (self.selected + 1).saturating_sub(height);
        self.offset = self.offset.clamp(lowest, self.selected.max(lowest));
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_words_find_a_line() {
        let lines: Vec<String> = ["engine.stop", "host.probe", "host.probe-all"].map(Into::into).to_vec();
        let mut chooser = Chooser::default();
        chooser.find("", AtomKind::Fuzzy, &lines);
        assert_eq!(chooser.matching, [0, 1, 2]);
        chooser.find("hopro", AtomKind::Fuzzy, &lines);
        assert_eq!(chooser.current(), Some(1));
        chooser.find("zzz", AtomKind::Fuzzy, &lines);
        assert_eq!(chooser.current(), None);
    }
}
