//! Tells apart what of a dump has to be done in order, and the rows of large tables, which several connections may insert at once.
//!
//! Rows may be inserted in any order where a table has a primary key and is `InnoDB`'s: it stores, and a dump writes, its rows in the
//! order of that key. The tools end an `INSERT` with `;` at the end of a line and escape ends of lines within values.

use std::collections::HashSet;

use crate::dump::record::Table;

/// Tables with fewer rows are loaded before several connections have got to know each other.
const MANY: u64 = 20_000;

/// What is to be done with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sorted {
    /// In order, by one client.
    InOrder,
    /// The same, and by each connection: it names the database.
    Everywhere,
    /// Belongs to rows that are not all there yet.
    More,
    /// With it a statement is whole that any connection may do before anything else is done in order.
    Rows,
    /// By nobody: whoever locks a table keeps the other connections out.
    Nobody,
}

/// Reads a dump line by line.
#[derive(Debug)]
pub(super) struct Sorter {
    many: HashSet<Vec<u8>>,
    at: At,
}

/// Where in a dump.
#[derive(Debug)]
enum At {
    Between,
    /// Among the columns and keys of a table with many rows.
    Definition {
        table: Vec<u8>,
        primary: bool,
    },
    /// After the definition of a table whose rows may come in any order.
    Table {
        table: Vec<u8>,
        within: bool,
    },
}

impl Sorter {
    /// For a dump that holds these tables.
    pub(super) fn of(tables: &[Table]) -> Self {
        let many = tables.iter().filter(|table| table.rows.is_some_and(|rows| rows >= MANY));
        Self { many: many.map(|table| quoted(&table.name)).collect(), at: At::Between }
    }

    /// Whether everything is done in order.
    pub(super) fn idle(&self) -> bool {
        self.many.is_empty()
    }

    /// What is to be done with the next line, which is given with its end.
    pub(super) fn sort(&mut self, line: &[u8]) -> Sorted {
        match &mut self.at {
            At::Table { within, .. } if *within => {
                *within = !line.ends_with(b";\n");
                return if *within { Sorted::More } else { Sorted::Rows };
            }
            At::Definition { primary, .. } if line.starts_with(b"  PRIMARY KEY (") => *primary = true,
            At::Definition { table, primary } if line.starts_with(b") ENGINE=") => {
                let any = *primary && line.starts_with(b") ENGINE=InnoDB ");
                self.at = if any { At::Table { table: std::mem::take(table), within: false } } else { At::Between };
            }
            At::Table { table, within } => {
                let of = |before: &[u8]| line.strip_prefix(before).and_then(|rest| rest.strip_prefix(table.as_slice()));
                if of(b"INSERT INTO ").is_some_and(|rest| rest.starts_with(b" ")) {
                    *within = !line.ends_with(b";\n");
                    return if *within { Sorted::More } else { Sorted::Rows };
                }
                if of(b"LOCK TABLES ") == Some(b" WRITE;\n") {
                    return Sorted::Nobody;
                }
                if line == b"UNLOCK TABLES;\n" {
                    self.at = At::Between;
                    return Sorted::Nobody;
                }
            }
            At::Between | At::Definition { .. } => {}
        }
        if let Some(name) = line.strip_prefix(b"CREATE TABLE ").and_then(|rest| rest.strip_suffix(b" (\n")) {
            let many = self.many.contains(name);
            self.at = if many { At::Definition { table: name.to_vec(), primary: false } } else { At::Between };
        }
        if line.starts_with(b"USE `") { Sorted::Everywhere } else { Sorted::InOrder }
    }
}

