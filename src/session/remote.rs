//! Copies on another machine, over ssh: the system's rsync carries files, and the machine's own `b3sum` or `sha256sum` says
//! what its disk holds. What is decided from that is decided here.
//!
//! Nothing goes through a shell that could be taken for anything but a name: paths of the fleet file are quoted, names of
//! files travel on standard input and end with a NUL. Everything that changes something first makes sure that the marker
//! of the destination is there. All functions block and belong on a thread of their own.

mod ask;
mod copy;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod found;
mod hold;
mod rsync;
mod sums;
mod verify;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::Handle;

use super::listing::Listing;
use super::tree::ListError;
use super::view::SideState;
use crate::fleet::share::SshFolder;
use crate::reach::quote::quote;
use crate::reach::ssh::SshPool;

use ask::AS_OPEN;
pub use copy::Order;
pub use verify::Question;

pub(in crate::session) use found::CLOSED;
use hold::LET_GO;

/// How long a look may take before the work, connecting included.
const LOOK: Duration = Duration::from_secs(10);
/// How long another question that reads no files of sessions may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the listing of one session may take, and the one of all.
const LISTING: Duration = Duration::from_secs(30);
const LISTING_ALL: Duration = Duration::from_secs(600);
/// The longest listing, bytes.
const LONGEST: usize = 512 << 20;
/// The longest marker, bytes.
const MARKER: usize = 16 << 10;
/// How scripts end where the folder is not there, or is not the one that it was.
const NO_FOLDER: i32 = 40;
const NO_MARKER: i32 = 42;
/// How a script ends that found what it was to make.
const TAKEN: i32 = 43;
/// How a script ends where somebody else works on the session.
const HELD: i32 = 44;

/// A folder on another machine.
#[derive(Debug, Clone)]
pub struct Remote {
    pool: SshPool,
    runtime: Handle,
    folder: SshFolder,
}

/// What was seen of a folder on another machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether something can be written there.
    pub writable: bool,
    /// Bytes free.
    pub free: Option<u64>,
    /// Bytes in all.
    pub size: Option<u64>,
    /// Text of the marker `.hotspare/store.json`; `None`: there is none.
    pub marker: Option<Vec<u8>>,
    /// Which of the programs that are needed are there.
    pub tools: Vec<String>,
}

