//! The state of one list: what is selected, marked, filtered, and in which order.
//!
//! Rows are known by key, so that the selection stays on its row when the order changes around it.

use std::collections::BTreeSet;

use super::filter::Filter;
use super::pane::Pane;
use super::world::World;

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
    /// Rows that the last frame had room for.
    height: usize,
    /// Lines above the heads of the columns in the last frame.
    above: u16,
    order: Order,
    arranged: Option<(u64, u64)>,
}

/// Which row stands at which position.
#[derive(Debug, Clone)]
enum Order {
    /// Chosen and sorted here.
    Sorted(Vec<u32>),
    /// So many, as they come.
    AsTheyCome(usize),
}

impl Default for Order {
    fn default() -> Self {
        Self::AsTheyCome(0)
    }
}

impl ListState {
    /// Brings the rows into order, unless that was done.
    pub fn arrange(&mut self, pane: &dyn Pane, world: &World) {
        let edition = pane.edition(world);
        if self.arranged == Some(edition) {
            return;
        }
        let count = pane.count(world);
        self.order = match pane.here() {
            None => Order::AsTheyCome(count),
            Some(rows) => {
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                let passes =
                    |row: &u32| self.filter.is_empty() || self.filter.passes(&rows.haystack(world, *row as usize));
                let mut order: Vec<u32> = (0..count).filter(passes).collect();
                order.sort_by(|a, b| rows.compare(world, self.sort, *a as usize, *b as usize));
                if self.reversed {
                    order.reverse();
                }
                // Of rows that come in windows nobody here knows which are gone.
                if !self.marks.is_empty() {
                    let there: BTreeSet<String> = (0..count).filter_map(|row| pane.key(world, row as usize)).collect();
                    self.marks.retain(|mark| there.contains(mark));
                }
                Order::Sorted(order)
            }
        };
        self.follow(pane, world);
        self.arranged = Some(edition);
    }

    /// The selection stays on its row; where that is gone, on its place.
    fn follow(&mut self, pane: &dyn Pane, world: &World) {
        let row = self.selected.as_ref().and_then(|key| pane.find(world, key));
        let found = row.and_then(|row| self.position_of(row));
        // Where thousands of rows come before it, the screen goes with it.
        if let (Order::AsTheyCome(_), Some(found)) = (&self.order, found) {
            self.offset = self.offset.saturating_add(found).saturating_sub(self.position);
        }
        // Whoever has not moved yet wants to see the top, where what is wrong floats to.
        self.select(pane, world, found.unwrap_or(self.position));
        if self.position == 0 && found.is_none() {
            self.selected = None;
        }
    }

    /// The rows are others from now on: no selection, no marks; the order and the filter stay.
    pub fn begin_anew(&mut self) {
        self.marks.clear();
        (self.selected, self.position, self.offset, self.arranged) = (None, 0, 0, None);
    }

    /// The rows must be brought into order again.
    pub fn disarrange(&mut self) {
        self.arranged = None;
    }

    /// How many rows are shown.
    pub fn len(&self) -> usize {
        match &self.order {
            Order::Sorted(order) => order.len(),
            Order::AsTheyCome(count) => *count,
        }
    }

    /// Whether none is shown.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row at this position among those shown.
    pub fn row(&self, position: usize) -> Option<usize> {
        match &self.order {
            Order::Sorted(order) => order.get(position).map(|row| *row as usize),
            Order::AsTheyCome(count) => (position < *count).then_some(position),
        }
    }

    fn position_of(&self, row: usize) -> Option<usize> {
        match &self.order {
            Order::Sorted(order) => order.iter().position(|other| *other as usize == row),
            Order::AsTheyCome(count) => (row < *count).then_some(row),
        }
    }

    /// The rows that are shown, in order.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).filter_map(|position| self.row(position))
    }

    /// The selected row.
    pub fn current(&self) -> Option<usize> {
        self.row(self.position)
    }

    /// What the selected row is known by; `None` also where nobody has moved yet.
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// The selected row, as a position among those shown.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether the selected row is the last one of the pane's own order, whichever way around that is shown.
    pub fn at_far_end(&self) -> bool {
        let end = if self.reversed { 0 } else { self.len().saturating_sub(1) };
        self.position == end
    }

    /// Selects the row at this position among those shown, or the last.
    pub fn select(&mut self, pane: &dyn Pane, world: &World, position: usize) {
        self.position = position.min(self.len().saturating_sub(1));
        self.selected = self.current().and_then(|row| pane.key(world, row));
    }

    /// Moves the selection.
    pub fn step(&mut self, pane: &dyn Pane, world: &World, by: isize) {
        self.select(pane, world, self.position.saturating_add_signed(by));
    }

    /// The first row to draw where so many fit, so that the selected one is among them.
    pub fn scroll(&mut self, height: usize, above: u16) -> usize {
        (self.height, self.above) = (height, above);
        self.offset = self.first(height);
        self.offset
    }

    fn first(&self, height: usize) -> usize {
        let most = self.len().saturating_sub(height);
        let lowest = (self.position + 1).saturating_sub(height);
        self.offset.min(most).clamp(lowest, self.position.max(lowest))
    }

    /// The positions that the next frame shows, if it is as high as the last.
    pub fn visible(&self) -> std::ops::Range<usize> {
        let first = self.first(self.height);
        first..self.len().min(first + self.height)
    }

    /// Lines above the heads of the columns, as of the last frame.
    pub fn above(&self) -> u16 {
        self.above
    }

    /// Rows that the last frame had room for.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The first row on the screen, as of the last frame.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Marks the selected row and goes on to the next, or takes its mark away.
    pub fn toggle_mark(&mut self, pane: &dyn Pane, world: &World) {
        let Some(key) = self.current().and_then(|row| pane.key(world, row)) else { return };
        if !self.marks.remove(&key) {
            self.marks.insert(key);
        }
        self.step(pane, world, 1);
    }

    /// Marks every row that is shown, or takes all marks away where there are some.
    pub fn toggle_all(&mut self, pane: &dyn Pane, world: &World) {
        if self.marks.is_empty() {
            self.marks = self.rows().filter_map(|row| pane.key(world, row)).collect();
        } else {
            self.marks.clear();
        }
    }
}
