//! The wire: who answers for an address, as a machine hears it that does not hold it, and what a machine says of itself.
//!
//! A question is one ARP request to everybody, and whoever answers within the time is heard: two answers are two owners.
//! The machine finds the device by its own route, so that nobody has to know how its network cards are called.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::shell;
use crate::reach::plain;
use crate::reach::quote::{join, quote};
use crate::reach::ssh::{Output, Remote};
use crate::runbook::cast::Machine;
use crate::runbook::plan::Spot;
use crate::runbook::tools::Tools;

const SCRIPT: &str = include_str!("wire.sh");

/// Prints what [`Listing::read`] understands, on Linux and macOS.
pub const LISTING: &str = r#"PATH=$PATH:/usr/sbin:/sbin
if command -v ip >/dev/null 2>&1; then
  ip -o addr show | awk '{ print "address", $2, $4 }'
  cat /sys/class/net/*/address 2>/dev/null | awk '{ print "mac", $1 }'
else
  ifconfig -a | awk '/^[^ \t]/ { device = $1; sub(/:$/, "", device) }
    $1 == "inet" || $1 == "inet6" { print "address", device, $2 }
    $1 == "ether" { print "mac", $2 }'
fi"#;

/// What a machine says of its own network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Device and address, without prefix length.
    addresses: BTreeSet<(String, String)>,
    /// Hardware addresses, in lower case.
    macs: BTreeSet<String>,
}

impl Listing {
    /// What a machine printed.
    pub fn read(said: &str) -> Self {
        let mut listing = Self::default();
        for line in said.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["address", device, address] => {
                    let (device, address) = (before(device, '@'), before(address, '/'));
                    listing.addresses.insert((device.to_owned(), address.to_owned()));
                }
                // The loop has none.
                ["mac", mac] if *mac != "00:00:00:00:00:00" => drop(listing.macs.insert(mac.to_lowercase())),
                _ => {}
            }
        }
        listing
    }

    /// Whether it has the address, on whatever device. Without prefix length.
    pub fn has(&self, address: &str) -> bool {
        self.addresses.iter().any(|(_device, held)| held == address)
    }

    /// Whether it has the address on this device. Without prefix length.
    pub fn has_on(&self, device: &str, address: &str) -> bool {
        self.addresses.contains(&(device.to_owned(), address.to_owned()))
    }

    /// The first of its devices that has the address. Without prefix length.
    pub fn device_of(&self, address: &str) -> Option<&str> {
        self.addresses.iter().find(|(_device, held)| held == address).map(|(device, _held)| device.as_str())
    }

    /// Its hardware addresses, in lower case.
    pub const fn macs(&self) -> &BTreeSet<String> {
        &self.macs
    }
}

fn before(text: &str, end: char) -> &str {
    text.split(end).next().unwrap_or(text)
}

/// What was heard of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These hardware addresses answered, in lower case; none: nobody did.
    Answers(Vec<String>),
    /// It cannot be asked for from there, and why.
    Deaf(String),
}

/// Asks a machine what it says of its own network.
pub async fn listing(tools: &Tools, machine: &Machine, patience: Duration) -> Result<Listing, String> {
    let output = glance(tools, machine, LISTING.to_owned(), patience).await?;
    if output.status != 0 {
        return Err(shell::failed(&Spot::Machine(machine.clone()), &output));
    }
    Ok(Listing::read(&output.text()))
}

/// Has a machine ask who answers for addresses (without prefix lengths), all at once, listening for so long. The error says
/// why it cannot be asked at all.
pub async fn ask(
    tools: &Tools,
    from: &Machine,
    addresses: &[&str],
    listen: Duration,
    patience: Duration,
) -> Result<BTreeMap<String, Heard>, String> {
    let seconds = quote(&format!("{:.2}", listen.as_secs_f64()));
    let script = format!("hs_listen={seconds}; set -- {}\n{SCRIPT}", join(addresses.iter().copied()));
    let output = glance(tools, from, script, patience).await?;
    if output.status != 0 {
        return Err(match shell::own_words(&output) {
            Some(words) => format!("{}: {words}", from.name),
            None => shell::failed(&Spot::Machine(from.clone()), &output),
        });
    }
    Ok(read(&output.text()))
}

/// Asks a machine, and leaves one alone that did not answer a moment ago: this is done all the time.
async fn glance(tools: &Tools, machine: &Machine, script: String, patience: Duration) -> Result<Output, String> {
    let asked = tools.ssh.run(&machine.ssh, &Remote::new(script, patience)).await;
    asked.map_err(|error| format!("{}: {error}", machine.name))
}

pub(super) fn read(said: &str) -> BTreeMap<String, Heard> {
    let mut heard: BTreeMap<String, Heard> = BTreeMap::new();
    for line in said.lines() {
        let mut words = line.splitn(3, ' ');
        let (Some(address), Some(word)) = (words.next(), words.next()) else { continue };
        let rest = words.next().unwrap_or_default().trim();
        let entry = heard.entry(address.to_owned()).or_insert_with(|| Heard::Answers(Vec::new()));
        match (word, &mut *entry) {
            ("answered", Heard::Answers(macs)) => macs.push(rest.to_lowercase()),
            ("cannot", _) => *entry = Heard::Deaf(plain::line(rest, 120)),
            _ => {}
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_answers_are_two_and_silence_is_not_deafness() {
        let heard = read(
            "10.0.0.1 answered aa:00:00:00:00:01\n10.0.0.2 silent\n10.0.0.3 cannot it is behind a router\n\
             10.0.0.1 answered AA:00:00:00:00:02\n",
        );
        let both = vec!["aa:00:00:00:00:01".to_owned(), "aa:00:00:00:00:02".to_owned()];
        assert_eq!(heard.get("10.0.0.1"), Some(&Heard::Answers(both)));
        assert_eq!(heard.get("10.0.0.2"), Some(&Heard::Answers(Vec::new())));
        assert_eq!(heard.get("10.0.0.3"), Some(&Heard::Deaf("it is behind a router".into())));
        assert_eq!(heard.get("10.0.0.4"), None);
    }

    #[test]
    fn this_machine_tells_what_it_holds() {
        let output = std::process::Command::new("sh").arg("-c").arg(LISTING).output().unwrap();
        let listing = Listing::read(&String::from_utf8_lossy(&output.stdout));
        assert!(listing.has("127.0.0.1"), "{listing:?}");
        assert!(!listing.macs().contains("00:00:00:00:00:00"), "{listing:?}");
    }

    #[test]
    fn a_device_and_its_addresses_belong_together() {
        let listing = Listing::read("address eth0@if3 10.0.0.1/24\naddress eth1 10.0.0.2/32\nmac AA:BB:CC:00:11:22\n");
        assert!(listing.has_on("eth0", "10.0.0.1") && !listing.has_on("eth1", "10.0.0.1") && listing.has("10.0.0.2"));
        assert!(listing.macs().contains("aa:bb:cc:00:11:22"));
    }

    #[test]
    fn the_script_is_one_for_every_shell() {
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            for script in [SCRIPT, LISTING] {
                let read = std::process::Command::new(shell[0]).args(&shell[1..]).args(["-n", "-c", script]).output();
                let read = read.unwrap_or_else(|error| panic!("{shell:?}: {error}: sh tests/install-deps, as root"));
                assert!(read.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&read.stderr));
            }
        }
    }
}
