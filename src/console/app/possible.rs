//! What can be done now, and why not.

use super::App;
use crate::console::action::{Action, ArgumentKind, Invocation, Scope};
use crate::console::modal::Possible;
use crate::console::pane::{Pane as _, PaneId, jobs, pools, sessions};
use crate::work::view::{JobId, JobState, JobView};

impl App {
    /// The hosts that actions on hosts apply to: that of the page, the marked ones, or the selected one.
    pub fn targets(&self) -> Vec<String> {
        if let Some(open) = self.pages.last() {
            return open.page.host().map(ToOwned::to_owned).into_iter().collect();
        }
        let list = &self.lists[PaneId::Hosts as usize];
        if !list.marks.is_empty() {
            return list.marks.iter().cloned().collect();
        }
        let row = list.current().filter(|_| self.focus == PaneId::Hosts);
        row.and_then(|row| self.world.shown.hosts.get(row)).map(|host| host.name.clone()).into_iter().collect()
    }

    /// The job of this number.
    pub fn job_of(&self, id: JobId) -> Option<&JobView> {
        self.world.newest.jobs.iter().find(|job| job.id == id).map(AsRef::as_ref)
    }

    /// The job that actions on jobs apply to.
    pub fn target_job(&self) -> Option<&JobView> {
        if let Some(open) = self.pages.last() {
            return open.page.job().and_then(|id| self.job_of(id));
        }
        let row = self.lists[PaneId::Jobs as usize].current().filter(|_| self.focus == PaneId::Jobs)?;
        jobs::job(&self.world.shown, row)
    }

    fn in_maintenance(&self, host: &str) -> bool {
        self.world.newest.host(host).is_some_and(|host| host.maintenance.is_some())
    }

    fn in_list(&self) -> Option<String> {
        let empty = self.pages.is_empty() && self.lists[self.focus as usize].is_empty();
        empty.then(|| format!("{} has no rows", self.focus.pane().name()))
    }

    fn on_list(&self) -> Option<String> {
        (!self.pages.is_empty()).then(|| "a page is open; go back first".into())
    }
}

/// Why this job cannot be held, or let go.
pub(super) fn not_to_hold(job: &JobView) -> Option<String> {
    match job.state {
        state if state.ended() => Some(format!("job {} has ended", job.id)),
        JobState::Paused => None,
        JobState::Running | JobState::Stalled if job.part.is_some() => None,
        JobState::Running | JobState::Stalled => Some(format!("job {} is not done in pieces", job.id)),
        state => Some(format!("job {} is {}", job.id, state.word())),
    }
}

/// Says that none of these hosts is in maintenance.
pub(super) fn not_in_maintenance(hosts: &[String]) -> String {
    let verb = if hosts.len() == 1 { "is" } else { "are" };
    format!("{} {verb} not in maintenance", hosts.join(", "))
}

impl Possible for App {
    fn exists(&self, action: Action) -> bool {
        let there = match action.spec().scope {
            Scope::Sessions => sessions::Sessions.exists(&self.world),
            Scope::Pools => pools::Pools.exists(&self.world),
            Scope::Feeds => !self.world.shown.feeds.is_empty(),
            Scope::Dumps => !self.world.shown.dumps.is_empty(),
            Scope::Services => !self.world.shown.services.is_empty(),
            _ if action == Action::Services => !self.world.shown.services.is_empty(),
            Scope::Runs => self.has_runs(),
            _ => true,
        };
        there && !(self.world.changes_nothing() && action.spec().changes())
    }

