//! The `datajoint` preset against the real tables: what counts as imported, and what it costs to know.

use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::session::imported::Answer;
use hotspare::session::key::Key;
use hotspare::session::view::Imported;

use crate::lab::{CAMERAS, DAY, Lab, PASSWORD, base, no};

#[tokio::test(flavor = "multi_thread")]
async fn p001_is_001_there_and_imported_when_every_camera_of_every_recording_is() {
    let mut lab = Lab::start("").await;
    let bases: Vec<String> = (0..3).map(|trial| lab.record("p001", DAY, trial, "walk", 1000)).collect();
    let why = ["the pipeline has no session 001 of 2025-01-04"].into_iter().map(str::to_owned);
    let missing = bases.iter().map(|base| format!("{base} is not in recording"));
    let nothing = Imported::No { short: "0 of 3".into(), why: why.chain(missing).collect() };
    assert_eq!(lab.of("p001").await, nothing);
    lab.push("001", DAY, &bases, 1000);
    assert_eq!(lab.of("p001").await, Imported::Yes);

    lab.lose(&bases[1], CAMERAS[0]);
    let why = format!("{}: camera 17391304 is not in single_camera_video", bases[1]);
    assert_eq!(lab.of("p001").await, no("2 of 3", &[&why]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_in_part_is_a_no_with_each_reason() {
    let mut lab = Lab::start("").await;
    // Two of three recordings were made after the push.
    let first = lab.record("TF47", DAY, 0, "walk", 1000);
    lab.push("TF47", DAY, &[first], 1000);
    assert_eq!(lab.of("TF47").await, Imported::Yes);
    let later: Vec<String> = (1..3).map(|trial| lab.record("TF47", DAY, trial, "walk", 1000)).collect();
    let why: Vec<String> = later.iter().map(|base| format!("{base} is not in recording")).collect();
    assert_eq!(lab.of("TF47").await, Imported::No { short: "1 of 3".into(), why });

    // The stored copy is shorter than the file here.
    let short = lab.record("p002", DAY, 0, "walk", 1000);
    lab.push("002", DAY, std::slice::from_ref(&short), 999);
    let why =
        CAMERAS.map(|camera| format!("{short}: camera {camera} is stored with 999 bytes and has 1000 on the disk"));
    assert_eq!(lab.of("p002").await, Imported::No { short: "0 of 1".into(), why: why.to_vec() });

    // Calibrations are not expected, whatever the version of the acquisition; a comment that only holds the word is looked for.
    let walk = lab.record("p003", DAY, 0, "walk", 1000);
    lab.record("p003", DAY, 1, "calibration", 1000);
    let either = lab.record("p003", DAY, 2, "Charuco at the end", 1000);
    lab.push("003", DAY, &[walk], 1000);
    let why = format!("{either} is neither in recording nor in multi_camera_calibration");
    assert_eq!(lab.of("p003").await, no("1 of 2", &[&why]));
    lab.server.sql(&format!(
        "INSERT INTO multicamera_tracking.multi_camera_calibration VALUES (NOW(), 'c0ffee', 'mocap_CALIBRATION', '{either}', '')"
    ));
    assert_eq!(lab.of("p003").await, Imported::Yes);
    lab.server.sql("DROP TABLE multicamera_tracking.multi_camera_calibration");
    assert_eq!(lab.of("p003").await.known(), Some(false), "older pipelines have no such table");

    // Nothing is expected: that is no yes.
    lab.record("p004", DAY, 0, "calibration", 1000);
    let why = "its only recording is a calibration, or not to be processed";
    assert_eq!(lab.of("p004").await, no("nothing to import", &[why]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_acquisition_may_be_anything() {
    let mut lab = Lab::start("").await;
    let walk = lab.record("p001", DAY, 0, "walk", 1000);
    lab.push("001", DAY, &[walk], 1000);
    let file = lab.acquisition();
    // The same participant, day and recording again, as nothing there is unique; and days in other spellings.
    file.execute_batch(
        "INSERT INTO participants (name) VALUES ('p001'), (NULL), (x'ff'), ('a/b');
         INSERT INTO sessions (session_date, participant_id) VALUES ('20250104', last_insert_rowid() - 3);
         INSERT INTO recordings (session_id, filename, should_process)
           SELECT last_insert_rowid(), filename, 'true' FROM recordings;
         INSERT INTO sessions (session_date, participant_id) SELECT NULL, id FROM participants;
         INSERT INTO sessions (session_date, participant_id) SELECT 'never', id FROM participants;
         INSERT INTO sessions (session_date, participant_id) SELECT '2025-01-04 00:00:00', id FROM participants;",
    )
    .expect("rows");
    assert_eq!(lab.of("p001").await, Imported::Yes);
    let last = "(SELECT max(sessions.id) FROM sessions JOIN participants ON participants.id = participant_id WHERE name = 'p001')";
    file.execute_batch(&format!("INSERT INTO recordings (session_id, filename) VALUES ({last}, NULL)")).expect("a row");
    assert_eq!(lab.of("p001").await, no("1 of 2", &["recording 3 of recordings.db has no file name"]));
    file.execute_batch("UPDATE recordings SET filename = 'jump_20250104_110000' WHERE filename IS NULL")
        .expect("a row");
    let why = "jump_20250104_110000 is not in recording";
    assert_eq!(lab.of("p001").await, no("1 of 2", &[why]), "what is not marked at all is expected");
    file.execute_batch("UPDATE recordings SET should_process = 0 WHERE id = 3").expect("a row");
    assert_eq!(lab.of("p001").await, Imported::Yes);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_merge_in_the_pipeline_and_those_that_are_gone_from_the_disk() {
    let mut lab = Lab::start("").await;
    let mine = lab.record("p001", DAY, 0, "walk", 1000);
    let theirs = lab.record("t001", DAY, 1, "walk", 1000);
    lab.push("001", DAY, &[mine], 1000);
    assert_eq!(lab.of("p001").await, Imported::Yes);
    assert_eq!(lab.of("t001").await, no("0 of 1", &[&format!("{theirs} is not in recording")]));
    lab.delete("p001", DAY);
    lab.delete("t001", DAY);
    assert!(lab.local().is_empty());
    assert_eq!(lab.of("p001").await, Imported::Yes, "the databases know it still");
    assert_eq!(lab.of("t001").await.known(), Some(false));
    let Answer::Known(known) = lab.ask().await else { panic!("they answer") };
    assert_eq!(known.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_of_the_videos_may_carry_a_prefix_and_have_a_neighbour() {
    let mut lab = Lab::start("lab_").await;
    let walk = lab.record("p001", DAY, 0, "walk", 1000);
    lab.push("001", DAY, &[walk], 1000);
    assert_eq!(lab.of("p001").await, Imported::Yes);
    // Another pipeline on the same server, whose tables this account can see too.
    lab.server.sql(
        "CREATE DATABASE pose_pipeline; CREATE TABLE pose_pipeline.video LIKE lab_pose_pipeline.video;
         CREATE TABLE pose_pipeline.`~external_localattach` LIKE lab_pose_pipeline.`~external_localattach`;
         GRANT SELECT ON pose_pipeline.* TO reader@'%'",
    );
    assert_eq!(lab.of("p001").await, Imported::Yes);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_character_sets_and_modes_of_the_server_do_not_matter() {
    for charset in ["latin1", "utf8mb4"] {
        let mut lab = Lab::with("", charset).await;
        let walk = lab.record("é'x", DAY, 0, "walk", 1000);
        lab.server.sql("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'");
        lab.push("é''x", DAY, &[walk.replace('\'', "''")], 1000);
        assert_eq!(lab.of("é'x").await, Imported::Yes, "{charset}");
        lab.record("東京", DAY, 1, "a name that not every table can hold", 1000);
        assert_eq!((lab.of("é'x").await, lab.of("東京").await.known()), (Imported::Yes, Some(false)), "{charset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_sessions_take_fewer_than_ten_statements() {
    const SESSIONS: usize = 200;
    const RECORDINGS: usize = 8;
    let lab = Lab::start("").await;
    let (mut file, mut sql) = (Vec::new(), String::from("BEGIN;\n"));
    let mut local = Vec::new();
    for session in 0..SESSIONS {
        let (raw, known_as) = (format!("p{session:03}"), format!("{session:03}"));
        let bases: Vec<String> = (0..RECORDINGS).map(|trial| base(&raw, DAY, trial)).collect();
        sql.push_str(&lab.pushed(&known_as, DAY, &bases, 1000));
        let videos = bases.iter().flat_map(|base| CAMERAS.map(|camera| (format!("{base}.{camera}.mp4"), 1000)));
        local.push(hotspare::session::imported::Local {
            key: Key::new(&raw, DAY).expect("a key"),
            videos: videos.collect(),
        });
        file.push((raw, bases));
    }
    lab.server.sql(&format!("{sql}COMMIT;"));
    let mut writer = lab.acquisition();
    let rows = writer.transaction().expect("a transaction");
    for (number, (name, bases)) in (1..).zip(file) {
        rows.execute("INSERT INTO participants (id, name) VALUES (?, ?)", (number, name)).expect("a row");
        rows.execute("INSERT INTO sessions (id, session_date, participant_id) VALUES (?1, '2025-01-04', ?1)", [number])
            .expect("a row");
        for base in bases {
            rows.execute(
                "INSERT INTO recordings (session_id, filename, should_process) VALUES (?, ?, 1)",
                (number, base),
            )
            .expect("a row");
        }
    }
    rows.commit().expect("committed");

    lab.server.sql("SET GLOBAL log_output = 'TABLE'; TRUNCATE mysql.general_log; SET GLOBAL general_log = 1");
    let clock = Clock::real();
    let began = clock.tick();
    let answer = crate::lab::ask(&lab.preset(), &local, Duration::from_secs(60)).await;
    let took = clock.tick().since(began);
    lab.server.sql("SET GLOBAL general_log = 0");
    let Answer::Known(known) = answer else { panic!("they answer: {answer:?}") };
    assert_eq!(known.values().filter(|imported| **imported == Imported::Yes).count(), SESSIONS);
    let said =
        "FROM mysql.general_log WHERE user_host LIKE '%reader%' AND command_type IN ('Query', 'Prepare', 'Execute')";
    let statements: usize = lab.server.sql(&format!("SELECT COUNT(*) {said}")).trim().parse().expect("a number");
    let texts = lab.server.sql(&format!("SELECT argument {said}"));
    eprintln!("{SESSIONS} sessions of {RECORDINGS} recordings: {statements} statements, {took:?}");
    assert!((2..10).contains(&statements), "{texts}");
    assert!(!texts.contains("frame_timestamps") && !texts.contains('*'), "only what is needed is read: {texts}");
    assert!(!texts.contains(PASSWORD));
}
