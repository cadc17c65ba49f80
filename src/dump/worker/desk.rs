//! What is known of one dump, and the view that is made of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::hands::{Round, Shelf, Trouble};
use super::memory::Memory;
use super::{LEASE, lock};
use crate::clock::{Clock, Tick, Timestamp};
use crate::dump::record::{Held, Kit};
use crate::dump::report::{Drilled, Made, MadeResult};
use crate::dump::view::{DatabaseView, DrillView, DumpState, DumpView, KitView};
use crate::fleet::data::Dump;
use crate::reach::plain;

/// A medium with room for fewer kits than this is nearly full.
const ROOM: u64 = 5;

pub(super) struct Desk {
    dump: Arc<Dump>,
    /// Rounds are made by the schedule.
    always: bool,
    clock: Clock,
    memory: Arc<Memory>,
    seen: watch::Sender<u64>,
    known: Mutex<Known>,
}

struct Known {
    began: Tick,
    elsewhere: Option<String>,
    /// The medium was looked at, or found not to be there.
    looked: bool,
    shelf: Shelf,
    /// The medium was let go of, and nothing was mounted there since.
    ejected: bool,
    dumping: bool,
    /// Why the medium cannot be looked at.
    away: Option<Trouble>,
    /// What came of the last round, where it was not good.
    trouble: Option<Trouble>,
    made: Option<Made>,
    took: Option<Duration>,
    /// When the last good round ended, as far as this engine knows by a clock that nobody sets.
    good: Option<Tick>,
    next: Option<Timestamp>,
    shown: Arc<DumpView>,
}

impl Desk {
    pub(super) fn new(
        dump: Arc<Dump>,
        always: bool,
        clock: Clock,
        memory: Arc<Memory>,
        seen: watch::Sender<u64>,
    ) -> Self {
        let shown = Arc::new(DumpView::starting(dump.name.clone()));
        let known = Known {
            began: clock.tick(),
            elsewhere: None,
            looked: false,
            shelf: Shelf::default(),
            ejected: false,
            dumping: false,
            away: None,
            trouble: None,
            made: None,
            took: None,
            good: None,
            next: None,
            shown,
        };
        let desk = Self { dump, always, clock, memory, seen, known: Mutex::new(known) };
        desk.compose();
        desk
    }

    pub(super) fn view(&self) -> Arc<DumpView> {
        Arc::clone(&lock(&self.known).shown)
    }

    pub(super) fn kits(&self) -> Vec<KitView> {
        lock(&self.known).shelf.kits.iter().map(KitView::of).collect()
    }

    pub(super) fn elsewhere(&self, elsewhere: Option<String>) {
        lock(&self.known).elsewhere = elsewhere;
        self.compose();
    }

    /// The medium was looked at; whether it is there now and was not before.
    pub(super) fn looked(&self, found: Result<Shelf, Trouble>) -> bool {
        let came = {
            let mut known = lock(&self.known);
            let was_away = known.away.is_some() || known.ejected;
            known.looked = true;
            match found {
                Ok(on_it) => {
                    known.ejected = false;
                    known.away = None;
                    if was_away && matches!(known.trouble, Some(Trouble::Medium(_))) {
                        known.trouble = None;
                    }
                    known.shelf = on_it;
                    was_away
                }
                Err(Trouble::Stopped) => false,
                Err(trouble) => {
                    known.shelf.free = None;
                    known.away = Some(trouble);
                    false
                }
            }
        };
        self.compose();
        came
    }

    /// Whether the medium could be looked at the last time.
    pub(super) fn has_medium(&self) -> bool {
        let known = lock(&self.known);
        known.looked && known.away.is_none() && !known.ejected
    }

    /// A round begins. It is seen by whoever looks while it takes long: most of them are over before anybody could.
    pub(super) fn begins(&self) {
        lock(&self.known).dumping = true;
    }

