//! What every command needs: the global options, and the one way to write to the terminal.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::exit::{Exit, Failure};
use super::fold::{columns, fold};
use super::options::Options;
use crate::clock::{Clock, Tick};
use crate::reach::plain;

/// How often it is looked whether somebody still reads.
const READER_LOOK: Duration = Duration::from_millis(250);

/// The global options and the outputs.
#[derive(Debug, Clone)]
pub struct Context {
    /// `--fleet`, or `$HOTSPARE_FLEET`.
    pub fleet: Option<PathBuf>,
    /// `--state`, or `$HOTSPARE_STATE`.
    pub state: Option<PathBuf>,
    /// One JSON document instead of text.
    pub json: bool,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Colour on standard output?
    pub color: bool,
    /// Only results and errors.
    pub quiet: bool,
    /// How much is told of what goes on.
    pub verbose: u8,
    clock: Clock,
    began: Tick,
}

impl Context {
    /// From the arguments and the environment.
    pub fn new(options: &Options) -> Self {
        let plain = options.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let clock = Clock::real();
        Self {
            began: clock.tick(),
            clock,
            fleet: options.fleet.clone(),
            state: options.state.clone(),
            json: options.json,
            read_only: options.read_only,
            color: !plain && std::io::stdout().is_terminal(),
            quiet: options.quiet,
            verbose: options.verbose,
        }
    }

    /// Writes a result for people: on a terminal, long lines break between words. What could do something to a terminal is
    /// replaced. A reader that went away (`hotspare journal | head`) is not an error.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        self.write(&fold(&plain::harmless(text), columns(&std::io::stdout())))
    }

    /// Writes what others wrote and may be copied, a file or the lines of a log, with its lines as they are.
    pub fn verbatim(&self, text: &str) -> Result<(), Failure> {
        self.write(&plain::harmless(text))
    }

    /// Writes lines as [`Context::print`] does, each in its colour (a code of SGR) where there is one and colours are wanted.
    pub fn painted(&self, lines: &[(Option<&str>, String)]) -> Result<(), Failure> {
        let columns = columns(&std::io::stdout());
        self.write(&self.paint(lines, |line| fold(line, columns).into_owned()))
    }

    /// Writes lines as [`Context::verbatim`] does, in colours.
    pub fn painted_verbatim(&self, lines: &[(Option<&str>, String)]) -> Result<(), Failure> {
        self.write(&self.paint(lines, str::to_owned))
    }

    fn paint(&self, lines: &[(Option<&str>, String)], shaped: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        for (colour, line) in lines {
            let line = shaped(&plain::harmless(line));
            match colour {
                Some(code) if self.color => text.extend(["\x1b[", code, "m", &line, "\x1b[0m\n"]),
                _ => text.extend([&*line, "\n"]),
            }
        }
        text
    }

    #[expect(clippy::unused_self, reason = "the outputs belong to the context")]
    fn write(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::failed(format!("standard output cannot be written: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Returns when nobody reads standard output any more (`hotspare journal -f | grep -m1 down`): what prints until it is
    /// interrupted ends then too, also while it has nothing to print.
    pub async fn reader_left(&self) {
        loop {
            tokio::time::sleep(READER_LOOK).await;
            let out = std::io::stdout();
            let mut looked = [PollFd::new(&out, PollFlags::empty())];
            let seen = poll(&mut looked, Some(&Timespec::default()));
            if seen.is_ok() && looked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
                return;
            }
        }
    }

    /// Writes a text; with `--json` as a document with the one key `text`.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        if self.json {
            return self.document(&serde_json::json!({ "text": text }));
        }
        self.verbatim(text)
    }

    /// Writes a result and ends the line.
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        self.print(&format!("{text}\n"))
    }

    /// Writes one JSON document and ends the line.
    pub fn document(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.json(serde_json::to_string_pretty(value))
    }

    /// Writes one JSON document in one line.
    pub fn document_line(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.json(serde_json::to_string(value))
    }

    fn json(&self, text: serde_json::Result<String>) -> Result<(), Failure> {
        let text = text.map_err(|error| Failure::failed(format!("the answer cannot be written as JSON: {error}")))?;
        self.write(&format!("{}\n", escaped(&text)))
    }

    /// Tells what goes on, on standard error, unless `--quiet`.
    pub fn tell(&self, text: &str) {
        if !self.quiet {
            complaint(text);
        }
    }

    /// Writes what a question needs to standard error, also with `--quiet`, without ending the line.
    pub fn say(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _gone = write!(err, "{}", plain::harmless(text)).and_then(|()| err.flush());
    }

    /// With `--verbose` tells which files and which engine a command uses; given twice, also how long it took to come here.
    pub fn detail(&self, text: &str) {
        match self.verbose {
            0 => {}
            1 => self.tell(&format!("hotspare: {text}")),
            _ => {
                let passed = self.clock.tick().since(self.began).as_secs_f64() * 1e3;
                self.tell(&format!("hotspare: {passed:.1} ms: {text}"));
            }
        }
    }

    /// Says what went wrong and what to do now, on standard error; with `--json` also as a document on standard output, in
    /// one line, so that it fits below the lines of a command that follows something. Who interrupts a command knows why
    /// it ended.
    pub fn complain(&self, failure: &Failure) {
        if self.json && failure.exit != Exit::Interrupted {
            let document = serde_json::json!({ "error": failure.message, "hints": failure.hints });
            let _gone = self.document_line(&document);
        }
        complaint(&format!("hotspare: {}", failure.message));
        for hint in &failure.hints {
            complaint(&format!("  hint: {hint}"));
        }
    }

    /// Runs a future to its end on a runtime of two threads; Ctrl-C ends it with [`Exit::Interrupted`].
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.block_on_to_the_end(async {
            tokio::select! {
                ended = future => ended,
                _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
            }
        })
    }

    /// Runs a future that looks at Ctrl-C itself, because it has something to end first.
    pub fn block_on_to_the_end<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("the runtime cannot start: {error}")))?;
        let ended = runtime.block_on(future);
        runtime.shutdown_background();
        ended
    }
}

/// Writes lines for people to standard error. One that is gone leaves nobody to tell.
fn complaint(text: &str) {
    let mut err = std::io::stderr().lock();
    let _gone = writeln!(err, "{}", fold(&plain::harmless(text), columns(&err)));
}

/// JSON whose texts keep every character and do nothing to a terminal: what is not plain is written as an escape.
fn escaped(json: &str) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(json.len());
    for symbol in json.chars() {
        // Between texts JSON holds nothing of the kind but its line ends.
        if symbol == '\n' || plain::is_plain(symbol) {
            text.push(symbol);
        } else {
            for unit in symbol.encode_utf16(&mut [0; 2]) {
                let _a_string_takes_all = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_what_a_terminal_must_not_see() {
        let hostile = "a\u{9b}31m\u{202e}\u{e0041}\u{7f}é\n";
        let json = escaped(&serde_json::to_string_pretty(&serde_json::json!({ "text": hostile })).unwrap());
        assert!(json.chars().all(|symbol| symbol == '\n' || plain::is_plain(symbol)), "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["text"], hostile);
    }
}
