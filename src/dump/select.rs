//! Which databases a round dumps: those that the fleet file names, and those that its queries return now.

use std::collections::BTreeSet;

use mysql_async::{Row, Value};

use super::server::{Line, is_its_own};
use super::trouble::Trouble;
use crate::fleet::data::DumpDatabases;
use crate::reach::plain;

/// More than this many databases is a query gone wrong.
const MOST: usize = 1000;

/// A database that is to be dumped, or why it cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its name, as the server has it where it is there.
    pub name: String,
    /// What people call it.
    pub label: Option<String>,
    /// Why it cannot be dumped.
    pub error: Option<String>,
}

/// What was wanted, and what the server has.
#[derive(Debug, Default)]
pub struct Selection {
    /// In the order in which they are restored.
    pub chosen: Vec<Chosen>,
    /// Queries that failed, and why.
    pub failed: Vec<Chosen>,
}

/// Asks the server. `before`: the names that the last kit holds, which go on being dumped while a query fails.
pub async fn select(
    line: &mut Line,
    wanted: &[DumpDatabases],
    before: &[(String, Option<String>)],
) -> Result<Selection, Trouble> {
    let there: Vec<String> = line.ask("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA").await?;
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    let mut selection = Selection::default();
    for one in wanted {
        match one {
            DumpDatabases::Named(name) => found.push((name.clone(), None)),
            DumpDatabases::Query { query, label } => match line.read_only(query).await {
                Ok(rows) => match read(&rows, label.as_deref()) {
                    Ok(rows) => found.extend(rows),
                    Err(why) => selection.failed.push(failed(query, &why)),
                },
                // The server is gone: that is no fault of the query.
                Err(Trouble::Server(why)) if !why.contains("server error") => return Err(Trouble::Server(why)),
                Err(why) => selection.failed.push(failed(query, &why.to_string())),
            },
        }
    }
    if !selection.failed.is_empty() {
        let gone = |(name, _label): &&(String, Option<String>)| there.contains(name);
        found.extend(before.iter().filter(gone).cloned());
    }
    let mut seen = BTreeSet::new();
    for (name, label) in found {
        let chosen = resolve(name, label, &there);
        if seen.insert(chosen.name.clone()) {
            selection.chosen.push(chosen);
        }
    }
    Ok(selection)
}

fn failed(query: &str, why: &str) -> Chosen {
    Chosen {
        name: plain::line(query, 80),
        label: None,
        error: Some(format!("the query for databases failed: {why}; those of the last kit are dumped on")),
    }
}

/// The name as the server has it.
fn resolve(name: String, label: Option<String>, there: &[String]) -> Chosen {
    let alike = || there.iter().filter(|other| other.to_lowercase() == name.to_lowercase());
    let (name, error) = if is_its_own(&name) {
        (name, Some("it is the server's own: accounts and settings are not dumped".to_owned()))
    } else if there.contains(&name) {
        (name, None)
    } else {
        match (alike().next(), alike().count()) {
            (Some(one), 1) => (one.clone(), None),
            (None, _) => {
                (name, Some("the server has no such database; it is listed and not made yet, or was dropped".into()))
            }
            (Some(_), _) => {
                let names = alike().map(|other| format!("`{other}`")).collect::<Vec<_>>().join(" and ");
                (name, Some(format!("the server has {names}: write the one that is meant")))
            }
        }
    };
    Chosen { name, label, error }
}

/// Names and labels of an answer. Names of nothing but dashes are lines between races in a list, and no databases.
fn read(rows: &[Row], label: Option<&str>) -> Result<Vec<(String, Option<String>)>, String> {
    if rows.len() > MOST {
        return Err(format!("it returned {} rows, more than {MOST}", rows.len()));
    }
    let mut found = Vec::new();
    for row in rows {
        let columns = row.columns_ref();
        let at = match label {
            None => None,
            Some(label) => match columns.iter().position(|column| column.name_str().eq_ignore_ascii_case(label)) {
                Some(at) => Some(at),
                None => return Err(format!("it returns no column `{label}` for labels")),
            },
        };
        let text = |at: usize| match row.as_ref(at) {
            None | Some(Value::NULL) => None,
            Some(Value::Bytes(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Some(other) => Some(other.as_sql(true).trim_matches('\'').to_owned()),
        };
        let label = at.and_then(text).map(|label| label.trim().to_owned()).filter(|label| !label.is_empty());
        let dashes = |text: &str| text.trim().chars().all(|symbol| matches!(symbol, '-' | '_'));
        let Some(name) = text(0).filter(|name| !dashes(name)) else { continue };
        if label.as_deref().is_some_and(dashes) {
            continue;
        }
        found.push((name, label));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there() -> Vec<String> {
        ["MeOSMain", "race", "Race", "mysql"].map(str::to_owned).to_vec()
    }

    fn name(wanted: &str) -> (String, bool) {
        let chosen = resolve(wanted.into(), None, &there());
        (chosen.name, chosen.error.is_none())
    }

    #[test]
    fn names_are_taken_as_the_server_has_them() {
        assert_eq!(name("meosmain"), ("MeOSMain".into(), true));
        assert_eq!(name("race"), ("race".into(), true));
        assert_eq!(name("Race"), ("Race".into(), true));
        assert_eq!(name("RACE"), ("RACE".into(), false));
        assert_eq!(name("other"), ("other".into(), false));
        assert_eq!(name("MySQL"), ("MySQL".into(), false));
    }
}
