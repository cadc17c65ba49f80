//! A dump, sorted into what is done in order and what several connections do.

use super::sort::{Sorted, Sorter};
use crate::dump::record::Table;

/// Whatever it holds: every byte is for one of them, in its order, and rows are whole statements.
pub(in crate::dump) fn sorted(bytes: &[u8], tables: &[Table]) {
    let large: Vec<Table> =
        tables.iter().map(|table| Table { rows: table.rows.map(|_| u64::MAX), ..table.clone() }).collect();
    let mut sorter = Sorter::of(&large);
    assert_eq!(sorter.idle(), large.iter().all(|table| table.rows.is_none()));
    let (mut rows, mut pieces) = (Vec::new(), Vec::new());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match sorter.sort(line) {
            Sorted::InOrder | Sorted::Everywhere => assert!(rows.is_empty(), "a statement is left in its middle"),
            Sorted::Nobody => assert!(line.starts_with(b"LOCK TABLES ") || line == b"UNLOCK TABLES;\n"),
            Sorted::More => {
                rows.extend_from_slice(line);
                continue;
            }
            Sorted::Rows => {
                rows.extend_from_slice(line);
                assert!(rows.starts_with(b"INSERT INTO `") && rows.ends_with(b";\n"));
                pieces.append(&mut rows);
                continue;
            }
        }
        pieces.extend_from_slice(line);
    }
    pieces.append(&mut rows);
    assert_eq!(pieces, bytes);
    let mut idle = Sorter::of(&[]);
    assert!(
        bytes
            .split_inclusive(|byte| *byte == b'\n')
            .all(|line| { matches!(idle.sort(line), Sorted::InOrder | Sorted::Everywhere) })
    );
}
