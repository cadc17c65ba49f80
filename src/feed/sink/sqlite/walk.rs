//! Walks over the rows of a table, a chunk at a time, by its rowid.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

use super::error::tell;
use super::table::quoted;
use crate::feed::compare::canon;
use crate::feed::sink::{Carry, SinkError, Step, Walked, join};
use crate::feed::value::Value;

/// The next chunk.
pub(super) fn walk(file: &mut Connection, carry: &Carry, step: &Step) -> Result<Walked, SinkError> {
    inner(file, carry, step).map_err(|error| tell(&error))
}

fn inner(file: &Connection, carry: &Carry, step: &Step) -> rusqlite::Result<Walked> {
    let table = quoted(join::into(&carry.table));
    let names: Vec<String> = carry.target.iter().map(|column| quoted(&column.name)).collect();
    let after = match step.after.as_deref() {
        Some([Value::Int(rowid)]) => *rowid,
        _ => i64::MIN,
    };
    let question = format!("SELECT rowid, {} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?", names.join(", "));
    let mut asked = file.prepare_cached(&question)?;
    let mut rows = asked.query(params_from_iter([after, step.rows.into()]))?;
    let (mut walked, mut count, mut last) = (Walked::default(), 0, after);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        count += 1;
        let mut texts = Vec::with_capacity(carry.target.len());
        let mut inside = true;
        for (at, column) in carry.target.iter().enumerate() {
            let text = match row.get_ref(at + 1)? {
                ValueRef::Null => None,
                ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
                ValueRef::Real(number) => Some(format!("{number:?}").into_bytes()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
            };
            if let Some((within, first)) = &step.within
                && *within == at
            {
                // Times are compared the way they are written: both ends write them alike here.
                inside = text.as_deref() >= first.text().map(str::as_bytes);
            }
            texts.push(text.and_then(|text| canon::said(text, column)));
        }
        if !inside {
            continue;
        }
        walked.take(&step.want, canon::hashed(carry, &texts), || canon::key(carry, &texts));
    }
    walked.next = (count == step.rows).then(|| vec![Value::Int(last)]);
    Ok(walked)
}
