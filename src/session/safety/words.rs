//! The reasons in words.

use std::fmt;

use super::{Reason, Wrong};
use crate::reach::plain::time;
use crate::session::view::{Level, SideState};

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(words) => f.write_str(words),
            Self::Disk(SideState::Trouble { word, why, remedy }) => write!(f, "source: {word}: {why}; {remedy}"),
            Self::Disk(_) => f.write_str("source: not looked at yet; refresh"),
            Self::Gone => f.write_str("nothing lies on this computer"),
            Self::Empty => f.write_str("the folder holds no files, so nothing can be proven of it; look into it"),
            Self::Odd(odd) => {
                write!(f, "{} is {}, which no copy can hold; move it out of the session", odd.path, odd.what)
            }
            Self::OddOnes(1) => f.write_str("1 thing is no regular file, so no copy can hold it; move it out"),
            Self::OddOnes(count) => {
                write!(f, "{count} things are no regular files, so no copy can hold them; move them out")
            }
            Self::Recent { ago, settle } => {
                write!(f, "recorded {} ago, quiet for {} is needed; wait", long(*ago), long(*settle))
            }
            Self::Ahead(by) => {
                write!(f, "its files carry times {} in the future; set the clock right, or `touch` them", long(*by))
            }
            Self::Timeless => f.write_str("it is not known when it was last written to; refresh"),
            Self::NoDestination => f.write_str("no destination is declared, so there is no copy; declare one"),
            Self::Copy(name, wrong) => write!(f, "{name}: {wrong}"),
            Self::NotImported { short, line: None } => write!(f, "not imported: {short}"),
            Self::NotImported { line: Some(line), .. } => write!(f, "not imported: {line}"),
            Self::ImportUnknown(why) => write!(f, "imported unknown: {why}"),
            Self::NotAsked => f.write_str(
                "no `imported` is declared, so nothing proves it; see [sessions.NAME] in docs/fleet-file.md",
            ),
        }
    }
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(SideState::Trouble { word, why, remedy }) => write!(f, "{word}: {why}; {remedy}"),
            Self::Destination(_) => f.write_str("not looked at yet; refresh"),
            Self::Unknown(why) => write!(f, "the copy is unknown: {why}"),
            Self::None => f.write_str("no copy; sync it"),
            Self::Differs => f.write_str("the copy has other names or sizes than the source; sync it"),
            Self::File(different) => match different.reason.as_str() {
                "missing" | "extra" => write!(f, "{}: {}", different.path, different.reason),
                reason => write!(f, "{}: {reason} differs", different.path),
            },
            Self::Unverified => f.write_str("never verified; sync it"),
            Self::Level(Level::Count) => f.write_str("verified by number only; verify by content"),
            Self::Level(level) => write!(f, "verified by {} only; verify by content", level.word()),
            Self::Problems(0) => f.write_str("the last verification failed; verify again"),
            Self::Problems(1) => f.write_str("the last verification found 1 problem; sync again"),
            Self::Problems(count) => write!(f, "the last verification found {count} problems; sync again"),
            Self::Cached => {
                f.write_str("verified bytes may have come from memory and not from its storage; verify again")
            }
            Self::WithoutSource => f.write_str("verified while the source was not there; verify again"),
            Self::SourceChanged(Some(later)) => {
                write!(f, "verified {} before the source last changed; verify again", long(*later))
            }
            Self::SourceChanged(None) => f.write_str("the source is not as it was verified; sync again"),
            Self::CopyChanged(Some(later)) => {
                write!(f, "verified {} before the copy last changed; verify again", long(*later))
            }
            Self::CopyChanged(None) => f.write_str("the copy is not as it was verified; verify again"),
            Self::VerifiedAhead(by) => {
                write!(f, "verified {} in the future; set the clock right and verify again", long(*by))
            }
            Self::Ahead(by) => {
                write!(f, "the copy carries times {} in the future; set the clocks right on both sides", long(*by))
            }
        }
    }
}

/// Times of a few minutes as [`time`]; longer ones in hours and days.
fn long(span: std::time::Duration) -> String {
    match span.as_secs() {
        0..=119 => time(span),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}
