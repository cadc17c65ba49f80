//! Copies on another machine, over ssh: the system's rsync carries files, and the machine's own `b3sum` or `sha256sum` says
//! what its disk holds. What is decided from that is decided here.
//!
//! Nothing goes through a shell that could be taken for anything but a name: paths of the fleet file are quoted, names of
//! files travel on standard input and end with a NUL. Everything that changes something first makes sure that the marker
//! of the destination is there. All functions block and belong on a thread of their own.

mod copy;
mod found;
mod rsync;
mod sums;
mod verify;

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Handle;

use super::listing::Listing;
use super::tree::ListError;
use super::view::SideState;
use crate::fleet::share::SshFolder;
use crate::reach::plain;
use crate::reach::quote::quote;
use crate::reach::ssh::{self, Output, SshError, SshErrorKind, SshPool};

pub use copy::Order;
pub use verify::Question;

/// How long a question that reads no files may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a listing may take.
const LISTING: Duration = Duration::from_secs(600);
/// The longest listing, bytes.
const LONGEST: usize = 512 << 20;
/// The longest marker, bytes.
const MARKER: usize = 16 << 10;
/// How scripts end where the folder is not there, or is not the one that it was.
const NO_FOLDER: i32 = 40;
const NO_MARKER: i32 = 42;
/// How a script ends that found what it was to make.
const TAKEN: i32 = 43;

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
    tools: Vec<String>,
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

    /// Where it is, as screens name it.
    pub fn place(&self) -> String {
        format!("{}:{}", self.folder.destination, self.folder.path)
    }

    /// Looks at it. That programs are missing there is trouble, that it cannot be written is not: what it holds can be read.
    pub fn look(&self) -> Result<Seen, RemoteError> {
        let script = format!(
            "{}for tool in rsync find sort xargs dd sync b3sum sha256sum; do\n\
             command -v \"$tool\" >/dev/null 2>&1 && echo \"tool $tool\"; done\n\
             if [ -w . ]; then echo writable; fi\n\
             df -Pk . 2>/dev/null | tail -n 1 | {{ read -r _name size _used free _rest; echo \"room $size $free\"; }}\n\
             if [ -f {OWN}/store.json ]; then echo marker; head -c {MARKER} {OWN}/store.json; fi; exit 0",
            self.enter()
        );
        let seen = found::seen(&self.run(&script, None, PATIENCE, 64 << 10)?);
        if let Some(missing) = found::missing(&seen.tools) {
            return Err(RemoteError::trouble(
                "lacks a program",
                format!("{} has no {missing}", self.folder.destination),
                format!("install {missing} on {}", self.folder.destination),
            ));
        }
        Ok(seen)
    }

    /// Leaves this marker, unless there is one already; returns the one that is there then. `fresh`: a name that nobody else
    /// gives a marker. Only where [`Remote::look`] found none and none is known from before.
    pub fn leave(&self, marker: &[u8], fresh: &str) -> Result<Vec<u8>, RemoteError> {
        let fresh = quote(&format!("{OWN}/store.json.{fresh}"));
        let script = format!(
            "{}mkdir {OWN} 2>/dev/null; set -e; cat > {fresh}; sync {fresh}\n\
             ln {fresh} {OWN}/store.json 2>/dev/null || :\n\
             rm -f {fresh}; sync {OWN} . ; head -c {MARKER} {OWN}/store.json",
            self.enter()
        );
        self.run(&script, Some(marker.to_vec()), PATIENCE, MARKER)
    }

    /// What lies in a copy's folder, `relative` to the destination's; `None`: nothing. Links, other file systems and what is
    /// neither file nor folder are named as odd.
    pub fn list(&self, relative: &Path) -> Result<Option<Listing>, RemoteError> {
        let folder = within(relative)?;
        let script = format!("{}[ -d {folder} ] || exit {TAKEN}; cd -- {folder} && {FIND}", self.enter());
        match self.run(&script, None, LISTING, LONGEST) {
            Ok(bytes) => found::listing(&bytes).map(Some).ok_or_else(|| self.garbled()),
            Err(RemoteError::Trouble { word: "taken", .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Everything below the destination's folder but hotspare's own, in one go, with paths from there.
    pub fn list_all(&self) -> Result<Listing, RemoteError> {
        let script = format!("{}{FIND}", self.enter());
        let bytes = self.run(&script, None, LISTING, LONGEST)?;
        found::listing(&bytes).ok_or_else(|| self.garbled())
    }

    fn garbled(&self) -> RemoteError {
        RemoteError::trouble(
            "garbled",
            format!("{} answers with something that is no listing", self.place()),
            "does its find know -printf? GNU findutils does",
        )
    }

    /// First lines of a script: in the destination's folder, with messages in English.
    fn enter(&self) -> String {
        format!("LC_ALL=C; export LC_ALL; cd -- {} || exit {NO_FOLDER}\n", quote(&self.folder.path))
    }

    /// The same, if the marker is still there. For scripts that change something.
    fn enter_marked(&self, marker: &str) -> String {
        format!("{}grep -q -F -e {} {OWN}/store.json || exit {NO_MARKER}\n", self.enter(), quote(marker))
    }

    fn run(&self, script: &str, input: Option<Vec<u8>>, time: Duration, limit: usize) -> Result<Vec<u8>, RemoteError> {
        let mut remote = ssh::Remote::new(script, time).with_limit(limit);
        if let Some(input) = input {
            remote = remote.with_input(input);
        }
        let ended = self.runtime.block_on(self.pool.run(&self.folder.destination, &remote));
        let output = ended.map_err(|error| self.unreachable(&error))?;
        self.ended(&output)
    }

    fn ended(&self, output: &Output) -> Result<Vec<u8>, RemoteError> {
        let place = self.place();
        match output.status {
            0 => Ok(output.stdout.clone()),
            NO_FOLDER => Err(RemoteError::trouble(
                "no folder",
                format!("{place}: {}", plain::last_line(&output.error_text(), 160)),
                "make it there, or mount what belongs there; hotspare does not",
            )),
            NO_MARKER => Err(RemoteError::trouble(
                "replaced",
                format!("{place} is not the folder that it was: its marker is gone"),
                "is the right disk mounted there?",
            )),
            TAKEN => Err(RemoteError::trouble("taken", place, "")),
            status => {
                let said = plain::last_line(&output.error_text(), 200);
                let why = if said.is_empty() { format!("a command ended with {status}") } else { said };
                Err(RemoteError::trouble("error", format!("{place}: {why}"), "see what is wrong there, then repeat"))
            }
        }
    }

    fn unreachable(&self, error: &SshError) -> RemoteError {
        let word = if error.kind == SshErrorKind::NoAnswer { "no answer" } else { "unreachable" };
        RemoteError::trouble(word, format!("{}: {}", self.folder.destination, error.what), error.remedy.clone())
    }
}

/// Folder below a destination that is hotspare's own.
const OWN: &str = ".hotspare";
/// Lists all but hotspare's own: kind, size, times of content and inode, mode, path; each ended by a NUL.
const FIND: &str = r"find . -xdev -name '.hotspare*' -prune -o -printf '%y %s %T@ %C@ %m %P\0'";

/// A copy's folder for a script that is in the destination's.
fn within(relative: &Path) -> Result<String, RemoteError> {
    relative.to_str().map(|relative| quote(&format!("./{relative}"))).ok_or_else(|| {
        RemoteError::trouble("odd name", "the folder of the copy has a name that is no text", "change the layout")
    })
}
