//! Pages: what opens over the panes. Each is a document of lines that is written anew for each frame and scrolled.

pub mod chart;
pub mod configs;
pub mod dump;
pub mod dumped;
pub mod entry;
pub mod fed;
pub mod feed;
pub mod host;
pub mod job;
pub mod log;
pub mod logs;
pub mod pool;
pub mod report;
pub mod run;
pub mod runs;
pub mod serviced;
pub mod services;
pub mod session;
pub mod why;

use ratatui::layout::Rect;

use super::action::{Action, Scope};
use super::draw::brush::{Brush, wrap};
use super::look::Look;
use super::table::{Part, dim, part, words};
use super::theme::Meaning;
use super::world::World;
use crate::engine::command::{Answer, Query, Refusal};
use crate::session::key::Key;
use crate::work::view::JobId;

/// A line of a document.
pub type Line = Vec<Part>;

/// What a page must be able to say.
pub trait Page: std::fmt::Debug + Send {
    /// Its name in the path at the top.
    fn crumb(&self) -> String;

    /// Its own scope of keys.
    fn scope(&self) -> Option<Scope>;

    /// The host that actions apply to here.
    fn host(&self) -> Option<&str> {
        None
    }

    /// The job that actions apply to here.
    fn job(&self) -> Option<JobId> {
        None
    }

    /// The pool that actions apply to here.
    fn pool(&self) -> Option<&str> {
        None
    }

    /// The feed that actions apply to here.
    fn feed(&self) -> Option<&str> {
        None
    }

    /// The dump that actions apply to here.
    fn dump(&self) -> Option<&str> {
        None
    }

    /// The service that actions apply to here, and the module of it that is selected.
    fn service(&self) -> Option<(&str, Option<&str>)> {
        None
    }

    /// The runbook whose run actions apply to here.
    fn run(&self) -> Option<&str> {
        None
    }

    /// The session that actions apply to here.
    fn session(&self) -> Option<&Key> {
        None
    }

    /// Its actions for the bottom line, the most useful first.
    fn hints(&self) -> &'static [Action] {
        &[Action::Back, Action::Copy]
    }

    /// The document, for so many columns.
    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line>;

    /// For how many columns it is written when it is copied.
    fn copy_width(&self) -> usize {
        100
    }

    /// Takes a step of the selection, where it has one. Returns whether it has.
    fn step(&mut self, _world: &World, _by: isize) -> bool {
        false
    }

    /// Whether its selection is always on the screen. Without that, keys that go by screens only scroll.
    fn keeps_selection_seen(&self) -> bool {
        false
    }

    /// Whether it reads from its end, as a log does.
    fn reads_from_end(&self) -> bool {
        false
    }

    /// The filter in force, where it can be filtered.
    fn filter(&self) -> Option<&str> {
        None
    }

    /// Shows only what has these words.
    fn set_filter(&mut self, _words: &str) {}

    /// What it needs to ask the engine now. Called after every event.
    fn wants(&mut self, _world: &World) -> Option<Query> {
        None
    }

    /// An answer has come, perhaps to another page's query.
    fn answered(&mut self, _query: &Query, _answer: &Result<Answer, Refusal>) {}
}

/// A page with its place in its document.
#[derive(Debug)]
pub struct Open {
    /// The page.
    pub page: Box<dyn Page>,
    offset: usize,
    height: usize,
    length: usize,
    /// Follows the end of the document.
    at_end: bool,
}

impl Open {
    /// A page that was just opened.
    pub fn new(page: impl Page + 'static) -> Self {
        let at_end = page.reads_from_end();
        Self { page: Box::new(page), offset: 0, height: 1, length: 0, at_end }
    }

    /// Scrolls by lines.
    pub fn scroll(&mut self, by: isize) {
        let most = self.length.saturating_sub(self.height);
        self.offset = self.offset.saturating_add_signed(by).min(most);
        self.at_end = self.page.reads_from_end() && self.offset == most;
    }

    /// Lines of one screen.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All of it as text.
    pub fn text(&self, world: &World, look: &Look) -> String {
        let lines = self.page.document(world, look, self.page.copy_width());
        lines.iter().map(|line| words(line).trim_end().to_owned() + "\n").collect()
    }

    /// Draws it.
    pub fn draw(&mut self, brush: &mut Brush<'_>, area: Rect, path: &[String], world: &World, look: &Look) {
        let glyphs = brush.theme.glyphs;
        let mut title = Vec::new();
        for (index, crumb) in path.iter().enumerate() {
            let last = index + 1 == path.len();
            title.push(part(if last { Meaning::Title } else { Meaning::Dim }, crumb.clone()));
            if !last {
                title.push(dim(format!(" {} ", glyphs.into)));
            }
        }
        let inner = brush.boxed(area, true, &title);
        let width = inner.width.saturating_sub(2);
        let lines = self.page.document(world, look, usize::from(width));
        self.height = usize::from(inner.height).max(1);
        self.length = lines.len();
        let most = self.length.saturating_sub(self.height);
        self.offset = if self.at_end { most } else { self.offset.min(most) };
        let cursor = |line: &Line| line.first().is_some_and(|first| *first == part(Meaning::Focus, glyphs.cursor));
        if self.page.keeps_selection_seen()
            && let Some(selected) = lines.iter().position(cursor)
        {
            self.offset = self.offset.clamp((selected + 1).saturating_sub(self.height), selected);
        }
        for (line, y) in lines.iter().skip(self.offset).zip(inner.top()..inner.bottom()) {
            brush.parts(inner.x + 1, y, width, line);
        }
        let below = most - self.offset;
        if below > 0 {
            brush.footnote(area, &[dim(format!("{below} more below"))]);
        }
    }
}

/// Lines with those of one part broken where they are too long; the others are left to be cut off.
pub(crate) fn broken(lines: &[Line], room: usize) -> Vec<Line> {
    let break_one = |line: &Line| match line.as_slice() {
        [only] => wrap(&only.text, room).into_iter().map(|text| vec![part(only.meaning, text)]).collect(),
        _ => vec![line.clone()],
    };
    lines.iter().flat_map(break_one).collect()
}

/// A name and what stands behind it, for the head of a page.
pub(crate) fn fact(name: &'static str, value: impl IntoIterator<Item = Part>) -> Line {
    let mut line = vec![dim(format!("{name:<12}"))];
    line.extend(value);
    line
}
