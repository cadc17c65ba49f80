//! What the snapshot carries of feeds.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// How a feed, or one strand of it, does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedState {
    /// Nothing was heard of it yet.
    Starting,
    /// It is up to date, or carries what comes in.
    Live,
    /// Many rows wait and are carried.
    CatchingUp,
    /// Another engine carries it, or nobody may.
    Elsewhere,
    /// The source does not answer.
    SourceAway,
    /// The target does not answer.
    TargetAway,
    /// A person has something to do.
    Refused,
}

impl FeedState {
    /// Whether a person has something to look at.
    pub const fn wrong(self) -> bool {
        matches!(self, Self::SourceAway | Self::TargetAway | Self::Refused)
    }

    /// In words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Live => "live",
            Self::CatchingUp => "catching up",
            Self::Elsewhere => "elsewhere",
            Self::SourceAway => "source away",
            Self::TargetAway => "target away",
            Self::Refused => "refused",
        }
    }
}

/// What the machine that is read from does in the pool that its feed follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The feed follows no pool.
    Alone,
    /// A protected host that serves, or may.
    Serves,
    /// A protected host in whose place a spare stands, or that waits for one: that it does not answer is known.
    Replaced,
    /// A spare in a host's place.
    StandsIn,
    /// A spare that stands in for nobody.
    Idle,
}

impl Part {
    /// In words; nothing where there is nothing to say.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Alone => None,
            Self::Serves => Some("serving"),
            Self::Replaced => Some("replaced"),
            Self::StandsIn => Some("stands in"),
            Self::Idle => Some("idle"),
        }
    }

    /// Whether the feed is worse for this machine's silence.
    pub const fn matters(self) -> bool {
        matches!(self, Self::Alone | Self::Serves | Self::StandsIn)
    }
}

/// How many slices of time [`FeedView::history`] has.
pub const HISTORY_SLICES: usize = 120;
/// How long one of them is, seconds.
pub const HISTORY_SLICE_SECONDS: u64 = 5;

/// A feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedView {
    /// Its name.
    pub name: String,
    /// Where its rows come from, without secrets: `/data/people_count_database.db on studio-1`.
    pub from: String,
    /// Where they go, without secrets: `mysql://feed@10.77.0.20/people`.
    pub to: String,
    /// The pool whose serving host it reads.
    pub follows: Option<String>,
    /// The worst of its strands.
    pub state: FeedState,
    /// Why, where it is not live.
    pub why: Option<String>,
    /// Rows that wait at all sources.
    pub rows_behind: u64,
    /// Whether they were counted; otherwise there are at most so many.
    pub counted: bool,
    /// How long the oldest of them has waited, seconds.
    pub seconds_behind: f64,
    /// Whether that is more than [`Self::max_lag`].
    pub late: bool,
    /// More than so many seconds behind is late.
    pub max_lag: f64,
    /// Rows that came in at the sources, a second, of the last ten seconds.
    pub rate_in: f64,
    /// Rows carried, a second, of the last ten seconds.
    pub rate: f64,
    /// Seconds until nothing waits any more at this pace; `None`: it does not become less.
    pub catches_up_in: Option<f64>,
    /// Rows carried in each of the last [`HISTORY_SLICES`] slices of [`HISTORY_SLICE_SECONDS`] that are over, oldest first;
    /// fewer where the engine began later.
    pub history: Vec<u32>,
    /// Each table of each machine.
    pub strands: Vec<StrandView>,
    /// When both ends were last compared, and what was found.
    pub checked: Option<Checked>,
    /// What will go wrong: rows that the source will delete before they are carried, rows that it has deleted.
    pub warnings: Vec<String>,
    /// When a source last said what waits.
    pub looked: Option<Timestamp>,
}

