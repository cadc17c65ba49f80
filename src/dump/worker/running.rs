//! One dump at work: when its rounds are made, and what happens when the medium or the server is away.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::hands::{Job, Round, Trouble};
use super::{Dumps, Place};
use crate::dump::medium::Reading;
use crate::dump::report::Made;
use crate::fleet::data::Dump;
use crate::work::steer::{Alone, Steer};

/// A medium that is away is looked for this often, or as often as rounds are made.
const LOOK: Duration = Duration::from_secs(2);
/// First pause before a server that is away is asked again; each is twice the one before, up to the time between rounds.
const BACK_OFF: Duration = Duration::from_secs(1);
/// Whoever wants to read waits so long while old kits are being removed: a medium that takes longer hangs.
const ENTER: Duration = Duration::from_secs(300);

pub(super) struct Running {
    pub(super) dump: Arc<Dump>,
    pub(super) desk: Arc<Desk>,
    pub(super) stop: CancellationToken,
    place: Place,
    /// Why nothing may be dumped.
    pub(super) elsewhere: watch::Sender<Option<String>>,
    /// Grows when somebody else made a round, or let go of the medium: the schedule begins anew.
    turn: watch::Sender<u64>,
}

impl Running {
    pub(super) fn begin(dumps: &Dumps, dump: &Dump) -> Arc<Self> {
        let (dump, inner) = (Arc::new(dump.clone()), &dumps.0);
        let (clock, memory, seen) = (inner.clock.clone(), Arc::clone(&inner.memory), inner.seen.clone());
        let desk = Desk::new(Arc::clone(&dump), inner.always, clock, memory, seen);
        let running = Arc::new(Self {
            place: dumps.place(&dump.to),
            dump,
            desk: Arc::new(desk),
            stop: inner.stop.child_token(),
            elsewhere: watch::channel(Some("the engine has just started".into())).0,
            turn: watch::channel(0).0,
        });
        let (at_work, dumps) = (Arc::clone(&running), dumps.clone());
        inner.tasks.spawn(async move {
            let stop = at_work.stop.clone();
            let _stopped = stop.run_until_cancelled(at_work.work(&dumps)).await;
        });
        running
    }

    pub(super) fn may(&self, elsewhere: Option<String>) {
        self.desk.elsewhere(elsewhere.clone());
        self.elsewhere.send_if_modified(|now| {
            let changed = *now != elsewhere;
            *now = elsewhere;
            changed
        });
    }

    /// Enters as one who reads kits: until it is dropped none is removed.
    pub(super) async fn reading(&self, stop: &CancellationToken) -> Result<Reading, Trouble> {
        let entering = tokio::time::timeout(ENTER, self.place.readers.enter());
        let entered = stop.run_until_cancelled(entering).await.ok_or(Trouble::Stopped)?;
        entered.map_err(|_late| {
            Trouble::Medium(format!(
                "old kits are being removed from {} and it takes too long: pull the medium out and plug it in again",
                self.dump.to.display()
            ))
        })
    }

    /// What a piece of work is given.
    pub(super) fn job(&self, dumps: &Dumps, steer: Arc<dyn Steer>, stop: CancellationToken) -> Job {
        let (dump, readers) = (Arc::clone(&self.dump), self.place.readers.clone());
        Job { dump, known: dumps.0.memory.of(&self.dump.name).media, readers, steer, stop }
    }

    /// Looks at the medium; whether it is there now and was not before.
    pub(super) async fn look(&self, dumps: &Dumps) -> bool {
        let _alone = self.place.medium.lock().await;
        let found = dumps.0.hands.look(self.job(dumps, Arc::new(Alone), self.stop.clone())).await;
        self.desk.looked(found)
    }

    /// Lets go of the medium.
    pub(super) async fn eject(
        &self,
        dumps: &Dumps,
        steer: Arc<dyn Steer>,
        stop: CancellationToken,
    ) -> Result<String, Trouble> {
        let _alone = self.place.medium.lock().await;
        let said = dumps.0.hands.eject(self.job(dumps, steer, stop)).await?;
        self.desk.ejected();
        self.turn.send_modify(|turn| *turn += 1);
        Ok(said)
    }

    /// One round that somebody asked for.
    pub(super) async fn round_now(
        &self,
        dumps: &Dumps,
        steer: Arc<dyn Steer>,
        stop: CancellationToken,
    ) -> Result<Made, Trouble> {
        let made = self.round(dumps, steer, stop).await;
        self.turn.send_modify(|turn| *turn += 1);
        made
    }

    async fn round(&self, dumps: &Dumps, steer: Arc<dyn Steer>, stop: CancellationToken) -> Result<Made, Trouble> {
        let _alone = self.place.medium.lock().await;
        let (clock, hands) = (&dumps.0.clock, &dumps.0.hands);
        let began = clock.tick();
        self.desk.begins();
        let ended = Ended(&self.desk);
        // A defect in a round must not end all rounds to come, nor look as if one were under way for ever.
        let round = AssertUnwindSafe(hands.round(self.job(dumps, steer, stop))).catch_unwind().await;
        let round = round.unwrap_or_else(|_broke| {
            let what = "the round broke; the engine's log says where; this is a defect, please report it";
            Err(Trouble::Failed(what.into()))
        });
        drop(ended);
        let made = round.as_ref().map(|Round { made, .. }| made.clone()).map_err(Clone::clone);
        self.desk.ended(round, clock.tick().since(began));
        made
    }

    /// Makes rounds until it is stopped.
    async fn work(&self, dumps: &Dumps) {
        let clock = &dumps.0.clock;
        let (mut elsewhere, mut turn) = (self.elsewhere.subscribe(), self.turn.subscribe());
        self.look(dumps).await;
        let every = self.dump.every.max(Duration::from_millis(10));
        let mut next = clock.tick();
        let mut pause = BACK_OFF;
        loop {
            let makes = dumps.0.always && elsewhere.borrow_and_update().is_none();
            let wait = next.since(clock.tick());
            let there = self.desk.has_medium();
            if makes && there && wait.is_zero() {
                let began = clock.tick();
                turn.mark_unchanged();
                next = match self.round(dumps, Arc::new(Alone), self.stop.clone()).await {
                    Err(Trouble::Server(_)) => {
                        let again = clock.tick() + pause.min(every);
                        pause = pause.saturating_mul(2).min(every);
                        again
                    }
                    // It may be gone altogether: looked for before the next round.
                    Err(Trouble::Medium(_)) => {
                        self.look(dumps).await;
                        began + every
                    }
                    _ => {
                        pause = BACK_OFF;
                        began + every
                    }
                };
                self.desk.next(Some(next.since(clock.tick())));
                continue;
            }
            let sleep = match (makes && there, there) {
                (true, _) => wait,
                (false, true) => every,
                (false, false) => LOOK.min(every),
            };
            if !makes || !there {
                self.desk.next(None);
            }
            tokio::select! {
                () = tokio::time::sleep(sleep) => {
                    let due = makes && there;
                    if !due && self.look(dumps).await {
                        next = clock.tick();
                    }
                }
                _ = elsewhere.changed() => {}
                // What somebody else did counts as a round of the schedule; a medium that was let go of is looked for.
                _ = turn.changed() => next = clock.tick() + every,
            }
        }
    }
}

/// A round that is dropped in the middle has ended too.
struct Ended<'a>(&'a Desk);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.ended(Err(Trouble::Stopped), Duration::ZERO);
    }
}
