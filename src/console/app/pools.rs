//! Wishes about pools: which pool, host and spare are meant, what can be done with them now, and the question that comes
//! before it.

use std::sync::Arc;
use std::time::Duration;

use super::App;
use crate::clock::Timestamp;
use crate::console::action::Action;
use crate::console::format;
use crate::console::modal::answer::AnswerStep;
use crate::console::modal::ask::{Ask, Field};
use crate::console::modal::confirm::Confirm;
use crate::console::modal::switch::{Kind, Switch};
use crate::console::modal::word;
use crate::console::page::Open;
use crate::console::page::why::WhyPage;
use crate::console::pane::{PaneId, pools};
use crate::console::theme::Meaning;
use crate::console::world::World;
use crate::engine::command::Command;
use crate::fleet::units;
use crate::runbook::view::RunState;
use crate::standin::view::{PoolView, SpareState, Stand};

/// What a wish about a pool is about.
#[derive(Debug, Clone)]
struct Target {
    pool: Arc<PoolView>,
    /// The protected host that is named or selected.
    host: Option<String>,
    /// The spare that is named or selected.
    spare: Option<String>,
}

impl Target {
    /// Of this pool, and of the member with this name.
    fn of(pool: &Arc<PoolView>, name: &str) -> Self {
        let host = pool.hosts.iter().find(|host| host.name == name).map(|host| host.name.clone());
        let spare = pool.spares.iter().find(|spare| spare.name == name).map(|spare| spare.name.clone());
        Self { pool: Arc::clone(pool), host, spare }
    }

    /// Hosts in whose place a spare serves.
    fn stood_in_for(&self) -> impl Iterator<Item = &str> {
        let hosts = self.pool.spares.iter().filter(|spare| spare.state == SpareState::Active);
        hosts.filter_map(|spare| spare.standing_in_for.as_deref())
    }

    /// The host that gets its work back; `None`: the engine knows the only one.
    fn to_give_back(&self) -> Option<String> {
        let meant = |host: &&str| {
            let of_spare = self.pool.spares.iter().find(|spare| Some(&spare.name) == self.spare.as_ref());
            Some(*host) == self.host.as_deref()
                || of_spare.and_then(|spare| spare.standing_in_for.as_deref()) == Some(*host)
        };
        let found = self.stood_in_for().find(meant).or_else(|| {
            let mut all = self.stood_in_for();
            all.next().filter(|_| all.next().is_none())
        });
        found.map(ToOwned::to_owned)
    }

    /// The host that may be sworn to be off: the one that is meant, else the most important one that is gone.
    fn gone(&self) -> Option<&str> {
        let mut hosts = self.pool.hosts.iter();
        match &self.host {
            Some(name) => hosts.find(|host| host.name == *name && host.stand.gone()),
            None => hosts.find(|host| host.stand.gone()),
        }
        .map(|host| host.name.as_str())
    }

    /// The spare that a person may free: the one that is meant, else the first that failed.
    fn failed(&self) -> Option<&str> {
        let mut spares = self.pool.spares.iter().filter(|spare| spare.state == SpareState::Failed);
        match &self.spare {
            Some(name) => spares.find(|spare| spare.name == *name),
            None => spares.next(),
        }
        .map(|spare| spare.name.as_str())
    }

