//! The page of a session: both sides, every column with its reason, the files and what differs, what to do next.

mod files;

use unicode_width::UnicodeWidthStr;

use super::{Line, Page, fact};
use crate::clock::Timestamp;
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::keymap::Keymap;
use crate::console::look::Look;
use crate::console::pane::key_words;
use crate::console::pane::sessions::words;
use crate::console::table::{self, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::command::{Answer, Query, Refusal};
use crate::session::key::Key;
use crate::session::listing::Facts;
use crate::session::view::{CopyState, CopyView, Detail, Imported, SessionRow};

/// Columns before what a fact says.
const FACT: usize = 12;
/// It is asked for again at most this often.
const EVERY_MS: i64 = 1000;

/// The page.
#[derive(Debug)]
pub struct SessionPage {
    store: String,
    key: Key,
    /// The row that was opened, until all of it has come.
    row: SessionRow,
    detail: Option<Box<Detail>>,
    problem: Option<String>,
    /// Of which version and when it was asked for.
    asked: Option<(u64, Timestamp)>,
    waiting: bool,
}

impl SessionPage {
    /// The page of this session.
    pub fn new(store: String, row: SessionRow) -> Self {
        let key = row.key.clone();
        Self { store, key, row, detail: None, problem: None, asked: None, waiting: false }
    }

    fn query(&self) -> Query {
        Query::Session { store: Some(self.store.clone()), key: self.key.clone() }
    }

    fn now(&self) -> &SessionRow {
        self.detail.as_ref().map_or(&self.row, |detail| &detail.row)
    }
}

impl Page for SessionPage {
    fn crumb(&self) -> String {
        self.key.to_string()
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Sessions)
    }

    fn session(&self) -> Option<&Key> {
        Some(&self.key)
    }

    fn hints(&self) -> &'static [Action] {
        &[Action::Back, Action::Sync, Action::Verify, Action::Delete, Action::Refresh, Action::Copy]
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        let version = world.newest.stores.iter().find(|store| store.name == self.store)?.version;
        let old = self.asked.is_none_or(|(asked, at)| {
            asked != version && world.now.as_millisecond().saturating_sub(at.as_millisecond()) >= EVERY_MS
        });
        let stands = world.frozen.is_some() && self.asked.is_some();
        if self.waiting || !old || stands || world.unreachable().is_some() {
            return None;
        }
        self.waiting = true;
        self.asked = Some((version, world.now));
        Some(self.query())
    }

    fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        if *query != self.query() {
            return;
        }
        self.waiting = false;
        match answer {
            Ok(Answer::Session { detail }) => {
                self.detail = Some(detail.clone());
                self.problem = None;
            }
            Ok(_) => {}
            Err(refusal) => self.problem = Some(refusal.what.clone()),
        }
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let row = self.now();
        let mut lines = self.head(row, world, glyphs, width);
        lines.extend(self.copies(row, world, glyphs, width));
        lines.push(Vec::new());
        lines.extend(next(row, world, &look.keymap, width));
        if let Some(problem) = &self.problem {
            lines.push(Vec::new());
            lines.push(vec![part(Meaning::Warn, format!("{} what is shown may be old: {problem}", glyphs.warn))]);
        }
        lines.push(Vec::new());
        match &self.detail {
            Some(detail) => lines.extend(files::of(detail, world, glyphs, width)),
            None if self.problem.is_none() => lines.push(vec![dim("asking the engine for the files…")]),
            None => {}
        }
        lines
    }
}

/// A name and a text that may need several lines.
fn told(name: &'static str, meaning: Meaning, text: &str, width: usize) -> Vec<Line> {
    let lines = wrap(text, width.saturating_sub(FACT).max(20));
    let name = |index| if index == 0 { name } else { "" };
    lines.into_iter().enumerate().map(|(index, line)| fact(name(index), [part(meaning, line)])).collect()
}

/// What lies somewhere and the folder it lies in: on a line of its own where both are too long for one.
fn with_folder(name: &'static str, what: Line, folder: Option<&str>, width: usize) -> Vec<Line> {
    let folder = folder.map(|folder| dim(folder.to_owned()));
    let together = FACT + table::width(&what) + 3 + folder.as_ref().map_or(0, |folder| folder.text.width()) <= width;
    match (what.is_empty(), folder) {
        (true, None) => Vec::new(),
        (false, None) => vec![fact(name, what)],
        (true, Some(folder)) => vec![fact(name, [folder])],
        (false, Some(folder)) if together => vec![fact(name, what.into_iter().chain([plain("   "), folder]))],
        (false, Some(folder)) => vec![fact(name, what), fact("", [folder])],
    }
}

/// Videos, files and bytes of one side, and when it was changed last.
fn much(facts: &Facts, world: &World) -> String {
    let count = |number: u32, one| format::several(number as usize, one);
    let changed = facts.changed.map(|changed| format!(", changed {}", format::ago(changed, world.reference())));
    let files = count(facts.files, "file");
    format!("{files}, {}, {}{}", count(facts.videos, "video"), format::size(facts.bytes), changed.unwrap_or_default())
}

