//! Scales a docker service one by one: waits until each replica runs and is healthy, keeps to the interval, never goes below
//! the quorum, and stops at the first failure.
//!
//! It goes on from what is: how many there are is asked before each change, so that a run after a crash, or a new one after
//! a failure, begins where the last one stood.

use std::time::Duration;

use super::replicas::{self, DOCKER, Replicas};
use super::{Said, shell};
use crate::fleet::runbook::ScalePace;
use crate::reach::plain;
use crate::reach::quote::quote;
use crate::runbook::deed::{Bit, Found, Look, Told, Trouble};
use crate::runbook::tools::Tools;

/// How long docker may take to accept a change.
const CHANGE: Duration = Duration::from_secs(20);
/// Between two questions whether the replicas are up.
const AGAIN: Duration = Duration::from_millis(500);
/// So many changes are listed one by one by a dry run.
const LISTED: usize = 20;

/// What is to become of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale<'a> {
    pub(super) service: &'a str,
    pub(super) to: u32,
    pub(super) pace: ScalePace,
}

pub(super) async fn check(tools: &Tools, bit: Bit<'_>, scale: Scale<'_>) -> Result<Found, Trouble> {
    let Scale { service, to, pace } = scale;
    if let Some(quorum) = pace.quorum.filter(|quorum| to < *quorum) {
        return Err(Trouble::Refused(format!("{service} needs {quorum} replicas to serve, and {to} were asked for")));
    }
    let seen = replicas::ask(tools, shell::place(bit)?, service)
        .await
        .map_err(|trouble| Trouble::Refused(trouble.words().to_owned()))?;
    let now = format!("{} of {} run now{}", seen.well, seen.wanted, seen.trouble());
    if seen.all_well(to) {
        return Ok(Found::There(now));
    }
    if bit.look == Look::Dry {
        room_below(&seen, scale).map_err(Trouble::Refused)?;
        return Ok(Found::ToDo { note: Some(format!("{now}; {}", steps(&seen, scale))), keep: None });
    }
    Ok(Found::ToDo { note: Some(now), keep: Some(seen.wanted.into()) })
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>, scale: Scale<'_>) -> Said {
    walk(tools, bit, scale, &bit.step.name).await?;
    Ok(None)
}

pub(super) async fn verify(tools: &Tools, bit: Bit<'_>, scale: Scale<'_>) -> Said {
    let to = scale.to;
    match replicas::ask(tools, shell::place(bit)?, scale.service).await {
        Ok(seen) if seen.all_well(to) => Ok(Some(format!("{to} of {to} run"))),
        Ok(seen) => Err(Trouble::Failed(format!(
            "{} of {} run where {to} were wanted{}",
            seen.well,
            seen.wanted,
            seen.trouble()
        ))),
        Err(trouble) => Err(Trouble::Unknown(trouble.words().to_owned())),
    }
}

pub(super) async fn undo(tools: &Tools, bit: Bit<'_>, scale: Scale<'_>) -> Said {
    let before = bit.kept.and_then(serde_json::Value::as_u64).and_then(|count| u32::try_from(count).ok());
    let Some(before) = before else { return Ok(Some("the count before is not known; nothing was scaled".into())) };
    walk(tools, bit, Scale { to: before, ..scale }, &format!("{} undo", bit.step.name)).await?;
    Ok(Some(format!("{before} run again")))
}

/// One change after the other, from what is to what shall be.
async fn walk(tools: &Tools, bit: Bit<'_>, scale: Scale<'_>, mark: &str) -> Result<(), Trouble> {
    let Scale { service, to, pace } = scale;
    let spot = shell::place(bit)?;
    let mut seen = replicas::ask(tools, spot, service).await?;
    let mut now = seen.wanted;
    let down = now > to;
    if !down {
        // More of what does not come up helps nobody.
        seen = come_up(tools, bit, scale, now, now).await?;
    }
    while now != to {
        if down {
            room_below(&seen, scale).map_err(|why| Trouble::Failed(stands(&seen, scale, now, &why)))?;
        }
        let next = if down { now.saturating_sub(1) } else { now.saturating_add(1) };
        set(tools, bit, scale, next, mark).await.map_err(|trouble| told(trouble, &seen, scale, now))?;
        seen = come_up(tools, bit, scale, next, now).await?;
        now = next;
        bit.live.tell(Told::Line(format!("{service}: {now} run, {to} wanted")));
        if now != to {
            tokio::time::sleep(pace.between(down)).await;
            // What came up may have gone again meanwhile.
            seen = come_up(tools, bit, scale, now, now).await?;
        }
    }
    Ok(())
}

