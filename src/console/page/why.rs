//! Why nothing is done: what stands in the way now, and what was refused before, with what each would need.

use super::pool::Asking;
use super::{Line, Page};
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::look::Look;
use crate::console::pane::pools::words;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::command::{Answer, Query, Refusal};
use crate::standin::view::{PoolView, SpareState, Stand, WhyNot};

/// The page.
#[derive(Debug)]
pub struct WhyPage {
    asking: Asking,
}

/// Columns of the time before what is said.
const TIME: usize = 14;

impl WhyPage {
    /// About this pool.
    pub const fn new(pool: String) -> Self {
        Self { asking: Asking::new(pool) }
    }
}

impl Page for WhyPage {
    fn crumb(&self) -> String {
        format!("Why nothing is done in {}", self.asking.pool())
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    fn pool(&self) -> Option<&str> {
        Some(self.asking.pool())
    }

    fn hints(&self) -> &'static [Action] {
        super::pool::HINTS
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        self.asking.wants(world)
    }

    fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        self.asking.answered(query, answer);
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let Some(pool) = world.shown.pool(self.asking.pool()) else {
            return vec![vec![dim("the fleet file has no such pool any more")]];
        };
        let mut lines = vec![vec![part(Meaning::Title, "Now")]];
        lines.extend(now(pool, world, look.theme.glyphs, width));
        lines.push(Vec::new());
        lines.push(vec![part(Meaning::Title, "Not done before"), dim("  newest first")]);
        match self.asking.known() {
            Ok(detail) if detail.refusals.is_empty() => lines.push(vec![dim("nothing was refused yet")]),
            Ok(detail) => lines.extend(detail.refusals.iter().flat_map(|refused| before(refused, world, width))),
            Err(line) => lines.push(line),
        }
        lines
    }
}

/// A line, and those that it goes on in below itself.
fn told(head: &str, meaning: Meaning, text: &str, indent: usize, width: usize) -> Vec<Line> {
    let lines = wrap(text, width.saturating_sub(indent).max(20)).into_iter().enumerate();
    lines
        .map(|(index, line)| {
            let before = if index == 0 { format!("{head:<indent$}") } else { " ".repeat(indent) };
            vec![dim(before), part(meaning, line)]
        })
        .collect()
}

/// What stands in the way now: the pool as a whole, then each host and each spare that does not simply do its part.
fn now(pool: &PoolView, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mode = match pool.mode.as_str() {
        "observe" => Some("the pool only observes: it says what it would do, and does nothing"),
        "manual" => Some("only a person begins a takeover here (mode manual)"),
        _ => None,
    };
    if let Some(text) = mode {
        lines.push(vec![part(Meaning::Info, format!("{} ", glyphs.maintenance)), plain(text)]);
    }
    lines.extend(words::standing_orders(pool, world, glyphs, width));
    for host in pool.hosts.iter().filter(|host| host.stand != Stand::Serving) {
        let (meaning, sign, called) = words::stand(host.stand, glyphs);
        let since = format::moment(host.since, world.now, &world.zone);
        lines.push(vec![
            part(meaning, format!("{sign} ")),
            plain(host.name.clone()),
            part(meaning, format!("  {called}")),
            dim(format!(" since {since}")),
        ]);
        lines.extend(told("", Meaning::Text, &host.why, 4, width));
    }
    for spare in pool.spares.iter().filter(|spare| matches!(spare.state, SpareState::Failed | SpareState::Unready)) {
        let (meaning, sign, called) = words::spare(spare.state, glyphs);
        lines.push(vec![
            part(meaning, format!("{sign} ")),
            plain(spare.name.clone()),
            part(meaning, format!("  {called}")),
        ]);
        lines.extend(spare.reasons.iter().flat_map(|why| told("", Meaning::Text, why, 4, width)));
    }
    if lines.is_empty() {
        lines.push(vec![
            part(Meaning::Good, format!("{} ", glyphs.good)),
            plain("every host serves: there is nothing to do"),
        ]);
    }
    lines
}

/// What was not done, why, and what it would have needed.
fn before(refused: &WhyNot, world: &World, width: usize) -> Vec<Line> {
    let mut lines =
        told(&format::moment(refused.at, world.now, &world.zone), Meaning::Title, &refused.what, TIME, width);
    lines.extend(told("", Meaning::Text, &refused.why, TIME, width));
    if !refused.needs.is_empty() {
        let needs = told("needs: ", Meaning::Info, &refused.needs, 7, width.saturating_sub(TIME));
        lines.extend(needs.into_iter().map(|line| std::iter::once(plain(" ".repeat(TIME))).chain(line).collect()));
    }
    lines
}
