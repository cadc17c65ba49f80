//! Scales a docker service one by one, and stops at the first replica that does not come up.

use std::time::Duration;

use super::{Said, shell};
use crate::reach::quote::quote;
use crate::runbook::deed::{Bit, Found, Told, Trouble};
use crate::runbook::tools::Tools;

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(10);
/// Between two questions whether the replicas are up.
const AGAIN: Duration = Duration::from_millis(500);
/// The least time that a replica gets to come up.
const LEAST: Duration = Duration::from_secs(30);

pub(super) async fn check(tools: &Tools, bit: Bit<'_>, service: &str) -> Result<Found, Trouble> {
    let (wanted, running) =
        count(tools, bit, service).await.map_err(|trouble| Trouble::Refused(trouble.words().to_owned()))?;
    Ok(Found::ToDo { note: Some(format!("{running} of {wanted} run now")), keep: Some(wanted.into()) })
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>, service: &str, to: u32, interval: Duration) -> Said {
    let (mut now, _) = count(tools, bit, service).await?;
    while now != to {
        now = if now < to { now + 1 } else { now - 1 };
        set(tools, bit, service, now, &bit.step.name).await?;
        come_up(tools, bit, service, now, interval.max(LEAST)).await?;
        bit.live.tell(Told::Line(format!("{service}: {now} of {to}")));
        if now != to {
            tokio::time::sleep(interval).await;
        }
    }
    Ok(None)
}

pub(super) async fn verify(tools: &Tools, bit: Bit<'_>, service: &str, to: u32) -> Said {
    match count(tools, bit, service).await {
        Ok((wanted, running)) if wanted == to && running == to => Ok(Some(format!("{running} of {to} run"))),
        Ok((wanted, running)) => Err(Trouble::Failed(format!("{running} of {wanted} run where {to} were wanted"))),
        Err(trouble) => Err(Trouble::Unknown(trouble.words().to_owned())),
    }
}

pub(super) async fn undo(tools: &Tools, bit: Bit<'_>, service: &str) -> Said {
    let before = bit.kept.and_then(serde_json::Value::as_u64).and_then(|count| u32::try_from(count).ok());
    let Some(before) = before else { return Ok(Some("the count before is not known; nothing was scaled".into())) };
    set(tools, bit, service, before, &format!("{} undo", bit.step.name)).await?;
    come_up(tools, bit, service, before, bit.patience).await?;
    Ok(Some(format!("{before} run again")))
}

async fn set(tools: &Tools, bit: Bit<'_>, service: &str, count: u32, mark: &str) -> Result<(), Trouble> {
    let script = format!("docker service scale --detach {}", quote(&format!("{service}={count}")));
    let output = shell::act(tools, bit, mark, &script).await?;
    if output.success() { Ok(()) } else { Err(Trouble::Failed(shell::failed(shell::place(bit)?, &output))) }
}

async fn come_up(
    tools: &Tools,
    bit: Bit<'_>,
    service: &str,
    count_wanted: u32,
    within: Duration,
) -> Result<(), Trouble> {
    let began = tools.clock.tick();
    loop {
        let (wanted, running) = count(tools, bit, service).await?;
        if wanted == count_wanted && running == count_wanted {
            return Ok(());
        }
        if tools.clock.tick().since(began) > within {
            return Err(Trouble::Failed(format!("{service}: {running} of {wanted} run; it stops here")));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// How many replicas are wanted, and how many run.
async fn count(tools: &Tools, bit: Bit<'_>, service: &str) -> Result<(u32, u32), Trouble> {
    let spot = shell::place(bit)?;
    let script = format!(
        "docker service inspect --format '{{{{.Spec.Mode.Replicated.Replicas}}}}' {0} && \
         docker service ps --filter desired-state=running --format '{{{{.CurrentState}}}}' {0}",
        quote(service)
    );
    let output = shell::ask(tools, spot, script, QUESTION).await?;
    if !output.success() {
        return Err(Trouble::Failed(shell::failed(spot, &output)));
    }
    let text = output.text();
    let mut lines = text.lines();
    let wanted = lines.next().and_then(|line| line.trim().parse().ok());
    let wanted =
        wanted.ok_or_else(|| Trouble::Failed(format!("{service} has no number of replicas; is it global?")))?;
    let running = lines.filter(|line| line.starts_with("Running")).count();
    Ok((wanted, u32::try_from(running).unwrap_or(u32::MAX)))
}
