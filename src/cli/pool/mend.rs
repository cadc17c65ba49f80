//! `hotspare pool resume`, `abandon`, `acknowledge`: after something went wrong.

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{join, ran};
use crate::engine::command::Command;

pub(super) fn resume(context: &Context, pool: &str) -> Result<Exit, Failure> {
    run(context, Command::PoolResume { pool: pool.to_owned() })
}

pub(super) fn abandon(context: &Context, pool: &str) -> Result<Exit, Failure> {
    run(context, Command::PoolAbandon { pool: pool.to_owned() })
}

pub(super) fn acknowledge(context: &Context, pool: &str) -> Result<Exit, Failure> {
    join::told(context, Command::PoolAcknowledge { pool: pool.to_owned() })
}

fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let undone = matches!(command, Command::PoolAbandon { .. });
    context.block_on_to_the_end(async {
        let place = join::place(context)?;
        let engine = join::started(context, place).await?;
        let report = ran::carry_out(context, &engine, command).await?;
        let exit = ran::said(context, &report)?;
        let wanted = undone && report.run.state == crate::runbook::view::RunState::Undone;
        Ok(if wanted { Exit::Done } else { exit })
    })
}
