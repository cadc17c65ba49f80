//! Confirming: what will be done, in words, and the name of its object to be typed where it is dangerous.
//!
//! Cancel is the default. A paste is refused where something must be typed, because a hand that types reads.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::{Modal, Outcome, Sight, Want, middle, scrolled};
use crate::console::draw::brush::Brush;
use crate::console::input::LineInput;
use crate::console::page::{Line, broken};
use crate::console::table::{Part, dim, part, plain, width, words};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::Command;

/// A question with the commands that a yes sends.
#[derive(Debug)]
pub struct Confirm {
    title: String,
    /// What will be done.
    pub lines: Vec<Line>,
    /// Columns that it takes at most.
    width: u16,
    /// What `d` sends: the same without its effects.
    dry_run: Option<Command>,
    /// That, on its way.
    sent: Option<Command>,
    /// The first line that is seen, where not all are.
    offset: usize,
    /// Lines that fit.
    page: usize,
    /// What must be typed; `None`: the button is enough.
    phrase: Option<String>,
    /// What the button says.
    button: &'static str,
    commands: Vec<Command>,
    input: LineInput,
    on_button: bool,
    said: Option<&'static str>,
    /// How it is asked of a newer picture.
    anew: Option<(String, Anew)>,
}

/// What a question says of its object in this picture, and the commands that a yes sends then. `None`: the object is
/// gone, and the engine says so better.
pub type Anew = fn(&str, &World) -> Option<(Vec<String>, Vec<Command>)>;

impl Confirm {
    /// A question that a button answers.
    pub fn button(title: String, lines: Vec<String>, button: &'static str, commands: Vec<Command>) -> Self {
        Self {
            title,
            lines: plain_lines(lines),
            width: 84,
            dry_run: None,
            sent: None,
            offset: 0,
            page: 1,
            phrase: None,
            button,
            commands,
            input: LineInput::default(),
            on_button: false,
            said: None,
            anew: None,
        }
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

    /// Wider, and with a key that only says what would be done.
    #[must_use]
    pub fn with_dry_run(self, width: u16, dry_run: Command) -> Self {
        Self { width, dry_run: Some(dry_run), ..self }
    }

    /// Wider.
    #[must_use]
    pub fn of_width(self, width: u16) -> Self {
        Self { width, ..self }
    }

    /// What it says of this object is compared with the newest picture before anything is sent.
    #[must_use]
    pub fn anew(self, object: &str, anew: Anew) -> Self {
        Self { anew: Some((object.to_owned(), anew)), ..self }
    }

    /// Sends what was agreed to. Where something else stands there by now, that is shown instead, and nothing is sent.
    fn send(&mut self, world: &World) -> Outcome {
        let newest = self.anew.as_ref().and_then(|(object, anew)| anew(object, world));
        if let Some((lines, commands)) = newest {
            let lines = plain_lines(lines);
            let same = timeless(&self.lines) == timeless(&lines);
            (self.lines, self.commands) = (lines, commands);
            if !same {
                self.offset = 0;
                self.said = Some("this has changed meanwhile: nothing was sent; read it again");
                return Outcome::Stay;
            }
        }
        Outcome::Send(std::mem::take(&mut self.commands))
    }

    /// The key of the dry run: a letter, unless what must be typed begins with it.
    fn dry_key(&self) -> &'static str {
        if self.phrase.as_ref().is_some_and(|phrase| phrase.starts_with('d')) { "ctrl-d" } else { "d" }
    }

    /// Whether this key asks for a dry run now.
    pub fn asks_dry_run(&self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let free = self.dry_run.is_some() && self.input.text().is_empty();
        free && key.code == KeyCode::Char('d') && (control || self.dry_key() == "d")
    }

    fn agreed(&self) -> bool {
        self.phrase.as_ref().is_none_or(|phrase| self.input.text() == phrase)
    }
}

