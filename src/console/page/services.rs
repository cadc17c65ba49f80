//! The page of services: each with its modules, the processes that their pid files name, and who holds the locks.

use super::{Line, Page};
use crate::console::action::{Action, Scope};
use crate::console::draw::brush::wrap;
use crate::console::format;
use crate::console::look::Look;
use crate::console::table::{Part, dim, part, plain};
use crate::console::theme::Meaning;
use crate::console::theme::glyphs::Glyphs;
use crate::console::world::World;
use crate::engine::command::Query;
use crate::engine::snapshot::Snapshot;
use crate::service::view::{HoldState, LockView, ModuleState, ModuleView, ServiceView};

/// The page.
#[derive(Debug, Default)]
pub struct ServicesPage {
    /// The selected service, and its module where a module is selected.
    selected: Option<(String, Option<String>)>,
    /// All were asked for when it opened.
    asked: bool,
}

/// What can be selected: each service, and below it each of its modules.
fn rows(snapshot: &Snapshot) -> Vec<(String, Option<String>)> {
    let of = |service: &ServiceView| {
        let modules = service.modules.iter().map(|module| (service.name.clone(), Some(module.name.clone())));
        std::iter::once((service.name.clone(), None)).chain(modules).collect::<Vec<_>>()
    };
    snapshot.services.iter().flat_map(|service| of(service)).collect()
}

impl Page for ServicesPage {
    fn crumb(&self) -> String {
        "services".into()
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Services)
    }

    fn service(&self) -> Option<(&str, Option<&str>)> {
        self.selected.as_ref().map(|(service, module)| (service.as_str(), module.as_deref()))
    }

    fn hints(&self) -> &'static [Action] {
        &[
            Action::Back,
            Action::MaintainService,
            Action::Release,
            Action::StopModule,
            Action::Logs,
            Action::Open,
            Action::ForceRelease,
            Action::Look,
            Action::Copy,
        ]
    }

    fn step(&mut self, world: &World, by: isize) -> bool {
        let rows = rows(&world.shown);
        let at = rows.iter().position(|row| Some(row) == self.selected.as_ref()).unwrap_or(0);
        let to = at.saturating_add_signed(by).min(rows.len().saturating_sub(1));
        self.selected = rows.get(to).cloned();
        to != at
    }

    fn keeps_selection_seen(&self) -> bool {
        true
    }

    fn wants(&mut self, world: &World) -> Option<Query> {
        let rows = rows(&world.shown);
        if self.selected.as_ref().is_none_or(|selected| !rows.contains(selected)) {
            self.selected = rows.first().cloned();
        }
        if self.asked || world.unreachable().is_some() {
            return None;
        }
        // What was seen half a minute ago may be over; the answer comes with the next picture.
        self.asked = true;
        Some(Query::Services)
    }

    fn document(&self, world: &World, look: &Look, width: usize) -> Vec<Line> {
        let glyphs = look.theme.glyphs;
        let names = world.shown.services.iter().flat_map(|service| &service.modules);
        let longest = names.map(|module| module.name.chars().count()).max().unwrap_or(0).clamp(6, 24);
        let mut lines = Vec::new();
        for service in world.shown.services.iter() {
            if !lines.is_empty() {
                lines.push(Vec::new());
            }
            lines.extend(self.service_lines(service, world, glyphs, (longest, width)));
        }
        if lines.is_empty() {
            lines.push(vec![dim("no services: [services.NAME] of the fleet file, with `host` and `pid_files`")]);
        }
        lines
    }
}

impl ServicesPage {
    fn cursor(&self, service: &str, module: Option<&str>, glyphs: &Glyphs) -> (Part, Meaning) {
        let selected = self.service() == Some((service, module));
        let sign = if selected { glyphs.cursor } else { " " };
        (part(Meaning::Focus, sign), if selected { Meaning::Selection } else { Meaning::Text })
    }

