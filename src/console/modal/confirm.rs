//! Confirming: what will be done, in words, and the name of its object to be typed where it is dangerous.
//!
//! Cancel is the default. A paste is refused where something must be typed, because a hand that types reads.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::{Modal, Outcome, Sight, middle};
use crate::console::draw::brush::{Brush, wrap};
use crate::console::input::LineInput;
use crate::console::table::{Part, dim, part, plain, width};
use crate::console::theme::Meaning;
use crate::engine::command::Command;

/// A question with the commands that a yes sends.
#[derive(Debug)]
pub struct Confirm {
    title: String,
    lines: Vec<String>,
    /// What must be typed; `None`: the button is enough.
    phrase: Option<String>,
    /// What the button says.
    button: &'static str,
    commands: Vec<Command>,
    input: LineInput,
    on_button: bool,
    said: Option<&'static str>,
}

impl Confirm {
    /// A question that a button answers.
    pub fn button(title: String, lines: Vec<String>, button: &'static str, commands: Vec<Command>) -> Self {
        Self { title, lines, phrase: None, button, commands, input: LineInput::default(), on_button: false, said: None }
    }

    /// A question that is answered by typing this phrase.
    pub fn typed(
        title: String,
        lines: Vec<String>,
        phrase: String,
        button: &'static str,
        commands: Vec<Command>,
    ) -> Self {
        Self { phrase: Some(phrase), ..Self::button(title, lines, button, commands) }
    }

    fn agreed(&self) -> bool {
        self.phrase.as_ref().is_none_or(|phrase| self.input.text() == phrase)
    }
}

impl Modal for Confirm {
    fn key(&mut self, key: KeyEvent, _: Sight<'_>) -> Outcome {
        self.said = None;
        match key.code {
            KeyCode::Tab | KeyCode::BackTab => self.on_button = !self.on_button,
            KeyCode::Left | KeyCode::Right | KeyCode::Up | KeyCode::Down if self.phrase.is_none() => {
                self.on_button = !self.on_button;
            }
            KeyCode::Enter if self.phrase.is_some() && !self.input.text().is_empty() => {
                if self.agreed() {
                    return Outcome::Send(std::mem::take(&mut self.commands));
                }
                self.said = Some("that is not it; nothing was done");
            }
            KeyCode::Enter if self.on_button && self.agreed() => {
                return Outcome::Send(std::mem::take(&mut self.commands));
            }
            KeyCode::Enter | KeyCode::Esc => return Outcome::Cancelled("cancelled; nothing was done"),
            _ if self.phrase.is_some() => {
                self.input.key(key);
            }
            _ => {}
        }
        Outcome::Stay
    }

    fn paste(&mut self, _: &str, _: Sight<'_>) {
        if self.phrase.is_some() {
            self.said = Some("type it: a paste is not taken here");
        }
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, _: Sight<'_>) {
        let width_ = screen.width.saturating_sub(2).min(84);
        let room = usize::from(width_.saturating_sub(4));
        let lines: Vec<String> = self.lines.iter().flat_map(|line| wrap(line, room)).collect();
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(6);
        let area = middle(screen, width_, height);
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, self.title.clone())]);
        if inner.height < 3 {
            return;
        }
        let bottom = inner.bottom() - 1;
        for (line, y) in lines.into_iter().zip(inner.y + 1..bottom.saturating_sub(1)) {
            brush.parts(inner.x + 1, y, inner.width - 2, &[plain(line)]);
        }
        if let Some(said) = self.said {
            brush.parts(inner.x + 1, bottom - 1, inner.width - 2, &[part(Meaning::Warn, said)]);
        }
        let cancel = button_parts(" Cancel ", !self.on_button && self.phrase.is_none());
        let go = button_parts(self.button, self.on_button);
        let mut buttons = cancel;
        buttons.push(plain(" "));
        if self.agreed() {
            buttons.extend(go);
        } else {
            buttons.push(dim(format!("[{}]", self.button)));
        }
        let used = u16::try_from(width(&buttons)).unwrap_or(u16::MAX);
        brush.parts_right(inner.right() - 1, bottom, used, &buttons);
        if let Some(phrase) = &self.phrase {
            let ask = [plain("type "), part(Meaning::Title, phrase.clone()), plain(" to go on ")];
            let asked = brush.parts(inner.x + 1, bottom, inner.width.saturating_sub(used + 12), &ask);
            let left = inner.width.saturating_sub(asked + used + 4);
            let wanted = u16::try_from(phrase.chars().count() + 2).unwrap_or(u16::MAX).max(12);
            self.input.draw(brush, inner.x + 1 + asked, bottom, left.min(wanted), true);
        }
    }
}

fn button_parts(text: &str, selected: bool) -> Vec<Part> {
    let meaning = if selected { Meaning::Selection } else { Meaning::Text };
    vec![part(meaning, format!("[{text}]"))]
}
