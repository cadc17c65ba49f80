//! What a round dumps, and what it leaves alone.

use std::time::Duration;

use hotspare::dump::report::MadeResult::{Failed, Unchanged, Written};
use hotspare::fleet::data::DumpDatabases;

use super::meos::{Meos, files, of, results};

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_is_not_written_again() {
    let meos = Meos::start(&["race_1", "race_2"]).await;
    let first = meos.good().await;
    assert_eq!(results(&first), [("meosmain", Written), ("race_1", Written), ("race_2", Written)]);
    assert_eq!(of(&first, "race_1").label.as_deref(), Some("race_1"));
    assert!(of(&first, "race_1").locked.is_some_and(|locked| locked < 1.0), "MyISAM is read under a lock");
    let there = files(meos.stick.path());
    // Times of whole seconds tell nothing yet: all of it is read, and found to be the same.
    let second = meos.good().await;
    assert!(second.databases.iter().all(|one| one.result == Unchanged), "{second:?}");
    assert_eq!((second.kit.as_str(), meos.kits().len()), (first.kit.as_str(), 1));
    let now: Vec<String> = files(meos.stick.path()).into_iter().filter(|file| file.contains(&first.kit)).collect();
    assert_eq!(now, there.into_iter().filter(|file| file.contains(&first.kit)).collect::<Vec<_>>());
    // One race goes on.
    meos.server.sql("INSERT INTO race_2.oRunner VALUES (1000, 'late', 1, '2026-11-20 11:00:00')");
    let third = meos.good().await;
    assert_eq!(results(&third), [("meosmain", Unchanged), ("race_1", Unchanged), ("race_2", Written)]);
    let (old, new) = (of(&third, "race_1").file.clone(), of(&third, "race_2").file.clone());
    assert!(
        old.is_some_and(|file| file.starts_with(&first.kit)) && new.is_some_and(|file| file.starts_with(&third.kit))
    );
    let rows = |name: &str| {
        let kit = meos.newest();
        let held = kit.databases.iter().find(|one| one.name == name).and_then(|one| one.held.clone()).expect("held");
        held.tables.iter().map(|table| table.rows.unwrap_or(0)).sum::<u64>()
    };
    assert_eq!((rows("race_1"), rows("race_2")), (200, 201));
    meos.swept();
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_are_old_enough_spare_the_reading() {
    let mut meos = Meos::start(&["race_1"]).await;
    meos.server.sql(
        "CREATE DATABASE inno; CREATE TABLE inno.t (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO inno.t VALUES (1)",
    );
    meos.dump.databases.push(DumpDatabases::Named("inno".into()));
    meos.good().await;
    // By the server's clock, which is this machine's.
    tokio::time::sleep(Duration::from_millis(3100)).await;
    meos.good().await;
    let log = meos.stick.path().join("calls");
    meos.instead_of("mariadb-dump", &format!("echo \"$@\" >> {}; exec /usr/bin/mariadb-dump \"$@\"", log.display()));
    let idle = meos.good().await;
    assert!(idle.databases.iter().all(|one| one.result == Unchanged), "{idle:?}");
    assert!(!log.exists(), "nothing was read: {}", std::fs::read_to_string(&log).unwrap_or_default());
    meos.server.sql("UPDATE inno.t SET id = 2");
    assert_eq!(of(&meos.good().await, "inno").result, Written);
    assert_eq!(std::fs::read_to_string(&log).expect("it was called").lines().count(), 1);
    // What changes no table changes the dump as well.
    meos.server.sql("CREATE VIEW race_1.v AS SELECT 1");
    assert_eq!(of(&meos.good().await, "race_1").result, Written);
    meos.server.sql("CREATE PROCEDURE inno.p() SELECT 1");
    assert_eq!(of(&meos.good().await, "inno").result, Written);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_database_is_made_of_comes_back() {
    let mut meos = Meos::start(&[]).await;
    meos.server.sql(
        "CREATE DATABASE all_of_it DEFAULT CHARSET latin1; USE all_of_it; \
         CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT CHARACTER SET utf8mb4, b BLOB, g DOUBLE AS (f * 2), f DOUBLE) ENGINE=InnoDB; \
         INSERT INTO a (t, b, f) VALUES ('x\\ny),\\n(;\\n', 0x000102ff5c27, 0.1), ('emoji 😀 it''s \"q\" \\\\', NULL, 1e300), (NULL, '', -0.0); \
         CREATE TABLE m (id INT, v VARCHAR(10) CHARACTER SET latin1) ENGINE=MyISAM; INSERT INTO m VALUES (1, 'ä'), (2, ''); \
         CREATE TABLE `we``ird name` (`sel``ect` INT) ENGINE=Aria; INSERT INTO `we``ird name` VALUES (1); \
         CREATE TABLE leer (id INT) ENGINE=InnoDB; \
         CREATE VIEW v AS SELECT id FROM a; CREATE VIEW w AS SELECT * FROM v; \
         CREATE TRIGGER tr BEFORE INSERT ON leer FOR EACH ROW SET NEW.id = NEW.id + 1; \
         CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1; CREATE PROCEDURE p() SELECT 1; \
         CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    );
    meos.dump.databases.push(DumpDatabases::Named("all_of_it".into()));
    let made = meos.good().await;
    assert!(of(&made, "all_of_it").locked.is_some(), "a mixed one is locked where it must be");
    let kit = meos.newest();
    let held = kit.databases.iter().find(|one| one.name == "all_of_it").and_then(|one| one.held.clone()).expect("held");
    let rows = |name: &str| held.tables.iter().find(|table| table.name == name).map(|table| table.rows);
    assert_eq!(
        (rows("a"), rows("m"), rows("we`ird name"), rows("leer")),
        (Some(Some(3)), Some(Some(2)), Some(Some(1)), Some(Some(0)))
    );
    assert_eq!((rows("v"), rows("w")), (Some(None), Some(None)));
    // A drill compares every definition where the server is of the same version.
    meos.practised().await;
    meos.swept();
    let other = crate::server::Server::start(2, false).await;
    let restored = meos.restore(&kit, &other, &["all_of_it"], false).await.expect("restored");
    assert!(restored.ok && restored.before.is_none(), "{restored:?}");
    assert_eq!(
        other.sql("SELECT t FROM all_of_it.a WHERE id = 2; SELECT all_of_it.f()"),
        "emoji 😀 it's \"q\" \\\\\n1\n"
    );
    let things = "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'all_of_it'; \
         SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'all_of_it'; \
         SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'all_of_it'";
    assert_eq!(other.sql(things), "2\n1\n1\n");
    let sums = "CHECKSUM TABLE all_of_it.a, all_of_it.m, all_of_it.`we``ird name`, all_of_it.leer EXTENDED";
    assert_eq!(other.sql(sums), meos.server.sql(sums));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_nobody_can_read_costs_only_itself() {
    let meos = Meos::start(&["race_1"]).await;
    meos.server
        .sql("USE race_1; CREATE TABLE gone (id INT); CREATE VIEW broken AS SELECT * FROM gone; DROP TABLE gone");
    let made = meos.round().await.expect("a round");
    let race = of(&made, "race_1");
    assert_eq!(race.result, Written);
    assert!(race.error.as_deref().is_some_and(|error| error.contains("the view broken")), "{race:?}");
    meos.practised().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_does_not_lose_the_races_of_the_last_kit() {
    let meos = Meos::start(&["race_1"]).await;
    meos.good().await;
    meos.server.sql("RENAME TABLE meosmain.oevent TO meosmain.other; INSERT INTO race_1.oCard VALUES (9999, '')");
    let made = meos.round().await.expect("a round");
    assert_eq!((of(&made, "race_1").result, of(&made, "meosmain").result), (Written, Written));
    let query = made.databases.last().expect("the query");
    assert!(query.result == Failed && query.error.as_deref().is_some_and(|why| why.contains("oevent")), "{query:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_between_races_and_names_in_another_case() {
    let mut meos = Meos::start(&["Race_A"]).await;
    meos.list("", "-----");
    meos.list("____", "a line");
    meos.list("race_a", "the same in another case");
    meos.dump.databases.push(DumpDatabases::Named("mysql".into()));
    let made = meos.round().await.expect("a round");
    assert_eq!(results(&made), [("meosmain", Written), ("Race_A", Written), ("mysql", Failed)]);
}

/// `mariadb-dump --events` fails with error 1049 where the name of the database has a quote or a backslash in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_a_quote_in_its_name_is_dumped_and_what_no_tool_reads_of_it_is_named() {
    let meos = Meos::start(&["it's", "back\\slash", "race_1"]).await;
    for name in ["it's", "back\\slash", "race_1"] {
        meos.server.sql(&format!(
            "USE `{name}`; CREATE TRIGGER seen BEFORE INSERT ON oCard FOR EACH ROW SET NEW.Id = NEW.Id + 1000; \
             CREATE PROCEDURE results() SELECT COUNT(*) FROM oRunner; CREATE VIEW cards AS SELECT Id FROM oCard; \
             INSERT INTO oCard VALUES (500, 'read in')"
        ));
    }
    let made = meos.good().await;
    assert_eq!(made.databases.len(), 4);
    meos.practised().await;
    for name in ["it's", "race_1"] {
        meos.server.sql(&format!(
            "USE `{name}`; CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM oCard WHERE Id = 0"
        ));
    }
    let made = meos.round().await.expect("a round");
    let (odd, plain) = (of(&made, "it's"), of(&made, "race_1"));
    assert_eq!((plain.result, &plain.error), (Written, &None));
    assert_ne!(odd.result, Failed, "all but the event is dumped: {odd:?}");
    let why = odd.error.as_deref().expect("it is named");
    assert!(why.contains("the event nightly") && why.contains("1049"), "{why}");
    // It is told as long as it is so, also where nothing is written.
    let again = meos.round().await.expect("a round");
    assert_eq!(of(&again, "it's").error.as_deref(), Some(why));
    meos.practised().await;
}
