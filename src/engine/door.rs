//! The door of the socket: who of the users of this machine comes in, and as what.
//!
//! Judged by what the kernel says of the other side, its user and its group, and by what the accounts of the machine say of
//! that user's groups. Nothing that a guest says of itself opens the door; it may only ask for less.

mod crowd;
mod part;

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::geteuid;
use tokio::sync::watch;

use super::guest::person;
use super::state::StateFolder;
use crate::clock::{Clock, Tick};
use crate::fleet::accounts;
use crate::fleet::settings::Groups;

pub(super) use crowd::Crowd;
use part::Known;
pub(super) use part::Part;

/// How often it is asked whether somebody who is here is still in their group.
const LOOK: Duration = Duration::from_secs(60);
/// One user who is turned away again and again is journalled once in so long.
const AGAIN: Duration = Duration::from_secs(600);
/// Users of whom it is remembered when they were turned away last.
const REMEMBERED: usize = 64;

/// Who is at the other end, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Peer {
    /// Whether it is the engine's own user, or root, who can be anybody.
    pub(super) fn is_own(self) -> bool {
        self.uid == 0 || self.uid == geteuid().as_raw()
    }
}

/// The door. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Door(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: StateFolder,
    clock: Clock,
    groups: watch::Sender<Groups>,
    trouble: Mutex<Vec<String>>,
    turned_away: Mutex<HashMap<u32, Tick>>,
}

impl Door {
    /// For the socket of this folder, which is there already.
    pub(super) fn new(folder: &StateFolder, clock: &Clock, groups: &Groups) -> Self {
        let door = Self(Arc::new(Inner {
            folder: folder.clone(),
            clock: clock.clone(),
            groups: watch::Sender::default(),
            trouble: Mutex::default(),
            turned_away: Mutex::default(),
        }));
        door.set(groups);
        door
    }

    /// What the fleet file says now. Who is here already is judged again.
    pub(super) fn set(&self, groups: &Groups) {
        self.0.groups.send_if_modified(|known| {
            let other = known != groups;
            known.clone_from(groups);
            other
        });
        let way = way_in(&self.0.folder, !groups.is_empty());
        self.0.tell(way.clone().into_iter().collect());
        let (inner, groups) = (Arc::downgrade(&self.0), groups.clone());
        // The name service may sit behind a network.
        tokio::task::spawn_blocking(move || {
            let troubles = way.into_iter().chain(unknown_groups(&groups)).collect();
            if let Some(inner) = inner.upgrade().filter(|inner| *inner.groups.borrow() == groups) {
                inner.tell(troubles);
            }
        });
    }

    /// What is wrong with it, a line each.
    pub(super) fn trouble(&self) -> Vec<String> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the groups of the fleet file are, and every change of them.
    pub(super) fn changes(&self) -> watch::Receiver<Groups> {
        self.0.groups.subscribe()
    }

    /// What this peer may do now.
    pub(super) async fn judge(&self, peer: Peer) -> Part {
        if peer.is_own() {
            return Part::Own;
        }
        let groups = self.0.groups.borrow().clone();
        let asked = tokio::task::spawn_blocking(move || {
            let name = person(peer.uid);
            if groups.is_empty() {
                return part::closed(&name);
            }
            Known::look_up(&groups, peer).map_or_else(|why| part::unknown(&name, &why), |known| known.part(&name))
        });
        asked.await.unwrap_or_else(|broken| part::unknown(&person(peer.uid), &broken.to_string()))
    }

    /// Returns when this peer's part is not any more what it was, and says why.
    pub(super) async fn until_other(&self, peer: Peer, part: &Part, mut changes: watch::Receiver<Groups>) -> String {
        if *part == Part::Own {
            return std::future::pending().await;
        }
        loop {
            let _changed_or_time_to_look = tokio::time::timeout(LOOK, changes.changed()).await;
            let now = self.judge(peer).await;
            if now != *part {
                return now.news();
            }
        }
    }

    /// Whether this one's being turned away is worth an entry of the journal: not each time.
    pub(super) fn is_news(&self, peer: Peer) -> bool {
        let now = self.0.clock.tick();
        let mut known = self.0.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_uid, last| now.since(*last) < AGAIN);
        known.len() < REMEMBERED && known.insert(peer.uid, now).is_none()
    }
}

impl Inner {
    fn tell(&self, troubles: Vec<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = troubles;
    }
}

/// The groups that let nobody in, because this machine does not know them.
fn unknown_groups(groups: &Groups) -> Vec<String> {
    let why = |group: &str| match accounts::group(group) {
        Ok(Some(_number)) => None,
        Ok(None) => Some(format!("there is no such group on this machine; create it with `groupadd {group}`")),
        Err(why) => Some(format!("it cannot be looked up: {why}")),
    };
    let troubles = groups.all().filter_map(|(key, group)| {
        Some(format!("`{key}` of [engine] lets nobody in by the group {group}: {}", why(group)?))
    });
    troubles.collect()
}

/// Opens the way to the socket as far as it must be, or closes it, and says what is wrong.
fn way_in(folder: &StateFolder, wide: bool) -> Option<String> {
    if let Err(error) = open(folder, wide) {
        return Some(format!(
            "the way to the socket {} cannot be opened or closed for others: {error}; use --state with a folder of the engine's own user",
            folder.socket().display()
        ));
    }
    let shut = shut_above(folder.path()).filter(|_| wide)?.display();
    Some(format!(
        "others do not come to the socket, because {shut} lets nobody through; `chmod o+x {shut}`, or use --state with a folder elsewhere"
    ))
}

/// Lets others through the state folder to the socket, or not. Everything else in it is for its owner alone.
fn open(folder: &StateFolder, wide: bool) -> std::io::Result<()> {
    let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    let mode = std::fs::metadata(folder.path())?.permissions().mode() & 0o7777;
    if wide {
        // Through, not into: nobody reads a list of what is in there.
        set(folder.path(), mode | 0o011)?;
        return set(&folder.socket(), 0o666);
    }
    set(&folder.socket(), 0o600)?;
    if mode == THROUGH { set(folder.path(), 0o700) } else { Ok(()) }
}

/// What a folder of ours is while others may pass through it.
const THROUGH: u32 = 0o711;

/// The first folder above that lets no others through.
fn shut_above(path: &Path) -> Option<&Path> {
    path.ancestors()
        .skip(1)
        .find(|above| std::fs::metadata(above).is_ok_and(|found| found.permissions().mode() & 0o011 == 0))
}
