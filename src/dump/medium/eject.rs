//! Lets go of a medium, so that it can be taken out.

use std::sync::Arc;
use std::time::Duration;

use super::ground::Ground;
use super::trouble::{Kind, MediumTrouble};
use crate::reach::mounts::Mounts;
use crate::reach::{plain, program};

/// How long writing out, and how long each way of unmounting, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// So much of what a program says is read, bytes.
const SAID: usize = 4 << 10;

/// What came of letting go of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ejected {
    /// In one line: what may be done with it now.
    pub said: String,
}

/// Writes everything out, closes it, unmounts it, and looks whether it is unmounted.
pub(super) async fn eject(ground: Arc<Ground>) -> Result<Ejected, MediumTrouble> {
    let (path, mount) = (ground.path().to_owned(), ground.mount().cloned());
    let hangs = || {
        MediumTrouble::new(
            Kind::Hangs,
            format!("{}: the medium does not take what is still to be written", path.display()),
            "wait until its light is still, and try again",
        )
    };
    let (tell, told) = tokio::sync::oneshot::channel();
    let writing = move || {
        let written = rustix::fs::syncfs(&*ground).map_err(std::io::Error::from);
        // Closed before it is unmounted.
        drop(ground);
        let _nobody_waits = tell.send(written);
    };
    // A thread that can be left behind.
    let begun = std::thread::Builder::new().name("eject".into()).spawn(writing);
    begun.map_err(|error| MediumTrouble::of(&error, path.display()))?;
    let written = tokio::time::timeout(PATIENCE, told).await.ok().and_then(Result::ok).ok_or_else(hangs)?;
    written.map_err(|error| MediumTrouble::of(&error, path.display()))?;
    let Some(mount) = mount else {
        let said = format!(
            "{}: everything is written; it is a plain folder, what it lies on is yours to unmount",
            path.display()
        );
        return Ok(Ejected { said });
    };
    let at = path.display().to_string();
    // udisks unmounts what the desktop's user has mounted, without root.
    let ways = [vec!["umount", "--", &at], vec!["udisksctl", "unmount", "--no-user-interaction", "-b", &mount.source]];
    let mut why = String::new();
    for way in ways {
        let said = run(&way).await;
        let there = Mounts::read().ok().and_then(|mounts| mounts.at(&path).map(|now| now.id));
        if there != Some(mount.id) {
            return Ok(Ejected { said: format!("{at}: safe to remove") });
        }
        why = if why.is_empty() { said } else { why };
    }
    Err(MediumTrouble::new(
        Kind::Busy,
        format!("{at}: everything is written, but it cannot be unmounted: {why}"),
        format!("see what uses it (fuser -vm {at}), or unmount it as the user who mounted it"),
    ))
}

async fn run(way: &[&str]) -> String {
    let Some((name, arguments)) = way.split_first() else { return String::new() };
    let mut command = program::command(name);
    command.args(arguments);
    match tokio::time::timeout(PATIENCE, program::run(command, b"", SAID)).await {
        Ok(Ok(ended)) => plain::last_line(&String::from_utf8_lossy(&ended.stderr), 200),
        Ok(Err(error)) => format!("{name} cannot be started: {error}"),
        Err(_late) => format!("{name} does not end"),
    }
}
