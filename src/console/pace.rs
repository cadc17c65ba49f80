//! When to draw: twenty frames a second at most, at once after a key, never where nothing has happened.

use std::time::Duration;

use crate::clock::Tick;

/// Twenty frames a second at most, and never two within this time unless a key asked for the second.
const FRAME: Duration = Duration::from_millis(50);

/// When to draw. Frames are counted as a bucket that fills by twenty a second: a key may take the next one at once,
/// everything else waits its turn.
#[derive(Debug)]
pub(super) struct Pace {
    last: Option<Tick>,
    tokens: f64,
    key: bool,
    /// Something has happened since the last frame.
    pub(super) dirty: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { last: None, tokens: 20.0, key: false, dirty: true }
    }
}

impl Pace {
    pub(super) fn key(&mut self) {
        self.key = true;
    }

    pub(super) fn drawn(&mut self, now: Tick) {
        let since = self.last.map_or(Duration::ZERO, |last| now.since(last));
        self.tokens = (self.tokens + since.as_secs_f64() / FRAME.as_secs_f64()).min(20.0) - 1.0;
        self.last = Some(now);
        self.key = false;
        self.dirty = false;
    }

    pub(super) fn due(&self, now: Tick) -> bool {
        let Some(last) = self.last else { return true };
        self.dirty && (now.since(last) >= FRAME || (self.key && self.tokens >= 1.0))
    }

    /// How long to wait for an event before drawing anyway: a picture stays true for `lasts`, and a frame that was not
    /// due yet is drawn when it is.
    pub(super) fn wait(&self, now: Tick, lasts: Duration) -> Duration {
        match self.last {
            Some(last) if self.dirty => FRAME.saturating_sub(now.since(last)),
            _ => lasts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Tick {
        Tick::at(Duration::from_millis(ms))
    }

    #[test]
    fn a_key_draws_at_once_and_a_storm_of_keys_twenty_times_a_second() {
        let mut pace = Pace::default();
        pace.drawn(at(0));
        assert!(!pace.due(at(10)));
        pace.dirty = true;
        pace.key();
        assert!(pace.due(at(10)));
        let mut frames = 0;
        for ms in 10..10_010 {
            pace.dirty = true;
            pace.key();
            if pace.due(at(ms)) {
                pace.drawn(at(ms));
                frames += 1;
            }
        }
        assert!((200..=221).contains(&frames), "{frames}");
    }
}
