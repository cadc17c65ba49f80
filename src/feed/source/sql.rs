//! SQL as SQLite reads it, for its own connections and for the `sqlite3` of a host alike. Pure.

/// A name of a table or column.
///
/// In backticks: SQLite takes a name in double quotes that it does not know for a text, and a column that is gone would be
/// carried as its own name.
pub(super) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The rowid of a table with these columns, by a name that none of them has; `None` where all three are taken.
pub(super) fn rowid<'a>(columns: &(impl Iterator<Item = &'a str> + Clone)) -> Option<&'static str> {
    let taken = |word: &str| columns.clone().any(|column| column.eq_ignore_ascii_case(word));
    ["rowid", "_rowid_", "oid"].into_iter().find(|word| !taken(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_stay_what_they_are() {
        let file = rusqlite::Connection::open_in_memory().unwrap();
        for hard in ["a", "a b", "a`b", "a\"b", "a'b", "select", "a]b", "\u{1F600}", "a;b--"] {
            let table = name(hard);
            file.execute_batch(&format!("CREATE TABLE {table} ({table})")).unwrap();
            file.execute(&format!("INSERT INTO {table} VALUES (?1)"), [hard]).unwrap();
            let said: String = file.query_row(&format!("SELECT {table} FROM {table}"), [], |row| row.get(0)).unwrap();
            assert_eq!(said, hard);
        }
        let unknown = file.query_row(&format!("SELECT {} FROM `a`", name("gone")), [], |_row| Ok(()));
        assert!(unknown.is_err(), "a column that is gone is no text");
    }

    #[test]
    fn a_column_may_be_called_rowid() {
        assert_eq!(rowid(&["id"].into_iter()), Some("rowid"));
        assert_eq!(rowid(&["RowID", "x"].into_iter()), Some("_rowid_"));
        assert_eq!(rowid(&["oid", "_rowid_", "rowid"].into_iter()), None);
    }
}
