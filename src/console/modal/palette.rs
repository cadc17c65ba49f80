//! The palette: an action by name, with its argument. Tab completes, Enter runs.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::chooser::{AtomKind, Chooser};
use super::{Modal, Outcome, Sight, middle};
use crate::console::action::{Action, ArgumentKind, Invocation};
use crate::console::draw::brush::Brush;
use crate::console::input::LineInput;
use crate::console::table::{dim, part};
use crate::console::theme::Meaning;

/// The palette.
#[derive(Debug)]
pub struct Palette {
    input: LineInput,
    chooser: Chooser,
    /// What can be chosen now: names of actions, or arguments of the one that is typed.
    lines: Vec<String>,
    problem: Option<String>,
}

/// Lines that are shown at once.
const HEIGHT: u16 = 12;

impl Palette {
    /// A palette in which this is already typed.
    pub fn new(typed: &str, sight: Sight<'_>) -> Self {
        let mut palette =
            Self { input: LineInput::new(typed), chooser: Chooser::default(), lines: Vec::new(), problem: None };
        palette.find(sight);
        palette
    }

    /// The action that is typed in full, and the argument so far.
    fn typed(&self) -> Option<(Action, &str)> {
        let (id, argument) = self.input.text().split_once(' ')?;
        let action = Action::of(id)?;
        action.spec().argument?;
        Some((action, argument.trim_start()))
    }

    fn find(&mut self, sight: Sight<'_>) {
        self.problem = None;
        let action = self.typed().filter(|(action, _)| sight.actions.exists(*action));
        let (lines, typed) = if let Some((action, argument)) = action {
            (sight.actions.candidates(action), argument.to_owned())
        } else {
            let names = Action::all().filter(|action| sight.actions.exists(*action));
            (names.map(|action| action.spec().id.to_owned()).collect(), self.input.text().trim().to_owned())
        };
        self.lines = lines;
        self.chooser.find(&typed, AtomKind::Fuzzy, &self.lines);
        self.chooser.prefer(typed.trim(), &self.lines);
    }

    fn chosen(&self) -> Option<&str> {
        self.chooser.current().map(|index| self.lines[index].as_str())
    }

    /// Puts the selected line into what is typed.
    fn complete(&mut self, sight: Sight<'_>) {
        let Some(chosen) = self.chosen().map(ToOwned::to_owned) else { return };
        let text = match self.typed() {
            Some((action, _)) => format!("{} {chosen}", action.spec().id),
            None if Action::of(&chosen).is_some_and(|action| action.spec().argument.is_some()) => format!("{chosen} "),
            None => chosen,
        };
        self.input.set(&text);
        self.find(sight);
    }

    /// Whether the selected argument is what was asked for. Another one that only has the letters is read before it is
    /// done; and the number of a job is not the beginning of another one's.
    fn meant(&self, action: Action, typed: &str, chosen: &str) -> bool {
        let number = action.spec().argument.is_some_and(|argument| argument.kind == ArgumentKind::Job);
        let begins = !number && chosen.to_lowercase().starts_with(&typed.to_lowercase());
        self.chooser.moved || typed.is_empty() || typed == chosen || begins
    }

    fn run(&mut self, sight: Sight<'_>) -> Outcome {
        let invocation = if let Some((action, argument)) = self.typed() {
            // A free text is what was typed, and so are sessions, of which few can be listed; a name is the selected one.
            let free = action.spec().argument.is_some_and(|argument| argument.kind == ArgumentKind::Session);
            let chosen = self.chosen().filter(|_| !free);
            if chosen.is_some_and(|chosen| !self.meant(action, argument.trim(), chosen)) {
                self.complete(sight);
                return Outcome::Stay;
            }
            let argument = chosen.unwrap_or(argument).trim().to_owned();
            Invocation { action, argument: (!argument.is_empty()).then_some(argument) }
        } else if let Some(action) = self.chosen().and_then(Action::of) {
            action.into()
        } else {
            self.problem = Some(format!("there is no action `{}`", self.input.text().trim()));
            return Outcome::Stay;
        };
        let needs = invocation.action.spec().argument.is_some_and(|argument| argument.required);
        if needs && invocation.argument.is_none() {
            self.complete(sight);
            return Outcome::Stay;
        }
        match sight.actions.why_not(&invocation) {
            Some(why) => {
                self.problem = Some(format!("not now: {why}"));
                Outcome::Stay
            }
            None => Outcome::CloseAnd(invocation),
        }
    }
}