/// A name as the tools write it.
fn quoted(name: &str) -> Vec<u8> {
    crate::dump::server::identifier(name).into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tables(rows: u64) -> Vec<Table> {
        ["a", "wei`rd", "b"].map(|name| Table { name: name.into(), rows: Some(rows), checksum: None }).to_vec()
    }

    fn dump(name: &str, key: &str, engine: &str, rows: &str) -> String {
        let name = String::from_utf8(quoted(name)).expect("UTF-8");
        format!(
            "DROP TABLE IF EXISTS {name};\nCREATE TABLE {name} (\n  `id` int(11) NOT NULL,\n{key}) ENGINE={engine} DEFAULT CHARSET=utf8mb4;\n\
             LOCK TABLES {name} WRITE;\n/*!40000 ALTER TABLE {name} DISABLE KEYS */;\nINSERT INTO {name} VALUES\n{rows}UNLOCK TABLES;\n"
        )
    }

    /// What the client does in order, what the connections do, and what is done by nobody.
    fn sorted(text: &str, tables: &[Table]) -> (String, Vec<String>, String) {
        let (mut sorter, mut client, mut rows, mut left, mut part) =
            (Sorter::of(tables), String::new(), Vec::new(), String::new(), String::new());
        for line in text.split_inclusive('\n') {
            match sorter.sort(line.as_bytes()) {
                Sorted::InOrder | Sorted::Everywhere => client.push_str(line),
                Sorted::Nobody => left.push_str(line),
                Sorted::More => part.push_str(line),
                Sorted::Rows => rows.push(std::mem::take(&mut part) + line),
            }
        }
        assert_eq!(part, "", "no statement is left in its middle");
        (client, rows, left)
    }

    const KEY: &str = "  PRIMARY KEY (`id`)\n";

    #[test]
    fn the_rows_of_large_tables_are_for_all() {
        let text = dump("a", KEY, "InnoDB", "(1),\n(2);\nINSERT INTO `a` VALUES (3),(4);\n") + "CREATE VIEW v;\n";
        let (client, rows, left) = sorted(&text, &tables(MANY));
        assert_eq!(rows, ["INSERT INTO `a` VALUES\n(1),\n(2);\n", "INSERT INTO `a` VALUES (3),(4);\n"]);
        assert_eq!(left, "LOCK TABLES `a` WRITE;\nUNLOCK TABLES;\n");
        assert!(client.starts_with("DROP TABLE") && client.ends_with("DISABLE KEYS */;\nCREATE VIEW v;\n"), "{client}");
        let (_client, rows, _left) = sorted(&dump("wei`rd", KEY, "InnoDB", "(1);\n"), &tables(MANY));
        assert_eq!(rows, ["INSERT INTO `wei``rd` VALUES\n(1);\n"]);
    }

    #[test]
    fn everything_else_stays_in_order() {
        for text in [
            dump("a", "", "InnoDB", "(1);\n"),
            dump("a", KEY, "MyISAM", "(1);\n"),
            dump("a", KEY, "InnoDBish", "(1);\n"),
            dump("other", KEY, "InnoDB", "(1);\n"),
        ] {
            assert_eq!(sorted(&text, &tables(MANY)), (text.clone(), Vec::new(), String::new()));
        }
        let text = dump("a", KEY, "InnoDB", "(1);\n");
        assert_eq!(sorted(&text, &tables(MANY - 1)), (text, Vec::new(), String::new()), "a few rows");
        // A table without a key between others does not inherit theirs.
        let text = dump("b", KEY, "InnoDB", "(1);\n") + &dump("a", "", "InnoDB", "(1);\n");
        assert_eq!(sorted(&text, &tables(MANY)).1, ["INSERT INTO `b` VALUES\n(1);\n"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_done_twice(
            parts in prop::collection::vec((0..4usize, 0..3usize, prop::collection::vec("[a-z;'()` ]{0,8}", 1..5)), 1..8)
        ) {
            let mut text = String::from("-- a remark\nUSE `d`;\n");
            for (name, key, values) in parts {
                let rows = values.join("\\n'),\n('") ;
                let name = ["a", "b", "wei`rd", "other"][name];
                let (key, engine) = [(KEY, "InnoDB"), ("", "InnoDB"), (KEY, "Aria")][key];
                text += &dump(name, key, engine, &format!("('{}');\n", rows.replace(";\n", ";")));
            }
            let (client, rows, left) = sorted(&text, &tables(MANY));
            let count = |text: &str| {
                let mut lines: Vec<&str> = text.lines().collect();
                lines.sort_unstable();
                lines.into_iter().map(str::to_owned).collect::<Vec<_>>()
            };
            prop_assert_eq!(count(&(client + &rows.concat() + &left)), count(&text));
            prop_assert!(left.lines().all(|line| line.starts_with("LOCK TABLES") || line.starts_with("UNLOCK TABLES")));
            prop_assert!(rows.iter().all(|rows| rows.starts_with("INSERT INTO `") && rows.ends_with(";\n")));
        }
    }
}
