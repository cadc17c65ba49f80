use jiff::civil::date;

use super::*;
use crate::session::listing::Facts;
use crate::session::side::Stamp;
use crate::session::view::Level;

const HERE: Where<'_> = Where { store: "mocap", side: "" };
const THERE: Where<'_> = Where { store: "mocap", side: "NAS" };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn keys(count: i16) -> Vec<Key> {
    (0..count).map(|number| Key { participant: format!("p{number}"), date: date(2000 + number, 1, 2) }).collect()
}

fn found(number: u32) -> Found {
    Found {
        facts: Facts {
            videos: number,
            files: number + 1,
            bytes: u64::from(number) << 40,
            changed: number.is_multiple_of(2).then(|| at(i64::from(number))),
            digest: [1; 16],
            state: [2; 16],
            odd: 3,
        },
        stamp: Stamp { folders: number.is_multiple_of(3).then_some([4; 16]), below: b"a\xff/b\0c\0".to_vec().into() },
    }
}

fn verified(ok: bool) -> Verified {
    Verified {
        level: Level::Content,
        at: at(7),
        ok,
        read: Some("from the disk".into()),
        from_storage: true,
        problems: u32::from(!ok),
        source: ok.then_some([5; 16]),
        copy: [6; 16],
    }
}

fn index() -> (tempfile::TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    drop(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap());
    let index = Index::new(folder.path());
    (folder, index)
}

fn facts(index: &Index, at: Where<'_>) -> Vec<(Key, Found)> {
    let mut all = Vec::new();
    index.facts(at, &mut |key, found| {
        all.push((key, found));
        true
    });
    all
}

#[test]
fn what_is_kept_comes_back_the_newest_first() {
    let (folder, index) = index();
    let keys = keys(5);
    let known: Known = keys.iter().cloned().zip((0..).map(found)).collect();
    assert!(index.keep_facts(HERE, &known, &keys, &[]));
    assert!(index.keep_facts(THERE, &known, &keys[..1], &[]));
    let mut expected: Vec<_> = known.clone().into_iter().collect();
    expected.sort_by(|one, other| other.0.cmp(&one.0));
    let index = Index::new(folder.path());
    assert_eq!(facts(&index, HERE), expected, "also for another process");
    assert!(index.keep_facts(HERE, &known, &[], &keys[1..]));
    assert_eq!(facts(&index, HERE).len(), 1);
    assert_eq!(facts(&index, THERE).len(), 1);
    let mut first = 0;
    index.facts(HERE, &mut |_, _| {
        first += 1;
        false
    });
    assert_eq!(first, 1, "nobody reads on who has enough");
}

#[test]
fn facts_of_another_place_are_not_believed() {
    let (_folder, index) = index();
    let known: Known = keys(1).into_iter().zip((0..).map(found)).collect();
    let side = KeptSide { scanned: Some(at(9)), marker: Some("id".into()) };
    assert_eq!(index.side(THERE, "/mnt/a"), None);
    assert!(index.keep_side(THERE, "/mnt/a", &side));
    assert!(index.keep_facts(THERE, &known, &keys(1), &[]));
    assert!(index.keep_verified(THERE, [(&keys(1)[0], &verified(true))]));
    assert_eq!(index.side(THERE, "/mnt/a"), Some(side.clone()));
    assert_eq!(index.side(THERE, "/mnt/b"), None);
    let late = KeptSide { scanned: Some(at(10)), marker: None };
    assert!(index.keep_side(THERE, "/mnt/a", &late), "a look that began before the marker was found");
    assert_eq!(index.side(THERE, "/mnt/a"), Some(KeptSide { scanned: Some(at(10)), ..side }));
    assert!(index.keep_side(THERE, "/mnt/b", &KeptSide::default()));
    assert_eq!(index.side(THERE, "/mnt/b"), Some(KeptSide::default()), "another place has its own");
    assert_eq!(facts(&index, THERE), []);
    assert_eq!(index.verified(THERE, None), HashMap::new());
}

#[test]
fn what_only_hotspare_knows_outlives_it() {
    let (folder, index) = index();
    let keys = keys(3);
    assert!(index.keep_verified(THERE, [(&keys[0], &verified(true)), (&keys[1], &verified(false))]));
    assert!(index.keep_verified(THERE, [(&keys[0], &verified(false))]), "the last one counts");
    assert!(index.keep_deleted("mocap", [(&keys[2], &at(11))]));
    let no = Imported::No { short: "1 of 2".into(), why: vec!["walk: camera 1 is missing".into()] };
    assert!(index.keep_imported("mocap", &[(&keys[0], &Imported::Yes), (&keys[1], &no)], &[]));
    assert!(index.keep_imported("mocap", &[], &[&keys[0]]));
    let kept = Index::new(folder.path());
    let copies = kept.verified(THERE, None);
    assert_eq!((copies.len(), &copies[&keys[0]]), (2, &verified(false)));
    assert_eq!(kept.verified(THERE, Some(keys[1].date)).into_keys().collect::<Vec<_>>(), [keys[1].clone()]);
    assert_eq!(kept.deleted("mocap"), HashMap::from([(keys[2].clone(), at(11))]));
    assert_eq!(kept.imported("mocap", None), HashMap::from([(keys[1].clone(), no.clone())]));
    assert_eq!(kept.imported("mocap", Some(keys[1].date)), HashMap::from([(keys[1].clone(), no)]));
    assert_eq!(kept.imported("mocap", Some(keys[2].date)), HashMap::new());
    assert_eq!((kept.deleted("other"), kept.imported("other", None)), (HashMap::new(), HashMap::new()));
    assert!(kept.forget_verified(THERE, &keys[..1]) && kept.forget_deleted("other", &keys));
    assert_eq!(index.verified(THERE, None).into_keys().collect::<Vec<_>>(), [keys[1].clone()]);
    assert_eq!(index.deleted("mocap").len(), 1, "another store forgets for itself");
    assert!(kept.forget_deleted("mocap", &keys));
    assert_eq!(index.deleted("mocap"), HashMap::new());
}

#[test]
fn without_a_file_nothing_is_kept_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::new(folder.path());
    assert!(!index.keep_deleted("mocap", [(&keys(1)[0], &at(1))]));
    assert!(index.trouble().is_some());
    drop(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap());
    assert!(index.keep_deleted("mocap", [(&keys(1)[0], &at(1))]), "it is tried again");
    assert_eq!(index.trouble(), None);
    // Another file under the same name: what is kept from now on goes there.
    std::fs::remove_file(folder.path().join(database::FILE)).unwrap();
    drop(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap());
    assert_eq!(index.deleted("mocap"), HashMap::new());
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]
    #[test]
    fn every_day_and_time_comes_back(year in 1_i16..9999, month in 1_i8..=12, day in 1_i8..=28, second in -2_000_000_000_i64..9_000_000_000) {
        let (_folder, index) = index();
        let key = Key { participant: "a' b".into(), date: date(year, month, day) };
        let mut one = found(2);
        one.facts.changed = Some(at(second));
        let known = Known::from([(key.clone(), one.clone())]);
        proptest::prop_assert!(index.keep_facts(HERE, &known, std::slice::from_ref(&key), &[]));
        proptest::prop_assert_eq!(facts(&index, HERE), vec![(key, one)]);
    }
}
