//! Restores, for practice and for real.

use hotspare::dump::trouble::Trouble;
use hotspare::fleet::data::Scratch;

use super::meos::{Meos, files, url};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_finds_what_is_not_as_it_was_noted_and_leaves_nothing() {
    let meos = Meos::start(&["race_1", "race_2"]).await;
    meos.good().await;
    let drilled = meos.practised().await;
    assert_eq!(drilled.databases.iter().map(|one| one.tables).collect::<Vec<_>>(), [1, 2, 2]);
    assert!(drilled.seconds > 0.0);
    meos.swept();
    // Noted otherwise than it lies there.
    let mut kit = meos.newest();
    let held = kit.databases[1].held.as_mut().expect("held");
    held.tables[0].rows = Some(7);
    held.tables[1].checksum = Some("0".into());
    let drilled = meos.drill(&kit).await.expect("a drill");
    let problems = &drilled.databases[1].problems;
    assert!(!drilled.ok && drilled.databases[0].ok && drilled.databases[2].ok && problems.len() == 2, "{drilled:?}");
    // A file that has rotted.
    let kit = meos.newest();
    let held = kit.databases[1].held.as_ref().expect("held");
    let path = meos.stick.path().join(&held.kit).join(&held.files[0].name);
    let mut bytes = std::fs::read(&path).expect("read");
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let drilled = meos.drill(&kit).await.expect("a drill");
    assert!(!drilled.ok && !drilled.databases[1].ok && drilled.databases[2].ok, "{drilled:?}");
    // And for real: refused before anything is changed.
    let other = Server::start(2, false).await;
    other.sql("CREATE DATABASE race_1; CREATE TABLE race_1.mine (id INT)");
    let refused = meos.restore(&kit, &other, &["race_1"], false).await;
    assert!(matches!(&refused, Err(Trouble::Refused(why)) if why.contains("nothing was changed")), "{refused:?}");
    assert_eq!(other.sql("SHOW TABLES FROM race_1"), "mine\n");
    meos.swept();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_on_a_server_for_practice_touches_nothing_there() {
    let mut meos = Meos::start(&["race_1"]).await;
    meos.good().await;
    let practice = Server::start(2, false).await;
    practice
        .sql("CREATE DATABASE race_1; CREATE TABLE race_1.oRunner (mine INT); INSERT INTO race_1.oRunner VALUES (1)");
    let before = practice.sql("SHOW DATABASES");
    meos.dump.scratch = Scratch::Server(url(&practice, "root"));
    meos.practised().await;
    assert_eq!(practice.sql("SHOW DATABASES"), before);
    assert_eq!(practice.sql("SELECT * FROM race_1.oRunner"), "1\n");
    meos.swept();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_its_database_does_not_reach_the_one_of_that_name() {
    let mut meos = Meos::start(&["race_1"]).await;
    // As the server gives them back: a trigger with every word that somebody wrote.
    meos.server.sql(
        "CREATE TRIGGER race_1.seen BEFORE INSERT ON race_1.oCard FOR EACH ROW SET NEW.Punches = 'changed'; \
         CREATE EVENT race_1.sweeps ON SCHEDULE EVERY 1 SECOND DO DELETE FROM race_1.oRunner; \
         CREATE PROCEDURE race_1.sweep() DELETE FROM race_1.oRunner",
    );
    meos.good().await;
    let practice = Server::start_with(2, false, "event_scheduler=ON").await;
    practice.sql(
        "CREATE DATABASE race_1; CREATE TABLE race_1.oRunner (mine INT); INSERT INTO race_1.oRunner VALUES (1); \
         CREATE TABLE race_1.oCard (Id INT, Punches TEXT)",
    );
    meos.dump.scratch = Scratch::Server(url(&practice, "root"));
    meos.practised().await;
    let made = "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = 'race_1'; \
                SELECT COUNT(*) FROM information_schema.events; SELECT COUNT(*) FROM race_1.oRunner; \
                SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = 'race_1'";
    assert_eq!(practice.sql(made), "0\n0\n1\n0\n");
    meos.swept();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throw_away_server_goes_with_whoever_wanted_it() {
    let meos = Meos::start(&["race_1"]).await;
    meos.good().await;
    let kit = meos.newest();
    let alive = || {
        let folder = meos.tools.folder.display().to_string();
        let found = std::fs::read_dir("/proc").expect("processes").flatten().filter(|process| {
            std::fs::read(process.path().join("cmdline")).is_ok_and(|line| {
                let line = String::from_utf8_lossy(&line).into_owned();
                line.contains("mariadbd") && line.contains(&folder)
            })
        });
        found.count()
    };
    {
        let drill = meos.drill(&kit);
        let mut drill = std::pin::pin!(drill);
        for _try in 0..2000 {
            tokio::select! {
                done = &mut drill => panic!("it ended before it was seen: {done:?}"),
                () = tokio::time::sleep(std::time::Duration::from_millis(10)) => {}
            }
            if alive() > 0 {
                break;
            }
        }
        assert!(alive() > 0, "a server runs");
    }
    for _try in 0..400 {
        if alive() == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(alive(), 0, "and is gone with the drill that was dropped");
    // What a killed process leaves goes with the next one's sweep.
    let left = meos.tools.folder.join(format!("dump-{}-abc", i32::MAX));
    std::fs::create_dir_all(left.join("data")).expect("a folder");
    meos.tools.sweep();
    assert!(!left.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_dumps_first_what_it_overwrites() {
    let meos = Meos::start(&["race_1", "race_2"]).await;
    meos.good().await;
    let kit = meos.newest();
    let target = Server::start(2, false).await;
    target.sql(
        "CREATE DATABASE race_1; CREATE TABLE race_1.newer (id INT); INSERT INTO race_1.newer VALUES (1), (2); \
         CREATE TABLE race_1.oRunner (Id INT PRIMARY KEY); INSERT INTO race_1.oRunner VALUES (5000)",
    );
    let there = files(meos.stick.path());
    let dry = meos.restore(&kit, &target, &[], true).await.expect("a dry run");
    assert!(dry.dry_run && dry.ok && dry.before.is_none(), "{dry:?}");
    assert_eq!(dry.overwrites.iter().map(|one| (one.name.as_str(), one.tables)).collect::<Vec<_>>(), [("race_1", 2)]);
    assert_eq!(target.sql("SELECT COUNT(*) FROM race_1.newer"), "2\n");
    assert_eq!(files(meos.stick.path()), there);
    let restored = meos.restore(&kit, &target, &[], false).await.expect("restored");
    assert!(restored.ok && restored.databases.len() == 3, "{restored:?}");
    // Nothing that is newer than the kit is left in between.
    assert_eq!(target.sql("SHOW TABLES FROM race_1"), "oCard\noRunner\n");
    let sums = "CHECKSUM TABLE race_1.oCard, race_1.oRunner, race_2.oCard, meosmain.oevent EXTENDED";
    assert_eq!(target.sql(sums), meos.server.sql(sums));
    // What was there is on the stick, apart from the kits of the dump, and comes back from there.
    let before = restored.before.expect("a kit of what was there");
    assert!(meos.stick.path().join(&before).join("kit.json").exists());
    assert!(meos.kits().iter().all(|kit| kit.name != before));
    let unknown = meos.restore(&kit, &target, &["race_9"], true).await;
    assert!(matches!(&unknown, Err(Trouble::Refused(why)) if why.contains("race_2")), "{unknown:?}");
    meos.swept();
}
