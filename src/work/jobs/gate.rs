//! A gate that work on a blocking thread passes between two pieces: open, held, or closed for good.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Held,
    Cancelled,
}

/// The gate of one job.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    /// Waits while it is held. `false`: the work is to end.
    pub(super) fn pass(&self) -> bool {
        let mut state = self.state();
        while *state == State::Held {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *state == State::Open
    }

    pub(super) fn hold(&self, held: bool) {
        let mut state = self.state();
        if *state != State::Cancelled {
            *state = if held { State::Held } else { State::Open };
        }
        self.changed.notify_all();
    }

    pub(super) fn cancel(&self) {
        *self.state() = State::Cancelled;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
