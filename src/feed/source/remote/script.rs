//! What the host's shell and its `sqlite3` are told. Pure.
//!
//! Understood by sqlite3 since 3.26 (macOS 10.15, Debian 10). Each line of the answer is a letter, the number of the
//! question, and values, all separated by `|`; a value is a letter and its text, see [`coded`].

use std::fmt::Write;
use std::time::Duration;

use crate::clock::Tick;
use crate::feed::source::groups::{self, COUNTED, Newest};
use crate::feed::source::table::Table;
use crate::feed::source::{Ask, sql};
use crate::feed::value::{Place, Value};
use crate::reach::quote;

/// How long `sqlite3` waits for a writer who commits.
pub(super) const BUSY: Duration = Duration::from_secs(1);
/// Exit status: the host has no `sqlite3`.
pub(super) const NO_PROGRAM: i32 = 90;
/// Exit status: there is no such file.
pub(super) const MISSING: i32 = 91;
/// Exit status: the file may not be read.
pub(super) const UNREADABLE: i32 = 92;
/// Among so many of the last rows the newest time is looked for where no index has it.
const LAST: u32 = 64;

/// What the shell runs. A file of the operator's own, `~/.sqliterc`, is not read: it may set another way of printing.
pub(super) fn shell(path: &str) -> String {
    // In front of it something that makes it a path and nothing else, such as an option or an address of SQLite's own.
    let path = match path.strip_prefix("~/").unwrap_or(path) {
        whole if whole.starts_with('/') => quote::quote(whole),
        below => quote::quote(&format!("./{below}")),
    };
    format!(
        "command -v sqlite3 >/dev/null 2>&1 || exit {NO_PROGRAM}; test -e {path} || exit {MISSING}; \
         test -r {path} || exit {UNREADABLE}; exec sqlite3 -batch -readonly -init /dev/null {path}"
    )
}

/// Statements in one transaction, with what each answer begins with. The lines after the last one may fail.
pub(super) fn whole(statements: &str) -> String {
    let busy = BUSY.as_millis();
    format!(
        ".bail on\n.timeout {busy}\n.mode list\n.headers off\nBEGIN;\n\
         SELECT 'e|0|t'||encoding FROM pragma_encoding;\nSELECT 'v|0|i'||schema_version FROM pragma_schema_version;\n\
         {statements}ROLLBACK;\nSELECT 'z|0';\n"
    )
}

/// Asks for all that there is to know of a table.
pub(super) fn facts(name: &str) -> String {
    let (text, table) = (literal(&Value::from(name)), sql::name(name));
    let mut said = format!(
        "SELECT 'k|0|t'||type FROM sqlite_master WHERE type IN ('table', 'view') AND name = {text} COLLATE NOCASE;\n\
         SELECT 'o|0|'||{} FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' LIMIT 20;\n\
         SELECT 'c|0|'||{}||'|'||{}||'|i'||\"notnull\"||'|i'||pk||'|i'||hidden FROM pragma_table_xinfo({text});\n\
         SELECT 'i|0|i'||l.seq||'|i'||l.\"unique\"||'|'||{} FROM pragma_index_list({text}) AS l, \
         pragma_index_info(l.name) AS i WHERE l.partial = 0 ORDER BY l.seq, i.seqno;\n.bail off\n",
        coded("name"),
        coded("name"),
        coded("type"),
        coded("i.name"),
    );
    // Each of them fails where a table has no such thing; that is the answer. What follows must not mind: once there was an
    // error, `.bail on` ends it all.
    for rowid in ["rowid", "_rowid_", "oid"] {
        let _infallible =
            writeln!(said, "SELECT 'd|0|t{rowid}' FROM (SELECT count(*) FROM (SELECT {rowid} FROM {table} LIMIT 0));");
    }
    said
}

