//! `hotspare service`: who holds what, stopping what is held, releasing.

mod list;

use std::io::BufRead as _;

use clap::{Args, Subcommand};

use super::context::Context;
use super::exit::{Exit, Failure};
use super::maintain::{other, report};
use super::{follow, join};
use crate::engine::client::Client;
use crate::engine::command::{Answer, Command, Query, Report};
use crate::engine::socket::Socket;
use crate::service::view::{Released, ServiceView};

/// Arguments of `hotspare service`.
#[derive(Debug, Args)]
pub struct ServiceArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every service with its modules and who holds their locks, looked at now; exits 1 if a host cannot be asked
    List,
    /// Stop modules of a service that is held: an interrupt, a minute, another one; never more than that
    Stop(StopArgs),
    /// Give the locks of a service back
    Release(ReleaseArgs),
}

#[derive(Debug, Args)]
struct StopArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Only this module, by its name or its pid file; else all that live, in the order of the fleet file
    #[arg(long, value_name = "MODULE")]
    module: Option<String>,
}

#[derive(Debug, Args)]
struct ReleaseArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Also where somebody else holds it: the process that has the locks is ended, after it was proven to have them
    #[arg(long)]
    force: bool,
    /// With --force: the name of the service, so that nothing is asked
    #[arg(long, value_name = "SERVICE", requires = "force")]
    confirm: Option<String>,
}

/// Runs one of them.
pub fn run(context: &Context, args: &ServiceArgs) -> Result<Exit, Failure> {
    match &args.what {
        What::List => list::run(context),
        What::Stop(args) => stop(context, args),
        What::Release(args) => release(context, args),
    }
}

fn stop(context: &Context, args: &StopArgs) -> Result<Exit, Failure> {
    context.block_on_to_the_end(async {
        // Only an engine that runs can hold anything.
        let engine = join::needed(context, &join::place(context)?).await?;
        let command = Command::ServiceStop { service: args.service.clone(), module: args.module.clone() };
        let Report::ServiceStopped { stopped } = report(context, &engine, command).await? else {
            return Err(other());
        };
        if context.json {
            context.document(&stopped)?;
        } else {
            for module in &stopped.modules {
                context.line(&format!("{}: {}", module.name, module.said))?;
            }
        }
        Ok(if stopped.modules.iter().all(|module| module.gone) { Exit::Done } else { Exit::Failed })
    })
}

fn release(context: &Context, args: &ReleaseArgs) -> Result<Exit, Failure> {
    context.block_on_to_the_end(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let released = released(context, &joined.engine, args).await;
        joined.leave().await;
        let released = released?;
        if context.json {
            context.document(&released)?;
        } else {
            for holder in &released.ended {
                context.line(&format!("ended on {}: {}", released.host, holder.said()))?;
            }
            for holder in &released.holders {
                context.line(&format!("held now by {}", holder.said()))?;
            }
            context.line(&match released.free {
                Some(true) => format!("{}: the locks are free, read back", released.service),
                Some(false) => format!("{}: a lock is still held", released.service),
                None => format!("{}: {} cannot be asked", released.service, released.host),
            })?;
        }
        Ok(if released.free == Some(true) { Exit::Done } else { Exit::Failed })
    })
}

async fn released(context: &Context, engine: &Socket, args: &ReleaseArgs) -> Result<Released, Failure> {
    let service = args.service.clone();
    let command = if args.force {
        let phrase = match &args.confirm {
            Some(phrase) => phrase.clone(),
            None => typed(context, engine, &service).await?,
        };
        Command::ServiceForce { service, phrase }
    } else {
        Command::ServiceRelease { service, generation: None }
    };
    let accepted = engine.command(command).await?;
    let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
    let ended = follow::ended_or_cancelled(context, engine, job).await?;
    match follow::report(engine, &ended).await? {
        Report::ServiceReleased { released } => Ok(released),
        Report::Refused { why } if args.force => Err(Failure::refused(why)),
        Report::Refused { why } => Err(Failure::refused(why)
            .hint("`hotspare service list` shows who holds it; --force ends the process that does")),
        _ => Err(other()),
    }
}

/// Shows who holds what and returns what the person typed.
async fn typed(context: &Context, engine: &Socket, service: &str) -> Result<String, Failure> {
    let services = looked(engine).await?;
    let holders = services.iter().find(|known| known.name == service).map(|known| known.holders()).unwrap_or_default();
    for holder in &holders {
        context.say(&format!("{service} is held by {}\n", holder.said()));
    }
    context.say(&format!(
        "Whoever it is may be at work on it, and its boot program starts what was stopped.\nType {service} to end it: "
    ));
    let mut typed = String::new();
    let _nothing_typed = std::io::stdin().lock().read_line(&mut typed);
    Ok(typed.trim_end_matches(['\r', '\n']).to_owned())
}

/// All services, looked at now.
async fn looked(engine: &Socket) -> Result<Vec<ServiceView>, Failure> {
    match engine.query(Query::Services).await? {
        Answer::Services { services } => Ok(services),
        _ => Err(other()),
    }
}
