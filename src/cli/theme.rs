//! `hotspare theme list` and `theme show`: which themes there are, and from which file.

use crate::console::library::{Kind, Library};
use crate::console::theme::Theme;
use crate::console::theme::color::Depth;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::files;

/// Arguments of `hotspare theme`.
#[derive(Debug, clap::Args)]
pub struct ThemeArgs {
    #[command(subcommand)]
    what: files::What,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &ThemeArgs) -> Result<Exit, Failure> {
    let library = Library { folder: files::config_folder() };
    files::run(context, &library, Kind::Theme, &arguments.what, |name| {
        Theme::load(&library, name, Depth::True, false).map(|_| ())
    })
}
