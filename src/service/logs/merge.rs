//! Several sources become one, in the order of their times. Pure: the time is passed in.
//!
//! A line waits until every other source has shown one that is not older. A source that is read up to its end may have
//! nothing to show for hours, and is waited for only [`CALM`]; one that is known to have more, [`BEHIND`]. What waits is
//! bounded in bytes too, so that a flood at one source does not wait for the others.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Tick;

/// So long a line waits for sources that were read up to their end: how far apart two of them are looked at.
const CALM: Duration = Duration::from_millis(400);
/// So long a line waits for sources that have more to be read.
const BEHIND: Duration = Duration::from_secs(2);
/// Bytes that wait at most.
const WAITING: usize = 2 * 1024 * 1024;
/// What a line that waits costs besides its text, bytes.
const COST: usize = 64;

/// The sources.
#[derive(Debug)]
pub(super) struct Merge {
    sources: Vec<Source>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Source {
    lines: VecDeque<Waiting>,
    /// It is known to have more that was not read yet.
    behind: bool,
    /// The time of its last line: one without a time is as old.
    time: Option<i64>,
}

#[derive(Debug)]
struct Waiting {
    time: Option<i64>,
    since: Tick,
    text: Box<[u8]>,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It waits for its turn.
    Waits,
    /// Where there is only one source, no line waits: this one is the next, and was not kept.
    Next {
        /// The time it says or has by the lines before it.
        time: Option<i64>,
    },
}

/// A line whose turn has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Of this source.
    pub(super) source: usize,
    /// The time it says or has by the lines before it, milliseconds since 1970.
    pub(super) time: Option<i64>,
    /// Its text.
    pub(super) text: Box<[u8]>,
}

impl Merge {
    /// So many sources, of none of which anything is known.
    pub(super) fn new(sources: usize) -> Self {
        let source = || Source { behind: true, ..Source::default() };
        Self { sources: std::iter::repeat_with(source).take(sources).collect(), bytes: 0 }
    }

    /// A line of a source, with the time it says.
    pub(super) fn take(&mut self, source: usize, time: Option<i64>, text: &[u8], now: Tick) -> Taken {
        let alone = self.sources.len() == 1;
        let Some(of) = self.sources.get_mut(source) else { return Taken::Waits };
        of.time = time.or(of.time);
        if alone {
            return Taken::Next { time: of.time };
        }
        of.lines.push_back(Waiting { time: of.time, since: now, text: text.into() });
        self.bytes += text.len() + COST;
        Taken::Waits
    }

    /// Whether a source is known to have more than what was read.
    pub(super) fn behind(&mut self, source: usize, behind: bool) {
        if let Some(of) = self.sources.get_mut(source) {
            of.behind = behind;
        }
    }

    /// Whether any source is known to have more, or any line waits.
    pub(super) fn caught_up(&self) -> bool {
        self.bytes == 0 && !self.sources.iter().any(|source| source.behind)
    }

    /// The next line, if its turn has come.
    pub(super) fn next(&mut self, now: Tick) -> Option<Turn> {
        let heads = self.sources.iter().enumerate().filter_map(|(at, source)| Some((at, source.lines.front()?)));
        // Of lines of the same time the one that came first; of those, that of the first source.
        let (at, head) = heads.min_by_key(|(at, head)| (head.time, head.since, *at))?;
        let waited = now.since(head.since);
        let empty = self.sources.iter().filter(|source| source.lines.is_empty());
        let longest = empty.map(|source| if source.behind { BEHIND } else { CALM }).max().unwrap_or_default();
        if waited < longest && self.bytes <= WAITING {
            return None;
        }
        let line = self.sources.get_mut(at)?.lines.pop_front()?;
        self.bytes = self.bytes.saturating_sub(line.text.len() + COST);
        Some(Turn { source: at, time: line.time, text: line.text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn tick(milliseconds: u64) -> Tick {
        Tick::at(Duration::from_millis(milliseconds))
    }

    fn all(merge: &mut Merge, now: Tick) -> Vec<String> {
        std::iter::from_fn(|| merge.next(now)).map(|turn| String::from_utf8_lossy(&turn.text).into_owned()).collect()
    }

    fn take(merge: &mut Merge, source: usize, time: Option<i64>, text: &str, now: Tick) {
        assert_eq!(merge.take(source, time, text.as_bytes(), now), Taken::Waits);
    }

    #[test]
    fn lines_come_in_the_order_of_their_times_and_those_without_one_follow_theirs() {
        let mut merge = Merge::new(2);
        for (source, time, text) in [
            (0, Some(10), "a10"),
            (0, None, "a10 more"),
            (0, Some(30), "a30"),
            (1, Some(20), "b20"),
            (1, Some(40), "b40"),
        ] {
            take(&mut merge, source, time, text, tick(0));
        }
        assert_eq!(all(&mut merge, tick(0)), ["a10", "a10 more", "b20", "a30"]);
        assert!(!merge.caught_up());
        // Nothing of the first source can be known to be older than this one until it was waited for.
        assert_eq!(all(&mut merge, tick(1_999)), Vec::<String>::new());
        assert_eq!(all(&mut merge, tick(2_000)), ["b40"]);
    }

    #[test]
    fn a_source_that_was_read_to_its_end_is_waited_for_a_moment_only() {
        let mut merge = Merge::new(2);
        merge.behind(1, false);
        take(&mut merge, 0, Some(10), "a10", tick(0));
        assert_eq!(all(&mut merge, tick(399)), Vec::<String>::new());
        // The slower one still comes into its place.
        take(&mut merge, 1, Some(5), "b5", tick(399));
        assert_eq!(all(&mut merge, tick(400)), ["b5", "a10"]);
    }

    #[test]
    fn a_flood_does_not_wait_and_stays_bounded() {
        let mut merge = Merge::new(2);
        let line = "x".repeat(1000);
        let mut passed = 0;
        for count in 0..100_000 {
            take(&mut merge, 0, Some(count), &line, tick(0));
            passed += all(&mut merge, tick(0)).len();
            assert!(merge.bytes <= WAITING, "{}", merge.bytes);
        }
        assert!(passed > 97_000, "{passed}");
    }

    #[test]
    fn one_source_never_waits() {
        let mut merge = Merge::new(1);
        assert_eq!(merge.take(0, Some(7), b"x", tick(0)), Taken::Next { time: Some(7) });
        assert_eq!(merge.take(0, None, b"y", tick(0)), Taken::Next { time: Some(7) });
        merge.behind(0, false);
        assert!(merge.caught_up());
    }

    proptest::proptest! {
        #[test]
        fn what_is_there_in_time_comes_in_order_and_nothing_is_lost(
            one in proptest::collection::vec(0_i64..1000, 0..40),
            other in proptest::collection::vec(0_i64..1000, 0..40),
        ) {
            let mut merge = Merge::new(2);
            let mut wanted = Vec::new();
            for (source, mut times) in [one, other].into_iter().enumerate() {
                times.sort_unstable();
                for time in times {
                    merge.take(source, Some(time), format!("{time}").as_bytes(), tick(0));
                    wanted.push(time);
                }
            }
            wanted.sort_unstable();
            let later = Tick::at(3 * SECOND);
            let came: Vec<i64> = std::iter::from_fn(|| merge.next(later)).filter_map(|turn| turn.time).collect();
            proptest::prop_assert_eq!(came, wanted);
            proptest::prop_assert_eq!(merge.bytes, 0);
        }
    }
}
