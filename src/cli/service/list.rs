//! `hotspare service list`: every service, its modules, and who holds their locks.

use serde::Serialize;

use super::looked;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{join, table};
use crate::service::view::{HoldState, HolderView, LockView, ModuleState, ModuleView, ServiceView};

#[derive(Serialize)]
struct Document<'a> {
    services: &'a [ServiceView],
}

/// Looks and prints; exit 1 if a host could not be asked.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    context.block_on(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let services = looked(&joined.engine).await;
        joined.leave().await;
        let services = services?;
        if context.json {
            context.document(&Document { services: &services })?;
        } else if services.is_empty() {
            context.line("no services: write [services.NAME] into the fleet file, with `host` and `pid_files`")?;
        } else {
            context.print(&text(&services))?;
        }
        Ok(if services.iter().all(|service| service.trouble.is_none()) { Exit::Done } else { Exit::Failed })
    })
}

fn text(services: &[ServiceView]) -> String {
    let mut rows = table::Table::new(["service", "host", "module", "state", "pid", "lock", "command"]);
    for service in services {
        if service.modules.is_empty() {
            let none = String::new;
            rows.row([
                service.name.clone(),
                service.host.clone(),
                none(),
                "no pid files".into(),
                none(),
                none(),
                none(),
            ]);
        }
        // What could not be looked at is as it was seen last, if ever.
        let stale = service.trouble.is_some();
        for module in &service.modules {
            let seen = module.state != ModuleState::Unknown;
            rows.row([
                service.name.clone(),
                service.host.clone(),
                module.name.clone(),
                if stale && seen { format!("was {}", module.state.word()) } else { module.state.word().to_owned() },
                module.pid.map(|pid| pid.to_string()).unwrap_or_default(),
                if stale { "not known".into() } else { lock(module) },
                module.command.clone(),
            ]);
        }
    }
    rows.render() + &services.iter().flat_map(told).map(|line| line + "\n").collect::<String>()
}

/// What no column has room for: whole sentences about who holds it.
fn told(service: &ServiceView) -> Vec<String> {
    let place = format!("{} on {}", service.name, service.host);
    let held = service.hold.as_ref().map(|hold| {
        let how = match hold.state {
            HoldState::Taking => "is being taken by",
            HoldState::Held => "is held by",
            HoldState::Releasing => "is being given back by",
        };
        format!("{place} {how} {} since {:.0} until {:.0}: {}", hold.owner, hold.since, hold.until, hold.why)
    });
    // What this engine holds was said.
    let strange = |holder: &&HolderView| service.hold.is_none() || holder.mark.is_none();
    let strangers = service.holders().into_iter().filter(strange);
    let strangers = strangers.map(|holder| format!("{place} is held by {}", holder.said()));
    let trouble = service.trouble.as_ref().map(|trouble| format!("{}: {trouble}", service.name));
    held.into_iter().chain(strangers).chain(trouble).collect()
}

fn lock(module: &ModuleView) -> String {
    match &module.lock {
        LockView::Unknown => "not known".into(),
        LockView::Free => "free".into(),
        LockView::Held { by } => match &by.mark {
            Some(mark) => format!("held: {}", mark.by),
            None => format!("held: pid {}", by.pid),
        },
    }
}