/// Asks for what stands in one table.
pub(super) fn look(number: usize, ask: &Ask, table: &Table, limit: u32, newest: &Newest, now: Tick) -> String {
    let (name, cursor, order) = (&table.name, &table.cursor, table.order());
    let row = table.wanted(&ask.columns).iter().map(|column| coded(column)).collect::<Vec<_>>().join("||'|'||");
    let after = ask.after.as_ref().map(place);
    let past = if ask.again { ">=" } else { ">" };
    let behind = after.as_ref().map(|after| format!(" WHERE {cursor} {past} {after}")).unwrap_or_default();
    let and = if behind.is_empty() { " WHERE" } else { " AND" };
    let mut said = String::new();
    let mut tell = |letter: char, what: &str| {
        let _infallible = writeln!(said, "SELECT '{letter}|{number}|'||{what};");
    };
    if table.loose {
        tell('l', &format!("'n' FROM {name} WHERE {cursor} IS NULL LIMIT 1"));
    }
    let ends = format!(
        "SELECT (SELECT {cursor} FROM {name} ORDER BY {cursor} LIMIT 1) AS a, \
         (SELECT {cursor} FROM {name} ORDER BY {cursor} DESC LIMIT 1) AS b"
    );
    tell('s', &format!("{}||'|'||{} FROM ({ends})", coded("a"), coded("b")));
    if let Some(after) = &after {
        let order = if table.then.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {} DESC", table.then.trim_start_matches(", "))
        };
        tell('t', &format!("{row} FROM {name} WHERE {cursor} = {after}{order} LIMIT 1"));
    }
    if limit > 0 && table.shape.unique {
        tell('r', &format!("{row} FROM {name}{behind} ORDER BY {order} LIMIT {limit}"));
    } else if limit > 0 {
        // Those of one place belong together.
        let last = limit - 1;
        let bound = format!("SELECT {cursor} FROM {name}{behind} ORDER BY {cursor} LIMIT 1 OFFSET {last}");
        tell('r', &format!("{row} FROM {name}{behind}{and} NOT coalesce({cursor} > ({bound}), 0) ORDER BY {order}"));
    }
    let bound = if table.numbered { format!(" LIMIT {}", COUNTED + 1) } else { String::new() };
    tell('w', &format!("'i'||count(*) FROM (SELECT 1 FROM {name}{behind}{bound})"));
    if let Some(time) = &ask.time {
        let column = sql::name(time);
        let (first, last) = if table.indexed(&[time]) {
            (format!("SELECT min({column}) FROM {name}"), format!("SELECT max({column}) FROM {name}"))
        } else {
            let late = format!("SELECT {column} AS t FROM {name} ORDER BY {cursor} DESC LIMIT {LAST}");
            (format!("SELECT {column} FROM {name} ORDER BY {order} LIMIT 1"), format!("SELECT max(t) FROM ({late})"))
        };
        tell('m', &format!("{}||'|'||{} FROM (SELECT ({first}) AS a, ({last}) AS b)", coded("a"), coded("b")));
        tell('f', &format!("{} FROM {name}{behind} ORDER BY {order} LIMIT 1", coded(&column)));
    }
    if let Some((group, time)) = &ask.group {
        let found = |text: &str| format!("{}||'|i'||n||'|'||{} FROM ({text})", coded("g"), coded("t"));
        if let Some(time) = time.as_deref().filter(|_time| newest.wants_newest(now)) {
            tell('n', &found(&groups::newest(table, group, time)));
            tell('N', "'n'");
        }
        if newest.wants_waiting(newest.waited(), now) {
            tell('g', &found(&groups::waiting(table, group, time.as_deref(), &behind)));
            tell('G', "'n'");
        }
    }
    if let Some((column, since)) = ask.changes.as_ref().filter(|_changes| limit > 0) {
        let by = sql::name(column);
        let since = since.as_ref().map(|since| format!(" AND {by} >= {}", place(since))).unwrap_or_default();
        let last = limit - 1;
        let bound =
            format!("SELECT {by} FROM {name} WHERE {by} IS NOT NULL{since} ORDER BY {by} LIMIT 1 OFFSET {last}");
        let condition = format!("{by} IS NOT NULL{since} AND NOT coalesce({by} > ({bound}), 0)");
        tell('h', &format!("{row} FROM {name} WHERE {condition} ORDER BY {by}, {order}"));
    }
    said
}

/// Asks how many rows with these values stand before a place.
pub(super) fn before(table: &Table, key: &[(String, Value)], before: &Place) -> String {
    let same = |(column, value): &(String, Value)| format!("{} IS {} AND ", sql::name(column), literal(value));
    let same: String = key.iter().map(same).collect();
    format!("SELECT 'w|0|i'||count(*) FROM {} WHERE {same}{} < {};\n", table.name, table.cursor, place(before))
}

fn place(place: &Place) -> String {
    match place {
        Place::Number(number) => literal(&Value::Int(*number)),
        Place::Text(text) => literal(&Value::from(text.as_str())),
    }
}

/// A value as SQL has it.
fn literal(value: &Value) -> String {
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    match value {
        Value::Null => "NULL".into(),
        Value::Int(number) => number.to_string(),
        // SQLite's own spelling of the infinite.
        Value::Real(number) if number.is_infinite() => if *number > 0.0 { "9e999" } else { "-9e999" }.into(),
        Value::Real(number) => format!("{number:?}"),
        Value::Blob(bytes) => format!("x'{}'", hex(bytes)),
        Value::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(['\0', '\n', '\r']) => format!("'{}'", text.replace('\'', "''")),
            _ => format!("CAST(x'{}' AS TEXT)", hex(bytes)),
        },
    }
}

/// A value as the answer has it: `n`, `i` and a whole number, `r` and a number, `t` and a text of plain characters, `h` and
/// any other text or `b` and bytes, in hexadecimal digits.
fn coded(value: &str) -> String {
    let (v, plain) = (value, "'*[^ -{}~]*'");
    format!(
        "CASE typeof({v}) WHEN 'integer' THEN 'i'||{v} WHEN 'null' THEN 'n' WHEN 'real' THEN 'r'||quote({v}) WHEN 'text' THEN \
         CASE WHEN length({v}) = length(CAST({v} AS BLOB)) AND {v} NOT GLOB {plain} THEN 't'||{v} ELSE 'h'||hex({v}) END \
         ELSE 'b'||hex({v}) END"
    )
}