    fn why_not(&self, invocation: &Invocation) -> Option<String> {
        let Invocation { action, argument } = invocation;
        let named = argument.is_some();
        let gone = || self.world.unreachable();
        match *action {
            Action::Suspend if !self.can_suspend => Some("there is no shell to go back to".into()),
            Action::Suspend if !self.world.engine_stays => Some("the engine lives in this process".into()),
            Action::Start if gone().is_none() => Some("the engine is running".into()),
            _ if action.spec().scope == Scope::Feeds => self.not_of_feed(argument.as_deref()),
            _ if action.spec().scope == Scope::Dumps => self.not_of_dump(argument.as_deref()),
            _ if action.spec().scope == Scope::Runs => self.not_of_run(*action, argument.as_deref()),
            _ if action.spec().scope == Scope::Pools => self.not_in_pool(*action, argument.as_deref()),
            Action::Look => gone(),
            _ if action.spec().scope == Scope::Services => self.not_of_service(*action, argument.as_deref()),
            Action::Probe
            | Action::Maintain
            | Action::EndMaintenance
            | Action::Cancel
            | Action::Hold
            | Action::Sync
            | Action::Verify
            | Action::Delete
                if named =>
            {
                gone()
            }
            Action::Probe | Action::Maintain => gone().or_else(|| self.no_target()),
            Action::EndMaintenance => gone().or_else(|| self.no_target()).or_else(|| {
                let none = !self.targets().iter().any(|host| self.in_maintenance(host));
                none.then(|| not_in_maintenance(&self.targets()))
            }),
            Action::ProbeAll => {
                gone().or_else(|| self.world.newest.hosts.is_empty().then(|| "the fleet file has no hosts".into()))
            }
            Action::Cancel => gone().or_else(|| match self.target_job() {
                None => Some("no job is selected".into()),
                Some(job) if job.state.ended() => Some(format!("job {} has ended", job.id)),
                Some(_) => None,
            }),
            Action::Sync | Action::Verify | Action::Delete => gone().or_else(|| self.no_session()),
            Action::DeleteSafe => gone().or_else(|| {
                let none = self.world.store().is_none_or(|store| store.totals.safe == 0);
                none.then(|| "no session is safe to delete".into())
            }),
            Action::ChooseStore => {
                (self.world.shown.stores.len() < 2).then(|| "the fleet file has one store of sessions".into())
            }
            Action::Hold => gone().or_else(|| match self.target_job() {
                None => Some("no job is selected".into()),
                Some(job) => not_to_hold(job),
            }),
            Action::Note
            | Action::VerifyJournal
            | Action::Doctor
            | Action::Logs
            | Action::Configs
            | Action::FetchConfigs
            | Action::Reload
            | Action::Stop
            | Action::Log
            | Action::Refresh
            | Action::Limit => gone(),
            Action::Open if self.pages.last().is_some_and(|open| open.page.service().is_some()) => None,
            Action::Open | Action::Mark | Action::MarkAll => self.on_list().or_else(|| self.in_list()),
            Action::Filter if self.pages.last().is_some_and(|open| open.page.filter().is_some()) => None,
            Action::Filter | Action::Sort | Action::Reverse | Action::Zoom => self.on_list(),
            Action::Copy => self.in_list(),
            _ => None,
        }
    }

    fn candidates(&self, action: Action) -> Vec<String> {
        let Some(argument) = action.spec().argument else { return Vec::new() };
        match argument.kind {
            ArgumentKind::Pane => PaneId::there(&self.world).map(|id| id.pane().name().to_lowercase()).collect(),
            ArgumentKind::Session => self.session_names(),
            ArgumentKind::Store => self.world.shown.stores.iter().map(|store| store.name.clone()).collect(),
            ArgumentKind::Sort => self.focus.pane().sorts().iter().map(|sort| (*sort).to_owned()).collect(),
            ArgumentKind::Theme => self.look.themes(),
            ArgumentKind::Keymap => self.look.keymaps(),
            ArgumentKind::Host => {
                let hosts = self.world.newest.hosts.iter().map(|host| host.name.clone());
                hosts.filter(|host| action != Action::EndMaintenance || self.in_maintenance(host)).collect()
            }
            ArgumentKind::Job => {
                let meant = |job: &JobView| action != Action::Hold || not_to_hold(job).is_none();
                let jobs = self.world.newest.jobs.iter().filter(|job| !job.state.ended() && meant(job));
                jobs.map(|job| job.id.to_string()).collect()
            }
            ArgumentKind::Feed => self.world.newest.feeds.iter().map(|feed| feed.name.clone()).collect(),
            ArgumentKind::Dump => self.world.newest.dumps.iter().map(|dump| dump.name.clone()).collect(),
            ArgumentKind::Service => self.world.newest.services.iter().map(|service| service.name.clone()).collect(),
            ArgumentKind::Pool => self.pool_names(action),
            ArgumentKind::Run => self.run_names(action),
            ArgumentKind::Runbook => self.world.newest.head.file.runbooks.clone(),
            ArgumentKind::Text => Vec::new(),
        }
    }
}

impl App {
    /// With hosts in the fleet, an argument can name one even where none is selected.
    fn no_target(&self) -> Option<String> {
        self.targets().is_empty().then(|| "no host is selected".into())
    }
}
