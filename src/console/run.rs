//! The loop: waits for whatever comes first, lets the state take it, draws, does what the state wants done.

use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::Event;
use tokio::sync::{mpsc, watch};

use super::app::{App, Effect, Reply};
use super::library::Library;
use super::look::Look;
use super::pace::Pace;
use super::shell::{self, Manner, Work};
use super::signals::{Called, Signals};
use super::terminal::background::{Sieve, Sifted};
use super::terminal::line::{Keys, Line};
use super::terminal::{Terminal, crash};
use super::theme::Meaning;
use super::watch::FolderWatch;
use super::watchdog::Watchdog;
use super::window::Window;
use super::world::World;
use super::{ConsoleEnd, ConsoleError, ConsoleOptions, draw};
use crate::clock::Clock;
use crate::engine::client::{Client, Link};

/// Answers of the terminal about its background and of the engine about rows are waited for so long before the first
/// frame, and the rest of a broken one of the terminal after it.
const ANSWER: Duration = Duration::from_millis(30);

/// Opens the console on the terminal and returns when it is left. The terminal is as it was, whatever happens.
pub async fn run(client: Arc<dyn Client>, options: ConsoleOptions) -> Result<ConsoleEnd, ConsoleError> {
    let library = Library { folder: options.config.clone() };
    let (look, told) = Look::new(library, &options.theme, &options.keymap, options.depth, options.ascii)?;
    let snapshots = client.snapshots();
    let link = client.link();
    let shown = snapshots.borrow().clone();
    let world = World {
        newest: Arc::clone(&shown),
        shown,
        link: link.borrow().clone(),
        now: options.clock.now(),
        zone: options.zone.clone(),
        frozen: None,
        sessions: Window::default(),
        read_only: options.read_only,
        looks_only: None,
        engine_stays: options.engine_stays,
        guide: options.guide.borrow().clone(),
    };
    let mut app = App::new(world, look, options.choices, has_shell());
    for error in told {
        app.say(Meaning::Bad, error.to_string(), Some("the default is used".into()));
    }
    app.looks_only(client.looks_only());
    let signals = Signals::begin()?;
    let tty = Line::open()?;
    let watchdog = Some(Watchdog::begin(tty.clone())?);
    let watch = FolderWatch::begin(options.config.as_deref());
    // Dropped in this order, when it ends and when it crashes: the terminal is given back, then what happened is said.
    let _watch = crash::Watch::begin(options.crashes.clone(), options.clock.clone());
    let terminal = Terminal::take()?;
    let (replies, inbox) = mpsc::channel(16);
    let mut console = Console {
        app,
        terminal,
        client,
        clock: options.clock,
        pace: Pace::default(),
        replies,
        sieve: Sieve::default(),
        work: None,
    };
    console.terminal.set_mouse(options.choices.mouse)?;
    console
        .begin_and_live(Sources { snapshots, link, guide: options.guide, inbox, signals, watch, line: tty, watchdog })
        .await
}

/// Whether this process was started by a shell that can continue it: then it is not the first of its session.
fn has_shell() -> bool {
    // rustix takes the answer for a process; it is 0 where the session began outside of this pid namespace.
    nix::unistd::getsid(None).is_ok_and(|session| session != nix::unistd::getpid())
}

struct Console {
    app: App,
    terminal: Terminal,
    client: Arc<dyn Client>,
    clock: Clock,
    pace: Pace,
    replies: mpsc::Sender<Reply>,
    sieve: Sieve,
    /// A shell that is to have the terminal.
    work: Option<Work>,
}

/// All that the loop waits for, beside the keys.
struct Sources {
    snapshots: watch::Receiver<Arc<crate::engine::snapshot::Snapshot>>,
    link: watch::Receiver<Link>,
    guide: watch::Receiver<String>,
    inbox: mpsc::Receiver<Reply>,
    signals: Signals,
    watch: FolderWatch,
    line: Line,
    watchdog: Option<Watchdog>,
}

/// Whether the loop goes on.
type Ended = Option<ConsoleEnd>;

impl Console {
    /// Lives until it is left. A terminal that goes away while it is written to is one that hung up.
    async fn begin_and_live(&mut self, sources: Sources) -> Result<ConsoleEnd, ConsoleError> {
        let line = sources.line.clone();
        match self.begin(sources).await {
            Err(ConsoleError::Terminal(_)) if line.is_gone() => Ok(ConsoleEnd::HungUp),
            ended => ended,
        }
    }

    async fn begin(&mut self, mut sources: Sources) -> Result<ConsoleEnd, ConsoleError> {
        let mut keys = Keys::on(sources.line.clone());
        // What is to be seen is asked for before the first frame, so that it comes with it.
        let asks = self.app.asks();
        self.effects()?;
        if self.app.look.follows_background() {
            self.terminal.ask_background()?;
            let first = tokio::time::timeout(ANSWER, async {
                while let Some(event) = keys.next().await {
                    if self.take(event) {
                        break;
                    }
                }
            });
            // Without an answer in time the first frame is dark; a late answer still changes it.
            let _answered = first.await;
        }
        if asks && let Ok(Some(reply)) = tokio::time::timeout(ANSWER, sources.inbox.recv()).await {
            self.app.reply(reply);
        }
        self.draw()?;
        loop {
            if let Some(end) = self.live(&mut keys, &mut sources).await? {
                return Ok(end);
            }
            if let Some(work) = self.work.take() {
                keys = self.lend(work, keys, &mut sources).await?;
            }
        }
    }

