//! The options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args};

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Options {
    /// The fleet file [default: the first of ./hotspare.toml, ~/.config/hotspare/hotspare.toml,
    /// /etc/hotspare/hotspare.toml]
    #[arg(long, global = true, value_name = "FILE", env = "HOTSPARE_FLEET")]
    pub fleet: Option<PathBuf>,
    /// The state folder: journal, socket, log [default: ~/.local/state/hotspare/<fleet name>]
    #[arg(long, global = true, value_name = "DIR", env = "HOTSPARE_STATE")]
    pub state: Option<PathBuf>,
    /// Print JSON: one document, or one a line with --watch and --follow
    #[arg(long, global = true)]
    pub json: bool,
    /// Refuse everything that would change anything
    #[arg(long, global = true)]
    pub read_only: bool,
    /// No colour (also with `NO_COLOR=1`)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Only results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Tell which files and which engine are used; twice: with the time since the start
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}
