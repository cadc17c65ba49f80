use super::thread::{BACKLOG, TAIL};
use super::*;
use crate::clock::Timestamp;
use crate::journal::entry::Weight;
use crate::journal::soundness::Look;

fn draft(what: &str) -> Draft {
    Draft {
        time: Timestamp::UNIX_EPOCH,
        who: "engine".into(),
        what: what.into(),
        why: String::new(),
        about: serde_json::Value::Null,
        weight: Weight::Note,
    }
}

fn start(folder: &Path) -> Journal {
    Journal::start(folder, &Clock::held(Timestamp::UNIX_EPOCH)).unwrap()
}

const ALL: Window = Window { since: None, before: None, limit: 10_000 };

#[tokio::test]
async fn entries_are_durable_when_they_say_so_and_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let journal = start(folder.path());
    assert_eq!(journal.tail().borrow().set_aside, None);
    let pending: Vec<_> = (0..500).map(|number| journal.append(draft(&number.to_string())).unwrap()).collect();
    for (number, recorded) in pending.into_iter().enumerate() {
        assert_eq!(recorded.await.unwrap(), Recorded { seq: number as u64 + 1, durable: true });
    }
    let entries = journal.read(ALL).await.unwrap();
    assert!(entries.iter().enumerate().all(|(number, entry)| entry.what == number.to_string()));
    assert_eq!(journal.tail().borrow().length, 500);
    assert_eq!(journal.tail().borrow().entries.len(), TAIL);
    assert_eq!(journal.verify(|_, _| true).unwrap(), Some(Chain::Intact));
}

#[tokio::test]
async fn a_closed_journal_is_whole_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let journal = start(folder.path());
    let last = journal.append(draft("the last one")).unwrap();
    journal.close().await.unwrap();
    assert!(last.await.unwrap().durable);
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, [database::FILE], "no write-ahead log is left for a reader that may not write");
    assert!(journal.flush().await.is_err());
    assert_eq!(start(folder.path()).read(ALL).await.unwrap()[0].what, "the last one");
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_costs_no_entry() {
    let parent = tempfile::tempdir().unwrap();
    // The folder is not there yet: the same errors as a disk that is not.
    let folder = parent.path().join("later");
    let journal = start(&folder);
    assert!(journal.tail().borrow().trouble.is_some());
    let recorded = journal.append(draft("kept in memory")).unwrap().await.unwrap();
    assert_eq!(recorded, Recorded { seq: 1, durable: false });
    journal.keep("last_job", "3".into()).unwrap();
    assert_eq!(journal.kept("last_job").await.unwrap().as_deref(), Some("3"));
    let said = journal.tail().borrow().trouble.clone().unwrap();
    assert!(said.contains("1 entry is kept in memory"), "{said}");
    assert_eq!(journal.read(ALL).await.unwrap().len(), 1);

    std::fs::create_dir(&folder).unwrap();
    let mut tail = journal.tail();
    tail.wait_for(|tail| tail.trouble.is_none()).await.unwrap();
    assert_eq!(journal.verify(|_, _| true).unwrap(), Some(Chain::Intact));
    assert_eq!(journal.read(ALL).await.unwrap()[0].what, "kept in memory");
    assert_eq!(journal.kept("last_job").await.unwrap().as_deref(), Some("3"));
}

#[tokio::test]
async fn more_entries_than_memory_takes_are_counted() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("later");
    let journal = start(&folder);
    for _ in 0..BACKLOG + 5 {
        while matches!(journal.append(draft("flood")), Err(JournalError::Busy)) {
            tokio::task::yield_now().await;
        }
    }
    journal.flush().await.unwrap();
    let said = journal.tail().borrow().trouble.clone().unwrap();
    assert!(said.contains("5 more are lost"), "{said}");
    std::fs::create_dir(&folder).unwrap();
    let mut tail = journal.tail();
    tail.wait_for(|tail| tail.trouble.is_none()).await.unwrap();
    assert_eq!(journal.tail().borrow().length, BACKLOG as u64 + 1);
    assert_eq!(journal.tail().borrow().entries.last().unwrap().what, "5 journal entries were lost");
    assert_eq!(journal.verify(|_, _| true).unwrap(), Some(Chain::Intact));
}

#[tokio::test]
async fn a_corrupt_file_is_told_in_the_new_journal() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(database::FILE), vec![7; 9_000]).unwrap();
    let journal = start(folder.path());
    journal.flush().await.unwrap();
    let set_aside = journal.tail().borrow().set_aside.clone();
    let entries = journal.read(ALL).await.unwrap();
    assert_eq!(entries[0].weight, Weight::Alarm);
    assert!(entries[0].what.contains(set_aside.unwrap().path.to_str().unwrap()));
}

/// A `state.db` with a journal of years, of which a page is noise: the one in the middle of the file, or the one on which
/// this table begins.
fn long_and_broken(folder: &Path, table: Option<&str>) {
    let connection = database::open(folder, Timestamp::UNIX_EPOCH).unwrap().connection;
    let years = "WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < 66)
        INSERT INTO journal SELECT seq, seq, 'engine', 'old', hex(zeroblob(524288)), 'null', 'note', zeroblob(32) FROM n;
        UPDATE head SET seq = 66;";
    connection.execute_batch(years).unwrap();
    database::settle(&connection);
    let page: u32 = match table {
        Some(table) => {
            let begins = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
            connection.query_row(begins, [table], |row| row.get(0)).unwrap()
        }
        None => 8_000,
    };
    drop(connection);
    let file = std::fs::File::options().write(true).open(folder.join(database::FILE)).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0x5a; 4096], u64::from(page - 1) * 4096).unwrap();
}

