//! `hotspare completions` and `hotspare man`: for whoever packages hotspare.

use std::io::Write as _;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Arguments;
use super::context::Context;
use super::exit::{Exit, Failure};

/// What the exit codes mean, below the help and in the manual page.
pub const EXITS: &str = "\
Exit codes:
  0    done, and what was asked holds
  1    it failed, or what was asked does not hold
  2    wrong usage, or a fleet file with errors
  3    refused by a safety check; nothing was changed
  4    some of several failed
  130  interrupted";

/// The end of the manual page.
const CLOSING: &str = r".SH ENVIRONMENT
.TP
\fBHOTSPARE_FLEET\fR, \fBHOTSPARE_STATE\fR
As \fB\-\-fleet\fR and \fB\-\-state\fR, which go before them.
.TP
\fBHOTSPARE_LOG\fR
What the engine logs, such as \fIdebug\fR or \fIhotspare::health=trace\fR; \fIinfo\fR by default.
.TP
\fBNO_COLOR\fR
No colour, if it is set and not empty.
.SH FILES
.TP
\fI./hotspare.toml\fR, \fI$XDG_CONFIG_HOME/hotspare/hotspare.toml\fR, \fI/etc/hotspare/hotspare.toml\fR
The fleet file; the first that is there.
.TP
\fI$XDG_CONFIG_HOME/hotspare/themes/\fR, \fI$XDG_CONFIG_HOME/hotspare/keymaps/\fR
Themes and keymaps of your own.
.TP
\fI$XDG_STATE_HOME/hotspare/<fleet name>/\fR
The state folder: \fIstate.db\fR (the journal), \fIengine.sock\fR, \fIlog/\fR.
.SH EXAMPLES
.nf
hotspare demo                          try it, without any configuration
hotspare init && hotspare doctor       begin
hotspare status || mail -s trouble me  from cron
hotspare journal --since 1d            what happened since yesterday
.fi
";

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
    context.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Prints the manual page: all commands in one page, in roff.
pub fn man(context: &Context) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let mut command = Arguments::command();
    command.build();
    render(&command, &mut page)
        .map_err(|error| Failure::failed(format!("the manual page cannot be written: {error}")))?;
    context.text(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}

fn render(command: &clap::Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let manual = clap_mangen::Man::new(command.clone());
    manual.render_title(page)?;
    manual.render_name_section(page)?;
    manual.render_synopsis_section(page)?;
    manual.render_description_section(page)?;
    manual.render_options_section(page)?;
    let commands = command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help");
    for subcommand in commands {
        describe(subcommand, subcommand.get_name(), page)?;
        for ask in subcommand.get_subcommands().filter(|ask| ask.get_name() != "help") {
            describe(ask, &format!("{} {}", subcommand.get_name(), ask.get_name()), page)?;
        }
    }
    writeln!(page, ".SH \"EXIT STATUS\"\n.nf")?;
    for line in EXITS.lines().skip(1) {
        writeln!(page, "{}", line.trim_start())?;
    }
    writeln!(page, ".fi")?;
    page.write_all(CLOSING.as_bytes())
}

/// One command, without the options that all have.
fn describe(command: &clap::Command, name: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    let shared = |arg: &&clap::Arg| arg.is_global_set() || arg.get_id() == "help";
    let shared: Vec<String> = command.get_arguments().filter(shared).map(|arg| arg.get_id().to_string()).collect();
    let plain = shared.iter().fold(command.clone(), |plain, id| plain.mut_arg(id, |arg| arg.hide(true)));
    let manual = clap_mangen::Man::new(plain);
    writeln!(page, ".SH \"HOTSPARE {}\"", name.to_uppercase())?;
    manual.render_synopsis_section(page)?;
    manual.render_description_section(page)?;
    manual.render_options_section(page)
}
