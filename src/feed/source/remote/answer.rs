//! What the host's `sqlite3` answered. Pure.

use crate::clock::{Tick, Timestamp};
use crate::feed::source::groups::{COUNTED, Found, Newest};
use crate::feed::source::table::{Facts, Table};
use crate::feed::source::{Ask, Column, Look, SourceError, Times, sql};
use crate::feed::value::{Row, Value};

/// An answer, whole.
pub(super) struct Answer {
    lines: Vec<Line>,
    /// `PRAGMA schema_version`.
    pub(super) schema: i64,
    /// How long it was.
    pub(super) bytes: usize,
}

struct Line {
    letter: u8,
    number: usize,
    values: Vec<Value>,
    bytes: usize,
}

/// Reads an answer. What a login shell says before it is passed over; where the end is missing, what came instead is the
/// error.
pub(super) fn read(output: &[u8]) -> Result<Answer, String> {
    let mut lines = output.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.find(|line| line.starts_with(b"e|0|t")).ok_or("it does not begin")?;
    let wide = match first.get(5..) {
        Some(b"UTF-16le") => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        Some(b"UTF-16be") => Some(u16::from_be_bytes as fn([u8; 2]) -> u16),
        _ => None,
    };
    let (mut schema, mut read) = (0, Vec::new());
    for line in lines {
        if line.starts_with(b"z|0") {
            return Ok(Answer { lines: read, schema, bytes: output.len() });
        }
        let line = self::line(line, wide).ok_or_else(|| format!("it says {}", String::from_utf8_lossy(line)))?;
        match (line.letter, line.values.as_slice()) {
            (b'v', [Value::Int(version)]) => schema = *version,
            _ => read.push(line),
        }
    }
    Err("it does not end".into())
}

type Wide = Option<fn([u8; 2]) -> u16>;

fn line(line: &[u8], wide: Wide) -> Option<Line> {
    let mut parts = line.split(|byte| *byte == b'|');
    let letter = *parts.next()?.first()?;
    let number = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let values = parts.map(|part| value(part, wide)).collect::<Option<_>>()?;
    Some(Line { letter, number, values, bytes: line.len() })
}

