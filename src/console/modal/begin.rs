//! Beginning a runbook: what a rehearsal on the real hosts found would be done, and its name to be typed before it is.

use std::collections::BTreeMap;

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::errand::{Came, Errand, Failed};
use super::{Modal, Outcome, Sight, Want, middle};
use crate::console::app::Reply;
use crate::console::draw::brush::Brush;
use crate::console::page::{Line, broken, run};
use crate::console::table::{dim, part};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::{Command, Report};
use crate::runbook::view::RunReport;

/// Columns that it takes at most.
const WIDTH: u16 = 104;

/// The question.
#[derive(Debug)]
pub struct Begin {
    runbook: String,
    errand: Errand,
    stage: Stage,
    /// The first line that is seen, where not all are.
    offset: usize,
}

#[derive(Debug)]
enum Stage {
    /// The rehearsal is on its way.
    Looking,
    /// It is here, and nothing stands in the way.
    Asked(Box<RunReport>, Box<Confirm>),
    /// It is here, and something stands in the way.
    Told(Box<RunReport>),
    /// Nothing came of it.
    Failed(Failed),
}

impl Begin {
    /// A run of this runbook.
    pub fn new(runbook: &str) -> Self {
        let errand = Errand::new(command(runbook, true));
        Self { runbook: runbook.to_owned(), errand, stage: Stage::Looking, offset: 0 }
    }

    fn title(&self) -> String {
        format!("Run {}?", self.runbook)
    }

    fn read(&self, report: Box<RunReport>) -> Stage {
        if !report.refused.is_empty() {
            return Stage::Told(report);
        }
        let (name, commands) = (self.runbook.clone(), vec![command(&self.runbook, false)]);
        let confirm = Confirm::typed(self.title(), Vec::new(), name, " Run it ", commands).of_width(WIDTH);
        Stage::Asked(report, Box::new(confirm))
    }
}

fn command(runbook: &str, dry_run: bool) -> Command {
    Command::Run { runbook: runbook.to_owned(), set: BTreeMap::new(), dry_run }
}

impl Modal for Begin {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        match (&mut self.stage, key.code) {
            (Stage::Asked(_, confirm), _) => return confirm.key(key, sight),
            (_, KeyCode::Esc | KeyCode::Enter) => return Outcome::Cancelled("nothing was done"),
            (_, KeyCode::Down) => self.offset += 1,
            (_, KeyCode::Up) => self.offset = self.offset.saturating_sub(1),
            _ => {}
        }
        Outcome::Stay
    }

    fn paste(&mut self, text: &str, sight: Sight<'_>) {
        if let Stage::Asked(_, confirm) = &mut self.stage {
            confirm.paste(text, sight);
        }
    }

    fn wants(&mut self, world: &World) -> Option<Want> {
        self.errand.wants(world)
    }

    fn answered(&mut self, reply: &Reply, world: &World) -> bool {
        match self.errand.answered(reply, world) {
            Came::Nothing => return false,
            Came::On => {}
            Came::Over(Ok(Report::Ran { ran })) if ran.dry_run => self.stage = self.read(ran),
            Came::Over(Ok(_)) => {
                let what = "the engine answered something else; its version may differ".into();
                self.stage = Stage::Failed(Failed { what, hint: None });
            }
            Came::Over(Err(failed)) => self.stage = Stage::Failed(failed),
        }
        // The page of the job wants to read its report too.
        matches!(reply, Reply::Command(..))
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, sight: Sight<'_>) {
        let glyphs = brush.theme.glyphs;
        let width = screen.width.saturating_sub(2).min(WIDTH);
        let room = usize::from(width.saturating_sub(4));
        let lines: Vec<Line> = match &mut self.stage {
            Stage::Asked(report, confirm) => {
                confirm.lines = run::report(report, glyphs, room);
                return confirm.draw(brush, screen, sight);
            }
            Stage::Told(report) => run::report(report, glyphs, room),
            Stage::Failed(failed) => {
                let mut lines = vec![vec![part(Meaning::Bad, failed.what.clone())]];
                lines.extend(failed.hint.iter().map(|hint| vec![part(Meaning::Info, hint.clone())]));
                lines
            }
            Stage::Looking => {
                let text = "Each step is rehearsed on the real hosts. Nothing is changed.";
                vec![vec![part(Meaning::Info, "looking…")], Vec::new(), vec![dim(text)]]
            }
        };
        let lines = broken(&lines, room);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
        let area = middle(screen, width, height);
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, self.title())]);
        let rows = usize::from(inner.height.saturating_sub(1)).max(1);
        self.offset = self.offset.min(lines.len().saturating_sub(rows));
        for (line, y) in lines.iter().skip(self.offset).zip(inner.y + 1..inner.bottom()) {
            brush.parts(inner.x + 1, y, inner.width.saturating_sub(2), line);
        }
        brush.footnote(area, &[part(Meaning::Key, "esc"), dim(" close")]);
    }
}
