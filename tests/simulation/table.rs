//! One day of a large fleet in four minutes, with figures: quiet, single deaths, a switch that dies with everything on it,
//! its return, etcd away, a third of the engines cut off, the death of the engine that decides, a slow etcd.

use std::fmt::Write;
use std::time::Duration;

use fastrand::Rng;

use crate::server::{Pace, Way};
use crate::story::{Fault, Outcome, Phase, Story};
use crate::world::{Layout, POOL, SPARES};

/// So many machines hang on the switch, if there are so many.
const SWITCH: usize = 400;

pub(crate) fn story(seed: u64, layout: Layout) -> Story {
    let mut dice = Rng::with_seed(seed);
    let seconds = Duration::from_secs;
    let mut faults = Vec::new();
    let protected: Vec<usize> = (0..layout.hosts).filter(|host| host % POOL < POOL - SPARES).collect();
    for death in 0..10 {
        let one = protected[dice.usize(..protected.len())];
        let at = seconds(60 + 3 * death) + Duration::from_millis(dice.u64(..3_000));
        faults.extend([(at, Fault::Power(vec![one], false)), (at + seconds(12), Fault::Power(vec![one], true))]);
    }
    // Machines of every pool, one rack in each: at most one of eight, and four of a hundred at least.
    let count = SWITCH.min((layout.hosts / 8).max(1));
    let mut shuffled = protected.clone();
    dice.shuffle(&mut shuffled);
    shuffled.truncate(count);
    let third: Vec<usize> = (0..layout.engines).filter(|engine| engine % 3 == 0).collect();
    let some = |dice: &mut Rng| vec![protected[dice.usize(..protected.len())]];
    // The one that died is begun again.
    faults.extend((0..layout.engines).map(|engine| (seconds(410), Fault::Begin(engine, true))));
    faults.extend([
        (seconds(120), Fault::Power(shuffled.clone(), false)),
        (seconds(180), Fault::Power(shuffled, true)),
        (seconds(250), Fault::EtcdLeaves),
        (seconds(255), Fault::Power(some(&mut dice), false)),
        (seconds(280), Fault::EtcdReturns),
        (seconds(310), Fault::Network(third.clone(), Way::Silent)),
        (seconds(315), Fault::Power(some(&mut dice), false)),
        (seconds(340), Fault::Network(third, Way::Open)),
        (seconds(370), Fault::KillHolder),
        (seconds(371), Fault::Power(some(&mut dice), false)),
        (seconds(430), Fault::Pace(Pace::SLOW)),
        (seconds(440), Fault::Power(some(&mut dice), false)),
        (seconds(470), Fault::Pace(Pace::QUICK)),
    ]);
    let phases = [
        (30, "quiet"),
        (60, "ten deaths"),
        (120, "a switch dies"),
        (180, "power is back"),
        (250, "etcd away for 30 s"),
        (310, "a third cut off"),
        (370, "the holder dies"),
        (430, "etcd is slow"),
    ];
    let phases = phases.map(|(at, name)| (seconds(at), name)).to_vec();
    Story { seed, layout, faults, phases, until: seconds(500), without: None }
}

/// One row for each phase.
pub(crate) fn rows(layout: Layout, outcome: &Outcome) -> String {
    let mut text = String::new();
    for phase in outcome.phases.iter().skip(1) {
        let Phase { name, lasted, tally, bytes, decided, cpu } = phase;
        let (span, engines) = (lasted.as_secs_f64(), layout.engines as f64);
        let rate = |count: u64| count as f64 / span;
        let at = |share: f64| {
            let last = decided.len().checked_sub(1)?;
            Some(decided[(last as f64 * share).round() as usize].as_secs_f64())
        };
        let time = |share: f64| at(share).map_or("–".to_owned(), |seconds| format!("{seconds:.1}"));
        writeln!(
            text,
            "| {} × {} / {} | {name} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {} | {} | {} | {:.2} |",
            layout.hosts,
            layout.engines,
            layout.sites,
            rate(tally.writes),
            rate(tally.written) / 1e3,
            tally.largest as f64 / 1e3,
            rate(tally.reads + tally.renewals),
            *bytes as f64 / 1e3,
            rate(tally.events) / engines,
            rate(tally.events),
            rate(tally.event_bytes) / 1e3,
            decided.len(),
            time(0.5),
            time(0.99),
            time(1.0),
            cpu.as_secs_f64() * 1e3 / span / engines,
        )
        .unwrap();
    }
    text
}

pub(crate) const HEAD: &str = "\
| hosts × engines / sites | phase | writes/s | kB/s written | largest request kB | reads and renewals/s | kB stored | \
watch events/s, an engine | in all | kB/s in all | decisions | after p50 s | p99 | max | CPU ms/s, an engine |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";