fn value(part: &[u8], wide: Wide) -> Option<Value> {
    let (letter, rest) = part.split_first()?;
    let text = || std::str::from_utf8(rest).ok();
    Some(match letter {
        b'n' => Value::Null,
        b'i' => Value::Int(text()?.parse().ok()?),
        b'r' => Value::Real(text()?.parse().ok()?),
        b't' => Value::Text(rest.to_vec()),
        b'h' => Value::Text(narrow(hex(rest)?, wide)),
        b'b' => Value::Blob(hex(rest)?),
        _ => return None,
    })
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

/// Text as UTF-8, in whichever way the file has it.
fn narrow(bytes: Vec<u8>, wide: Wide) -> Vec<u8> {
    let Some(join) = wide else { return bytes };
    let pairs = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
    let units: Vec<u16> = pairs.map(join).collect();
    String::from_utf16_lossy(&units).into_bytes()
}

impl Answer {
    fn of(&self, letter: char, number: usize) -> impl Iterator<Item = &[Value]> {
        let wanted = move |line: &&Line| char::from(line.letter) == letter && line.number == number;
        self.lines.iter().filter(wanted).map(|line| line.values.as_slice())
    }

    /// Bytes that the rows of a question took.
    pub(super) fn weight(&self, number: usize) -> usize {
        let rows = self.lines.iter().filter(|line| matches!(line.letter, b'r' | b'h') && line.number == number);
        rows.map(|line| line.bytes).sum()
    }

    /// The one number of an answer that is one.
    pub(super) fn count(&self) -> u64 {
        self.of('w', 0).next().and_then(<[Value]>::first).map_or(0, whole)
    }

    /// What was said of a table.
    pub(super) fn facts(&self, name: &str) -> Facts {
        let texts = |letter| self.of(letter, 0).filter_map(|values| values.first()).filter_map(text);
        let mut facts = Facts { name: name.to_owned(), kind: texts('k').next(), ..Facts::default() };
        facts.others = texts('o').collect();
        for values in self.of('c', 0) {
            let [name, declared, not_null, key, hidden] = values else { continue };
            let name = text(name).unwrap_or_default();
            if whole(key) > 0 {
                facts.primary.push(name.clone());
            }
            // 1 is a hidden column of a virtual table.
            if whole(hidden) != 1 {
                let declared = text(declared).unwrap_or_default();
                facts.columns.push(Column { name, declared, not_null: whole(not_null) != 0 });
            }
        }
        let mut last = None;
        for values in self.of('i', 0) {
            let [index, unique, column] = values else { continue };
            // An index over an expression has no name there.
            let column = text(column).unwrap_or_default();
            match facts.indexes.last_mut() {
                Some((columns, _unique)) if last == Some(whole(index)) => columns.push(column),
                _ => facts.indexes.push((vec![column], whole(unique) != 0)),
            }
            last = Some(whole(index));
        }
        let there: Vec<String> = texts('d').collect();
        if facts.kind.as_deref() == Some("table") {
            let rowid = sql::rowid(&facts.columns.iter().map(|column| column.name.as_str()));
            facts.rowid = rowid.filter(|rowid| there.iter().any(|there| there == rowid));
        }
        facts
    }

    /// What was said of what stands in a table.
    pub(super) fn look(
        &self,
        number: usize,
        ask: &Ask,
        table: &Table,
        newest: &mut Newest,
        at: Timestamp,
        now: Tick,
    ) -> Result<Look, SourceError> {
        if let Some([nothing, ..]) = self.of('l', number).next() {
            table.place(nothing.clone())?;
        }
        let span = match self.of('s', number).next() {
            Some([Value::Null, _]) | None => None,
            Some([first, last, ..]) => Some((table.place(first.clone())?, table.place(last.clone())?)),
            Some(_) => None,
        };
        let row = |values: &[Value]| -> Result<Row, SourceError> {
            let (place, values) = values.split_first().unwrap_or((&Value::Null, &[]));
            Ok(Row { at: table.place(place.clone())?, values: values.into() })
        };
        let tail = self.of('t', number).next().map(row).transpose()?;
        let rows: Vec<Row> = self.of('r', number).map(row).collect::<Result<_, _>>()?;
        let changed = self.of('h', number).map(row).collect::<Result<_, _>>()?;
        let counted = self.of('w', number).next().and_then(<[Value]>::first).map_or(0, whole);
        let known = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let from = rows.last().map(|row| &row.at).or(ask.after.as_ref());
        let most = span.as_ref().filter(|_span| counted > COUNTED).and_then(|span| table.at_most(from, span));
        let (waiting, counted) = most.map_or((counted, true), |most| (known.saturating_add(most), false));
        let times = match self.of('m', number).next() {
            Some([first, last]) if span.is_some() => {
                let waiting = self.of('f', number).next().and_then(<[Value]>::first).cloned();
                Some(Times { first: first.clone(), last: last.clone(), waiting })
            }
            _ => None,
        };
        let found = |letter| -> Vec<Found> {
            let one = |values: &[Value]| match values {
                [group, count, newest] => Some((group.clone(), whole(count), newest.clone())),
                _ => None,
            };
            self.of(letter, number).filter_map(one).collect()
        };
        if self.of('N', number).next().is_some() {
            newest.take_newest(found('n'), now);
        }
        if self.of('G', number).next().is_some() {
            newest.take_waiting(found('g'), waiting, now);
        }
        let groups = if ask.group.is_some() { newest.known() } else { std::collections::BTreeMap::new() };
        Ok(Look { tail, span, waiting, counted, rows, changed, times, groups, at })
    }
}

fn text(value: &Value) -> Option<String> {
    value.text().map(str::to_owned)
}

fn whole(value: &Value) -> u64 {
    match value {
        Value::Int(number) => number.unsigned_abs(),
        _ => 0,
    }
}
