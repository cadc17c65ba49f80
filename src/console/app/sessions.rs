//! The rows of sessions on their way here, the marks on them, and which sessions are meant.

use std::time::Duration;

use super::{App, Effect};
use crate::console::modal::Possible as _;
use crate::console::page::Open;
use crate::console::page::session::SessionPage;
use crate::console::pane::{PaneId, sessions};
use crate::console::theme::Meaning;
use crate::console::window::{Taken, Wish, key_of};
use crate::console::{action::Action, format};
use crate::engine::command::{Answer, Query, Refusal};
use crate::session::key::Key;
use crate::session::view::Ask;

const ID: PaneId = PaneId::Sessions;

impl App {
    /// What the person looks at among the sessions, where they do.
    fn session_wish(&self) -> Option<Wish> {
        let seen = self.focus == ID || self.placed.is_empty() || self.placed.iter().any(|(id, _)| *id == ID);
        let wish = sessions::wish(&self.world, &self.lists[ID as usize])?;
        (seen && self.world.unreachable().is_none()).then_some(wish)
    }

    /// Asks for the rows that are wanted and not here.
    pub(super) fn supply_sessions(&mut self) {
        let Some(wish) = self.session_wish() else { return };
        if let Some(ask) = self.world.sessions.next(&wish, self.world.now) {
            self.effects.push(Effect::Ask(Query::Sessions { ask: Box::new(ask) }));
        }
    }

    /// How long until rows may have to be asked for again by themselves.
    pub(super) fn sessions_due(&self) -> Option<Duration> {
        self.world.sessions.due(&self.session_wish()?, self.world.now)
    }

    /// Rows have come, or not.
    pub(super) fn take_sessions(&mut self, ask: &Ask, answer: Result<Answer, Refusal>) {
        let answer = match answer {
            Ok(Answer::Sessions { rows }) => Ok(rows),
            Ok(_) => return,
            Err(refusal) => Err(refusal.what),
        };
        if let Taken::All(keys) = self.world.sessions.take(ask, answer, self.world.now) {
            let text = format!("{} sessions marked", format::count(keys.len() as u64));
            self.lists[ID as usize].marks = keys;
            self.say(Meaning::Info, text, None);
        }
    }

    /// Marks the selected row, or takes its mark away.
    pub(super) fn mark(&mut self) {
        let list = &mut self.lists[self.focus as usize];
        if let Some(row) = list.current().filter(|_| self.focus == ID) {
            self.world.sessions.remember(row);
        }
        list.toggle_mark(self.focus.pane(), &self.world);
    }

    /// Marks every row that matches, or takes all marks away.
    pub(super) fn mark_all(&mut self) {
        if !self.list().marks.is_empty() || self.world.sessions.gathering().is_some() && self.focus == ID {
            return self.take_marks_away();
        }
        if self.focus != ID {
            return self.lists[self.focus as usize].toggle_all(self.focus.pane(), &self.world);
        }
        let Some(wish) = sessions::wish(&self.world, &self.lists[ID as usize]) else { return };
        match self.world.sessions.gather(&wish.ask) {
            Some(keys) => self.list().marks = keys,
            None => self.say(Meaning::Info, "marking all that match…", None),
        }
    }

    pub(super) fn take_marks_away(&mut self) {
        self.list().marks.clear();
        if self.focus == ID {
            self.world.sessions.stop_gathering();
            self.world.sessions.forget_marks();
        }
    }

    /// The page of the session in this row, where it is here.
    pub(super) fn session_page(&self, row: usize) -> Option<Open> {
        let store = self.world.store()?.name.clone();
        let row = self.world.sessions.row(row)?;
        Some(Open::new(SessionPage::new(store, row.clone())))
    }

    /// The sessions that actions apply to: that of the page, the marked ones, or the selected one.
    pub fn session_targets(&self) -> Vec<Key> {
        if let Some(open) = self.pages.last() {
            return open.page.session().cloned().into_iter().collect();
        }
        let list = &self.lists[ID as usize];
        if !list.marks.is_empty() {
            return list.marks.iter().filter_map(|mark| key_of(mark)).collect();
        }
        let row = list.current().filter(|_| self.focus == ID);
        row.and_then(|row| self.world.sessions.row(row)).map(|row| row.key.clone()).into_iter().collect()
    }

    /// Why there is no session to act on.
    pub(super) fn no_session(&self) -> Option<String> {
        let list = &self.lists[ID as usize];
        let here = |row| self.world.sessions.row(row).is_some();
        let some = if let Some(open) = self.pages.last() {
            open.page.session().is_some()
        } else {
            !list.marks.is_empty() || self.focus == ID && list.current().is_some_and(here)
        };
        (!some).then(|| "no session is selected".into())
    }

    /// The sessions that are here, as an argument names them.
    pub(super) fn session_names(&self) -> Vec<String> {
        let rows = self.world.sessions.rows();
        rows.iter().map(|row| format!("{} {}", row.key.participant, row.key.day())).collect()
    }

    /// Where the store whose sessions are here was taken out of the fleet file, another one is shown: the rows, the marks
    /// and the page of a session mean nothing in that one.
    pub(super) fn follow_store(&mut self) {
        let Some(shown) = self.world.store().map(|store| store.name.clone()) else { return };
        if self.store.as_ref() == Some(&shown) {
            return;
        }
        let Some(before) = self.store.replace(shown.clone()) else { return };
        if self.world.shown.stores.iter().any(|store| store.name == before) {
            // Another one is the first now: whose sessions are looked at stays.
            self.world.sessions.store = Some(before.clone());
            self.store = Some(before);
            return;
        }
        let list = &mut self.lists[ID as usize];
        let marks = list.marks.len();
        list.begin_anew();
        self.world.sessions.choose(shown.clone());
        self.pages.retain(|open| open.page.session().is_none());
        let hint = (marks > 0).then(|| format!("{} taken away", format::several(marks, "mark")));
        self.say(Meaning::Warn, format!("{before} is not in the fleet file any more: sessions of {shown}"), hint);
    }

    /// Shows the sessions of another store.
    pub(super) fn choose_store(&mut self, name: &str) {
        if !self.exists(Action::ChooseStore) || !self.world.shown.stores.iter().any(|store| store.name == name) {
            return self.say(Meaning::Warn, format!("the fleet file has no store `{name}`"), None);
        }
        if self.world.store().is_some_and(|store| store.name == name) {
            return;
        }
        let list = &mut self.lists[ID as usize];
        let marks = list.marks.len();
        list.begin_anew();
        self.world.sessions.choose(name.to_owned());
        self.store = Some(name.to_owned());
        self.pages.clear();
        self.focus = ID;
        let hint = (marks > 0).then(|| format!("{} taken away", format::several(marks, "mark")));
        self.say(Meaning::Info, format!("sessions of {name}"), hint);
    }
}
