//! The whole demo for long, at twenty times its pace, with faults that nobody planned: nothing leaks, no task is lost, the
//! journal stays whole, and the disk stays bounded.
//!
//! Real code, real sockets, real processes: the engine and a console on a pseudo-terminal are the program itself, the machines
//! have real servers and sshds, the races lie in a real MariaDB. Time is not pretended: the pauses of the demo and the
//! intervals of its fleet file are divided by twenty, down to the floors that `src/demo` names.
//!
//! `cargo test --test soak -- --ignored` plays for a minute and a half; with `HOTSPARE_SOAK_HOURS=2` it plays
//! for hours and writes `soak.csv` and `soak.svg` into `HOTSPARE_SOAK_OUT` as it goes, with the verdict in `soak.txt` at the
//! end. `HOTSPARE_SOAK_SEED` plays the same faults again, `HOTSPARE_SOAK_PROGRAM` plays another build.
//! docs/endurance.md says what is measured and how it is judged.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail loudly"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

#[path = "../support/program.rs"]
mod program;
#[path = "../support/session.rs"]
mod session;

mod ear;
mod faults;
mod graph;
mod guests;
mod hands;
mod house;
mod judge;
mod ledger;
mod samples;
mod tend;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hotspare::demo::pace::Pace;

use house::House;

/// So many times faster than the demo is watched.
const TIMES: u32 = 20;
/// A play without a wish for hours.
const SHORT: Duration = Duration::from_secs(80);

/// How long is played, and from which seed.
#[derive(Debug, Clone)]
struct Plan {
    span: Duration,
    seed: u64,
    out: Option<PathBuf>,
    program: PathBuf,
}

impl Plan {
    fn of_environment() -> Self {
        let hours: Option<f64> = std::env::var("HOTSPARE_SOAK_HOURS").ok().map(|text| text.parse().expect("hours"));
        let seed = std::env::var("HOTSPARE_SOAK_SEED").ok().map(|text| text.parse().expect("a number"));
        // Both are used from other folders.
        let path = |name| std::env::var_os(name).map(|path| std::path::absolute(path).expect("a path"));
        Self {
            span: hours.map_or(SHORT, |hours| Duration::try_from_secs_f64(hours * 3600.0).expect("hours")),
            seed: seed.unwrap_or(20),
            out: path("HOTSPARE_SOAK_OUT"),
            program: path("HOTSPARE_SOAK_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_hotspare").into()),
        }
    }

    /// Engines are killed only before this.
    fn rough(&self) -> Duration {
        (self.span / 5).min(Duration::from_secs(300))
    }

    /// What is measured counts from here on: everything has its size.
    fn warm(&self) -> Duration {
        self.rough() + (self.span / 5).min(Duration::from_secs(600))
    }

    /// Between two samples.
    fn every(&self) -> Duration {
        (self.span / 400).clamp(Duration::from_secs(1), Duration::from_secs(15))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is played by hand before a release: cargo test --test soak -- --ignored --nocapture"]
async fn the_demo_at_twenty_times_its_pace_leaks_nothing_and_loses_nothing() {
    let plan = Plan::of_environment();
    println!("soak: {} s from seed {}", plan.span.as_secs(), plan.seed);
    let house = Arc::new(House::build(&plan, Pace::times(TIMES)).await);
    let mut samples = samples::Samples::new(&house, &plan);
    let mut faults = faults::Faults::new(&house, &plan);
    let mut ear = ear::Ear::new(&house);
    let mut hands = hands::Hands::new(&house, plan.seed);
    tokio::select! {
        () = tokio::time::sleep(plan.span) => {}
        () = house.play() => unreachable!("the demo has no end"),
        () = faults.play() => unreachable!("faults have no end"),
        () = hands.play() => unreachable!("hands are never idle"),
        () = guests::come_and_go(&house, plan.seed) => unreachable!("there is always somebody"),
        () = ear.listen() => unreachable!("there is always something to hear"),
        () = samples.take() => unreachable!("samples are taken to the end"),
    }
    println!("soak: faults are over, everything is put in order");
    let left = tokio::select! {
        left = tend::in_order(&house, &mut faults) => left,
        () = ear.listen() => unreachable!("there is always something to hear"),
    };
    if !left.is_empty() {
        println!("soak: not well: {left:#?}");
    }
    samples.one().await;
    samples.draw();
    let (ledger, series, heard) = (hands.into_ledger(), samples.into_series(), ear.into_heard());
    drop(faults);
    let ended = Arc::into_inner(house).expect("nobody else is in the house").close().await;
    let verdict = judge::of(&plan, &series, judge::Told { ledger, heard, ended, left });
    println!("{}", verdict.told.join("\n"));
    if let Some(out) = &plan.out {
        std::fs::write(out.join("soak.txt"), verdict.told.join("\n") + "\n").unwrap();
    }
    assert!(verdict.wrong.is_empty(), "seed {}:\n{}", plan.seed, verdict.wrong.join("\n"));
}
