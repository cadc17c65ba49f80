//! What is to be copied or verified, before it is: which sessions, how much, where, how thoroughly.
//!
//! Neither takes anything away from anybody, so Enter does it.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Modal, Outcome, Sight, middle};
use crate::console::draw::brush::Brush;
use crate::console::page::{Line, broken};
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::engine::command::{Command, Which};
use crate::session::view::Level;

/// How thoroughly copies can be verified, the usual first, with what each means.
const LEVELS: [(Option<Level>, &str, &str); 4] = [
    (None, "usual", "by content where a manifest exists, else by sizes"),
    (Some(Level::Content), "content", "every byte, read from the destination's own storage"),
    (Some(Level::Sizes), "sizes", "names and sizes"),
    (Some(Level::Count), "count", "names and their number"),
];

/// A question with the command that a yes sends.
#[derive(Debug)]
pub struct Plan {
    title: String,
    lines: Vec<Line>,
    store: Option<String>,
    which: Which,
    /// Which of the levels; `None`: it is a copy.
    level: Option<usize>,
}

impl Plan {
    /// A copy.
    pub fn sync(title: String, lines: Vec<Line>, store: Option<String>, which: Which) -> Self {
        Self { title, lines, store, which, level: None }
    }

    /// A verification.
    pub fn verify(title: String, lines: Vec<Line>, store: Option<String>, which: Which) -> Self {
        Self { level: Some(0), ..Self::sync(title, lines, store, which) }
    }

    fn command(&self, dry_run: bool) -> Command {
        let (store, which) = (self.store.clone(), self.which.clone());
        match self.level {
            None => Command::SessionSync { store, which, dry_run },
            Some(level) => Command::SessionVerify { store, which, level: LEVELS[level].0 },
        }
    }
}

impl Modal for Plan {
    fn key(&mut self, key: KeyEvent, _: Sight<'_>) -> Outcome {
        let count = LEVELS.len();
        match (key.code, &mut self.level) {
            (KeyCode::Enter, _) => return Outcome::Send(vec![self.command(false)]),
            (KeyCode::Char('d'), None) => return Outcome::Send(vec![self.command(true)]),
            (KeyCode::Esc, _) => return Outcome::Cancelled("cancelled; nothing was done"),
            (KeyCode::Down | KeyCode::Tab | KeyCode::Char('j'), Some(level)) => *level = (*level + 1) % count,
            (KeyCode::Up | KeyCode::BackTab | KeyCode::Char('k'), Some(level)) => *level = (*level + count - 1) % count,
            _ => {}
        }
        Outcome::Stay
    }

    fn paste(&mut self, _: &str, _: Sight<'_>) -> Outcome {
        Outcome::Stay
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, _: Sight<'_>) {
        let width = screen.width.saturating_sub(2).min(96);
        let room = usize::from(width.saturating_sub(4));
        let mut lines = broken(&self.lines, room);
        if let Some(chosen) = self.level {
            lines.push(Vec::new());
            for (index, (_, name, what)) in LEVELS.into_iter().enumerate() {
                let meaning = if index == chosen { Meaning::Selection } else { Meaning::Text };
                let cursor = if index == chosen { brush.theme.glyphs.cursor } else { " " };
                lines.push(vec![
                    part(Meaning::Focus, cursor),
                    part(meaning, format!(" {name:<8}")),
                    plain(" "),
                    dim(what),
                ]);
            }
        }
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
        let area = middle(screen, width, height);
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, self.title.clone())]);
        // Where the screen is low, what it is about gives way to what can be chosen.
        let room = usize::from(inner.height.saturating_sub(1));
        for (line, y) in lines.iter().skip(lines.len().saturating_sub(room)).zip(inner.y + 1..inner.bottom()) {
            brush.parts(inner.x + 1, y, inner.width.saturating_sub(2), line);
        }
        let does = if self.level.is_some() { " verify  " } else { " copy  " };
        let mut keys = vec![part(Meaning::Key, "enter"), dim(does)];
        match self.level {
            None => keys.extend([part(Meaning::Key, "d"), dim(" dry run  ")]),
            Some(_) => keys.extend([part(Meaning::Key, "up down"), dim(" how  ")]),
        }
        keys.extend([part(Meaning::Key, "esc"), dim(" cancel")]);
        brush.footnote(area, &keys);
    }
}