impl Modal for Confirm {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        self.said = None;
        match key.code {
            KeyCode::Tab | KeyCode::BackTab => self.on_button = !self.on_button,
            KeyCode::Left | KeyCode::Right | KeyCode::Up | KeyCode::Down if self.phrase.is_none() => {
                self.on_button = !self.on_button;
            }
            KeyCode::Enter if self.phrase.is_some() && !self.input.text().is_empty() => {
                if self.agreed() {
                    return self.send(sight.world);
                }
                self.said = Some("that is not it; nothing was done");
            }
            KeyCode::Enter if self.on_button && self.agreed() => return self.send(sight.world),
            KeyCode::Down if self.phrase.is_some() => self.offset += 1,
            KeyCode::Up if self.phrase.is_some() => self.offset = self.offset.saturating_sub(1),
            KeyCode::PageDown => self.offset += self.page,
            KeyCode::PageUp => self.offset = self.offset.saturating_sub(self.page),
            // It stays: who meant to type the phrase in small letters does not type into what lies below.
            KeyCode::Char('d') if self.asks_dry_run(key) => {
                self.sent = self.dry_run.take();
                self.said = Some("the dry run is a job of its own; its page says what would be done");
            }
            KeyCode::Enter | KeyCode::Esc => return Outcome::Cancelled("cancelled; nothing was done"),
            _ if self.phrase.is_some() => {
                self.input.key(key);
            }
            _ => {}
        }
        Outcome::Stay
    }

    fn paste(&mut self, _: &str, _: Sight<'_>) -> Outcome {
        if self.phrase.is_some() {
            self.said = Some("type it: a paste is not taken here");
        }
        Outcome::Stay
    }

    fn wants(&mut self, _: &World) -> Option<Want> {
        self.sent.take().map(Want::Send)
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, _: Sight<'_>) {
        let width_ = screen.width.saturating_sub(2).min(self.width);
        let lines = broken(&self.lines, usize::from(width_.saturating_sub(4)));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(6);
        let area = middle(screen, width_, height);
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, self.title.clone())]);
        if inner.height < 3 {
            return;
        }
        let bottom = inner.bottom() - 1;
        let rows = inner.y + 1..bottom.saturating_sub(1).max(inner.y + 1);
        self.page = rows.len().max(1);
        self.offset = self.offset.min(lines.len().saturating_sub(self.page));
        for (line, y) in lines.iter().skip(self.offset).zip(rows) {
            brush.parts(inner.x + 1, y, inner.width - 2, line);
        }
        let below = lines.len().saturating_sub(self.offset + self.page);
        let mut foot = scrolled(self.offset, below);
        if self.dry_run.is_some() {
            foot.extend([
                part(Meaning::Key, self.dry_key()),
                dim(" dry run  "),
                part(Meaning::Key, "esc"),
                dim(" cancel"),
            ]);
        }
        brush.footnote(area, &foot);
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

fn plain_lines(lines: Vec<String>) -> Vec<Line> {
    lines.into_iter().map(|line| vec![plain(line)]).collect()
}

/// The words of lines without spans of time, such as `48 min` or `12 s`: that they run down is nothing new.
fn timeless(lines: &[Line]) -> Vec<String> {
    let number = |word: &str| word.trim_start_matches('(').starts_with(|letter: char| letter.is_ascii_digit());
    let unit = |word: &str| matches!(word.trim_end_matches([',', ';', ':', '.', ')']), "s" | "min" | "h" | "d");
    let one = |line: &Line| {
        let text = words(line);
        let mut left: Vec<&str> = Vec::new();
        for word in text.split(' ') {
            if unit(word) && left.last().is_some_and(|before| number(before)) {
                left.pop();
            } else {
                left.push(word);
            }
        }
        left.join(" ")
    };
    lines.iter().map(one).collect()
}

fn button_parts(text: &str, selected: bool) -> Vec<Part> {
    let meaning = if selected { Meaning::Selection } else { Meaning::Text };
    vec![part(meaning, format!("[{text}]"))]
}
