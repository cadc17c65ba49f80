//! `hotspare config`: configuration files of hosts, version by version.

use clap::{Args, Subcommand};

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{follow, join, journal, table};
use crate::clock::{Clock, Timestamp};
use crate::configs::counts;
use crate::configs::view::{Ask, Change, ConfigView, Diff, FileDiff};
use crate::engine::client::Client;
use crate::engine::command::{Answer, Command, Query};
use crate::work::view::JobState;

/// Arguments of `hotspare config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What is kept of each host, and when it was looked at; exits 1 if a host could not be looked at
    List,
    /// Fetch the files now, without waiting for the next look; exits 1 if something could not be fetched
    Now {
        /// Only this config backup
        #[arg(value_name = "CONFIG")]
        config: Option<String>,
    },
    /// What changed, line by line: each file against its version before
    Diff(DiffArgs),
    /// Print a file as it is kept
    Show {
        /// Host
        host: String,
        /// Path on it
        path: String,
        /// As it was then: a time (2026-11-20T14:00:00Z), a date (2026-11-20), or a span back from now (2h)
        #[arg(long, value_name = "T")]
        at: Option<String>,
    },
}

#[derive(Debug, Args)]
struct DiffArgs {
    /// Only this host
    host: Option<String>,
    /// Only files whose path holds this
    file: Option<String>,
    /// Against what was there then: a time (2026-11-20T14:00:00Z), a date (2026-11-20), or a span back from now (2h)
    #[arg(long, value_name = "T")]
    from: Option<String>,
    /// Only this config backup
    #[arg(long, value_name = "CONFIG")]
    config: Option<String>,
}

/// Runs one of them.
pub fn run(context: &Context, args: &ConfigArgs) -> Result<Exit, Failure> {
    match &args.what {
        What::List => list(context),
        What::Now { config } => now(context, config.as_deref()),
        What::Diff(args) => diff(context, args),
        What::Show { host, path, at } => show(context, host, path, at.as_deref()),
    }
}

/// Asks the engine that runs, or one for this command alone.
fn ask(context: &Context, query: Query) -> Result<Answer, Failure> {
    context.block_on(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let answered = joined.engine.query(query).await;
        joined.leave().await;
        Ok(answered?)
    })
}

fn other() -> Failure {
    Failure::failed("the engine answered something else; its version may differ")
}

fn moment(text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    text.map(|text| journal::moment(text, Clock::real().now())).transpose()
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let Answer::Configs { configs } = ask(context, Query::Configs)? else { return Err(other()) };
    if context.json {
        context.document(&serde_json::json!({ "configs": configs }))?;
    } else if configs.is_empty() {
        context.line("no config backups: write [configs.NAME] into the fleet file, with `hosts` and `files`")?;
    } else {
        context.print(&listed(&configs, Clock::real().now()))?;
    }
    let well = configs.iter().flat_map(|config| &config.hosts).all(|host| host.trouble.is_empty());
    Ok(if well { Exit::Done } else { Exit::Failed })
}

fn listed(configs: &[ConfigView], now: Timestamp) -> String {
    let ago = |at: Option<Timestamp>| {
        at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", table::span(now.duration_since(at).as_secs())))
    };
    let mut rows = table::Table::new(["config", "host", "files", "looked at", "changed", "why"]);
    for config in configs {
        for host in &config.hosts {
            rows.row([
                config.name.clone(),
                host.host.clone(),
                host.files.len().to_string(),
                ago(host.looked),
                ago(host.changed),
                host.trouble.join("; "),
            ]);
        }
    }
    rows.render()
}

fn now(context: &Context, config: Option<&str>) -> Result<Exit, Failure> {
    let command = Command::ConfigNow { config: config.map(str::to_owned) };
    let ended = context.block_on_to_the_end(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let ended = async {
            let accepted = joined.engine.command(command).await?;
            let job = accepted.job.ok_or_else(|| Failure::failed("the engine began no job for it"))?;
            follow::ended_or_cancelled(context, &joined.engine, job).await
        }
        .await;
        joined.leave().await;
        ended
    })?;
    let note = ended.note.clone().unwrap_or_default();
    let well = ended.state == JobState::Done;
    if context.json {
        context.document(&serde_json::json!({ "ok": well, "said": note }))?;
    } else {
        context.line(&note)?;
    }
    Ok(if well { Exit::Done } else { Exit::Failed })
}

fn diff(context: &Context, args: &DiffArgs) -> Result<Exit, Failure> {
    let ask_for = Ask {
        config: args.config.clone(),
        host: args.host.clone(),
        file: args.file.clone(),
        from: moment(args.from.as_deref())?,
    };
    let Answer::ConfigDiff { diff } = ask(context, Query::ConfigDiff { ask: Box::new(ask_for) })? else {
        return Err(other());
    };
    if context.json {
        context.document(&*diff)?;
        return Ok(Exit::Done);
    }
    if diff.files.is_empty() {
        let what = if args.from.is_some() { "nothing changed since then" } else { "nothing has changed yet" };
        context.line(&format!("{what}: {} files compared", diff.compared))?;
    }
    context.painted_verbatim(&lines(&diff))?;
    Ok(Exit::Done)
}

fn lines(diff: &Diff) -> Vec<(Option<&'static str>, String)> {
    let colour = |line: &str| match line.get(..1) {
        Some("+") => Some("32"),
        Some("-") => Some("31"),
        Some("@") => Some("36"),
        _ => None,
    };
    let mut lines = Vec::new();
    for file in &diff.files {
        lines.push((Some("1"), head(file)));
        lines.extend(file.mode.iter().map(|(before, now)| (Some("33"), format!("mode {before}, now {now}"))));
        lines.extend(file.lines.iter().map(|line| (colour(line), line.clone())));
    }
    lines
}

/// `kv-1 /etc/nginx.conf changed 2026-11-20 14:02:11 +3 -1`.
fn head(file: &FileDiff) -> String {
    let at = file.to.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let (more, less) = counts(file);
    let size = match (file.lines.is_empty(), file.mode.is_some(), file.change) {
        (true, false, Change::Changed) => "not a text".to_owned(),
        (true, _, _) => String::new(),
        _ => format!("+{more} -{less}"),
    };
    format!("{} {} {} {at} {size}", file.host, file.path, file.change.word()).trim_end().to_owned()
}

fn show(context: &Context, host: &str, path: &str, at: Option<&str>) -> Result<Exit, Failure> {
    let query = Query::ConfigShow { host: host.to_owned(), path: path.to_owned(), at: moment(at)? };
    let Answer::ConfigShow { shown } = ask(context, query)? else { return Err(other()) };
    if context.json {
        context.document(&*shown)?;
    } else {
        context.detail(&format!("as it was fetched at {:.0}", shown.at));
        context.verbatim(&shown.text)?;
    }
    Ok(Exit::Done)
}
