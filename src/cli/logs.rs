//! `hotspare logs`: the logs of a service, of all services of a host, or of one file, over ssh.

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{join, journal};
use crate::clock::{Clock, Timestamp};
use crate::engine::client::Client;
use crate::engine::command::{Answer, Query};
use crate::service::logs::view::{Ask, Row, SourceView, Window};

/// Arguments of `hotspare logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// A service, a host (the logs of all its services), or HOST:PATH
    #[arg(value_name = "OF")]
    of: String,
    /// Go on, with each new line as it comes
    #[arg(short, long)]
    follow: bool,
    /// So many of the newest lines at first [default: 20, with --since all]
    #[arg(short = 'n', long, value_name = "LINES")]
    lines: Option<u32>,
    /// Only what was written since: a time (2026-11-20T14:00:00Z), a date (2026-11-20), or a span back from now (2h)
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Only lines with these words; a word after `!` must be missing
    #[arg(long, value_name = "WORDS", default_value = "")]
    filter: String,
}

/// Lines at first.
const LINES: u32 = 20;
/// How long the engine waits for a line before it answers, milliseconds.
const WAIT: u32 = 5_000;
/// Looks until what is there is printed, although not everything was read.
const LOOKS: u32 = 3;
/// Lines in one answer.
const PAGE: u32 = 20_000;

/// Prints lines, oldest first; exit 1 if nothing can be read, 4 if something cannot.
pub fn run(context: &Context, args: &LogsArgs) -> Result<Exit, Failure> {
    let since = args.since.as_deref().map(|text| journal::moment(text, Clock::real().now())).transpose()?;
    let limit = args.lines.unwrap_or(if since.is_some() { u32::MAX } else { LINES });
    let ask = Ask { of: args.of.clone(), limit, filter: args.filter.clone(), since, wait: WAIT, after: None };
    context.block_on_to_the_end(async {
        let joined = join::for_this_alone(context, join::place(context)?).await?;
        let ended = tokio::select! {
            ended = read(context, &joined.engine, ask, args.follow) => ended,
            () = context.reader_left() => Ok(Exit::Done),
            _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        };
        joined.leave().await;
        ended
    })
}

async fn read(context: &Context, engine: &impl Client, mut ask: Ask, follow: bool) -> Result<Exit, Failure> {
    let mut window = begin(engine, &ask).await?;
    let mut told = vec![None; window.sources.len()];
    let out = Printer { context, several: window.sources.len() > 1 };
    out.print(&window)?;
    loop {
        for (source, told) in window.sources.iter().zip(&mut told) {
            if source.trouble != *told {
                if let Some(why) = &source.trouble {
                    context.tell(&format!("hotspare: {} of {}: {why}", source.place, source.host));
                }
                told.clone_from(&source.trouble);
            }
        }
        if !follow {
            let bad = window.sources.iter().filter(|source| source.trouble.is_some()).count();
            return match bad {
                0 => Ok(Exit::Done),
                bad if bad < window.sources.len() => Ok(Exit::Partial),
                _ => Err(Failure::failed(format!("nothing of {} can be read", ask.of))
                    .hint("`hotspare doctor` tries what it needs")),
            };
        }
        ask = Ask { after: Some(window.next), limit: PAGE, ..ask };
        window = look(engine, &ask).await?;
        if window.passed > 0 {
            context.tell(&format!(
                "hotspare: {} lines went by unread: they come faster than they are printed",
                window.passed
            ));
        }
        out.print(&window)?;
    }
}

/// The newest lines, once everything was read that is there; or what there is, where that does not come to an end.
async fn begin(engine: &impl Client, ask: &Ask) -> Result<Window, Failure> {
    let mut looks = 0;
    loop {
        let window = look(engine, ask).await?;
        looks += 1;
        let stuck = window.sources.iter().all(|source| source.trouble.is_some());
        if window.whole || stuck || looks == LOOKS {
            return Ok(window);
        }
    }
}

async fn look(engine: &impl Client, ask: &Ask) -> Result<Window, Failure> {
    match engine.query(Query::Logs { ask: Box::new(ask.clone()) }).await? {
        Answer::Logs { window } => Ok(*window),
        _ => Err(Failure::failed("the engine answered something else; its version may differ")),
    }
}

struct Printer<'a> {
    context: &'a Context,
    /// Each line says where it comes from.
    several: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    time: Option<Timestamp>,
    host: Option<&'a str>,
    source: Option<&'a str>,
    text: &'a str,
}

impl Printer<'_> {
    fn print(&self, window: &Window) -> Result<(), Failure> {
        let mut text = String::new();
        for row in &window.rows {
            let source = row.source.and_then(|source| window.sources.get(usize::from(source)));
            if self.context.json {
                self.context.document_line(&line(row, source))?;
            } else if let Some(source) = source {
                if self.several {
                    text.extend([source.name.as_str(), " | "]);
                }
                text.extend([row.text.as_str(), "\n"]);
            } else {
                // What hotspare says is no part of the log.
                self.context.verbatim(&std::mem::take(&mut text))?;
                self.context.tell(&format!("hotspare: {}", row.text));
            }
        }
        self.context.verbatim(&text)
    }
}

fn line<'a>(row: &'a Row, source: Option<&'a SourceView>) -> Line<'a> {
    Line {
        time: row.time,
        host: source.map(|source| source.host.as_str()),
        source: source.map(|source| source.place.as_str()),
        text: &row.text,
    }
}