    /// Waits for one thing, takes it, draws if it is time.
    async fn live(&mut self, keys: &mut Keys, sources: &mut Sources) -> Result<Ended, ConsoleError> {
        let tick = self.pace.wait(self.clock.tick(), self.app.lasts());
        let wait = if self.sieve.holds() { tick.min(ANSWER) } else { tick };
        tokio::select! {
            biased;
            event = keys.next() => {
                let Some(event) = event else { return Ok(Some(ConsoleEnd::HungUp)) };
                self.take(event);
                while let Some(event) = keys.at_once().await {
                    self.take(event);
                }
                self.pace.key();
            }
            called = sources.signals.next() => match called {
                Called::End(end) => return Ok(Some(end)),
                Called::Stop => self.suspend()?,
                Called::GoOn => self.terminal.forget(),
            },
            () = sources.line.gone() => return Ok(Some(ConsoleEnd::HungUp)),
            Some(reply) = sources.inbox.recv() => {
                self.app.reply(reply);
                // Whoever pressed a key waits for this.
                self.pace.key();
            }
            Ok(()) = sources.link.changed() => {
                let link = sources.link.borrow_and_update().clone();
                let joined = link == Link::Joined;
                self.app.link(link);
                if joined {
                    self.app.looks_only(self.client.looks_only());
                }
            }
            Ok(()) = sources.snapshots.changed() => {
                let snapshot = sources.snapshots.borrow_and_update().clone();
                self.app.snapshot(snapshot);
            }
            Ok(()) = sources.guide.changed() => self.app.world.guide.clone_from(&sources.guide.borrow_and_update()),
            () = sources.watch.changed() => self.app.files_changed(),
            () = tokio::time::sleep(wait) => {
                for event in self.sieve.release() {
                    self.input(event);
                }
            }
        }
        self.pace.dirty = true;
        self.app.tick(self.clock.now());
        let ended = self.effects()?;
        if ended.is_none() && self.pace.due(self.clock.tick()) {
            self.draw()?;
        }
        Ok(ended)
    }

    /// Takes an event of the terminal. Returns whether it was the answer about the background.
    fn take(&mut self, event: Event) -> bool {
        match self.sieve.sift(event) {
            Sifted::Events(events) => events.into_iter().for_each(|event| self.input(event)),
            Sifted::Background { light } => {
                self.app.background(light);
                return true;
            }
            Sifted::Held => {}
        }
        false
    }

    fn input(&mut self, event: Event) {
        match event {
            Event::Key(key) => self.app.key(key),
            Event::Paste(text) => self.app.paste(&text),
            Event::Mouse(mouse) => self.app.mouse(mouse),
            Event::Resize(..) | Event::FocusGained | Event::FocusLost => {}
        }
    }

    fn draw(&mut self) -> Result<(), ConsoleError> {
        let mut frame = Buffer::empty(Terminal::size());
        let cursor = draw::screen(&mut self.app, &mut frame);
        let title = draw::bars::terminal_title(&self.app);
        self.terminal.draw(frame, cursor, &title)?;
        self.pace.drawn(self.clock.tick());
        Ok(())
    }

    /// Does what the state wants done.
    fn effects(&mut self) -> Result<Ended, ConsoleError> {
        for effect in self.app.effects() {
            match effect {
                Effect::Send(command) => {
                    let sent = self.client.command(command.clone());
                    self.reply_with(async { Reply::Command(command, sent.await) });
                }
                Effect::Ask(query) => {
                    let asked = self.client.query(query.clone());
                    self.reply_with(async { Reply::Query(query, asked.await) });
                }
                Effect::Restart => {
                    let started = self.client.restart();
                    self.reply_with(async { Reply::Restart(started.await) });
                }
                Effect::Copy(text) => self.terminal.copy(&text)?,
                Effect::Bell => self.terminal.bell()?,
                Effect::Announce(text) => self.terminal.announce(&text)?,
                Effect::Mouse(on) => self.terminal.set_mouse(on)?,
                Effect::Redraw => self.terminal.forget(),
                Effect::Suspend => self.suspend()?,
                Effect::Shell(work) => self.work = Some(work),
                Effect::Quit => return Ok(Some(ConsoleEnd::Quit)),
            }
        }
        Ok(None)
    }

    fn reply_with(&self, reply: impl Future<Output = Reply> + Send + 'static) {
        let replies = self.replies.clone();
        tokio::spawn(async move {
            // A console that has ended reads no replies.
            let _ended = replies.send(reply.await).await;
        });
    }

    /// Lends the terminal to the operator's shell on a host, and takes it again when that ends.
    async fn lend(&mut self, work: Work, keys: Keys, sources: &mut Sources) -> Result<Keys, ConsoleError> {
        // Nobody may read what is typed there, or take a Ctrl-C of it for an end of this.
        drop(keys);
        sources.watchdog = None;
        self.terminal.give_back()?;
        shell::introduce(&work.words);
        let manner = Manner { terminal: true, ..Manner::default() };
        let worked = shell::work(self.client.as_ref(), &work, manner, &self.clock).await;
        let told_to_end = worked.as_ref().is_ok_and(|worked| worked.interrupted);
        if !told_to_end {
            sources.signals = Signals::begin()?;
        }
        sources.watchdog = Some(Watchdog::begin(sources.line.clone())?);
        self.terminal.resume()?;
        self.app.tick(self.clock.now());
        self.app.worked(&work, worked.map_err(|error| error.to_string()));
        self.effects()?;
        Ok(Keys::on(sources.line.clone()))
    }

    /// Goes back to the shell until it continues this process.
    fn suspend(&mut self) -> Result<(), ConsoleError> {
        self.terminal.give_back()?;
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP).map_err(std::io::Error::from)?;
        self.terminal.resume()?;
        Ok(())
    }
}
