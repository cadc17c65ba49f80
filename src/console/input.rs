//! A line that is being typed.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Position;
use tui_input::{Input, InputRequest};
use unicode_width::UnicodeWidthStr;

use super::draw::brush::Brush;
use super::table::part;
use super::theme::Meaning;

/// A line that is being typed.
#[derive(Debug, Clone, Default)]
pub struct LineInput(Input);

impl LineInput {
    /// A line that begins with this text.
    pub fn new(text: &str) -> Self {
        Self(Input::new(text.to_owned()))
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        self.0.value()
    }

    /// Replaces what was typed.
    pub fn set(&mut self, text: &str) {
        self.0 = Input::new(text.to_owned());
    }

    /// Takes an editing key. Returns whether it was one.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let request = match (key.code, control) {
            (KeyCode::Char('a'), true) | (KeyCode::Home, _) => InputRequest::GoToStart,
            (KeyCode::Char('e'), true) | (KeyCode::End, _) => InputRequest::GoToEnd,
            (KeyCode::Char('u'), true) => InputRequest::DeleteLine,
            (KeyCode::Char('k'), true) => InputRequest::DeleteTillEnd,
            (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
            (KeyCode::Char('h'), true) | (KeyCode::Backspace, _) => InputRequest::DeletePrevChar,
            (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
            (KeyCode::Left, true) => InputRequest::GoToPrevWord,
            (KeyCode::Right, true) => InputRequest::GoToNextWord,
            (KeyCode::Left, _) => InputRequest::GoToPrevChar,
            (KeyCode::Right, _) => InputRequest::GoToNextChar,
            (KeyCode::Char(letter), false) if !alt => InputRequest::InsertChar(letter),
            _ => return false,
        };
        self.0.handle(request);
        true
    }

    /// Inserts pasted text, in one line.
    pub fn paste(&mut self, text: &str) {
        for letter in text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }) {
            self.0.handle(InputRequest::InsertChar(letter));
        }
    }

    /// Draws it in so many columns; with the cursor where it has the keys.
    pub fn draw(&self, brush: &mut Brush<'_>, x: u16, y: u16, room: u16, focused: bool) {
        let columns = usize::from(room.saturating_sub(1));
        let scroll = self.0.visual_scroll(columns);
        let mut skipped = 0;
        let seen: String = self
            .text()
            .chars()
            .skip_while(|letter| {
                let before = skipped;
                skipped += letter.to_string().width();
                before < scroll
            })
            .collect();
        let meaning = if focused { Meaning::Input } else { Meaning::Text };
        brush.parts(x, y, room, &[part(meaning, " ".repeat(usize::from(room)))]);
        brush.parts(x, y, room.saturating_sub(1), &[part(meaning, seen)]);
        if focused {
            let column = u16::try_from(self.0.visual_cursor().saturating_sub(scroll)).unwrap_or(u16::MAX);
            brush.cursor = Some(Position::new(x.saturating_add(column.min(room.saturating_sub(1))), y));
        }
    }
}
