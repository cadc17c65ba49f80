//! What came of carrying, comparing and preparing a feed, as lines to read.

use unicode_width::UnicodeWidthStr;

use super::Line;
use super::report::{below, took};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::pane::lag::words;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::feed::report::{FeedCompared, FeedPrepared, FeedRan};

/// A table of a machine, by name.
fn named(table: &str, source: Option<&String>) -> String {
    source.map_or_else(|| table.to_owned(), |source| format!("{table} of {source}"))
}

/// Columns of a name: as many as the longest needs, up to a point.
fn columns(names: &[String]) -> usize {
    names.iter().map(|name| name.width()).max().unwrap_or(0).clamp(5, 34)
}

/// Of one round.
pub fn ran(report: &FeedRan, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let rows: u64 = report.tables.iter().map(|table| table.rows).sum();
    let summary = format!("  {} carried", words::rows_behind(rows, true));
    let mut lines = vec![vec![part(Meaning::Title, report.feed.clone()), dim(summary)]];
    let names: Vec<String> = report.tables.iter().map(|table| named(&table.table, table.source.as_ref())).collect();
    let name = columns(&names);
    let head = format!("  {:<name$}  {:>12}  {:>8}  {:>12}", "table", "rows", "in", "still behind");
    lines.push(vec![part(Meaning::Heading, head)]);
    for (table, called) in report.tables.iter().zip(&names) {
        let (meaning, sign) =
            if table.error.is_some() { (Meaning::Bad, glyphs.bad) } else { (Meaning::Good, glyphs.good) };
        let (rows, behind) = (format::count(table.rows), format::count(table.rows_behind));
        lines.push(vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{called:<name$}  {rows:>12}  {:>8}  {behind:>12}", took(table.seconds))),
        ]);
        lines.extend(table.error.iter().flat_map(|error| below(error, Meaning::Bad, 4, room)));
    }
    lines
}

/// Of a comparison.
pub fn compared(report: &FeedCompared, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let (meaning, summary) = match (report.ok, report.repaired) {
        (true, true) => (Meaning::Good, "both ends have the same rows now"),
        (true, false) => (Meaning::Good, "both ends have the same rows"),
        (false, true) => (Meaning::Bad, "both ends do not have the same rows, also after what was missing was carried"),
        (false, false) => (Meaning::Bad, "both ends do not have the same rows"),
    };
    let mut lines = vec![vec![part(Meaning::Title, report.feed.clone()), part(meaning, format!("  {summary}"))]];
    let names: Vec<String> = report.tables.iter().map(|table| named(&table.table, table.source.as_ref())).collect();
    let name = columns(&names);
    let mut head = format!(
        "  {:<name$}  {:>11}  {:>11}  {:>9}  {:>9}  {:>9}",
        "table", "source", "target", "missing", "different", "extra"
    );
    if report.repaired {
        head = format!("{head}  {:>9}", "carried");
    }
    lines.push(vec![part(Meaning::Heading, head)]);
    for (table, called) in report.tables.iter().zip(&names) {
        let wrong = table.missing + table.different + table.extra;
        let same = table.error.is_none() && (wrong == 0 || report.ok);
        let (meaning, sign) = if same { (Meaning::Good, glyphs.good) } else { (Meaning::Bad, glyphs.bad) };
        let number = |count: u64, columns: usize, wrong: bool| {
            let meaning = if wrong && count > 0 { Meaning::Bad } else { Meaning::Text };
            part(meaning, format!("  {:>columns$}", format::count(count)))
        };
        let mut line = vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{called:<name$}")),
            number(table.source_rows, 11, false),
            number(table.target_rows, 11, false),
            number(table.missing, 9, true),
            number(table.different, 9, true),
            number(table.extra, 9, true),
        ];
        if report.repaired {
            line.push(number(table.repaired, 9, false));
        }
        line.push(dim(format!("  in {}", took(table.seconds))));
        lines.push(line);
        lines.extend(table.error.iter().flat_map(|error| below(error, Meaning::Bad, 4, room)));
        lines.extend(table.examples.iter().flat_map(|example| below(example, Meaning::Text, 4, room)));
    }
    lines
}

/// A statement: what of it does not fit is set in further, so that one is told from the next.
fn statement(text: &str, room: usize) -> Vec<Line> {
    let lines = wrap(&format!("{text};"), room.saturating_sub(8).max(20)).into_iter().enumerate();
    lines.map(|(index, line)| vec![plain(" ".repeat(if index == 0 { 4 } else { 8 })), plain(line)]).collect()
}

/// Of preparing a target, or of its rehearsal.
pub fn prepared(report: &FeedPrepared, glyphs: &Glyphs, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for table in &report.tables {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        let into = if table.into == table.table { String::new() } else { format!(" {} {}", glyphs.into, table.into) };
        let stuck = table.error.is_some() || table.doubled > 0;
        let (meaning, sign, said) = match (stuck, table.statements.is_empty(), report.dry_run) {
            (true, ..) => (Meaning::Bad, glyphs.bad, "cannot be made ready"),
            (_, true, _) => (Meaning::Good, glyphs.good, "is ready"),
            (_, _, true) => (Meaning::Info, glyphs.running, "will be made ready"),
            (_, _, false) => (Meaning::Good, glyphs.good, "was made ready"),
        };
        lines.push(vec![
            part(meaning, format!("{sign} ")),
            part(Meaning::Title, format!("{}{into}", table.table)),
            part(meaning, format!("  {said}")),
        ]);
        lines.extend(table.error.iter().flat_map(|error| below(error, Meaning::Bad, 4, room)));
        if table.doubled > 0 {
            let keys = usize::try_from(table.doubled).unwrap_or(usize::MAX);
            let verb = if keys == 1 { "stands" } else { "stand" };
            let text = format!(
                "{} {verb} there more than once; the unique index cannot be made while that is so:",
                format::several(keys, "key")
            );
            lines.extend(below(&text, Meaning::Bad, 4, room));
            for double in &table.doubles {
                lines.extend(below(&format!("{} times {}", double.times, double.key), Meaning::Text, 6, room));
            }
        }
        for statement in &table.statements {
            lines.extend(self::statement(statement, room));
        }
        lines.extend(table.notes.iter().flat_map(|note| below(note, Meaning::Dim, 4, room)));
    }
    lines
}
