//! The loop: waits for whatever comes first, lets the state take it, draws, does what the state wants done.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, EventStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::app::{App, Effect, Reply};
use super::library::Library;
use super::look::Look;
use super::terminal::background::{Sieve, Sifted};
use super::terminal::{Terminal, crash};
use super::theme::Meaning;
use super::watch::FolderWatch;
use super::world::World;
use super::{ConsoleEnd, ConsoleError, ConsoleOptions, draw};
use crate::clock::{Clock, Tick};
use crate::engine::client::{Client, Link};

/// Twenty frames a second at most, and never two within this time unless a key asked for the second.
const FRAME: Duration = Duration::from_millis(50);
/// The answer about the background is waited for so long before the first frame, and the rest of a broken one after it.
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
        read_only: options.read_only,
        engine_stays: options.engine_stays,
    };
    let mut app = App::new(world, look, options.choices, has_shell());
    for error in told {
        app.say(Meaning::Bad, error.to_string(), Some("the default is used".into()));
    }
    let signals = Signals::begin()?;
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
    };
    console.terminal.set_mouse(options.choices.mouse)?;
    console.begin_and_live(Sources { snapshots, link, inbox, signals, watch }).await
}

/// Whether this process was started by a shell that can continue it: then it is not the first of its session.
fn has_shell() -> bool {
    rustix::process::getsid(None).is_ok_and(|session| session != rustix::process::getpid())
}

struct Console {
    app: App,
    terminal: Terminal,
    client: Arc<dyn Client>,
    clock: Clock,
    pace: Pace,
    replies: mpsc::Sender<Reply>,
    sieve: Sieve,
}

/// All that the loop waits for, beside the keys.
struct Sources {
    snapshots: watch::Receiver<Arc<crate::engine::snapshot::Snapshot>>,
    link: watch::Receiver<Link>,
    inbox: mpsc::Receiver<Reply>,
    signals: Signals,
    watch: FolderWatch,
}

struct Signals {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
    stop: Signal,
    go_on: Signal,
}

impl Signals {
    fn begin() -> std::io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            go_on: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    async fn next(&mut self) -> Called {
        tokio::select! {
            _ = self.hang_up.recv() => Called::End(ConsoleEnd::HungUp),
            _ = self.terminate.recv() => Called::End(ConsoleEnd::Terminated),
            _ = self.interrupt.recv() => Called::End(ConsoleEnd::Terminated),
            _ = self.stop.recv() => Called::Stop,
            _ = self.go_on.recv() => Called::GoOn,
        }
    }
}

/// What is there already. Asked with the waker of this task: the stream keeps only one, and another would lose keys.
async fn at_once(keys: &mut EventStream) -> Option<Option<std::io::Result<Event>>> {
    std::future::poll_fn(|context| {
        Poll::Ready(match keys.poll_next_unpin(context) {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        })
    })
    .await
}

enum Called {
    End(ConsoleEnd),
    Stop,
    GoOn,
}

/// Whether the loop goes on.
type Ended = Option<ConsoleEnd>;

impl Console {
    async fn begin_and_live(&mut self, mut sources: Sources) -> Result<ConsoleEnd, ConsoleError> {
        let mut keys = EventStream::new();
        if self.app.look.follows_background() {
            self.terminal.ask_background()?;
            let first = tokio::time::timeout(ANSWER, async {
                while let Some(Ok(event)) = keys.next().await {
                    if self.take(event) {
                        break;
                    }
                }
            });
            // Without an answer in time the first frame is dark; a late answer still changes it.
            let _answered = first.await;
        }
        self.draw()?;
        loop {
            if let Some(end) = self.live(&mut keys, &mut sources).await? {
                return Ok(end);
            }
        }
    }

    /// Waits for one thing, takes it, draws if it is time.
    async fn live(&mut self, keys: &mut EventStream, sources: &mut Sources) -> Result<Ended, ConsoleError> {
        let tick = self.pace.wait(self.clock.tick(), self.app.lasts());
        let wait = if self.sieve.holds() { tick.min(ANSWER) } else { tick };
        tokio::select! {
            biased;
            event = keys.next() => {
                // A terminal that is gone ends its events.
                let Some(Ok(event)) = event else { return Ok(Some(ConsoleEnd::HungUp)) };
                self.take(event);
                while let Some(Some(Ok(event))) = at_once(keys).await {
                    self.take(event);
                }
                self.pace.key();
            }
            called = sources.signals.next() => match called {
                Called::End(end) => return Ok(Some(end)),
                Called::Stop => self.suspend()?,
                Called::GoOn => self.terminal.forget(),
            },
            Some(reply) = sources.inbox.recv() => self.app.reply(reply),
            Ok(()) = sources.link.changed() => {
                let link = sources.link.borrow_and_update().clone();
                self.app.link(link);
            }
            Ok(()) = sources.snapshots.changed() => {
                let snapshot = sources.snapshots.borrow_and_update().clone();
                self.app.snapshot(snapshot);
            }
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
                    let sent = self.client.command(command);
                    self.reply_with(async { Reply::Command(sent.await) });
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

    /// Goes back to the shell until it continues this process.
    fn suspend(&mut self) -> Result<(), ConsoleError> {
        self.terminal.give_back()?;
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP).map_err(std::io::Error::from)?;
        self.terminal.resume()?;
        Ok(())
    }
}

/// When to draw. Frames are counted as a bucket that fills by twenty a second: a key may take the next one at once,
/// everything else waits its turn.
#[derive(Debug)]
struct Pace {
    last: Option<Tick>,
    tokens: f64,
    key: bool,
    /// Something has happened since the last frame.
    dirty: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { last: None, tokens: 20.0, key: false, dirty: true }
    }
}

impl Pace {
    fn key(&mut self) {
        self.key = true;
    }

    fn drawn(&mut self, now: Tick) {
        let since = self.last.map_or(Duration::ZERO, |last| now.since(last));
        self.tokens = (self.tokens + since.as_secs_f64() / FRAME.as_secs_f64()).min(20.0) - 1.0;
        self.last = Some(now);
        self.key = false;
        self.dirty = false;
    }

    fn due(&self, now: Tick) -> bool {
        let Some(last) = self.last else { return true };
        self.dirty && (now.since(last) >= FRAME || (self.key && self.tokens >= 1.0))
    }

    /// How long to wait for an event before drawing anyway: a picture stays true for `lasts`, and a frame that was not
    /// due yet is drawn when it is.
    fn wait(&self, now: Tick, lasts: Duration) -> Duration {
        match self.last {
            Some(last) if self.dirty => FRAME.saturating_sub(now.since(last)),
            _ => lasts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Tick {
        Tick::at(Duration::from_millis(ms))
    }

    #[test]
    fn a_key_draws_at_once_and_a_storm_of_keys_twenty_times_a_second() {
        let mut pace = Pace::default();
        pace.drawn(at(0));
        assert!(!pace.due(at(10)));
        pace.dirty = true;
        pace.key();
        assert!(pace.due(at(10)));
        let mut frames = 0;
        for ms in 10..10_010 {
            pace.dirty = true;
            pace.key();
            if pace.due(at(ms)) {
                pace.drawn(at(ms));
                frames += 1;
            }
        }
        assert!((200..=221).contains(&frames), "{frames}");
    }
}
