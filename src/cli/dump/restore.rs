//! `hotspare dump restore`: restores a kit for real.

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::path::PathBuf;

use clap::Args;

use super::{drill, job, other, pick};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{join, table};
use crate::clock::Clock;
use crate::dump::report::Restored;
use crate::dump::restore::PHRASE;
use crate::dump::worker::hands::Pick;
use crate::engine::command::{Command, Report};
use crate::engine::socket::Socket;
use crate::fleet::secret::{DatabaseUrl, SecretSource};

/// Arguments of `hotspare dump restore`.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The dump
    #[arg(value_name = "DUMP")]
    dump: String,
    /// Only this database; may be given several times
    #[arg(long, value_name = "NAME")]
    database: Vec<String>,
    /// The kit of this name, or the newest that is not younger than this moment; else the newest
    #[arg(long, value_name = "T")]
    at: Option<String>,
    /// The server to restore to: <mysql://user@host:3306/> or <mongodb://user@host/>, without a password
    #[arg(long, value_name = "URL")]
    to: String,
    /// The file with the password for it, which only its owner may read; not needed for the server that is dumped
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Only say what would be overwritten
    #[arg(long)]
    dry_run: bool,
    /// What would have to be typed: RESTORE
    #[arg(long, value_name = "PHRASE")]
    confirm: Option<String>,
}

/// Looks first, shows what would be overwritten, asks, then restores.
pub(super) fn run(context: &Context, args: &RestoreArgs) -> Result<Exit, Failure> {
    let to = args.target()?;
    let pick = args.at.as_deref().map(pick).transpose()?.unwrap_or(Pick::Newest);
    context.block_on_to_the_end(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let command = |pick: Pick, dry_run: bool, phrase: String| Command::DumpRestore {
            dump: args.dump.clone(),
            databases: args.database.clone(),
            pick,
            to: to.clone(),
            dry_run,
            phrase,
        };
        let ended = steps(context, args, &joined.engine, pick, command).await;
        joined.leave().await;
        ended
    })
}

async fn steps(
    context: &Context,
    args: &RestoreArgs,
    engine: &Socket,
    mut pick: Pick,
    command: impl Fn(Pick, bool, String) -> Command,
) -> Result<Exit, Failure> {
    let phrase = if let (Some(phrase), false) = (&args.confirm, args.dry_run) {
        phrase.clone()
    } else {
        let looked = carry_out(context, engine, command(pick, true, String::new())).await?;
        if args.dry_run || !looked.ok {
            return said(context, &looked);
        }
        // The kit that was shown is the one that is restored, whatever is dumped meanwhile.
        pick = Pick::Named(looked.kit.clone());
        ask(context, &looked)?
    };
    let restored = carry_out(context, engine, command(pick, false, phrase)).await?;
    said(context, &restored)
}

async fn carry_out(context: &Context, engine: &Socket, command: Command) -> Result<Restored, Failure> {
    match job(context, engine, command).await? {
        (_, Report::Restored { restored }) => Ok(restored),
        _ => Err(other()),
    }
}

impl RestoreArgs {
    fn target(&self) -> Result<DatabaseUrl, Failure> {
        let url = url::Url::parse(&self.with_one_host()).map_err(|error| {
            Failure::usage(format!("--to {}: {error}", self.to))
                .hint("write mysql://user@host:3306/, or mongodb://user@host:27017/")
        })?;
        // What is on a command line everybody on this machine can read.
        if url.password().is_some() {
            return Err(Failure::usage("--to has a password in it, which others on this machine can read")
                .hint("put it into a file that only you may read, and name it with --password-file"));
        }
        let file = self.password_file.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        let password = file.map_or(SecretSource::None, SecretSource::File);
        Ok(DatabaseUrl { url: self.to.clone(), password })
    }
}

impl RestoreArgs {
    /// The url with the first of its hosts only: a replica set's has several, which the url library refuses.
    fn with_one_host(&self) -> String {
        match self.to.split_once(',') {
            Some((first, rest)) if self.to.starts_with("mongodb:") => {
                format!("{first}{}", rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default())
            }
            _ => self.to.clone(),
        }
    }
}

/// Shows what would be overwritten, and returns what the person typed.
fn ask(context: &Context, looked: &Restored) -> Result<String, Failure> {
    context.say(&text(looked));
    context.say(&format!("type {PHRASE} to restore, anything else to leave everything as it is: "));
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    let typed = typed.trim_end_matches(['\r', '\n']);
    match read {
        Ok(1..) if typed == PHRASE => Ok(typed.to_owned()),
        _ => Err(Failure::refused(format!("nothing was restored: {PHRASE} was not typed"))
            .hint(format!("in a script, add --confirm {PHRASE}"))),
    }
}

fn said(context: &Context, restored: &Restored) -> Result<Exit, Failure> {
    if context.json {
        context.document(restored)?;
    } else {
        context.print(&text(restored))?;
    }
    let wrong = restored.databases.iter().filter(|database| !database.ok).count();
    Ok(match (restored.ok, wrong) {
        (true, _) => Exit::Done,
        (false, wrong) if !restored.dry_run && wrong > 0 && wrong < restored.databases.len() => Exit::Partial,
        (false, _) => Exit::Failed,
    })
}

fn text(restored: &Restored) -> String {
    let now = Clock::real().now();
    let mut text = if restored.dry_run { String::new() } else { drill::databases(&restored.databases) };
    let (head, word) = match (restored.dry_run, restored.overwrites.is_empty()) {
        (true, true) => (format!("nothing of the kit is at {} yet\n", restored.to), "would be restored"),
        (true, false) => {
            (format!("at {} would be overwritten, after it was dumped:\n", restored.to), "would be restored")
        }
        (false, true) => (String::new(), "restored"),
        (false, false) => (format!("at {} was overwritten:\n", restored.to), "restored"),
    };
    text.push_str(&head);
    if !restored.overwrites.is_empty() {
        let mut rows = table::Table::new(["database", "tables", "rows", "last changed"]);
        for one in &restored.overwrites {
            let changed = one.changed.map(|at| format!("{} ago", table::span(now.duration_since(at).as_secs())));
            rows.row([
                one.name.clone(),
                one.tables.to_string(),
                one.rows.to_string(),
                changed.unwrap_or_else(|| "the server does not say".into()),
            ]);
        }
        text.push_str(&rows.render());
    }
    let names: Vec<&str> = restored.databases.iter().map(|database| database.name.as_str()).collect();
    let _infallible = writeln!(text, "kit {} {word} to {}: {}", restored.kit, restored.to, names.join(", "));
    if let Some(before) = &restored.before {
        let _infallible = writeln!(text, "what was there before is in kit {before}");
    }
    if !restored.dry_run {
        let said =
            if restored.ok { "everything is there as it was noted" } else { "not everything is there as it was noted" };
        let _infallible = writeln!(text, "{said}, in {:.1} s", restored.seconds);
    } else if !restored.ok {
        for one in restored.databases.iter().flat_map(|one| one.problems.iter().map(move |problem| (one, problem))) {
            let _infallible = writeln!(text, "{}: {}", one.0.name, one.1);
        }
    }
    text
}
