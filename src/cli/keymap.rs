//! `hotspare keymap list` and `keymap show`: which keymaps there are, and from which file.

use crate::console::keymap::Keymap;
use crate::console::library::{Kind, Library};

use super::context::Context;
use super::exit::{Exit, Failure};
use super::files;

/// Arguments of `hotspare keymap`.
#[derive(Debug, clap::Args)]
pub struct KeymapArgs {
    #[command(subcommand)]
    what: files::What,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &KeymapArgs) -> Result<Exit, Failure> {
    let library = Library { folder: files::config_folder() };
    files::run(context, &library, Kind::Keymap, &arguments.what, |name| Keymap::load(&library, name).map(|_| ()))
}
