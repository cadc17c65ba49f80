//! One log that is being read, for however many readers: lines come in at one end, windows are asked for at the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::filter::Filter;
use super::intake::{Intake, OURS};
use super::ring::Kept;
use super::target::{Place, Target};
use super::view::{Ask, Row, SourceView, Window, shown};
use crate::clock::{Clock, Tick, Timestamp};

/// Most lines in one window.
const MOST_ROWS: u32 = 50_000;
/// Most bytes of text in the first window of a reader, who wants to see what there is.
const FIRST_BYTES: usize = 2 * 1024 * 1024;
/// Most bytes of text in each further window: it is in memory several times on its way.
const MOST_BYTES: usize = 512 * 1024;
/// Most bytes that one question looks through where few lines pass its filter.
const LOOKED: usize = 4 * 1024 * 1024;

/// A log that is being read.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) target: Target,
    clock: Clock,
    inner: Mutex<Intake>,
    news: watch::Sender<()>,
    asked: Mutex<Tick>,
    pub(super) stop: CancellationToken,
}

impl Stream {
    /// A log of which nothing was read yet.
    pub(super) fn new(target: Target, clock: &Clock) -> Arc<Self> {
        let (now, tick) = (clock.now(), clock.tick());
        // Numbers of a later stream are greater than those of any before: who asks on after one that ended is understood.
        let first = u64::try_from(now.as_microsecond()).unwrap_or(1).max(1);
        let inner = Intake::new(target.places.len(), first, tick, now.as_millisecond());
        Arc::new(Self {
            target,
            clock: clock.clone(),
            inner: Mutex::new(inner),
            news: watch::channel(()).0,
            asked: Mutex::new(tick),
            stop: CancellationToken::new(),
        })
    }

    /// Lets lines in, and those whose turn has come go on to the readers.
    pub(super) fn with(&self, change: impl FnOnce(&mut Intake)) {
        let mut inner = self.lock();
        inner.at(self.clock.tick());
        change(&mut inner);
        inner.go_on();
        drop(inner);
        self.news.send_replace(());
    }

    /// What time alone changes. Called ten times a second.
    pub(super) fn pulse(&self) {
        let now = self.clock.now().as_millisecond();
        self.with(|inner| inner.pulse(now));
    }

    /// Its clock.
    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How long nobody has asked for anything.
    pub(super) fn unread(&self) -> Duration {
        self.clock.tick().since(*self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn touch(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.tick();
    }

    /// A window of it. Waits for a line where there is none, or as long as sources that are new were not read up to their
    /// end, at most as long as the question says.
    pub(super) async fn window(&self, ask: &Ask) -> Window {
        self.touch();
        let filter = Filter::new(&ask.filter);
        let mut news = self.news.subscribe();
        let late = tokio::time::sleep(Duration::from_millis(ask.wait.into()));
        tokio::pin!(late);
        let mut looked = ask.after;
        let window = loop {
            news.borrow_and_update();
            let window = self.look(ask, looked, &filter);
            let enough = if ask.after.is_some() {
                !window.rows.is_empty() || window.passed > 0
            } else {
                window.whole || window.sources.iter().all(|source| source.trouble.is_some())
            };
            if enough || ask.wait == 0 {
                break window;
            }
            looked = ask.after.map(|_| window.next);
            tokio::select! {
                () = &mut late => break window,
                () = self.stop.cancelled() => break window,
                Ok(()) = news.changed() => {}
            }
        };
        self.touch();
        window
    }

    fn look(&self, ask: &Ask, after: Option<u64>, filter: &Filter) -> Window {
        let inner = self.lock();
        let limit = usize::try_from(ask.limit.min(MOST_ROWS)).unwrap_or(1);
        let since = ask.since.map(Timestamp::as_millisecond);
        let passes = |line: &Kept<'_>| {
            line.source == OURS
                || (since.is_none_or(|since| line.time.is_some_and(|time| time >= since)) && filter.passes(line.text))
        };
        let mut window = Window {
            next: inner.ring.last(),
            whole: inner.whole(),
            sources: self.views(&inner),
            rate: inner.rate,
            ..Window::default()
        };
        let mut bytes = 0;
        match after {
            None => {
                let mut lines = 0;
                for line in inner.ring.backwards().filter(passes) {
                    // What is said here takes the place of no line.
                    lines += usize::from(line.source != OURS);
                    bytes += line.text.len();
                    if lines > limit || bytes > FIRST_BYTES {
                        break;
                    }
                    window.rows.push(row(&line));
                }
                window.rows.reverse();
            }
            Some(after) => {
                window.passed = inner.passed(after);
                let mut looked = 0;
                for line in inner.ring.after(after) {
                    looked += line.text.len();
                    window.next = line.number;
                    if passes(&line) {
                        bytes += line.text.len();
                        window.rows.push(row(&line));
                    }
                    if window.rows.len() >= limit.max(1) || bytes >= MOST_BYTES || looked >= LOOKED {
                        break;
                    }
                }
            }
        }
        window
    }

    fn views(&self, inner: &Intake) -> Vec<SourceView> {
        let view = |(at, place): (usize, &Place)| SourceView {
            name: place.name.clone(),
            host: self.target.host.clone(),
            place: place.source.words(),
            trouble: inner.troubled(at).cloned(),
        };
        self.target.places.iter().enumerate().map(view).collect()
    }

    /// What lies behind it is whole at any time.
    fn lock(&self) -> MutexGuard<'_, Intake> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn row(line: &Kept<'_>) -> Row {
    Row {
        number: line.number,
        time: line.time.and_then(|time| Timestamp::from_millisecond(time).ok()),
        source: (line.source != OURS).then_some(line.source),
        text: shown(line.text),
    }
}
