//! What a dump holds, read while it streams by: its tables with their rows and sums, a sum of all of it that does not change while the
//! database does not, and whether it is whole.
//!
//! It reads what `mariadb-dump` and `mysqldump` write. Both escape the ends of lines within values, so that `;` before an end of
//! a line ends an `INSERT` and nothing else does. `mariadb-dump` writes one row a line, `mysqldump` all rows of an `INSERT` into one.

use memchr::{memchr, memchr_iter, memchr2, memmem};

use super::record::Table;
use super::stream::Reads;

/// What the tools write last.
pub const END: &[u8] = b"-- Dump completed";
/// What newer tools of `MariaDB` write first, and older clients stumble over.
const SANDBOX: [&[u8]; 2] = [b"/*M!999999\\-", b"/*!999999\\-"];
/// Remarks that tell times, places and versions.
const VARYING: [&[u8]; 5] = [b"-- MariaDB dump", b"-- MySQL dump", b"-- Host:", b"-- Server version", END];
/// The head of an `INSERT` is not longer than the names of all columns that a table can have.
const LONGEST_HEAD: usize = 1 << 20;

/// What a whole dump holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its tables and views in the order in which they stand there.
    pub tables: Vec<Table>,
    /// BLAKE3 of all of it but the remarks that tell times and versions, in hexadecimal.
    pub content: String,
    /// Bytes.
    pub plain: u64,
    /// Whether the tool wrote that it came to its end.
    pub ended: bool,
}

/// Reads a dump piece by piece.
#[derive(Debug)]
pub struct Reader {
    at: At,
    line: Vec<u8>,
    last: Vec<u8>,
    tables: Vec<Reading>,
    rest: blake3::Hasher,
    plain: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In a line that is no row.
    Line,
    /// In the rows of the last `INSERT`: just behind its head, one a line, or all in one.
    Rows { fresh: bool, lines: bool, within: Within, semicolon: bool },
}

/// Where in a row, when they all stand in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Row,
    Text,
    /// After a backslash in a text.
    Escape,
}

#[derive(Debug)]
struct Reading {
    name: String,
    rows: Option<u64>,
    sum: blake3::Hasher,
    any: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            at: At::Line,
            line: Vec::new(),
            last: Vec::new(),
            tables: Vec::new(),
            rest: blake3::Hasher::new(),
            plain: 0,
        }
    }
}

/// How much of the beginning of a dump is left out, so that every client can read it; `None`: its first line is not there yet.
pub fn surplus(beginning: &[u8]) -> Option<usize> {
    if !SANDBOX.iter().any(|line| beginning.starts_with(line) || line.starts_with(beginning)) {
        return Some(0);
    }
    memchr(b'\n', beginning).map(|end| end + 1)
}

impl Reads for Reader {
    fn read(&mut self, mut piece: &[u8]) {
        self.plain += piece.len() as u64;
        while !piece.is_empty() {
            let taken = match self.at {
                At::Line => self.take_line(piece),
                At::Rows { fresh, lines, within, semicolon } => self.take_rows(piece, fresh, lines, within, semicolon),
            };
            piece = piece.get(taken..).unwrap_or_default();
        }
    }

    fn end(mut self) -> Shape {
        if !self.line.is_empty() {
            self.whole_line();
        }
        for table in &self.tables {
            self.rest.update(table.sum.finalize().as_bytes());
        }
        let tables = self.tables.into_iter().map(|table| Table {
            checksum: table.rows.map(|_counted| table.sum.finalize().to_hex().to_string()),
            name: table.name,
            rows: table.rows,
        });
        Shape {
            tables: tables.collect(),
            content: self.rest.finalize().to_hex().to_string(),
            plain: self.plain,
            ended: self.last.starts_with(END),
        }
    }
}

impl Reader {
    fn take_line(&mut self, piece: &[u8]) -> usize {
        const INSERT: &[u8] = b"INSERT INTO `";
        let end = memchr(b'\n', piece).map_or(piece.len(), |end| end + 1);
        // The head of an `INSERT` is looked at byte by byte; every other line is taken as it is.
        let could_be = |line: &[u8]| line.starts_with(INSERT) || INSERT.starts_with(line);
        if !could_be(&self.line) || self.line.len() > LONGEST_HEAD {
            self.line.extend_from_slice(piece.get(..end).unwrap_or_default());
            if self.line.ends_with(b"\n") {
                self.whole_line();
            }
            return end;
        }
        for (at, byte) in piece.iter().take(end).enumerate() {
            self.line.push(*byte);
            if *byte == b'\n' {
                self.whole_line();
                return at + 1;
            }
            if !could_be(&self.line) {
                return at + 1;
            }
            if *byte == b'S' && self.begins_rows() {
                return at + 1;
            }
        }
        end
    }

