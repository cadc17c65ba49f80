//! Takes or drops an address. The wire is asked before an address is claimed, and told right after; all of it in one
//! command over the warm connection, so that nothing can come in between.
//!
//! Where the device has the subnet already, the address is added with the length /32: then it is nobody's primary address and
//! removing it touches no other. The address is announced in both forms of gratuitous ARP (RFC 5227, 3), and announced
//! again while it is held: see [`next_announcement`].

mod contest;

use std::time::Duration;

use super::wire::{self, Heard, Listing};
use super::{Said, shell};
use crate::reach::quote::quote;
use crate::runbook::cast::Machine;
use crate::runbook::deed::{Bit, Found, Look, Trouble};
use crate::runbook::guard::{self, Guard};
use crate::runbook::plan::Spot;
use crate::runbook::plan::words::host_part;
use crate::runbook::tools::Tools;

const SCRIPT: &str = include_str!("address.sh");
/// The script refuses, and has changed nothing.
const REFUSED: i32 = 215;
/// Somebody answers for the address.
const TAKEN: i32 = 216;
/// A witness listens so long for answers; machines answer in well under 1 ms.
const LISTEN: Duration = Duration::from_millis(60);
/// A witness that has not said what it hears within this time is not waited for.
const WORD: Duration = Duration::from_millis(500);

/// Which address is taken, which dropped, where.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    take: Option<&'a str>,
    drop: Option<&'a str>,
    device: &'a str,
}

impl<'a> Move<'a> {
    /// Addresses with their prefix lengths. What is dropped is dropped first.
    pub const fn new(take: Option<&'a str>, drop: Option<&'a str>, device: &'a str) -> Self {
        Self { take, drop, device }
    }

    fn script(&self, mode: &str) -> String {
        let (take, drop) = (quote(self.take.unwrap_or_default()), quote(self.drop.unwrap_or_default()));
        format!("hs_take={take} hs_drop={drop} hs_dev={} hs_dry= hs_hold= {mode}\n{SCRIPT}", quote(self.device))
    }
}

pub(super) async fn check(tools: &Tools, bit: Bit<'_>, moved: &Move<'_>) -> Result<Found, Trouble> {
    let spot = shell::place(bit)?;
    if let (Spot::Machine(machine), Some(drop)) = (spot, moved.drop)
        && host_part(drop) == machine.address
    {
        return Err(Trouble::Refused(format!(
            "{drop} is the address by which {} is managed; dropping it would cut the way there",
            machine.name
        )));
    }
    if bit.look != Look::Dry {
        // The act asks the wire itself, in the same command, and may be done twice.
        return Ok(Found::to_do());
    }
    let output = shell::ask(tools, spot, moved.script("hs_dry=yes"), bit.patience)
        .await
        .map_err(|lost| Trouble::Failed(lost.words))?;
    judged(spot, &output)?;
    let note = moved.take.map(|take| format!("nobody answers for {}", host_part(take)));
    Ok(Found::ToDo { note, keep: None })
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>, moved: &Move<'_>) -> Said {
    let (script, began) = (moved.script(""), tools.clock.tick());
    let output = match shell::act(tools, bit, &bit.step.name, &script).await {
        // A connection that broke with the command, as that of a host that has just come back: over a fresh one, at once. It may
        // be done twice.
        Err(Trouble::Failed(_) | Trouble::Unknown(_)) if tools.clock.tick().since(began) < bit.patience / 4 => {
            shell::act(tools, bit, &bit.step.name, &script).await?
        }
        acted => acted?,
    };
    judged(shell::place(bit)?, &output)?;
    Ok(match (moved.take, moved.drop) {
        (Some(take), _) => Some(format!("{} is on {}", host_part(take), moved.device)),
        (None, Some(drop)) => Some(format!("{} is no longer on {}", host_part(drop), moved.device)),
        (None, None) => None,
    })
}

