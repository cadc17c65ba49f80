use proptest::prelude::*;

use super::*;
use crate::journal::{database, layout};

fn draft(what: &str) -> Draft {
    Draft {
        time: Timestamp::UNIX_EPOCH,
        who: "engine".into(),
        what: what.into(),
        why: "a test".into(),
        about: serde_json::json!({ "host": "studio-2", "count": 3 }),
        weight: Weight::Note,
    }
}

/// A journal of ten entries in a folder of its own, whose triggers are gone as if by an attacker.
fn written() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection).unwrap();
    for number in 1..=10 {
        store.append(&[draft(&format!("entry {number}"))], &[]).unwrap();
    }
    store.connection.execute_batch("DROP TRIGGER journal_keeps_entries; DROP TRIGGER journal_keeps_words;").unwrap();
    (folder, store)
}

fn verdict(store: &mut Store) -> Chain {
    verify(&mut store.connection, |_, _| true).unwrap().unwrap()
}

fn broken_at(store: &mut Store) -> u64 {
    match verdict(store) {
        Chain::Broken { at, .. } => at,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_untouched_chain_is_intact_and_survives_reopening() {
    let (folder, mut store) = written();
    assert_eq!(verdict(&mut store), Chain::Intact);
    drop(store);
    let mut store = Store::new(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection).unwrap();
    assert_eq!(store.length(), 10);
    let entries = store.append(&[draft("after"), draft("and after")], &[]).unwrap();
    assert_eq!(entries[1].seq, 12);
    assert_eq!(verdict(&mut store), Chain::Intact);
}

/// A journal that has let go of its first entries: 40 were written and 10 are kept.
fn trimmed() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection).unwrap();
    for number in 1..=40 {
        store.append(&[draft(&format!("entry {number}"))], &[]).unwrap();
    }
    let dropped = store.drop_old(10, Timestamp::UNIX_EPOCH).unwrap().unwrap();
    assert!(dropped.told.what.contains("up to 30"), "{}", dropped.told.what);
    (folder, store)
}

#[test]
fn a_journal_lets_go_of_its_oldest_entries_and_its_chain_holds() {
    let (folder, mut store) = trimmed();
    assert_eq!(verdict(&mut store), Chain::Intact);
    let all = Window { since: None, before: None, limit: 100 };
    let entries = store.read(all).unwrap();
    assert_eq!((entries.len(), entries[0].seq, store.length()), (11, 31, 41));
    drop(store);
    let mut store = Store::new(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection).unwrap();
    assert_eq!(store.append(&[draft("after")], &[]).unwrap()[0].seq, 42);
    assert_eq!(store.drop_old(10, Timestamp::UNIX_EPOCH).unwrap().unwrap().told.seq, 43, "it goes on letting go");
    assert_eq!(verdict(&mut store), Chain::Intact);
    assert_eq!(store.drop_old(12, Timestamp::UNIX_EPOCH).unwrap(), None, "there is nothing to let go of");
}

#[test]
fn the_table_of_a_trimmed_journal_refuses_removals_all_the_same() {
    let (_folder, store) = trimmed();
    let error = store.connection.execute("DELETE FROM journal WHERE seq = 31", []).unwrap_err();
    assert!(error.to_string().contains("append-only"), "{error}");
}

#[test]
fn a_beginning_that_no_entry_tells_of_is_a_break() {
    // Somebody drops two more than the journal tells, and sets its beginning after them.
    let (_folder, mut store) = trimmed();
    store
        .connection
        .execute_batch(
            "UPDATE head SET base = 32, base_hash = (SELECT hash FROM journal WHERE seq = 32);
             DELETE FROM journal WHERE seq <= 32;",
        )
        .unwrap();
    assert_eq!(broken_at(&mut store), 33);
    // Or drops the entry that tells it.
    let (_folder, mut store) = trimmed();
    store.append(&[draft("last")], &[]).unwrap();
    store
        .connection
        .execute_batch(
            "UPDATE head SET base = 41, base_hash = (SELECT hash FROM journal WHERE seq = 41);
             DELETE FROM journal WHERE seq <= 41;",
        )
        .unwrap();
    assert_eq!(broken_at(&mut store), 42);
}

