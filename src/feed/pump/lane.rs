//! One machine's rows, round after round: when to look again, and what to do about trouble.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::known::Known;
use super::round::{Round, Trouble};
use super::{Common, Gate};
use crate::clock::Tick;
use crate::feed::pace::{Backoff, Batch};
use crate::feed::sink::SinkError;
use crate::feed::source::Source;
use crate::feed::view::Part;

/// Between two rounds at least: a source that is written to all the time is read in pieces.
const BREATH: Duration = Duration::from_millis(4);
/// Between two looks where rows are only counted.
const WATCHED: Duration = Duration::from_secs(2);
/// So often a target may undo a write at once again before it is called trouble.
const UNDONE: u32 = 5;
/// … and for so long.
const UNDONE_FOR: Duration = Duration::from_secs(1);
/// Both ends are asked anew what there is after this time, whatever comes in.
const LEARNED: Duration = Duration::from_secs(60);

pub(super) struct Lane {
    pub(super) common: Arc<Common>,
    /// Name of the machine.
    pub(super) name: String,
    pub(super) source: Box<dyn Source>,
    part: watch::Receiver<Option<Part>>,
    gate: watch::Receiver<Gate>,
    pub(super) known: Option<Known>,
    /// What was known before: enough to count what waits while the target does not answer.
    pub(super) stale: Option<Known>,
    pub(super) batch: Batch,
    backoff: Backoff,
    /// Writes that the target undid, one after the other, and since when.
    undone: u32,
    undone_since: Option<Tick>,
    /// The last request, and when both ends were last asked what there is.
    asked: u64,
    learned: Tick,
}

impl Lane {
    pub(super) fn new(
        common: Arc<Common>,
        name: String,
        source: Box<dyn Source>,
        part: watch::Receiver<Option<Part>>,
    ) -> Self {
        let gate = common.gate.clone();
        let batch = Batch::new(common.feed.batch);
        let learned = common.clock.tick();
        Self {
            common,
            name,
            source,
            part,
            gate,
            known: None,
            stale: None,
            batch,
            backoff: Backoff::default(),
            undone: 0,
            undone_since: None,
            asked: 0,
            learned,
        }
    }

    /// Until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let (asked, part) = self.admitted().await;
            self.common.desk.enter(&self.name, part);
            let now = self.common.clock.tick();
            if asked != self.asked || now.since(self.learned) > LEARNED {
                // Somebody may have put back an older target.
                (self.asked, self.learned) = (asked, now);
                self.doubt();
            }
            match self.round(part).await {
                Ok(Round::More) => {
                    self.well();
                    tokio::task::yield_now().await;
                }
                Ok(Round::Over) => {
                    self.well();
                    self.common.desk.settled(&self.name, asked);
                    self.rest(asked, part).await;
                }
                Err(trouble) => self.suffer(asked, part, &trouble).await,
            }
        }
    }

    /// Waits until rows of this machine may be carried. Tells the last request, and what the machine does.
    async fn admitted(&mut self) -> (u64, Part) {
        loop {
            let gate = self.gate.borrow_and_update().clone();
            let part = *self.part.borrow_and_update();
            if let (true, Some(part)) = (gate.is_open(), part) {
                return (gate.asked, part);
            }
            // Whoever takes over meanwhile changes the marks.
            self.doubt();
            if let Some(part) = part {
                self.only_watch(part).await;
            }
            let gone = tokio::select! {
                () = tokio::time::sleep(WATCHED) => false,
                changed = self.gate.changed() => changed.is_err(),
                changed = self.part.changed() => changed.is_err(),
            };
            if gone {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Says how far behind it is, where rows are carried by another engine or only when somebody asks.
    async fn only_watch(&mut self, part: Part) {
        self.common.desk.enter(&self.name, part);
        let counted = match self.learn().await {
            Ok(known) => {
                self.known = Some(known);
                self.count().await.map_err(Trouble::Source)
            }
            Err(trouble) => Err(trouble),
        };
        let trouble = counted.err().map(|trouble| trouble.words());
        self.common.desk.trouble(&self.name, trouble);
    }

    /// Both ends are to be asked what there is before anything else is done.
    fn doubt(&mut self) {
        self.stale = self.known.take().or_else(|| self.stale.take());
    }

    fn well(&mut self) {
        self.backoff.reset();
        (self.undone, self.undone_since) = (0, None);
    }

    /// Until something may have come in.
    async fn rest(&mut self, asked: u64, part: Part) {
        tokio::time::sleep(BREATH).await;
        let every = self.common.feed.every.saturating_sub(BREATH);
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = self.source.stirred() => {}
            () = otherwise(&mut self.gate, &mut self.part, asked, part) => {}
        }
    }

    async fn suffer(&mut self, asked: u64, part: Part, trouble: &Trouble) {
        if let Trouble::Sink(SinkError::Again(_) | SinkError::Moved(_)) = trouble {
            self.doubt();
            self.undone += 1;
            let now = self.common.clock.tick();
            let since = *self.undone_since.get_or_insert(now);
            if self.undone <= UNDONE && now.since(since) < UNDONE_FOR {
                return tokio::time::sleep(self.backoff.pause(fastrand::f64()) / 8).await;
            }
        }
        let (state, why) = trouble.words();
        tracing::debug!(feed = self.common.feed.name, machine = self.name, state = state.word(), why, "not carried");
        self.common.desk.trouble(&self.name, Some((state, why.clone())));
        self.common.desk.failed(&self.name, asked, &why);
        let pause = self.backoff.pause(fastrand::f64());
        let look_on = matches!(trouble, Trouble::Sink(_));
        let (mut gate, mut does) = (self.gate.clone(), self.part.clone());
        tokio::select! {
            () = self.meanwhile(pause, look_on) => {}
            () = otherwise(&mut gate, &mut does, asked, part) => {}
        }
        if let Trouble::Sink(_) = trouble {
            // Nobody knows what was written: the marks at the target tell.
            self.doubt();
        }
    }

    /// While the target is away, what waits is still counted.
    async fn meanwhile(&mut self, pause: Duration, look_on: bool) {
        let every = self.common.feed.every.max(Duration::from_secs(1));
        let mut left = pause;
        while look_on && left > every {
            tokio::time::sleep(every).await;
            left = left.saturating_sub(every);
            let _source_away_too = self.count().await;
            self.common.desk.compose();
        }
        tokio::time::sleep(left).await;
    }
}

/// Ends when somebody asks, or when the machine does something else, or when rows may not be carried any more.
async fn otherwise(gate: &mut watch::Receiver<Gate>, part: &mut watch::Receiver<Option<Part>>, asked: u64, does: Part) {
    let asking = async { gate.wait_for(|gate| gate.asked != asked || !gate.is_open()).await.is_err() };
    let doing = async { part.wait_for(|part| *part != Some(does)).await.is_err() };
    let gone = tokio::select! {
        gone = asking => gone,
        gone = doing => gone,
    };
    if gone {
        // Whoever would say so has ended: this lane will, too.
        std::future::pending::<()>().await;
    }
}
