//! A limit on bytes a second that can be changed while it is in use: a token bucket.
//!
//! The rule is a pure value, [`Bucket`]; [`Throttle`] shares one between workers and waits.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Clock, Tick};

/// How much may pass in one burst: what the limit gives in this time.
const BURST: Duration = Duration::from_millis(100);
/// How often a blocked thread looks whether its work is to end.
const LOOK: Duration = Duration::from_millis(100);

/// Tokens that fill at a rate and are taken by what passes. May be overdrawn once, which the next one waits for: so
/// pieces larger than a burst pass too, at the right pace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    limit: Option<u64>,
    tokens: f64,
    filled: Tick,
}

impl Bucket {
    /// A full bucket; `None`: no limit.
    pub fn new(limit: Option<u64>, at: Tick) -> Self {
        let mut bucket = Self { limit: limit.filter(|limit| *limit > 0), tokens: 0.0, filled: at };
        bucket.tokens = bucket.burst();
        bucket
    }

    /// The limit in bytes a second.
    pub const fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Takes so many bytes, or says how long to wait before asking again.
    pub fn take(&mut self, bytes: u64, at: Tick) -> Result<(), Duration> {
        self.fill(at);
        let Some(limit) = self.limit else { return Ok(()) };
        if self.tokens > 0.0 {
            #[expect(clippy::cast_precision_loss, reason = "a byte in 2^53 does not matter")]
            let bytes = bytes as f64;
            self.tokens -= bytes;
            return Ok(());
        }
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        let seconds = -self.tokens / limit as f64;
        // A millisecond more, so that it is not asked in vain by rounding.
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Err(wait.saturating_add(Duration::from_millis(1)))
    }

    /// Changes the limit; what was overdrawn under the old one is forgiven.
    pub fn change(&mut self, limit: Option<u64>, at: Tick) {
        *self = Self::new(limit, at);
    }

    fn fill(&mut self, at: Tick) {
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        let rate = self.limit.unwrap_or(0) as f64;
        let gained = at.since(self.filled).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(self.burst());
        self.filled = self.filled.max(at);
    }

    fn burst(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        let rate = self.limit.unwrap_or(0) as f64;
        (rate * BURST.as_secs_f64()).max(1.0)
    }
}

/// A bucket shared by everything that works under one limit. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Throttle {
    bucket: Arc<Mutex<Bucket>>,
    changed: Arc<Notify>,
    blocked: Arc<Condvar>,
    clock: Clock,
}

impl Throttle {
    /// Bytes a second; `None`: no limit.
    pub fn new(limit: Option<u64>, clock: Clock) -> Self {
        let bucket = Bucket::new(limit, clock.tick());
        Self { bucket: Arc::new(Mutex::new(bucket)), changed: Arc::new(Notify::new()), blocked: Arc::default(), clock }
    }

    /// Waits until so many bytes may pass. Cancel by dropping the future.
    pub async fn pass(&self, bytes: u64) {
        loop {
            let changed = self.changed.notified();
            let Err(wait) = self.with(|bucket, at| bucket.take(bytes, at)) else { return };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = changed => {}
            }
        }
    }

    /// As [`Throttle::pass`], on a thread that may block. Returns early, without having passed, when `ended` says so; that
    /// is asked every tenth of a second.
    pub fn pass_blocking(&self, bytes: u64, ended: &dyn Fn() -> bool) {
        loop {
            let at = self.clock.tick();
            let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            let Err(wait) = bucket.take(bytes, at) else { return };
            let (bucket, _) = self.blocked.wait_timeout(bucket, wait.min(LOOK)).unwrap_or_else(PoisonError::into_inner);
            drop(bucket);
            if ended() {
                return;
            }
        }
    }

    /// Changes the limit, also for those that wait now.
    pub fn change(&self, limit: Option<u64>) {
        self.with(|bucket, at| bucket.change(limit, at));
        self.changed.notify_waiters();
        self.blocked.notify_all();
    }

    /// The limit in force.
    pub fn limit(&self) -> Option<u64> {
        self.with(|bucket, _| bucket.limit())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Bucket, Tick) -> T) -> T {
        let at = self.clock.tick();
        act(&mut self.bucket.lock().unwrap_or_else(PoisonError::into_inner), at)
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "a test compares with room to spare")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the sizes and the waiting, over any run not more passes than the limit, one burst and one piece.
        #[test]
        fn never_faster_than_the_limit(
            limit in 1_000u64..10_000_000,
            pieces in proptest::collection::vec((1u64..500_000, 0u64..50), 1..100),
        ) {
            let mut now = Tick::default();
            let mut bucket = Bucket::new(Some(limit), now);
            let (mut passed, mut largest) = (0u64, 0);
            for (bytes, idle) in pieces {
                now = now + Duration::from_millis(idle);
                while let Err(wait) = bucket.take(bytes, now) {
                    now = now + wait;
                }
                passed += bytes;
                largest = largest.max(bytes);
            }
            let allowed = limit as f64 * (now.since_start() + BURST).as_secs_f64() + largest as f64 + 1.0;
            prop_assert!(passed as f64 <= allowed, "{passed} > {allowed}");
        }

        /// Who always asks as soon as it is allowed gets the whole limit.
        #[test]
        fn never_much_slower_than_the_limit(limit in 100_000u64..10_000_000, piece in 1_000u64..100_000) {
            let mut now = Tick::default();
            let mut bucket = Bucket::new(Some(limit), now);
            let mut passed = 0u64;
            while now.since_start() < Duration::from_secs(20) {
                match bucket.take(piece, now) {
                    Ok(()) => passed += piece,
                    Err(wait) => now = now + wait,
                }
            }
            let due = limit as f64 * 20.0;
            // The millisecond that is added to each wait costs at most that share of the shortest wait.
            let shortest = (piece as f64 / limit as f64).max(1e-3);
            let least = due * shortest / (shortest + 2e-3) - 2.0 * piece as f64;
            prop_assert!(passed as f64 >= least, "{passed} < {least} of {due}");
        }
    }

    #[test]
    fn without_a_limit_everything_passes() {
        let mut bucket = Bucket::new(None, Tick::default());
        for _ in 0..10 {
            assert_eq!(bucket.take(u64::MAX, Tick::default()), Ok(()));
        }
        assert_eq!(Bucket::new(Some(0), Tick::default()).limit(), None);
    }

    #[tokio::test]
    async fn a_new_limit_wakes_those_that_wait() {
        // A held clock never refills: only the change can let the second piece pass.
        let throttle = Throttle::new(Some(1_000), Clock::held(crate::clock::Timestamp::UNIX_EPOCH));
        throttle.pass(1_000_000).await;
        let waiting = tokio::spawn({
            let throttle = throttle.clone();
            async move { throttle.pass(1).await }
        });
        tokio::task::yield_now().await;
        throttle.change(None);
        tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    }
}
