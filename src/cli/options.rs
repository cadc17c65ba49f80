//! The options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args};

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Options {
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
