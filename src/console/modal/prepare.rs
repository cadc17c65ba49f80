//! Preparing the target of a feed: what a rehearsal found is missing there, statement by statement, and whether to do it.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::errand::{Came, Errand, Failed};
use super::{Modal, Outcome, Sight, Want, middle};
use crate::console::app::Reply;
use crate::console::draw::brush::Brush;
use crate::console::page::{Line, broken, fed};
use crate::console::table::{dim, part};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::{Command, Report};
use crate::feed::report::FeedPrepared;
use crate::feed::view::FeedView;

/// Columns that it takes at most.
const WIDTH: u16 = 104;

/// The question.
#[derive(Debug)]
pub struct Preparation {
    feed: String,
    to: String,
    errand: Errand,
    stage: Stage,
    /// The first line that is seen, where not all are.
    offset: usize,
}

#[derive(Debug)]
enum Stage {
    /// The rehearsal is on its way.
    Looking,
    /// It is here, and there is something to do.
    Asked(FeedPrepared, Box<Confirm>),
    /// It is here, and there is nothing to do, or nothing that can be done.
    Told(FeedPrepared),
    /// Nothing came of it.
    Failed(Failed),
}

impl Preparation {
    /// The preparation of this feed's target.
    pub fn new(feed: &FeedView) -> Self {
        let errand = Errand::new(Command::FeedPrepare { feed: feed.name.clone(), dry_run: true });
        Self { feed: feed.name.clone(), to: feed.to.clone(), errand, stage: Stage::Looking, offset: 0 }
    }

    fn title(&self) -> String {
        format!("Prepare the target of {}?", self.feed)
    }

    fn read(&self, report: FeedPrepared) -> Stage {
        let something = report.tables.iter().any(|table| !table.statements.is_empty());
        if !something || !report.ok {
            return Stage::Told(report);
        }
        let commands = vec![Command::FeedPrepare { feed: self.feed.clone(), dry_run: false }];
        let confirm = Confirm::button(self.title(), Vec::new(), " Prepare ", commands).of_width(WIDTH);
        Stage::Asked(report, Box::new(confirm))
    }
}

impl Modal for Preparation {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        match (&mut self.stage, key.code) {
            (Stage::Asked(_, confirm), _) => confirm.key(key, sight),
            (_, KeyCode::Esc | KeyCode::Enter) => Outcome::Cancelled("nothing was changed"),
            (_, KeyCode::Down) => {
                self.offset += 1;
                Outcome::Stay
            }
            (_, KeyCode::Up) => {
                self.offset = self.offset.saturating_sub(1);
                Outcome::Stay
            }
            _ => Outcome::Stay,
        }
    }

    fn paste(&mut self, _: &str, _: Sight<'_>) {}

    fn wants(&mut self, world: &World) -> Option<Want> {
        self.errand.wants(world)
    }

    fn answered(&mut self, reply: &Reply, world: &World) -> bool {
        match self.errand.answered(reply, world) {
            Came::Nothing => return false,
            Came::On => {}
            Came::Over(Ok(Report::Prepared { prepared })) if prepared.dry_run => self.stage = self.read(prepared),
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
        let at = vec![dim("at "), crate::console::table::plain(self.to.clone())];
        let lines: Vec<Line> = match &mut self.stage {
            Stage::Asked(report, confirm) => {
                confirm.lines = vec![at, Vec::new()];
                confirm.lines.extend(fed::prepared(report, glyphs, room));
                return confirm.draw(brush, screen, sight);
            }
            Stage::Told(report) => {
                let mut lines = vec![at, Vec::new()];
                lines.extend(fed::prepared(report, glyphs, room));
                lines
            }
            Stage::Failed(failed) => {
                let mut lines = vec![vec![part(Meaning::Bad, failed.what.clone())]];
                lines.extend(failed.hint.iter().map(|hint| vec![part(Meaning::Info, hint.clone())]));
                lines
            }
            Stage::Looking => {
                let text = "Which tables and unique indexes the target has, and whether keys stand there twice. Nothing \
                            is changed.";
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
