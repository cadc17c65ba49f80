//! Reads what the scripts print. Pure; whatever a machine prints, nothing here trusts it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;

use super::Seen;
use crate::session::listing::{File, Listing, Odd, shown};

/// What must be there; one of the two last ones is enough.
const NEEDED: [&str; 8] = ["rsync", "find", "sort", "xargs", "dd", "sync", "flock", "timeout"];
/// What is said of a folder that may not be read.
pub(in crate::session) const CLOSED: &str = "not readable: Permission denied";

pub(super) fn seen(printed: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut rest = printed;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["tool", name] => seen.tools.push((*name).to_owned()),
            ["writable"] => seen.writable = true,
            ["room", size, free] => {
                let bytes = |text: &str| text.parse::<u64>().ok().and_then(|kilo| kilo.checked_mul(1024));
                (seen.size, seen.free) = (bytes(size), bytes(free));
            }
            ["marker"] => {
                seen.marker = Some(rest.to_vec());
                break;
            }
            _ => {}
        }
    }
    seen
}

/// The package in which a program usually is.
pub(super) fn package(program: &str) -> &str {
    match program {
        "find" | "xargs" => "findutils",
        "flock" => "util-linux",
        "sort" | "dd" | "sync" | "timeout" => "coreutils",
        other => other,
    }
}

/// What is missing of the programs that are needed.
pub(super) fn missing(tools: &[String]) -> Option<&'static str> {
    let has = |name: &str| tools.iter().any(|tool| tool == name);
    let sums = has("b3sum") || has("sha256sum");
    NEEDED.into_iter().find(|name| !has(name)).or((!sums).then_some("b3sum"))
}

impl Seen {
    /// Whether the machine can check a manifest, also where the source is gone.
    pub fn has_b3sum(&self) -> bool {
        self.algorithm() == super::sums::Algorithm::Blake3
    }

    /// Which sums the machine can make.
    pub(super) fn algorithm(&self) -> super::sums::Algorithm {
        if self.tools.iter().any(|tool| tool == "b3sum") {
            super::sums::Algorithm::Blake3
        } else {
            super::sums::Algorithm::Sha256
        }
    }
}

/// Reads a listing, in the order of paths; `None`: it is none.
pub(super) fn listing(printed: &[u8]) -> Option<Listing> {
    let mut listing = Listing::default();
    let records = printed.strip_suffix(b"\0").unwrap_or(printed);
    if !printed.is_empty() && records.len() == printed.len() {
        return None;
    }
    for record in records.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
        let mut parts = record.splitn(6, |byte| *byte == b' ');
        let mut word = || std::str::from_utf8(parts.next()?).ok();
        let (kind, size, modified, changed, mode) = (word()?, word()?, word()?, word()?, word()?);
        let path = parts.next()?;
        let path = PathBuf::from(OsStr::from_bytes(path.strip_prefix(b"./").unwrap_or(path)));
        if path.as_os_str().is_empty() {
            continue;
        }
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let (modified, mode) = (time(modified)?, u32::from_str_radix(mode, 8).ok()?);
        match kind {
            "f" => listing.files.push(File {
                path,
                size: size.parse().ok()?,
                modified,
                changed: Some(time(changed)?),
                mode,
                shared: None,
            }),
            // The time of the inode too: that of the content can be set back, as whoever copies does.
            "d" => listing.folders.push((path, mode, modified.max(time(changed)?))),
            other => listing.odd.push(Odd { path: shown(&path), what: what(other).to_owned() }),
        }
    }
    // What cannot be added up no disk holds.
    listing.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size))?;
    listing.files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    listing.folders.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    Some(listing)
}

fn what(kind: &str) -> &'static str {
    match kind {
        "l" => "a symbolic link",
        "p" => "a fifo",
        "s" => "a socket",
        "b" | "c" => "a device",
        "!" => CLOSED,
        _ => "neither a file nor a folder",
    }
}

/// Seconds since 1970 with a fraction of up to ten digits, as `find` prints them.
fn time(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let nanoseconds = format!("{fraction:0<9}");
    let nanoseconds: i32 = nanoseconds.get(..9)?.parse().ok()?;
    let seconds: i64 = seconds.parse().ok()?;
    // Before 1970 `find` counts the fraction upwards from the second before.
    Timestamp::new(seconds, 0).ok()?.checked_add(jiff::Span::new().nanoseconds(i64::from(nanoseconds))).ok()
}

/// Paths, each ended by a NUL, with `./` before each, for standard input.
pub(super) fn names<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Vec<u8> {
    let mut names = Vec::new();
    for path in paths {
        names.extend_from_slice(b"./");
        names.extend_from_slice(path.as_os_str().as_bytes());
        names.push(0);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_whatever_the_names() {
        let printed = b"d 4096 1735984860.5000000000 1735984861.0000000000 755 \0\
            f 12 1735984860.1234567890 1735984861.0000000000 644 b\nc d\xff\0\
            d 4096 1735984860.0000000000 1735984861.0000000000 700 a\0\
            l 3 1735984860.0000000000 1735984861.0000000000 777 a/link\0\
            ! 3 1735984860.0000000000 1735984861.0000000000 700 lost+found\0";
        let listing = listing(printed).unwrap();
        assert_eq!(listing.files.len(), 1);
        assert_eq!(listing.files[0].path.as_os_str().as_bytes(), b"b\nc d\xff");
        assert_eq!((listing.files[0].size, listing.files[0].mode), (12, 0o644));
        assert_eq!(listing.files[0].modified.as_nanosecond(), 1_735_984_860_123_456_789);
        assert_eq!(listing.folders.len(), 1);
        let odd: Vec<_> = listing.odd.iter().map(|odd| (odd.path.as_str(), odd.what.as_str())).collect();
        assert_eq!(odd, [("a/link", "a symbolic link"), ("lost+found", CLOSED)]);
    }

    #[test]
    fn what_is_no_listing_is_refused() {
        for wrong in [
            &b"f 12 1.0 1.0 644 a"[..],
            b"f 12 1.0 1.0 644 ../a\0",
            b"f x 1.0 1.0 644 a\0",
            b"hello\0",
            b"f 1\0",
            b"f 18446744073709551615 1.0 1.0 644 a\0f 1 1.0 1.0 644 b\0",
        ] {
            assert_eq!(listing(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
        assert_eq!(listing(b""), Some(Listing::default()));
    }

    #[test]
    fn programs_room_and_marker_are_read() {
        let seen = seen(b"tool rsync\ntool b3sum\nwritable\nroom 100 50\nmarker\n{\"id\":\n\"x\"}\n");
        assert_eq!((seen.writable, seen.size, seen.free), (true, Some(102_400), Some(51_200)));
        assert_eq!(seen.marker.as_deref(), Some(&b"{\"id\":\n\"x\"}\n"[..]));
        assert_eq!(missing(&seen.tools), Some("find"));
        let all = NEEDED.map(str::to_owned);
        assert_eq!(missing(&all), Some("b3sum"));
    }

    proptest::proptest! {
        #[test]
        fn no_listing_breaks_it(printed in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _read = listing(&printed);
            let _seen = seen(&printed);
        }
    }
}
