//! `hotspare journal`: what was decided and done, by whom, why.

mod source;

use clap::Args;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use self::source::Source;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::join;
use crate::clock::{Clock, Timestamp};
use crate::fleet::units;
use crate::journal::database;
use crate::journal::entry::{Chain, Entry};
use crate::reach::plain;

/// Arguments of `hotspare journal`.
#[derive(Debug, Args)]
pub struct JournalArgs {
    /// Only what happened since: a time (2026-11-20T14:00:00Z), a date (2026-11-20), or a span back from now (2h)
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Only entries with a greater number: a reader that has seen entry N goes on after it
    #[arg(long, value_name = "N", conflicts_with = "since")]
    after: Option<u64>,
    /// Go on, with each new entry as it comes
    #[arg(short, long)]
    follow: bool,
}

/// Prints entries, oldest first; exit 1 if the chain does not hold.
pub fn run(context: &Context, args: &JournalArgs) -> Result<Exit, Failure> {
    let since = args.since.as_deref().map(|text| moment(text, Clock::real().now())).transpose()?;
    context.block_on(async {
        let place = join::place(context)?;
        let source = match join::running(context, &place).await? {
            Some(engine) => Source::Engine(engine),
            None => Source::Folder(place.state.path().to_owned()),
        };
        let known = source.length().await;
        let (mut entries, chain) = source.all(since).await?;
        let newest = entries.last().map_or(known, |entry| entry.seq.max(known));
        let mut after = args.after.unwrap_or(0);
        if after > newest {
            context.tell(&format!("hotspare: the journal has {newest} entries: it began anew, and all of them follow"));
            after = 0;
        }
        entries.retain(|entry| entry.seq > after);
        if args.follow {
            return tokio::select! {
                ended = follow(context, &source, entries, newest, since) => ended,
                () = context.reader_left() => Ok(Exit::Done),
            };
        }
        if entries.is_empty() {
            context.tell(&match &source {
                Source::Folder(folder) if !folder.join(database::FILE).exists() => {
                    format!("hotspare: there is no journal in {}: no engine has run there", folder.display())
                }
                _ => "hotspare: the journal holds nothing since then".to_owned(),
            });
        }
        if context.json {
            context.document(&document(&entries, &chain))?;
        } else {
            let widest = widest(&entries);
            let lines: String = entries.iter().map(|entry| line(entry, widest) + "\n").collect();
            context.print(&lines)?;
        }
        match chain {
            Chain::Broken { at, why } => {
                Err(Failure::failed(format!("the journal's chain breaks at entry {at}: {why}"))
                    .hint("entries from there on may not be what was written"))
            }
            Chain::Intact | Chain::Checking => Ok(Exit::Done),
        }
    })
}

/// Prints these, then each new one after entry `last`, until it is interrupted. None is left out and none comes twice; the
/// numbers begin anew where the journal does.
async fn follow(
    context: &Context,
    source: &Source,
    first: Vec<Entry>,
    mut last: u64,
    since: Option<Timestamp>,
) -> Result<Exit, Failure> {
    let widest = widest(&first);
    let mut fresh = first;
    loop {
        // What was written just before may be seen only now.
        for entry in fresh.iter().filter(|entry| since.is_none_or(|since| entry.time >= since)) {
            if context.json {
                context.document_line(&shown(entry))?;
            } else {
                context.line(&line(entry, widest))?;
            }
        }
        last = fresh.last().map_or(last, |entry| entry.seq);
        fresh = source.more(context, last).await?;
    }
}

/// Columns for who did it: those of the longest name, in reason.
fn widest(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.who.width()).max().unwrap_or(0).min(24)
}

/// One entry. `widest` is how many columns who did it has.
fn line(entry: &Entry, widest: usize) -> String {
    let local = entry.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S");
    let why = if entry.why.is_empty() { String::new() } else { format!(": {}", entry.why.replace('\n', "; ")) };
    let blank = " ".repeat(widest.saturating_sub(entry.who.width()));
    plain::one_line(&format!("{local}  {:<8} {}{blank}  {}{why}", entry.weight.word(), entry.who, entry.what))
}

#[derive(Serialize)]
struct Document<'a> {
    entries: Vec<Shown<'a>>,
    chain: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<u64>,
}

#[derive(Serialize)]
struct Shown<'a> {
    seq: u64,
    time: Timestamp,
    who: &'a str,
    what: &'a str,
    why: &'a str,
    about: &'a serde_json::Value,
    weight: &'static str,
}

fn document<'a>(entries: &'a [Entry], chain: &Chain) -> Document<'a> {
    let (word, broken_at) = match chain {
        Chain::Intact => ("intact", None),
        Chain::Checking => ("checking", None),
        Chain::Broken { at, .. } => ("broken", Some(*at)),
    };
    Document { entries: entries.iter().map(shown).collect(), chain: word, broken_at }
}

fn shown(entry: &Entry) -> Shown<'_> {
    Shown {
        seq: entry.seq,
        time: entry.time,
        who: &entry.who,
        what: &entry.what,
        why: &entry.why,
        about: &entry.about,
        weight: entry.weight.word(),
    }
}

/// A time, a date at its local midnight, or a span back from now.
pub(super) fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && let Ok(midnight) = date.to_zoned(jiff::tz::TimeZone::system())
    {
        return Ok(midnight.timestamp());
    }
    if let Ok(span) = units::duration(text)
        && let Ok(time) = now.checked_sub(span)
    {
        return Ok(time);
    }
    Err(Failure::usage(format!("{text:?} is no time"))
        .hint("write a time (2026-11-20T14:00:00Z), a date (2026-11-20) or a span back from now (2h)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_date_or_a_span() {
        let now: Timestamp = "2026-11-20T14:00:00Z".parse().unwrap();
        assert_eq!(moment("2026-11-20T12:00:00Z", now).unwrap().to_string(), "2026-11-20T12:00:00Z");
        assert_eq!(moment("2h", now).unwrap().to_string(), "2026-11-20T12:00:00Z");
        let midnight = moment("2026-11-20", now).unwrap().to_zoned(jiff::tz::TimeZone::system());
        assert_eq!(midnight.strftime("%F %T").to_string(), "2026-11-20 00:00:00");
        assert!(moment("yesterday", now).is_err());
    }
}
