//! The general form: queries of one's own.

use hotspare::fleet::data::Imported as How;
use hotspare::session::imported::{Answer, Local};
use hotspare::session::key::Key;
use hotspare::session::view::Imported;

use crate::lab::{DAY, Lab, PATIENCE, ask, no, silence};

const FLAG: &str = "
    SELECT name AS participant, session_date AS date,
           EXISTS (SELECT 1 FROM imported WHERE imported.session_id = sessions.id) AS imported
    FROM sessions JOIN participants ON participants.id = participant_id";

#[tokio::test(flavor = "multi_thread")]
async fn every_named_query_must_hold() {
    let mut lab = Lab::start("").await;
    for participant in ["m001", "m002", "m003"] {
        let walk = lab.record(participant, DAY, 0, "walk", 1000);
        if participant != "m003" {
            lab.push(participant, DAY, &[walk], 1000);
        }
    }
    lab.acquisition()
        .execute_batch("INSERT INTO imported (session_id) SELECT id FROM sessions WHERE id <> 2")
        .expect("rows");
    lab.server.sql("CREATE TABLE mocap_sessions.done (who VARCHAR(9), at DATETIME, flag BIT(1)); INSERT INTO mocap_sessions.done VALUES ('m001', '2025-01-04 12:00', 1), ('m002', '2025-01-04', 1), ('m003', '2025-01-04', 0)");
    let how = |queries: &[(&str, &str)]| How::Query {
        sqlite: lab.sqlite.clone(),
        query: FLAG.into(),
        mysql: Some(lab.url()),
        queries: queries.iter().map(|(name, query)| ((*name).to_owned(), (*query).to_owned())).collect(),
    };
    let both = [
        ("Session", "SELECT participant_id, session_date FROM mocap_sessions.session"),
        ("Done", "SELECT flag AS imported, at AS date, who AS participant FROM mocap_sessions.done"),
    ];
    let stranger = Local { key: Key::new("m004", DAY).expect("a key"), videos: Vec::new() };
    let answer = ask(&how(&both), &[stranger], PATIENCE).await;
    let of = |participant: &str| answer.of(&Key::new(participant, DAY).expect("a key"));
    assert_eq!(of("m001"), Imported::Yes);
    assert_eq!(of("m002"), no("no", &["the acquisition's database says that it was not imported"]));
    let why = ["`Session` has no row for it", "`Done` says that it was not imported"];
    assert_eq!(of("m003"), no("not in Session, Done", &why));
    assert_eq!(of("m004").known(), Some(false));
    let Answer::Known(known) = &answer else { panic!("they answer") };
    assert_eq!(known.len(), 4);

    let wrong = async |queries: &[(&str, &str)]| silence(&ask(&how(queries), &[], PATIENCE).await);
    let (word, why) = wrong(&[("Subject", "SELECT x FROM mocap_sessions.session")]).await;
    assert!(word == "error" && why.contains("`Subject`: server error 1054"), "{why}");
    let (_, why) = wrong(&[("Subject", "SELECT participant_id FROM mocap_sessions.subject")]).await;
    assert!(why.ends_with("the query `Subject` returns 1 columns; participant and date are needed"), "{why}");
    let (_, why) = wrong(&[("Swapped", "SELECT session_date, participant_id FROM mocap_sessions.session")]).await;
    assert!(why.ends_with("the query `Swapped` row 1: m001 is not a day such as 20250104 or 2025-01-04"), "{why}");

    // Whatever a query says, nothing is changed.
    lab.server.sql("GRANT ALL ON mocap_sessions.* TO reader@'%'");
    let (_, why) = wrong(&[("Gone", "DELETE FROM mocap_sessions.recording")]).await;
    assert!(why.contains("READ ONLY transaction"), "{why}");
    assert_eq!(lab.server.sql("SELECT COUNT(*) FROM mocap_sessions.recording").trim(), "2");
    let erase =
        How::Query { sqlite: lab.sqlite.clone(), query: "DELETE FROM imported".into(), mysql: None, queries: vec![] };
    let (_, why) = silence(&ask(&erase, &[], PATIENCE).await);
    assert!(why.contains("recordings.db"), "{why}");
    let left: i64 = lab.acquisition().query_row("SELECT COUNT(*) FROM imported", [], |row| row.get(0)).expect("a row");
    assert_eq!(left, 2);
}