#[test]
fn nothing_is_let_go_of_a_chain_that_does_not_hold() {
    let (_folder, mut store) = written();
    store.connection.execute("UPDATE journal SET who = 'x' WHERE seq = 2", []).unwrap();
    assert_eq!(store.drop_old(3, Timestamp::UNIX_EPOCH).unwrap(), None);
    assert_eq!(broken_at(&mut store), 2);
}

#[test]
fn the_table_itself_refuses_edits_and_removals() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection).unwrap();
    store.append(&[draft("one")], &[]).unwrap();
    for attempt in ["DELETE FROM journal", "UPDATE journal SET who = 'nobody'"] {
        let error = store.connection.execute(attempt, []).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}

#[test]
fn an_edit_is_found_where_it_was_made() {
    for column in ["who", "what", "why", "about", "weight"] {
        let (_folder, mut store) = written();
        store.connection.execute(&format!("UPDATE journal SET {column} = 'x' WHERE seq = 4"), []).unwrap();
        assert_eq!(broken_at(&mut store), 4, "{column}");
    }
    let (_folder, mut store) = written();
    store.connection.execute("UPDATE journal SET time = 1 WHERE seq = 1", []).unwrap();
    assert_eq!(broken_at(&mut store), 1);
}

#[test]
fn an_edit_with_a_new_hash_is_found_at_the_entry_after() {
    let (_folder, mut store) = written();
    let previous: Hash =
        store.connection.query_row("SELECT hash FROM journal WHERE seq = 3", [], |row| row.get(0)).unwrap();
    let mut forged = draft("never happened").row(4);
    forged.why = "forged".into();
    store
        .connection
        .execute(
            "UPDATE journal SET what = ?, why = ?, hash = ? WHERE seq = 4",
            params![forged.what, forged.why, forged.follow(&previous)],
        )
        .unwrap();
    assert_eq!(broken_at(&mut store), 5);
}

#[test]
fn a_removal_is_found_in_the_middle_at_the_start_and_at_the_end() {
    for (sql, at) in [("seq = 6", 6), ("seq = 1", 1), ("seq BETWEEN 3 AND 7", 3), ("seq >= 9", 9), ("1", 1)] {
        let (_folder, mut store) = written();
        store.connection.execute(&format!("DELETE FROM journal WHERE {sql}"), []).unwrap();
        assert_eq!(broken_at(&mut store), at, "{sql}");
    }
}

#[test]
fn a_removal_that_renumbers_the_rest_is_found() {
    let (_folder, mut store) = written();
    store
        .connection
        .execute_batch("DELETE FROM journal WHERE seq = 5; UPDATE journal SET seq = seq - 1 WHERE seq > 5;")
        .unwrap();
    assert_eq!(broken_at(&mut store), 5);
}

#[test]
fn swapped_entries_are_found_at_the_first() {
    let (_folder, mut store) = written();
    store
        .connection
        .execute_batch(
            "UPDATE journal SET seq = 100 WHERE seq = 3;
             UPDATE journal SET seq = 3 WHERE seq = 8;
             UPDATE journal SET seq = 8 WHERE seq = 100;",
        )
        .unwrap();
    assert_eq!(broken_at(&mut store), 3);
}

#[test]
fn verifying_stops_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection).unwrap();
    store.append(&vec![draft("one of many"); 2_000], &[]).unwrap();
    let mut seen = Vec::new();
    let stopped = verify(&mut store.connection, |done, total| {
        seen.push((done, total));
        false
    });
    assert_eq!(stopped.unwrap(), None);
    assert_eq!(seen, [(512, 2_000)]);
}

#[test]
fn windows_give_the_newest_that_match_oldest_first() {
    let (_folder, store) = written();
    let numbers = |since, before, limit| -> Vec<u64> {
        store.read(Window { since, before, limit }).unwrap().iter().map(|entry| entry.seq).collect()
    };
    assert_eq!(numbers(None, None, 3), [8, 9, 10]);
    assert_eq!(numbers(None, Some(8), 3), [5, 6, 7]);
    assert_eq!(numbers(Some(Timestamp::UNIX_EPOCH), None, 100).len(), 10);
    assert_eq!(numbers(Some(Timestamp::from_second(1).unwrap()), None, 100), [0u64; 0]);
}