    pub(super) fn ended(&self, round: Result<Round, Trouble>, took: Duration) {
        let (tick, now) = (self.clock.tick(), self.clock.now());
        {
            let mut known = lock(&self.known);
            known.dumping = false;
            known.looked = true;
            match round {
                Ok(Round { made, shelf }) => {
                    known.took = Some(took);
                    (known.ejected, known.away) = (false, None);
                    known.trouble = failed(&made).map(Trouble::Failed);
                    if known.trouble.is_none() {
                        known.good = Some(tick);
                        self.memory.good(&self.dump.name, &made.kit, now);
                    }
                    if let Some(id) = &shelf.id {
                        self.memory.medium(&self.dump.name, id);
                    }
                    (known.made, known.shelf) = (Some(made), shelf);
                }
                Err(Trouble::Stopped) => {}
                Err(trouble) => known.trouble = Some(trouble),
            }
        }
        self.compose();
    }

    pub(super) fn ejected(&self) {
        {
            let mut known = lock(&self.known);
            known.ejected = true;
            (known.away, known.trouble, known.shelf.free) = (None, None, None);
        }
        self.compose();
    }

    pub(super) fn drilled(&self, drilled: &Drilled) {
        let wrong = drilled.databases.iter().filter(|database| !database.ok).count();
        let said = match (drilled.ok, wrong, drilled.databases.len()) {
            (true, _, 1) => "1 database as it was noted".to_owned(),
            (true, _, all) => format!("{all} databases as they were noted"),
            (false, wrong, all) => format!("{wrong} of {all} databases not as they were noted"),
        };
        let drill = DrillView {
            kit: drilled.kit.clone(),
            at: self.clock.now(),
            ok: drilled.ok,
            seconds: drilled.seconds,
            said,
        };
        self.memory.drilled(&self.dump.name, drill);
        self.compose();
    }

    pub(super) fn next(&self, after: Option<Duration>) {
        let at = after.and_then(|after| self.clock.now().checked_add(after).ok());
        lock(&self.known).next = at;
        self.compose();
    }

