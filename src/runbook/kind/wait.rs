//! Waits until a check passes.

use std::time::Duration;

use super::{Said, shell};
use crate::fleet::check::{Check, CheckKind};
use crate::fleet::secret::SecretSource;
use crate::reach::plain;
use crate::runbook::deed::{Bit, Found, Look, Told, Trouble};
use crate::runbook::plan::{Spot, fill};
use crate::runbook::tools::Tools;

/// After the first question that did not pass, where the check itself does not say; the pauses then double up to the longest,
/// so that what is there soon is seen at once, and what takes its time is not asked all the time.
const SOON: Duration = Duration::from_millis(20);
/// Longest pause.
const LONGEST: Duration = Duration::from_millis(250);
/// One question may take so long even if the time is nearly over.
const LEAST: Duration = Duration::from_millis(50);

pub(super) async fn check(tools: &Tools, bit: Bit<'_>, check: &Check, on: &Spot) -> Result<Found, Trouble> {
    if bit.look != Look::Dry {
        return Ok(Found::to_do());
    }
    let note = match once(tools, bit, check, on, bit.patience.min(check.timeout())).await? {
        Ok(()) => "it passes now".to_owned(),
        Err(why) => format!("now: {why}"),
    };
    Ok(Found::ToDo { note: Some(note), keep: None })
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>, check: &Check, on: &Spot, within: Duration) -> Said {
    let began = tools.clock.tick();
    let mut pause = check.every.unwrap_or(SOON).min(within);
    let mut said = String::new();
    let until = within.min(bit.patience);
    loop {
        let left = until.saturating_sub(tools.clock.tick().since(began));
        match once(tools, bit, check, on, left.min(check.timeout()).max(LEAST)).await? {
            Ok(()) => {
                let after = tools.clock.tick().since(began);
                return Ok(Some(format!("passed after {}", plain::time(after))));
            }
            Err(why) => {
                if why != said {
                    bit.live.tell(Told::Line(why.clone()));
                }
                said = why;
            }
        }
        if tools.clock.tick().since(began) + pause >= until {
            return Err(Trouble::Failed(format!("did not pass within {}: {said}", plain::time(within))));
        }
        tokio::time::sleep(pause).await;
        if check.every.is_none() {
            pause = (pause * 2).min(LONGEST);
        }
    }
}

/// Asks once. The outer error: it cannot be asked at all.
async fn once(
    tools: &Tools,
    bit: Bit<'_>,
    check: &Check,
    on: &Spot,
    patience: Duration,
) -> Result<Result<(), String>, Trouble> {
    let machine = match (on, &check.kind) {
        (Spot::Console, CheckKind::Command { run, contains }) => {
            return Ok(match shell::ask(tools, on, run.clone(), patience).await {
                Ok(output) if !output.success() => Err(shell::failed(on, &output)),
                Ok(output) => match contains {
                    Some(text) if !output.text().contains(text) => Err(format!("its output does not hold {text:?}")),
                    _ => Ok(()),
                },
                Err(lost) => Err(lost.words),
            });
        }
        (Spot::Console, _) => fill::console(),
        (Spot::Machine(machine), _) => machine.clone(),
    };
    let mut check = check.clone();
    let password = bit.plan.password(bit.step).map_err(Trouble::Refused)?;
    if let (
        CheckKind::Mysql { url, .. } | CheckKind::MysqlReplica { url, .. } | CheckKind::MongoReplica { url, .. },
        SecretSource::Inline(_),
    ) = (&mut check.kind, &password)
    {
        url.password = password;
    }
    Ok((tools.ask)(check, machine, patience).await)
}
