//! Asking for what an action needs: one or more lines to be typed, and the command that is made of them.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Modal, Outcome, Sight, middle};
use crate::console::draw::brush::{Brush, wrap};
use crate::console::input::LineInput;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::Command;

/// One line to be typed.
#[derive(Debug)]
pub struct Field {
    name: &'static str,
    hint: &'static str,
    input: LineInput,
}

impl Field {
    /// A line with this name, a word of help, and what stands there at first.
    pub fn new(name: &'static str, hint: &'static str, first: &str) -> Self {
        Self { name, hint, input: LineInput::new(first) }
    }
}

/// What the typed lines become: commands, or why not and which line is to blame.
pub type Make = fn(&[String], &[&str], &World) -> Result<Vec<Command>, (usize, String)>;

/// A question with lines to be typed.
#[derive(Debug)]
pub struct Ask {
    title: String,
    lines: Vec<String>,
    /// What it is about: names of hosts.
    objects: Vec<String>,
    fields: Vec<Field>,
    make: Make,
    focus: usize,
    problem: Option<String>,
}

impl Ask {
    /// A question about these objects.
    pub fn new(title: String, lines: Vec<String>, objects: Vec<String>, fields: Vec<Field>, make: Make) -> Self {
        Self { title, lines, objects, fields, make, focus: 0, problem: None }
    }

    fn done(&mut self, world: &World) -> Outcome {
        let typed: Vec<&str> = self.fields.iter().map(|field| field.input.text().trim()).collect();
        match (self.make)(&self.objects, &typed, world) {
            Ok(commands) => Outcome::Send(commands),
            Err((field, problem)) => {
                self.focus = field;
                self.problem = Some(problem);
                Outcome::Stay
            }
        }
    }
}

impl Modal for Ask {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        let count = self.fields.len();
        match key.code {
            KeyCode::Esc => return Outcome::Cancelled("cancelled; nothing was done"),
            KeyCode::Enter if self.focus + 1 == count => return self.done(sight.world),
            KeyCode::Enter | KeyCode::Tab | KeyCode::Down => self.focus = (self.focus + 1) % count,
            KeyCode::BackTab | KeyCode::Up => self.focus = (self.focus + count - 1) % count,
            _ => {
                self.problem = None;
                self.fields[self.focus].input.key(key);
            }
        }
        Outcome::Stay
    }

    fn paste(&mut self, text: &str, _: Sight<'_>) -> Outcome {
        self.fields[self.focus].input.paste(text);
        Outcome::Stay
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, _: Sight<'_>) {
        let width = screen.width.saturating_sub(2).min(84);
        let room = usize::from(width.saturating_sub(4));
        let lines: Vec<String> = self.lines.iter().flat_map(|line| wrap(line, room)).collect();
        let height = u16::try_from(lines.len() + self.fields.len()).unwrap_or(u16::MAX).saturating_add(6);
        let area = middle(screen, width, height);
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, self.title.clone())]);
        if inner.height < 4 {
            return;
        }
        let mut y = inner.y + 1;
        for line in lines {
            brush.parts(inner.x + 1, y, inner.width - 2, &[plain(line)]);
            y += 1;
        }
        y += 1;
        for (index, field) in self.fields.iter().enumerate() {
            brush.parts(inner.x + 1, y, 10, &[dim(field.name)]);
            let hint = u16::try_from(field.hint.chars().count()).unwrap_or(0);
            let wide = inner.width.saturating_sub(13 + if hint > 0 { hint + 2 } else { 0 });
            field.input.draw(brush, inner.x + 11, y, wide, index == self.focus);
            brush.parts_right(inner.right() - 1, y, hint, &[dim(field.hint)]);
            y += 1;
        }
        if let Some(problem) = &self.problem {
            brush.parts(inner.x + 1, y, inner.width - 2, &[part(Meaning::Warn, problem.clone())]);
        }
        let last = self.focus + 1 == self.fields.len();
        let enter = if last { " do it  " } else { " next  " };
        brush.footnote(area, &[part(Meaning::Key, "enter"), dim(enter), part(Meaning::Key, "esc"), dim(" cancel")]);
    }
}
