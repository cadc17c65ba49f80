//! `hotspare pool`: who stands in for whom, and changing it.

mod change;
pub(super) mod list;
mod mend;
mod pause;
mod show;
mod swear;

use clap::{Args, Subcommand};

use super::context::Context;
use super::exit::{Exit, Failure};

/// Arguments of `hotspare pool`.
#[derive(Debug, Args)]
pub struct PoolArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Assignments, readiness, last takeovers and drills; exits 1 if anything needs a person
    List,
    /// Everything known of one pool: who sees whom, why something was not done, what was done
    Show(PoolName),
    /// The stand-in by hand; asks to type the failed host's name
    Takeover(change::TakeoverArgs),
    /// Back to the protected host; asks to type its name
    Giveback(change::EndArgs),
    /// A spare serves no longer, though its host is not back, and is free for another; asks to type the host's name
    Release(change::EndArgs),
    /// Run the drill and record how long it took
    Drill(change::DrillArgs),
    /// Answer what a step of the pool's run asks
    Answer(mend::AnswerArgs),
    /// Go on with a run that was interrupted
    Resume(PoolName),
    /// Undo what an interrupted run has done
    Abandon(PoolName),
    /// No automatic decisions meanwhile; ends by itself
    Pause(pause::PauseArgs),
    /// Automatic decisions again
    Unpause(PoolName),
    /// Say that a machine is off, under your name: the fence where nothing else can prove it
    Swear(swear::SwearArgs),
    /// Say that a spare on which something failed was looked at and is clean: it is free again
    Clear(swear::ClearArgs),
    /// Say that you have seen what happened: the cool-down ends, the brake is re-armed, another attempt is allowed
    Acknowledge(PoolName),
}

/// A pool.
#[derive(Debug, Args)]
struct PoolName {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
}

/// Runs one of them.
pub fn run(context: &Context, args: &PoolArgs) -> Result<Exit, Failure> {
    match &args.what {
        What::List => list::run(context),
        What::Show(args) => show::run(context, &args.pool),
        What::Takeover(args) => change::takeover(context, args),
        What::Giveback(args) => change::giveback(context, args),
        What::Release(args) => change::release(context, args),
        What::Drill(args) => change::drill(context, args),
        What::Answer(args) => mend::answer(context, args),
        What::Resume(args) => mend::resume(context, &args.pool),
        What::Abandon(args) => mend::abandon(context, &args.pool),
        What::Pause(args) => pause::pause(context, args),
        What::Unpause(args) => pause::unpause(context, &args.pool),
        What::Swear(args) => swear::run(context, args),
        What::Clear(args) => swear::clear(context, args),
        What::Acknowledge(args) => mend::acknowledge(context, &args.pool),
    }
}
