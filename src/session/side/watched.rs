//! Work on file systems that may stop answering: done on a thread that can be left behind, while whoever wants it looks on.
//!
//! Where nothing moves any more, the file systems are asked whether they still answer: slow is not dead. Silent for too
//! long, they end the work for whoever waits for it. The thread stays, because nothing can end it; should it ever be
//! answered, it ends before its next step, and until then nobody begins the same work on the same file system again.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::work::progress::Event;
use crate::work::steer::Steer;
use crate::work::view::Part;

/// How often what moved is passed on, and whoever steers is asked.
const LOOK: Duration = Duration::from_millis(100);

/// What is worked on: the device, and the path on it.
type Subject = (u64, PathBuf);

/// Work that goes on, and work that was left behind.
static UNDER_WAY: LazyLock<Mutex<HashSet<Subject>>> = LazyLock::new(Mutex::default);

/// How work is looked after.
pub(super) struct Watch<'a> {
    /// What is worked on.
    pub(super) subject: Subject,
    /// Who steers it.
    pub(super) steer: &'a dyn Steer,
    /// Why the file systems cannot be worked on just now, in words; `None`: they answer. Answers itself within a deadline.
    pub(super) silent: &'a dyn Fn() -> Option<String>,
    /// Nothing moved for so long: they are asked whether they answer.
    pub(super) quiet: Duration,
    /// How long they may be silent.
    pub(super) patience: Duration,
}

