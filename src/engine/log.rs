//! The engine's log: a few files of bounded size in the state folder, the last lines in memory for the log pane, and systemd's journal where
//! standard error leads there.

use std::collections::VecDeque;
use std::fmt::Write;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::command::LogLine;
use crate::clock::Clock;

mod journald;
mod rolling;

use journald::ToJournald;
use rolling::Rolling;

/// Lines in memory.
const LINES: usize = 1_000;

/// The last lines. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Ring(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    written: u64,
    lines: VecDeque<LogLine>,
}

impl Ring {
    /// Lines with a greater number than `after`, oldest first.
    pub fn after(&self, after: u64) -> Vec<LogLine> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.lines.iter().filter(|line| line.seq > after).cloned().collect()
    }

    fn push(&self, mut line: LogLine) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.written += 1;
        line.seq = held.written;
        if held.lines.len() == LINES {
            held.lines.pop_front();
        }
        held.lines.push_back(line);
    }
}

/// A process has one log: the first engine in it decides where the file lies.
static LOG: OnceLock<(Ring, [Option<WorkerGuard>; 2])> = OnceLock::new();

/// Starts logging into this folder. `$HOTSPARE_LOG` filters as `RUST_LOG` does elsewhere; default `info`. A folder that
/// cannot be written leaves the lines in memory.
pub fn start(folder: &Path, clock: &Clock) -> Ring {
    LOG.get_or_init(|| {
        let ring = Ring::default();
        let _cannot_be_made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        // A disk that hangs must not hang the engine: lines that do not fit into the queue are dropped.
        let file = Rolling::open(folder, rolling::LARGEST).ok().map(tracing_appender::non_blocking);
        let (writer, guard) = file.map_or((None, None), |(writer, guard)| (Some(writer), Some(guard)));
        let filter = EnvFilter::try_from_env("HOTSPARE_LOG").unwrap_or_else(|_unset| EnvFilter::new("info"));
        let to_file = writer.map(|writer| tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer));
        let to_ring = ToRing { ring: ring.clone(), clock: clock.clone() };
        let stream = std::env::var("JOURNAL_STREAM").ok();
        let journald = journald::listens(stream.as_deref(), std::io::stderr())
            .then(|| tracing_appender::non_blocking(std::io::stderr()));
        let (errors, errors_guard) = journald.map_or((None, None), |(writer, guard)| (Some(writer), Some(guard)));
        let to_journald = errors.map(ToJournald);
        let subscriber = tracing_subscriber::registry().with(filter).with(to_file).with(to_ring).with(to_journald);
        // A test may have set a subscriber of its own; then the lines go there.
        let _other = subscriber.try_init();
        (ring, [guard, errors_guard])
    })
    .0
    .clone()
}

struct ToRing {
    ring: Ring,
    clock: Clock,
}

impl<S: tracing::Subscriber> Layer<S> for ToRing {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = event.metadata().level().to_string();
        self.ring.push(LogLine { seq: 0, time: self.clock.now(), level, text: text.0 });
    }
}

/// The message, then the other fields as `name=value`.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _a_string_takes_all = if field.name() == "message" {
            self.0.insert_str(0, &format!("{value:?}"));
            Ok(())
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn the_ring_keeps_the_last_lines_with_their_numbers() {
        let ring = Ring::default();
        for number in 0..LINES + 5 {
            ring.push(LogLine { seq: 0, time: Timestamp::UNIX_EPOCH, level: "INFO".into(), text: number.to_string() });
        }
        let lines = ring.after(0);
        assert_eq!((lines.len(), lines[0].seq, lines[0].text.as_str()), (LINES, 6, "5"));
        assert_eq!(ring.after(LINES as u64 + 4).len(), 1);
    }
}
