//! Deleting sessions from this computer: what a fresh check of the engine says, and the phrase that sets it off.
//!
//! The check is the deletion itself without its effects. What is sent in the end names exactly the sessions that the
//! check found to be safe and that were read here; each of them is checked again before it goes.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::errand::{Came, Errand, Failed};
use super::{Modal, Outcome, Sight, Want, middle};
use crate::clock::Timestamp;
use crate::console::app::Reply;
use crate::console::draw::brush::Brush;
use crate::console::format;
use crate::console::page::{Line, broken, report};
use crate::console::pane::sessions::words;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::window::MOST_NAMED;
use crate::console::world::World;
use crate::engine::command::{Command, Report, Which};
use crate::session::delete::phrase_for;
use crate::session::report::DeleteReport;

/// Columns that it takes at most.
const WIDTH: u16 = 104;

/// The question.
#[derive(Debug)]
pub struct Deletion {
    /// Which sessions, in a few words.
    words: String,
    store: Option<String>,
    /// The store in the title, where there are several: ` of gait`.
    of: String,
    /// The check.
    errand: Errand,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The check is on its way.
    Checking,
    /// It is here, of that time.
    Read(Box<Found>),
    /// Nothing came of it.
    Failed(Failed),
}

/// What the check found, and the question that it makes.
#[derive(Debug)]
struct Found {
    report: DeleteReport,
    at: Timestamp,
    /// Sessions that could be deleted too, but are more than one request names.
    left_out: usize,
    confirm: Confirm,
}

fn command(store: Option<String>, which: Which, dry_run: bool, phrase: &str, shown: Option<String>) -> Command {
    Command::SessionDelete { store, which, dry_run, phrase: phrase.to_owned(), shown }
}

impl Deletion {
    /// The deletion of these sessions of a store, which is one of several or not.
    pub fn new(words: String, store: Option<String>, several: bool, which: Which) -> Self {
        let check = command(store.clone(), which, true, "", None);
        let of = store.as_ref().filter(|_| several).map(|name| format!(" of {name}")).unwrap_or_default();
        Self { words, store, of, errand: Errand::new(check), stage: Stage::Checking }
    }

    /// The report is here: what it found to be safe can be deleted, and nothing else.
    fn read(&self, mut report: DeleteReport, at: Timestamp) -> Stage {
        let left_out = report.deleted.len().saturating_sub(MOST_NAMED);
        report.deleted.truncate(MOST_NAMED);
        if left_out > 0 {
            report.bytes_freed = report.deleted.iter().map(|one| one.bytes).sum();
        }
        let keys: Vec<_> = report.deleted.iter().map(|deleted| deleted.key.clone()).collect();
        let (phrase, button) = (phrase_for(keys.len()), if keys.len() == 1 { " Delete " } else { " Delete all " });
        let title = match keys.as_slice() {
            [one] => format!("Delete {one}{} from this computer?", self.of),
            all => format!("Delete {} sessions{} from this computer?", all.len(), self.of),
        };
        let shown = Some(report.declared.clone());
        let command = command(self.store.clone(), Which::Keys { keys }, false, phrase, shown);
        let confirm = Confirm::typed(title, Vec::new(), phrase.into(), button, vec![command]);
        Stage::Read(Box::new(Found {
            report,
            at,
            left_out,
            confirm: confirm.with_dry_run(WIDTH, self.errand.command().clone()),
        }))
    }
}

