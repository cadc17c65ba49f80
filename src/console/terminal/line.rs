//! The line to the terminal: keys as long as it is there, and the news when it is gone.
//!
//! crossterm reads a terminal that is gone for ever without returning: its reader takes neither the end of the file nor
//! an input error for an end. So the kernel is asked for a hang-up before each reading.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use futures_util::StreamExt;
use ratatui::crossterm::event::{Event, EventStream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::watch;

/// What tells that a terminal is gone; the kernel reports it whether it was asked for or not.
const GONE: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

/// The line to the terminal that keys come from: standard input, or the controlling terminal.
#[derive(Debug, Clone)]
pub struct Line {
    terminal: Arc<OwnedFd>,
    gone: watch::Receiver<bool>,
    /// The watching thread ends when the last of these does.
    _alive: Arc<PipeWriter>,
}

impl Line {
    /// Opens it, and watches it from a thread of its own that sleeps until the end.
    pub fn open() -> io::Result<Self> {
        let input = io::stdin();
        let terminal = if rustix::termios::isatty(&input) {
            input.as_fd().try_clone_to_owned()?
        } else {
            OwnedFd::from(File::open("/dev/tty")?)
        };
        let (reader, writer) = io::pipe()?;
        let (told, gone) = watch::channel(false);
        let watched = terminal.try_clone()?;
        thread::Builder::new().name("hang-up".into()).spawn(move || {
            if ends(&watched, &reader) {
                told.send_replace(true);
            }
        })?;
        Ok(Self { terminal: Arc::new(terminal), gone, _alive: Arc::new(writer) })
    }

    /// Whether the terminal is gone now.
    pub fn is_gone(&self) -> bool {
        let mut asked = [PollFd::new(&self.terminal, PollFlags::empty())];
        poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok() && asked[0].revents().intersects(GONE)
    }

    /// Waits until the terminal is gone.
    pub async fn gone(&self) {
        let mut gone = self.gone.clone();
        if gone.wait_for(|gone| *gone).await.is_err() {
            // Nobody watches it any more: then nobody knows.
            std::future::pending::<()>().await;
        }
    }
}

/// Waits until the terminal is gone (true), or nobody wants to know any more.
fn ends(terminal: &OwnedFd, alive: &PipeReader) -> bool {
    loop {
        let mut asked = [PollFd::new(terminal, PollFlags::empty()), PollFd::new(alive, PollFlags::empty())];
        match poll(&mut asked, None) {
            Ok(_) if asked[0].revents().intersects(GONE) => return true,
            Ok(_) if asked[1].revents().intersects(GONE) => return false,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// What is typed, as long as the line is there.
#[derive(Debug)]
pub struct Keys {
    stream: EventStream,
    line: Line,
}

impl Keys {
    /// Listens to this line.
    pub fn on(line: Line) -> Self {
        Self { stream: EventStream::new(), line }
    }

    /// Waits for the next event. `None`: the terminal is gone.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// The next event, if it is there already. Asked with the waker of this task: the stream keeps only one, and
    /// another would lose keys.
    pub async fn at_once(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| {
            Poll::Ready(match self.poll(context) {
                Poll::Ready(event) => event,
                Poll::Pending => None,
            })
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.line.is_gone() {
            return Poll::Ready(None);
        }
        self.stream.poll_next_unpin(context).map(|event| event.and_then(Result::ok))
    }
}
