//! Bytes that come in pieces become lines. A line that never ends costs no more than [`LONGEST`]. Pure.

use memchr::memchr;

/// What is kept of a line, bytes.
pub(super) const LONGEST: usize = 16 * 1024;

/// The line that has begun and not ended.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    /// Bytes of it that are not kept.
    cut: u64,
    /// What comes up to the next line end belongs to a line whose beginning was not read.
    headless: bool,
}

impl Lines {
    /// What comes next begins in the middle of a line, which is left out.
    pub(super) fn begin_in_the_middle(&mut self) {
        self.headless = true;
    }

    /// Takes a piece; each line that it ends is told without its line end.
    pub(super) fn feed(&mut self, mut piece: &[u8], tell: &mut impl FnMut(&[u8])) {
        while let Some(end) = memchr(b'\n', piece) {
            let (line, rest) = piece.split_at(end);
            piece = rest.get(1..).unwrap_or_default();
            if std::mem::take(&mut self.headless) {
                continue;
            }
            if self.begun.is_empty() && self.cut == 0 && line.len() <= LONGEST {
                told(line, tell);
            } else {
                self.keep(line);
                self.end(tell);
            }
        }
        if !self.headless {
            self.keep(piece);
        }
    }

    /// Whether a line has begun and not ended.
    pub(super) fn begun(&self) -> bool {
        !self.begun.is_empty() || self.cut > 0
    }

    /// What has begun counts as a line now.
    pub(super) fn end(&mut self, tell: &mut impl FnMut(&[u8])) {
        if !self.begun() {
            return;
        }
        if self.cut > 0 {
            let more = format!(" … {} bytes more", self.cut);
            self.begun.extend_from_slice(more.as_bytes());
        }
        told(&self.begun, tell);
        self.begun.clear();
        self.cut = 0;
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = LONGEST.saturating_sub(self.begun.len()).min(piece.len());
        let (kept, over) = piece.split_at(room);
        self.begun.extend_from_slice(kept);
        self.cut += u64::try_from(over.len()).unwrap_or(u64::MAX);
    }
}

/// Tells a line without a carriage return at its end, and without the zeros of a file that shrank while it was read.
fn told(line: &[u8], tell: &mut impl FnMut(&[u8])) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let zeros = line.iter().take_while(|byte| **byte == 0).count();
    if zeros == 0 || zeros < line.len() {
        tell(line.get(zeros..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &mut Lines, pieces: &[&[u8]]) -> Vec<String> {
        let mut told = Vec::new();
        for piece in pieces {
            lines.feed(piece, &mut |line| told.push(String::from_utf8_lossy(line).into_owned()));
        }
        told
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let mut lines = Lines::default();
        assert_eq!(read(&mut lines, &[b"on", b"e\r\ntwo\n\nth", b"r"]), ["one", "two", ""]);
        assert!(lines.begun());
        assert_eq!(read(&mut lines, &[b"ee\n"]), ["three"]);
        assert!(!lines.begun());
    }

    #[test]
    fn a_line_without_an_end_costs_no_more_than_the_longest() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; 10_000];
        for _ in 0..100 {
            assert!(read(&mut lines, &[&piece]).is_empty());
        }
        assert!(lines.begun.capacity() <= 2 * LONGEST);
        let told = read(&mut lines, &[b"\nnext\n"]);
        assert!(told[0].ends_with(&format!("x … {} bytes more", 1_000_000 - LONGEST)), "{}", told[0].len());
        assert_eq!(told[1], "next");
    }

    #[test]
    fn half_a_line_at_the_beginning_is_left_out() {
        let mut lines = Lines::default();
        lines.begin_in_the_middle();
        assert_eq!(read(&mut lines, &[b"lf of it", b" and so on\nwhole\n"]), ["whole"]);
    }

    #[test]
    fn zeros_of_a_file_that_shrank_are_no_line() {
        assert_eq!(read(&mut Lines::default(), &[b"\0\0\0\n\0\0a\n"]), ["a"]);
    }

    proptest::proptest! {
        #[test]
        fn however_it_is_cut_the_lines_are_the_same(text in "[a\n]{0,60}", cuts in proptest::collection::vec(0_usize..60, 0..5)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]).collect();
            let mut lines = Lines::default();
            let mut told = read(&mut lines, &pieces);
            lines.end(&mut |line| told.push(String::from_utf8_lossy(line).into_owned()));
            let wanted: Vec<&str> = text.lines().collect();
            proptest::prop_assert_eq!(told, wanted);
        }
    }
}