    /// Why this cannot be done with it now.
    fn why_not(&self, action: Action) -> Option<String> {
        let name = &self.pool.name;
        let run = self.pool.run.as_ref();
        let under_way = || {
            let run = run.filter(|run| !run.state.ended())?;
            Some(format!("a {} is under way in {name}", run.purpose.word()))
        };
        match action {
            Action::Takeover => under_way().or_else(|| {
                let served = self.stood_in_for().find(|host| Some(*host) == self.host.as_deref());
                served.map(|host| format!("a spare serves in the place of {host} already"))
            }),
            Action::Giveback => under_way()
                .or_else(|| self.stood_in_for().next().is_none().then(|| format!("no spare of {name} stands in"))),
            Action::Drill => under_way(),
            Action::Unpause => self.pool.paused.is_none().then(|| format!("{name} is not paused")),
            Action::Swear if self.gone().is_none() => Some(match &self.host {
                Some(host) => format!("{host} is not gone"),
                None => format!("no host of {name} is gone"),
            }),
            Action::Clear if self.failed().is_none() => Some(match &self.spare {
                Some(spare) => format!("nothing failed on {spare}"),
                None => format!("no spare of {name} has failed"),
            }),
            Action::Acknowledge => {
                let nothing = self.pool.held_back.is_empty() && self.pool.well();
                nothing.then(|| format!("nothing has happened in {name} that waits to be seen"))
            }
            Action::Resume | Action::Abandon => match run.filter(|run| run.state == RunState::Interrupted) {
                None => Some(format!("no run of {name} is interrupted")),
                Some(run) if action == Action::Resume && run.steps.is_empty() => {
                    Some(format!("run {} of {name} had begun none of its steps: abandon it, and begin anew", run.id))
                }
                Some(_) => None,
            },
            Action::AnswerStep => {
                run.is_none_or(|run| run.question.is_none()).then(|| format!("no step of {name} asks for anything"))
            }
            _ => None,
        }
    }
}

impl App {
    /// What a wish is about: what is named, the page, the selected row, else the only pool or the only one that is not well.
    fn pool_target(&self, argument: Option<&str>) -> Result<Target, String> {
        let all = &self.world.newest.pools;
        let member = |name: &str| {
            let mut targets = all.iter().map(|pool| Target::of(pool, name));
            targets.find(|target| target.host.is_some() || target.spare.is_some())
        };
        let whole = |name: &str| all.iter().find(|pool| pool.name == name).map(|pool| Target::of(pool, ""));
        if let Some(name) = argument {
            return whole(name)
                .or_else(|| member(name))
                .ok_or_else(|| format!("no pool is called `{name}`, and no pool has such a host"));
        }
        let here = match self.pages.last() {
            Some(open) => open.page.pool().and_then(whole).or_else(|| open.page.host().and_then(member)),
            None => self.selected_member().and_then(|(pool, name)| match pool {
                Some(pool) => all.iter().find(|known| known.name == pool).map(|pool| Target::of(pool, &name)),
                None => member(&name),
            }),
        };
        let only = || {
            if let [only] = all.as_slice() {
                return Some(Target::of(only, ""));
            }
            let mut unwell = all.iter().filter(|pool| !pool.well());
            unwell.next().filter(|_| unwell.next().is_none()).map(|pool| Target::of(pool, ""))
        };
        here.or_else(only).ok_or_else(|| "no pool is selected".into())
    }

    /// The name in the selected row, with its pool where the row is about one.
    fn selected_member(&self) -> Option<(Option<String>, String)> {
        let row = self.lists[self.focus as usize].current()?;
        let shown = &self.world.shown;
        match self.focus {
            PaneId::Pools => {
                let row = pools::rows(shown).nth(row)?;
                Some((Some(row.pool().name.clone()), row.name().to_owned()))
            }
            PaneId::Hosts => shown.hosts.get(row).map(|host| (None, host.name.clone())),
            _ => None,
        }
    }

    /// Why an action on pools cannot be done now.
    pub(super) fn not_in_pool(&self, action: Action, argument: Option<&str>) -> Option<String> {
        let gone = if action == Action::Why { None } else { self.world.unreachable() };
        gone.or_else(|| match self.pool_target(argument) {
            Ok(target) => target.why_not(action),
            Err(why) => Some(why),
        })
    }

    /// What an action on pools can be told.
    pub(super) fn pool_names(&self, action: Action) -> Vec<String> {
        let mut names = Vec::new();
        for pool in self.world.newest.pools.iter() {
            let hosts = pool.hosts.iter().map(|host| host.name.clone());
            let spares = pool.spares.iter().map(|spare| spare.name.clone());
            match action {
                Action::Takeover | Action::Giveback | Action::Swear => names.extend(hosts),
                Action::Clear => names.extend(spares),
                _ => names.push(pool.name.clone()),
            }
        }
        names.retain(|name| self.not_in_pool(action, Some(name)).is_none());
        names
    }