    /// Whether the line so far is the whole head of an `INSERT`.
    fn begins_rows(&mut self) -> bool {
        let Some(head) = self.line.strip_suffix(b" VALUES") else { return false };
        // ` VALUES` within the name of a table or a column stands between backticks.
        if !memchr_iter(b'`', head).count().is_multiple_of(2) {
            return false;
        }
        let Some(name) = quoted(head.get(b"INSERT INTO ".len()..).unwrap_or_default()) else { return false };
        match self.tables.iter().position(|table| table.name == name) {
            // Rows go to the last of the list.
            Some(at) if at + 1 < self.tables.len() => {
                let table = self.tables.remove(at);
                self.tables.push(table);
            }
            Some(_last) => {}
            None => self.table(name, Some(0)),
        }
        if let Some(table) = self.tables.last_mut() {
            if std::mem::replace(&mut table.any, true) {
                table.sum.update(b",\n");
            } else {
                table.sum.update(self.line.get(b"INSERT INTO ".len()..).unwrap_or_default());
            }
        }
        self.line.clear();
        self.at = At::Rows { fresh: true, lines: false, within: Within::Nothing, semicolon: false };
        true
    }

    fn take_rows(&mut self, piece: &[u8], fresh: bool, lines: bool, mut within: Within, semicolon: bool) -> usize {
        let Some(table) = self.tables.last_mut() else {
            self.at = At::Line;
            return 0;
        };
        if semicolon {
            if piece.starts_with(b"\n") {
                self.at = At::Line;
                self.last.clear();
                return 1;
            }
            table.sum.update(b";");
            if !lines {
                // Behind a backslash, it is what is escaped.
                let _begins_no_row = count(b";", &mut within);
            }
        }
        // What follows the head says how rows stand, and only that: a piece may begin anywhere.
        if fresh && piece.starts_with(b"\n") {
            self.at = At::Rows { fresh: false, lines: true, within: Within::Row, semicolon: false };
            if let Some(rows) = &mut table.rows {
                *rows += 1;
            }
            return 1;
        }
        let end = memmem::find(piece, b";\n");
        let rows = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
        let (rows, held) = match rows.strip_suffix(b";") {
            Some(rows) if end.is_none() => (rows, true),
            _ => (rows, false),
        };
        table.sum.update(rows);
        let found = if lines { memchr_iter(b'\n', rows).count() as u64 } else { count(rows, &mut within) };
        if let Some(rows) = &mut table.rows {
            *rows += found;
        }
        if let Some(end) = end {
            self.at = At::Line;
            self.last.clear();
            return end + 2;
        }
        self.at = At::Rows { fresh: false, lines, within, semicolon: held };
        piece.len()
    }

    fn whole_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let told = line.trim_ascii_end();
        if !VARYING.iter().any(|remark| told.starts_with(remark)) {
            self.rest.update(&line);
        }
        if let Some(name) = told.strip_prefix(b"CREATE TABLE ").and_then(quoted) {
            self.table(name, Some(0));
        } else if let Some(name) = told.strip_prefix(b"/*!50001 VIEW ").and_then(quoted) {
            self.tables.retain(|table| table.name != name || table.any);
            self.table(name, None);
        } else if let Some(name) = told.strip_prefix(b"CREATE SEQUENCE ").and_then(quoted) {
            self.table(name, None);
        }
        if !told.is_empty() {
            self.last.clear();
            self.last.extend_from_slice(told);
        }
        self.line = line;
        self.line.clear();
    }

    fn table(&mut self, name: String, rows: Option<u64>) {
        if !self.tables.iter().any(|table| table.name == name) {
            self.tables.push(Reading { name, rows, sum: blake3::Hasher::new(), any: false });
        }
    }
}

/// Rows that begin in this part of a line.
fn count(mut rows: &[u8], within: &mut Within) -> u64 {
    let mut found = 0;
    loop {
        let (next, then) = match *within {
            Within::Nothing => (memchr(b'(', rows), Within::Row),
            Within::Row => {
                let next = memchr2(b'\'', b')', rows);
                let text = next.and_then(|at| rows.get(at)) == Some(&b'\'');
                (next, if text { Within::Text } else { Within::Nothing })
            }
            Within::Text => {
                let next = memchr2(b'\'', b'\\', rows);
                let escape = next.and_then(|at| rows.get(at)) == Some(&b'\\');
                (next, if escape { Within::Escape } else { Within::Row })
            }
            Within::Escape => ((!rows.is_empty()).then_some(0), Within::Text),
        };
        let Some(next) = next else { return found };
        found += u64::from(*within == Within::Nothing);
        *within = then;
        rows = rows.get(next + 1..).unwrap_or_default();
    }
}

/// A name between backticks at the beginning.
fn quoted(text: &[u8]) -> Option<String> {
    let mut name = Vec::new();
    let mut rest = text.strip_prefix(b"`")?;
    loop {
        let end = memchr(b'`', rest)?;
        name.extend_from_slice(rest.get(..end)?);
        rest = rest.get(end + 1..)?;
        let Some(more) = rest.strip_prefix(b"`") else { break };
        name.push(b'`');
        rest = more;
    }
    Some(String::from_utf8_lossy(&name).into_owned())
}

#[cfg(test)]
mod tests;
