//! Where the panes go on a screen of this size.
//!
//! Wide and high enough: all panes at once, in rows, each row as high as its panes need. Smaller: one pane at a time
//! under a line of tabs. Too small for that: one honest line.

use ratatui::layout::Rect;

use crate::console::pane::PaneId;

/// The least screen that is of use.
pub const LEAST: (u16, u16) = (60, 15);
/// From here on all panes are seen at once.
const ALL_AT_ONCE: (u16, u16) = (100, 28);

/// How the screen is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Nothing can be shown.
    TooSmall,
    /// One pane or page fills the body.
    One {
        /// The line of tabs above it.
        tabs: Rect,
        /// The body.
        body: Rect,
    },
    /// All panes.
    All(Vec<(PaneId, Rect)>),
}

/// A row of panes, with the share of the width that each has in a hundred.
type Row = &'static [(PaneId, u16)];
/// The panes of the overview, where the fleet has pools: who serves in whose place belongs beside the hosts.
const WITH_POOLS: &[Row] = &[
    &[(PaneId::Hosts, 54), (PaneId::Pools, 46)],
    &[(PaneId::Sessions, 100)],
    &[(PaneId::Journal, 60), (PaneId::Jobs, 40)],
];
/// The panes of the overview, where it has none.
const WITHOUT: &[Row] =
    &[&[(PaneId::Hosts, 60), (PaneId::Jobs, 40)], &[(PaneId::Sessions, 100)], &[(PaneId::Journal, 100)]];
/// The same of a fleet whose rows are carried somewhere: how far behind stands below who serves.
const WITH_POOLS_AND_LAG: &[Row] = &[
    &[(PaneId::Hosts, 54), (PaneId::Pools, 46)],
    &[(PaneId::Lag, 54), (PaneId::Jobs, 46)],
    &[(PaneId::Sessions, 100)],
    &[(PaneId::Journal, 100)],
];
/// The same where nobody stands in for anybody.
const WITH_LAG: &[Row] = &[
    &[(PaneId::Hosts, 50), (PaneId::Lag, 50)],
    &[(PaneId::Sessions, 100)],
    &[(PaneId::Journal, 60), (PaneId::Jobs, 40)],
];
/// No row is lower than this, head and frame included, where there is room for it.
const LEAST_ROW: u16 = 7;

/// Whether all panes fit on a screen of this size.
pub fn all_at_once(screen: Rect) -> bool {
    screen.width >= ALL_AT_ONCE.0 && screen.height >= ALL_AT_ONCE.1
}

/// Divides the body. `rows` says how many lines each pane would like in so many columns; `None`: the fleet does not have it.
pub fn divide(screen: Rect, body: Rect, zoomed: bool, rows: impl Fn(PaneId, u16) -> Option<usize>) -> Layout {
    if screen.width < LEAST.0 || screen.height < LEAST.1 {
        return Layout::TooSmall;
    }
    if !all_at_once(screen) || zoomed {
        let tabs = Rect { height: 1, ..body };
        return Layout::One { tabs, body: Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body } };
    }
    let columns = |percent: u16| body.width * percent / 100;
    let wants = |(id, percent): &(PaneId, u16)| rows(*id, columns(*percent).saturating_sub(4));
    let there = |id| rows(id, body.width).is_some();
    let all = match (there(PaneId::Pools), there(PaneId::Lag)) {
        (true, true) => WITH_POOLS_AND_LAG,
        (false, true) => WITH_LAG,
        (true, false) => WITH_POOLS,
        (false, false) => WITHOUT,
    };
    let kept: Vec<Row> = all.iter().copied().filter(|row| row.iter().any(|pane| wants(pane).is_some())).collect();
    let least = body.height.checked_div(u16::try_from(kept.len()).unwrap_or(1)).unwrap_or(0).min(LEAST_ROW);
    let wanted: Vec<u16> = kept
        .iter()
        .map(|row| {
            let most = row.iter().filter_map(wants).max().unwrap_or(0);
            u16::try_from(most).unwrap_or(u16::MAX).saturating_add(3).max(least)
        })
        .collect();
    let heights = share(body.height, least, &wanted);
    let mut placed = Vec::new();
    let mut y = body.y;
    for (row, height) in kept.into_iter().zip(heights) {
        let mut x = body.x;
        for (index, (id, percent)) in row.iter().enumerate() {
            let rest = body.right() - x;
            let width = if index + 1 == row.len() { rest } else { columns(*percent) };
            placed.push((*id, Rect::new(x, y, width, height)));
            x += width;
        }
        y += height;
    }
    Layout::All(placed)
}

/// Gives each row what it wants, in order, as long as those after it keep the least; the last takes the rest.
fn share(height: u16, least: u16, wanted: &[u16]) -> Vec<u16> {
    let mut rest = height;
    let mut after = u16::try_from(wanted.len()).unwrap_or(u16::MAX);
    wanted
        .iter()
        .map(|wanted| {
            after -= 1;
            let own = if after == 0 { rest } else { (*wanted).min(rest.saturating_sub(least * after)) };
            rest -= own;
            own
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: u16, height: u16, zoomed: bool) -> Layout {
        let screen = Rect::new(0, 0, width, height);
        divide(screen, Rect::new(0, 1, width, height.saturating_sub(3)), zoomed, |_, _| Some(500))
    }

    #[test]
    fn the_size_decides() {
        assert_eq!(layout(59, 40, false), Layout::TooSmall);
        assert_eq!(layout(60, 14, false), Layout::TooSmall);
        assert!(matches!(layout(80, 24, false), Layout::One { .. }));
        assert!(matches!(layout(200, 50, true), Layout::One { .. }));
        assert!(matches!(layout(120, 36, false), Layout::All(panes) if panes.len() == PaneId::ALL.len()));
    }

    #[test]
    fn panes_fill_the_body_and_do_not_overlap() {
        for (width, height) in [(100, 28), (120, 36), (200, 50), (300, 100)] {
            let Layout::All(panes) = layout(width, height, false) else { panic!("{width}x{height}") };
            let area: u32 = panes.iter().map(|(_, area)| area.area()).sum();
            assert_eq!(area, u32::from(width) * u32::from(height - 3));
            assert!(panes.iter().all(|(_, area)| area.height >= 6), "{width}x{height}");
        }
    }
}
