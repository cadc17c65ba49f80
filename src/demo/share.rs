//! The demo's share: a folder of nas, mounted over ssh, whose server hangs for a while.
//!
//! Nothing of it is played: sshfs mounts what the sshd of nas serves, the engine copies sessions through it, and it hangs because
//! the process that serves it is stopped, so that whoever touches it waits. Where sshfs is not installed, or this person may not
//! mount, the share is a plain folder that never hangs.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin};

use super::script::{ANNOUNCE, SHARE_HANGS, every_day};
use super::sshd::{Kit, descendants};
use super::studio::STORE;
use crate::clock::Clock;
use crate::engine::client::Client;
use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::reach::mounts::Mounts;
use crate::reach::program;
use crate::session::view::SideState;

/// Mounts, and unmounts when its input ends: that is, also when the demo is killed.
const KEEPER: &str = "trap '' HUP INT TERM; at=$1; shift; \"$@\" & mount=$!; read -r _end; \
     fusermount3 -uz -- \"$at\" 2>/dev/null || fusermount -uz -- \"$at\" 2>/dev/null || umount -- \"$at\" 2>/dev/null; \
     kill -9 \"$mount\" 2>/dev/null; wait \"$mount\"";
/// What the process calls itself that serves files, as `Subsystem` names it in the machines' configuration.
const SERVED_BY: &str = "internal-sftp";
/// It is mounted within this, or not at all.
const MOUNTED_WITHIN: Duration = Duration::from_secs(5);
/// It is gone within this.
const GONE_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The share hangs for so long.
const HANGS_FOR: Duration = Duration::from_secs(45);
/// Nobody has to touch it: it is asked every 30 s, and called stale when it has not answered for some seconds.
const SEEN_WITHIN: Duration = Duration::from_secs(40);
/// The engine trusts it again so soon after it answers.
const READY_WITHIN: Duration = Duration::from_secs(40);

/// What came of one time that the share hung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hang {
    /// How long it took until the engine said that it is stale; `None`: it did not.
    pub seen: Option<Duration>,
    /// How long after it answered again the engine trusted it; `None`: not in time.
    pub ready: Option<Duration>,
}

impl Hang {
    /// Whether it was seen, and the share was of use afterwards.
    pub const fn ok(&self) -> bool {
        self.seen.is_some() && self.ready.is_some()
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let seconds = |span: Duration| format!("{:.1} s", span.as_secs_f64());
        let seen = self.seen.map_or("was not seen".into(), |seen| format!("was called stale after {}", seconds(seen)));
        let ready = match self.ready {
            Some(ready) => format!("was trusted again {} after it answered", seconds(ready)),
            None => format!("was not trusted again within {}", seconds(READY_WITHIN)),
        };
        format!("{STORE}: a share that hung for {} s {seen} and {ready}", HANGS_FOR.as_secs())
    }
}

/// The mounted share.
#[derive(Debug)]
pub struct Share {
    at: PathBuf,
    /// The sshd that serves it.
    server: Pid,
    leash: Option<ChildStdin>,
    keeper: Child,
}

impl Share {
    /// Mounts `folder` of the machine behind this sshd at `at`. `None`: it cannot be mounted here.
    pub async fn mount(
        kit: &Kit,
        door: (std::net::IpAddr, u16),
        server: Pid,
        folder: &Path,
        at: &Path,
    ) -> io::Result<Option<Self>> {
        std::fs::create_dir_all(at)?;
        let mut command = program::command("sh");
        command
            .args(["-c", KEEPER, "sh"])
            .arg(at)
            .args(["sshfs", "-f", "-o", "dir_cache=no", "-F"])
            .arg(&kit.client_config);
        command.arg("-p").arg(door.1.to_string()).arg(format!("{}:{}", door.0, folder.display())).arg(at);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Whoever drops it lets go of its leash, and it has still to unmount then.
        let Ok(mut keeper) = command.kill_on_drop(false).spawn() else { return Ok(None) };
        let leash = keeper.stdin.take();
        let share = Self { at: at.to_owned(), server, leash, keeper };
        if wait(MOUNTED_WITHIN, || share.mounted()).await {
            return Ok(Some(share));
        }
        share.end().await;
        Ok(None)
    }

