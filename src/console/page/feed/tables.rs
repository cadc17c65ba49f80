//! Tables of the page of a feed: each table of each machine, and the groups of its rows.

use unicode_width::UnicodeWidthStr;

use crate::console::format;
use crate::console::page::Line;
use crate::console::page::report::below;
use crate::console::pane::lag::words::{self, Said};
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::feed::view::{FeedState, FeedView, GroupView, StrandView};

/// Columns of the rows carried, with what stands before them.
const CARRIED: usize = 11;
/// Columns of the newest time, with what stands before it.
const NEWEST: usize = 21;
/// Groups that are listed.
const GROUPS: usize = 100;

/// Columns of a name: as many as the longest needs, up to a point.
fn columns<'a>(names: impl Iterator<Item = &'a str>, least: usize) -> usize {
    names.map(UnicodeWidthStr::width).max().unwrap_or(0).clamp(least, 24)
}

/// Each table of each machine: what is wrong first.
pub(super) fn strands(feed: &FeedView, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let mut lines = vec![vec![part(Meaning::Title, "Tables")]];
    if feed.strands.is_empty() {
        lines.push(vec![dim("none was read yet")]);
        return lines;
    }
    let mut all: Vec<&StrandView> = feed.strands.iter().collect();
    all.sort_by_key(|strand| words::rank(strand.state, strand.seconds_behind > feed.max_lag));
    let table = columns(all.iter().map(|strand| strand.table.as_str()), 5);
    let sources: Vec<String> = all.iter().map(|strand| words::source(strand.source.as_deref())).collect();
    let machine = columns(sources.iter().map(String::as_str), 7);
    let follows = feed.follows.is_some();
    let part_of = |text: &str| if follows { format!("{text:<9}  ") } else { String::new() };
    let head = format!(
        "  {:<table$}  {:<machine$}  {}{:<11}  {:>9}  {:>7}  {:>6}",
        "table",
        "machine",
        part_of("part"),
        "state",
        "behind",
        "delay",
        "rate"
    );
    // What has no room beside the others stands below them.
    let with_carried = head.width() + CARRIED <= width;
    let with_newest = head.width() + CARRIED + NEWEST <= width;
    let carried_head = if with_carried { format!("{:>CARRIED$}", "carried") } else { String::new() };
    let newest_head = if with_newest { "  newest" } else { "" };
    lines.push(vec![part(Meaning::Heading, format!("{head}{carried_head}{newest_head}"))]);
    for (strand, source) in all.iter().zip(&sources) {
        let late = strand.seconds_behind > feed.max_lag;
        let Said { meaning, sign, word } = words::state(strand.state, late, glyphs);
        let known = strand.state != FeedState::Starting;
        let or_none = |text: String| if known { text } else { glyphs.none.to_owned() };
        let behind = or_none(words::rows(strand.rows_behind, strand.counted));
        let delay = or_none(words::delay(strand.seconds_behind));
        let carried = format::count(strand.carried);
        let mut line = vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{:<table$}  {source:<machine$}  ", strand.table)),
            dim(part_of(strand.part.word().unwrap_or(glyphs.none))),
            part(meaning, format!("{word:<11}  ")),
            part(if late { Meaning::Bad } else { Meaning::Text }, format!("{behind:>9}  {delay:>7}  ")),
            plain(format!("{:>6}", words::rate(strand.rate))),
        ];
        let mut rest = Vec::new();
        if with_carried {
            line.push(plain(format!("{carried:>CARRIED$}")));
        } else {
            rest.push(format!("{carried} carried"));
        }
        match &strand.newest {
            Some(newest) if with_newest => line.push(dim(format!("  {newest}"))),
            Some(newest) => rest.push(format!("newest {newest}")),
            None => {}
        }
        rest.extend(strand.looked.filter(|_| strand.state == FeedState::SourceAway).map(|looked| {
            let ago = format::ago(looked, world.reference());
            format!("last read {ago}")
        }));
        lines.push(line);
        // What the feed as a whole says need not be said again.
        let told = |why: &&String| feed.why.as_ref().is_some_and(|told| told.contains(why.as_str()));
        if let Some(why) = strand.why.as_ref().filter(|why| !told(why)) {
            lines.extend(below(why, Meaning::Text, 4, width));
        }
        if !rest.is_empty() {
            lines.push(vec![dim(format!("    {}", rest.join(&format!(" {} ", glyphs.dot))))]);
        }
    }
    lines
}

/// The groups of all tables, the one that has been silent longest first.
pub(super) fn groups(feed: &FeedView, glyphs: &Glyphs) -> Vec<Line> {
    let mut all: Vec<(&StrandView, &GroupView)> =
        feed.strands.iter().flat_map(|strand| strand.groups.iter().map(move |group| (strand, group))).collect();
    if all.is_empty() {
        return Vec::new();
    }
    all.sort_by(|(_, one), (_, other)| other.age.unwrap_or(f64::MAX).total_cmp(&one.age.unwrap_or(f64::MAX)));
    let mut by: Vec<&str> = all.iter().filter_map(|(strand, _)| strand.lag_by.as_deref()).collect();
    by.dedup();
    let by = match by.first() {
        Some(column) => format!("By {column}"),
        None => "Groups".into(),
    };
    let name = columns(all.iter().map(|(_, group)| group.name.as_str()), 8);
    let several = feed.strands.iter().filter(|strand| !strand.groups.is_empty()).count() > 1;
    let whose = |strand: &StrandView| {
        let several_tables = feed.strands.iter().any(|other| other.table != strand.table);
        let source = words::source(strand.source.as_deref());
        if several_tables { format!("{} of {source}", strand.table) } else { source }
    };
    let mut lines = vec![
        vec![part(Meaning::Title, by), dim("  the one that has been silent longest first")],
        vec![part(Meaning::Heading, format!("  {:<name$}  {:>9}  {:>9}  newest", "", "behind", "silent"))],
    ];
    for (strand, group) in all.iter().take(GROUPS) {
        let silent = group.age.is_some_and(|age| age > feed.max_lag);
        let (meaning, sign) = if silent { (Meaning::Warn, glyphs.warn) } else { (Meaning::Good, glyphs.up) };
        let age = group.age.map_or_else(|| glyphs.none.to_owned(), words::delay);
        let mut line = vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{:<name$}  {:>9}  ", group.name, format::count(group.rows_behind))),
            part(if silent { Meaning::Warn } else { Meaning::Text }, format!("{age:>9}")),
            dim(format!("  {}", group.newest.as_deref().unwrap_or(glyphs.none))),
        ];
        if several {
            line.push(dim(format!("  {}", whose(strand))));
        }
        lines.push(line);
    }
    if all.len() > GROUPS {
        lines.push(vec![dim(format!("  and {} more", all.len() - GROUPS))]);
    }
    lines
}
