//! The page of the engine's log: its last lines, and those that come.

use std::collections::VecDeque;

use super::{Line, Page};
use crate::clock::Timestamp;
use crate::console::action::Scope;
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::look::Look;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::{Answer, LogLine, Query, Refusal};

/// The page.
#[derive(Debug, Default)]
pub struct LogPage {
    lines: VecDeque<LogLine>,
    asked: Option<Timestamp>,
    waiting: bool,
    problem: Option<String>,
}

/// Lines that are kept.
const KEPT: usize = 2000;
/// It asks for more after so long.
const EVERY_MS: i64 = 1000;
/// Columns before the text of a line: its time and its level.
const HEAD: usize = 17;

impl Page for LogPage {
    fn crumb(&self) -> String {
        "Log".into()
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    fn reads_from_end(&self) -> bool {
        true
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        let fresh = self.asked.is_some_and(|asked| world.now.as_millisecond() - asked.as_millisecond() < EVERY_MS);
        if fresh || self.waiting || world.frozen.is_some() || world.unreachable().is_some() {
            return None;
        }
        self.asked = Some(world.now);
        self.waiting = true;
        Some(Query::Log { after: self.lines.back().map_or(0, |line| line.seq) })
    }

    fn answered(&mut self, query: &Query, answer: &Result<Answer, Refusal>) {
        if !matches!(query, Query::Log { .. }) {
            return;
        }
        self.waiting = false;
        match answer {
            Ok(Answer::Log { lines }) => {
                // A new engine counts from one again.
                if lines.first().is_some_and(|line| self.lines.back().is_some_and(|last| line.seq <= last.seq)) {
                    self.lines.clear();
                }
                self.problem = None;
                self.lines.extend(lines.iter().cloned());
                let over = self.lines.len().saturating_sub(KEPT);
                self.lines.drain(..over);
            }
            Ok(_) => {}
            Err(refusal) => self.problem = Some(refusal.what.clone()),
        }
    }

    fn copy_width(&self) -> usize {
        usize::MAX
    }

    fn document(&self, world: &World, _: &Look, width: usize) -> Vec<Line> {
        let mut lines: Vec<Line> = self
            .lines
            .iter()
            .flat_map(|line| {
                let meaning = match line.level.as_str() {
                    "ERROR" => Meaning::Bad,
                    "WARN" => Meaning::Warn,
                    _ => Meaning::Dim,
                };
                let time = format::second(line.time, &world.zone);
                let head = [dim(format!("{time}  ")), part(meaning, format!("{:<5}  ", line.level))];
                let mut texts = wrap(&line.text, width.saturating_sub(HEAD)).into_iter().map(plain);
                let first = head.into_iter().chain(texts.next()).collect();
                std::iter::once(first).chain(texts.map(|text| vec![plain(" ".repeat(HEAD)), text]).collect::<Vec<_>>())
            })
            .collect();
        if let Some(problem) = &self.problem {
            lines.push(vec![part(Meaning::Warn, format!("the log cannot be read: {problem}"))]);
        }
        if lines.is_empty() {
            lines.push(vec![dim("no line yet: what the engine does and meets is written here")]);
        }
        lines
    }
}