    fn service_lines(
        &self,
        service: &ServiceView,
        world: &World,
        glyphs: &Glyphs,
        (longest, width): (usize, usize),
    ) -> Vec<Line> {
        let (cursor, name) = self.cursor(&service.name, None, glyphs);
        let name = if name == Meaning::Selection { name } else { Meaning::Title };
        let of = |state| service.modules.iter().filter(|module| module.state == state).count();
        let modules = format::several(service.modules.len(), "module");
        let running = match (of(ModuleState::Running), of(ModuleState::Unknown)) {
            (0, unknown) if unknown == service.modules.len() => format!("  {modules}"),
            (living, _) => format!("  {living} of {modules} running"),
        };
        let mut head = vec![
            cursor,
            part(name, format!(" {}", service.name)),
            plain(format!("  on {}", service.host)),
            dim(running),
        ];
        if let Some(looked) = service.looked {
            head.push(dim(format!("  seen {}", format::ago(looked, world.reference()))));
        }
        let mut lines = vec![head];
        for (meaning, text) in told(service, world, glyphs) {
            for line in wrap(&text, width.saturating_sub(4).max(20)) {
                lines.push(vec![plain("    "), part(meaning, line)]);
            }
        }
        if !service.modules.is_empty() {
            let head = format!("    {:<longest$}  {:<12}  {:>8}  {:<10}  command", "module", "state", "pid", "lock");
            lines.push(vec![part(Meaning::Heading, head)]);
        }
        for module in &service.modules {
            let (cursor, name) = self.cursor(&service.name, Some(&module.name), glyphs);
            let (state, sign) = state(module, glyphs);
            let pid = module.pid.map(|pid| pid.to_string()).unwrap_or_default();
            let shown: String = module.name.chars().take(longest).collect();
            lines.push(vec![
                cursor,
                plain(" "),
                part(state, sign),
                part(name, format!(" {shown:<longest$}")),
                part(state, format!("  {:<12}", module.state.word())),
                plain(format!("  {pid:>8}  ")),
                lock(&module.lock),
                dim(module.command.clone()),
            ]);
        }
        lines
    }
}

/// Who holds it, and what is wrong, in sentences.
fn told(service: &ServiceView, world: &World, glyphs: &Glyphs) -> Vec<(Meaning, String)> {
    let minute = |at| format::minute(at, &world.zone);
    let mut told = Vec::new();
    if let Some(trouble) = &service.trouble {
        told.push((Meaning::Warn, format!("{} {trouble}", glyphs.warn)));
    }
    if let Some(hold) = &service.hold {
        let how = match hold.state {
            HoldState::Taking => "its locks are being taken",
            HoldState::Held => "held",
            HoldState::Releasing => "its locks are being given back",
        };
        let left = format::left(hold.until, world.reference());
        let (since, until) = (minute(hold.since), minute(hold.until));
        let text = format!("{how} until {until} ({left} left) by {}: {} (since {since})", hold.owner, hold.why);
        told.push((Meaning::Info, text));
    }
    for holder in service.holders().into_iter().filter(|holder| service.hold.is_none() || holder.mark.is_none()) {
        let since = holder.began.map(|began| format!(", began {}", minute(began))).unwrap_or_default();
        told.push((Meaning::Warn, format!("held by {}{since}", holder.said())));
    }
    told
}

/// How a module is.
fn state(module: &ModuleView, glyphs: &Glyphs) -> (Meaning, &'static str) {
    match module.state {
        ModuleState::Running => (Meaning::Good, glyphs.good),
        ModuleState::Unknown => (Meaning::Unknown, glyphs.waiting),
        ModuleState::Dead | ModuleState::Recycled => (Meaning::Warn, glyphs.warn),
        ModuleState::NoPid | ModuleState::Missing => (Meaning::Bad, glyphs.bad),
    }
}

fn lock(lock: &LockView) -> Part {
    match lock {
        LockView::Unknown => dim(format!("{:<12}", "?")),
        LockView::Free => dim(format!("{:<12}", "free")),
        LockView::Held { by } if by.mark.is_some() => part(Meaning::Info, format!("{:<12}", "held")),
        LockView::Held { by } => part(Meaning::Warn, format!("{:<12}", format!("pid {}", by.pid))),
    }
}
