//! The marker in the root of a medium: an identity of its own, and the dumps that it is a medium of.
//!
//! By it two media may take turns, and a stick with somebody's photographs, or the bare folder below a medium that is gone,
//! is told from one of ours. A person makes a medium of any disk by leaving an empty file of this name on it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::folder;
use super::ground::Ground;
use super::trouble::{Kind, MediumTrouble};
use crate::clock::Timestamp;
use crate::fleet::data::Dump;

/// Its name.
pub const MARKER: &str = ".hotspare-medium";
/// It is never longer.
const LONGEST: u64 = 64 << 10;
/// What systems leave on a disk that nobody has used yet.
const BLANK: [&str; 9] = [
    "lost+found",
    "System Volume Information",
    "$RECYCLE.BIN",
    ".Spotlight-V100",
    ".Trashes",
    ".fseventsd",
    ".Trash-0",
    ".Trash-1000",
    ".DS_Store",
];

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// A random identity.
    pub(super) id: String,
    /// Names of the dumps whose kits it takes.
    pub(super) dumps: BTreeSet<String>,
    /// When it was left.
    pub(super) made: Timestamp,
}

/// The marker of the medium of this dump, left or completed where that is right. `known`: ids of media that it has used.
pub(super) fn settle(ground: &Ground, dump: &Dump, known: &[String], now: Timestamp) -> Result<Marker, MediumTrouble> {
    let failed = |error: std::io::Error| ground.trouble(&error, MARKER);
    let there = match folder::size(ground, MARKER).map_err(failed)? {
        Some(_) => Some(folder::content(ground, MARKER, LONGEST).map_err(failed)?),
        None => None,
    };
    let fresh = || Marker { id: format!("{:032x}", fastrand::u128(..)), dumps: BTreeSet::new(), made: now };
    let mut marker = match &there {
        // An empty one is a person's wish; one that a dying disk has garbled is replaced.
        Some(text) => serde_json::from_slice(text).unwrap_or_else(|_no_marker| fresh()),
        None if known.is_empty() || (dump.mount && blank(ground)?) => fresh(),
        None => return Err(another(ground, dump)),
    };
    let wished = there.is_some_and(|text| text.is_empty());
    let file_system = ground.file_system();
    let is_known = known.contains(&marker.id) || file_system.is_some_and(|id| known.contains(&id));
    let ours = marker.dumps.is_empty() || marker.dumps.contains(&dump.name) || is_known || known.is_empty() || wished;
    if !ours {
        return Err(another(ground, dump));
    }
    if marker.dumps.insert(dump.name.clone()) {
        let _alone = ground.alone()?;
        let mut text = serde_json::to_vec_pretty(&marker).unwrap_or_default();
        text.push(b'\n');
        folder::replace(ground, MARKER, &text).map_err(failed)?;
    }
    Ok(marker)
}

fn blank(ground: &Ground) -> Result<bool, MediumTrouble> {
    let names = folder::names(ground).map_err(|error| ground.trouble(&error, ""))?;
    Ok(names.iter().all(|name| BLANK.contains(&name.as_str())))
}

fn another(ground: &Ground, dump: &Dump) -> MediumTrouble {
    let path = ground.path();
    MediumTrouble::new(
        Kind::Another,
        format!("{}: this is not a medium of the dump {}", path.display(), dump.name),
        format!("put the right one in; to use this one too: touch {}", path.join(MARKER).display()),
    )
}
