//! The page of a pool: who serves in whose place and why, what would happen next, who sees whom, and its runs.

mod tables;
mod times;

use super::{Line, Page, fact, run};
use crate::clock::Timestamp;
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
use crate::standin::view::{PoolDetail, PoolView};

/// Everything is asked for again after so long, where the picture has changed.
const FRESH_MS: i64 = 1000;

/// Asks for everything known of a pool, and again when it is old.
#[derive(Debug)]
pub struct Asking {
    pool: String,
    detail: Option<Result<PoolDetail, String>>,
    /// Of which moment it is.
    asked: Option<Timestamp>,
    waiting: bool,
}

impl Asking {
    /// About this pool.
    pub const fn new(pool: String) -> Self {
        Self { pool, detail: None, asked: None, waiting: false }
    }

    /// The name of the pool.
    pub fn pool(&self) -> &str {
        &self.pool
    }

    /// The question, where it is to be asked now.
    pub fn wants(&mut self, world: &World) -> Option<Query> {
        let old = self.asked.is_none_or(|asked| {
            let taken = world.newest.taken;
            taken > asked && world.now.as_millisecond().saturating_sub(asked.as_millisecond()) >= FRESH_MS
        });
        if self.waiting || !old || world.frozen.is_some() || world.unreachable().is_some() {
            return None;
        }
        self.waiting = true;
        self.asked = Some(world.now);
        Some(Query::Pool { pool: self.pool.clone() })
    }

    /// An answer has come.
    pub fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        if !matches!(query, Query::Pool { pool } if *pool == self.pool) {
            return;
        }
        self.waiting = false;
        match answer {
            Ok(Answer::Pool { detail }) => self.detail = Some(Ok((**detail).clone())),
            Ok(_) => {}
            Err(refusal) => self.detail = Some(Err(refusal.what.clone())),
        }
    }

    /// What is known, or a line that says why not.
    pub fn known(&self) -> Result<&PoolDetail, Line> {
        match &self.detail {
            None => Err(vec![dim("asking the engine for all that is known…")]),
            Some(Err(why)) => Err(vec![part(Meaning::Warn, format!("not known: {why}"))]),
            Some(Ok(detail)) => Ok(detail),
        }
    }
}

/// What can be done on a page that is about a pool, the most useful first.
pub(super) const HINTS: &[Action] = &[
    Action::Back,
    Action::AnswerStep,
    Action::Resume,
    Action::Abandon,
    Action::Clear,
    Action::Takeover,
    Action::Giveback,
    Action::Why,
    Action::Acknowledge,
    Action::Drill,
    Action::Pause,
];

/// The page.
#[derive(Debug)]
pub struct PoolPage {
    asking: Asking,
}

impl PoolPage {
    /// The page of this pool.
    pub fn new(pool: &PoolView) -> Self {
        Self { asking: Asking::new(pool.name.clone()) }
    }
}

impl Page for PoolPage {
    fn crumb(&self) -> String {
        self.asking.pool().to_owned()
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    fn pool(&self) -> Option<&str> {
        Some(self.asking.pool())
    }

    fn hints(&self) -> &'static [Action] {
        HINTS
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        self.asking.wants(world)
    }

    fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        self.asking.answered(query, answer);
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let Some(pool) = world.shown.pool(self.asking.pool()) else {
            return vec![vec![dim("the fleet file has no such pool any more")]];
        };
        let mut lines = head(pool, world, glyphs, width);
        // What moves, or waits for a person, is read before anything else.
        let run = pool.run.as_ref();
        let urgent = run.filter(|run| !run.state.ended() || run.state.needs_a_person());
        if let Some(run) = urgent {
            lines.push(Vec::new());
            lines.extend(run::run(run, false, glyphs, width));
        }
        lines.push(Vec::new());
        lines.extend(tables::hosts(pool, world, glyphs, width));
        lines.push(Vec::new());
        lines.extend(tables::spares(pool, world, glyphs, width));
        lines.push(Vec::new());
        lines.extend(times::promised(pool, world, glyphs));
        if let Some(run) = run.filter(|_| urgent.is_none()) {
            lines.push(Vec::new());
            lines.extend(run::run(run, false, glyphs, width));
        }
        lines.push(Vec::new());
        match self.asking.known() {
            Ok(detail) => {
                lines.extend(tables::matrix(detail, glyphs, width));
                lines.push(Vec::new());
                lines.extend(times::past(detail, world, glyphs, width));
            }
            Err(line) => lines.push(line),
        }
        lines
    }
}

/// The pool as a whole: its mode, what needs a person, what holds it back, who owns its addresses.
fn head(pool: &PoolView, world: &World, glyphs: &Glyphs, width: usize) -> Vec<Line> {
    let mode = match pool.mode.as_str() {
        "auto" => "a spare takes a host's place by itself",
        "manual" => "only a person begins a takeover",
        _ => "says what it would do, and does nothing",
    };
    let mut lines = vec![fact("mode", [plain(pool.mode.clone()), dim(format!("  {mode}"))])];
    let mut told = |name: &'static str, meaning: Meaning, text: &str| {
        for (index, line) in wrap(text, width.saturating_sub(12).max(20)).into_iter().enumerate() {
            lines.push(fact(if index == 0 { name } else { "" }, [part(meaning, line)]));
        }
    };
    for alarm in &pool.alarms {
        told("alarm", Meaning::Bad, &format!("{} {alarm}", glyphs.bad));
    }
    if let Some(pause) = &pool.paused {
        let until = pause.until.map_or_else(
            || "until somebody ends it".into(),
            |until| {
                let left = format::left(until, world.reference());
                format!("until {} ({left} left)", format::minute(until, &world.zone))
            },
        );
        told("paused", Meaning::Warn, &format!("{until} by {}: {}", pause.owner, pause.why));
    }
    for why in &pool.held_back {
        told("held back", Meaning::Warn, why);
    }
    for (index, owner) in pool.owners.iter().enumerate() {
        let mut parts = words::owned(owner, glyphs);
        parts.extend(owner.seen.map(|seen| dim(format!("  {}", format::ago(seen, world.reference())))));
        lines.push(fact(if index == 0 { "addresses" } else { "" }, parts));
    }
    lines
}
