//! What lies on a medium: which kits are whole, which are not, and what nobody needs any more.

use std::collections::BTreeSet;
use std::io;

use super::folder;
use super::ground::{Alone, Ground};
use super::trouble::MediumTrouble;
use crate::dump::kit::{MAKING, texts};
use crate::dump::record::{File, Held, Kit};
use crate::dump::{keep, name, recovery};
use crate::fleet::data::Keep;
use crate::reach::plain;

/// `kit.json` is never longer.
const LONGEST: u64 = 256 << 20;

/// What lies on a medium of one dump.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shelf {
    /// Whole kits, newest first.
    pub kits: Vec<Kit>,
    /// Kits that are not whole, by name, and why.
    pub broken: Vec<(String, String)>,
    /// Bytes of the files of all whole kits.
    pub bytes: u64,
}

/// Kits of all dumps, newest first, each with what is wrong with it.
#[derive(Debug, Default)]
pub(in crate::dump) struct Everything {
    found: Vec<(Kit, Option<String>)>,
    unreadable: Vec<(String, String)>,
}

impl Everything {
    /// The greatest number of all kits.
    pub(in crate::dump) fn newest_number(&self) -> u64 {
        self.found.iter().map(|(kit, _)| kit.number).max().unwrap_or(0)
    }

    /// Whole ones.
    pub(in crate::dump) fn kits(&self) -> Vec<Kit> {
        self.found.iter().filter(|(_, wrong)| wrong.is_none()).map(|(kit, _)| kit.clone()).collect()
    }

    /// Those of one dump.
    pub(super) fn of(self, dump: &str) -> Shelf {
        let mut there = Shelf { broken: self.unreadable, ..Shelf::default() };
        for (kit, wrong) in self.found.into_iter().filter(|(kit, _)| kit.dump == dump) {
            match wrong {
                None => there.kits.push(kit),
                Some(why) => there.broken.push((kit.name, why)),
            }
        }
        let mut counted = BTreeSet::new();
        let held = there.kits.iter().flat_map(|kit| &kit.databases).filter_map(|database| database.held.as_ref());
        for (held, file) in held.flat_map(|held| held.files.iter().map(move |file| (held, file))) {
            if counted.insert((&held.kit, &file.name)) {
                there.bytes += file.bytes;
            }
        }
        there
    }
}

/// Looks at every kit: what it says of itself, and whether the files that it needs are there with their sizes.
pub(in crate::dump) fn everything(ground: &Ground) -> Result<Everything, MediumTrouble> {
    let names = folder::names(ground).map_err(|error| ground.trouble(&error, ""))?;
    let mut all = Everything::default();
    for name in names.into_iter().filter(|name| name::is_kit(name)) {
        match read(ground, &name) {
            Ok(kit) => {
                let wrong = lacks(ground, &kit).map_err(|error| ground.trouble(&error, &name))?;
                all.found.push((kit, wrong));
            }
            Err(why) => all.unreadable.push((name, why)),
        }
    }
    all.found.sort_by(|(one, _), (other, _)| (other.number, &other.name).cmp(&(one.number, &one.name)));
    all.unreadable.sort();
    if all.found.is_empty() {
        // Nothing there, or nothing that answers: a stick that was pulled lists nothing.
        ground.stands()?;
    }
    Ok(all)
}

fn read(ground: &Ground, name: &str) -> Result<Kit, String> {
    let plain = |error: io::Error| format!("{}: {error}", texts::KIT);
    let own = folder::open(ground, name).map_err(plain)?;
    let text = folder::content(&own, texts::KIT, LONGEST).map_err(plain)?;
    let kit = self::kit(&text)?;
    if kit.name == name { Ok(kit) } else { Err(format!("it says that it is {}", kit.name)) }
}

/// What a kit says of itself.
pub(super) fn kit(text: &[u8]) -> Result<Kit, String> {
    let kit: Kit = serde_json::from_slice(text).map_err(|error| format!("{}: {error}", texts::KIT))?;
    // Whoever adds up what a kit says relies on its being no nonsense.
    let held = || kit.databases.iter().filter_map(|database| database.held.as_ref());
    let files = held().flat_map(|held| &held.files).try_fold(0_u64, |sum, file| sum.checked_add(file.bytes));
    let plain = held().try_fold(0_u64, |sum, held| sum.checked_add(held.plain));
    if files.and(plain).is_none() {
        return Err(format!("{}: it tells of more bytes than there can be", texts::KIT));
    }
    // They stand in commands that a person copies.
    let sum = |sum: &str| sum.bytes().all(|digit| digit.is_ascii_hexdigit());
    let name = |name: &str| name.chars().all(|symbol| plain::is_plain(symbol) && symbol != '\'');
    let fit = |held: &Held| {
        let of_file = |file: &File| name(&file.name) && sum(&file.blake3) && sum(&file.sha256);
        name(&held.kit) && held.files.iter().all(of_file)
    };
    if let Some(database) = kit.databases.iter().find(|database| !database.held.as_ref().is_none_or(fit)) {
        let of = plain::line(&database.name, 60);
        return Err(format!(
            "{}: the name or a sum of a file of {of} is none, so it was changed after it was made; restore from another kit",
            texts::KIT
        ));
    }
    Ok(kit)
}

