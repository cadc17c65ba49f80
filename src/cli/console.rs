//! `hotspare console`, and `hotspare` alone: the full-screen program over the running engine, or over a fresh one.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{files, join};
use crate::clock::Clock;
use crate::console::theme::color::Depth;
use crate::console::{Choices, ConsoleEnd, ConsoleOptions};
use crate::engine::client::{self, Client};
use crate::engine::guest::Guest;
use crate::engine::launch::{self, Launch};
use crate::engine::{Config, Engine};
use crate::fleet;
use crate::fleet::settings::ConsoleSettings;
use crate::reach::ssh::SshOptions;

/// Arguments of `hotspare console`.
#[derive(Debug, Clone, Default, Args)]
pub struct ConsoleArgs {
    /// Keep the engine in this process: it ends with the console
    #[arg(long)]
    in_process: bool,
    /// How it looks and tells.
    #[command(flatten)]
    manner: Manner,
}

/// How a console looks and tells, whatever it stands over.
#[derive(Debug, Clone, Default, Args)]
pub struct Manner {
    /// The theme, instead of that of the fleet file
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// The keymap, instead of that of the fleet file
    #[arg(long, value_name = "NAME")]
    keymap: Option<String>,
    /// Draw without Unicode
    #[arg(long)]
    ascii: bool,
    /// The mouse selects, opens and scrolls
    #[arg(long)]
    mouse: bool,
    /// Ring the terminal's bell at each alarm
    #[arg(long)]
    bell: bool,
    /// Tell each alarm to the desktop through the terminal (OSC 9)
    #[arg(long)]
    announce: bool,
}

/// Opens the console and says how it was left.
pub fn run(context: &Context, args: &ConsoleArgs) -> Result<Exit, Failure> {
    needs_terminal("for pipes and logs there is `hotspare status --watch`")?;
    let place = join::place(context)?;
    context.block_on(open(context, args, place))
}

/// The console draws on standard output; `hint` says what to do where that is a pipe or a file.
pub(super) fn needs_terminal(hint: &str) -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage("the console needs a terminal, and standard output is none").hint(hint))
}

async fn open(context: &Context, args: &ConsoleArgs, place: Launch) -> Result<Exit, Failure> {
    let settings = place.fleet.as_ref().ok().and_then(|path| fleet::open(path).fleet);
    let settings = settings.map_or_else(ConsoleSettings::default, |fleet| fleet.console);
    let options = ConsoleOptions {
        engine_stays: !args.in_process,
        ..options(context, &args.manner, settings, place.state.path().to_owned())
    };
    let guest = Guest::console(context.read_only);
    if args.in_process {
        let config = Config {
            fleet: place.fleet?,
            state: Some(place.state.path().to_owned()),
            detached: false,
            quiet: false,
            clock: options.clock.clone(),
            ssh: SshOptions::default(),
        };
        let engine =
            Engine::start(config).await.map_err(|error| Failure::failed(error.to_string()).hint(error.hint()))?;
        crate::metrics::start(&engine, &options.clock);
        let ended = show(context, Arc::new(client::in_process(&engine, &guest)), options).await;
        engine.stop("console").await;
        return ended;
    }
    let socket = launch::connect_or_start(place, guest).await?;
    show(context, Arc::new(socket), options).await
}

async fn show(context: &Context, client: Arc<dyn Client>, options: ConsoleOptions) -> Result<Exit, Failure> {
    let stays = options.engine_stays;
    let ended =
        crate::console::run(Arc::clone(&client), options).await.map_err(|error| Failure::failed(error.to_string()))?;
    if ended == ConsoleEnd::Quit && stays {
        let joined = *client.link().borrow() == client::Link::Joined;
        let pid = client.snapshots().borrow().head.engine.pid;
        context.tell(&if joined {
            format!("the engine goes on (pid {pid}); `hotspare` joins it again, `hotspare engine stop` ends it")
        } else {
            "no engine runs; `hotspare` starts one".to_owned()
        });
    }
    Ok(Exit::Done)
}

/// What is on the command line, then in the fleet file, then the default.
pub(super) fn options(context: &Context, manner: &Manner, settings: ConsoleSettings, state: PathBuf) -> ConsoleOptions {
    let surroundings = ConsoleOptions::new(state);
    ConsoleOptions {
        theme: manner.theme.clone().unwrap_or(settings.theme),
        keymap: manner.keymap.clone().unwrap_or(settings.keymap),
        ascii: manner.ascii || settings.ascii || surroundings.ascii,
        depth: if context.color { surroundings.depth } else { Depth::None },
        read_only: context.read_only,
        config: files::config_folder(),
        choices: Choices { mouse: manner.mouse, bell: manner.bell, announce: manner.announce },
        clock: Clock::real(),
        ..surroundings
    }
}
