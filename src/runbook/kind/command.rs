//! A shell command: its host remembers how it ended, so that a lost connection leaves no question open.

use std::time::Duration;

use super::{Said, shell};
use crate::clock::Tick;
use crate::reach::quote::quote;
use crate::runbook::deed::{Bit, Found, Look, Trouble};
use crate::runbook::guard::Remembered;
use crate::runbook::tools::Tools;

/// Between two questions whether a command has ended.
const AGAIN: Duration = Duration::from_millis(300);
/// How long one such question may take.
const QUESTION: Duration = Duration::from_secs(5);

pub(super) async fn check(tools: &Tools, bit: Bit<'_>, run: &str) -> Result<Found, Trouble> {
    let spot = shell::place(bit)?;
    match bit.look {
        Look::First => Ok(Found::to_do()),
        Look::Dry => {
            // The shell reads the command and begins nothing of it.
            let script = format!("sh -n -c {}", quote(run));
            let output = shell::ask(tools, spot, script, bit.patience).await?;
            if output.success() { Ok(Found::to_do()) } else { Err(Trouble::Refused(shell::failed(spot, &output))) }
        }
        Look::Again => match ended(tools, bit, &bit.step.name).await? {
            Remembered::Ended(0) => Ok(Found::There(format!("{}: it had ended with 0", spot.name()))),
            Remembered::Ended(status) => {
                Ok(Found::ToDo { note: Some(format!("it had ended with {status}, and is done again")), keep: None })
            }
            Remembered::Never => Ok(Found::to_do()),
            Remembered::Gone => Err(gone(spot.name())),
            Remembered::Running => Err(Trouble::Busy(format!(
                "{}: it is still at work there; end it or let it end, then resume the run again",
                spot.name()
            ))),
        },
    }
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>, run: &str) -> Said {
    under(tools, bit, &bit.step.name, run).await
}

pub(super) async fn verify(tools: &Tools, bit: Bit<'_>) -> Said {
    if bit.lost { settle(tools, bit, &bit.step.name).await } else { Ok(None) }
}

pub(super) async fn undo(tools: &Tools, bit: Bit<'_>) -> Said {
    let Some(run) = &bit.step.undo else { return Ok(None) };
    let mark = format!("{} undo", bit.step.name);
    match under(tools, bit, &mark, run).await {
        Err(Trouble::Unknown(_)) => settle(tools, bit, &mark).await,
        ended => ended,
    }
}

async fn under(tools: &Tools, bit: Bit<'_>, mark: &str, run: &str) -> Said {
    let output = shell::act(tools, bit, mark, run).await?;
    if output.success() { Ok(None) } else { Err(Trouble::Failed(shell::failed(shell::place(bit)?, &output))) }
}

/// How a command ended whose answer was lost.
async fn settle(tools: &Tools, bit: Bit<'_>, mark: &str) -> Said {
    let name = shell::place(bit)?.name();
    match ended(tools, bit, mark).await? {
        Remembered::Ended(0) => Ok(Some(format!("{name}: the connection was lost, and it ended with 0"))),
        Remembered::Ended(status) => Err(Trouble::Failed(format!("{name}: exit status {status}"))),
        Remembered::Never => Err(Trouble::Failed(format!("{name}: it was never begun"))),
        Remembered::Gone => Err(gone(name)),
        Remembered::Running => Err(Trouble::Unknown(format!("{name}: it is still at work"))),
    }
}

fn gone(name: &str) -> Trouble {
    Trouble::Unknown(format!(
        "{name}: it was begun and nobody knows how it ended: the host went down, or the command was killed"
    ))
}

/// Asks the host until the command has ended or the patience has.
pub(super) async fn ended(tools: &Tools, bit: Bit<'_>, mark: &str) -> Result<Remembered, Trouble> {
    let spot = shell::place(bit)?;
    let until: Tick = tools.clock.tick() + bit.patience;
    let mut before = None;
    loop {
        let left = until.since(tools.clock.tick());
        let asked = shell::ask(tools, spot, bit.guard.question(mark), left.min(QUESTION)).await;
        let answer = match asked {
            Ok(output) => Remembered::read(&output.text())
                .ok_or_else(|| Trouble::Unknown(format!("{}: it does not say how the step ended", spot.name()))),
            Err(lost) => Err(Trouble::Unknown(lost.words)),
        };
        let over = until.since(tools.clock.tick()) <= AGAIN;
        match answer {
            Ok(Remembered::Running) if !over => before = Some(Remembered::Running),
            Err(_) if !over => before = None,
            // The last question may have had too little time: what was said a moment before says more.
            Err(why) => return before.ok_or(why),
            ended => return ended,
        }
        tokio::time::sleep(AGAIN).await;
    }
}
