//! The newest lines of a log, in a bounded number of bytes. Pure.
//!
//! Lines lie one after the other in a few large pieces of memory, so that half a million of them a second cost no allocation
//! each; the oldest piece goes as a whole, and its memory is used again.

use std::collections::VecDeque;

/// Bytes of text in one piece.
const PIECE: usize = 256 * 1024;
/// What a line costs besides its text, bytes.
const MARK: usize = size_of::<Mark>();

/// Lines with their numbers.
#[derive(Debug)]
pub(super) struct Ring {
    pieces: VecDeque<Piece>,
    spare: Option<Piece>,
    /// Bytes of all pieces but the newest.
    bytes: usize,
    limit: usize,
    began: u64,
    next: u64,
}

#[derive(Debug)]
struct Piece {
    first: u64,
    text: Vec<u8>,
    marks: Vec<Mark>,
}

/// Where a line ends, and what is known of it.
#[derive(Debug, Clone, Copy)]
struct Mark {
    time: i64,
    end: u32,
    source: u16,
}

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept<'a> {
    /// Its number.
    pub(super) number: u64,
    /// The time it says or has by the lines before it, milliseconds since 1970.
    pub(super) time: Option<i64>,
    /// Where it came from.
    pub(super) source: u16,
    /// Its text.
    pub(super) text: &'a [u8],
}

impl Piece {
    const fn new(first: u64) -> Self {
        Self { first, text: Vec::new(), marks: Vec::new() }
    }

    fn cost(&self) -> usize {
        self.text.len() + self.marks.len() * MARK
    }

    fn line(&self, at: usize) -> Option<Kept<'_>> {
        let mark = self.marks.get(at)?;
        let begin = at.checked_sub(1).and_then(|before| self.marks.get(before)).map_or(0, |before| before.end);
        let text = self.text.get(usize::try_from(begin).ok()?..usize::try_from(mark.end).ok()?)?;
        let number = self.first + u64::try_from(at).ok()?;
        Some(Kept { number, time: (mark.time != i64::MIN).then_some(mark.time), source: mark.source, text })
    }
}

impl Ring {
    /// An empty one: its lines count from `first` and take about `limit` bytes at most.
    pub(super) fn new(first: u64, limit: usize) -> Self {
        Self { pieces: VecDeque::new(), spare: None, bytes: 0, limit, began: first, next: first }
    }

    /// Takes a line, and lets the oldest go where there is no room.
    pub(super) fn push(&mut self, source: u16, time: Option<i64>, text: &[u8]) {
        let full = self.pieces.back().is_none_or(|piece| piece.cost() + text.len() > PIECE);
        if full {
            self.begin_piece();
        }
        let Some(piece) = self.pieces.back_mut() else { return };
        piece.text.extend_from_slice(text);
        let end = u32::try_from(piece.text.len()).unwrap_or(u32::MAX);
        piece.marks.push(Mark { time: time.unwrap_or(i64::MIN), end, source });
        self.next += 1;
    }

    fn begin_piece(&mut self) {
        self.bytes += self.pieces.back().map_or(0, Piece::cost);
        while self.bytes + PIECE > self.limit
            && let Some(mut gone) = self.pieces.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(gone.cost());
            gone.text.clear();
            gone.marks.clear();
            self.spare = Some(gone);
        }
        let mut piece = self.spare.take().unwrap_or(Piece::new(self.next));
        piece.first = self.next;
        self.pieces.push_back(piece);
    }

    /// Number of the first line there ever was.
    pub(super) const fn began(&self) -> u64 {
        self.began
    }

    /// Number of the oldest line that is kept; of the next one where none is.
    pub(super) fn first(&self) -> u64 {
        self.pieces.front().map_or(self.next, |piece| piece.first)
    }

    /// Number of the newest line, one less than the first where none came yet.
    pub(super) const fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// The lines with a greater number, oldest first.
    pub(super) fn after(&self, number: u64) -> impl Iterator<Item = Kept<'_>> {
        let from = number.saturating_add(1);
        let piece = self.pieces.partition_point(|piece| piece.first <= from).saturating_sub(1);
        self.pieces.range(piece.min(self.pieces.len())..).flat_map(move |piece| {
            let skip = usize::try_from(from.saturating_sub(piece.first)).unwrap_or(usize::MAX);
            (skip..piece.marks.len()).filter_map(|at| piece.line(at))
        })
    }

    /// All lines, newest first.
    pub(super) fn backwards(&self) -> impl Iterator<Item = Kept<'_>> {
        self.pieces.iter().rev().flat_map(|piece| (0..piece.marks.len()).rev().filter_map(|at| piece.line(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_were_from_any_number_on_and_backwards() {
        let mut ring = Ring::new(100, 8 * PIECE);
        assert_eq!((ring.first(), ring.last(), ring.after(0).count()), (100, 99, 0));
        for line in 0_u16..20_000 {
            ring.push(line % 3, (line > 0).then_some(i64::from(line)), format!("line {line}").as_bytes());
        }
        assert_eq!((ring.first(), ring.last()), (100, 20_099));
        let all: Vec<String> = ring.after(0).map(|line| String::from_utf8(line.text.to_vec()).unwrap()).collect();
        assert_eq!(all.len(), 20_000);
        assert_eq!((all[0].as_str(), all[19_999].as_str()), ("line 0", "line 19999"));
        let one = ring.after(15_000).next().unwrap();
        assert_eq!(one, Kept { number: 15_001, time: Some(14_901), source: 14_901 % 3, text: b"line 14901" });
        assert_eq!(ring.after(20_099).next(), None);
        let back: Vec<u64> = ring.backwards().map(|line| line.number).collect();
        assert!(back.iter().copied().eq((100..=20_099).rev()));
        assert_eq!(ring.after(0).next().unwrap().time, None);
    }

    #[test]
    fn a_gigabyte_takes_no_more_than_the_limit() {
        let limit = 4 * PIECE;
        let mut ring = Ring::new(1, limit);
        let line = [b'x'; 1000];
        for _ in 0..1_000_000 {
            ring.push(0, None, &line);
        }
        let held: usize = ring.pieces.iter().map(|piece| piece.text.capacity() + piece.marks.capacity() * MARK).sum();
        assert!(held < 2 * limit, "{held}");
        assert_eq!(ring.last(), 1_000_000);
        let kept = ring.last() - ring.first() + 1;
        assert!((500..1_100).contains(&kept), "{kept}");
        assert_eq!(ring.after(5).next().unwrap().number, ring.first());
    }

    #[test]
    fn empty_lines_count() {
        let mut ring = Ring::new(1, PIECE);
        ring.push(0, None, b"");
        ring.push(0, None, b"a");
        assert_eq!(ring.after(0).map(|line| line.text).collect::<Vec<_>>(), [&b""[..], b"a"]);
    }
}
