//! The state of the console: where the person is looking, and what is asked of them.
//!
//! Events come in, effects go out, and a frame can be drawn at any time. Nothing here waits, writes or knows the time.

mod dumps;
mod events;
mod feeds;
mod perform;
mod pools;
mod possible;
mod recordings;
mod runs;
mod services;
mod sessions;
mod wishes;

use std::time::Duration;

use super::action::{Invocation, Scope};
use super::keymap::Key;
use super::list::ListState;
use super::look::Look;
use super::modal::{Modal, Sight, Want};
use super::page::Open;
use super::pane::PaneId;
use super::shell::Work;
use super::theme::Meaning;
use super::toasts::{Toast, Toasts};
use super::world::World;
use crate::engine::command::{Accepted, Answer, Command, Query, Refusal};

/// Something to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask the engine to change something.
    Send(Command),
    /// Ask the engine for something to see.
    Ask(Query),
    /// Start an engine and join it.
    Restart,
    /// Put this into the terminal's clipboard.
    Copy(String),
    /// Ring the terminal's bell.
    Bell,
    /// Tell the desktop through the terminal.
    Announce(String),
    /// Give the mouse to the console, or back.
    Mouse(bool),
    /// Draw everything again.
    Redraw,
    /// Go back to the shell for a while.
    Suspend,
    /// Give the terminal to the operator's shell on the host of a service that is held.
    Shell(Work),
    /// End the console.
    Quit,
}

impl From<Want> for Effect {
    fn from(want: Want) -> Self {
        match want {
            Want::Send(command) => Self::Send(command),
            Want::Ask(query) => Self::Ask(query),
        }
    }
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To [`Effect::Send`].
    Command(Command, Result<Accepted, Refusal>),
    /// To [`Effect::Ask`].
    Query(Query, Result<Answer, Refusal>),
    /// To [`Effect::Restart`].
    Restart(Result<(), Refusal>),
}

/// What a person may like or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choices {
    /// The mouse works here.
    pub mouse: bool,
    /// An alarm rings the bell.
    pub bell: bool,
    /// An alarm is told to the desktop.
    pub announce: bool,
}

/// How many entries of the journal are asked for at once.
const JOURNAL_PAGE: u32 = 500;

/// The console.
#[derive(Debug)]
pub struct App {
    /// What is drawn.
    pub world: World,
    /// What it looks like.
    pub look: Look,
    /// The pane that has the keys.
    pub focus: PaneId,
    /// It has the whole screen.
    pub zoomed: bool,
    /// One a pane.
    pub lists: [ListState; PaneId::ALL.len()],
    /// Pages, one opened from the other.
    pub pages: Vec<Open>,
    /// Questions on top.
    pub modals: Vec<Box<dyn Modal>>,
    /// Messages.
    pub toasts: Toasts,
    /// Likes.
    pub choices: Choices,
    /// Keys of a sequence that is not finished.
    pub pending: Vec<Key>,
    /// Where the panes were in the last frame, for the mouse.
    pub placed: Vec<(PaneId, ratatui::layout::Rect)>,
    /// Whether this process can be stopped and continued: it was started from a shell with job control.
    pub can_suspend: bool,
    effects: Vec<Effect>,
    /// The newest entry of the journal that was looked at for alarms.
    seen: u64,
    /// Entries of the journal before this one were asked for.
    paged: Option<u64>,
    /// The store whose sessions are here.
    store: Option<String>,
    /// A hold that was asked for here, until its shell has the terminal.
    asked: Option<services::Asked>,
}

impl App {
    /// A console over this world.
    pub fn new(world: World, look: Look, choices: Choices, can_suspend: bool) -> Self {
        let seen = world.shown.journal.length;
        let mut app = Self {
            world,
            look,
            focus: PaneId::Hosts,
            zoomed: false,
            lists: Default::default(),
            pages: Vec::new(),
            modals: Vec::new(),
            toasts: Toasts::default(),
            choices,
            pending: Vec::new(),
            placed: Vec::new(),
            can_suspend,
            effects: Vec::new(),
            seen,
            paged: None,
            store: None,
            asked: None,
        };
        app.settle();
        app
    }