#[test]
fn a_window_of_time_holds_what_a_clock_that_was_set_back_has_written_and_reads_no_years() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection).unwrap();
    let second = |second| Timestamp::from_second(second).unwrap();
    for at in [100, 200, 300, 150, 160, 400] {
        store.append(&[Draft { time: second(at), ..draft("at") }], &[]).unwrap();
    }
    let numbers = |since, before, limit| -> Vec<u64> {
        let window = Window { since: Some(second(since)), before, limit };
        store.read(window).unwrap().iter().map(|entry| entry.seq).collect()
    };
    assert_eq!(numbers(155, None, 100), [2, 3, 5, 6]);
    assert_eq!(numbers(155, Some(6), 2), [3, 5]);
    assert_eq!(numbers(155, Some(2), 100), [0u64; 0]);
    assert_eq!(numbers(401, None, 100), [0u64; 0]);
    let plan: Vec<String> = store
        .connection
        .prepare("EXPLAIN QUERY PLAN SELECT MIN(+seq) FROM journal INDEXED BY journal_time WHERE time >= 1")
        .unwrap()
        .query_map([], |row| row.get(3))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert!(plan.iter().all(|step| step.contains("COVERING INDEX journal_time (time>?)")), "{plan:?}");
}

#[test]
fn kept_values_are_replaced_and_found_again() {
    let (folder, mut store) = written();
    store.append(&[], &[("last_job".into(), "7".into())]).unwrap();
    store.append(&[draft("more")], &[("last_job".into(), "8".into())]).unwrap();
    drop(store);
    let store = Store::new(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection).unwrap();
    assert_eq!(store.kept("last_job").unwrap().as_deref(), Some("8"));
    assert_eq!(store.kept("other").unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_written_is_read_back(
        texts in proptest::collection::vec(("\\PC{0,20}", "\\PC{0,20}", "\\PC{0,20}"), 1..8),
        nanosecond in -1_000_000_000_000i64..4_000_000_000_000_000_000,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap().connection).unwrap();
        let drafts: Vec<Draft> = texts
            .into_iter()
            .map(|(who, what, why)| Draft {
                time: Timestamp::from_nanosecond(i128::from(nanosecond)).unwrap(),
                about: serde_json::json!({ "quoted \" key": [who.clone(), (), 1.5] }),
                who,
                what,
                why,
                weight: Weight::Refusal,
            })
            .collect();
        let written = store.append(&drafts, &[]).unwrap();
        prop_assert_eq!(store.read(Window { since: None, before: None, limit: 100 }).unwrap(), written);
        prop_assert_eq!(verdict(&mut store), Chain::Intact);
    }
}

#[test]
fn a_journal_whose_numbers_are_used_up_is_written_no_more_and_breaks_nothing() {
    let connection = Connection::open_in_memory().unwrap();
    layout::tables(&connection).unwrap();
    let insert = "INSERT INTO journal VALUES (9223372036854775807, 0, '', '', '', '', '', x'00')";
    connection.execute(insert, []).unwrap();
    let mut store = Store::new(connection).unwrap();
    assert!(store.append(&[draft("one more")], &[]).is_err());
}

#[test]
fn a_number_below_one_is_that_of_no_other_entry() {
    let (_folder, mut store) = written();
    store
        .connection()
        .execute(
            "INSERT INTO journal (seq, time, who, what, why, about, weight, hash)
             VALUES (-11, 0, 'engine', 'forged', '', 'null', 'note', x'00')",
            [],
        )
        .unwrap();
    let all = Window { since: None, before: None, limit: 100 };
    let forged = store.read(all).unwrap().into_iter().find(|entry| entry.what == "forged").unwrap();
    let next = store.append(&[draft("it goes on")], &[]).unwrap();
    assert_eq!((forged.seq, next[0].seq), (0, 11));
}
