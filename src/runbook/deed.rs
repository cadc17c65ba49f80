//! Deed: what the executor may ask of a step, whatever its kind: look, act, look again, undo.
//!
//! The real ones are in [`super::tools`]; a test brings its own, and the order of everything is tried without a network.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;

use super::guard::Guard;
use super::plan::{Plan, Planned};

/// Why a part of a step did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It must not be done, and nothing was changed.
    Refused(String),
    /// It was not done, or it was done and did not take effect.
    Failed(String),
    /// It was begun, and whether it took effect cannot be told.
    Unknown(String),
    /// It was begun before and is still at work: it must not be begun a second time beside itself.
    Busy(String),
}

impl Trouble {
    /// What happened, and what to do about it.
    pub fn words(&self) -> &str {
        match self {
            Self::Refused(words) | Self::Failed(words) | Self::Unknown(words) | Self::Busy(words) => words,
        }
    }
}

/// What a look before acting found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// There is something to do.
    ToDo {
        /// What was found.
        note: Option<String>,
        /// What has to be remembered for the undo; it is durable before the step acts.
        keep: Option<Value>,
    },
    /// It is as the step would make it.
    There(String),
}

impl Found {
    /// There is something to do, and nothing to remember.
    pub const fn to_do() -> Self {
        Self::ToDo { note: None, keep: None }
    }
}

/// Why the look is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Before the step acts for the first time. What the act itself asks in the same breath may be left to it.
    First,
    /// The step was begun before, and how that ended is not known.
    Again,
    /// Nothing will be done: everything that can be read is read.
    Dry,
}

/// One step at work.
#[derive(Debug, Clone, Copy)]
pub struct Bit<'a> {
    /// The plan it belongs to.
    pub plan: &'a Plan,
    /// The step.
    pub step: &'a Planned,
    /// What travels with it to the hosts.
    pub guard: &'a Guard,
    /// What its look remembered for the undo.
    pub kept: Option<&'a Value>,
    /// Why it looks.
    pub look: Look,
    /// The answer of its act was lost: only a look can tell whether it was done.
    pub lost: bool,
    /// How long this part may take.
    pub patience: Duration,
    /// Where it tells how it gets on.
    pub live: &'a Live,
}

/// Does steps. Every future ends within the bit's patience and a moment, and may be dropped at any time.
pub trait Deeds: Send + Sync {
    /// Looks whether there is anything to do, and whether it may be done. Changes nothing.
    fn check<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Found, Trouble>>;

    /// Does it; answers with what there is to say.
    fn act<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>>;

    /// Looks whether it took effect; answers with what was seen. Changes nothing.
    fn verify<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>>;

    /// Undoes it and looks whether that took effect.
    fn undo<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>>;

    /// Whether the failed host is silent on the wire, service and management address both; answers with what was asked,
    /// or with who answered.
    fn silent<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<String, String>>;
}

/// What a step tells while it is at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It printed a line.
    Line(String),
    /// A phase of its own begins now, such as `announce`.
    Phase(String),
}

/// Where a step tells how it gets on. Nobody has to listen.
#[derive(Debug, Clone)]
pub struct Live(mpsc::UnboundedSender<Told>);

impl Live {
    /// A pair of teller and listener.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Told>) {
        let (tell, hear) = mpsc::unbounded_channel();
        (Self(tell), hear)
    }

    /// Tells it.
    pub fn tell(&self, told: Told) {
        let _nobody_listens = self.0.send(told);
    }
}
