//! A text to read: everything that is wrong, the messages of this console.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Modal, Outcome, Sight, middle};
use crate::console::draw::brush::{Brush, wrap};
use crate::console::table::{Part, dim, part};
use crate::console::theme::Meaning;

/// A paragraph with what it means.
pub type Paragraph = (Meaning, String);

/// A text to read.
#[derive(Debug)]
pub struct Reader {
    title: &'static str,
    text: Vec<Paragraph>,
    offset: usize,
    page: usize,
}

impl Reader {
    /// A text under this title.
    pub fn new(title: &'static str, text: Vec<Paragraph>) -> Self {
        Self { title, text, offset: 0, page: 10 }
    }
}

impl Modal for Reader {
    fn key(&mut self, key: KeyEvent, _: Sight<'_>) -> Outcome {
        self.offset = match key.code {
            KeyCode::Down | KeyCode::Char('j') => self.offset.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.offset.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.offset.saturating_add(self.page),
            KeyCode::PageUp => self.offset.saturating_sub(self.page),
            KeyCode::Home => 0,
            KeyCode::End => usize::MAX,
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => return Outcome::Close,
            _ => self.offset,
        };
        Outcome::Stay
    }

    fn paste(&mut self, _: &str, _: Sight<'_>) -> Outcome {
        Outcome::Stay
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, _: Sight<'_>) {
        let width = screen.width.saturating_sub(4).min(110);
        let room = usize::from(width.saturating_sub(4));
        let lines: Vec<Part> = self
            .text
            .iter()
            .flat_map(|(meaning, text)| wrap(text, room).into_iter().map(|line| part(*meaning, line)))
            .collect();
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
        let area = middle(screen, width, height.min(screen.height.saturating_sub(2)));
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, self.title)]);
        self.page = usize::from(inner.height).max(1);
        self.offset = self.offset.min(lines.len().saturating_sub(self.page));
        for (line, y) in lines.iter().skip(self.offset).zip(inner.top()..inner.bottom()) {
            brush.parts(inner.x + 1, y, inner.width.saturating_sub(2), std::slice::from_ref(line));
        }
        let below = lines.len().saturating_sub(self.offset + self.page);
        let more = if below > 0 { format!("{below} more below  ") } else { String::new() };
        brush.footnote(area, &[dim(more), part(Meaning::Key, "esc"), dim(" close")]);
    }
}
