//! Which kits are kept: the newest, one an hour, one a day; never without the last good one, nor without what a kept one needs.

use std::collections::BTreeSet;

use super::record::Kit;
use crate::clock::Timestamp;
use crate::fleet::data::Keep;

/// Names of the kits to keep by count, hour and day, newest first. `kits`: whole ones of one dump, newest first.
///
/// Of an hour and of a day (UTC) its newest kit stands for it. Order is that of the kits, not of their clocks: where the
/// clock was set back, an hour that was lived twice counts once.
pub(super) fn chosen(kits: &[Kit], keep: Keep) -> Vec<&str> {
    let hourly = buckets(kits, keep.hourly, |at| at.as_second().div_euclid(3600));
    let daily = buckets(kits, keep.daily, |at| at.as_second().div_euclid(86_400));
    let last = usize::try_from(keep.last).unwrap_or(usize::MAX);
    let safe = safe(kits);
    let wanted = |(place, kit): &(usize, &Kit)| {
        let name = kit.name.as_str();
        *place < last || hourly.contains(name) || daily.contains(name) || safe.contains(name)
    };
    kits.iter().enumerate().filter(wanted).map(|(_, kit)| kit.name.as_str()).collect()
}

fn buckets(kits: &[Kit], most: u32, bucket: impl Fn(Timestamp) -> i64) -> BTreeSet<&str> {
    let (mut seen, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for kit in kits {
        if seen.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
            break;
        }
        if seen.insert(bucket(kit.at)) {
            kept.insert(kit.name.as_str());
        }
    }
    kept
}

/// Kits that nothing may remove: the newest, and the newest in which every database was read.
pub(super) fn safe(kits: &[Kit]) -> BTreeSet<&str> {
    let good = kits.iter().find(|kit| is_good(kit));
    kits.first().into_iter().chain(good).map(|kit| kit.name.as_str()).collect()
}

/// Whether every database of a kit was read for it, or seen to be unchanged.
pub(super) fn is_good(kit: &Kit) -> bool {
    kit.databases.iter().all(|database| database.error.is_none() && database.held.is_some())
}

/// Names of the kits in whose folders files of these lie.
pub(super) fn needed<'a>(kits: impl Iterator<Item = &'a Kit>) -> BTreeSet<&'a str> {
    let mut needed = BTreeSet::new();
    for kit in kits {
        needed.insert(kit.name.as_str());
        needed.extend(kit.databases.iter().filter_map(|database| Some(database.held.as_ref()?.kit.as_str())));
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::record::{Database, Held};

    /// A kit of this minute, whose one database lies in the kit `held`.
    fn kit(minute: i64, held: Option<&str>) -> Kit {
        let at = Timestamp::from_second(minute * 60).unwrap();
        let held = held.map(|kit| Held {
            kit: kit.to_owned(),
            at,
            files: Vec::new(),
            content: String::new(),
            plain: 0,
            locked: None,
            tables: Vec::new(),
            mark: String::new(),
        });
        let error = held.is_none().then(|| "it is gone".to_owned());
        let database = Database { name: "d".into(), label: None, held, error };
        Kit {
            name: format!("{minute}"),
            dump: "d".into(),
            number: 0,
            at,
            server: String::new(),
            version: String::new(),
            databases: vec![database],
        }
    }

    #[test]
    fn the_newest_one_an_hour_and_one_a_day_are_kept() {
        let kits: Vec<Kit> = (0..3000).rev().map(|minute| kit(minute, Some("x"))).collect();
        let kept = chosen(&kits, Keep { last: 3, hourly: 2, daily: 3 });
        // 2999 is minute 59 of an hour: it stands for the newest hour and the newest day.
        assert_eq!(kept, ["2999", "2998", "2997", "2939", "2879", "1439"]);
    }

    #[test]
    fn keeping_nothing_keeps_the_newest_and_the_last_good_one() {
        let nothing = Keep { last: 0, hourly: 0, daily: 0 };
        let kits = [kit(9, None), kit(8, None), kit(7, Some("3")), kit(6, Some("3"))];
        assert_eq!(chosen(&kits, nothing), ["9", "7"]);
        let kept = kits.iter().filter(|kit| kit.name == "7");
        assert_eq!(needed(kept), BTreeSet::from(["3", "7"]), "what it needs stays as well");
        assert!(chosen(&[], nothing).is_empty());
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_the_order() {
        let kits: Vec<Kit> = [70, 65, 128, 121].iter().map(|minute| kit(*minute, Some("x"))).collect();
        assert_eq!(chosen(&kits, Keep { last: 0, hourly: 2, daily: 0 }), ["70", "128"]);
    }
}