    /// What is to be done outside since the last time.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether something to see is to be asked for.
    pub fn asks(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Ask(_)))
    }

    /// The scopes of keys in force, the closest first.
    pub fn scopes(&self) -> Vec<Scope> {
        let own = match self.pages.last() {
            Some(open) => open.page.scope(),
            None if self.on_a_dump() => Some(Scope::Dumps),
            None => self.focus.pane().scope(),
        };
        let pools = PaneId::Pools.pane().exists(&self.world).then_some(Scope::Pools);
        let runs = self.has_runs().then_some(Scope::Runs);
        own.into_iter().chain(pools).chain(runs).chain([Scope::List, Scope::Anywhere]).collect()
    }

    /// What a modal sees.
    pub fn sight(&self) -> Sight<'_> {
        Sight { world: &self.world, look: &self.look, actions: self }
    }

    /// The list of the pane that has the keys.
    pub fn list(&mut self) -> &mut ListState {
        &mut self.lists[self.focus as usize]
    }

    /// How long this picture stays true by itself: until an age on the screen changes.
    pub fn lasts(&self) -> Duration {
        let now = self.world.now;
        let to_minute = 60 - now.as_second().rem_euclid(60);
        let young = |then: crate::clock::Timestamp| (0..60).contains(&(now.as_second() - then.as_second()));
        let shown = &self.world.shown;
        let moving = self.world.reference() == now
            && (shown.hosts.iter().any(|host| young(host.since))
                || shown.jobs.iter().any(|job| job.ended.is_some_and(young)));
        let each_second = moving || self.toasts.live(now).is_some() || !self.pages.is_empty();
        let lasts = Duration::from_secs(if each_second { 1 } else { u64::try_from(to_minute).unwrap_or(1) });
        self.sessions_due().map_or(lasts, |due| due.min(lasts))
    }

    /// Says something in the line of messages.
    pub fn say(&mut self, meaning: Meaning, text: impl Into<String>, hint: Option<String>) {
        self.toasts.add(Toast { at: self.world.now, meaning, text: text.into(), hint });
    }

    /// After any event: rows in order, pages supplied.
    fn settle(&mut self) {
        self.follow_store();
        for id in PaneId::ALL {
            self.lists[id as usize].arrange(id.pane(), &self.world);
        }
        self.page_journal();
        self.open_shell();
        self.supply_sessions();
        for open in &mut self.pages {
            self.effects.extend(open.page.wants(&self.world).map(Effect::Ask));
        }
        for modal in &mut self.modals {
            self.effects.extend(modal.wants(&self.world).map(Effect::from));
        }
    }

    /// Asks for older entries of the journal where the oldest one is reached, or a filter hides those that are here.
    fn page_journal(&mut self) {
        let list = &self.lists[PaneId::Journal as usize];
        let moved = list.position() > 0 || list.reversed;
        let reached = if moved { list.at_far_end() } else { !list.filter.is_empty() && list.len() < 2 };
        let looking = self.focus == PaneId::Journal && self.pages.is_empty() && self.world.unreachable().is_none();
        let Some(before) = self.world.oldest_entry().filter(|_| reached && looking) else { return };
        if self.paged != Some(before) {
            self.paged = Some(before);
            self.effects.push(Effect::Ask(Query::Journal { since: None, before: Some(before), limit: JOURNAL_PAGE }));
        }
    }

    /// Does what was called, or says why not.
    pub fn call(&mut self, invocation: &Invocation) {
        use super::modal::Possible;
        if !self.exists(invocation.action) {
            return;
        }
        match self.why_not(invocation) {
            Some(why) => {
                let text = format!("{} cannot be done now: {why}", invocation.action.spec().id);
                self.say(Meaning::Warn, text, None);
            }
            None => self.perform(invocation),
        }
        self.settle();
    }
}
