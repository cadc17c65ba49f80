//! What a host's `sqlite3` says, understood as the answer to every question there is.

use super::answer;
use crate::clock::{Tick, Timestamp};
use crate::feed::source::Ask;
use crate::feed::source::groups::Newest;
use crate::feed::source::table::Table;

/// It is one or it is not; a look at it is one or is refused.
pub(in crate::feed::source) fn answer(bytes: &[u8]) {
    let Ok(answer) = answer::read(bytes) else { return };
    let _counts = (answer.count(), answer.weight(0), answer.schema);
    for cursor in [None, Some("timestamp")] {
        let Ok(table) = Table::new(answer.facts("counts"), cursor, "counts.db") else { continue };
        let group = Some(("camera_name".into(), Some("timestamp".into())));
        let (table_name, cursor) = ("counts".to_owned(), cursor.map(str::to_owned));
        let ask = Ask {
            table: table_name,
            cursor,
            columns: vec!["in_count".into()],
            after: None,
            again: false,
            limit: 100,
            changes: None,
            group,
            time: Some("timestamp".into()),
        };
        let mut newest = Newest::default();
        let now = Timestamp::from_second(1_795_000_000).unwrap_or_default();
        if let Ok(look) = answer.look(0, &ask, &table, &mut newest, now, Tick::default()) {
            assert!(look.rows.len() <= bytes.len());
        }
    }
}