pub(super) async fn verify(tools: &Tools, bit: Bit<'_>, moved: &Move<'_>) -> Said {
    let spot = shell::place(bit)?;
    let Spot::Machine(machine) = spot else { return Ok(None) };
    let elsewhere = async {
        match moved.take.filter(|_| bit.plan.cast.pool.is_some()) {
            Some(take) => Some(heard_elsewhere(tools, machine, host_part(take)).await),
            None => None,
        }
    };
    let (own, heard) = tokio::join!(wire::listing(tools, machine, bit.patience), elsewhere);
    let own = own.map_err(Trouble::Unknown)?;
    let on = |address: &str| own.has_on(moved.device, host_part(address));
    if let Some(drop) = moved.drop.filter(|drop| on(drop)) {
        return Err(Trouble::Failed(format!("{}: {} is still on {}", spot.name(), host_part(drop), moved.device)));
    }
    let Some(take) = moved.take else { return Ok(None) };
    if !on(take) {
        return Err(Trouble::Failed(format!("{}: {} is not on {}", spot.name(), host_part(take), moved.device)));
    }
    match (host_part(take), heard) {
        (_, None) => Ok(None),
        (address, Some(Err(deaf))) => {
            Ok(Some(format!("{address} is there; who else answers for it was not asked: {deaf}")))
        }
        (address, Some(Ok((witness, macs)))) => match one_owner(address, &machine.name, &own, &witness, &macs) {
            Ok(seen) => Ok(Some(seen)),
            Err(Contest::Silence(why)) => Err(Trouble::Failed(why)),
            Err(Contest::Other(why)) => Err(match contest::give_way(tools, bit, machine, take, moved.device).await {
                Ok(done) => Trouble::Refused(format!("{why}. {done}")),
                Err(held) => Trouble::Failed(format!("{why}. {held}")),
            }),
        },
    }
}

/// Who answers for an address, as another machine of the pool hears it: its name, and the hardware addresses. What nobody else
/// can tell is no failure: the machine itself has asked before it took the address. The error says why nobody can.
async fn heard_elsewhere(tools: &Tools, taker: &Machine, address: &str) -> Result<(String, Vec<String>), String> {
    let mut deaf = String::from("no other machine of the pool is up");
    for witness in tools.witnesses.iter().filter(|witness| witness.name != taker.name).take(2) {
        let why = match wire::ask(tools, witness, &[address], LISTEN, WORD).await.map(|mut heard| heard.remove(address))
        {
            Ok(Some(Heard::Answers(macs))) => return Ok((witness.name.clone(), macs)),
            Ok(Some(Heard::Deaf(why))) | Err(why) => why,
            Ok(None) => "without a word".into(),
        };
        deaf = format!("{} cannot tell: {why}", witness.name);
    }
    Err(deaf)
}

/// Why whoever took an address is not its only owner, in words.
#[derive(Debug, PartialEq, Eq)]
enum Contest {
    /// Nobody answers.
    Silence(String),
    /// Somebody else does.
    Other(String),
}

/// Whether the only one that answers for an address is whoever took it.
fn one_owner(address: &str, taker: &str, own: &Listing, witness: &str, macs: &[String]) -> Result<String, Contest> {
    let strange = |mac: &&String| !own.macs().contains(*mac);
    Err(match (macs, macs.iter().find(strange)) {
        ([], _) => Contest::Silence(format!("{witness} gets no answer from {address}")),
        ([mac, ..], None) => return Ok(format!("{witness} sees {address} at {mac}")),
        ([_], Some(other)) => Contest::Other(format!(
            "{witness} sees {address} at {other}, which is not {taker}; find that machine and switch it off"
        )),
        (_, Some(_)) => Contest::Other(format!(
            "{address} has two owners, {witness} sees {}; find the one that is not {taker}, and switch it off",
            macs.join(" and ")
        )),
    })
}

fn judged(spot: &Spot, output: &crate::reach::ssh::Output) -> Result<(), Trouble> {
    let words = shell::own_words(output).map(|words| format!("{}: {words}", spot.name()));
    match (output.status, words) {
        (0, _) => Ok(()),
        (TAKEN, Some(words)) => Err(Trouble::Refused(format!("{words}; find that machine and switch it off first"))),
        (REFUSED, Some(words)) => Err(Trouble::Refused(words)),
        _ => Err(Trouble::Failed(shell::failed(spot, output))),
    }
}

/// Whether a machine still holds an address that it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// It does, and it was announced again.
    Held,
    /// It does, it was announced again, and this hardware address answers for it too.
    Contested(String),
    /// It is gone: somebody removed it, or the machine began anew.
    Vanished,
}

