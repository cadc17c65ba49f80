//! Recovery card: what a person does without hotspare, on paper. Pure.
//!
//! Every takeover and giveback of a pool with the exact commands of its runbooks, in order, for each host and each spare;
//! plain text of at most [`WIDTH`] columns, except for commands, which are never broken.

use std::fmt::Write;

use super::view::{PoolView, SpareState};
use crate::clock::Timestamp;
use crate::fleet::Fleet;
use crate::fleet::pool::Pool;
use crate::fleet::runbook::{OnError, Runbook};
use crate::reach::plain::harmless;
use crate::runbook::by_hand::{self, Line};
use crate::runbook::cast::{Cast, Machine, Purpose};
use crate::runbook::plan::{Plan, Planned, Spot, plan};

/// Columns of the text.
pub const WIDTH: usize = 78;

/// The card of a pool. `view` and `now` say who serves at the moment; everything else comes from the fleet file.
pub fn card(fleet: &Fleet, pool: &Pool, view: &PoolView, now: Timestamp) -> String {
    let mut card = Card(String::new());
    card.head(&format!("RECOVERY CARD  pool {} of the fleet {}", pool.name, fleet.name), '=');
    card.say(
        0,
        "What to do by hand when a machine is gone and hotspare is too. The engine writes this card again whenever something \
         changes on it.",
    );
    card.say(0, &format!("Written {now:.0}. At that time: {}.", standing(view)));
    card.blank();
    card.say(0, &format!("Most important first: {}.", pool.protects.join(", ")));
    card.say(
        0,
        "One spare serves in place of one machine. Are several gone, begin with the first of that list. See first that a \
         machine which is gone is OFF: pull its plug. Two machines with one address are worse than none.",
    );
    card.say(
        0,
        "Each line that is indented by eight is a command, typed as it stands, as root, on the machine that is named above \
         it. Go on with the next step only when the one before it is well.",
    );
    for host in &pool.protects {
        for spare in &pool.spares {
            card.part(fleet, pool, (host, spare), Purpose::Takeover);
        }
    }
    for host in &pool.protects {
        for spare in &pool.spares {
            card.part(fleet, pool, (host, spare), Purpose::Giveback);
        }
    }
    card.blank();
    card.say(
        0,
        "When hotspare runs again it knows nothing of this. Before its engine is started, set `mode = \"observe\"` in the \
         fleet file; look at `hotspare pool show` until it says what you see, then set the mode back.",
    );
    card.0
}

/// Who serves, in one line.
fn standing(view: &PoolView) -> String {
    let of = |spare: &super::view::SpareView| match (&spare.standing_in_for, spare.state) {
        (Some(host), _) => format!("{} serves in place of {host}", spare.name),
        (None, SpareState::Ready) => format!("{} is free", spare.name),
        (None, state) => format!("{} is {}", spare.name, state.word()),
    };
    view.spares.iter().map(of).collect::<Vec<_>>().join("; ")
}

struct Card(String);

impl Card {
    fn blank(&mut self) {
        self.0.push('\n');
    }

    fn head(&mut self, text: &str, rule: char) {
        let _a_string_takes_all = writeln!(self.0, "{}\n{}", harmless(text), rule.to_string().repeat(WIDTH));
    }

    /// Words, broken between two of them.
    fn say(&mut self, indent: usize, text: &str) {
        let text = harmless(text);
        let mut line = " ".repeat(indent);
        let mut begun = false;
        for word in text.split_whitespace() {
            if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.0.push_str(&line);
                self.0.push('\n');
                line = " ".repeat(indent);
                begun = false;
            }
            if begun {
                line.push(' ');
            }
            line.push_str(word);
            begun = true;
        }
        self.0.push_str(&line);
        self.0.push('\n');
    }

    fn lines(&mut self, lines: &[Line]) {
        for line in lines {
            match line {
                Line::Type(command) => {
                    for line in harmless(command).lines() {
                        let _a_string_takes_all = writeln!(self.0, "        {line}");
                    }
                }
                Line::Say(text) => self.say(6, text),
            }
        }
    }

    fn part(&mut self, fleet: &Fleet, pool: &Pool, (host, spare): (&str, &str), purpose: Purpose) {
        self.blank();
        let takes = purpose == Purpose::Takeover;
        let title = if takes {
            format!("IF {host} IS GONE: {spare} takes its place")
        } else {
            format!("TO GIVE THE WORK BACK from {spare} to {host}")
        };
        self.head(&title, '-');
        let wanted = if takes { Some(&pool.takeover) } else { pool.giveback.as_ref() };
        // Without a giveback, what undoes the takeover is the way back.
        let runbook = wanted.unwrap_or(&pool.takeover);
        let Some(runbook) = fleet.runbooks.iter().find(|known| known.name == *runbook) else { return };
        match planned(fleet, pool, (host, spare), runbook, purpose) {
            Err(why) => self.say(0, &why),
            Ok(plan) if wanted.is_some() => {
                for (at, step) in plan.steps.iter().enumerate() {
                    self.step(at + 1, step, &by_hand::step(&plan, step));
                }
            }
            Ok(plan) => {
                let undone = plan.steps.iter().rev().map(|step| (step, by_hand::undo(step)));
                for (at, (step, lines)) in undone.filter(|(_, lines)| !lines.is_empty()).enumerate() {
                    self.step(at + 1, step, &lines);
                }
            }
        }
    }

    fn step(&mut self, number: usize, step: &Planned, lines: &[Line]) {
        let place = match &step.on {
            Some(Spot::Machine(machine)) if machine.ssh == machine.address => {
                format!("on {}: ssh {}", machine.name, machine.ssh)
            }
            Some(Spot::Machine(machine)) => format!("on {} ({}): ssh {}", machine.name, machine.address, machine.ssh),
            Some(Spot::Console) | None => "on this computer or any other".into(),
        };
        let _a_string_takes_all = writeln!(self.0, "{number:>3}  {}  {}", harmless(&step.name), harmless(&place));
        self.lines(lines);
        match step.on_error {
            OnError::Continue => self.say(6, "if it fails: go on"),
            OnError::Undo => self.say(6, "if it fails: undo the steps before it, last first"),
            OnError::Stop => {}
        }
    }
}

fn planned(
    fleet: &Fleet,
    pool: &Pool,
    (host, spare): (&str, &str),
    runbook: &Runbook,
    purpose: Purpose,
) -> Result<Plan, String> {
    let machine = |name: &str| fleet.host(name).map(Machine::from);
    let cast = Cast {
        pool: Some(pool.name.clone()),
        failed: machine(host),
        spare: machine(spare),
        ..Cast::of(fleet, "by-hand")
    };
    plan(runbook, purpose, &cast).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