impl Modal for Palette {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        match key.code {
            KeyCode::Esc => return Outcome::Close,
            KeyCode::Backspace if self.input.text().is_empty() => return Outcome::Close,
            KeyCode::Enter => return self.run(sight),
            KeyCode::Tab => self.complete(sight),
            _ => {
                if !self.chooser.key(key, usize::from(HEIGHT)) && self.input.key(key) {
                    self.find(sight);
                }
            }
        }
        Outcome::Stay
    }

    fn paste(&mut self, text: &str, sight: Sight<'_>) -> Outcome {
        self.input.paste(text);
        self.find(sight);
        Outcome::Stay
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, sight: Sight<'_>) {
        let height = HEIGHT.min(screen.height.saturating_sub(5));
        let area = middle(screen, 90, height + 4);
        let area = Rect { y: (screen.y + 2).min(area.y), ..area };
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, "Command")]);
        if inner.height < 3 || inner.width < 20 {
            return;
        }
        brush.parts(inner.x + 1, inner.y, 1, &[part(Meaning::Key, ":")]);
        self.input.draw(brush, inner.x + 2, inner.y, inner.width - 3, true);
        let rows = Rect { y: inner.y + 1, height: inner.height - 2, ..inner };
        let first = self.chooser.scroll(usize::from(rows.height));
        let shown = self.chooser.matching.iter().enumerate().skip(first);
        for ((position, index), y) in shown.zip(rows.y..rows.bottom()) {
            self.row(
                brush,
                Rect { y, height: 1, ..rows },
                &self.lines[*index],
                position == self.chooser.selected,
                sight,
            );
        }
        let foot = match (&self.problem, self.subject()) {
            (Some(problem), _) => part(Meaning::Warn, problem.clone()),
            (None, Some(action)) => dim(action.spec().doc),
            (None, None) => dim("no action has these letters"),
        };
        brush.parts(inner.x + 1, inner.bottom() - 1, inner.width - 2, &[foot]);
        let keys = [("enter", " run  "), ("tab", " complete  "), ("esc", " close")];
        let keys: Vec<_> = keys.into_iter().flat_map(|(key, what)| [part(Meaning::Key, key), dim(what)]).collect();
        brush.footnote(area, &keys);
    }
}

impl Palette {
    /// The action that is typed or selected.
    fn subject(&self) -> Option<Action> {
        self.typed().map(|(action, _)| action).or_else(|| self.chosen().and_then(Action::of))
    }

    fn row(&self, brush: &mut Brush<'_>, area: Rect, line: &str, selected: bool, sight: Sight<'_>) {
        let action = if self.typed().is_some() { None } else { Action::of(line) };
        let possible = action.is_none_or(|action| sight.actions.why_not(&action.into()).is_none());
        brush.parts(
            area.x + 1,
            area.y,
            24,
            &[part(if possible { Meaning::Text } else { Meaning::Dim }, line.to_owned())],
        );
        if let Some(action) = action {
            let keys = sight.keys_of(action);
            brush.parts(area.x + 26, area.y, 14, &[part(Meaning::Key, keys)]);
            brush.parts(area.x + 41, area.y, area.width.saturating_sub(42), &[dim(action.spec().doc)]);
        }
        if selected {
            brush.parts(area.x, area.y, 1, &[part(Meaning::Focus, brush.theme.glyphs.cursor)]);
            brush.shade(Rect { x: area.x + 1, width: 24.min(area.width - 1), ..area }, Meaning::Selection);
        }
    }
}
