//! How a command ended.

use std::process::ExitCode;

use crate::engine::command::{Refusal, RefusalKind};

/// The exit codes that scripts can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and what was asked holds.
    Done,
    /// 1: it failed, or what was asked does not hold.
    Failed,
    /// 2: wrong usage, or a fleet file with errors.
    Usage,
    /// 3: refused by a safety check; nothing was changed.
    Refused,
    /// 4: some of several failed.
    Partial,
    /// 130: interrupted; the next run continues.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Partial => 4,
            Exit::Interrupted => 130,
        })
    }
}

/// A command that ended with an error: what went wrong, and what to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What, where and why: one or more lines, lower-case start, without a full stop.
    pub message: String,
    /// What to do now, one a line.
    pub hints: Vec<String>,
}

impl Failure {
    /// It was tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), hints: Vec::new() }
    }

    /// Somebody pressed Ctrl-C.
    pub fn interrupted() -> Self {
        Self { exit: Exit::Interrupted, message: "interrupted".into(), hints: Vec::new() }
    }

    /// A safety check says no.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, message: message.into(), hints: Vec::new() }
    }

    /// The request makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), hints: Vec::new() }
    }

    /// Adds what to do now.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let exit = match refusal.kind {
            RefusalKind::Usage => Exit::Usage,
            RefusalKind::Safety => Exit::Refused,
            RefusalKind::Failed | RefusalKind::Gone => Exit::Failed,
        };
        Self { exit, message: refusal.what, hints: refusal.hint.into_iter().collect() }
    }
}
