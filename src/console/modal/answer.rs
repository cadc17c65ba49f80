//! What a step of a run wants to know: go on, or stop there. Later is the default, because who answers has looked.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Modal, Outcome, Sight, middle, scrolled};
use crate::console::draw::brush::{Brush, wrap};
use crate::console::page::Line;
use crate::console::table::{dim, part, plain, width};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::Command;
use crate::runbook::view::{Question, RunId, RunView};
use crate::standin::view::PoolView;

const BUTTONS: [&str; 3] = [" Later ", " Stop there ", " Go on "];

/// The question of a step.
#[derive(Debug)]
pub struct AnswerStep {
    run: RunId,
    what: String,
    question: Question,
    chosen: usize,
    /// The first line that is seen, where not all are.
    offset: usize,
    /// Lines that fit.
    page: usize,
}

impl AnswerStep {
    /// What the run of this pool wants to know; `None`: nothing.
    pub fn new(pool: &PoolView) -> Option<Self> {
        Self::of(pool.run.as_ref()?)
    }

    /// What this run wants to know; `None`: nothing.
    pub fn of(run: &RunView) -> Option<Self> {
        let question = run.question.clone()?;
        let whose = run.failed.as_ref().map(|host| format!(" of {host}")).unwrap_or_default();
        let spare = run.spare.as_ref().map(|spare| format!(" by {spare}")).unwrap_or_default();
        let number = run.steps.iter().position(|step| step.name == question.step).map_or(0, |at| at + 1);
        let named = if run.pool.is_none() { format!(" of {}", run.runbook) } else { String::new() };
        let what = format!("{}{named}{whose}{spare}, step {number} of {}", run.purpose.word(), run.steps.len());
        Some(Self { run: run.id, what, question, chosen: 0, offset: 0, page: 1 })
    }

    /// The question as the newest picture has it; `None`: another console may have answered meanwhile, or it has ended.
    fn asked<'a>(&self, world: &'a World) -> Option<&'a Question> {
        let newest = &world.newest;
        let mut runs = newest.pools.iter().filter_map(|pool| pool.run.as_ref()).chain(newest.runs.iter());
        // The evidence may have been looked at again: it is the same question.
        let same = |asked: &&Question| asked.step == self.question.step && asked.text == self.question.text;
        runs.find(|run| run.id == self.run).and_then(|run| run.question.as_ref()).filter(same)
    }

    /// What is read before it is answered: as much of it as there is room for is seen at once.
    fn lines(&self, world: &World, room: usize) -> Vec<Line> {
        let mut lines = vec![vec![dim(self.what.clone())], Vec::new()];
        lines.extend(wrap(&self.question.text, room).into_iter().map(|line| vec![part(Meaning::Title, line)]));
        lines.push(Vec::new());
        let evidence = self.asked(world).unwrap_or(&self.question).evidence.iter();
        lines.extend(evidence.flat_map(|line| wrap(line, room)).map(|line| vec![plain(line)]));
        if !self.question.evidence.is_empty() {
            lines.push(Vec::new());
        }
        lines
    }
}

impl Modal for AnswerStep {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        let count = BUTTONS.len();
        match key.code {
            KeyCode::Right | KeyCode::Tab => self.chosen = (self.chosen + 1) % count,
            KeyCode::Left | KeyCode::BackTab => self.chosen = (self.chosen + count - 1) % count,
            KeyCode::Down => self.offset += 1,
            KeyCode::Up => self.offset = self.offset.saturating_sub(1),
            KeyCode::PageDown => self.offset += self.page,
            KeyCode::PageUp => self.offset = self.offset.saturating_sub(self.page),
            KeyCode::Enter if self.chosen > 0 && self.asked(sight.world).is_none() => {
                return Outcome::Cancelled("nothing was answered: it does not ask that any more");
            }
            KeyCode::Enter if self.chosen > 0 => {
                let (yes, step) = (self.chosen == 2, Some(self.question.step.clone()));
                return Outcome::Send(vec![Command::Answer { run: self.run, yes, step }]);
            }
            KeyCode::Enter | KeyCode::Esc => return Outcome::Cancelled("not answered; the step waits"),
            _ => {}
        }
        Outcome::Stay
    }

    fn paste(&mut self, _: &str, _: Sight<'_>) -> Outcome {
        Outcome::Stay
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, sight: Sight<'_>) {
        let width_ = screen.width.saturating_sub(2).min(84);
        let room = usize::from(width_.saturating_sub(4));
        let lines = self.lines(sight.world, room);
        let (meaning, said) = match self.asked(sight.world) {
            Some(_) => (Meaning::Dim, "Nothing more is done before somebody answers."),
            None => (Meaning::Warn, "It does not ask any more: somebody has answered, or it has ended."),
        };
        let said: Vec<Line> = wrap(said, room).into_iter().map(|line| vec![part(meaning, line)]).collect();
        let height = u16::try_from(lines.len() + said.len()).unwrap_or(u16::MAX).saturating_add(5);
        let area = middle(screen, width_, height);
        brush.wipe(area);
        let title = format!("{} asks", self.question.step);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, title)]);
        if inner.height < 3 {
            return;
        }
        // Where not all fits, what is scrolled gives way to whether it still asks.
        let rows = usize::from(inner.height) - 2;
        self.page = rows.saturating_sub(said.len());
        self.offset = self.offset.min(lines.len().saturating_sub(self.page));
        let seen = lines.iter().skip(self.offset).take(self.page);
        for (line, y) in seen.chain(&said).zip(inner.y + 1..inner.bottom() - 1) {
            brush.parts(inner.x + 1, y, inner.width - 2, line);
        }
        let mut buttons = Vec::new();
        for (index, text) in BUTTONS.iter().enumerate() {
            let meaning = if index == self.chosen { Meaning::Selection } else { Meaning::Text };
            buttons.extend([part(meaning, format!("[{text}]")), plain(" ")]);
        }
        let used = u16::try_from(width(&buttons)).unwrap_or(u16::MAX);
        brush.parts_right(inner.right(), inner.bottom() - 1, used, &buttons);
        let below = lines.len().saturating_sub(self.offset + self.page);
        let mut foot = scrolled(self.offset, below);
        foot.extend([part(Meaning::Key, "left right"), dim(" choose  "), part(Meaning::Key, "esc"), dim(" later")]);
        brush.footnote(area, &foot);
    }
}
