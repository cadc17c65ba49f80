//! The box on the screen: the question, or lines to read.

use ratatui::layout::Rect;

use super::{NOT_KNOWN, Stage, Switch, WIDTH, told};
use crate::console::draw::brush::Brush;
use crate::console::modal::{Modal as _, Sight, middle};
use crate::console::page::{Line, broken};
use crate::console::table::{dim, part};
use crate::console::theme::Meaning;

impl Switch {
    /// Draws it.
    pub(super) fn picture(&mut self, brush: &mut Brush<'_>, screen: Rect, sight: Sight<'_>) {
        let width = screen.width.saturating_sub(2).min(WIDTH);
        let room = usize::from(width.saturating_sub(4));
        let page = told::Page { world: sight.world, glyphs: brush.theme.glyphs, room };
        let mut keys = vec![part(Meaning::Key, "esc"), dim(" close")];
        let (title, lines): (String, Vec<Line>) = match &mut self.stage {
            Stage::Read(found) if found.report.refused.is_empty() => {
                found.confirm.lines = told::found(&self.kind, &self.pool, &found.report, self.detail.as_deref(), &page);
                return found.confirm.draw(brush, screen, sight);
            }
            Stage::Read(found) => {
                keys.splice(0..0, [part(Meaning::Key, "d"), dim(" dry run again  ")]);
                let lines = told::refused(&self.kind, &self.pool, &found.report, self.detail.as_deref(), &page);
                (told::title(&self.kind, &self.pool, Some(&found.report.run)) + ": refused", lines)
            }
            Stage::New | Stage::Asked | Stage::Looking(..) | Stage::Reading(_) => {
                (told::title(&self.kind, &self.pool, None), told::looking())
            }
            Stage::Failed(why, hint) => {
                let mut lines = vec![vec![part(Meaning::Bad, why.clone())]];
                lines.extend(hint.iter().map(|hint| vec![part(Meaning::Info, hint.clone())]));
                (told::title(&self.kind, &self.pool, None), lines)
            }
            Stage::Unknown(why, hint) => {
                let mut lines = vec![vec![part(Meaning::Bad, why.clone())]];
                lines.extend(hint.iter().map(|hint| vec![part(Meaning::Info, hint.clone())]));
                lines.push(vec![part(Meaning::Warn, NOT_KNOWN)]);
                (told::title(&self.kind, &self.pool, None), lines)
            }
            Stage::Agreed(_) | Stage::Sent(_) | Stage::Doing(..) | Stage::Closing(_) => {
                let run = self.run(sight.world);
                if run.is_some_and(|run| run.question.is_some()) {
                    keys.splice(0..0, [part(Meaning::Key, "a"), dim(" answer  ")]);
                }
                (told::title(&self.kind, &self.pool, run), told::live(run, &page))
            }
            Stage::Ended(report) => {
                (told::title(&self.kind, &self.pool, Some(&report.run)), told::ended(report, &page))
            }
        };
        let lines = broken(&lines, room);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
        let area = middle(screen, width, height);
        brush.wipe(area);
        let inner = brush.boxed(area, true, &[part(Meaning::Title, title)]);
        let rows = usize::from(inner.height.saturating_sub(1)).max(1);
        self.offset = self.offset.min(lines.len().saturating_sub(rows));
        for (line, y) in lines.iter().skip(self.offset).zip(inner.y + 1..inner.bottom()) {
            brush.parts(inner.x + 1, y, inner.width.saturating_sub(2), line);
        }
        let below = lines.len().saturating_sub(self.offset + rows);
        if below > 0 {
            keys.insert(0, dim(format!("{below} more below  ")));
        }
        brush.footnote(area, &keys);
    }
}
