//! Restoring a kit to the server that it came from: what a rehearsal found would be overwritten, and the word that is typed.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::errand::{Came, Errand, Failed};
use super::{Modal, Outcome, Sight, Want, middle};
use crate::console::app::Reply;
use crate::console::draw::brush::Brush;
use crate::console::page::{Line, broken, dumped};
use crate::console::table::{dim, part};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::dump::report::Restored;
use crate::dump::view::DumpView;
use crate::dump::worker::hands::Pick;
use crate::engine::command::{Command, Report};
use crate::fleet::secret::{DatabaseUrl, SecretSource};

/// What is typed before a server is overwritten.
const PHRASE: &str = "RESTORE";
/// Columns that it takes at most.
const WIDTH: u16 = 100;

/// The question.
#[derive(Debug)]
pub struct Restoration {
    dump: String,
    to: DatabaseUrl,
    errand: Errand,
    stage: Stage,
    /// The first line that is seen, where not all are.
    offset: usize,
}

#[derive(Debug)]
enum Stage {
    /// The rehearsal is on its way.
    Looking,
    /// It is here.
    Asked(Restored, Box<Confirm>),
    /// It is here, and it cannot be done.
    Told(Restored),
    /// Nothing came of it.
    Failed(Failed),
}

impl Restoration {
    /// Of the newest kit of this dump.
    pub fn new(dump: &DumpView) -> Self {
        let to = DatabaseUrl { url: dump.server.clone(), password: SecretSource::None };
        let errand = Errand::new(command(&dump.name, &to, Pick::Newest, None));
        Self { dump: dump.name.clone(), to, errand, stage: Stage::Looking, offset: 0 }
    }

    fn title(&self) -> String {
        format!("Restore {} to {}?", self.dump, self.to.url)
    }

    fn read(&self, report: Restored) -> Stage {
        if !report.ok {
            return Stage::Told(report);
        }
        // The kit that is shown is the one that is restored, whatever is dumped meanwhile.
        let pick = Pick::Named(report.kit.clone());
        let commands = vec![command(&self.dump, &self.to, pick, Some(PHRASE))];
        let confirm = Confirm::typed(self.title(), Vec::new(), PHRASE.into(), " Restore ", commands).of_width(WIDTH);
        Stage::Asked(report, Box::new(confirm))
    }
}

fn command(dump: &str, to: &DatabaseUrl, pick: Pick, phrase: Option<&str>) -> Command {
    Command::DumpRestore {
        dump: dump.to_owned(),
        databases: Vec::new(),
        pick,
        to: to.clone(),
        dry_run: phrase.is_none(),
        phrase: phrase.unwrap_or_default().to_owned(),
    }
}

impl Modal for Restoration {
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome {
        match (&mut self.stage, key.code) {
            (Stage::Asked(_, confirm), _) => confirm.key(key, sight),
            (_, KeyCode::Esc | KeyCode::Enter) => Outcome::Cancelled("nothing was changed"),
            (_, KeyCode::Down) => {
                self.offset += 1;
                Outcome::Stay
            }
            (_, KeyCode::Up) => {
                self.offset = self.offset.saturating_sub(1);
                Outcome::Stay
            }
            _ => Outcome::Stay,
        }
    }

    fn paste(&mut self, text: &str, sight: Sight<'_>) {
        if let Stage::Asked(_, confirm) = &mut self.stage {
            confirm.paste(text, sight);
        }
    }

    fn wants(&mut self, world: &World) -> Option<Want> {
        self.errand.wants(world)
    }

    fn answered(&mut self, reply: &Reply, world: &World) -> bool {
        match self.errand.answered(reply, world) {
            Came::Nothing => return false,
            Came::On => {}
            Came::Over(Ok(Report::Restored { restored })) if restored.dry_run => self.stage = self.read(restored),
            Came::Over(Ok(Report::Refused { why })) => self.stage = Stage::Failed(Failed { what: why, hint: None }),
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
        let width = screen.width.saturating_sub(2).min(WIDTH);
        let room = usize::from(width.saturating_sub(4));
        let now = sight.world.now;
        let lines: Vec<Line> = match &mut self.stage {
            Stage::Asked(report, confirm) => {
                confirm.lines = dumped::restored(report, now, glyphs, room);
                return confirm.draw(brush, screen, sight);
            }
            Stage::Told(report) => dumped::restored(report, now, glyphs, room),
            Stage::Failed(failed) => {
                let mut lines = vec![vec![part(Meaning::Bad, failed.what.clone())]];
                lines.extend(failed.hint.iter().map(|hint| vec![part(Meaning::Info, hint.clone())]));
                lines
            }
            Stage::Looking => {
                let text = "What lies at the server now, and whether the newest kit is whole. Nothing is changed.";
                let other = format!("to another server: hotspare dump restore {} --to URL", self.dump);
                vec![vec![part(Meaning::Info, "looking…")], Vec::new(), vec![dim(text)], vec![dim(other)]]
            }
        };
        let lines = broken(&lines, room);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
        let area = middle(screen, width, height);
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, self.title())]);
        let rows = usize::from(inner.height.saturating_sub(1)).max(1);
        self.offset = self.offset.min(lines.len().saturating_sub(rows));
        for (line, y) in lines.iter().skip(self.offset).zip(inner.y + 1..inner.bottom()) {
            brush.parts(inner.x + 1, y, inner.width.saturating_sub(2), line);
        }
        brush.footnote(area, &[part(Meaning::Key, "esc"), dim(" close")]);
    }
}
