//! Disks, shares and databases that do not answer: said in words above the rows, with the remedy.

use unicode_width::UnicodeWidthStr;

use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::table::{Part, dim, part, plain, width};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::session::view::{SideState, StoreView};

/// One side of a store that cannot be used.
#[derive(Debug, Clone, Copy)]
pub struct Trouble<'a> {
    /// The side, as people call it.
    pub name: &'a str,
    /// In a word or two.
    pub word: &'a str,
    /// What is wrong, where.
    pub why: &'a str,
    /// What to do now.
    pub remedy: &'a str,
}

/// The sides of a store that cannot be used.
pub fn in_trouble(store: &StoreView) -> impl Iterator<Item = Trouble<'_>> {
    let source = std::iter::once(("the source", &store.source));
    let copies = store.destinations.iter().map(|destination| (destination.name.as_str(), &destination.state));
    let imported = store.imported.iter().map(|state| ("the database of imports", state));
    source.chain(copies).chain(imported).filter_map(|(name, state)| match state {
        SideState::Trouble { word, why, remedy } => Some(Trouble { name, word, why, remedy }),
        SideState::Unknown | SideState::Ready => None,
    })
}

/// The lines above the rows, for so many columns.
pub fn lines(world: &World, glyphs: &Glyphs, columns: usize) -> Vec<Vec<Part>> {
    let Some(store) = world.store() else { return Vec::new() };
    let mut lines = Vec::new();
    for trouble in in_trouble(store) {
        let head = format!("{} {}: {}", glyphs.warn, trouble.name, trouble.word);
        let mut line = vec![part(Meaning::Bad, head)];
        let why = plain(format!(" {} {}", glyphs.dot, trouble.why));
        let remedy = part(Meaning::Info, format!(" {} {}", glyphs.into, trouble.remedy));
        // The remedy is what a person needs: where all of it is too long, it gets lines of its own.
        let fits = width(&line) + why.text.width() + remedy.text.width() <= columns;
        line.push(why);
        if fits {
            line.push(remedy);
            lines.push(line);
        } else {
            lines.push(line);
            let wrapped = wrap(trouble.remedy, columns.saturating_sub(4));
            for (index, text) in wrapped.into_iter().enumerate() {
                let sign = if index == 0 { glyphs.into } else { " " };
                lines.push(vec![part(Meaning::Info, format!("  {sign} {text}"))]);
            }
        }
    }
    if !lines.is_empty()
        && let Some(scanned) = store.scanned
    {
        let time = format::day_and_minute(scanned, world.now, &world.zone);
        lines.push(vec![dim(format!("  what is there is shown as of {time}, from the index"))]);
    }
    for other in world.shown.stores.iter().filter(|other| other.name != store.name) {
        for trouble in in_trouble(other) {
            let text = format!("{} {}: {} {}", glyphs.warn, other.name, trouble.name, trouble.word);
            lines.push(vec![part(Meaning::Warn, text)]);
        }
    }
    if let Some(problem) = world.sessions.problem() {
        lines.push(vec![part(Meaning::Warn, format!("{} rows cannot be had: {problem}", glyphs.warn))]);
    }
    lines
}
