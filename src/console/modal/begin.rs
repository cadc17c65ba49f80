//! Beginning a runbook: what a rehearsal on the real hosts found would be done, and its name to be typed before it is.

use std::collections::BTreeMap;

use super::confirm::Confirm;
use super::rehearsed::{Rehearsal, Rehearsed};
use crate::clock::Timestamp;
use crate::console::page::{Line, run};
use crate::console::theme::glyphs::Glyphs;
use crate::engine::command::{Command, Report};
use crate::runbook::view::RunReport;

/// A run of a runbook.
#[derive(Debug)]
pub struct Begin {
    runbook: String,
}

impl Begin {
    /// Asks for a run of this runbook.
    pub fn ask(runbook: &str) -> Rehearsed<Self> {
        Rehearsed::new(Self { runbook: runbook.to_owned() })
    }

    fn run(&self, dry_run: bool) -> Command {
        Command::Run { runbook: self.runbook.clone(), set: BTreeMap::new(), dry_run }
    }
}

impl Rehearsal for Begin {
    type Found = Box<RunReport>;

    const CANCELLED: &'static str = "nothing was done";

    fn title(&self) -> String {
        format!("Run {}?", self.runbook)
    }

    fn command(&self) -> Command {
        self.run(true)
    }

    fn meanwhile(&self) -> Vec<String> {
        vec!["Each step is rehearsed on the real hosts. Nothing is changed.".into()]
    }

    fn found(report: Report) -> Option<Self::Found> {
        match report {
            Report::Ran { ran } if ran.dry_run => Some(ran),
            _ => None,
        }
    }

    fn question(&self, found: &Self::Found) -> Option<Confirm> {
        let ask = || Confirm::typed(self.title(), Vec::new(), self.runbook.clone(), " Run it ", vec![self.run(false)]);
        found.refused.is_empty().then(ask)
    }

    fn lines(&self, found: &Self::Found, _now: Timestamp, glyphs: &Glyphs, room: usize) -> Vec<Line> {
        run::report(found, glyphs, room)
    }
}
