//! What comes in: keys, pastes, the mouse, snapshots, answers, the time.

use std::sync::Arc;

use ratatui::crossterm::event::{KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{App, Effect, Reply};
use crate::clock::Timestamp;
use crate::console::action::Action;
use crate::console::keymap::{Key, Meant, written};
use crate::console::modal::{Outcome, Possible};
use crate::console::pane::{PaneId, key_words};
use crate::console::theme::Meaning;
use crate::engine::client::Link;
use crate::engine::command::{Accepted, Answer, Command, Query, Refusal};
use crate::engine::snapshot::Snapshot;
use crate::health::view::Health;
use crate::journal::entry::{Entry, Weight};

impl App {
    /// A key was pressed.
    pub fn key(&mut self, event: KeyEvent) {
        if event.kind == KeyEventKind::Release {
            return;
        }
        if let Some(mut modal) = self.modals.pop() {
            let outcome = modal.key(event, self.sight());
            self.settle_modal(modal, outcome);
        } else {
            self.pending.push(Key::of(event));
            match self.look.keymap.meant(&self.pending, &self.scopes()) {
                Meant::More => {}
                Meant::Call(invocation) => {
                    self.pending.clear();
                    self.call(&invocation);
                }
                Meant::Nothing => self.nothing(),
            }
        }
        self.settle();
    }

    /// A sequence that means nothing; Esc in the middle of one only ends it.
    fn nothing(&mut self) {
        let keys = std::mem::take(&mut self.pending);
        let escaped = keys.last().is_some_and(|key| key.is_escape());
        if keys.len() > 1 && !escaped {
            self.say(Meaning::Dim, format!("nothing is on {}", written(&keys)), None);
        }
    }

    fn settle_modal(&mut self, modal: Box<dyn crate::console::modal::Modal>, outcome: Outcome) {
        match outcome {
            Outcome::Stay => self.modals.push(modal),
            Outcome::StayAnd(invocation) => {
                // It lies there while this is done: whatever waits until nothing is asked goes on waiting.
                self.modals.push(modal);
                self.call(&invocation);
            }
            Outcome::Close => {}
            Outcome::CloseAnd(invocation) => self.call(&invocation),
            Outcome::Send(commands) => self.effects.extend(commands.into_iter().map(Effect::Send)),
            Outcome::Cancelled(said) => self.say(Meaning::Dim, said, None),
        }
    }

    /// Text was pasted: only what is being typed takes it.
    pub fn paste(&mut self, text: &str) {
        if let Some(mut modal) = self.modals.pop() {
            let outcome = modal.paste(text, self.sight());
            self.settle_modal(modal, outcome);
        }
        self.settle();
    }

    /// The mouse did something. Modals belong to the keys.
    pub fn mouse(&mut self, event: MouseEvent) {
        if !self.modals.is_empty() {
            return;
        }
        let action = match event.kind {
            MouseEventKind::ScrollDown => Action::Down,
            MouseEventKind::ScrollUp => Action::Up,
            MouseEventKind::Down(MouseButton::Left) => return self.click(Position::new(event.column, event.row)),
            _ => return,
        };
        self.call(&action.into());
    }

    /// A click selects, and opens what was selected already.
    fn click(&mut self, at: Position) {
        let Some((id, area)) = self.placed.iter().copied().find(|(_, area)| area.contains(at)) else { return };
        let before = (self.focus, self.list().position());
        self.focus = id;
        // Frame, lines about what is wrong, and heads of columns stand above the first row.
        if let Some(line) = at.y.checked_sub(area.y + 2 + self.lists[id as usize].above())
            && at.y + 1 < area.bottom()
        {
            let list = &mut self.lists[id as usize];
            let position = list.offset() + usize::from(line);
            if position < list.len() {
                list.select(id.pane(), &self.world, position);
                if before == (id, position) {
                    self.call(&Action::Open.into());
                }
            }
        }
        self.settle();
    }

    /// The time has gone on.
    pub fn tick(&mut self, now: Timestamp) {
        self.world.now = now;
        self.settle();
    }

    /// A newer picture has come.
    pub fn snapshot(&mut self, snapshot: Arc<Snapshot>) {
        // The numbers of another engine begin anew: nothing that was arranged by number holds.
        if snapshot.head.engine.started != self.world.newest.head.engine.started {
            self.lists.iter_mut().for_each(crate::console::list::ListState::disarrange);
            self.paged = None;
            self.world.sessions.forget_versions();
        }
        self.world.take(snapshot);
        if !self.focus.pane().exists(&self.world) {
            self.focus = PaneId::Hosts;
            self.pages.clear();
        }
        self.alarms();
        self.settle();
    }

    /// Tells the alarms that are new in the journal.
    fn alarms(&mut self) {
        let newest = Arc::clone(&self.world.newest);
        let journal = &newest.journal;
        let new: Vec<_> = journal
            .tail
            .iter()
            .filter(|entry| entry.seq > self.seen && entry.weight == Weight::Alarm)
            .map(Arc::clone)
            .collect();
        let over: Vec<_> = journal
            .tail
            .iter()
            .filter(|entry| entry.seq > self.seen)
            .filter_map(|entry| overdue(entry).map(ToOwned::to_owned))
            .collect();
        self.seen = journal.length;
        for host in &over {
            self.maintenance_over(host);
        }
        for entry in &new {
            let why = (!entry.why.is_empty()).then(|| entry.why.clone());
            self.say(Meaning::Bad, entry.what.clone(), why);
            if self.choices.announce {
                self.effects.push(Effect::Announce(format!("{}: {}", newest.head.fleet, entry.what)));
            }
        }
        if self.choices.bell && !(new.is_empty() && over.is_empty()) {
            self.effects.push(Effect::Bell);
        }
    }

    /// The time of a maintenance is over: nothing is started by that, the person is asked.
    fn maintenance_over(&mut self, host: &str) {
        let health = self.world.newest.host(host).map(|view| view.health).filter(|health| *health != Health::Up);
        let meaning = if health.is_some() { Meaning::Bad } else { Meaning::Warn };
        let now = health.map(|health| format!(", and it is {}", health.word())).unwrap_or_default();
        let text = format!("the maintenance of {host} is over{now}: is it done?");
        let hint = self.exists(Action::Maintain).then(|| {
            let key = key_words(&self.look.keymap, Action::Maintain);
            format!("{key} on {host} prolongs it")
        });
        if self.choices.announce {
            self.effects.push(Effect::Announce(format!("{}: {text}", self.world.newest.head.fleet)));
        }
        self.say(meaning, text, hint);
    }

    /// The engine was joined or lost.
    pub fn link(&mut self, link: Link) {
        match (&self.world.link, &link) {
            (Link::Joined, Link::Lost { why }) => self.say(Meaning::Bad, format!("engine gone: {why}"), None),
            (Link::Lost { .. }, Link::Joined) => self.say(Meaning::Good, "joined the engine again", None),
            _ => {}
        }
        self.world.link = link;
        self.paged = None;
        self.settle();
    }

    /// What the engine lets this person do may have changed.
    pub fn looks_only(&mut self, why: Option<String>) {
        if self.world.looks_only == why {
            return;
        }
        match &why {
            Some(why) => self.say(Meaning::Info, format!("you may only look: {why}"), None),
            None => self.say(Meaning::Good, "you may change things now", None),
        }
        self.world.looks_only = why;
        self.settle();
    }

    /// Something that was sent has come to its end.
    pub fn reply(&mut self, reply: Reply) {
        match reply {
            reply @ (Reply::Command(..) | Reply::Query(..)) if self.heard(&reply) => {}
            Reply::Command(command, Ok(accepted)) => {
                self.service_asked(&command, &accepted);
                let hint = self.where_to_read(&command, &accepted);
                self.say(Meaning::Good, accepted.said, hint);
            }
            Reply::Restart(Ok(())) => self.say(Meaning::Good, "an engine was started", None),
            Reply::Command(_, Err(Refusal { what, hint, .. })) | Reply::Restart(Err(Refusal { what, hint, .. })) => {
                self.say(Meaning::Bad, what, hint);
            }
            Reply::Query(Query::Sessions { ask }, answer) => self.take_sessions(&ask, answer),
            Reply::Query(Query::Journal { before: Some(_), .. }, answer) => match answer {
                Ok(Answer::Journal { entries, .. }) => {
                    if self.world.page_back(&entries) {
                        self.lists[PaneId::Journal as usize].disarrange();
                    }
                }
                Ok(_) => {}
                Err(Refusal { what, hint, .. }) => {
                    self.say(Meaning::Bad, format!("older entries of the journal cannot be read: {what}"), hint);
                }
            },
            Reply::Query(query, answer) => {
                for open in &mut self.pages {
                    open.page.answered(&query, &answer);
                }
            }
        }
        self.settle();
    }

    /// Whether a modal had sent this.
    fn heard(&mut self, reply: &Reply) -> bool {
        let world = &self.world;
        self.modals.iter_mut().any(|modal| modal.answered(reply, world))
    }

    /// Where the outcome of a dry run or a comparison is read.
    fn where_to_read(&self, command: &Command, accepted: &Accepted) -> Option<String> {
        let dry = matches!(
            command,
            Command::SessionSync { dry_run: true, .. } | Command::SessionDelete { dry_run: true, .. }
        );
        let found =
            matches!(command, Command::FeedCheck { .. } | Command::DumpVerify { .. } | Command::DumpDrill { .. });
        let job = accepted.job.filter(|_| dry || found)?;
        let what = if found { "what was found" } else { "what would be done" };
        Some(format!("{} on job {job} in Jobs reads {what}", key_words(&self.look.keymap, Action::Open)))
    }

    /// Files of the user's themes or keymaps have changed.
    pub fn files_changed(&mut self) {
        let (changed, refused) = self.look.reload();
        for text in changed {
            self.say(Meaning::Good, text, None);
        }
        for error in refused {
            self.say(Meaning::Bad, error.to_string(), Some("what was in force stays".into()));
        }
    }

    /// The terminal has said whether its background is light.
    pub fn background(&mut self, light: bool) {
        if let Err(error) = self.look.background(light) {
            self.say(Meaning::Bad, error.to_string(), None);
        }
    }
}

/// The host whose maintenance this entry ends because its time is over.
fn overdue(entry: &Entry) -> Option<&str> {
    let ended = entry.weight == Weight::Warning && entry.about.get("maintenance")? == false;
    entry.about.get("host")?.as_str().filter(|_| ended)
}