/// Asks docker for one change. Where its answer was lost, the service itself says whether it was made.
async fn set(tools: &Tools, bit: Bit<'_>, scale: Scale<'_>, count: u32, mark: &str) -> Result<(), Trouble> {
    let change =
        format!("hs_docker service scale --detach {} >/dev/null", quote(&format!("{}={count}", scale.service)));
    let limited = Bit { patience: bit.patience.min(CHANGE), ..bit };
    let spot = shell::place(bit)?;
    let failed = match shell::act(tools, limited, &format!("{mark} {count}"), &format!("{DOCKER}{change}")).await {
        Ok(output) if output.success() => return Ok(()),
        Ok(output) => match shell::own_words(&output) {
            Some(words) => Trouble::Unknown(format!("{}: {words}", spot.name())),
            None => return Err(Trouble::Failed(shell::failed(spot, &output))),
        },
        Err(trouble @ Trouble::Unknown(_)) => trouble,
        Err(trouble) => return Err(trouble),
    };
    match replicas::ask(tools, spot, scale.service).await {
        Ok(seen) if seen.wanted == count => Ok(()),
        Ok(_) => Err(Trouble::Failed(failed.words().to_owned())),
        Err(_) => Err(failed),
    }
}

/// Waits until exactly so many run and are healthy; `whole` is the last count that did.
async fn come_up(tools: &Tools, bit: Bit<'_>, scale: Scale<'_>, count: u32, whole: u32) -> Result<Replicas, Trouble> {
    let began = tools.clock.tick();
    let mut last: Option<Replicas> = None;
    loop {
        let late = tools.clock.tick().since(began) > scale.pace.within;
        match replicas::ask(tools, shell::place(bit)?, scale.service).await {
            Ok(seen) if seen.all_well(count) => return Ok(seen),
            Ok(seen) if late => {
                let why = format!("not all were healthy within {}", plain::time(scale.pace.within));
                return Err(Trouble::Failed(stands(&seen, scale, whole, &why)));
            }
            Ok(seen) => last = Some(seen),
            // One question that is lost says nothing of the replicas.
            Err(trouble) if late => {
                return Err(match last {
                    Some(seen) => Trouble::Failed(stands(&seen, scale, whole, trouble.words())),
                    None => Trouble::Unknown(trouble.words().to_owned()),
                });
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether one replica fewer leaves the quorum, whichever one docker takes away.
fn room_below(seen: &Replicas, scale: Scale<'_>) -> Result<(), String> {
    let Some(quorum) = scale.pace.quorum.filter(|_| scale.to < seen.wanted) else { return Ok(()) };
    if seen.well > quorum {
        return Ok(());
    }
    Err(format!("{} are healthy and {quorum} are needed to serve: none may be taken away{}", seen.well, seen.trouble()))
}

/// Where it stands, for people.
fn stands(seen: &Replicas, scale: Scale<'_>, whole: u32, why: &str) -> String {
    let Scale { service, to, .. } = scale;
    format!("{service}: {to} wanted, {} run, stopped after {whole}: {why}{}", seen.well, seen.trouble())
}

fn told(trouble: Trouble, seen: &Replicas, scale: Scale<'_>, whole: u32) -> Trouble {
    match trouble {
        Trouble::Failed(why) => Trouble::Failed(stands(seen, scale, whole, &why)),
        Trouble::Unknown(why) => Trouble::Unknown(stands(seen, scale, whole, &why)),
        refused @ (Trouble::Refused(_) | Trouble::Busy(_)) => refused,
    }
}

/// Every command of it, in order.
fn steps(seen: &Replicas, scale: Scale<'_>) -> String {
    let Scale { service, to, pace } = scale;
    let down = seen.wanted > to;
    let between = plain::time(pace.between(down));
    let counts: Vec<u32> =
        if down { (to..seen.wanted).rev().collect() } else { (seen.wanted.saturating_add(1)..=to).collect() };
    let mut words: Vec<String> =
        counts.iter().take(LISTED).map(|count| format!("docker service scale {service}={count}")).collect();
    if counts.len() > LISTED {
        words.push(format!("and so on to {to}"));
    }
    if words.is_empty() {
        return "only waits for those that are not healthy".into();
    }
    words.join(&format!(", {between}, "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(to: u32, quorum: Option<u32>) -> Scale<'static> {
        let second = Duration::from_secs(1);
        Scale { service: "s", to, pace: ScalePace { interval: second, shrink: second * 25, quorum, within: second } }
    }

    fn seen(wanted: u32, well: u32) -> Replicas {
        Replicas { wanted, well, ..Replicas::default() }
    }

    #[test]
    fn the_quorum_counts_the_healthy() {
        assert!(room_below(&seen(5, 5), scale(3, Some(3))).is_ok());
        assert!(room_below(&seen(5, 3), scale(3, Some(3))).is_err_and(|why| why.starts_with("3 are healthy and 3")));
        assert!(room_below(&seen(5, 3), scale(3, None)).is_ok());
        assert!(room_below(&seen(3, 1), scale(5, Some(3))).is_ok(), "upwards nothing is taken away");
    }

    #[test]
    fn each_change_is_listed_with_its_pause() {
        assert_eq!(steps(&seen(3, 3), scale(5, None)), "docker service scale s=4, 1 s, docker service scale s=5");
        let down = steps(&seen(5, 5), scale(3, None));
        assert_eq!(down, "docker service scale s=4, 25 s, docker service scale s=3", "downwards it takes its time");
        assert!(steps(&seen(0, 0), scale(50, None)).ends_with("and so on to 50"));
    }
}