impl Watch<'_> {
    /// What came of the work; the error says in words why it was left behind.
    pub(super) fn work<T: Send + 'static>(&self, work: impl FnOnce(&Relay) -> T + Send + 'static) -> Result<T, String> {
        let relay = Arc::new(Relay::default());
        relay.ask(self.steer);
        let claim = Claim::take(&self.subject).ok_or_else(|| self.hangs())?;
        let (tell, told) = sync_channel(1);
        let theirs = Arc::clone(&relay);
        let working = move || {
            let came = work(&theirs);
            // Whoever hears of it may begin anew at once.
            drop(claim);
            let _nobody_waits = tell.send(came);
        };
        let spawned = std::thread::Builder::new().name("session".into()).spawn(working);
        spawned.map_err(|error| format!("no thread can be started: {error}; end other programs, then repeat"))?;
        let mut quiet = Duration::ZERO;
        loop {
            let came = told.recv_timeout(LOOK);
            let moved = relay.pass_on(self.steer);
            match came {
                Ok(came) => return Ok(came),
                Err(RecvTimeoutError::Disconnected) => return Err("it broke in the middle; see the log".into()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let go_on = relay.ask(self.steer);
            quiet = if moved { Duration::ZERO } else { quiet + LOOK };
            if quiet < self.quiet {
                continue;
            }
            match (self.silent)() {
                None => quiet = Duration::ZERO,
                Some(why) if quiet >= self.patience || !go_on => {
                    relay.set(Gate::Ended);
                    return Err(why);
                }
                Some(_perhaps_only_slow) => {}
            }
        }
    }

    fn hangs(&self) -> String {
        (self.silent)().unwrap_or_else(|| {
            let path = self.subject.1.display();
            format!("an earlier attempt still waits for an answer at {path}; see whether its disk or server is well, then repeat")
        })
    }
}

/// That something is worked on; dropped by whoever works, also when that is late.
struct Claim(Subject);

impl Claim {
    fn take(subject: &Subject) -> Option<Self> {
        lock(&UNDER_WAY).insert(subject.clone()).then(|| Self(subject.clone()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&UNDER_WAY).remove(&self.0);
    }
}

/// Whether the work may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Gate {
    #[default]
    Open,
    /// Whoever steers is asked, and may hold it.
    Asking,
    Ended,
}

/// What has moved and was not passed on yet.
#[derive(Default)]
struct Heard {
    moved: bool,
    events: [Option<Event>; 3],
    note: Option<String>,
}

/// Between the work and whoever steers it: neither ever waits for the other's disk.
#[derive(Default)]
pub(super) struct Relay {
    gate: Mutex<Gate>,
    opened: Condvar,
    heard: Mutex<Heard>,
}

impl Relay {
    fn set(&self, gate: Gate) {
        *lock(&self.gate) = gate;
        self.opened.notify_all();
    }

    /// Asks whoever steers, and waits while the work is held.
    fn ask(&self, steer: &dyn Steer) -> bool {
        if *lock(&self.gate) == Gate::Ended {
            return false;
        }
        self.set(Gate::Asking);
        let go_on = steer.go_on();
        self.set(if go_on { Gate::Open } else { Gate::Ended });
        go_on
    }

    /// Whether anything moved.
    fn pass_on(&self, steer: &dyn Steer) -> bool {
        let heard = std::mem::take(&mut *lock(&self.heard));
        heard.events.into_iter().flatten().for_each(|event| steer.event(event));
        if let Some(note) = &heard.note {
            steer.note(note);
        }
        heard.moved
    }
}

impl Steer for Relay {
    fn go_on(&self) -> bool {
        let gate = lock(&self.gate);
        let gate = self.opened.wait_while(gate, |gate| *gate == Gate::Asking).unwrap_or_else(PoisonError::into_inner);
        *gate == Gate::Open
    }

    fn event(&self, event: Event) {
        let mut heard = lock(&self.heard);
        heard.moved = true;
        let [total, reached, advance] = &mut heard.events;
        match (event, advance.as_mut()) {
            (Event::Total(_), _) => *total = Some(event),
            (Event::Reached(_), _) => *reached = Some(event),
            (Event::Advance(more), Some(Event::Advance(before))) => *before += more,
            (Event::Advance(_), _) => *advance = Some(event),
        }
    }

    fn part(&self, _: Option<Part>) {}

    fn note(&self, note: &str) {
        let mut heard = lock(&self.heard);
        heard.moved = true;
        heard.note = Some(note.to_owned());
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    /// Lets so many questions pass, and adds up what moved.
    struct Hand {
        questions: AtomicU64,
        done: AtomicU64,
    }

    impl Hand {
        fn new(questions: u64) -> Self {
            Self { questions: AtomicU64::new(questions), done: AtomicU64::new(0) }
        }
    }

    impl Steer for Hand {
        fn go_on(&self) -> bool {
            self.questions.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        }

        fn event(&self, event: Event) {
            if let Event::Advance(more) = event {
                self.done.fetch_add(more, Ordering::SeqCst);
            }
        }

        fn part(&self, _: Option<Part>) {}

        fn note(&self, _: &str) {}
    }

    fn watch<'a>(name: &str, steer: &'a dyn Steer, silent: &'a dyn Fn() -> Option<String>) -> Watch<'a> {
        Watch { subject: (0, name.into()), steer, silent, quiet: Duration::ZERO, patience: Duration::ZERO }
    }

    #[test]
    fn what_moves_and_what_comes_of_it_is_heard_and_an_end_is_passed_on() {
        let hand = Hand::new(u64::MAX);
        let answers = || None;
        let came = watch("moves", &hand, &answers).work(|relay| {
            (0..100).for_each(|more| relay.event(Event::Advance(more)));
            relay.go_on()
        });
        assert_eq!((came, hand.done.load(Ordering::SeqCst)), (Ok(true), 4950));

        let ended = Hand::new(2);
        let came = watch("ends", &ended, &answers).work(|relay| while relay.go_on() {});
        assert_eq!(came, Ok(()), "it ended by itself as soon as it was told to");
    }

    #[test]
    fn work_that_hangs_on_a_silent_disk_is_left_behind_and_not_begun_twice() {
        let (release, hold) = channel::<()>();
        let (ended, end) = channel();
        let (hand, dead) = (Hand::new(u64::MAX), AtomicBool::new(true));
        let silent = || dead.load(Ordering::SeqCst).then(|| "stale".to_owned());
        let watch = watch("hangs", &hand, &silent);
        let came = watch.work(move |relay| {
            let _until_released = hold.recv();
            ended.send(relay.go_on()).unwrap();
        });
        assert_eq!(came, Err("stale".into()));
        dead.store(false, Ordering::SeqCst);
        let again = watch.work(|_| ()).unwrap_err();
        assert!(again.contains("an earlier attempt still waits"), "{again}");
        drop(release);
        assert_eq!(end.recv(), Ok(false), "it ends before its next step");
        while watch.work(|_| ()).is_err() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn slow_work_on_a_disk_that_answers_is_waited_for() {
        let hand = Hand::new(u64::MAX);
        let (asked, answer) = channel();
        let answers = || {
            let _heard = asked.send(());
            None
        };
        assert_eq!(watch("slow", &hand, &answers).work(move |_| answer.recv()), Ok(Ok(())));
    }
}
