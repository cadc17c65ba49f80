//! The signs of the screen, in Unicode and in ASCII.
//!
//! A state is always a sign, a word and a colour together, so that none of the three has to be seen.

use crate::health::observation::Outcome;
use crate::health::view::Health;
use crate::work::view::JobState;

/// A set of signs, each one column wide.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// The word in a theme file.
    pub name: &'static str,
    /// Well.
    pub up: &'static str,
    /// Works, with a fault.
    pub degraded: &'static str,
    /// Perhaps gone; also: something needs an eye.
    pub warn: &'static str,
    /// Gone, failed.
    pub bad: &'static str,
    /// Not known.
    pub unknown: &'static str,
    /// Left alone by wish.
    pub maintenance: &'static str,
    /// Serves in another's place.
    pub standing: &'static str,
    /// Passed, done.
    pub good: &'static str,
    /// Moves.
    pub running: &'static str,
    /// Waits.
    pub waiting: &'static str,
    /// Ended by wish.
    pub ended: &'static str,
    /// Left of the selected row.
    pub cursor: &'static str,
    /// Left of a marked row.
    pub mark: &'static str,
    /// Between parts of a line.
    pub dot: &'static str,
    /// Between parts of a path.
    pub into: &'static str,
    /// Something was cut off here.
    pub cut: &'static str,
    /// Nothing to show in this column.
    pub none: &'static str,
    /// Sorted from small to large.
    pub rising: &'static str,
    /// Sorted from large to small.
    pub falling: &'static str,
    /// Columns of a chart, from nearly empty to full.
    pub heights: [&'static str; 8],
    /// A column of a chart without a value.
    pub gap: &'static str,
    /// Parts of a bar, from nearly empty to full.
    pub widths: &'static [&'static str],
    /// Corners and lines of a box: top left, top right, bottom left, bottom right, across, down.
    pub lines: [&'static str; 6],
}

/// For terminals with Unicode: only signs that every common monospace font has.
pub const UNICODE: Glyphs = Glyphs {
    name: "unicode",
    up: "●",
    degraded: "◐",
    warn: "▲",
    bad: "✗",
    unknown: "?",
    maintenance: "◇",
    standing: "⇄",
    good: "✓",
    running: "▶",
    waiting: "·",
    ended: "■",
    cursor: "▌",
    mark: "◆",
    dot: "·",
    into: "›",
    cut: "…",
    none: "–",
    rising: "↑",
    falling: "↓",
    heights: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    gap: " ",
    widths: &["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    lines: ["┌", "┐", "└", "┘", "─", "│"],
};

/// For everything else.
pub const ASCII: Glyphs = Glyphs {
    name: "ascii",
    up: "o",
    degraded: "%",
    warn: "!",
    bad: "x",
    unknown: "?",
    maintenance: "m",
    standing: "&",
    good: "+",
    running: ">",
    waiting: ".",
    ended: "=",
    cursor: ">",
    mark: "*",
    dot: "-",
    into: ">",
    cut: "~",
    none: "-",
    rising: "^",
    falling: "v",
    heights: ["_", "_", ".", ".", "-", "-", "=", "#"],
    gap: " ",
    widths: &["#"],
    lines: ["+", "+", "+", "+", "-", "|"],
};

impl Glyphs {
    /// The set of this name.
    pub fn of(name: &str) -> Option<&'static Self> {
        [&UNICODE, &ASCII].into_iter().find(|set| set.name == name)
    }

    /// The sign of a health.
    pub const fn health(&self, health: Health) -> &'static str {
        match health {
            Health::Up => self.up,
            Health::Degraded => self.degraded,
            Health::Suspect => self.warn,
            Health::Down => self.bad,
            Health::Unknown => self.unknown,
            Health::Maintenance => self.maintenance,
        }
    }

    /// The sign of a check's outcome.
    pub const fn outcome(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Pass => self.good,
            Outcome::Fail => self.bad,
            Outcome::Unknown => self.unknown,
        }
    }

    /// The sign of a job.
    pub const fn job(&self, state: JobState) -> &'static str {
        match state {
            JobState::Queued => self.waiting,
            JobState::Running => self.running,
            JobState::Stalled | JobState::Paused | JobState::Cancelling => self.warn,
            JobState::Done => self.good,
            JobState::Failed => self.bad,
            JobState::Cancelled => self.ended,
        }
    }

    /// A sign in ASCII for one that is not: what a terminal without Unicode shows for text that has it.
    pub fn plain(symbol: &str) -> &'static str {
        match symbol {
            "…" => "~",
            "–" | "—" | "─" | "·" | "−" => "-",
            "×" => "x",
            "›" | "▶" | "≥" | "→" => ">",
            "≤" | "←" => "<",
            "‘" | "’" => "'",
            "“" | "”" => "\"",
            "↑" => "^",
            "↓" => "v",
            "│" => "|",
            "█" | "▌" => "#",
            _ => "?",
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn every_sign_is_one_column_wide_and_ascii_is_ascii() {
        for set in [&UNICODE, &ASCII] {
            let mut signs =
                vec![set.standing, set.cursor, set.mark, set.dot, set.into, set.cut, set.none, set.rising, set.falling];
            signs.extend(Health::ALL.map(|health| set.health(health)));
            signs.extend(set.heights);
            signs.extend(set.widths);
            signs.extend(set.lines);
            for sign in signs {
                assert_eq!(sign.width(), 1, "{sign}");
                assert!(set.name == "unicode" || sign.is_ascii(), "{sign}");
            }
        }
    }

    #[test]
    fn no_two_states_share_a_sign() {
        for set in [&UNICODE, &ASCII] {
            let mut signs = Health::ALL.map(|health| set.health(health)).to_vec();
            signs.sort_unstable();
            signs.dedup();
            assert_eq!(signs.len(), Health::ALL.len(), "{}", set.name);
        }
    }
}
