//! What `follow_files.sh` prints, taken apart as it comes. Pure.

use memchr::memchr;

/// Longest line between two pieces of a file, bytes: five names of 60 letters, each of up to four bytes, and more.
const LONGEST_HEAD: usize = 2048;

/// A thing that the host says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// How far the host's own time is ahead of UTC, milliseconds.
    Zone(i64),
    /// Bytes of a file follow, from this place on.
    Begin(usize, Place),
    /// Bytes of a file.
    Bytes(usize, &'a [u8]),
    /// A file is read up to its end, which is there.
    End(usize, Place),
    /// A word about a file.
    Word(usize, Word),
    /// It is there, and has nothing to say.
    Beat,
}

/// A place in a file, which is known by device and inode whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Device and inode, as the host writes them.
    pub(super) id: String,
    /// Bytes before it.
    pub(super) at: u64,
}

/// What may be said about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// It is not there.
    Missing,
    /// It is there, and not for the user that logs in.
    Unreadable,
    /// It is shorter than it was, and is read from its beginning.
    Truncated,
    /// Another one took its place; the old one was read up to its end.
    Rotated,
    /// Another one took its place, and the old one is nowhere.
    Lost,
    /// It is a folder; names of files in it.
    Folder(Vec<String>),
}

/// The host said something that is not part of the language.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host printed what was not asked for: {0}")]
pub(super) struct Garbled(String);

/// Takes pieces apart.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: Vec<u8>,
    /// Bytes that still belong to this file.
    left: u64,
    file: usize,
}

impl Frames {
    /// Takes a piece, and tells each thing that it completes. Files count from 0.
    pub(super) fn feed(&mut self, mut piece: &[u8], tell: &mut impl FnMut(Frame<'_>)) -> Result<(), Garbled> {
        while !piece.is_empty() {
            if self.left > 0 {
                let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(piece.len());
                let (bytes, rest) = piece.split_at(here);
                self.left -= u64::try_from(here).unwrap_or(self.left);
                piece = rest;
                tell(Frame::Bytes(self.file, bytes));
                continue;
            }
            let Some(end) = memchr(b'\n', piece) else {
                self.head.extend_from_slice(piece);
                return if self.head.len() > LONGEST_HEAD { Err(self.garbled()) } else { Ok(()) };
            };
            let (line, rest) = piece.split_at(end);
            piece = rest.get(1..).unwrap_or_default();
            self.head.extend_from_slice(line);
            // However the connection cuts it.
            if self.head.len() > LONGEST_HEAD || self.said(tell).is_none() {
                return Err(self.garbled());
            }
            self.head.clear();
        }
        Ok(())
    }

    fn said(&mut self, tell: &mut impl FnMut(Frame<'_>)) -> Option<()> {
        // Names in a folder may be of any bytes; nothing else is.
        let line = String::from_utf8_lossy(&self.head);
        let words: Vec<&str> = line.split(' ').collect();
        let file = |text: &str| text.parse::<usize>().ok()?.checked_sub(1);
        let place = |id: &str, at: &str| Some(Place { id: id.to_owned(), at: at.parse().ok()? });
        match words.as_slice() {
            ["B"] => tell(Frame::Beat),
            ["Z", zone] => tell(Frame::Zone(ahead(zone))),
            ["D", number, id, at, length] => {
                self.file = file(number)?;
                self.left = length.parse().ok()?;
                tell(Frame::Begin(self.file, place(id, at)?));
            }
            ["N", number, "folder", ..] => {
                let (_, names) = line.split_once(" folder ")?;
                let names = names.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
                tell(Frame::Word(file(number)?, Word::Folder(names)));
            }
            ["E", number, id, at] => tell(Frame::End(file(number)?, place(id, at)?)),
            ["N", number, word] => tell(Frame::Word(
                file(number)?,
                match *word {
                    "missing" => Word::Missing,
                    "unreadable" => Word::Unreadable,
                    "truncated" => Word::Truncated,
                    "rotated" => Word::Rotated,
                    "lost" => Word::Lost,
                    _ => return None,
                },
            )),
            _ => return None,
        }
        Some(())
    }

    fn garbled(&self) -> Garbled {
        Garbled(crate::reach::plain::line(&String::from_utf8_lossy(&self.head), 80))
    }
}

/// `+0100` as milliseconds; what is not of that kind counts as UTC.
pub(super) fn ahead(zone: &str) -> i64 {
    let (sign, digits) = match zone.trim().split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => return 0,
    };
    // No zone is further from UTC than 14 hours, and what is further than a day is none.
    let number = digits.parse::<i64>().ok().filter(|number| (0..=2359).contains(number)).unwrap_or(0);
    sign * (number / 100 * 60 + number % 100) * 60_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>, Garbled> {
        let (mut frames, mut told) = (Frames::default(), Vec::new());
        for piece in pieces {
            frames.feed(piece, &mut |frame| match frame {
                Frame::Bytes(file, bytes) => told.push(format!("{file}: {}", String::from_utf8_lossy(bytes))),
                frame => told.push(format!("{frame:?}")),
            })?;
        }
        Ok(told)
    }

    #[test]
    fn what_the_host_says_comes_apart_wherever_it_is_cut() {
        let all = b"Z +0130\nD 2 8:77 100 6\nB\nE 1\nE 2 8:77 106\nN 1 missing\nB\n";
        let whole = read(&[all]).unwrap();
        assert_eq!(
            whole,
            [
                "Zone(5400000)",
                "Begin(1, Place { id: \"8:77\", at: 100 })",
                "1: B\nE 1\n",
                "End(1, Place { id: \"8:77\", at: 106 })",
                "Word(0, Missing)",
                "Beat"
            ]
        );
        for cut in 0..all.len() {
            let (one, other) = all.split_at(cut);
            let joined = read(&[one, other]).unwrap().concat().replace("1: ", "");
            assert_eq!(joined, whole.concat().replace("1: ", ""), "cut at {cut}");
        }
    }

    #[test]
    fn a_host_that_prints_something_else_is_told() {
        assert!(read(&[b"Welcome to kv-1!\n"]).unwrap_err().to_string().contains("Welcome to kv-1!"));
        assert!(read(&[&[b'x'; 3000]]).is_err());
        let names = format!("N 1 folder {}\n", "a/".repeat(1400));
        let (one, other) = names.as_bytes().split_at(2500);
        assert!(read(&[names.as_bytes()]).is_err() && read(&[one, other]).is_err(), "the same, wherever it is cut");
        let five = format!("N 1 folder {}\n", format!("{}/", "漢".repeat(60)).repeat(5));
        let (one, other) = five.as_bytes().split_at(700);
        assert_eq!(read(&[one, other]), read(&[five.as_bytes()]));
        assert!(read(&[one, other]).is_ok());
        assert!(read(&[b"D 0 8:1 0 1\n"]).is_err());
    }

    #[test]
    fn zones_are_read() {
        assert_eq!((ahead("+0800"), ahead("-0330"), ahead("CET")), (28_800_000, -12_600_000, 0));
    }

    #[test]
    fn a_zone_that_is_none_counts_as_utc() {
        for (zone, hours) in [("+0100", 1), ("-0500", -5), ("+9223372036854775807", 0), ("+-500", 0), ("+9999", 0)] {
            assert_eq!(ahead(zone), hours * 3_600_000, "{zone}");
        }
    }
}
