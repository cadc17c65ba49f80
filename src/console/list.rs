//! The state of one list: what is selected, marked, filtered, and in which order.
//!
//! Rows are known by key, so that the selection stays on its row when the order changes around it.

use std::collections::BTreeSet;

use super::filter::Filter;
use super::pane::Pane;
use crate::engine::snapshot::Snapshot;

/// The state of one list.
#[derive(Debug, Clone, Default)]
pub struct ListState {
    /// Which of the pane's orders.
    pub sort: usize,
    /// Turned around.
    pub reversed: bool,
    /// Which rows are shown.
    pub filter: Filter,
    /// Marked rows, by key.
    pub marks: BTreeSet<String>,
    selected: Option<String>,
    position: usize,
    /// First row on the screen.
    offset: usize,
    order: Vec<u32>,
    arranged: Option<u64>,
}

impl ListState {
    /// Brings the rows of this snapshot into order, unless that was done.
    pub fn arrange(&mut self, pane: &dyn Pane, snapshot: &Snapshot) {
        if self.arranged == Some(snapshot.seq) {
            return;
        }
        let count = u32::try_from(pane.count(snapshot)).unwrap_or(u32::MAX);
        self.order.clear();
        self.order.extend(0..count);
        if !self.filter.is_empty() {
            let filter = &self.filter;
            self.order.retain(|row| filter.passes(&pane.haystack(snapshot, *row as usize)));
        }
        let sort = self.sort;
        self.order.sort_by(|a, b| pane.compare(snapshot, sort, *a as usize, *b as usize));
        if self.reversed {
            self.order.reverse();
        }
        if !self.marks.is_empty() {
            let there: BTreeSet<String> = (0..count).map(|row| pane.key(snapshot, row as usize)).collect();
            self.marks.retain(|mark| there.contains(mark));
        }
        self.follow(pane, snapshot);
        self.arranged = Some(snapshot.seq);
    }

    /// The selection stays on its row; where that is gone, on its place.
    fn follow(&mut self, pane: &dyn Pane, snapshot: &Snapshot) {
        let found = self
            .selected
            .as_ref()
            .and_then(|key| self.order.iter().position(|row| pane.key(snapshot, *row as usize) == *key));
        // Whoever has not moved yet wants to see the top, where what is wrong floats to.
        self.select(pane, snapshot, found.unwrap_or(self.position));
        if self.position == 0 && found.is_none() {
            self.selected = None;
        }
    }

    /// The rows must be brought into order again.
    pub fn disarrange(&mut self) {
        self.arranged = None;
    }

    /// The rows that are shown, as positions in the snapshot.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The selected row, as a position in the snapshot.
    pub fn current(&self) -> Option<usize> {
        self.order.get(self.position).map(|row| *row as usize)
    }

    /// The selected row, as a position among those shown.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether the selected row is the last one of the pane's own order, whichever way around that is shown.
    pub fn at_far_end(&self) -> bool {
        let end = if self.reversed { 0 } else { self.order.len().saturating_sub(1) };
        self.position == end
    }

    /// Selects the row at this position among those shown, or the last.
    pub fn select(&mut self, pane: &dyn Pane, snapshot: &Snapshot, position: usize) {
        self.position = position.min(self.order.len().saturating_sub(1));
        self.selected = self.current().map(|row| pane.key(snapshot, row));
    }

    /// Moves the selection.
    pub fn step(&mut self, pane: &dyn Pane, snapshot: &Snapshot, by: isize) {
        self.select(pane, snapshot, self.position.saturating_add_signed(by));
    }

    /// The first row to draw where so many fit, so that the selected one is among them.
    pub fn scroll(&mut self, height: usize) -> usize {
        let most = self.order.len().saturating_sub(height);
        let lowest = (self.position + 1).saturating_sub(height);
        self.offset = self.offset.min(most).clamp(lowest, self.position.max(lowest));
        self.offset
    }

    /// The first row on the screen, as of the last frame.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Marks the selected row and goes on to the next, or takes its mark away.
    pub fn toggle_mark(&mut self, pane: &dyn Pane, snapshot: &Snapshot) {
        let Some(key) = self.current().map(|row| pane.key(snapshot, row)) else { return };
        if !self.marks.remove(&key) {
            self.marks.insert(key);
        }
        self.step(pane, snapshot, 1);
    }

    /// Marks every row that is shown, or takes all marks away where there are some.
    pub fn toggle_all(&mut self, pane: &dyn Pane, snapshot: &Snapshot) {
        if self.marks.is_empty() {
            self.marks = self.order.iter().map(|row| pane.key(snapshot, *row as usize)).collect();
        } else {
            self.marks.clear();
        }
    }
}
