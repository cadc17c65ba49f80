//! `hotspare scale`: how many replicas of a service run.

use std::time::Duration;

use clap::Args;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{join, ran};
use crate::engine::command::Command;
use crate::fleet::units;

/// The longest pause between two changes.
const LONGEST: Duration = Duration::from_secs(3600);

/// Arguments of `hotspare scale`.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// The service, as [services.NAME] calls it
    #[arg(value_name = "SERVICE")]
    service: String,
    /// How many replicas there shall be
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    to: u32,
    /// Between two changes, such as 30s; on the way down never less than what the fleet file says
    #[arg(long, value_name = "SPAN", value_parser = span)]
    interval: Option<Duration>,
    /// Look on the real host and print each change, without making any
    #[arg(long)]
    dry_run: bool,
}

fn span(text: &str) -> Result<Duration, String> {
    let span = units::duration(text).map_err(|error| error.to_string())?;
    if span > LONGEST { Err("at most an hour".into()) } else { Ok(span) }
}

/// Scales it, one replica after the other.
pub fn run(context: &Context, args: &ScaleArgs) -> Result<Exit, Failure> {
    context.block_on_to_the_end(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        let (service, dry_run) = (args.service.clone(), args.dry_run);
        let command = Command::Scale { service, to: args.to, interval: args.interval, dry_run };
        ran::said(context, &ran::carry_out(context, &engine, command).await?)
    })
}
