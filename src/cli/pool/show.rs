//! `hotspare pool show`: everything known of one pool.

use std::fmt::Write as _;

use serde::Serialize;

use super::list::{self, Pool};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::run::asked;
use crate::cli::{join, table};
use crate::clock::Clock;
use crate::engine::client::Client;
use crate::engine::command::{Answer, Query};
use crate::engine::socket::Socket;
use crate::runbook::view::RunView;
use crate::standin::view::{Owner, Past, PoolDetail, Sight, WhyNot};

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    pool: Pool<'a>,
    target: f64,
    owners: &'a [Owner],
    run: Option<&'a RunView>,
    matrix: &'a [Sight],
    refusals: &'a [WhyNot],
    past: &'a [Past],
}

/// What the engine knows of a pool right now; the error names the pool that may be meant.
pub(super) async fn detail(engine: &Socket, pool: &str) -> Result<Box<PoolDetail>, Failure> {
    match engine.query(Query::Pool { pool: pool.to_owned() }).await? {
        Answer::Pool { detail } => Ok(detail),
        _other => Err(Failure::failed("the engine answered something else; its version may differ")),
    }
}

/// Prints it; exit 1 if anything of it needs a person.
pub(super) fn run(context: &Context, pool: &str) -> Result<Exit, Failure> {
    context.block_on(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        let detail = detail(&engine, pool).await?;
        if context.json {
            context.document(&Document {
                pool: list::pool(&detail.pool),
                target: detail.pool.target,
                owners: &detail.pool.owners,
                run: detail.pool.run.as_deref(),
                matrix: &detail.matrix,
                refusals: &detail.refusals,
                past: &detail.past,
            })?;
        } else {
            context.print(&text(&detail))?;
        }
        Ok(if detail.pool.well() { Exit::Done } else { Exit::Failed })
    })
}

fn text(detail: &PoolDetail) -> String {
    let now = Clock::real().now();
    let mut text = list::text(&detail.pool, now);
    text.extend(detail.pool.run.as_deref().map(asked));
    for owner in &detail.pool.owners {
        let held = if owner.held_by.is_empty() { "nobody".to_owned() } else { owner.held_by.join(" and ") };
        let _a_string_takes_all = writeln!(text, "{} is held by {held}", owner.address);
    }
    if !detail.matrix.is_empty() {
        let mut rows = table::Table::new(["witness", "host", "reaches it", "ago", "says"]);
        for sight in &detail.matrix {
            rows.row([
                sight.witness.clone(),
                sight.host.clone(),
                match sight.reaches {
                    Some(true) => "yes".into(),
                    Some(false) => "no".into(),
                    None => "cannot be asked".into(),
                },
                table::span(now.duration_since(sight.at).as_secs()),
                sight.says.clone(),
            ]);
        }
        text.push_str(&rows.render());
    }
    for why in &detail.refusals {
        let ago = table::span(now.duration_since(why.at).as_secs());
        let _a_string_takes_all = writeln!(text, "{ago} ago not done: {}: {}; needs: {}", why.what, why.why, why.needs);
    }
    for past in &detail.past {
        let _a_string_takes_all = writeln!(
            text,
            "{:.0} {} {}: {} for {}, {:.2} s",
            past.at,
            past.purpose.word(),
            past.state.word(),
            past.spare,
            past.host,
            past.seconds
        );
    }
    text
}