#[tokio::test]
async fn a_long_journal_is_looked_through_beside_the_work_and_what_is_acted_on_before_it() {
    let folder = tempfile::tempdir().unwrap();
    long_and_broken(folder.path(), None);
    let journal = start(folder.path());
    let mut tail = journal.tail();
    let found = tokio::time::timeout(Duration::from_secs(30), tail.wait_for(|tail| tail.set_aside.is_some())).await;
    let aside = found.expect("it is found").unwrap().set_aside.clone().unwrap();
    assert!(std::fs::metadata(&aside.path).unwrap().len() > 64 << 20, "it is kept");
    assert!(journal.append(draft("after it")).unwrap().await.unwrap().durable);
    journal.close().await.unwrap();
    let said: Vec<String> =
        start(folder.path()).read(ALL).await.unwrap().iter().map(|entry| entry.what.clone()).collect();
    assert_eq!(said, [aside.sentence(), "after it".into()]);

    for table in ["kept", "session_facts", "head"] {
        let folder = tempfile::tempdir().unwrap();
        long_and_broken(folder.path(), Some(table));
        assert!(start(folder.path()).tail().borrow().set_aside.is_some(), "{table} is looked at before it is used");
    }
}

#[tokio::test]
async fn a_look_tells_what_is_broken_from_what_is_away() {
    let folder = tempfile::tempdir().unwrap();
    long_and_broken(folder.path(), None);
    let path = folder.path().join(database::FILE);
    // Nothing but the look at all of it would find the page.
    let opened = database::open_after(folder.path(), Timestamp::UNIX_EPOCH, Look::Quick).unwrap();
    assert!(opened.unseen && opened.set_aside.is_none());
    drop(opened);
    assert!(look_through(folder.path()).is_some());
    std::fs::remove_file(path).unwrap();
    drop(database::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap());
    assert_eq!(look_through(folder.path()), None);
    assert_eq!(look_through(&folder.path().join("nowhere")), None, "a disk that is away is no sign");
}

#[tokio::test]
async fn a_file_that_is_taken_from_under_the_journal_loses_no_entry() {
    let folder = tempfile::tempdir().unwrap();
    let journal = start(folder.path());
    journal.append(draft("before")).unwrap().await.unwrap();
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    assert!(journal.append(draft("after")).unwrap().await.unwrap().durable);
    let texts = |folder: &Path| -> Vec<String> {
        let connection = crate::journal::database::open_read_only(folder).unwrap();
        let entries = crate::journal::store::read(&connection, ALL).unwrap();
        entries.iter().map(|entry| entry.what.clone()).collect()
    };
    let now = texts(folder.path());
    assert!(now.len() == 2 && now[0].contains("state.db.replaced-") && now[1] == "after", "{now:?}");
    let aside = journal.tail().borrow().set_aside.clone().unwrap();
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(&aside.path, other.path().join("state.db")).unwrap();
    assert_eq!(texts(other.path()), ["before"]);
    assert_eq!(journal.verify(|_, _| true).unwrap(), Some(Chain::Intact));
}

#[tokio::test]
async fn a_journal_with_a_limit_lets_go_of_its_oldest_entries_and_of_their_files() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    std::fs::create_dir_all(folder.join("deleted")).unwrap();
    let journal = start(&folder);
    for name in ["old.json", "new.json"] {
        std::fs::write(folder.join("deleted").join(name), "[]").unwrap();
    }
    let precious = parent.path().join("precious.json");
    std::fs::write(&precious, "x").unwrap();
    let with = |what: &str, file: &str| Draft { about: serde_json::json!({ "list_file": file }), ..draft(what) };
    journal.append(with("old", "deleted/old.json")).unwrap().await.unwrap();
    journal.append(with("hostile", "../precious.json")).unwrap().await.unwrap();
    journal.limit(20).unwrap();
    for number in 0..30 {
        journal.append(draft(&number.to_string())).unwrap().await.unwrap();
    }
    journal.append(with("new", "deleted/new.json")).unwrap().await.unwrap();
    let entries = journal.read(ALL).await.unwrap();
    assert!((20..=23).contains(&entries.len()), "{}", entries.len());
    assert!(entries.iter().any(|entry| entry.what.starts_with("the journal let go of its entries up to ")));
    assert_eq!(journal.tail().borrow().length, entries.last().unwrap().seq);
    assert_eq!(journal.verify(|_, _| true).unwrap(), Some(Chain::Intact));
    assert!(!folder.join("deleted/old.json").exists(), "what belonged to an entry goes with it");
    assert!(folder.join("deleted/new.json").exists());
    assert!(precious.exists(), "nothing above the folder is touched");
}

#[tokio::test]
async fn a_disk_that_does_not_answer_is_told_while_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let journal = Journal::start(folder.path(), &clock).unwrap();
    // As long as another one writes, the thread waits for its turn.
    let other = rusqlite::Connection::open(folder.path().join(database::FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let recorded = journal.append(draft("it waits")).unwrap();
    while journal.busy.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(journal.hangs(), None);
    clock.advance(HANGS);
    let said = journal.hangs().unwrap();
    assert!(said.contains("has not answered for 10 s") && said.contains(folder.path().to_str().unwrap()), "{said}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(recorded.await.unwrap().durable);
    assert_eq!(journal.hangs(), None);
}
