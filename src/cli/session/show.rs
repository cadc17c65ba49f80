//! `hotspare session show`: everything known of one session, with the reason for every no.

use std::fmt::Write;

use serde::Serialize;

use super::list::{self, Session};
use super::rows;
use super::which::One;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::join;
use crate::console::format;
use crate::engine::client::Client;
use crate::engine::command::{Answer, Query};
use crate::session::view::{CopyState, Detail, FileLine, Imported, SideState, StoreView, Verified};

#[derive(Serialize)]
struct Document<'a> {
    store: &'a str,
    #[serde(flatten)]
    session: Session<'a>,
    source: &'a str,
    imported_why: Vec<&'a str>,
    copies: Vec<Copy<'a>>,
    differing: Vec<&'a FileLine>,
    odd: &'a [crate::session::listing::Odd],
}

#[derive(Serialize)]
struct Copy<'a> {
    destination: &'a str,
    path: &'a str,
    #[serde(flatten)]
    state: &'a CopyState,
    files: Option<u32>,
    bytes: Option<u64>,
    verified: Option<&'a Verified>,
}

/// Prints it; exit 1 if something is wrong with it.
pub fn run(context: &Context, store: Option<&str>, args: &One) -> Result<Exit, Failure> {
    let key = args.key()?;
    context.block_on(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        let version = super::sync::look(&engine, store).await?;
        let query = Query::Session { store: store.map(str::to_owned), key };
        let Answer::Session { detail } = engine.query(query).await? else {
            return Err(Failure::failed("the engine answered something else; its version may differ"));
        };
        let snapshot = rows::shown(&engine, &detail.store, version).await;
        let view = rows::view(&snapshot, &detail.store)?;
        if context.json {
            context.document(&document(view, &detail))?;
        } else {
            context.print(&text(view, &detail))?;
        }
        Ok(if detail.row.wrong.is_some() { Exit::Failed } else { Exit::Done })
    })
}

fn document<'a>(view: &'a StoreView, detail: &'a Detail) -> Document<'a> {
    let copies = detail.row.copies.iter().zip(&detail.copies).zip(&view.destinations);
    Document {
        store: &detail.store,
        session: Session::of(&detail.row),
        source: &detail.source,
        imported_why: reasons(&detail.row.imported),
        copies: copies
            .map(|((copy, path), destination)| Copy {
                destination: &destination.name,
                path,
                state: &copy.state,
                files: copy.facts.map(|facts| facts.files),
                bytes: copy.facts.map(|facts| facts.bytes),
                verified: copy.verified.as_ref(),
            })
            .collect(),
        differing: detail.files.iter().filter(|file| file.problem.is_some()).collect(),
        odd: &detail.odd,
    }
}

fn reasons(imported: &Imported) -> Vec<&str> {
    match imported {
        Imported::No { why, .. } => why.iter().map(String::as_str).collect(),
        Imported::Unknown { why } => vec![why],
        Imported::Yes | Imported::NotAsked => Vec::new(),
    }
}

fn text(view: &StoreView, detail: &Detail) -> String {
    let (row, mut text) = (&detail.row, String::new());
    let mut say = |name: &str, what: &str| {
        let _a_string_takes_all = writeln!(text, "{name:<14}{what}");
    };
    say("session", &format!("{} of {}", row.key, detail.store));
    match row.source {
        Some(facts) => say(
            "here",
            &format!(
                "{}: {}, {}, {}",
                detail.source,
                format::several(facts.files as usize, "file"),
                format::several(facts.videos as usize, "video"),
                list::size(facts.bytes)
            ),
        ),
        None => say("here", &format!("{}: nothing", detail.source)),
    }
    for ((copy, path), destination) in row.copies.iter().zip(&detail.copies).zip(&view.destinations) {
        let state = match &copy.state {
            CopyState::Unknown { why } => format!("unknown: {why}"),
            CopyState::None => "no copy".into(),
            CopyState::Differs => "differs".into(),
            CopyState::Same => "same names and sizes".into(),
            CopyState::Alone => "only there".into(),
        };
        let verified = copy.verified.as_ref().map_or_else(
            || "never verified".to_owned(),
            |verified| {
                let outcome = match verified.problems {
                    0 => "good".to_owned(),
                    problems => format!("{problems} wrong"),
                };
                let read = verified.read.as_ref().map(|read| format!(" ({read})")).unwrap_or_default();
                format!("verified by {} at {:.0}: {outcome}{read}", verified.level.word(), verified.at)
            },
        );
        say(&destination.name, &format!("{path}: {state}; {verified}"));
        if let SideState::Trouble { word, why, remedy } = &destination.state {
            say("", &format!("{word}: {why}; {remedy}"));
        }
    }
    say("imported", &list::imported(&row.imported));
    for why in reasons(&row.imported) {
        say("", why);
    }
    if let Some(busy) = &row.busy {
        say("now", busy);
    }
    say("safe", if row.safe { "yes: it may be deleted from this computer" } else { "no" });
    for why in &row.why_not {
        say("", why);
    }
    for odd in &detail.odd {
        say("left out", &format!("{}: {}", odd.path, odd.what));
    }
    for file in detail.files.iter().filter(|file| file.problem.is_some()) {
        say("file", &format!("{}: {}", file.path, file.problem.as_deref().unwrap_or_default()));
    }
    text
}
