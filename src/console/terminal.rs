//! The terminal: taken and given back whole, drawn on only where something has changed, one write a frame.
//!
//! This room knows bytes and nothing of what they show.

pub mod background;
pub mod crash;
pub mod encode;
pub mod line;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use base64::Engine as _;
use ratatui::buffer::Buffer;
use ratatui::crossterm::terminal as raw;
use ratatui::layout::{Position, Rect};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::reach::plain;

/// What is written to take the terminal: the other screen, no cursor, pastes in brackets, lines not wrapped by it.
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[2J";
/// What is written to give it back, whatever was switched on.
const GIVE_BACK: &[u8] = b"\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[m\x1b[?25h\x1b[?1049l";
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1002l\x1b[?1000l";

/// The terminal, as long as the console has it. Dropping it gives it back.
#[derive(Debug)]
pub struct Terminal {
    out: File,
    shown: Buffer,
    cursor: Option<Position>,
    title: String,
    mouse: bool,
    taken: bool,
}

impl Terminal {
    /// Takes the terminal that standard output leads to.
    pub fn take() -> io::Result<Self> {
        // A copy without a buffer of its own: a frame is one vector, and one write.
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let mut terminal = Self {
            out,
            shown: Buffer::empty(Rect::default()),
            cursor: None,
            title: String::new(),
            mouse: false,
            taken: false,
        };
        terminal.resume()?;
        Ok(terminal)
    }

    /// Takes it again after [`Terminal::give_back`].
    pub fn resume(&mut self) -> io::Result<()> {
        raw::enable_raw_mode()?;
        self.taken = true;
        // The title that the shell had is kept by the terminal (XTWINOPS 22) and comes back with 23.
        self.out.write_all(b"\x1b[22;0t")?;
        self.out.write_all(TAKE)?;
        self.title.clear();
        self.forget();
        let mouse = std::mem::take(&mut self.mouse);
        self.set_mouse(mouse)
    }

    /// Gives it back, as it was.
    pub fn give_back(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.taken) {
            self.out.write_all(GIVE_BACK)?;
            self.out.write_all(b"\x1b[23;0t")?;
            raw::disable_raw_mode()?;
        }
        Ok(())
    }

    /// Gives it back where its owner cannot any more: only what does not wait.
    pub fn abandon() {
        let out = io::stdout();
        let mut asked = [PollFd::new(&out, PollFlags::OUT)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let takes = poll(&mut asked, Some(&at_once)).is_ok() && asked[0].revents() == PollFlags::OUT;
        if takes {
            let _gone = rustix::io::write(&out, GIVE_BACK);
        }
        let _gone = raw::disable_raw_mode();
    }

    /// How large it is now; a terminal that does not say is taken for 80×24.
    pub fn size() -> Rect {
        let (width, height) = raw::size().unwrap_or((80, 24));
        Rect::new(0, 0, width.max(1), height.max(1))
    }

    /// The next frame draws every cell.
    pub fn forget(&mut self) {
        self.shown = Buffer::empty(Rect::default());
        self.cursor = None;
    }

    /// Draws a frame. Nothing is written where nothing has changed. Returns how many bytes were.
    pub fn draw(&mut self, frame: Buffer, cursor: Option<Position>, title: &str) -> io::Result<usize> {
        let all = frame.area != self.shown.area;
        let mut bytes = Bracket::new(&mut self.out);
        if all {
            self.shown = Buffer::empty(frame.area);
            bytes.body.extend_from_slice(b"\x1b[m\x1b[2J");
        }
        let before = bytes.body.len();
        encode::cells(&mut bytes.body, self.shown.diff(&frame).into_iter());
        let moved = bytes.body.len() > before;
        if title != self.title {
            let plain: String = title.chars().filter(|letter| plain::is_plain(*letter)).collect();
            bytes.body.extend_from_slice(format!("\x1b]2;{plain}\x1b\\").as_bytes());
            title.clone_into(&mut self.title);
        }
        // Drawing moves the cursor along, so it is put back after each change.
        match (cursor, self.cursor) {
            (Some(at), old) if old != cursor || moved => {
                let show = if old.is_none() { "\x1b[?25h" } else { "" };
                bytes.body.extend_from_slice(format!("\x1b[{};{}H{show}", at.y + 1, at.x + 1).as_bytes());
            }
            (None, Some(_)) => bytes.body.extend_from_slice(b"\x1b[?25l"),
            _ => {}
        }
        self.cursor = cursor;
        self.shown = frame;
        bytes.close()
    }

    /// Gives the mouse to the console, or to the terminal.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        if on != self.mouse {
            self.mouse = on;
            self.out.write_all(if on { MOUSE_ON } else { MOUSE_OFF })?;
        }
        Ok(())
    }

    /// Puts a text into the terminal's clipboard (OSC 52).
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let coded = base64::engine::general_purpose::STANDARD.encode(text);
        self.out.write_all(format!("\x1b]52;c;{coded}\x1b\\").as_bytes())
    }

    /// Rings the bell.
    pub fn bell(&mut self) -> io::Result<()> {
        self.out.write_all(b"\x07")
    }

    /// Tells the desktop (OSC 9).
    pub fn announce(&mut self, text: &str) -> io::Result<()> {
        let plain: String = text.chars().filter(|letter| plain::is_plain(*letter)).collect();
        self.out.write_all(format!("\x1b]9;{plain}\x1b\\").as_bytes())
    }

    /// Asks for the background colour (OSC 11); the answer comes among the keys.
    pub fn ask_background(&mut self) -> io::Result<()> {
        self.out.write_all(background::QUESTION)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone cannot be given back.
        let _gone = self.give_back();
    }
}

/// One frame's bytes between the marks of a synchronized update (DEC 2026), written at once. Whatever happens in
/// between, dropping it writes nothing that was not closed.
struct Bracket<'a> {
    out: &'a mut File,
    body: Vec<u8>,
}

impl<'a> Bracket<'a> {
    fn new(out: &'a mut File) -> Self {
        Self { out, body: Vec::with_capacity(4096) }
    }

    fn close(self) -> io::Result<usize> {
        if self.body.is_empty() {
            return Ok(0);
        }
        let mut bytes = Vec::with_capacity(self.body.len() + 16);
        bytes.extend_from_slice(b"\x1b[?2026h");
        bytes.extend_from_slice(&self.body);
        bytes.extend_from_slice(b"\x1b[?2026l");
        self.out.write_all(&bytes)?;
        Ok(bytes.len())
    }
}
