//! A console without a terminal: keys in, pictures and effects out.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses its own part")]

use std::sync::Arc;

use hotspare::clock::Timestamp;
use hotspare::console::app::{App, Choices, Effect, Reply};
use hotspare::console::draw;
use hotspare::console::keymap::Key;
use hotspare::console::library::Library;
use hotspare::console::look::Look;
use hotspare::console::theme::color::Depth;
use hotspare::console::window::Window;
use hotspare::console::world::World;
use hotspare::engine::client::Link;
use hotspare::engine::command::{Command, Query};
use hotspare::engine::snapshot::Snapshot;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use crate::fixture::recordings::Recordings;
use crate::fixture::{self, FakeClient};

/// A console over a fake engine.
pub struct Stage {
    pub app: App,
    pub client: Arc<FakeClient>,
    /// Effects that no engine answers.
    pub effects: Vec<Effect>,
    /// Queries that wait for an answer, while answers are held.
    pub waiting: Vec<Query>,
    /// Answers do not come by themselves.
    pub held: bool,
    /// Commands are not answered.
    pub mute: bool,
    size: (u16, u16),
}

impl Stage {
    pub fn new(snapshot: Snapshot) -> Self {
        Self::with(snapshot, "dark", "default", false)
    }

    /// A fleet with stores of sessions.
    pub fn of((snapshot, recordings): (Snapshot, Vec<Recordings>)) -> Self {
        Self::over(FakeClient::with(snapshot, recordings), "dark", "default", false)
    }

    /// A fleet with a pool in one of its states.
    pub fn pools(scene: &str) -> Self {
        Self::over(fixture::pools::client(scene, fixture::noon()), "dark", "default", false)
    }

    /// A fleet with feeds in some of their states.
    pub fn feeds(scene: &str) -> Self {
        Self::over(fixture::feeds::client(scene, fixture::noon()), "dark", "default", false)
    }

    pub fn dumps(scene: &str) -> Self {
        Self::over(fixture::dumps::client(scene, fixture::noon()), "dark", "default", false)
    }

    pub fn with(snapshot: Snapshot, theme: &str, keymap: &str, read_only: bool) -> Self {
        Self::over(FakeClient::new(snapshot), theme, keymap, read_only)
    }

    pub fn over(client: Arc<FakeClient>, theme: &str, keymap: &str, read_only: bool) -> Self {
        let shown = client.snapshots.borrow().clone();
        let (look, told) = Look::new(Library::default(), theme, keymap, Depth::True, false).expect("built in");
        assert!(told.is_empty(), "{told:?}");
        let world = World {
            newest: Arc::clone(&shown),
            shown,
            link: Link::Joined,
            now: fixture::noon(),
            zone: TimeZone::UTC,
            frozen: None,
            sessions: Window::default(),
            read_only,
            looks_only: None,
            engine_stays: true,
            guide: String::new(),
        };
        let mut stage = Self {
            app: App::new(world, look, Choices::default(), true),
            client,
            effects: Vec::new(),
            waiting: Vec::new(),
            held: false,
            mute: false,
            size: (120, 36),
        };
        stage.settle();
        stage
    }

    pub fn ascii(snapshot: Snapshot) -> Self {
        Self::ascii_over(FakeClient::new(snapshot))
    }

    pub fn ascii_over(client: Arc<FakeClient>) -> Self {
        let mut stage = Self::over(client, "dark", "default", false);
        stage.app.look = Look::new(Library::default(), "dark", "default", Depth::True, true).expect("built in").0;
        stage
    }

