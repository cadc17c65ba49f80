//! Preparing the target of a feed: what a rehearsal found is missing there, statement by statement, and whether to do it.

use super::confirm::Confirm;
use super::rehearsed::{Rehearsal, Rehearsed};
use crate::clock::Timestamp;
use crate::console::page::{Line, fed};
use crate::console::table::{dim, plain};
use crate::console::theme::glyphs::Glyphs;
use crate::engine::command::{Command, Report};
use crate::feed::report::FeedPrepared;
use crate::feed::view::FeedView;

/// The preparation of a feed's target.
#[derive(Debug)]
pub struct Preparation {
    feed: String,
    to: String,
}

impl Preparation {
    /// Asks for the preparation of this feed's target.
    pub fn ask(feed: &FeedView) -> Rehearsed<Self> {
        Rehearsed::new(Self { feed: feed.name.clone(), to: feed.to.clone() })
    }

    fn prepare(&self, dry_run: bool) -> Command {
        Command::FeedPrepare { feed: self.feed.clone(), dry_run }
    }
}

impl Rehearsal for Preparation {
    type Found = FeedPrepared;

    const CANCELLED: &'static str = "nothing was changed";

    fn title(&self) -> String {
        format!("Prepare the target of {}?", self.feed)
    }

    fn command(&self) -> Command {
        self.prepare(true)
    }

    fn meanwhile(&self) -> Vec<String> {
        let text =
            "Which tables and unique indexes the target has, and whether keys stand there twice. Nothing is changed.";
        vec![text.into()]
    }

    fn found(report: Report) -> Option<Self::Found> {
        match report {
            Report::Prepared { prepared } if prepared.dry_run => Some(prepared),
            _ => None,
        }
    }

    fn question(&self, found: &Self::Found) -> Option<Confirm> {
        let something = found.tables.iter().any(|table| !table.statements.is_empty());
        let ask = || Confirm::button(self.title(), Vec::new(), " Prepare ", vec![self.prepare(false)]);
        (something && found.ok).then(ask)
    }

    fn lines(&self, found: &Self::Found, _now: Timestamp, glyphs: &Glyphs, room: usize) -> Vec<Line> {
        let at = vec![dim("at "), plain(self.to.clone())];
        [at, Vec::new()].into_iter().chain(fed::prepared(found, glyphs, room)).collect()
    }
}
