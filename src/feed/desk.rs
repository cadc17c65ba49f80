//! All that is known of one feed, and the picture that is made of it.

mod ends;
mod strand;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use self::strand::{Strand, tenth};
use super::lag::catches_up_in;
use super::mark::Mark;
use super::source::Look;
use super::value::Value;
use super::view::{Checked, FeedState, FeedView, Part, StrandView};
use crate::clock::Clock;
use crate::fleet::data::Feed;

/// Rows that wait longer than this, and than three rounds, are a backlog.
const BACKLOG: Duration = Duration::from_secs(3);

/// One feed's desk.
#[derive(Debug)]
pub struct Desk {
    feed: Arc<Feed>,
    clock: Clock,
    state: Mutex<State>,
    seen: watch::Sender<u64>,
    /// Bumped when a round has ended, well or not.
    rounds: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    lanes: BTreeMap<String, Lane>,
    checked: Option<Checked>,
    /// Why nobody here carries it.
    elsewhere: Option<String>,
    view: Arc<FeedView>,
}

/// What one machine's rows do.
#[derive(Debug)]
struct Lane {
    part: Part,
    trouble: Option<(FeedState, String)>,
    strands: BTreeMap<String, Strand>,
    /// The last request that was carried out, and the last that failed.
    settled: u64,
    failed: Option<(u64, String)>,
}

/// How a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It goes on.
    Open,
    /// Everything that waited was carried.
    Done,
    /// It cannot be carried out, and why.
    Failed(String),
}

impl Desk {
    /// A desk with nothing on it. `seen` is bumped when the picture changes.
    pub fn new(feed: Arc<Feed>, clock: Clock, seen: watch::Sender<u64>) -> Self {
        let (from, to) = (ends::origin(&feed), ends::target(&feed));
        let view = FeedView {
            from,
            to,
            follows: feed.follow.clone(),
            max_lag: feed.max_lag.as_secs_f64(),
            ..FeedView::starting(feed.name.clone())
        };
        let state = State { lanes: BTreeMap::new(), checked: None, elsewhere: None, view: Arc::new(view) };
        Self { feed, clock, state: Mutex::new(state), seen, rounds: watch::channel(0).0 }
    }

    /// The feed.
    pub const fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// The picture.
    pub fn view(&self) -> Arc<FeedView> {
        Arc::clone(&self.lock().view)
    }

    /// Wakes when a round has ended, well or not.
    pub fn rounds(&self) -> watch::Receiver<u64> {
        self.rounds.subscribe()
    }

    /// A machine takes part, as what.
    pub fn enter(&self, source: &str, part: Part) {
        let mut state = self.lock();
        let lane = state.lanes.entry(source.to_owned()).or_insert_with(|| Lane {
            part,
            trouble: None,
            strands: BTreeMap::new(),
            settled: 0,
            failed: None,
        });
        lane.part = part;
        for table in &self.feed.tables {
            lane.strands.entry(table.name.clone()).or_default();
        }
    }

    /// Why nobody here carries it; `None`: it is carried here.
    pub fn elsewhere(&self, why: Option<String>) {
        self.lock().elsewhere = why;
        self.compose();
        self.turned();
    }

    /// A look at a table. `age` tells how long ago a time was, as it is written there.
    pub fn looked(
        &self,
        source: &str,
        table: &str,
        mark: Option<&Mark>,
        look: &Look,
        age: impl Fn(&Value) -> Option<Duration>,
    ) {
        let now = self.clock.tick();
        self.strand(source, table, |strand| strand.looked(now, mark, look, age));
    }

    /// Rows are at the target; `left` wait still.
    pub fn carried(&self, source: &str, table: &str, mark: &Mark, rows: u64, left: u64) {
        let now = self.clock.tick();
        self.strand(source, table, |strand| strand.written(now, mark, rows, left));
    }

    /// What was noticed that a person should know.
    pub fn warn(&self, source: &str, table: &str, warning: String) {
        self.strand(source, table, |strand| strand.warn(warning));
    }

    /// What is wrong with a machine, or with the target as it sees it; `None`: nothing.
    pub fn trouble(&self, source: &str, trouble: Option<(FeedState, String)>) {
        if let Some(lane) = self.lock().lanes.get_mut(source) {
            lane.trouble = trouble;
        }
        self.compose();
    }

    /// A round that began when this request was known has carried everything that waited.
    pub fn settled(&self, source: &str, asked: u64) {
        if let Some(lane) = self.lock().lanes.get_mut(source) {
            lane.settled = lane.settled.max(asked);
            lane.trouble = None;
        }
        self.compose();
        self.turned();
    }

