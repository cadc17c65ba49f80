//! The page of runs that no pool asked for: the last run of each runbook, what it asks, what it owes, and what to do now.

use super::run;
use super::{Line, Page};
use crate::console::action::{Action, Scope};
use crate::console::format;
use crate::console::look::Look;
use crate::console::table::{dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::runbook::view::RunView;

/// The page.
#[derive(Debug, Default)]
pub struct RunsPage {
    /// The runbook that was chosen; `None`: the first.
    chosen: Option<String>,
}

impl RunsPage {
    /// With the run of this runbook before the eyes.
    pub const fn of(runbook: Option<String>) -> Self {
        Self { chosen: runbook }
    }
}

/// What needs a person first, then the newest.
fn ordered(world: &World) -> Vec<&RunView> {
    let mut runs: Vec<&RunView> = world.newest.runs.iter().map(AsRef::as_ref).collect();
    runs.sort_by_key(|run| (!run.needs_a_person(), run.well(), std::cmp::Reverse(run.started)));
    runs
}

/// The runbook whose run stands first.
pub fn first(world: &World) -> Option<String> {
    ordered(world).first().map(|run| run.runbook.clone())
}

/// The run that is before the eyes.
fn chosen<'a>(world: &'a World, name: Option<&str>) -> Option<&'a RunView> {
    let runs = ordered(world);
    runs.iter().find(|run| Some(run.runbook.as_str()) == name).or_else(|| runs.first()).copied()
}

impl Page for RunsPage {
    fn crumb(&self) -> String {
        "Runs".into()
    }

    fn scope(&self) -> Option<Scope> {
        None
    }

    fn run(&self) -> Option<&str> {
        self.chosen.as_deref()
    }

    fn hints(&self) -> &'static [Action] {
        &[
            Action::Back,
            Action::RunBegin,
            Action::RunAnswer,
            Action::RunLook,
            Action::RunResume,
            Action::RunAbandon,
            Action::Copy,
        ]
    }

    fn step(&mut self, world: &World, by: isize) -> bool {
        let runs = ordered(world);
        let at = runs.iter().position(|run| Some(&run.runbook) == self.chosen.as_ref()).unwrap_or(0);
        let to = at.saturating_add_signed(by).min(runs.len().saturating_sub(1));
        self.chosen = runs.get(to).map(|run| run.runbook.clone());
        runs.len() > 1
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let Some(before) = chosen(world, self.chosen.as_deref()) else {
            return vec![vec![dim("no runbook was run yet, but for pools")], not_run(world)];
        };
        let runs = ordered(world);
        let name = runs.iter().map(|run| run.runbook.chars().count()).max().unwrap_or(0);
        let mut lines: Vec<Line> = Vec::new();
        for run in runs {
            lines.push(row(run, run.runbook == before.runbook, name, world, glyphs));
        }
        lines.push(not_run(world));
        if lines.last().is_some_and(|line| !line.is_empty()) {
            lines.push(Vec::new());
        }
        lines.extend(run::run(before, false, glyphs, width));
        lines
    }
}

/// Runbooks that nobody has run yet; an empty line where there is none.
fn not_run(world: &World) -> Line {
    let run = |name: &str| world.newest.runs.iter().any(|run| run.runbook == name);
    let names = world.newest.head.file.runbooks.iter().filter(|name| !run(name));
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { Vec::new() } else { vec![dim(format!("    not run yet: {}", names.join(", ")))] }
}

fn row(run: &RunView, chosen: bool, name: usize, world: &World, glyphs: &Glyphs) -> Line {
    let (meaning, called) = run::state(run.state);
    let moment = format::moment(run.started, world.now, &world.zone);
    let mut line = vec![
        part(Meaning::Focus, if chosen { glyphs.cursor } else { " " }),
        plain(" "),
        if run.needs_a_person() { part(Meaning::Warn, glyphs.warn) } else { plain(" ") },
        part(if chosen { Meaning::Selection } else { Meaning::Text }, format!(" {:<name$} ", run.runbook)),
        plain(" "),
        part(meaning, format!("{called:<11}")),
        dim(format!("  run {} begun {moment} by {}", run.id, run.who)),
    ];
    if !run.owed.is_empty() && run.state.ended() {
        line.push(part(Meaning::Bad, format!("  owes {}", run.owed.join(", "))));
    }
    line
}
