//! Looks at every engine a thousand times a second, and says whether two could ever act at one time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hotspare::clock::{Clock, Tick};
use hotspare::standin::lease::Lease;

/// A time in which an engine surely had the right, under one generation: from the end of the first look that said so to the
/// beginning of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) engine: usize,
    pub(crate) generation: u64,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// The pairs of spans of different engines, or generations, that overlap.
pub(crate) fn overlaps(spans: &[Span]) -> Vec<(Span, Span)> {
    let mut sorted = spans.to_vec();
    sorted.sort_by_key(|span| span.from);
    let mut found = Vec::new();
    for (number, one) in sorted.iter().enumerate() {
        let later = sorted.iter().skip(number + 1).take_while(|other| other.from <= one.to);
        found.extend(later.map(|other| (*one, *other)));
    }
    found
}

/// Takes looks and makes spans of them.
#[derive(Default)]
pub(crate) struct Log {
    open: BTreeMap<usize, Span>,
    pub(crate) spans: Vec<Span>,
}

impl Log {
    pub(crate) fn look(&mut self, engine: usize, before: Duration, after: Duration, generation: Option<u64>) {
        if let Some(open) = self.open.get_mut(&engine) {
            if generation == Some(open.generation) {
                open.to = before.max(open.from);
                return;
            }
            self.spans.extend(self.open.remove(&engine));
        }
        if let Some(generation) = generation {
            self.open.insert(engine, Span { engine, generation, from: after, to: after });
        }
    }

    pub(crate) fn end(mut self) -> Vec<Span> {
        self.spans.extend(self.open.into_values());
        self.spans
    }
}

/// The engines that are looked at; exchanged while they are.
pub(crate) type Watched = Arc<Mutex<Vec<Lease>>>;

/// A thread that looks.
pub(crate) struct Witness {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Span>>,
}

impl Witness {
    pub(crate) fn start(watched: Watched, clock: Clock) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut log = Log::default();
            let time = |tick: Tick| tick.since_start();
            loop {
                // One more look after the end: what is so at the end is seen, however long ago the last look was.
                let last = ended.load(Ordering::Relaxed);
                let leases = watched.lock().unwrap().clone();
                for (number, lease) in leases.iter().enumerate() {
                    let before = time(clock.tick());
                    let right = lease.may_act().ok().map(|right| right.generation);
                    log.look(number, before, time(clock.tick()), right);
                }
                drop(leases);
                if last {
                    return log.end();
                }
                std::thread::park_timeout(Duration::from_millis(1));
            }
        });
        Self { over, thread }
    }

    pub(crate) fn end(self) -> Vec<Span> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it looked")
    }
}

#[test]
fn what_overlaps_is_found() {
    let span = |engine, generation, from, to| Span {
        engine,
        generation,
        from: Duration::from_millis(from),
        to: Duration::from_millis(to),
    };
    assert_eq!(overlaps(&[span(0, 1, 0, 10), span(1, 2, 11, 20)]), []);
    assert_eq!(overlaps(&[span(1, 2, 9, 20), span(0, 1, 0, 10)]).len(), 1);
    let mut log = Log::default();
    for (at, right) in [(0, None), (1, Some(5)), (2, Some(5)), (3, None), (4, Some(6))] {
        log.look(0, Duration::from_millis(at * 10), Duration::from_millis(at * 10 + 1), right);
    }
    assert_eq!(log.end(), [span(0, 5, 11, 20), span(0, 6, 41, 41)]);
}
