//! The doors through which foreign bytes come in, by name: files that people and other programs write, what hosts answer over
//! ssh and servers over the network, what lies on disks that others can write to.
//!
//! Each door takes bytes as they may come, brings them to the parsers that read such bytes, and says what must be true of
//! whatever these make of them. `fuzz/` looks for bytes that break it; the test below replays what that found and what it
//! kept, so that a door that once was open stays shut without any fuzzer. Compiled for both of them only.

mod kept;
mod lists;
mod said;
mod wire;
mod written;

/// One kind of foreign bytes.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// Its name, and that of its target and folders in `fuzz/`.
    pub name: &'static str,
    /// More than so many bytes never come in: whoever reads them stops there.
    pub longest: usize,
    /// Brings the bytes in. Panics where something is not as it must be.
    pub enter: fn(&[u8]),
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// All doors.
pub const DOORS: [Door; 18] = [
    Door { name: "fleet", longest: MIB, enter: written::fleet },
    Door { name: "braces", longest: 64 * KIB, enter: written::braces },
    Door { name: "import", longest: MIB, enter: crate::cli::import::foreign::enter },
    Door { name: "looks", longest: MIB, enter: written::looks },
    Door { name: "terminal", longest: MIB, enter: written::terminal },
    Door { name: "to_engine", longest: MIB, enter: wire::to_engine },
    Door { name: "to_guest", longest: MIB, enter: wire::to_guest },
    Door { name: "probe", longest: MIB, enter: crate::health::probe::foreign::enter },
    Door { name: "host", longest: MIB, enter: said::host },
    Door { name: "log", longest: MIB, enter: crate::service::logs::foreign::enter },
    Door { name: "listing", longest: MIB, enter: crate::session::remote::foreign::enter },
    Door { name: "manifest", longest: MIB, enter: lists::manifest },
    Door { name: "dump", longest: MIB, enter: crate::dump::foreign::dump },
    Door { name: "archive", longest: MIB, enter: crate::dump::foreign::archive },
    Door { name: "kit", longest: MIB, enter: crate::dump::foreign::kit },
    Door { name: "feed", longest: MIB, enter: crate::feed::foreign::enter },
    Door { name: "etcd", longest: MIB, enter: crate::standin::lease::foreign::enter },
    Door { name: "state", longest: MIB, enter: kept::state },
];

/// Brings bytes in through the door of this name; more than can come there are cut off.
///
/// # Panics
///
/// Where something is not as it must be, or there is no such door.
pub fn enter(name: &str, bytes: &[u8]) {
    let door = DOORS.iter().find(|door| door.name == name);
    assert!(door.is_some(), "there is no door {name}");
    if let Some(door) = door {
        (door.enter)(bytes.get(..door.longest).unwrap_or(bytes));
    }
}

/// Between the parts of what [`swollen`] takes.
const PART: u8 = 0xfe;

/// As much as a door ever takes of the same thing again and again: the first byte says which door, then stand what comes once
/// before, what comes again and again, and what comes once behind. What takes long then, takes long with the square of it.
pub fn swollen(bytes: &[u8]) {
    let Some((door, rest)) = bytes.split_first() else { return };
    let Some(door) = DOORS.get(usize::from(*door) % DOORS.len()) else { return };
    let mut parts = rest.splitn(3, |byte| *byte == PART);
    let (before, again, behind) = match (parts.next(), parts.next(), parts.next()) {
        (Some(before), Some(again), behind) => (before, again, behind.unwrap_or_default()),
        (Some(again), None, _) => (&[][..], again, &[][..]),
        (None, ..) => return,
    };
    if again.is_empty() {
        return;
    }
    // Without optimization a sixteenth is enough to tell the square from the line.
    let longest = if cfg!(fuzzing) { door.longest } else { door.longest / 16 };
    let room = longest.saturating_sub(before.len() + behind.len());
    let mut all = before.to_vec();
    all.extend_from_slice(&again.repeat(room / again.len()));
    all.extend_from_slice(behind);
    (door.enter)(&all);
}

/// What stands in a line for a person holds nothing that could move a terminal.
pub(crate) fn assert_plain(text: &str) {
    assert!(text.chars().all(crate::reach::plain::is_plain), "{text:?}");
}

/// The first byte, which says how the others are read, and these.
pub(crate) fn kind(bytes: &[u8]) -> (u8, &[u8]) {
    bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest))
}

/// The bytes as they would come over a connection: in one piece, byte by byte, and in sevens.
pub(crate) fn cuts(bytes: &[u8]) -> impl Iterator<Item = std::slice::Chunks<'_, u8>> {
    // Byte by byte only where that is soon done.
    let small = if bytes.len() < 4 * KIB { 1 } else { 1021 };
    [bytes.len().max(1), small, 7 + bytes.len() / (4 * KIB)].into_iter().map(move |size| bytes.chunks(size))
}

#[cfg(test)]
mod tests;
