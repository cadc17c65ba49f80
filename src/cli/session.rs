//! `hotspare session`: recording sessions, listed, copied, verified and deleted by the engine.

pub mod delete;
pub mod limit;
pub mod list;
mod rows;
pub mod show;
pub mod sync;
pub mod verify;
pub mod which;

use clap::{Args, Subcommand};

use super::context::Context;
use super::exit::{Exit, Failure};
use super::join;
use crate::engine::client::Client;
use crate::fleet;

/// Arguments of `hotspare session`.
#[derive(Debug, Args)]
pub struct SessionArgs {
    /// The store, where the fleet file has several [default: its first]
    #[arg(long, global = true, value_name = "STORE")]
    store: Option<String>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// One row a session
    List(list::ListArgs),
    /// Everything known of one session, with the reason for every no; exits 1 if something is wrong with it
    Show(which::One),
    /// Copy and verify; what is good already is skipped, what was interrupted goes on
    Sync(sync::SyncArgs),
    /// Change how many bytes a second copies may take, also those that run
    Limit(limit::LimitArgs),
    /// Compare copies with their source or manifest; exits 1 if anything differs
    Verify(verify::VerifyArgs),
    /// Delete from this computer what is proven to be elsewhere; asks to type DELETE
    Delete(delete::DeleteArgs),
}

/// Runs one of them.
pub fn run(context: &Context, args: &SessionArgs) -> Result<Exit, Failure> {
    let store = args.store.as_deref();
    match &args.what {
        What::List(_) if store.is_none() && declares_none(context)? => nothing(context),
        What::List(args) => list::run(context, store, args),
        What::Show(args) => show::run(context, store, args),
        What::Sync(args) => sync::run(context, store, args),
        What::Limit(args) => limit::run(context, store, args),
        What::Verify(args) => verify::run(context, store, args),
        What::Delete(args) => delete::run(context, store, args),
    }
}

/// Whether there is no store at all. No engine is started to find out.
fn declares_none(context: &Context) -> Result<bool, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        if let Some(engine) = join::running(context, &place).await? {
            return Ok(engine.snapshots().borrow().stores.is_empty());
        }
        let file = place.fleet.ok().and_then(|path| fleet::open(&path).fleet);
        Ok(file.is_some_and(|fleet| fleet.sessions.is_empty()))
    })
}

/// Prints that nothing can be listed.
fn nothing(context: &Context) -> Result<Exit, Failure> {
    if context.json {
        let totals = serde_json::json!({ "sessions": 0, "files": 0, "bytes": 0, "safe": 0, "safe_bytes": 0 });
        context.document(&serde_json::json!({ "store": null, "sessions": [], "totals": totals }))?;
    } else {
        context.line(
            "no sessions: write [sessions.NAME] into the fleet file, with `source`, `layout` and `destinations`",
        )?;
    }
    Ok(Exit::Done)
}
