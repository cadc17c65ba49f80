//! A question that follows a rehearsal: what an engine found would be done is shown, and asked for where it can be done.

use std::fmt::Debug;

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::errand::{Came, Errand, Failed};
use super::{Modal, Outcome, Sight, Want, middle};
use crate::clock::Timestamp;
use crate::console::app::Reply;
use crate::console::draw::brush::Brush;
use crate::console::page::{Line, broken};
use crate::console::table::{dim, part};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::command::{Command, Report};

/// Columns that it takes at most.
const WIDTH: u16 = 104;

/// What is rehearsed, and how it is asked.
pub trait Rehearsal: Debug + Send {
    /// What the rehearsal finds.
    type Found: Debug + Send;

    /// What is said when nobody goes on.
    const CANCELLED: &'static str;

    /// The question in a line.
    fn title(&self) -> String;

    /// The command that only looks.
    fn command(&self) -> Command;

    /// What is said while it looks.
    fn meanwhile(&self) -> Vec<String>;

    /// What was found, of the report of a rehearsal; `None`: the report is of something else.
    fn found(report: Report) -> Option<Self::Found>;

    /// How it is asked; `None`: it cannot be done, or there is nothing to do.
    fn question(&self, found: &Self::Found) -> Option<Confirm>;

    /// What was found, in so many columns.
    fn lines(&self, found: &Self::Found, now: Timestamp, glyphs: &Glyphs, room: usize) -> Vec<Line>;
}

/// The question.
#[derive(Debug)]
pub struct Rehearsed<R: Rehearsal> {
    rehearsal: R,
    errand: Errand,
    stage: Stage<R::Found>,
    /// The first line that is seen, where not all are.
    offset: usize,
}

#[derive(Debug)]
enum Stage<F> {
    /// The rehearsal is on its way.
    Looking,
    /// It is here, and can be done.
    Asked(F, Box<Confirm>),
    /// It is here, and cannot be done, or is nothing.
    Told(F),
    /// Nothing came of it.
    Failed(Failed),
}

impl<R: Rehearsal> Rehearsed<R> {
    /// Looks first, then asks.
    pub fn new(rehearsal: R) -> Self {
        let errand = Errand::new(rehearsal.command());
        Self { rehearsal, errand, stage: Stage::Looking, offset: 0 }
    }

    fn read(&self, report: Report) -> Stage<R::Found> {
        if let Report::Refused { why } = report {
            return Stage::Failed(Failed { what: why, hint: None });
        }
        let Some(found) = R::found(report) else {
            let what = "the engine answered something else; its version may differ".into();
            return Stage::Failed(Failed { what, hint: None });
        };
        match self.rehearsal.question(&found) {
            Some(confirm) => Stage::Asked(found, Box::new(confirm.of_width(WIDTH))),
            None => Stage::Told(found),
        }
    }
}

impl<R: Rehearsal> Modal for Rehearsed<R> {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        match (&mut self.stage, key.code) {
            (Stage::Asked(_, confirm), _) => return confirm.key(key, sight),
            (_, KeyCode::Esc | KeyCode::Enter) => return Outcome::Cancelled(R::CANCELLED),
            (_, KeyCode::Down) => self.offset += 1,
            (_, KeyCode::Up) => self.offset = self.offset.saturating_sub(1),
            _ => {}
        }
        Outcome::Stay
    }

    fn paste(&mut self, text: &str, sight: Sight<'_>) -> Outcome {
        match &mut self.stage {
            Stage::Asked(_, confirm) => confirm.paste(text, sight),
            _ => Outcome::Stay,
        }
    }

    fn wants(&mut self, world: &World) -> Option<Want> {
        self.errand.wants(world)
    }

    fn answered(&mut self, reply: &Reply, world: &World) -> bool {
        match self.errand.answered(reply, world) {
            Came::Nothing => return false,
            Came::On => {}
            Came::Over(Ok(report)) => self.stage = self.read(report),
            Came::Over(Err(failed)) => self.stage = Stage::Failed(failed),
        }
        // The page of the job wants to read its report too.
        matches!(reply, Reply::Command(..))
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, sight: Sight<'_>) {
        let glyphs = brush.theme.glyphs;
        let width = screen.width.saturating_sub(2).min(WIDTH);
        let room = usize::from(width.saturating_sub(4));
        let now = sight.world.now;
        let lines: Vec<Line> = match &mut self.stage {
            Stage::Asked(found, confirm) => {
                confirm.lines = self.rehearsal.lines(found, now, glyphs, room);
                return confirm.draw(brush, screen, sight);
            }
            Stage::Told(found) => self.rehearsal.lines(found, now, glyphs, room),
            Stage::Failed(failed) => {
                let hint = failed.hint.iter().map(|hint| vec![part(Meaning::Info, hint.clone())]);
                std::iter::once(vec![part(Meaning::Bad, failed.what.clone())]).chain(hint).collect()
            }
            Stage::Looking => {
                let meanwhile = self.rehearsal.meanwhile().into_iter().map(|text| vec![dim(text)]);
                [vec![part(Meaning::Info, "looking…")], Vec::new()].into_iter().chain(meanwhile).collect()
            }
        };
        let lines = broken(&lines, room);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
        let area = middle(screen, width, height);
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, self.rehearsal.title())]);
        let rows = usize::from(inner.height.saturating_sub(1)).max(1);
        self.offset = self.offset.min(lines.len().saturating_sub(rows));
        for (line, y) in lines.iter().skip(self.offset).zip(inner.y + 1..inner.bottom()) {
            brush.parts(inner.x + 1, y, inner.width.saturating_sub(2), line);
        }
        brush.footnote(area, &[part(Meaning::Key, "esc"), dim(" close")]);
    }
}