    /// Asks what is needed for a wish about a pool.
    pub(super) fn pool_wish(&mut self, action: Action, argument: Option<&str>) {
        let target = match self.pool_target(argument) {
            Ok(target) => target,
            Err(why) => return self.say(Meaning::Warn, why, None),
        };
        let name = target.pool.name.clone();
        let zone = self.world.zone.clone();
        let modal: Box<dyn crate::console::modal::Modal> = match action {
            Action::Takeover => {
                let kind = Kind::Takeover { failed: target.host.clone(), spare: target.spare.clone() };
                Box::new(Switch::new(&target.pool, kind))
            }
            Action::Giveback => Box::new(Switch::new(&target.pool, Kind::Giveback { host: target.to_give_back() })),
            Action::Drill => Box::new(Switch::new(&target.pool, Kind::Drill)),
            Action::Resume => Box::new(Switch::new(&target.pool, Kind::Resume)),
            Action::Abandon => Box::new(Switch::new(&target.pool, Kind::Abandon)),
            Action::Pause => Box::new(pause(name)),
            Action::Unpause => Box::new(unpause(&target.pool, self.world.now, &zone)),
            Action::Acknowledge => Box::new(word::acknowledge(&target.pool)),
            Action::Swear => match target.gone() {
                Some(host) => Box::new(word::swear(&target.pool, host, &self.world)),
                None => return,
            },
            Action::Clear => match target.failed() {
                Some(spare) => Box::new(word::clear(&target.pool, spare)),
                None => return,
            },
            Action::AnswerStep => match AnswerStep::new(&target.pool) {
                Some(answer) => Box::new(answer),
                None => return,
            },
            _ => return self.pages.push(Open::new(WhyPage::new(name))),
        };
        self.modals.push(modal);
    }
}

/// The longest pause: longer ones are forgotten.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

fn pause(pool: String) -> Ask {
    let lines = vec![
        format!("Watching goes on. Nothing is decided by itself in {pool}: no takeover, no giveback, no drill."),
        "What you ask for by hand is still done. The pause ends by itself.".into(),
    ];
    let fields = vec![Field::new("why", "", ""), Field::new("for", "30m, 2h, 1d", "30m")];
    Ask::new(format!("Pause {pool}?"), lines, vec![pool], fields, made_pause)
}

fn made_pause(pools: &[String], typed: &[&str], world: &World) -> Result<Vec<Command>, (usize, String)> {
    let ([pool], [why, span]) = (pools, typed) else { return Err((0, "reason and duration are needed".into())) };
    if why.is_empty() {
        return Err((0, "say why: others will want to know".into()));
    }
    let span = units::duration(span).map_err(|error| (1, error.to_string()))?;
    if span.is_zero() || span > LONGEST {
        return Err((1, "between a moment and 31d".into()));
    }
    let until: Timestamp = world.now.saturating_add(span).unwrap_or(Timestamp::MAX);
    Ok(vec![Command::PoolPause { pool: pool.clone(), why: (*why).to_owned(), until }])
}

fn unpause(pool: &PoolView, now: Timestamp, zone: &jiff::tz::TimeZone) -> Confirm {
    let mut lines = Vec::new();
    if let Some(pause) = &pool.paused {
        let since = format::moment(pause.since, now, zone);
        let left = pause.until.map(|until| format!(", {} left", format::left(until, now))).unwrap_or_default();
        lines.push(format!("paused since {since} by {}{left}: {}", pause.owner, pause.why));
        lines.push(String::new());
    }
    lines.push(format!("From now on {} decides by itself again (mode {}).", pool.name, pool.mode));
    for host in pool.hosts.iter().filter(|host| matches!(host.stand, Stand::Failing | Stand::Waiting)) {
        lines.push(format!("{} is gone: a spare may take its place at once.", host.name));
    }
    let commands = vec![Command::PoolUnpause { pool: pool.name.clone() }];
    Confirm::button(format!("End the pause of {}?", pool.name), lines, " End the pause ", commands)
}
