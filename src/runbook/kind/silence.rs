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

const SCRIPT: &str = r#"PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
hs_do=; hs_wait=0.1
[ "$(id -u)" = 0 ] || { hs_do='sudo -n'; hs_wait=0.2; }
command -v arping >/dev/null || { echo "cannot ask: arping is missing on the spare: apt-get install iputils-arping"; exit 3; }
arping -h 2>&1 | grep -qi 'arp answer' || { echo "cannot ask: the arping of the spare is another one: apt-get install iputils-arping"; exit 3; }
hs_one() {
  hs_way=$(ip -o -4 route get "$1" 2>/dev/null | head -n 1)
  case $hs_way in
    '' ) echo "cannot ask: the spare has no route to $1"; return 3 ;;
    local*) echo "cannot ask: the spare itself holds $1"; return 3 ;;
    *' via '*) if ping -n -c 2 -i 0.2 -W 1 "$1" >/dev/null 2>&1; then echo "$1 answers a ping"; return 2; fi
      echo "cannot ask: $1 is behind a router, where silence proves nothing"; return 3 ;;
  esac
  hs_dev=$(echo "$hs_way" | sed -n 's/.* dev \([^ ]*\).*/\1/p')
  [ "$(cat "/sys/class/net/$hs_dev/carrier" 2>/dev/null)" = 1 ] || { echo "cannot ask: $hs_dev of the spare has no link"; return 3; }
  for hs_try in 1 2; do
    if timeout 0.1 true 2>/dev/null; then hs_said=$(timeout "$hs_wait" $hs_do arping -D -c 1 -w 1 -I "$hs_dev" "$1" 2>&1)
    else hs_said=$($hs_do arping -D -c 1 -w 1 -I "$hs_dev" "$1" 2>&1); fi
    hs_status=$?
    hs_mac=$(echo "$hs_said" | sed -n 's/.*reply from .*\[\([0-9A-Fa-f:]*\)\].*/\1/p' | head -n 1)
    [ -z "$hs_mac" ] || { echo "$1 is answered by $hs_mac"; return 2; }
    case $hs_status in 0 | 124 | 143) ;; *) echo "cannot ask: $(echo "$hs_said" | tail -n 1)"; return 3 ;; esac
  done
}
# Silence is heard only on a wire that carries: whoever is there, the console or the way to it, must be heard each time. Where
# no wire is between the console and the spare, or another protocol, it is the gateway.
hs_near=${SSH_CONNECTION%% *}
hs_way=$(ip -o -4 route get "$hs_near" 2>/dev/null | head -n 1)
case $hs_way in '' | local*) hs_near=; hs_way=$(ip -o -4 route show default 2>/dev/null | head -n 1) ;; esac
case $hs_way in *' via '*) hs_near=$(echo "$hs_way" | sed -n 's/.* via \([^ ]*\).*/\1/p') ;; esac
hs_sound() {
  [ -n "$hs_near" ] || return 5
  hs_dev=$(echo "$hs_way" | sed -n 's/.* dev \([^ ]*\).*/\1/p')
  for hs_try in 1 2 3 4 5 6 7 8; do
    if timeout 0.1 true 2>/dev/null; then timeout "$hs_wait" $hs_do arping -q -c 1 -w 1 -I "$hs_dev" "$hs_near" >/dev/null 2>&1
    else $hs_do arping -q -c 1 -w 1 -I "$hs_dev" "$hs_near" >/dev/null 2>&1; fi || return 4
  done
}
for hs_round in 1 2 3; do
  hs_sound & hs_pids=$!
  for hs_address; do hs_one "$hs_address" & hs_pids="$hs_pids $!"; done
  hs_worst=0 hs_lossy=
  for hs_pid in $hs_pids; do
    wait "$hs_pid"; hs_status=$?
    if [ "$hs_status" -ge 4 ]; then hs_lossy=$hs_status
    elif [ "$hs_status" -gt "$hs_worst" ]; then hs_worst=$hs_status; fi
  done
  [ "$hs_worst" = 0 ] && [ -n "$hs_lossy" ] || exit "$hs_worst"
done
if [ "$hs_lossy" = 5 ]; then echo "cannot tell: the spare hears nothing from it, and has nobody to ask whether its wire carries: the engine runs on it or came by IPv6, and it has no gateway"
else echo "cannot tell: the spare hears nothing from it, but does not hear every answer of $hs_near either: the network loses packets"; fi
exit 3
"#;

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
