//! The files of a session on all sides, those that differ first, and what is left out by rule.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use crate::console::format;
use crate::console::page::Line;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::session::view::{Detail, FileLine};

/// Columns of a size.
const SIZE: usize = 10;
/// Columns of what is wrong with a file.
const PROBLEM: usize = 12;

/// What is left out by rule, then the files.
pub(super) fn of(detail: &Detail, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let wrong = detail.files.iter().filter(|file| file.problem.is_some()).count();
    let all = detail.files.len() as u64 + detail.more;
    let everywhere = detail.files.iter().all(|file| file.here.is_some() && file.there.iter().all(Option::is_some));
    let summary = match wrong {
        0 if everywhere => format!("  {all} on all sides, none differs"),
        0 => format!("  {all}, and nothing to compare them with"),
        1 => format!("  {all} on all sides, 1 differs"),
        wrong => format!("  {all} on all sides, {wrong} differ"),
    };
    let mut lines = Vec::new();
    if !detail.odd.is_empty() {
        lines.push(vec![
            part(Meaning::Title, "Odd"),
            dim("  never copied and never followed; it keeps the session from being safe"),
        ]);
        for odd in &detail.odd {
            let sign = part(Meaning::Warn, format!("{} ", glyphs.warn));
            lines.push(vec![sign, plain(odd.path.clone()), dim(format!("  {}", odd.what))]);
        }
        lines.push(Vec::new());
    }
    lines.push(vec![part(Meaning::Title, "Files"), dim(summary)]);
    if detail.files.is_empty() {
        lines.push(vec![dim("no file on any side")]);
        return lines;
    }
    let store = world.store().filter(|store| store.name == detail.store);
    let names: Vec<String> = (0..detail.copies.len())
        .map(|index| store.and_then(|store| store.destinations.get(index)).map_or("there", |view| &view.name))
        .map(|name| name.chars().take(SIZE).collect())
        .collect();
    let longest = detail.files.iter().map(|file| file.path.width()).max().unwrap_or(0).max(4);
    let sizes = (names.len() + 1) * (SIZE + 2);
    let path = longest.min(width.saturating_sub(sizes + PROBLEM + 2).max(16));
    let mut head = format!("  {:<path$}  {:>SIZE$}", "file", "here");
    for name in &names {
        let _infallible = write!(head, "  {name:>SIZE$}");
    }
    lines.push(vec![part(Meaning::Heading, head)]);
    lines.extend(detail.files.iter().map(|file| file_line(file, path, glyphs)));
    if detail.more > 0 {
        lines.push(vec![dim(format!("  and {} more that do not differ", detail.more))]);
    }
    lines
}

fn file_line(file: &FileLine, room: usize, glyphs: &Glyphs) -> Line {
    let size = |bytes: Option<u64>| -> Part {
        bytes.map_or_else(
            || dim(format!("  {:>SIZE$}", glyphs.none)),
            |bytes| plain(format!("  {:>SIZE$}", format::size(bytes))),
        )
    };
    let everywhere = file.here.is_some() && file.there.iter().all(Option::is_some);
    let sign = match file.problem {
        Some(_) => part(Meaning::Bad, glyphs.bad),
        None if everywhere => part(Meaning::Good, glyphs.good),
        None => dim(glyphs.waiting),
    };
    let mut line = vec![sign, plain(format!(" {}", fitted(&file.path, room, glyphs))), size(file.here)];
    line.extend(file.there.iter().map(|bytes| size(*bytes)));
    line.extend(file.problem.iter().map(|problem| part(Meaning::Bad, format!("  {problem}"))));
    line
}

/// A path in exactly so many columns: the middle of a longer one is left out, since names differ at their ends.
fn fitted(path: &str, room: usize, glyphs: &Glyphs) -> String {
    let columns = path.width();
    if columns <= room {
        return format!("{path}{}", " ".repeat(room - columns));
    }
    let letters: Vec<char> = path.chars().collect();
    let half = room.saturating_sub(1) / 2;
    let (mut head, mut tail) = (String::new(), String::new());
    for letter in &letters {
        if head.width() + 1 > half {
            break;
        }
        head.push(*letter);
    }
    for letter in letters.iter().rev() {
        if head.width() + tail.width() + 2 > room {
            break;
        }
        tail.insert(0, *letter);
    }
    let text = format!("{head}{}{tail}", glyphs.cut);
    let rest = room.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(rest))
}
