//! The wire as a machine without a part in it sees it: who answers for each address, fifty times a second.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::{Lan, text};

/// Asks for addresses by ARP every 20 ms, and writes whoever says that it has one: when, which, who.
const LISTENER: &str = r#"
import select, socket, struct, sys, time
own, out, asked = sys.argv[1], open(sys.argv[2], "w", buffering=1), sys.argv[3:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)); s.bind(("eth0", 0x0806))
mac, ip = s.getsockname()[4], socket.inet_aton(own)
head = b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + mac + ip + b"\0" * 6
due = time.monotonic()
while True:
    now = time.monotonic()
    if now >= due:
        for address in asked: s.send(head + socket.inet_aton(address))
        due = now + 0.02
    if not select.select([s], [], [], max(0, due - time.monotonic()))[0]: continue
    frame = s.recv(2048); who, address = frame[22:28], socket.inet_ntoa(frame[28:32])
    if who != mac and address in asked: out.write("%.4f %s %s\n" % (time.monotonic(), address, who.hex(":")))
"#;

/// Two that answer within this are owners at one time, s. An address that is handed over is silent for longer: whoever takes it
/// asks the wire for 200 ms first.
const AT_ONCE: f64 = 0.06;
/// Who was heard first within this before there were two was there, and the other came, s.
const BEFORE: f64 = 1.0;

/// What is heard on the wire.
pub(crate) struct Wire {
    log: PathBuf,
    /// What was read already, bytes.
    read: usize,
    /// Address to when there were two owners of it last.
    last: BTreeMap<String, f64>,
}

/// Two owners of an address at one time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Double {
    pub(crate) address: String,
    /// The hardware address of the one that came while the other was there.
    pub(crate) came: String,
    /// The hardware address of the one that was there.
    pub(crate) resident: String,
    /// How long that one had been heard by then, s; 1 at most.
    pub(crate) heard_for: f64,
    /// When, s of the clock that all processes of a machine share.
    pub(crate) at: f64,
    /// How long there were two, s.
    pub(crate) seconds: f64,
}

impl Lan {
    /// Begins to listen.
    pub(crate) fn listen(&mut self, from: &str, addresses: &[Ipv4Addr]) -> Wire {
        let log = self.path("wire.log");
        let machine = self.machines.iter_mut().find(|machine| machine.name == from).expect("a machine");
        let own = machine.address.to_string();
        let asked: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let words = ["-c", LISTENER, &own, text(&log)].into_iter().chain(asked.iter().map(String::as_str));
        machine.start("python3", &words.collect::<Vec<_>>());
        Wire { log, read: 0, last: BTreeMap::new() }
    }
}

/// The time by which the wire is heard, s.
pub(crate) fn now() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    std::time::Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).expect("ns")).as_secs_f64()
}

impl Wire {
    /// The times with two owners that began since this was asked last.
    pub(crate) fn doubles(&mut self) -> Vec<Double> {
        let all = std::fs::read_to_string(&self.log).unwrap_or_default();
        let fresh = all.get(self.read..).unwrap_or_default();
        self.read += fresh.rfind('\n').map_or(0, |end| end + 1);
        let mut heard: BTreeMap<&str, Vec<(f64, &str)>> = BTreeMap::new();
        for line in fresh.lines() {
            let mut words = line.split(' ');
            let (Some(Ok(at)), Some(address), Some(who)) =
                (words.next().map(str::parse::<f64>), words.next(), words.next())
            else {
                continue;
            };
            heard.entry(address).or_default().push((at, who));
        }
        let doubles = heard.into_iter().filter_map(|(address, heard)| double(address, &heard));
        // What was told already and goes on has not begun again.
        let new = |double: &Double| {
            let last = self.last.insert(double.address.clone(), double.at + double.seconds);
            last.is_none_or(|last| double.at - last > BEFORE)
        };
        doubles.filter(new).collect()
    }
}

fn double(address: &str, heard: &[(f64, &str)]) -> Option<Double> {
    let both: Vec<f64> = heard
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 < AT_ONCE)
        .map(|pair| pair[1].0)
        .collect();
    let (first, last) = (*both.first()?, *both.last()?);
    let before = heard.iter().filter(|(at, _)| first - at < BEFORE && *at <= first);
    let (since, resident) = *before.clone().next()?;
    let came = before.map(|(_, who)| *who).find(|who| *who != resident)?.to_owned();
    let resident = resident.to_owned();
    let (address, heard_for) = (address.to_owned(), first - since);
    Some(Double { address, came, resident, heard_for, at: first, seconds: last - first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_answer_at_one_time_are_two_owners_and_the_later_one_came() {
        let moved = [(1.0, "a"), (1.02, "a"), (1.3, "b"), (1.32, "b")];
        assert_eq!(double("x", &moved), None, "it was handed over");
        let both = [(1.0, "a"), (1.02, "a"), (1.04, "a"), (1.041, "b"), (1.06, "a"), (1.061, "b"), (1.5, "b")];
        let seen = double("x", &both).expect("two");
        assert_eq!((seen.came.as_str(), seen.resident.as_str()), ("b", "a"));
        assert!((seen.heard_for - 0.041).abs() < 0.002, "{seen:?}");
        assert!((seen.seconds - 0.02).abs() < 0.002, "{seen:?}");
    }
}
