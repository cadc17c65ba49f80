//! What is kept in `state.db` between two engines, and what is forgotten.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_is_there_at_once_and_what_happened_meanwhile_comes_in_behind() {
    let place = Place::new();
    place.write("data/p001/20250104/a.mp4", 10);
    place.write("nas/20250104/p001/a.mp4", 10);
    place.write("nas/20250103/p001/a.mp4", 10);
    let (one, two) = (key("p001", "20250104"), key("p001", "20250103"));
    let stores = place.start();
    looked(&stores).await;
    let shop = stores.store(None).unwrap();
    let good = verified(&row(&stores, &one).unwrap(), true);
    shop.record_verified("NAS", &one, &good);
    shop.record_deleted(&two);
    assert_eq!(row(&stores, &two).unwrap().wrong, None, "what was deleted here is no orphan");
    stores.shutdown().await;

    // The index is read before anything is looked at: with the disks gone it is all there is.
    std::fs::rename(place.path("data"), place.path("gone")).unwrap();
    std::fs::rename(place.path("nas"), place.path("gone too")).unwrap();
    let shop = Shop::open(
        &place.fleet,
        &place.fleet.sessions[0],
        &place.ways(),
        &Index::new(&place.path("state")),
        &watch::channel(0).0,
        &CancellationToken::new(),
    );
    shop.load();
    let kept = shop.row(&one).unwrap();
    assert_eq!((kept.source.unwrap().bytes, &kept.copies[0].state), (10, &CopyState::Same));
    assert_eq!(kept.copies[0].verified.as_ref(), Some(&good));
    assert!(!kept.safe, "nothing is proven by what was stored");
    assert_eq!(shop.view().scanned, None);
    assert_eq!(shop.row(&two).unwrap().wrong, None);

    let stores = place.start();
    let view = looked(&stores).await;
    assert!(!view.source.ready() && !view.destinations[0].state.ready());
    let lost = row(&stores, &one).unwrap();
    assert_eq!((lost.source, lost.wrong), (None, None));
    assert_eq!(lost.copies[0].state, CopyState::Unknown { why: "no folder".into() });
    stores.shutdown().await;

    std::fs::rename(place.path("gone"), place.path("data")).unwrap();
    std::fs::rename(place.path("gone too"), place.path("nas")).unwrap();
    place.write("nas/20250104/p001/a.mp4", 11);
    let stores = place.start();
    looked(&stores).await;
    assert_eq!(row(&stores, &one).unwrap().copies[0].state, CopyState::Differs);
    stores.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_kept_the_newest_days_come_first_and_whole() {
    let place = Place::new();
    let index = Index::new(&place.path("state"));
    let store = &place.fleet.sessions[0];
    let shop = Shop::open(&place.fleet, store, &place.ways(), &index, &watch::channel(0).0, &CancellationToken::new());
    // The source holds a hundred sessions a day, the share three hundred.
    for (side, a_day) in [(0, 100), (1, 300)] {
        let keys: Vec<Key> = (1..=7)
            .flat_map(|day| (0..a_day).map(move |one| key(&format!("p{one:03}"), &format!("2025010{day}"))))
            .collect();
        let known = keys.iter().map(|key| (key.clone(), Found { facts: Facts::default(), stamp: Stamp::default() }));
        let kept = KeptSide { scanned: Some(Timestamp::UNIX_EPOCH), marker: None };
        assert!(index.keep_side(shop.at(side), &shop.place(side), &kept));
        assert!(index.keep_facts(shop.at(side), &known.collect(), &keys, &[]));
    }
    let everything = Which::Range { from: None, to: None, participant: None, safe: false };
    let why = shop.resolve(&everything).unwrap_err();
    assert!(why.contains("still being read"), "{why}");
    assert!(shop.view().reading);
    let (newest, since) = shop.newest(&[true, true]);
    assert_eq!(
        since,
        Some(jiff::civil::date(2025, 1, 6)),
        "two days of the share are more than the first picture needs"
    );
    let counts: Vec<usize> = newest.sides.iter().map(|(found, _)| found.len()).collect();
    assert_eq!(counts, [200, 600], "no copy looks as if it were missing, and no source");
    shop.load();
    let view = shop.view();
    assert_eq!((view.reading, view.totals.sessions, view.totals.on_disk), (false, 2100, 700));
    assert_eq!(shop.resolve(&everything).unwrap().len(), 2100);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_state_db_everything_is_there_but_what_was_kept() {
    let place = Place::new();
    place.write("data/p001/20250104/a.mp4", 10);
    place.write("nas/20250104/p001/a.mp4", 10);
    std::fs::remove_dir_all(place.path("state")).unwrap();
    let stores = place.start();
    looked(&stores).await;
    let one = key("p001", "20250104");
    stores.store(None).unwrap().record_verified("NAS", &one, &verified(&row(&stores, &one).unwrap(), true));
    assert!(row(&stores, &one).unwrap().copies[0].verified.is_some());
    assert!(stores.trouble().unwrap().contains("state.db"));
    // What was missed is written once it can be.
    std::fs::create_dir(place.path("state")).unwrap();
    drop(database::open(&place.path("state"), Timestamp::UNIX_EPOCH).unwrap());
    stores.refresh(None).unwrap();
    let index = Index::new(&place.path("state"));
    until(&stores, |_| index.verified(Where { store: "mocap", side: "NAS" }, None).contains_key(&one)).await;
    stores.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learnt_of_a_session_that_lies_nowhere_is_forgotten_and_nothing_else() {
    let place = Place::new();
    let (stays, rotated, copy_alone) = (key("p001", "20250101"), key("p001", "20250102"), key("p001", "20250103"));
    for session in [&stays, &rotated, &copy_alone] {
        place.write(&format!("data/p001/{}/a.mp4", session.day()), 10);
        place.write(&format!("nas/{}/p001/a.mp4", session.day()), 10);
    }
    let stores = place.start();
    looked(&stores).await;
    let shop = stores.store(None).unwrap();
    shop.prepare("NAS").unwrap();
    for session in [&stays, &rotated, &copy_alone] {
        shop.record_verified("NAS", session, &verified(&row(&stores, session).unwrap(), true));
    }
    let gone = |path: String| std::fs::remove_dir_all(place.path(&path)).unwrap();
    for session in [&rotated, &copy_alone] {
        gone(format!("data/p001/{}", session.day()));
        shop.record_deleted(session);
    }
    let look = async || {
        let before = shop.clock.now();
        shop.refresh();
        until(&stores, |view| !view.scanning && view.scanned.is_some_and(|looked| looked > before)).await;
        // Lines are there before the index is written.
        let mut writing = shop.writing.subscribe();
        while *writing.borrow_and_update() > 0 {
            writing.changed().await.unwrap();
        }
        let index = Index::new(&place.path("state"));
        let mut known: Vec<Key> = index.verified(Where { store: "mocap", side: "NAS" }, None).into_keys().collect();
        known.sort_unstable();
        let mut deleted: Vec<Key> = index.deleted("mocap").into_keys().collect();
        deleted.sort_unstable();
        let half = shop.stock.lock().half(1).map(|half| half.verified.keys().cloned().collect());
        let mut seen: Vec<Key> = half.unwrap();
        seen.sort_unstable();
        assert_eq!(seen, known, "what is remembered is what is kept");
        (known, deleted)
    };
    let all = [&stays, &rotated, &copy_alone].map(Clone::clone).to_vec();
    assert_eq!(look().await, (all.clone(), all[1..].to_vec()), "their copies are there");
    // The folder of one copy is gone while the share is away: nobody knows that.
    std::fs::rename(place.path("nas"), place.path("away")).unwrap();
    gone(format!("away/{}", rotated.day()));
    assert_eq!(look().await, (all.clone(), all[1..].to_vec()), "a share that is away says nothing");
    std::fs::rename(place.path("away"), place.path("nas")).unwrap();
    assert_eq!(look().await, (vec![stays.clone(), copy_alone.clone()], vec![copy_alone.clone()]));
    // While the session lies on the source, a copy may have been lost from sight for an hour only.
    gone(format!("nas/{}", stays.day()));
    assert_eq!(look().await, (vec![stays, copy_alone.clone()], vec![copy_alone]));
    stores.shutdown().await;
}
