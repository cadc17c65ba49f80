//! The line in which a filter is typed; rows follow while it is.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Modal, Outcome, Sight};
use crate::console::action::{Action, Invocation};
use crate::console::draw::brush::Brush;
use crate::console::input::LineInput;
use crate::console::table::{dim, part};
use crate::console::theme::Meaning;

/// The line.
#[derive(Debug)]
pub struct FilterLine {
    input: LineInput,
    before: String,
}

impl FilterLine {
    /// Begins with the filter in force.
    pub fn new(before: &str) -> Self {
        Self { input: LineInput::new(before), before: before.to_owned() }
    }

    fn filter(text: &str) -> Invocation {
        Invocation { action: Action::Filter, argument: Some(text.to_owned()) }
    }
}

impl Modal for FilterLine {
    fn key(&mut self, key: KeyEvent, _: Sight<'_>) -> Outcome {
        match key.code {
            KeyCode::Enter => Outcome::Close,
            KeyCode::Esc => Outcome::CloseAnd(Self::filter(&self.before)),
            _ if self.input.key(key) => Outcome::StayAnd(Self::filter(self.input.text())),
            _ => Outcome::Stay,
        }
    }

    fn paste(&mut self, text: &str, _: Sight<'_>) -> Outcome {
        self.input.paste(text);
        Outcome::StayAnd(Self::filter(self.input.text()))
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, _: Sight<'_>) {
        if screen.height == 0 {
            return;
        }
        let y = screen.bottom() - 1;
        brush.wipe(Rect { y, height: 1, ..screen });
        brush.parts(screen.x + 1, y, 1, &[part(Meaning::Key, "/")]);
        let hint = [
            dim("words, "),
            part(Meaning::Key, "!"),
            dim("word without  "),
            part(Meaning::Key, "enter"),
            dim(" keep  "),
            part(Meaning::Key, "esc"),
            dim(" as before "),
        ];
        let used = brush.parts_right(screen.right(), y, screen.width / 2 + 14, &hint);
        self.input.draw(brush, screen.x + 2, y, screen.width.saturating_sub(used + 4), true);
    }
}
