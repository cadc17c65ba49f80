//! Help: every action with its keys. Type to filter, Enter runs the selected one.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::chooser::{AtomKind, Chooser};
use super::{Modal, Outcome, Sight, middle};
use crate::console::action::Action;
use crate::console::draw::brush::{Brush, wrap};
use crate::console::input::LineInput;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;

/// The help.
#[derive(Debug)]
pub struct Help {
    input: LineInput,
    chooser: Chooser,
    actions: Vec<Action>,
    page: usize,
}

impl Help {
    /// Everything that exists in this console.
    pub fn new(sight: Sight<'_>) -> Self {
        let actions = Action::all().filter(|action| sight.actions.exists(*action)).collect();
        let mut help = Self { input: LineInput::default(), chooser: Chooser::default(), actions, page: 10 };
        help.find(sight);
        help
    }

    fn find(&mut self, sight: Sight<'_>) {
        let lines: Vec<String> = self
            .actions
            .iter()
            .map(|action| {
                let spec = action.spec();
                let keys = sight.keys_of(*action).replace(',', "");
                format!("{} {} {keys} {}", spec.id, spec.title, spec.doc)
            })
            .collect();
        // Letters in between would find too much in whole sentences.
        self.chooser.find(self.input.text(), AtomKind::Substring, &lines);
    }

    fn current(&self) -> Option<Action> {
        self.chooser.current().map(|index| self.actions[index])
    }
}

impl Modal for Help {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        match key.code {
            KeyCode::Esc => return Outcome::Close,
            KeyCode::Enter => {
                return match self.current() {
                    Some(action) if sight.actions.why_not(&action.into()).is_none() => Outcome::CloseAnd(action.into()),
                    _ => Outcome::Stay,
                };
            }
            _ => {}
        }
        if !self.chooser.key(key, self.page) && self.input.key(key) {
            self.find(sight);
        }
        Outcome::Stay
    }

    fn paste(&mut self, text: &str, sight: Sight<'_>) -> Outcome {
        self.input.paste(text);
        self.find(sight);
        Outcome::Stay
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, sight: Sight<'_>) {
        let area = middle(screen, 110, screen.height.saturating_sub(2).min(60));
        brush.wipe(area);
        let keymap = format!("keymap {}", sight.look.keymap.name);
        let title = [part(Meaning::Title, "All keys"), plain("  "), dim(keymap)];
        let inner = brush.boxed(area, true, &title);
        if inner.height < 6 || inner.width < 30 {
            return;
        }
        brush.parts(inner.x + 1, inner.y, 8, &[dim("filter")]);
        self.input.draw(brush, inner.x + 9, inner.y, inner.width.saturating_sub(10).min(40), true);
        // The last lines say what the selected action does, as long as it needs.
        let rows = Rect { y: inner.y + 2, height: inner.height - 5, ..inner };
        self.page = usize::from(rows.height);
        let first = self.chooser.scroll(self.page);
        let shown = self.chooser.matching.iter().enumerate().skip(first).take(self.page);
        for ((position, index), y) in shown.zip(rows.y..rows.bottom()) {
            row(brush, Rect { y, height: 1, ..rows }, self.actions[*index], position == self.chooser.selected, sight);
        }
        if let Some(action) = self.current() {
            let y = inner.bottom() - 2;
            let (meaning, text) = match sight.actions.why_not(&action.into()) {
                Some(why) => (Meaning::Warn, format!("not now: {why}")),
                None => (Meaning::Text, action.spec().doc.to_owned()),
            };
            for (line, y) in wrap(&text, usize::from(inner.width - 2)).into_iter().zip(y..inner.bottom()) {
                brush.parts(inner.x + 1, y, inner.width - 2, &[part(meaning, line)]);
            }
        } else {
            brush.parts(inner.x + 1, rows.y, inner.width - 2, &[dim("no action has these words")]);
        }
        brush.footnote(area, &[part(Meaning::Key, "enter"), dim(" run  "), part(Meaning::Key, "esc"), dim(" close")]);
    }
}

fn row(brush: &mut Brush<'_>, area: Rect, action: Action, selected: bool, sight: Sight<'_>) {
    let spec = action.spec();
    let possible = sight.actions.why_not(&action.into()).is_none();
    let meaning = if possible { Meaning::Text } else { Meaning::Dim };
    let keys = sight.keys_of(action);
    let argument = spec.argument.map(|argument| format!(" {}", argument.name)).unwrap_or_default();
    // Where there is room, the longest list of keys is seen in full.
    let own = if area.width >= 100 { 24 } else { 18 };
    brush.parts(area.x + 1, area.y, own, &[part(if possible { Meaning::Key } else { Meaning::Dim }, keys)]);
    brush.parts(area.x + own + 2, area.y, 23, &[part(meaning, spec.id), dim(argument)]);
    let said = if possible {
        spec.doc.to_owned()
    } else {
        format!("not now: {}", sight.actions.why_not(&action.into()).unwrap_or_default())
    };
    brush.parts(area.x + own + 26, area.y, area.width.saturating_sub(own + 27), &[dim(said)]);
    if selected {
        brush.parts(area.x, area.y, 1, &[part(Meaning::Focus, brush.theme.glyphs.cursor)]);
        brush.shade(Rect { x: area.x + 1, width: (own + 24).min(area.width - 1), ..area }, Meaning::Selection);
    }
}
