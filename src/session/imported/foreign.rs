//! Rows of databases that say what was imported.

use super::flags::{self, Cell, Table};
use super::name;

/// Each line a row, its cells between semicolons; what comes of it is an answer or a reason.
pub(crate) fn enter(text: &str) {
    let cell = |text: &str| match text {
        "" => Cell::Null,
        "~" => Cell::Other,
        text => text.parse().map_or_else(|_no_number| Cell::Text(text.to_owned()), Cell::Integer),
    };
    let mut rows = text.lines().map(|line| line.split(';'));
    let columns = rows.next().into_iter().flatten().map(str::to_owned).collect();
    let table = Table { columns, rows: rows.map(|row| row.map(cell).collect()).collect() };
    for flag_needed in [true, false] {
        if let Ok(flags) = flags::read(&table, flag_needed) {
            assert!(flags.len() <= table.rows.len());
            let judged = flags::judge(&flags, &[("imported".to_owned(), flags.clone())], flags.keys());
            assert_eq!(judged.len(), flags.len());
        }
    }
    for word in text.split([';', '\n']) {
        let _either = (name::normalised(word), name::base(word), name::video(word), name::purpose(word));
        assert!(!name::is_video(word) || word.len() > 4);
    }
}