/// When an address that was claimed `ago` is to be announced next, counted from the claim: after 1, 2, 5 and 10 s, then
/// each 60 s.
pub fn next_announcement(ago: Duration) -> Duration {
    let first = [1, 2, 5, 10].map(Duration::from_secs);
    first.into_iter().find(|at| *at > ago).unwrap_or_else(|| {
        let minutes = (ago.as_secs() / 60).saturating_add(1);
        Duration::from_secs(minutes.saturating_mul(60))
    })
}

/// Announces an address again, under the guard, where the machine still has it, and asks the wire whether anybody else does.
pub async fn hold(
    tools: &Tools,
    machine: &Machine,
    device: &str,
    address: &str,
    guard: &Guard,
    patience: Duration,
) -> Result<Holding, String> {
    let script = guard.wrap("hold", &Move::new(Some(address), None, device).script("hs_hold=yes"));
    let output = again(tools, machine, script, patience).await?;
    match output.text().trim().split_once(' ') {
        Some(("contested", mac)) => Ok(Holding::Contested(mac.to_lowercase())),
        None if output.text().trim() == "held" => Ok(Holding::Held),
        None if output.text().trim() == "vanished" => Ok(Holding::Vanished),
        _ => Err(shell::failed(&Spot::Machine(machine.clone()), &output)),
    }
}

/// Takes an address again that has vanished, as a step does: the wire is asked first.
pub async fn repair(
    tools: &Tools,
    machine: &Machine,
    device: &str,
    address: &str,
    guard: &Guard,
    patience: Duration,
) -> Result<(), String> {
    let script = guard.wrap("repair", &Move::new(Some(address), None, device).script(""));
    let output = again(tools, machine, script, patience).await?;
    judged(&Spot::Machine(machine.clone()), &output).map_err(|trouble| trouble.words().to_owned())
}

async fn again(
    tools: &Tools,
    machine: &Machine,
    script: String,
    patience: Duration,
) -> Result<crate::reach::ssh::Output, String> {
    let spot = Spot::Machine(machine.clone());
    let output = shell::ask(tools, &spot, script, patience).await.map_err(|lost| lost.words)?;
    match guard::stopped(&output) {
        Some(words) => Err(format!("{}: {words}", machine.name)),
        None => Ok(output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whoever_took_an_address_may_answer_for_it() {
        let own = Listing::read("mac aa:00:00:00:00:01\nmac aa:00:00:00:00:02\n");
        let seen = |macs: &[&str]| {
            let macs: Vec<String> = macs.iter().map(|mac| format!("aa:00:00:00:00:0{mac}")).collect();
            one_owner("192.0.2.1", "s", &own, "w", &macs)
        };
        assert_eq!(seen(&["1"]), Ok("w sees 192.0.2.1 at aa:00:00:00:00:01".into()));
        assert!(seen(&["1", "2"]).is_ok(), "with two cards it is one owner");
        assert_eq!(seen(&[]), Err(Contest::Silence("w gets no answer from 192.0.2.1".into())));
        let other = |macs, words| matches!(seen(macs), Err(Contest::Other(why)) if why.contains(words));
        assert!(other(&["7"], "aa:00:00:00:00:07, which is not s"));
        assert!(other(&["1", "7"], "two owners, w sees aa:00:00:00:00:01 and aa"));
    }

    #[test]
    fn announcements_become_rarer() {
        let mut at = Duration::ZERO;
        let mut times = Vec::new();
        for _announcement in 0..7 {
            at = next_announcement(at);
            times.push(at.as_secs());
        }
        assert_eq!(times, [1, 2, 5, 10, 60, 120, 180]);
    }

    #[test]
    fn the_script_is_one_for_every_shell() {
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let script = Move::new(Some("192.0.2.1/24"), None, "eth0").script("");
            let read = std::process::Command::new(shell[0]).args(&shell[1..]).args(["-n", "-c", &script]).output();
            let read = read.unwrap_or_else(|error| panic!("{shell:?}: {error}: sh tests/install-deps, as root"));
            assert!(read.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&read.stderr));
        }
    }
}
