//! What lies in the state folder: rows of `state.db`, and what was kept there as text, by this version or another one.

use rusqlite::{Connection, params};

use super::kind;
use crate::engine::maintenance::Maintenance;
use crate::journal::entry::Chain;
use crate::journal::store::{self, Store, Window};
use crate::runbook::record::RunRecord;

/// Rows and texts are read or refused; a journal that anybody changed is read, and its chain does not hold.
pub(super) fn state(bytes: &[u8]) {
    let (first, rest) = kind(bytes);
    let text = String::from_utf8_lossy(rest);
    match first % 3 {
        0 => {
            // What cannot be read counts as nothing; what can is kept again as it was.
            let read = Maintenance::from_kept(Some(&text));
            assert_eq!(Maintenance::from_kept(Some(&read.to_kept())), read);
            crate::standin::foreign::book(&text);
            if let Ok(record) = serde_json::from_str::<RunRecord>(&text) {
                let _owed = (record.waits(), record.owed());
                let _ended = record.interrupted();
            }
        }
        1 => drop(journal(&text)),
        _ => crate::session::index::foreign(&text),
    }
}

/// Each line an entry, its fields between tabs: the number, the time, and texts; the last is what its hash begins with.
fn journal(text: &str) -> rusqlite::Result<()> {
    let connection = Connection::open_in_memory()?;
    crate::journal::layout::tables(&connection)?;
    let mut rows = 0_usize;
    for line in text.lines().take(64) {
        let mut fields = line.split('\t');
        let mut number = || fields.next().and_then(|word| word.parse::<i64>().ok());
        let (Some(seq), Some(time)) = (number(), number()) else { continue };
        let [who, what, why, about, weight] = [(); 5].map(|()| fields.next().unwrap_or_default());
        let before_the_last = usize::from(seq < i64::MAX);
        rows += before_the_last * connection.execute(
            "INSERT OR IGNORE INTO journal (seq, time, who, what, why, about, weight, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![seq, time, who, what, why, about, weight, [7_u8; 32]],
        )?;
    }
    let window = Window { since: None, before: None, limit: 100 };
    let entries = store::read(&connection, window)?;
    assert_eq!(entries.len(), rows, "all but one that has the last number there is");
    let mut connection = connection;
    let chain = store::verify(&mut connection, |_, _| true)?;
    assert!(chain != Some(Chain::Intact) || rows == 0);
    let mut store = Store::new(connection)?;
    let draft = store::Draft {
        time: crate::clock::Timestamp::UNIX_EPOCH,
        who: "engine".into(),
        what: "it goes on".into(),
        why: String::new(),
        about: serde_json::Value::Null,
        weight: crate::journal::entry::Weight::Note,
    };
    // Whatever lies there, what comes next has a number that was never used, or is refused.
    if let Ok(added) = store.append(&[draft], &[]) {
        assert!(added.iter().all(|entry| entries.iter().all(|before| before.seq != entry.seq)));
    }
    Ok(())
}
