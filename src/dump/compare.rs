//! Whether what was restored is what was noted when it was dumped.

use super::record::Held;
use super::report::DatabaseDrilled;
use super::shape::Shape;

/// So many differences are told.
const TOLD: usize = 20;

/// How exactly two dumps can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exactly {
    /// Servers of different kinds write values differently: tables and numbers of rows.
    Rows,
    /// The same kind: the rows themselves.
    Values,
    /// The same version and name: every definition as well.
    Everything,
}

impl Exactly {
    /// By the versions of the server that was dumped and of the one that was restored to.
    pub(super) fn of(dumped: &str, restored: &str, renamed: bool) -> Self {
        if dumped.contains("MariaDB") != restored.contains("MariaDB") {
            Self::Rows
        } else if dumped == restored && !renamed {
            Self::Everything
        } else {
            Self::Values
        }
    }
}

/// Compares what was noted with what the restored database holds.
pub(super) fn compare(name: &str, held: &Held, found: &Shape, exactly: Exactly) -> DatabaseDrilled {
    let mut problems = Vec::new();
    for noted in &held.tables {
        let Some(table) = found.tables.iter().find(|table| table.name == noted.name) else {
            problems.push(format!("`{}` is missing", noted.name));
            continue;
        };
        match (noted.rows, table.rows) {
            (None, None) => {}
            (Some(noted_rows), Some(rows)) if noted_rows == rows => {
                if exactly != Exactly::Rows && noted.checksum != table.checksum {
                    problems.push(format!("`{}` has other values than were dumped", noted.name));
                }
            }
            (noted_rows, rows) => {
                let count = |rows: Option<u64>| rows.map_or("no rows, as a view".into(), |rows| format!("{rows} rows"));
                problems.push(format!("`{}` has {}; {} were dumped", noted.name, count(rows), count(noted_rows)));
            }
        }
    }
    let surplus = found.tables.iter().filter(|table| !held.tables.iter().any(|noted| noted.name == table.name));
    problems.extend(surplus.map(|table| format!("`{}` was not dumped and is there", table.name)));
    if problems.is_empty() && exactly == Exactly::Everything && found.content != held.content {
        problems.push(
            "all rows are there, and the definition of a table, view, trigger, routine or event is not as it was"
                .into(),
        );
    }
    if problems.len() > TOLD {
        let more = problems.len() - TOLD;
        problems.truncate(TOLD);
        problems.push(format!("and {more} more"));
    }
    DatabaseDrilled { name: name.to_owned(), ok: problems.is_empty(), tables: held.tables.len() as u64, problems }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::record::Table;

    fn table(name: &str, rows: Option<u64>, sum: &str) -> Table {
        Table { name: name.into(), rows, checksum: rows.map(|_counted| sum.to_owned()) }
    }

    fn told(tables: Vec<Table>, content: &str, exactly: Exactly) -> Vec<String> {
        let held = Held {
            kit: "k".into(),
            at: crate::clock::Timestamp::UNIX_EPOCH,
            files: Vec::new(),
            content: "c".into(),
            plain: 0,
            locked: None,
            tables: vec![table("a", Some(2), "s"), table("v", None, "")],
            mark: String::new(),
        };
        let found = Shape { tables, content: content.into(), plain: 0, ended: true };
        let drilled = compare("d", &held, &found, exactly);
        assert_eq!(drilled.ok, drilled.problems.is_empty());
        drilled.problems
    }

    #[test]
    fn each_difference_is_told_as_far_as_it_can_be_seen() {
        let (a, v) = (table("a", Some(2), "s"), table("v", None, ""));
        assert!(told(vec![a.clone(), v.clone()], "c", Exactly::Everything).is_empty());
        assert_eq!(told(vec![v.clone()], "c", Exactly::Rows), ["`a` is missing"]);
        assert_eq!(
            told(vec![table("a", Some(1), "s"), v.clone()], "c", Exactly::Rows),
            ["`a` has 1 rows; 2 rows were dumped"]
        );
        let other = vec![table("a", Some(2), "t"), v.clone()];
        assert!(told(other.clone(), "c", Exactly::Rows).is_empty());
        assert_eq!(told(other, "c", Exactly::Values), ["`a` has other values than were dumped"]);
        assert_eq!(
            told(vec![a.clone(), v.clone(), table("b", Some(0), "")], "c", Exactly::Values),
            ["`b` was not dumped and is there"]
        );
        assert!(told(vec![a.clone(), v.clone()], "other", Exactly::Values).is_empty());
        assert_eq!(told(vec![a, v], "other", Exactly::Everything).len(), 1);
    }
}