    pub fn sized(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    pub fn lost(mut self) -> Self {
        self.app.link(Link::Lost { why: "its socket was closed".into() });
        self.later(60);
        self
    }

    /// Presses keys, as a keymap writes them; `text:…` types letters.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        if let Some(text) = keys.strip_prefix("text:") {
            for letter in text.chars() {
                self.key(KeyCode::Char(letter), KeyModifiers::NONE);
            }
            return self;
        }
        for key in keys.split_whitespace() {
            Key::parse(key).expect("a key");
            let (code, modifiers) = event_of(key);
            self.key(code, modifiers);
        }
        self
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        // As in the loop: a picture lies between two keys.
        self.buffer();
        self.app.key(KeyEvent::new(code, modifiers));
        self.settle();
    }

    pub fn event(&mut self, event: Event) {
        self.buffer();
        match event {
            Event::Mouse(mouse) => self.app.mouse(mouse),
            Event::Paste(text) => self.app.paste(&text),
            _ => {}
        }
        self.settle();
    }

    /// Lets the fake engine answer, as the loop does.
    pub fn settle(&mut self) {
        loop {
            let effects = self.app.effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match &effect {
                    Effect::Ask(query) if self.held => self.waiting.push(query.clone()),
                    Effect::Ask(query) => {
                        let answer = self.client.answer(query);
                        self.app.reply(Reply::Query(query.clone(), Ok(answer)));
                    }
                    Effect::Send(command) => {
                        let command = command.clone();
                        if takes_a_job(&command) && !self.mute {
                            let answer = self.client.obey(&command);
                            self.app.reply(Reply::Command(command, answer));
                            self.refresh();
                        }
                        self.effects.push(effect);
                    }
                    _ => self.effects.push(effect),
                }
            }
        }
    }

    /// Takes the newest picture of the fake engine.
    pub fn refresh(&mut self) {
        let newest = self.client.snapshots.borrow().clone();
        if newest.seq != self.app.world.newest.seq {
            self.app.snapshot(newest);
        }
    }

    /// Lets the answers come that were held, the oldest first.
    pub fn release(&mut self) {
        self.held = false;
        for query in std::mem::take(&mut self.waiting) {
            let answer = self.client.answer(&query);
            self.app.reply(Reply::Query(query, Ok(answer)));
        }
        self.settle();
    }

    /// The commands that were sent since this was last asked.
    pub fn sent(&mut self) -> Vec<Command> {
        let effects = std::mem::take(&mut self.effects);
        effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Send(command) => Some(command),
                _ => None,
            })
            .collect()
    }

    pub fn later(&mut self, seconds: i64) -> &mut Self {
        let now = Timestamp::from_second(self.app.world.now.as_second() + seconds).expect("in range");
        self.app.tick(now);
        self.settle();
        self
    }

    pub fn buffer(&mut self) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        draw::screen(&mut self.app, &mut buffer);
        buffer
    }

    /// The screen as text.
    pub fn text(&mut self) -> String {
        text_of(&self.buffer())
    }
}

fn takes_a_job(command: &Command) -> bool {
    matches!(
        command,
        Command::SessionSync { .. }
            | Command::SessionVerify { .. }
            | Command::SessionDelete { .. }
            | Command::SessionLimit { .. }
            | Command::Hold { .. }
            | Command::FeedRun { .. }
            | Command::FeedCheck { .. }
            | Command::FeedPrepare { .. }
            | Command::FeedReset { .. }
            | Command::DumpNow { .. }
            | Command::DumpVerify { .. }
            | Command::DumpDrill { .. }
            | Command::DumpRestore { .. }
            | Command::DumpEject { .. }
            | Command::ServiceHold { .. }
            | Command::ServiceRelease { .. }
            | Command::ServiceStop { .. }
            | Command::ServiceForce { .. }
            | Command::Run { .. }
            | Command::PoolTakeover { .. }
            | Command::PoolGiveback { .. }
            | Command::PoolDrill { .. }
            | Command::PoolResume { .. }
            | Command::PoolAbandon { .. }
    )
}

pub fn text_of(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let lines: Vec<String> = buffer
        .content
        .chunks(width)
        .map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// The event that a terminal sends for a key.
fn event_of(key: &str) -> (KeyCode, KeyModifiers) {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = key;
    for (prefix, modifier) in
        [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT), ("shift-", KeyModifiers::SHIFT)]
    {
        if let Some(short) = rest.strip_prefix(prefix).filter(|short| !short.is_empty()) {
            rest = short;
            modifiers |= modifier;
        }
    }
    let code = match rest {
        "enter" => KeyCode::Enter,
        "tab" => KeyCode::Tab,
        "esc" => KeyCode::Esc,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "page-up" => KeyCode::PageUp,
        "page-down" => KeyCode::PageDown,
        _ => match rest.strip_prefix('f').and_then(|number| number.parse().ok()) {
            Some(number) => KeyCode::F(number),
            None => KeyCode::Char(rest.chars().next().expect("a letter")),
        },
    };
    (code, modifiers)
}
