//! A server program of our own that ends with us, whatever ended us, and takes its folders along.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, Command};

use super::tools::Tools;
use super::trouble::Trouble;
use crate::reach::program::{self, Family};

/// Ends the server when its own input ends, which is when we do, and then removes what it left. It ends with a server that ends by
/// itself, and leaves what that said to us.
const KEEPER: &str = "trap '' HUP INT TERM; a=$1; b=$2; shift 2; exec 3<&0; \"$@\" </dev/null 3<&- & server=$!; \
     { read -r _end; kill -9 \"$server\"; } <&3 3<&- 2>/dev/null & reader=$!; \
     wait \"$server\"; ended=$?; kill -9 \"$reader\" 2>/dev/null; [ $ended -ne 137 ] || rm -rf -- \"$a\" \"$b\"";
/// A server that is told to go is gone within this.
const GOING: Duration = Duration::from_secs(10);

/// Where a server keeps its data, and where its socket is: the path of a socket holds about 100 bytes.
#[derive(Debug)]
pub(super) struct Rooms {
    data: TempDir,
    door: TempDir,
}

impl Rooms {
    /// Makes the first, for nobody but us.
    pub(super) fn for_data(tools: &Tools) -> Result<TempDir, Trouble> {
        tools.room().map_err(|error| cannot(&tools.folder, &error))
    }

    /// Makes the second beside it. The last thing before the server is started: from then on its keeper removes both, whatever
    /// ends us.
    pub(super) fn new(data: TempDir, tools: &Tools) -> Result<Self, Trouble> {
        let door = tools.door().map_err(|error| cannot(&tools.doors, &error))?;
        Ok(Self { data, door })
    }

    /// For its data.
    pub(super) fn data(&self) -> &Path {
        self.data.path()
    }

    /// For its socket.
    pub(super) fn door(&self) -> &Path {
        self.door.path()
    }

    /// What begins a server there: its own arguments follow.
    pub(super) fn command(&self, server: &Path) -> Command {
        let mut command = program::command("sh");
        command.args(["-c", KEEPER, "sh"]).arg(self.data()).arg(self.door()).arg(server);
        command
    }
}

fn cannot(folder: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Failed(format!("{}: {error}; is it writable, and is there room?", folder.display()))
}

/// A server that runs.
#[derive(Debug)]
pub(super) struct Kept {
    leash: Option<ChildStdin>,
    child: Child,
    family: Option<Family>,
    /// Go last.
    pub(super) rooms: Rooms,
}

impl Kept {
    /// Starts what [`Rooms::command`] began.
    pub(super) fn start(mut command: Command, rooms: Rooms) -> Result<Self, Trouble> {
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| Trouble::Failed(format!("sh: {error}")))?;
        let family = Some(Family::of(&child));
        let leash = child.stdin.take();
        Ok(Self { leash, child, family, rooms })
    }

    /// How it ended, if it has.
    pub(super) fn over(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it and removes what it left.
    pub(super) async fn end(mut self) {
        drop(self.leash.take());
        if tokio::time::timeout(GOING, self.child.wait()).await.is_ok()
            && let Some(family) = self.family.take()
        {
            family.spare();
        }
    }
}