/// What goes wrong with another machine.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// It cannot be used now: nothing is known of what it holds.
    #[error("{why}; {remedy}")]
    Trouble {
        /// In a word or two, for [`SideState::Trouble`].
        word: &'static str,
        /// What is wrong, where.
        why: String,
        /// What to do now.
        remedy: String,
    },
    /// The session's folder here cannot be listed.
    #[error(transparent)]
    Source(#[from] ListError),
    /// It would not fit. Nothing was written.
    #[error("there is no room for {need} bytes at {place}: {free} bytes are free; free some there, then repeat")]
    Room {
        /// Destination.
        place: String,
        /// Bytes that are to be written.
        need: u64,
        /// Bytes free.
        free: u64,
    },
    /// The source changes faster than it is copied.
    #[error("`{0}` is still being written: it changed each time it was copied; repeat when the recording has ended")]
    StillWritten(String),
    /// Somebody else copies the same session there.
    #[error("{place}: {who}; repeat when it has ended, or {LET_GO} s after that computer lost its connection")]
    Held {
        /// Destination.
        place: String,
        /// Who, as they wrote it down.
        who: String,
    },
    /// There is nothing to compare a copy with.
    #[error("there is nothing to compare {0} with: the session is not on this computer, and {1}")]
    Nothing(String, &'static str),
    /// It was told to end.
    #[error("it was cancelled; the next run goes on from what is whole")]
    Cancelled,
}

impl RemoteError {
    fn trouble(word: &'static str, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Trouble { word, why: why.into(), remedy: remedy.into() }
    }

    /// As the state of a side, where it is one.
    pub fn side(&self) -> Option<SideState> {
        let Self::Trouble { word, why, remedy } = self else { return None };
        Some(SideState::Trouble { word: (*word).to_owned(), why: why.clone(), remedy: remedy.clone() })
    }
}

impl Remote {
    /// A folder that is reached through `pool`; `runtime`: on which its connections live.
    pub const fn new(pool: SshPool, runtime: Handle, folder: SshFolder) -> Self {
        Self { pool, runtime, folder }
    }

    /// Lets it be tried again at once, also where it was just found to be out of reach.
    pub fn wake(&self) {
        self.pool.wake(&self.folder.destination);
    }

    /// Where it is, as screens name it.
    pub fn place(&self) -> String {
        format!("{}:{}", self.folder.destination, self.folder.path)
    }

    /// Looks at it, within a time that holds for connecting too. That programs are missing there is trouble, that it cannot be written is not: what it holds can be read.
    pub fn look(&self, within: Duration) -> Result<Seen, RemoteError> {
        let script = format!(
            "{}for tool in rsync find sort xargs dd sync flock timeout b3sum sha256sum; do\n\
             command -v \"$tool\" >/dev/null 2>&1 && echo \"tool $tool\"; done\n\
             if [ -w . ]; then echo writable; fi\n\
             df -Pk . 2>/dev/null | tail -n 1 | {{ read -r _name size _used free _rest; echo \"room $size $free\"; }}\n\
             if [ -f {OWN}/store.json ]; then echo marker; head -c {MARKER} {OWN}/store.json; fi; exit 0",
            self.enter()
        );
        let seen = found::seen(&self.run(&script, None, within, 64 << 10)?);
        if let Some(missing) = found::missing(&seen.tools) {
            return Err(RemoteError::trouble(
                "lacks a program",
                format!("{} has no {missing}", self.folder.destination),
                format!("install {} on {}", found::package(missing), self.folder.destination),
            ));
        }
        Ok(seen)
    }

    /// Leaves this marker, unless there is one already; returns the one that is there then. `fresh`: a name that nobody else
    /// gives a marker. Only where [`Remote::look`] found none and none is known from before.
    pub fn leave(&self, marker: &[u8], fresh: &str) -> Result<Vec<u8>, RemoteError> {
        let fresh = quote(&format!("{OWN}/store.json.{fresh}"));
        let script = format!(
            "{}{AS_OPEN}mkdir {OWN} 2>/dev/null; set -e; cat > {fresh}; sync {fresh}\n\
             ln {fresh} {OWN}/store.json 2>/dev/null || :\n\
             rm -f {fresh}; sync {OWN} . ; head -c {MARKER} {OWN}/store.json",
            self.enter()
        );
        self.run(&script, Some(marker.to_vec()), PATIENCE, MARKER)
    }

    /// What lies in a copy's folder, `relative` to the destination's; `None`: nothing. Links, folders that cannot be read and
    /// what is neither file nor folder are named as odd.
    pub fn list(&self, relative: &Path) -> Result<Option<Listing>, RemoteError> {
        let folder = within(relative)?;
        let script = format!(
            "{}if [ -L {folder} ]; then echo 'the copy is a symbolic link' >&2; exit 1; fi\n\
             [ -d {folder} ] || exit {TAKEN}; cd -- {folder} && {}",
            self.enter(),
            find(".", "", "%P")
        );
        match self.run(&script, None, LISTING, LONGEST) {
            Ok(bytes) => found::listing(&bytes).map(Some).ok_or_else(|| self.garbled()),
            Err(RemoteError::Trouble { word: "taken", .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Everything below the destination's folder but hotspare's own, in one go, with paths from there. `go_on` is asked every
    /// now and then; `false` ends it.
    pub fn list_all(&self, go_on: &dyn Fn() -> bool) -> Result<Listing, RemoteError> {
        self.listed(&find(".", "", "%P"), None, go_on)
    }

    /// As [`Remote::list_all`], but only the folders: they tell in which of them a file came, went or was renamed.
    pub fn list_folders(&self, go_on: &dyn Fn() -> bool) -> Result<Listing, RemoteError> {
        self.listed(&find(".", "-type d", "%P"), None, go_on)
    }

    /// As [`Remote::list_all`], but only what lies in these folders, themselves included.
    pub fn list_some(&self, folders: &[PathBuf], go_on: &dyn Fn() -> bool) -> Result<Listing, RemoteError> {
        let one = quote(&format!("exec {}", find("\"$@\"", "", "%p")));
        let names = found::names(folders.iter().map(PathBuf::as_path));
        self.listed(&format!("xargs -0 -r sh -c {one} sh"), Some(names), go_on)
    }

    fn listed(&self, what: &str, input: Option<Vec<u8>>, go_on: &dyn Fn() -> bool) -> Result<Listing, RemoteError> {
        let script = format!("{}{what}", self.enter());
        let bytes = self.run_while(&script, input, LISTING_ALL, LONGEST, go_on)?;
        found::listing(&bytes).ok_or_else(|| self.garbled())
    }

    fn garbled(&self) -> RemoteError {
        RemoteError::trouble(
            "garbled",
            format!("{} answers with something that is no listing", self.place()),
            "does its find know -printf? GNU findutils does",
        )
    }
}

/// Folder below a destination that is hotspare's own.
const OWN: &str = ".hotspare";
/// Lists all but hotspare's own that a test holds for: kind, size, times of content and inode, mode, path; each ended by a NUL.
/// A folder that may not be read has the kind `!`: such as the `lost+found` of a disk, it is no reason to know nothing of all
/// others.
fn find(from: &str, test: &str, path: &str) -> String {
    format!(
        "find {from} -ignore_readdir_race -xdev -name '.hotspare*' -prune -o \
         -type d '(' '!' -readable -o '!' -executable ')' -printf '! %s %T@ %C@ %m {path}\\0' -prune -o \
         {test} -printf '%y %s %T@ %C@ %m {path}\\0'"
    )
}

/// A copy's folder for a script that is in the destination's.
fn within(relative: &Path) -> Result<String, RemoteError> {
    relative.to_str().map(|relative| quote(&format!("./{relative}"))).ok_or_else(|| {
        RemoteError::trouble("odd name", "the folder of the copy has a name that is no text", "change the layout")
    })
}