impl Modal for Deletion {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        match (&mut self.stage, key.code) {
            (Stage::Read(found), _) if !found.report.deleted.is_empty() => found.confirm.key(key, sight),
            (_, KeyCode::Esc | KeyCode::Enter) => Outcome::Cancelled("nothing was deleted"),
            _ => Outcome::Stay,
        }
    }

    fn paste(&mut self, text: &str, sight: Sight<'_>) -> Outcome {
        match &mut self.stage {
            Stage::Read(found) => found.confirm.paste(text, sight),
            _ => Outcome::Stay,
        }
    }

    fn wants(&mut self, world: &World) -> Option<Want> {
        match &mut self.stage {
            Stage::Read(found) => found.confirm.wants(world),
            _ => self.errand.wants(world),
        }
    }

    fn answered(&mut self, reply: &Reply, world: &World) -> bool {
        match self.errand.answered(reply, world) {
            Came::Nothing => return false,
            Came::On => {}
            Came::Over(Ok(Report::Deleted { deletion })) if deletion.dry_run => {
                self.stage = self.read(deletion, world.now);
            }
            Came::Over(Ok(_)) => {
                let what = "the engine answered something else; its version may differ".into();
                self.stage = Stage::Failed(Failed { what, hint: None });
            }
            Came::Over(Err(failed)) => self.stage = Stage::Failed(failed),
        }
        // The page of the job wants to read its report too.
        matches!(reply, Reply::Command(..))
    }

    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, sight: Sight<'_>) {
        let glyphs = brush.theme.glyphs;
        let room = usize::from(screen.width.saturating_sub(2).min(WIDTH).saturating_sub(4));
        let lines = match &mut self.stage {
            Stage::Read(found) if !found.report.deleted.is_empty() => {
                found.confirm.lines =
                    told(found, self.store.as_deref(), sight.world, glyphs, (room, usize::from(screen.height)));
                return found.confirm.draw(brush, screen, sight);
            }
            Stage::Read(found) => {
                let one = found.report.refused.len() == 1;
                let text = if one { "It cannot be deleted now:" } else { "None of them can be deleted now:" };
                let mut lines = vec![vec![plain(text)], Vec::new()];
                lines.extend(report::refusals(&found.report, glyphs, room));
                lines
            }
            Stage::Failed(failed) => {
                let mut lines = vec![vec![part(Meaning::Bad, format!("The check failed: {}", failed.what))]];
                lines.extend(failed.hint.iter().map(|hint| vec![part(Meaning::Info, hint.clone())]));
                lines
            }
            Stage::Checking => checking(self.errand.job(sight.world).and_then(|job| job.part.as_ref())),
        };
        let lines = broken(&lines, room);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
        let area = middle(screen, WIDTH.min(screen.width.saturating_sub(2)), height);
        brush.wipe(area);
        let title = format!("Delete {}{} from this computer?", self.words, self.of);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, title)]);
        for (line, y) in lines.iter().zip(inner.y + 1..inner.bottom()) {
            brush.parts(inner.x + 1, y, inner.width.saturating_sub(2), line);
        }
        brush.footnote(area, &[part(Meaning::Key, "esc"), dim(" close")]);
    }
}

fn checking(now: Option<&crate::work::view::Part>) -> Vec<Line> {
    let mut lines = vec![vec![part(Meaning::Info, "checking…")]];
    if let Some(now) = now {
        let done = format!("{} of {}, {} {} %", now.before + 1, now.pieces, now.key, words::percent(now));
        lines.push(vec![dim(done)]);
    }
    lines.push(Vec::new());
    lines.push(vec![dim(
        "Imported, every copy with the age of its verification, quiet, nothing else at work on it: asked again now, \
         not taken from the list.",
    )]);
    lines
}

/// What the check found, for so much room.
fn told(
    found: &Found,
    store: Option<&str>,
    world: &World,
    glyphs: &Glyphs,
    (room, height): (usize, usize),
) -> Vec<Line> {
    let Found { report, at, .. } = found;
    let sessions = report::deletions(report, world.now, glyphs, room);
    let frees = format!("frees {}", format::size(report.bytes_freed));
    let remain = if report.deleted.len() == 1 { " here. It remains at" } else { " here. They remain at" };
    let mut sum = vec![vec![part(Meaning::Title, frees), plain(remain)]];
    // Of the store that was asked about, which may not be the one that is shown any more.
    let stores = world.shown.stores.iter().filter(|known| store.is_none_or(|name| known.name == name)).take(1);
    for destination in stores.flat_map(|store| &store.destinations) {
        sum.push(vec![plain(format!("  {}  ", destination.name)), dim(destination.path.clone())]);
    }
    let time = format::second(*at, &world.zone);
    let again = if report.deleted.len() == 1 { "it is" } else { "each of them is" };
    sum.push(vec![dim(format!("checked at {time}; checked again before {again} taken away"))]);
    if found.left_out > 0 {
        let (now, later) = (format::count(MOST_NAMED as u64), format::count(found.left_out as u64));
        sum.push(vec![part(
            Meaning::Warn,
            format!("{now} at once are the most; {later} more are left for the next time"),
        )]);
    }
    let mut refused = report::refusals(report, glyphs, room);
    if !refused.is_empty() {
        refused.insert(0, vec![dim("not deleted, and why:")]);
    }
    // Where not all can be seen at once, what matters for all of them is seen first.
    let long = sessions.len() + sum.len() + refused.len() + 10 > height;
    let parts = if long { [sum, sessions, refused] } else { [sessions, sum, refused] };
    let parts: Vec<Vec<Line>> = parts.into_iter().filter(|lines| !lines.is_empty()).collect();
    parts.join(&Vec::new())
}