    /// Makes the view anew, and tells where it is another.
    pub(super) fn compose(&self) {
        let (tick, now) = (self.clock.tick(), self.clock.now());
        let mut known = lock(&self.known);
        let view = self.compose_of(&known, tick, now);
        if *known.shown != view {
            known.shown = Arc::new(view);
            drop(known);
            self.seen.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    fn compose_of(&self, known: &Known, tick: Tick, now: Timestamp) -> DumpView {
        let kept = self.memory.of(&self.dump.name);
        let newest = known.shelf.kits.first();
        let whole = |kit: &Kit| kit.databases.iter().all(|database| database.error.is_none());
        let good = kept.good.max(known.shelf.current).max(newest.filter(|kit| whole(kit)).map(|kit| kit.at));
        let kit = newest.map(|kit| kit.name.clone()).or(kept.kit);
        let patience = self.dump.every.saturating_mul(2).saturating_add(known.took.unwrap_or_default());
        let since = match (known.good, good) {
            (Some(at), _) => Some(tick.since(at)),
            (None, Some(at)) => Some(Duration::try_from(now.duration_since(at)).unwrap_or_default()),
            (None, None) => None,
        };
        // A first round gets as long as a late one, where one is made.
        let first = !self.always || tick.since(known.began) > patience;
        let late = since.map_or(first, |since| since > patience);
        let (state, why) = match (&known.elsewhere, known.away.as_ref().or(known.trouble.as_ref())) {
            _ if !known.looked => (DumpState::Starting, None),
            // Who has just started holds the lease in a moment, or does not get it.
            (Some(_), _) if tick.since(known.began) < LEASE => (DumpState::Starting, None),
            (Some(why), _) => (DumpState::Elsewhere, Some(why.clone())),
            _ if known.ejected => (DumpState::Ejected, Some("plug it in again, and rounds go on by themselves".into())),
            (None, Some(trouble @ Trouble::Medium(_))) => (DumpState::MediumAway, Some(trouble.to_string())),
            (None, Some(trouble @ Trouble::Server(_))) => (DumpState::ServerAway, Some(trouble.to_string())),
            (None, Some(trouble)) => (DumpState::Failing, Some(trouble.to_string())),
            (None, None) if late => (DumpState::Late, Some(late_because(since, known.dumping))),
            (None, None) if known.dumping => (DumpState::Dumping, None),
            (None, None) if since.is_none() => (DumpState::Starting, None),
            (None, None) => (DumpState::Good, None),
        };
        DumpView {
            name: self.dump.name.clone(),
            server: self.dump.server.url.clone(),
            to: self.dump.to.display().to_string(),
            state,
            why,
            every: self.dump.every.as_secs_f64(),
            kit,
            good,
            databases: databases(known, now),
            kits: u32::try_from(known.shelf.kits.len()).unwrap_or(u32::MAX),
            bytes: known.shelf.kits.iter().map(Kit::bytes).sum(),
            free: known.shelf.free,
            medium: known.shelf.id.clone(),
            took: known.took.map(|took| took.as_secs_f64()),
            drill: kept.drill,
            next: known.next,
            warnings: warnings(known),
        }
    }
}

/// What failed in a round, in one line.
fn failed(made: &Made) -> Option<String> {
    let failed: Vec<_> = made.databases.iter().filter(|database| database.result == MadeResult::Failed).collect();
    let first = failed.first()?;
    let why = first.error.as_deref().unwrap_or("it does not say why");
    let more = if failed.len() > 1 { format!(" (and {} more)", failed.len() - 1) } else { String::new() };
    Some(format!("{}: {why}{more}", first.name))
}

fn late_because(since: Option<Duration>, dumping: bool) -> String {
    let round = if dumping { "a round is under way" } else { "no round is under way" };
    match since {
        Some(since) => format!("the last good round ended {} ago; {round}", plain::time(since)),
        None => format!("there is no kit yet; {round}"),
    }
}

/// Of the last round; before the first one of this engine: of the newest kit.
fn databases(known: &Known, now: Timestamp) -> Vec<DatabaseView> {
    let newest = known.shelf.kits.first();
    let held = |name: &str| newest.and_then(|kit| kit.databases.iter().find(|one| one.name == name)?.held.as_ref());
    if let Some(made) = &known.made {
        let of = made.databases.iter().map(|one| DatabaseView {
            name: one.name.clone(),
            label: one.label.clone(),
            result: one.result,
            bytes: if one.bytes > 0 { one.bytes } else { held(&one.name).map_or(0, Held::bytes) },
            locked: one.locked,
            good: held(&one.name).map(|held| held.at).map(|at| at.min(now)),
            error: one.error.clone(),
        });
        return of.collect();
    }
    let of = newest.into_iter().flat_map(|kit| kit.databases.iter().map(move |one| (kit, one)));
    of.map(|(kit, one)| DatabaseView {
        name: one.name.clone(),
        label: one.label.clone(),
        result: match &one.held {
            _ if one.error.is_some() => MadeResult::Failed,
            Some(held) if held.kit == kit.name => MadeResult::Written,
            Some(_) => MadeResult::Unchanged,
            None => MadeResult::Failed,
        },
        bytes: one.held.as_ref().map_or(0, Held::bytes),
        locked: one.held.as_ref().and_then(|held| held.locked),
        good: one.held.as_ref().map(|held| held.at),
        error: one.error.clone(),
    })
    .collect()
}

fn warnings(known: &Known) -> Vec<String> {
    let mut all = known.shelf.warnings.clone();
    let largest = known.shelf.kits.iter().map(Kit::bytes).max().unwrap_or(0);
    if let Some(free) = known.shelf.free.filter(|free| *free < largest.saturating_mul(ROOM)) {
        all.push(format!(
            "the medium has {} left, and the largest kit took {}: plug in another one soon, or keep fewer",
            plain::size(free),
            plain::size(largest)
        ));
    }
    all
}
