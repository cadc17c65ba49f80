//! The source's bad days.

use crate::site::{Site, TRAFFIC, count, eventually, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_locked_is_told_of_and_read_when_it_is_free() {
    let site = Site::new();
    let studio = site.writer();
    count(&studio, "east", 1);
    let _engine = site.place.engine();
    let joined = site.place.join().await;
    until(&joined, "it is carried", |feed| feed.rows_behind == 0 && feed.state.word() == "live").await;
    studio.execute_batch("BEGIN EXCLUSIVE").unwrap();
    count(&studio, "east", 2);
    let away = until(&joined, "it is locked for a while", |feed| {
        feed.why.as_ref().is_some_and(|why| why.contains("locked by a writer for") && !why.contains(" ms"))
    });
    assert_eq!(away.await.state.word(), "source away");
    studio.execute_batch("COMMIT").unwrap();
    until(&joined, "it goes on", |feed| feed.rows_behind == 0 && feed.state.word() == "live").await;
    eventually("it is carried", || site.carried() == 2).await;
    site.equal();
}

#[test]
fn a_damaged_file_holds_the_feed_and_a_mended_one_lets_it_go_on() {
    let site = Site::new();
    let studio = site.writer();
    studio.execute_batch("BEGIN").unwrap();
    (0..3000).for_each(|second| count(&studio, "east", second));
    studio.execute_batch("COMMIT").unwrap();
    drop(studio);
    let whole = std::fs::read(site.source()).unwrap();
    // Cut, and overwritten.
    std::fs::write(site.source(), &whole[..whole.len() / 2]).unwrap();
    let (well, said) = site.carry();
    assert!(!well && said.contains("is damaged"), "{said}");
    let mut broken = whole.clone();
    let half = whole.len() / 2;
    broken[4096..half].fill(0x5a);
    std::fs::write(site.source(), broken).unwrap();
    let (well, said) = site.carry();
    assert!(!well && said.contains("is damaged"), "{said}");
    std::fs::write(site.source(), "").unwrap();
    let (well, said) = site.carry();
    assert!(!well && said.contains("holds no table at all"), "{said}");
    std::fs::write(site.source(), whole).unwrap();
    site.carry_all();
    assert_eq!(site.carried(), 3000);
    site.equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_file_in_its_place_is_carried_from_its_beginning() {
    let site = Site::new();
    let studio = site.writer();
    (0..100).for_each(|second| count(&studio, "east", second));
    let _engine = site.place.engine();
    let joined = site.place.join().await;
    eventually("the first hundred", || site.carried() == 100).await;
    drop(studio);
    // Another file, with fewer rows and then with as many: the places are the same, the rows are not.
    std::fs::rename(site.source(), site.place.path().join("old.db")).unwrap();
    let fresh = site.writer();
    fresh.execute_batch(TRAFFIC).unwrap();
    (0..100).for_each(|second| count(&fresh, "west", second));
    eventually("those of the other file", || site.carried() == 200).await;
    let told =
        until(&joined, "it is told", |feed| feed.warnings.iter().any(|told| told.contains("carried again"))).await;
    assert!(told.warnings.iter().any(|told| told.contains("put back or replaced")), "{:?}", told.warnings);
    count(&fresh, "west", 200);
    eventually("and what comes in there", || site.carried() == 201).await;
}

#[test]
fn a_journal_of_a_writer_who_died_is_not_read_over() {
    let site = Site::new();
    let studio = site.writer();
    (0..10).for_each(|second| count(&studio, "east", second));
    // What a writer leaves that dies in the middle of a transaction that did not fit into its memory.
    studio.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN").unwrap();
    (10..5000).for_each(|second| count(&studio, "lost", second));
    let torn = site.place.path().join("torn.db");
    for more in ["", "-journal"] {
        let name = |base: &str| site.place.path().join(format!("{base}{more}"));
        std::fs::copy(name("counts.db"), name("torn.db")).unwrap();
    }
    drop(studio);
    for more in ["", "-journal"] {
        let name = |base: &str| site.place.path().join(format!("{base}{more}"));
        std::fs::rename(name("torn.db"), name("counts.db")).unwrap();
    }
    assert!(!torn.exists());
    let (well, said) = site.carry();
    assert!(!well && said.contains("a writer died in the middle of a transaction"), "{said}");
    assert_eq!(site.carried(), 0, "nothing of what was never committed");
    // Its next start rolls it back.
    count(&site.writer(), "east", 6000);
    site.carry_all();
    assert_eq!(site.carried(), 11);
    site.equal();
}

#[test]
fn a_schema_that_changes_at_either_end_is_followed_or_told_of() {
    let site = Site::new();
    let studio = site.writer();
    count(&studio, "east", 1);
    site.carry_all();
    studio.execute_batch("ALTER TABLE traffic ADD COLUMN weather TEXT DEFAULT 'fair'").unwrap();
    count(&studio, "east", 2);
    site.carry_all();
    assert_eq!(site.carried(), 2, "a column that only the source has is left out");
    site.warehouse().execute_batch("ALTER TABLE traffic ADD COLUMN weather TEXT").unwrap();
    count(&studio, "east", 3);
    site.carry_all();
    let weather: String = site
        .warehouse()
        .query_row("SELECT weather FROM traffic ORDER BY timestamp DESC", [], |row| row.get(0))
        .unwrap();
    assert_eq!(weather, "fair");
    studio.execute_batch("ALTER TABLE traffic RENAME COLUMN camera_name TO camera").unwrap();
    let (well, said) = site.carry();
    assert!(!well && said.contains("camera_name"), "{said}");
    studio
        .execute_batch("ALTER TABLE traffic RENAME COLUMN camera TO camera_name; DROP INDEX idx_camera_name_timestamp")
        .unwrap();
    count(&studio, "east", 4);
    site.carry_all();
    assert_eq!(site.carried(), 4);
}
