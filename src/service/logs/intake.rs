//! Where lines come in: pieces become lines, lines of several sources one order, and the newest of them are kept. Pure, but for
//! the time, which is set from outside.

use super::lines::Lines;
use super::merge::{Merge, Taken};
use super::ring::Ring;
use super::time::{self, Zone};
use crate::clock::Tick;

/// Bytes of lines that are kept.
const KEPT: usize = 8 * 1024 * 1024;
/// A line that has begun counts as one after so long.
const HALF: std::time::Duration = std::time::Duration::from_millis(500);
/// Over this time the rate is counted.
const RATE: std::time::Duration = std::time::Duration::from_secs(1);
/// The source of what hotspare says itself.
pub(super) const OURS: u16 = u16::MAX;

/// The sources of a log, and the lines that came of them.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) ring: Ring,
    merge: Merge,
    sources: Vec<Source>,
    zone: Zone,
    now: Tick,
    bytes: u64,
    /// Bytes a second that come in.
    pub(super) rate: f64,
    counted: (Tick, u64),
}

#[derive(Debug, Default)]
struct Source {
    lines: Lines,
    heard: Tick,
    trouble: Option<String>,
}

impl Intake {
    /// So many sources, of which nothing was read yet; lines count from `first`. `wall`: milliseconds since 1970.
    pub(super) fn new(sources: usize, first: u64, now: Tick, wall: i64) -> Self {
        Self {
            ring: Ring::new(first, KEPT),
            merge: Merge::new(sources),
            sources: std::iter::repeat_with(Source::default).take(sources).collect(),
            zone: Zone { ahead: 0, now: wall },
            now,
            bytes: 0,
            rate: 0.0,
            counted: (now, 0),
        }
    }

    /// It is so late now.
    pub(super) const fn at(&mut self, now: Tick) {
        self.now = now;
    }

    /// What time alone changes. `wall`: milliseconds since 1970.
    pub(super) fn pulse(&mut self, wall: i64) {
        self.zone.now = wall;
        for source in 0..self.sources.len() {
            if self.sources.get(source).is_some_and(|of| of.lines.begun() && self.now.since(of.heard) >= HALF) {
                self.end_line(source);
            }
        }
        let since = self.now.since(self.counted.0);
        if since >= RATE {
            #[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
            let bytes = self.bytes.saturating_sub(self.counted.1) as f64;
            self.rate = bytes / since.as_secs_f64();
            self.counted = (self.now, self.bytes);
        }
    }

    /// How far the host's own time is ahead of UTC, milliseconds.
    pub(super) const fn zone(&mut self, ahead: i64) {
        self.zone.ahead = ahead;
    }

    /// Bytes of a source, cut anywhere.
    pub(super) fn bytes(&mut self, source: usize, bytes: &[u8]) {
        let Some(mut lines) = self.sources.get_mut(source).map(|of| std::mem::take(&mut of.lines)) else { return };
        self.count(bytes.len());
        lines.feed(bytes, &mut |line| self.line(source, line));
        if let Some(of) = self.sources.get_mut(source) {
            of.lines = lines;
            of.heard = self.now;
        }
    }

    /// A whole line of a source.
    pub(super) fn line(&mut self, source: usize, line: &[u8]) {
        let time = time::of(line, self.zone);
        if let Taken::Next { time } = self.merge.take(source, time, line, self.now) {
            self.ring.push(narrow(source), time, line);
        }
    }

    /// Counts bytes that came.
    pub(super) fn count(&mut self, bytes: usize) {
        self.bytes += u64::try_from(bytes).unwrap_or(0);
    }

    /// The line that has begun at a source is all that comes of it.
    pub(super) fn end_line(&mut self, source: usize) {
        let Some(mut lines) = self.sources.get_mut(source).map(|of| std::mem::take(&mut of.lines)) else { return };
        lines.end(&mut |line| self.line(source, line));
        if let Some(of) = self.sources.get_mut(source) {
            of.lines = lines;
        }
    }

    /// What comes next of a source begins in the middle of a line.
    pub(super) fn begin_in_the_middle(&mut self, source: usize) {
        if let Some(of) = self.sources.get_mut(source) {
            of.lines.begin_in_the_middle();
        }
    }

    /// Whether a source is known to have more than what was read.
    pub(super) fn behind(&mut self, source: usize, behind: bool) {
        self.merge.behind(source, behind);
    }

    /// Whether every source was read up to its end, and no line waits.
    pub(super) fn whole(&self) -> bool {
        self.merge.caught_up() && !self.sources.iter().any(|source| source.lines.begun())
    }

    /// Why a source is not read, or that it is.
    pub(super) fn trouble(&mut self, source: usize, why: Option<String>) {
        if why.is_some() {
            self.merge.behind(source, false);
        }
        if let Some(of) = self.sources.get_mut(source) {
            of.trouble = why;
        }
    }

    /// Why a source is not read.
    pub(super) fn troubled(&self, source: usize) -> Option<&String> {
        self.sources.get(source)?.trouble.as_ref()
    }

    /// Says something between the lines.
    pub(super) fn say(&mut self, text: &str) {
        self.ring.push(OURS, Some(self.zone.now), text.as_bytes());
    }

    /// Lines whose turn has come go on to the readers.
    pub(super) fn go_on(&mut self) {
        while let Some(turn) = self.merge.next(self.now) {
            self.ring.push(narrow(turn.source), turn.time, &turn.text);
        }
    }

    /// How many lines after this one are not kept any more; none where it is one of an earlier stream.
    pub(super) fn passed(&self, after: u64) -> u64 {
        let gone = self.ring.first().saturating_sub(after.saturating_add(1));
        if after.saturating_add(1) < self.ring.began() { 0 } else { gone }
    }
}

fn narrow(source: usize) -> u16 {
    u16::try_from(source).unwrap_or(OURS - 1)
}
