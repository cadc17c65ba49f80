//! The cells of a session's row.

use super::words;
use crate::console::format;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::session::view::SessionRow;

/// How many columns there are.
const COLUMNS: usize = 11;

/// A row that has not come yet.
pub(super) fn to_come(glyphs: &Glyphs) -> Vec<Vec<Part>> {
    let mut cells = vec![vec![dim(glyphs.dot)]; COLUMNS];
    cells[0] = vec![dim(format!("{0} {0}", glyphs.dot))];
    cells
}

/// A row that is here.
pub(super) fn of(row: &SessionRow, world: &World, glyphs: &Glyphs) -> Vec<Vec<Part>> {
    let now = world.reference();
    let live = words::live(row, world);
    let unread = world.store().is_some_and(|store| !store.source.ready());
    // What cannot be read is not known; what is not there is not there.
    let nothing = || dim(if unread { glyphs.unknown } else { glyphs.none });
    let number = |number: Option<String>| vec![number.map_or_else(nothing, plain)];
    let facts = row.source.as_ref();
    let mut backup = vec![words::backup(&row.copies, glyphs)];
    let mut verified = vec![words::verified_of_all(row, now, glyphs)];
    match live {
        // It runs on over the columns to its right, of which nothing is known while a copy is made.
        Some(now) if now.step.starts_with("copy") => (backup, verified) = (vec![words::progress(now)], Vec::new()),
        Some(now) if now.step.starts_with("verif") => verified = vec![words::progress(now)],
        _ => {}
    }
    let safe = match (row.safe, row.busy.is_some()) {
        (true, _) => vec![part(Meaning::Good, glyphs.good)],
        (false, true) if verified.is_empty() => Vec::new(),
        (false, true) => vec![dim(glyphs.waiting)],
        (false, false) => vec![plain(glyphs.bad)],
    };
    let changed = facts.and_then(|facts| facts.changed).map(|changed| dim(format::ago(changed, now)));
    vec![
        vec![words::sign(row, glyphs), plain(format!(" {}", row.key.date))],
        vec![plain(row.key.participant.clone())],
        number(facts.map(|facts| facts.videos.to_string())),
        number(facts.map(|facts| facts.files.to_string())),
        number(facts.map(|facts| format::size(facts.bytes))),
        vec![words::imported(&row.imported, glyphs)],
        backup,
        verified,
        safe,
        vec![changed.unwrap_or_else(nothing)],
        words::why_not(row, world),
    ]
}