impl SessionPage {
    fn head(&self, row: &SessionRow, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
        let date = self.key.date.strftime("%A, %d %B %Y").to_string();
        let mut lines = vec![fact(
            "session",
            [plain(format!("{}  ", self.key.participant)), plain(date), dim(format!("  in {}", self.store))],
        )];
        if let Some(busy) = &row.busy {
            let mut line = vec![part(Meaning::Info, format!("{} {busy}", glyphs.running))];
            line.extend(words::live(row, world).into_iter().flat_map(|now| [plain("  "), words::progress(now)]));
            lines.push(fact("now", line));
        }
        if let Some(wrong) = &row.wrong {
            lines.extend(told("wrong", Meaning::Bad, &format!("{} {wrong}", glyphs.bad), width));
        }
        if row.safe {
            lines.push(fact(
                "safe",
                [part(Meaning::Good, format!("{} may be deleted from this computer", glyphs.good))],
            ));
        } else {
            for (index, reason) in row.why_not.iter().enumerate() {
                let name = if index == 0 { "not safe" } else { "" };
                lines.extend(told(name, Meaning::Text, &format!("{} {reason}", glyphs.bad), width));
            }
        }
        lines.push(Vec::new());
        let folder = self.detail.as_ref().map(|detail| detail.source.as_str());
        let unread = world.store().is_some_and(|store| store.name == self.store && !store.source.ready());
        let here = match &row.source {
            Some(facts) => plain(much(facts, world)),
            None if unread => part(Meaning::Unknown, format!("{} the source cannot be read", glyphs.unknown)),
            None => dim("not on this computer"),
        };
        lines.extend(with_folder("here", vec![here], folder, width));
        lines.extend(imported(&row.imported, glyphs, width));
        lines
    }

    /// Each destination: what is there, and its last verification.
    fn copies(&self, row: &SessionRow, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        let store = world.store().filter(|store| store.name == self.store);
        for (index, copy) in row.copies.iter().enumerate() {
            let name = store.and_then(|store| store.destinations.get(index)).map_or("", |view| view.name.as_str());
            let mut line = vec![plain(format!("{name}  ")), words::copy(&copy.state, glyphs)];
            let said = match &copy.state {
                CopyState::Same => " every file, same sizes",
                CopyState::Alone => ": there is nothing here to compare it with",
                CopyState::None => ": nothing is there",
                CopyState::Differs => " from what is here in names or sizes",
                CopyState::Unknown { .. } => ": what is known of it is old",
            };
            line.push(plain(said));
            lines.push(fact(if index == 0 { "copies" } else { "" }, line));
            let there: Line = copy.facts.iter().map(|facts| plain(much(facts, world))).collect();
            let folder = self.detail.as_ref().and_then(|detail| detail.copies.get(index)).map(String::as_str);
            lines.extend(with_folder("", there, folder, width));
            lines.extend(verification(row, copy, world, glyphs, width));
        }
        lines
    }
}

/// Whether it was imported, with each thing that is missing.
fn imported(imported: &Imported, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let said = words::imported(imported, glyphs);
    match imported {
        Imported::Yes => vec![fact("imported", [said, plain(" every part of it was found")])],
        Imported::No { why, .. } => {
            let mut lines = vec![fact("imported", [said])];
            lines.extend(why.iter().flat_map(|why| told("", Meaning::Text, why, width)));
            lines
        }
        Imported::Unknown { why } => {
            let mut lines = vec![fact("imported", [said, plain(": neither yes nor no")])];
            lines.extend(told("", Meaning::Text, why, width));
            lines
        }
        Imported::NotAsked => vec![fact("imported", [dim("the fleet file names no way to know")])],
    }
}

/// The last verification of a copy, in full.
fn verification(row: &SessionRow, copy: &CopyView, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let Some(verified) = &copy.verified else { return vec![fact("", [dim("never verified")])] };
    let mut line = vec![plain("verified "), words::verified(row, copy, world.reference(), glyphs)];
    if !verified.ok {
        let when = format::ago(verified.at, world.reference());
        line.push(plain(format!(", by {} {when}", verified.level.word())));
    }
    line.push(dim(format!(" ({})", format::day_and_minute(verified.at, world.now, &world.zone))));
    line.extend(verified.read.iter().map(|read| dim(format!(", {read}"))));
    let mut lines = vec![fact("", line)];
    if !words::holds(verified, row, copy) {
        let text = "something was changed after it: it says nothing of what is there now";
        lines.extend(told("", Meaning::Warn, text, width));
    } else if verified.ok && verified.level == crate::session::view::Level::Content && !verified.from_storage {
        let text = "its bytes may have come from this computer's memory: that proves nothing of the disk there";
        lines.extend(told("", Meaning::Warn, text, width));
    }
    lines
}

/// What can be done next, and with which key.
fn next(row: &SessionRow, world: &World, keymap: &Keymap, width: usize) -> Vec<Line> {
    let trouble = world.store().is_some_and(|store| store.destinations.iter().any(|there| !there.state.ready()));
    let copied = row.copies.iter().all(|copy| matches!(copy.state, CopyState::Same | CopyState::Alone));
    let known = row.copies.iter().all(|copy| copy.verified.is_some());
    let proven = row
        .copies
        .iter()
        .all(|copy| copy.verified.as_ref().is_some_and(|verified| verified.ok && words::holds(verified, row, copy)));
    let (action, text) = if row.busy.is_some() {
        (None, "wait until what goes on with it is over")
    } else if trouble {
        (None, "mend what is wrong with the destination first; the pane says how")
    } else if row.source.is_none() {
        (None, "nothing lies here that could be copied or deleted")
    } else if row.safe {
        (Some(Action::Delete), "frees its room here, after checking all of this again")
    } else if !copied {
        (Some(Action::Sync), "copies what is missing or differs, and verifies it")
    } else if !known && row.source.is_some() {
        // A copy that came by other ways has no manifest yet, and without one nothing is deleted.
        (Some(Action::Sync), "verifies what is there by content and leaves its sums beside it")
    } else if !proven {
        (Some(Action::Verify), "compares the copies again")
    } else {
        (None, "what keeps it here is said above; copying does not mend it")
    };
    let action = action.filter(|_| !world.changes_nothing());
    let text = action.map_or_else(|| text.to_owned(), |action| format!("{}  {text}", key_words(keymap, action)));
    told("next", Meaning::Info, &text, width)
}
