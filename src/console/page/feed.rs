//! The page of a feed: how far behind it is and when it will have caught up, its tables on each machine, what the groups
//! of its rows are at, and what the last comparison of both ends found.

mod tables;

use super::{Line, Page, chart, fact};
use crate::clock::Timestamp;
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::look::Look;
use crate::console::pane::key_words;
use crate::console::pane::lag::words::{self, Said};
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::feed::view::{FeedState, FeedView, HISTORY_SLICE_SECONDS, HISTORY_SLICES};

/// Columns before what a fact says.
const FACT: usize = 12;
/// Lines of the chart.
const CHART: usize = 5;

/// The page.
#[derive(Debug)]
pub struct FeedPage {
    name: String,
}

impl FeedPage {
    /// The page of this feed.
    pub const fn new(name: String) -> Self {
        Self { name }
    }
}

impl Page for FeedPage {
    fn crumb(&self) -> String {
        self.name.clone()
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Feeds)
    }

    fn feed(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn hints(&self) -> &'static [Action] {
        &[Action::Back, Action::CarryNow, Action::Compare, Action::Repair, Action::Prepare, Action::Copy]
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let Some(feed) = world.shown.feed(&self.name) else {
            return vec![vec![dim("the fleet file has no such feed any more")]];
        };
        let mut lines = head(feed, world, look, width);
        lines.push(Vec::new());
        lines.extend(tables::strands(feed, world, glyphs, width));
        let groups = tables::groups(feed, glyphs);
        if !groups.is_empty() {
            lines.push(Vec::new());
            lines.extend(groups);
        }
        lines.push(Vec::new());
        lines.extend(carried(feed, glyphs, width));
        lines
    }
}

/// A fact in as many lines as it needs.
fn told(name: &'static str, meaning: Meaning, text: &str, width: usize) -> Vec<Line> {
    let lines = wrap(text, width.saturating_sub(FACT).max(20)).into_iter().enumerate();
    lines.map(|(index, line)| fact(if index == 0 { name } else { "" }, [part(meaning, line)])).collect()
}

/// The feed as a whole.
fn head(feed: &FeedView, world: &World, look: &Look, width: usize) -> Vec<Line> {
    let glyphs = look.theme.glyphs;
    let Said { meaning, sign, word } = words::state(feed.state, feed.late, glyphs);
    let mut lines = vec![fact("state", [part(meaning, format!("{sign} {word}"))])];
    lines.extend(feed.why.iter().flat_map(|why| told("", Meaning::Text, why, width)));
    for (index, warning) in feed.warnings.iter().enumerate() {
        let name = if index == 0 { "warning" } else { "" };
        lines.extend(told(name, Meaning::Warn, &format!("{} {warning}", glyphs.warn), width));
    }
    lines.push(fact("behind", behind(feed, world, glyphs)));
    lines.push(fact("rate", rate(feed, glyphs)));
    lines.extend(checked(feed, world, look, width));
    lines.extend(told("from", Meaning::Text, &feed.from, width));
    lines.extend(told("to", Meaning::Text, &feed.to, width));
    if let Some(pool) = &feed.follows {
        lines.push(fact("follows", [plain(pool.clone()), dim("  rows are read from whichever host serves")]));
    }
    lines
}

/// How far behind it is.
fn behind(feed: &FeedView, world: &World, glyphs: &Glyphs) -> Vec<Part> {
    if feed.looked.is_none() {
        return vec![dim("not known yet: no source was read since the engine began")];
    }
    let meaning = if feed.late { Meaning::Bad } else { Meaning::Text };
    let text = format!("{}, {}", words::rows_behind(feed.rows_behind, feed.counted), words::delay(feed.seconds_behind));
    let mut parts = vec![part(meaning, text)];
    if feed.late {
        parts.push(dim(format!(", more than {}", words::delay(feed.max_lag))));
    }
    // Of a source that is read all the time nobody needs to know when.
    let old = |looked: &Timestamp| world.reference().as_second() - looked.as_second() >= 60;
    if let Some(looked) = feed.looked.filter(old) {
        parts.push(dim(format!(" {} as of {}", glyphs.dot, format::ago(looked, world.reference()))));
    }
    parts
}

/// What comes in, what is carried, and when nothing waits any more.
fn rate(feed: &FeedView, glyphs: &Glyphs) -> Vec<Part> {
    let mut parts = vec![plain(format!("{} in, {} carried", words::rate(feed.rate_in), words::rate(feed.rate)))];
    let waits = feed.rows_behind > 0 && feed.state == FeedState::CatchingUp;
    match feed.catches_up_in.and_then(format::remaining).filter(|_| waits) {
        Some(left) => parts.push(dim(format!(" {} caught up in {left}", glyphs.dot))),
        None if waits => parts.push(part(Meaning::Warn, format!(" {} it does not become less", glyphs.dot))),
        None => {}
    }
    parts
}

/// What the last comparison of both ends found.
fn checked(feed: &FeedView, world: &World, look: &Look, width: usize) -> Vec<Line> {
    let glyphs = look.theme.glyphs;
    let Some(checked) = &feed.checked else {
        let key = key_words(&look.keymap, Action::Compare);
        let how = if world.changes_nothing() { String::new() } else { format!("; {key} compares both ends") };
        return vec![fact("checked", [dim(format!("not since the engine began{how}"))])];
    };
    let (meaning, sign) = if checked.ok { (Meaning::Good, glyphs.good) } else { (Meaning::Bad, glyphs.bad) };
    let ago = format::ago(checked.at, world.reference());
    let mut lines = told("checked", meaning, &format!("{sign} {ago}: {}", checked.said), width);
    if !checked.ok && !world.changes_nothing() {
        let key = key_words(&look.keymap, Action::Repair);
        lines.push(fact("", [part(Meaning::Info, format!("{key} carries exactly what is missing or different"))]));
    }
    lines
}

/// What was carried in the last minutes.
fn carried(feed: &FeedView, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let slices = HISTORY_SLICES.min(width.saturating_sub(10)) as u64;
    let minutes = (slices * HISTORY_SLICE_SECONDS).div_ceil(60);
    let mut lines =
        vec![vec![part(Meaning::Title, "Carried"), dim(format!("  rows a second, the last {minutes} min"))]];
    if feed.history.iter().all(|rows| *rows == 0) {
        lines.push(vec![dim("nothing in that time")]);
        return lines;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let slice = HISTORY_SLICE_SECONDS as f64;
    let rates: Vec<Option<f64>> = feed.history.iter().map(|rows| Some(f64::from(*rows) / slice)).collect();
    lines.extend(chart::columns(&rates, words::rate, width, CHART, glyphs));
    lines
}
