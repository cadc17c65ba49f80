//! The rows of the pane Lag: what each is about, and what is known of it.

use super::dumps;
use super::words::{self, Said};
use crate::console::theme::glyphs::Glyphs;
use crate::dump::view::DumpView;
use crate::engine::snapshot::Snapshot;
use crate::feed::view::{FeedState, FeedView, Machine};
use crate::health::view::{CheckView, HostView};

/// What a row is about.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    /// A feed.
    Feed(&'a FeedView),
    /// A machine of a feed.
    Machine(&'a FeedView, Machine<'a>),
    /// A dump.
    Dump(&'a DumpView),
    /// A replica: a check of a host.
    Replica(&'a HostView, &'a CheckView),
}

impl<'a> Row<'a> {
    /// The feed, where it is about one.
    pub fn feed(self) -> Option<&'a FeedView> {
        match self {
            Self::Feed(feed) | Self::Machine(feed, _) => Some(feed),
            Self::Dump(_) | Self::Replica(..) => None,
        }
    }

    /// The dump, where it is about one.
    pub fn dump(self) -> Option<&'a DumpView> {
        match self {
            Self::Dump(dump) => Some(dump),
            _ => None,
        }
    }

    pub(super) fn key(self) -> String {
        match self {
            Self::Feed(feed) => feed.name.clone(),
            Self::Machine(feed, machine) => format!("{}/{}", feed.name, machine.source.unwrap_or_default()),
            Self::Dump(dump) => format!("dump {}", dump.name),
            Self::Replica(host, check) => format!("replica {}/{}", host.name, check.name),
        }
    }

    /// What it is called; a machine stands below its feed.
    pub(super) fn name(self) -> String {
        match self {
            Self::Feed(feed) => feed.name.clone(),
            Self::Machine(_, machine) => format!("  {}", words::source(machine.source)),
            Self::Dump(dump) => format!("dump {}", dump.name),
            Self::Replica(host, check) => {
                let several = host.checks.iter().filter(|other| words::is_replica(other)).count() > 1;
                let which = if several { format!(" {}", check.name) } else { String::new() };
                format!("replica {}{which}", host.name)
            }
        }
    }

    pub(super) fn said(self, glyphs: &Glyphs) -> Said {
        match self {
            Self::Feed(feed) => words::state(feed.state, feed.late, glyphs),
            Self::Machine(feed, machine) => words::state(machine.state, machine.seconds_behind > feed.max_lag, glyphs),
            Self::Dump(dump) => dumps::said(dump, glyphs),
            Self::Replica(host, check) => words::replica(host, check, glyphs),
        }
    }

    /// Why it stands so, where that needs to be said.
    pub(super) fn why(self) -> Option<String> {
        match self {
            Self::Feed(feed) => feed.why.clone(),
            // What its feed says of it need not be said again.
            Self::Machine(feed, machine) => {
                let told = |why: &&str| feed.why.as_ref().is_some_and(|told| told.contains(*why));
                machine.why.filter(|why| !told(why)).map(Into::into)
            }
            Self::Dump(dump) => dump.why.clone(),
            Self::Replica(_, check) => check.reason.clone(),
        }
    }

    /// Rows that wait, and whether they were counted.
    pub(super) fn rows(self) -> Option<(u64, bool)> {
        match self {
            Self::Feed(feed) => (feed.state != FeedState::Starting).then_some((feed.rows_behind, feed.counted)),
            Self::Machine(_, machine) => Some((machine.rows_behind, machine.counted)),
            Self::Dump(_) | Self::Replica(..) => None,
        }
    }

    pub(super) fn seconds(self) -> Option<f64> {
        match self {
            Self::Feed(feed) => (feed.state != FeedState::Starting).then_some(feed.seconds_behind),
            Self::Machine(_, machine) => Some(machine.seconds_behind),
            Self::Dump(_) => None,
            Self::Replica(_, check) => check.behind,
        }
    }

    pub(super) fn rate(self) -> Option<f64> {
        match self {
            Self::Feed(feed) => (feed.state != FeedState::Starting).then_some(feed.rate),
            Self::Machine(_, machine) => Some(machine.rate),
            Self::Dump(_) | Self::Replica(..) => None,
        }
    }

    /// What floats to the top. The machines of a feed stay with it.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Feed(feed) | Self::Machine(feed, _) => words::rank(feed.state, feed.late),
            Self::Dump(dump) => dumps::rank(dump),
            Self::Replica(host, check) => words::replica_rank(host, check),
        }
    }
}

/// All rows, in the order of the fleet file: each feed with its machines, then the dumps, then the replicas.
pub fn rows(snapshot: &Snapshot) -> impl Iterator<Item = Row<'_>> {
    let feeds = snapshot.feeds.iter().flat_map(|feed| {
        let told = |machine: &Machine<'_>| machine.rows_behind > 0 || machine.serves();
        let machines = if feed.follows.is_some() { feed.machines() } else { Vec::new() };
        let machines = machines.into_iter().filter(told).map(|machine| Row::Machine(feed, machine));
        std::iter::once(Row::Feed(feed)).chain(machines)
    });
    let replicas = words::replicas(snapshot).map(|(host, check)| Row::Replica(host, check));
    let dumps = snapshot.dumps.iter().map(|dump| Row::Dump(dump));
    feeds.chain(dumps).chain(replicas)
}

/// The row at this place.
pub fn at(snapshot: &Snapshot, row: usize) -> Option<Row<'_>> {
    rows(snapshot).nth(row)
}