    /// A round that began when this request was known cannot be carried out.
    pub fn failed(&self, source: &str, asked: u64, why: &str) {
        if let Some(lane) = self.lock().lanes.get_mut(source) {
            lane.failed = Some((asked, why.to_owned()));
        }
        self.turned();
    }

    /// How a request stands.
    pub fn asked(&self, number: u64) -> Asked {
        let state = self.lock();
        if let Some(why) = &state.elsewhere {
            return Asked::Failed(why.clone());
        }
        let mut open = state.lanes.is_empty();
        for (source, lane) in state.lanes.iter().filter(|(_, lane)| lane.settled < number) {
            match &lane.failed {
                Some((asked, why)) if *asked >= number => {
                    if lane.part.matters() {
                        let at = if source.is_empty() { String::new() } else { format!("{source}: ") };
                        return Asked::Failed(format!("{at}{why}"));
                    }
                }
                _ => open = true,
            }
        }
        if open { Asked::Open } else { Asked::Done }
    }

    /// Rows carried and rows that wait, by machine and table.
    pub fn counts(&self) -> BTreeMap<(String, String), (u64, u64)> {
        let state = self.lock();
        let mut counts = BTreeMap::new();
        for (source, lane) in &state.lanes {
            for (table, strand) in &lane.strands {
                let waiting = if strand.passed_over { 0 } else { strand.waiting };
                counts.insert((source.clone(), table.clone()), (strand.carried, waiting));
            }
        }
        counts
    }

    /// Both ends were compared.
    pub fn checked(&self, checked: Checked) {
        self.lock().checked = Some(checked);
        self.compose();
    }

    /// Makes the picture anew; whoever looks is told where it is another.
    pub fn compose(&self) {
        let mut state = self.lock();
        let view = self.picture(&mut state);
        if *state.view != view {
            state.view = Arc::new(view);
            drop(state);
            self.seen.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    fn turned(&self) {
        self.rounds.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn strand(&self, source: &str, table: &str, change: impl FnOnce(&mut Strand)) {
        let mut state = self.lock();
        if let Some(strand) = state.lanes.get_mut(source).and_then(|lane| lane.strands.get_mut(table)) {
            change(strand);
        }
    }

    fn picture(&self, state: &mut State) -> FeedView {
        let now = self.clock.tick();
        let backlog = self.feed.every.saturating_mul(3).max(BACKLOG);
        let old = &state.view;
        let mut view = FeedView {
            from: old.from.clone(),
            to: old.to.clone(),
            follows: old.follows.clone(),
            max_lag: old.max_lag,
            checked: state.checked.clone(),
            ..FeedView::starting(old.name.clone())
        };
        let mut worst = (FeedState::Starting, None);
        let mut known = false;
        let mut history: Vec<u32> = Vec::new();
        for (source, lane) in &mut state.lanes {
            for (table, strand) in &mut lane.strands {
                strand.rates.turn(now);
                let one = strand.view(source, table, lane.part, lane.trouble.as_ref(), now, backlog);
                let lag_by = self.feed.tables.iter().find(|of| of.name == *table).and_then(|of| of.lag_by.clone());
                let one = StrandView { lag_by, ..one };
                view.rows_behind += one.rows_behind;
                view.counted &= one.counted;
                view.seconds_behind = view.seconds_behind.max(one.seconds_behind);
                let (came_in, carried) = strand.rates.rates();
                view.rate_in += came_in;
                view.rate += carried;
                add(&mut history, &strand.rates.history());
                let machine = if source.is_empty() { String::new() } else { format!(" of {source}") };
                view.warnings.extend(
                    strand.warnings.iter().chain(&strand.soon).map(|warning| format!("{table}{machine}: {warning}")),
                );
                view.looked = view.looked.max(strand.looked);
                if lane.part.matters() && (!known || one.state > worst.0) {
                    known = true;
                    worst = (one.state, one.why.clone());
                }
                view.strands.push(one);
            }
        }
        (view.state, view.why) = match &state.elsewhere {
            Some(why) => (FeedState::Elsewhere, Some(why.clone())),
            None => worst,
        };
        (view.rate_in, view.rate) = (tenth(view.rate_in), tenth(view.rate));
        view.late = view.seconds_behind > view.max_lag;
        view.catches_up_in = catches_up_in(view.rows_behind, view.rate_in, view.rate).map(f64::round);
        view.history = history;
        view
    }

    /// Each change leaves it whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sums of slices that end together.
fn add(sum: &mut Vec<u32>, more: &[u32]) {
    if more.len() > sum.len() {
        let missing = more.len() - sum.len();
        sum.splice(0..0, std::iter::repeat_n(0, missing));
    }
    for (one, other) in sum.iter_mut().rev().zip(more.iter().rev()) {
        *one = one.saturating_add(*other);
    }
}
