//! A real program on a real pseudo-terminal: keys in, bytes and the picture they make out.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses its own part")]

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use hotspare::clock::{Clock, Tick};
use pty_process::{Command, OwnedWritePty, Size};
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;

/// Nothing here takes longer, even on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// What has come out so far.
struct Out {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    last: Tick,
}

/// A program on a pseudo-terminal.
pub struct Session {
    pub child: Child,
    pty: Option<OwnedWritePty>,
    reading: tokio::task::JoinHandle<()>,
    out: Arc<Mutex<Out>>,
    pub clock: Clock,
}

fn size(value: u16) -> NonZeroU16 {
    NonZeroU16::new(value).expect("a size")
}

/// The example that opens the console over invented data, as its source is now.
pub fn fixture() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("a path");
        let target = test.ancestors().nth(2).expect("a target folder");
        // One test may be run alone, and then cargo has not built the example.
        let mut cargo = std::process::Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", "console_fixture"]);
        if target.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success(), "the example cannot be built");
        target.join("examples/console_fixture")
    });
    built.clone()
}

impl Session {
    pub fn fixture(arguments: &[&str], columns: u16, rows: u16) -> Self {
        let command = Command::new(fixture()).args(arguments);
        Self::start(command, columns, rows)
    }

    pub fn start(command: Command, columns: u16, rows: u16) -> Self {
        let (pty, pts) = pty_process::open().expect("a pseudo-terminal");
        pty.resize(Size::new(rows, columns)).expect("resized");
        let command = command
            .env("TERM", "xterm-256color")
            .env("COLORTERM", "truecolor")
            .env("LANG", "C.UTF-8")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR")
            .env_remove("RUST_BACKTRACE")
            .kill_on_drop(true);
        let child = command.spawn(pts).expect("started");
        let (mut reader, pty) = pty.into_split();
        let clock = Clock::real();
        let parser = vt100::Parser::new(size(rows), size(columns), 0);
        let out = Arc::new(Mutex::new(Out { parser, bytes: Vec::new(), last: clock.tick() }));
        let (into, ticks) = (Arc::clone(&out), clock.clone());
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(count @ 1..) = reader.read(&mut buffer).await {
                let mut out = into.lock().expect("not poisoned");
                out.parser.process(&buffer[..count]);
                out.bytes.extend_from_slice(&buffer[..count]);
                out.last = ticks.tick();
            }
        });
        Self { child, pty: Some(pty), reading, out, clock }
    }

    pub async fn press(&mut self, bytes: &str) {
        self.pty().write_all(bytes.as_bytes()).await.expect("written");
    }

    fn pty(&mut self) -> &mut OwnedWritePty {
        self.pty.as_mut().expect("not hung up")
    }

    /// Reads no more of what comes, as a terminal that was stopped with Ctrl-S.
    pub async fn stop_reading(&mut self) {
        self.reading.abort();
        let _aborted = (&mut self.reading).await;
    }

    /// Takes the terminal away, as closing its window does.
    pub async fn hang_up(&mut self) {
        self.stop_reading().await;
        self.pty = None;
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.pty.as_ref().expect("not hung up").resize(Size::new(rows, columns)).expect("resized");
        self.out.lock().expect("not poisoned").parser.screen_mut().set_size(size(rows), size(columns));
    }

    pub fn text(&self) -> String {
        self.out.lock().expect("not poisoned").parser.screen().contents()
    }

    pub fn look<T>(&self, at: impl FnOnce(&vt100::Screen) -> T) -> T {
        at(self.out.lock().expect("not poisoned").parser.screen())
    }

    /// Waits for the first byte after [`Session::taken`], and then until all of its frame is there.
    pub async fn frame(&self) {
        self.until("a frame", |session| !session.out.lock().expect("not poisoned").bytes.is_empty()).await;
        self.quiet(Duration::from_millis(200)).await;
    }

    /// Every byte since this was last asked.
    pub fn taken(&self) -> Vec<u8> {
        std::mem::take(&mut self.out.lock().expect("not poisoned").bytes)
    }

    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        assert!(waited.await.is_ok(), "never: {what}\n{}", self.text());
    }

    pub async fn until_text(&self, text: &str) {
        self.until(text, |session| session.text().contains(text)).await;
    }

    /// Waits until nothing has come for so long.
    pub async fn quiet(&self, span: Duration) {
        self.until("quiet", |session| {
            let last = session.out.lock().expect("not poisoned").last;
            session.clock.tick().since(last) >= span
        })
        .await;
    }

    pub fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        rustix::process::kill_process(id.expect("runs"), signal).expect("sent");
    }

    pub async fn ended(&mut self) -> std::process::ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("ends").expect("a status")
    }

    /// Whether the terminal is as a shell wants it.
    pub fn given_back(&self) -> bool {
        self.look(|screen| !screen.alternate_screen() && !screen.hide_cursor())
    }
}