impl FeedView {
    /// A feed of which nothing is known yet.
    pub fn starting(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            from: String::new(),
            to: String::new(),
            follows: None,
            state: FeedState::Starting,
            why: None,
            rows_behind: 0,
            counted: true,
            seconds_behind: 0.0,
            late: false,
            max_lag: f64::MAX,
            rate_in: 0.0,
            rate: 0.0,
            catches_up_in: None,
            history: Vec::new(),
            strands: Vec::new(),
            checked: None,
            warnings: Vec::new(),
            looked: None,
        }
    }

    /// Whether nothing of it needs a person: both ends answer, nothing is refused, and it is not late.
    pub fn well(&self) -> bool {
        !self.late && !self.state.wrong()
    }

    /// Its machines, in the order in which its strands name them: the tables of each together.
    pub fn machines(&self) -> Vec<Machine<'_>> {
        let mut all: Vec<Machine<'_>> = Vec::new();
        for strand in &self.strands {
            let source = strand.source.as_deref();
            let Some(machine) = all.iter_mut().find(|machine| machine.source == source) else {
                all.push(Machine::of(strand));
                continue;
            };
            machine.rows_behind = machine.rows_behind.saturating_add(strand.rows_behind);
            machine.counted &= strand.counted;
            machine.seconds_behind = machine.seconds_behind.max(strand.seconds_behind);
            machine.rate += strand.rate;
            // What is known of the whole is as old as what is known of its oldest part.
            machine.looked = machine.looked.min(strand.looked);
            if strand.state > machine.state {
                (machine.state, machine.why) = (strand.state, strand.why.as_deref());
            }
        }
        all
    }
}

/// One machine of a feed: all its tables together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine<'a> {
    /// The host; `None`: this machine.
    pub source: Option<&'a str>,
    /// What it does in the pool that the feed follows.
    pub part: Part,
    /// The worst of its tables.
    pub state: FeedState,
    /// Why, where it is not live.
    pub why: Option<&'a str>,
    /// Rows that wait.
    pub rows_behind: u64,
    /// Whether they were counted; otherwise there are at most so many.
    pub counted: bool,
    /// How long the oldest of them has waited, seconds.
    pub seconds_behind: f64,
    /// Rows carried, a second, of the last ten seconds.
    pub rate: f64,
    /// When it last said what waits; `None`: not since the engine began.
    pub looked: Option<Timestamp>,
}

impl<'a> Machine<'a> {
    fn of(strand: &'a StrandView) -> Self {
        Self {
            source: strand.source.as_deref(),
            part: strand.part,
            state: strand.state,
            why: strand.why.as_deref(),
            rows_behind: strand.rows_behind,
            counted: strand.counted,
            seconds_behind: strand.seconds_behind,
            rate: strand.rate,
            looked: strand.looked,
        }
    }

    /// Whether it serves, in its own place or in another's.
    pub const fn serves(&self) -> bool {
        matches!(self.part, Part::Serves | Part::StandsIn)
    }
}

/// One table of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrandView {
    /// The table.
    pub table: String,
    /// The host; `None`: this machine.
    pub source: Option<String>,
    /// What the host does in the pool that the feed follows.
    pub part: Part,
    /// How it does.
    pub state: FeedState,
    /// Why, where it is not live.
    pub why: Option<String>,
    /// Rows that wait.
    pub rows_behind: u64,
    /// Whether they were counted; otherwise there are at most so many.
    pub counted: bool,
    /// How long the oldest of them has waited, seconds.
    pub seconds_behind: f64,
    /// Rows carried, a second, of the last ten seconds.
    pub rate: f64,
    /// Rows carried since the engine began.
    pub carried: u64,
    /// Newest time at the source, as it is written there.
    pub newest: Option<String>,
    /// When its source last said what waits; `None`: not since the engine began.
    pub looked: Option<Timestamp>,
    /// The column of `lag_by`, where one is declared.
    pub lag_by: Option<String>,
    /// By the values of that column.
    pub groups: Vec<GroupView>,
}

/// One group of a table, by `lag_by`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupView {
    /// The value.
    pub name: String,
    /// Rows that wait.
    pub rows_behind: u64,
    /// Newest time at the source, as it is written there.
    pub newest: Option<String>,
    /// Seconds since then, by the clock of this machine.
    pub age: Option<f64>,
}

/// A comparison of both ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// When it ended.
    pub at: Timestamp,
    /// Whether both ends have the same rows.
    pub ok: bool,
    /// In one line.
    pub said: String,
}
