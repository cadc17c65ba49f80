//! Actions: everything a person can do in the console.
//!
//! One table feeds the keymaps, the help, the palette, the bottom line, `docs/keys.md` and the tests. This room says
//! what there is and when it can be done; doing it is the app's.

pub mod doc;
pub mod table;

pub use table::Action;

/// Where an action applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everywhere.
    Anywhere,
    /// Where a row can be selected.
    List,
    /// The pane Hosts, and the page of a host.
    Hosts,
    /// Everywhere in a fleet that has pools.
    Pools,
    /// The pane Lag, and the page of a feed.
    Feeds,
    /// A dump in the pane Lag, and its page.
    Dumps,
    /// The page of services.
    Services,
    /// Everywhere in a fleet with runbooks that are no pool's, or as soon as one was run.
    Runs,
    /// The pane Jobs, and the page of a job.
    Jobs,
    /// The pane Sessions, and the page of a session.
    Sessions,
}

impl Scope {
    /// Every scope, in the order of the help.
    pub const ALL: [Self; 10] = [
        Self::Anywhere,
        Self::List,
        Self::Hosts,
        Self::Pools,
        Self::Feeds,
        Self::Dumps,
        Self::Sessions,
        Self::Services,
        Self::Runs,
        Self::Jobs,
    ];

    /// Whether it is one pane's own.
    const fn own(self) -> bool {
        matches!(self, Self::Hosts | Self::Feeds | Self::Dumps | Self::Services | Self::Jobs | Self::Sessions)
    }

    /// Whether there is a place where both are in force.
    pub fn meets(self, other: Self) -> bool {
        self == other || !(self.own() && other.own())
    }

    /// As the help names it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Anywhere => "Everywhere",
            Self::List => "In a list",
            Self::Hosts => "Hosts",
            Self::Pools => "Pools",
            Self::Feeds => "Lag",
            Self::Dumps => "Dumps, in Lag",
            Self::Services => "Services",
            Self::Runs => "Runs of runbooks",
            Self::Jobs => "Jobs",
            Self::Sessions => "Sessions",
        }
    }
}

/// How much can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    /// Only the picture changes, or something is looked at.
    Harmless,
    /// Something changes; what is needed is asked first.
    Changes,
    /// Work ends, watching stops or something is deleted: never on one key, and a word is typed before it is done.
    Dangerous,
}

/// What an action can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// Its name in help and palette.
    pub name: &'static str,
    /// What it may be.
    pub kind: ArgumentKind,
    /// Whether there is no sense without it.
    pub required: bool,
}

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// Name of a pane.
    Pane,
    /// Name of a column to sort by.
    Sort,
    /// Name of a theme.
    Theme,
    /// Name of a keymap.
    Keymap,
    /// Name of a host.
    Host,
    /// Name of a pool, or of a host or spare in one.
    Pool,
    /// Name of a feed.
    Feed,
    /// Name of a dump.
    Dump,
    /// Name of a service.
    Service,
    /// Name of a runbook that was run.
    Run,
    /// Name of a runbook that a person may begin.
    Runbook,
    /// Number of a job.
    Job,
    /// Participant and day of a session, a participant, a day, or two days as `20250104..20250110`.
    Session,
    /// Name of a store of sessions.
    Store,
    /// Any text.
    Text,
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    /// The action.
    pub action: Action,
    /// Its name for keymaps and the palette.
    pub id: &'static str,
    /// What it does, in two or three words, for the bottom line.
    pub title: &'static str,
    /// What it does, in one sentence.
    pub doc: &'static str,
    /// Where it applies.
    pub scope: Scope,
    /// How much can go wrong.
    pub danger: Danger,
    /// What it can be told.
    pub argument: Option<Argument>,
}

impl Spec {
    /// Whether it changes anything outside this console; such actions do not exist with `--read-only`.
    pub fn changes(&self) -> bool {
        self.danger != Danger::Harmless
    }
}

/// An action with its argument: what keys and the palette call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The action.
    pub action: Action,
    /// What it is told.
    pub argument: Option<String>,
}

impl From<Action> for Invocation {
    fn from(action: Action) -> Self {
        Self { action, argument: None }
    }
}

impl std::fmt::Display for Invocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.action.spec().id)?;
        match &self.argument {
            Some(argument) => write!(f, " {argument}"),
            None => Ok(()),
        }
    }
}