    /// Lets it hang at its times, until this is dropped. Tells what came of each.
    pub async fn work(&self, client: &Arc<dyn Client>, clock: &Clock, mut tell: impl FnMut(Hang)) {
        let start = clock.tick();
        for at in every_day(SHARE_HANGS) {
            let at = start + at;
            tokio::time::sleep(at.since(clock.tick()).saturating_sub(ANNOUNCE)).await;
            let (soon, seconds) = (ANNOUNCE.as_secs(), HANGS_FOR.as_secs());
            note(client, format!("in {soon} s the share of the recordings hangs for {seconds} s")).await;
            tokio::time::sleep(at.since(clock.tick())).await;
            let hang = self.hang(client, clock).await;
            note(client, hang.line()).await;
            tell(hang);
        }
    }

    async fn hang(&self, client: &Arc<dyn Client>, clock: &Clock) -> Hang {
        let hung = clock.tick();
        let stopped = Stopped::all(self.server);
        let seen = seen(client, clock, SEEN_WITHIN, |word| word == Some("stale")).await;
        tokio::time::sleep((hung + HANGS_FOR).since(clock.tick())).await;
        drop(stopped);
        let ready = self::seen(client, clock, READY_WITHIN, |word| word.is_none()).await;
        Hang { seen, ready }
    }

    /// Unmounts it.
    pub async fn end(mut self) {
        drop(self.leash.take());
        // What takes longer goes on without us.
        let _late = tokio::time::timeout(GONE_WITHIN, self.keeper.wait()).await;
    }

    fn mounted(&self) -> bool {
        Mounts::read().is_ok_and(|mounts| mounts.all().any(|mount| mount.point == self.at))
    }
}

/// The processes that serve the share, stopped; they go on when this is dropped.
#[derive(Debug)]
struct Stopped(Vec<Pid>);

impl Stopped {
    fn all(sshd: Pid) -> Self {
        let serves = |pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(SERVED_BY))
        };
        let all: Vec<Pid> =
            descendants(sshd.as_raw_nonzero().get()).into_iter().filter(serves).filter_map(Pid::from_raw).collect();
        for pid in &all {
            let _gone = kill_process(*pid, Signal::STOP);
        }
        Self(all)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _gone = kill_process(*pid, Signal::CONT);
        }
    }
}

/// How long it took until the engine's word for the share's trouble was such; `None`: it was not in time.
async fn seen(
    client: &Arc<dyn Client>,
    clock: &Clock,
    within: Duration,
    is: impl Fn(Option<&str>) -> bool,
) -> Option<Duration> {
    let began = clock.tick();
    let mut snapshots = client.snapshots();
    let seen = snapshots.wait_for(|snapshot: &Arc<Snapshot>| {
        let store = snapshot.stores.iter().find(|store| store.name == STORE);
        store.and_then(|store| store.destinations.first()).is_some_and(|share| match &share.state {
            SideState::Trouble { word, .. } => is(Some(word)),
            SideState::Ready => is(None),
            SideState::Unknown => false,
        })
    });
    let seen = tokio::time::timeout(within, seen).await.is_ok_and(|seen| seen.is_ok());
    seen.then(|| clock.tick().since(began))
}

/// Whether it comes in time that something is so.
async fn wait(within: Duration, is: impl Fn() -> bool) -> bool {
    let looks = async {
        while !is() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(within, looks).await.is_ok()
}

/// A remark in the journal. One that cannot be written is an alarm in the snapshot already.
async fn note(client: &Arc<dyn Client>, text: String) {
    let _told = client.command(Command::Note { text }).await;
}
