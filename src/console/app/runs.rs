//! Wishes about runs that no pool asked for: which one is meant, what can be done with it, and the question before it.

use std::sync::Arc;

use super::App;
use crate::console::action::Action;
use crate::console::modal::answer::AnswerStep;
use crate::console::modal::begin::Begin;
use crate::console::modal::confirm::Confirm;
use crate::console::page::Open;
use crate::console::page::runs::{self, RunsPage};
use crate::console::theme::Meaning;
use crate::engine::command::Command;
use crate::runbook::view::{RunState, RunView, StepState};

impl App {
    /// The run that is meant: of the runbook that is named, that of the page, else the only one for which this can be done.
    fn target_run(&self, action: Action, argument: Option<&str>) -> Result<Arc<RunView>, String> {
        let runs = &self.world.newest.runs;
        let page = self.pages.last().and_then(|open| open.page.run());
        if let Some(name) = argument.or(page) {
            let found = runs.iter().find(|run| run.runbook == name);
            return found.cloned().ok_or_else(|| format!("no run of `{name}` is known"));
        }
        let mut fit = runs.iter().filter(|run| why_not(action, run).is_none());
        match (fit.next(), fit.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
            (Some(_), Some(_)) => Err("several runs are meant: name the runbook".into()),
            (None, _) => match runs.as_slice() {
                [only] => Ok(Arc::clone(only)),
                _ => Err(nothing(action).into()),
            },
        }
    }

    /// Why an action on runs cannot be done now.
    pub(super) fn not_of_run(&self, action: Action, argument: Option<&str>) -> Option<String> {
        if action == Action::Runs {
            return (!self.has_runs()).then(|| "no runbook was run yet".into());
        }
        if action == Action::RunBegin {
            return self.world.unreachable().or_else(|| self.not_to_begin(argument));
        }
        self.world.unreachable().or_else(|| match self.target_run(action, argument) {
            Ok(run) => why_not(action, &run),
            Err(why) => Some(why),
        })
    }

    /// Whether there is anything to see or begin.
    pub(super) fn has_runs(&self) -> bool {
        let newest = &self.world.newest;
        !newest.runs.is_empty() || !newest.head.file.runbooks.is_empty()
    }

    /// Why a runbook cannot be begun now.
    fn not_to_begin(&self, name: Option<&str>) -> Option<String> {
        let newest = &self.world.newest;
        let known = &newest.head.file.runbooks;
        match name {
            None => known.is_empty().then(|| "the fleet file has no runbook that is not a pool's".into()),
            Some(name) if !known.iter().any(|one| one == name) => Some(format!("there is no runbook `{name}`")),
            Some(name) => {
                let moves = newest.runs.iter().any(|run| run.runbook == name && !run.state.ended());
                moves.then(|| format!("a run of {name} is under way"))
            }
        }
    }

    /// The runbooks for whose runs an action can be done.
    pub(super) fn run_names(&self, action: Action) -> Vec<String> {
        let runs = self.world.newest.runs.iter().filter(|run| why_not(action, run).is_none());
        runs.map(|run| run.runbook.clone()).collect()
    }

    /// Asks what is needed for a wish about a run.
    pub(super) fn run_wish(&mut self, action: Action, argument: Option<&str>) {
        if action == Action::Runs {
            return self.pages.push(Open::new(RunsPage::of(runs::first(&self.world))));
        }
        if let (Action::RunBegin, Some(name)) = (action, argument) {
            return self.modals.push(Box::new(Begin::ask(name)));
        }
        let run = match self.target_run(action, argument) {
            Ok(run) => run,
            Err(why) => return self.say(Meaning::Warn, why, None),
        };
        if let Some(why) = why_not(action, &run) {
            return self.say(Meaning::Warn, why, None);
        }
        match action {
            Action::RunLook => self.send(Command::LookAgain { run: run.id }),
            Action::RunAnswer => {
                if let Some(answer) = AnswerStep::of(&run) {
                    self.modals.push(Box::new(answer));
                }
            }
            action => self.modals.push(Box::new(mend(&run, action == Action::RunAbandon))),
        }
    }
}

/// What is said where no run is meant.
const fn nothing(action: Action) -> &'static str {
    match action {
        Action::RunAnswer | Action::RunLook => "no run asks for anything",
        _ => "no run waits to be gone on with",
    }
}

/// Why this cannot be done with a run now.
fn why_not(action: Action, run: &RunView) -> Option<String> {
    let (name, state) = (&run.runbook, run.state);
    match action {
        Action::RunAnswer => run.question.is_none().then(|| format!("no step of {name} asks for anything")),
        Action::RunLook => {
            let shows = run.question.as_ref().is_some_and(|question| question.shows.is_some());
            (!shows).then(|| format!("no step of {name} shows anything with its question"))
        }
        Action::RunResume | Action::RunAbandon if !state.ended() => Some(format!("the run of {name} is under way")),
        Action::RunResume | Action::RunAbandon => {
            let over = matches!(state, RunState::Done | RunState::Undone) && run.owed.is_empty();
            over.then(|| format!("the last run of {name} is {}", state.word()))
        }
        _ => None,
    }
}

/// Going on with a run, or undoing it: the name of its runbook is typed.
fn mend(run: &RunView, abandon: bool) -> Confirm {
    let name = run.runbook.clone();
    let mut lines = vec![format!("run {} of {name}, begun by {}, is {}", run.id, run.who, run.state.word())];
    lines.extend(run.next.clone());
    lines.push(String::new());
    let over = |state| matches!(state, StepState::Done | StepState::Skipped);
    if abandon {
        let undone = run
            .steps
            .iter()
            .rev()
            .filter(|step| over(step.state))
            .filter_map(|step| step.undo.as_ref().map(|undo| (step, undo)));
        lines.extend(undone.map(|(step, undo)| format!("undone: {}: {undo}", step.name)));
        lines.extend(run.owed.iter().map(|owed| format!("done, because it is owed: {owed}")));
    } else {
        let left = run.steps.iter().filter(|step| !over(step.state)).take(8);
        lines.extend(left.map(|step| format!("{}: {}", step.name, step.does)));
    }
    let (title, button) = if abandon {
        (format!("Abandon the run of {name}?"), " Undo it ")
    } else {
        (format!("Go on with the run of {name}?"), " Go on ")
    };
    let commands = vec![Command::RunMend { runbook: name.clone(), abandon }];
    Confirm::typed(title, lines, name, button, commands)
}
