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
        What::List(args) => list::run(context, store, args),
        What::Show(args) => show::run(context, store, args),
        What::Sync(args) => sync::run(context, store, args),
        What::Limit(args) => limit::run(context, store, args),
        What::Verify(args) => verify::run(context, store, args),
        What::Delete(args) => delete::run(context, store, args),
    }
}