/// What of a kit is not there; `None`: nothing.
fn lacks(ground: &Ground, kit: &Kit) -> io::Result<Option<String>> {
    for held in kit.databases.iter().filter_map(|database| database.held.as_ref()) {
        if let Some(lack) = gone(ground, held)? {
            return Ok(Some(lack));
        }
    }
    Ok(None)
}

fn gone(ground: &Ground, held: &Held) -> io::Result<Option<String>> {
    if !name::is_kit(&held.kit) {
        return Ok(Some(format!("{} is no kit", held.kit)));
    }
    for file in &held.files {
        if file.name.contains('/') {
            return Ok(Some(format!("{} is no name of a file in a kit", file.name)));
        }
        let path = format!("{}/{}", held.kit, file.name);
        match folder::size(ground, &path)? {
            Some(bytes) if bytes == file.bytes => {}
            Some(bytes) => return Ok(Some(format!("{path} has {bytes} bytes of {}", file.bytes))),
            None => return Ok(Some(format!("{path} is not there"))),
        }
    }
    Ok(None)
}

/// Removes what was under way when somebody was killed: kits half made or half removed, files on their way to a name.
pub(super) fn sweep(ground: &Ground, _alone: &Alone) -> Result<(), MediumTrouble> {
    let failed = |error: io::Error| ground.trouble(&error, "");
    for name in folder::names(ground).map_err(failed)? {
        let litter = name.starts_with(folder::GOING) || name.starts_with(folder::NEW);
        let abandoned =
            name.starts_with(MAKING) && folder::open(ground, &name).and_then(folder::lock).map_err(failed)?;
        if litter || abandoned {
            folder::remove(ground, &name).map_err(failed)?;
        }
    }
    Ok(())
}

/// Removes kits of a dump that need not be kept, and more of the oldest until so many bytes are free. Returns their names.
pub(super) fn retain(
    ground: &Ground,
    alone: &Alone,
    dump: &str,
    keep: Keep,
    room: u64,
) -> Result<Vec<String>, MediumTrouble> {
    let all = everything(ground)?;
    let (own, others): (Vec<Kit>, Vec<Kit>) = all.kits().into_iter().partition(|kit| kit.dump == dump);
    let safe: BTreeSet<&str> = keep::safe(&own);
    let mut kept = keep::chosen(&own, keep);
    let mut removed = Vec::new();
    loop {
        let staying = own.iter().filter(|kit| kept.contains(&kit.name.as_str())).chain(&others);
        let needed = keep::needed(staying);
        let going: Vec<&Kit> =
            own.iter().filter(|kit| !needed.contains(kit.name.as_str()) && !removed.contains(&kit.name)).collect();
        if !going.is_empty() {
            let still: Vec<Kit> = all.kits().into_iter().filter(|kit| needed.contains(kit.name.as_str())).collect();
            // First the text that no longer speaks of them.
            recovery::write(ground, &still)?;
            // The newest first: an older one may hold what it needs, and until it goes it is called whole.
            for kit in going {
                take(ground, alone, &kit.name)?;
                removed.push(kit.name.clone());
            }
        }
        if ground.free().is_none_or(|free| free >= room) {
            return Ok(removed);
        }
        match kept.iter().rposition(|name| !safe.contains(name)) {
            Some(oldest) => drop(kept.remove(oldest)),
            None => return Ok(removed),
        }
    }
}

/// Removes a kit: from one moment to the next it has no name, and then its files go.
fn take(ground: &Ground, _alone: &Alone, kit: &str) -> Result<(), MediumTrouble> {
    let going = format!("{}{kit}", folder::GOING);
    let gone = folder::rename(ground, kit, &going)
        .and_then(|()| folder::sync(ground))
        .and_then(|()| folder::remove(ground, &going));
    gone.map_err(|error| ground.trouble(&error, kit))
}
