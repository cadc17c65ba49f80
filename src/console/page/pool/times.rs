//! Times on the page of a pool: what was promised against what was measured, and the runs that have ended.

use crate::console::format;
use crate::console::page::Line;
use crate::console::pane::pools::words;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::runbook::view::RunState;
use crate::standin::view::{Past, PoolDetail, PoolView};

/// Columns of the longest bar.
const BAR: usize = 30;

/// The promised time to service beside the last takeover and the last drill.
pub(super) fn promised(pool: &PoolView, world: &World, glyphs: &Glyphs) -> Vec<Line> {
    let mut lines = vec![vec![part(Meaning::Title, "Time to service")]];
    let past = [("takeover", &pool.last_takeover), ("drill", &pool.last_drill)];
    let longest = past.iter().filter_map(|(_, past)| Some(past.as_ref()?.seconds)).fold(pool.target, f64::max);
    let bar = |seconds: f64, meaning| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a few columns"
        )]
        let columns = ((seconds / longest.max(1e-9)) * BAR as f64).round().max(1.0) as usize;
        part(meaning, glyphs.widths.last().copied().unwrap_or("#").repeat(columns.min(BAR)))
    };
    let row = |name: &str, text: String| plain(format!("  {name:<14}{text:>8}  "));
    lines.push(vec![row("promised", words::seconds(pool.target)), bar(pool.target, Meaning::Dim)]);
    for (name, past) in past {
        let name = format!("last {name}");
        let Some(past) = past else {
            let gap = if name == "last drill" { words::never_drilled(pool, glyphs) } else { dim("never") };
            lines.push(vec![row(&name, glyphs.none.into()), gap]);
            continue;
        };
        let late = past.score() != "kept";
        let meaning = if late { Meaning::Bad } else { Meaning::Chart };
        let mut line = vec![row(&name, words::seconds(past.seconds)), bar(past.seconds, meaning)];
        line.push(dim(format!("  {}, {} for {}", format::ago(past.at, world.reference()), past.spare, past.host)));
        if late {
            let called = if past.state == RunState::Done { "later than promised" } else { past.state.word() };
            line.push(part(Meaning::Bad, format!(" {} {called}", glyphs.bad)));
        }
        lines.push(line);
    }
    lines
}

/// Runs that have ended, newest first.
pub(super) fn past(detail: &PoolDetail, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let mut lines = vec![vec![part(Meaning::Title, "Runs that have ended"), dim("  newest first")]];
    lines.extend(detail.past.iter().map(|past| of_past(past, world, glyphs, width)));
    if detail.past.is_empty() {
        lines.push(vec![dim("none yet")]);
    }
    lines
}

fn of_past(past: &Past, world: &World, glyphs: &Glyphs, width: usize) -> Line {
    let (meaning, sign) = match past.state {
        RunState::Done => (Meaning::Good, glyphs.good),
        RunState::Undone => (Meaning::Warn, glyphs.ended),
        _ => (Meaning::Bad, glyphs.bad),
    };
    let mut line = vec![
        dim(format!("  {:<13}", format::moment(past.at, world.now, &world.zone))),
        part(meaning, format!("{sign} {:<12}", past.state.word())),
        plain(format!("{:<9}", past.purpose.word())),
        plain(format!("{:>8}  ", words::seconds(past.seconds))),
        plain(format!("{} for {}", past.spare, past.host)),
    ];
    if width >= 70 {
        line.push(dim(format!("  run {}", past.run)));
    }
    line
}
