//! The arguments, as clap reads them.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser};

/// Watch over a handful of machines with too few spares.
#[derive(Debug, Parser)]
#[command(name = "hotspare", version, about, long_about = None, max_term_width = 100)]
pub struct Arguments {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command; none: the console.
    #[command(subcommand)]
    pub command: Option<Subcommand>,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The fleet file
    #[arg(long, global = true, value_name = "FILE", env = "HOTSPARE_FLEET")]
    pub fleet: Option<PathBuf>,
    /// The state folder
    #[arg(long, global = true, value_name = "DIR", env = "HOTSPARE_STATE")]
    pub state: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub json: bool,
    /// Refuse everything that would change anything
    #[arg(long, global = true)]
    pub read_only: bool,
    /// No colour
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Only results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Tell more of what goes on; twice: even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// The commands. Each has its own file beside this one.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Look through the fleet file: every error at once, warnings for risks
    Check(super::check::CheckArgs),
    /// Write a first fleet file: asks a few questions, or takes flags
    Init(super::init::InitArgs),
}
