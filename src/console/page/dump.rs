//! The page of a dump: how old its last good kit is, each database, the medium, the last drill, and the kits on the medium.

use std::sync::Arc;

use unicode_width::UnicodeWidthStr;

use super::{Line, Page, dumped, fact};
use crate::clock::Timestamp;
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::look::Look;
use crate::console::pane::key_words;
use crate::console::pane::lag::dumps;
use crate::console::pane::lag::words::Said;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::dump::report::MadeResult;
use crate::dump::view::{DatabaseView, DumpState, DumpView, KitView};
use crate::engine::command::{Answer, Query, Refusal};

/// Columns before what a fact says.
const FACT: usize = 12;
/// Kits that are listed.
const KITS: usize = 200;

/// The page.
#[derive(Debug)]
pub struct DumpPage {
    name: String,
    kits: Option<Result<Vec<KitView>, String>>,
    /// The view that the list of kits was asked for with: another one has other kits.
    asked: Option<Arc<DumpView>>,
}

impl DumpPage {
    /// The page of this dump.
    pub const fn new(name: String) -> Self {
        Self { name, kits: None, asked: None }
    }
}

impl Page for DumpPage {
    fn crumb(&self) -> String {
        format!("dump {}", self.name)
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Dumps)
    }

    fn dump(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn hints(&self) -> &'static [Action] {
        &[
            Action::Back,
            Action::MakeKit,
            Action::DrillKit,
            Action::VerifyKits,
            Action::Eject,
            Action::RestoreKit,
            Action::Copy,
        ]
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        let view = world.shown.dump(&self.name)?;
        let same = |asked: &Arc<DumpView>| (&asked.kit, asked.kits) == (&view.kit, view.kits);
        if self.asked.as_ref().is_some_and(same) || world.unreachable().is_some() {
            return None;
        }
        self.asked = Some(Arc::clone(view));
        Some(Query::Kits { dump: self.name.clone() })
    }

    fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        if !matches!(query, Query::Kits { dump } if *dump == self.name) {
            return;
        }
        self.kits = match answer {
            Ok(Answer::Kits { kits }) => Some(Ok(kits.clone())),
            Ok(_) => None,
            Err(refusal) => Some(Err(refusal.what.clone())),
        };
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let Some(dump) = world.shown.dump(&self.name) else {
            return vec![vec![dim("the fleet file has no such dump any more")]];
        };
        let mut lines = head(dump, world, look, width);
        lines.push(Vec::new());
        lines.extend(databases(dump, world.reference(), glyphs, width));
        lines.push(Vec::new());
        lines.extend(self.kits(world, width));
        lines
    }
}

/// A fact in as many lines as it needs.
fn told(name: &'static str, meaning: Meaning, text: &str, width: usize) -> Vec<Line> {
    let lines = wrap(text, width.saturating_sub(FACT).max(20)).into_iter().enumerate();
    lines.map(|(index, line)| fact(if index == 0 { name } else { "" }, [part(meaning, line)])).collect()
}

/// The dump as a whole.
fn head(dump: &DumpView, world: &World, look: &Look, width: usize) -> Vec<Line> {
    let (glyphs, now) = (look.theme.glyphs, world.reference());
    let Said { meaning, sign, word } = dumps::said(dump, glyphs);
    let mut lines = vec![fact("state", [part(meaning, format!("{sign} {word}"))])];
    lines.extend(dump.why.iter().flat_map(|why| told("", Meaning::Text, why, width)));
    for (index, warning) in dump.warnings.iter().enumerate() {
        let name = if index == 0 { "warning" } else { "" };
        lines.extend(told(name, Meaning::Warn, &format!("{} {warning}", glyphs.warn), width));
    }
    lines.push(fact("last good", last_good(dump, now)));
    lines.push(fact("rounds", rounds(dump, now)));
    lines.extend(drill(dump, world, look, width));
    lines.extend(told("medium", Meaning::Text, &medium(dump, glyphs), width));
    lines.extend(told("server", Meaning::Text, &dump.server, width));
    lines
}

/// How old the last good kit is.
fn last_good(dump: &DumpView, now: Timestamp) -> Vec<Part> {
    let Some(good) = dump.good else {
        return match dump.state {
            DumpState::Starting => vec![dim("not known yet: the medium was not looked at")],
            _ => vec![part(Meaning::Bad, "there is no good kit")],
        };
    };
    let meaning = if dump.well() { Meaning::Text } else { Meaning::Bad };
    let mut parts = vec![part(meaning, format!("{} ago", format::age(good, now)))];
    parts.extend(dump.kit.iter().map(|kit| dim(format!("  kit {kit}"))));
    parts
}

/// How often rounds are made, how long one takes, when the next is due.
fn rounds(dump: &DumpView, now: Timestamp) -> Vec<Part> {
    #[expect(clippy::cast_possible_truncation, reason = "a float saturates, and nobody reads so large a number")]
    let every = format::span(dump.every.round() as i64);
    let mut parts = vec![plain(format!("every {every}"))];
    if let Some(took) = dump.took {
        parts.push(dim(format!(", the last took {}", format::latency(took))));
    }
    if let Some(next) = dump.next {
        let left = match format::left(next, now) {
            left if left == "0 s" => ", the next one now".into(),
            left => format!(", the next one in {left}"),
        };
        parts.push(dim(left));
    }
    parts
}

