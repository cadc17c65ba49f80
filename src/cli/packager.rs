//! `hotspare completions` and `hotspare man`: for whoever packages hotspare.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Arguments;
use super::context::Context;
use super::exit::{Exit, Failure};

/// Arguments of `hotspare completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completions of a shell.
pub fn completions(context: &Context, args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "hotspare", &mut script);
    context.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Prints the manual page: all commands in one page, in roff.
pub fn man(context: &Context) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let mut command = Arguments::command();
    command.build();
    render(&command, &mut page)
        .map_err(|error| Failure::failed(format!("the manual page cannot be written: {error}")))?;
    context.print(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}

fn render(command: &clap::Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let manual = clap_mangen::Man::new(command.clone());
    manual.render_title(page)?;
    manual.render_name_section(page)?;
    manual.render_synopsis_section(page)?;
    manual.render_description_section(page)?;
    manual.render_options_section(page)?;
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        let manual = clap_mangen::Man::new(subcommand.clone().disable_help_flag(true));
        std::io::Write::write_all(
            page,
            format!(".SH \"HOTSPARE {}\"\n", subcommand.get_name().to_uppercase()).as_bytes(),
        )?;
        manual.render_description_section(page)?;
        manual.render_synopsis_section(page)?;
        manual.render_options_section(page)?;
    }
    Ok(())
}
