//! Whether a failed host is silent on the wire, asked from the spare: its service address and its management address both.
//!
//! An address of a subnet that the spare is in is asked for by ARP, which no firewall of the host keeps from it. One behind a
//! router can only be pinged: an answer says that it is there, and silence says nothing, because many networks drop pings.
//! Silence proves nothing either where the spare's own link is down, so that is looked at first; nor where its network loses
//! packets, so at the same time the console, or the way to it, is asked eight times and must be heard each time. Where the
//! console is on the spare itself, or came by another protocol than IPv4, the gateway of the spare is asked in its place, and
//! where there is none, nobody can tell whether the wire carries. Of a network that loses three packets of ten each way, two
//! questions hear nothing of a host that is there one time in four; eight answers come through one time in three hundred.

use std::time::Duration;

use super::shell;
use crate::reach::quote::join;
use crate::runbook::cast::Machine;
use crate::runbook::deed::Bit;
use crate::runbook::plan::Spot;
use crate::runbook::plan::words::host_part;
use crate::runbook::tools::Tools;

const SCRIPT: &str = include_str!("silence.sh");

/// What was asked and found silent; or who answered, or why it cannot be asked.
pub(crate) async fn silent(tools: &Tools, bit: Bit<'_>) -> Result<String, String> {
    let (Some(failed), Some(spare)) = (&bit.plan.cast.failed, &bit.plan.cast.spare) else {
        return Err("there is no failed host, or no spare to ask the wire from".into());
    };
    ask(tools, failed, spare, bit.patience).await
}

/// The same of any host, asked from any spare. Changes nothing.
pub async fn ask(tools: &Tools, failed: &Machine, spare: &Machine, patience: Duration) -> Result<String, String> {
    let mut addresses: Vec<String> = failed.service.iter().map(|service| host_part(service).to_owned()).collect();
    let management = management(&failed.address, patience).await?;
    if !addresses.contains(&management) {
        addresses.push(management);
    }
    let script = format!("set -- {}\n{SCRIPT}", join(addresses.iter().map(String::as_str)));
    let spot = Spot::Machine(spare.clone());
    let output = shell::ask(tools, &spot, script, patience).await.map_err(|lost| lost.words)?;
    let said = crate::reach::plain::one_line(&output.text());
    match output.status {
        0 => Ok(format!(
            "{} {} silent on the wire",
            addresses.join(" and "),
            if addresses.len() == 1 { "is" } else { "are" }
        )),
        2 | 3 => Err(said),
        _ => Err(shell::failed(&spot, &output)),
    }
}

/// The management address in numbers.
async fn management(address: &str, patience: Duration) -> Result<String, String> {
    if address.parse::<std::net::Ipv4Addr>().is_ok() {
        return Ok(address.to_owned());
    }
    let found = tokio::time::timeout(patience, crate::reach::dial::resolve(address, 22)).await;
    let found = found.ok().and_then(Result::ok).unwrap_or_default();
    found
        .into_iter()
        .find(std::net::SocketAddr::is_ipv4)
        .map(|found| found.ip().to_string())
        .ok_or_else(|| format!("{address} has no IPv4 address to ask for"))
}