/// What came of the last restore for practice.
fn drill(dump: &DumpView, world: &World, look: &Look, width: usize) -> Vec<Line> {
    let (glyphs, now) = (look.theme.glyphs, world.reference());
    let how = if world.changes_nothing() {
        String::new()
    } else {
        format!("; {} practises it now", key_words(&look.keymap, Action::DrillKit))
    };
    let Some(drill) = &dump.drill else {
        let text = format!("{} never: nobody knows whether a restore works{how}", glyphs.warn);
        return told("last drill", Meaning::Warn, &text, width);
    };
    let (meaning, sign) = if drill.ok { (Meaning::Good, glyphs.good) } else { (Meaning::Bad, glyphs.bad) };
    let (ago, took) = (format::ago(drill.at, now), format::latency(drill.seconds));
    let text = format!("{sign} {ago}: {}, in {took}, kit {}", drill.said, drill.kit);
    let mut lines = told("last drill", meaning, &text, width);
    if drill.ok && dumps::drill_due(dump, now) {
        lines.extend(told("", Meaning::Warn, &format!("that is long ago{how}"), width));
    }
    lines
}

/// Where kits lie, how many, and how much room is left.
fn medium(dump: &DumpView, glyphs: &Glyphs) -> String {
    let kits = format::several(usize::try_from(dump.kits).unwrap_or(usize::MAX), "kit");
    let mut words = vec![dump.to.clone(), format!("{kits}, {}", format::size(dump.bytes))];
    words.extend(dump.free.map(|free| format!("{} free", format::size(free))));
    words.extend(dump.medium.as_ref().map(|id| format!("id {id}")));
    words.join(&format!(" {} ", glyphs.dot))
}

/// Each database: what is wrong first.
fn databases(dump: &DumpView, now: Timestamp, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let mut lines = vec![vec![part(Meaning::Title, "Databases"), dim("  of the last round")]];
    if dump.databases.is_empty() {
        lines.push(vec![dim("none was dumped yet")]);
        return lines;
    }
    let mut all: Vec<&DatabaseView> = dump.databases.iter().collect();
    all.sort_by_key(|database| database.result != MadeResult::Failed);
    let name = all.iter().map(|database| database.name.width()).max().unwrap_or(0).clamp(8, 28);
    let head = format!("  {:<name$}  {:<9}  {:>9}  {:>8}  {:>9}", "database", "result", "size", "locked", "read");
    let with_label = head.width() + 12 <= width && all.iter().any(|database| database.label.is_some());
    let label = if with_label { "  called" } else { "" };
    lines.push(vec![part(Meaning::Heading, format!("{head}{label}"))]);
    for one in all {
        let (meaning, sign, word) = dumped::result(one.result, glyphs);
        let read = one.good.map_or_else(|| glyphs.none.to_owned(), |good| format::age(good, now));
        let mut line = vec![
            part(meaning, format!("{sign} ")),
            plain(format!("{:<name$}  ", one.name)),
            part(meaning, format!("{word:<9}  ")),
            plain(format!("{:>9}  {:>8}  {read:>9}", format::size(one.bytes), dumped::locked(one.locked))),
        ];
        line.extend(one.label.iter().filter(|_| with_label).map(|label| dim(format!("  {label}"))));
        lines.push(line);
        let error = one.error.iter().flat_map(|error| super::report::below(error, Meaning::Bad, 4, width));
        lines.extend(error);
    }
    lines
}

impl DumpPage {
    /// The kits that are on the medium.
    fn kits(&self, world: &World, width: usize) -> Vec<Line> {
        let mut lines = vec![vec![part(Meaning::Title, "Kits"), dim("  on the medium, newest first")]];
        let kits = match &self.kits {
            None => return [lines, vec![vec![dim("asking the engine…")]]].concat(),
            Some(Err(why)) => return [lines, vec![vec![part(Meaning::Warn, why.clone())]]].concat(),
            Some(Ok(kits)) if kits.is_empty() => return [lines, vec![vec![dim("none")]]].concat(),
            Some(Ok(kits)) => kits,
        };
        let name = kits.iter().map(|kit| kit.kit.width()).max().unwrap_or(0).max(20);
        let head = format!("  {:<name$}  {:>9}  {:>9}  {:>9}  written", "kit", "age", "databases", "size");
        lines.push(vec![part(Meaning::Heading, head.clone())]);
        let room = width.saturating_sub(head.width() - "written".len()).max(8);
        for kit in kits.iter().take(KITS) {
            let failed = kit.databases.iter().filter(|database| database.error.is_some()).count();
            let written: Vec<&str> = kit
                .databases
                .iter()
                .filter(|database| database.held.as_ref() == Some(&kit.kit))
                .map(|database| database.name.as_str())
                .collect();
            let written = crate::reach::plain::line(&written.join(", "), room);
            let databases = if failed > 0 {
                format!("{} of {}", kit.databases.len() - failed, kit.databases.len())
            } else {
                kit.databases.len().to_string()
            };
            let meaning = if failed > 0 { Meaning::Bad } else { Meaning::Text };
            lines.push(vec![
                plain(format!("  {:<name$}  {:>9}  ", kit.kit, format::age(kit.at, world.reference()))),
                part(meaning, format!("{databases:>9}")),
                plain(format!("  {:>9}  ", format::size(kit.bytes))),
                dim(written),
            ]);
        }
        if kits.len() > KITS {
            lines.push(vec![dim(format!("  and {} more", kits.len() - KITS))]);
        }
        lines
    }
}
