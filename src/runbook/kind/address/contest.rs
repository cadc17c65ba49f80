//! An address that somebody else answers for right after it was claimed: its owner was deaf when the wire was asked, or came back
//! in that moment. The later one gives way at once, and the other is announced, so that its clients find it again.

use std::time::Duration;

use super::{Holding, Move, again, hold};
use crate::runbook::cast::Machine;
use crate::runbook::deed::Bit;
use crate::runbook::kind::wire::Listing;
use crate::runbook::kind::{shell, wire};
use crate::runbook::plan::Spot;
use crate::runbook::plan::words::host_part;
use crate::runbook::tools::Tools;

/// The other one is not waited for longer than this: it may be as dead as it seemed.
const ANNOUNCEMENT: Duration = Duration::from_secs(2);

/// Lets go of an address and reads back that it is gone. The error
/// says why it may still be there.
pub(super) async fn give_way(
    tools: &Tools,
    bit: Bit<'_>,
    taker: &Machine,
    take: &str,
    device: &str,
) -> Result<String, String> {
    let address = host_part(take);
    let script = bit.guard.wrap("give way", &Move::new(None, Some(take), device).script(""));
    let gone = match again(tools, taker, script, bit.patience).await {
        Ok(output) if output.status == 0 => read_back(tools, bit, taker, address).await,
        Ok(output) => Err(shell::failed(&Spot::Machine(taker.clone()), &output)),
        Err(why) => Err(why),
    };
    gone.map_err(|why| format!("{} should have let go of {address} and may still have it: {why}", taker.name))?;
    let told = format!("{} has let go of {address}", taker.name);
    // Who held it before is known by name where it is the other one of the run; a stranger announces itself when it speaks.
    let other = [&bit.plan.cast.failed, &bit.plan.cast.spare].into_iter().flatten().find(|one| one.name != taker.name);
    let Some(other) = other else { return Ok(told) };
    let patience = bit.patience.min(ANNOUNCEMENT);
    Ok(match tokio::time::timeout(patience, hold(tools, other, device, take, bit.guard, patience)).await {
        Ok(Ok(Holding::Held | Holding::Contested(_))) => format!("{told}, and {} announced it", other.name),
        Ok(Ok(Holding::Vanished) | Err(_)) | Err(_) => told,
    })
}

async fn read_back(tools: &Tools, bit: Bit<'_>, taker: &Machine, address: &str) -> Result<(), String> {
    let own: Listing = wire::listing(tools, taker, bit.patience).await?;
    if own.has(address) { Err(format!("{address} is still there")) } else { Ok(()) }
}
