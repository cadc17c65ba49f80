//! The note beside the kits: when the server was last seen to be as the newest kit has it. So little is written by a round
//! in which nothing has changed.

use crate::clock::Timestamp;
use crate::dump::medium::{Ground, MediumTrouble, folder};
use crate::dump::name;
use crate::dump::record::Kit;

/// A note is never longer.
const LONGEST: u64 = 4 << 10;

/// Name of the note of a dump.
pub(super) fn file(dump: &str) -> String {
    format!("last-seen-{}.txt", name::safe(dump))
}

/// Replaces the note. Its second line is for `restore.sh`: kit, moment, seconds since 1970.
pub(in crate::dump) fn note(ground: &Ground, kit: &Kit, at: Timestamp) -> Result<(), MediumTrouble> {
    let moment = at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let text = format!(
        "The databases of {} were last seen to be as the kit {} has them at {moment}.\nseen\t{}\t{moment}\t{}\n",
        kit.dump.replace(['\n', '\r', '\t'], " "),
        kit.name,
        kit.name,
        at.as_second()
    );
    let file = file(&kit.dump);
    folder::replace(ground, &file, text.as_bytes()).map_err(|error| ground.trouble(&error, &file))
}

/// What the note says of this kit.
pub(in crate::dump) fn when(ground: &Ground, kit: &Kit) -> Option<Timestamp> {
    let text = String::from_utf8(folder::content(ground, &file(&kit.dump), LONGEST).ok()?).ok()?;
    let mut words = text.lines().nth(1)?.split('\t');
    let is_it = words.next() == Some("seen") && words.next() == Some(kit.name.as_str());
    is_it.then(|| Timestamp::from_second(words.nth(1)?.parse().ok()?).ok()).flatten()
}
