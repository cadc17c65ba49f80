//! Large fleets on one etcd, by simulation: prints the table of `docs/scale.md`.
//!
//! `cargo run --release --example scale -- 1000x5 10000x50/50`: hosts × engines / sites, as many as wanted; without any, all
//! of the page. `HOTSPARE_SEED=7` is another seed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unchecked_time_subtraction,
    clippy::unwrap_used,
    dead_code,
    reason = "it measures with the machine's own clocks and may stop at any error; the tests use the rest"
)]

#[path = "../tests/support/board.rs"]
mod board;
#[path = "../tests/simulation/engine.rs"]
mod engine;
#[path = "../tests/simulation/guard.rs"]
mod guard;
#[path = "../tests/simulation/server.rs"]
mod server;
#[path = "../tests/simulation/store.rs"]
mod store;
#[path = "../tests/simulation/story.rs"]
mod story;
#[path = "../tests/simulation/table.rs"]
mod table;
#[path = "../tests/simulation/world.rs"]
mod world;

pub(crate) use guard::Guard;
use world::Layout;

const ALL: [&str; 12] = [
    "10x1",
    "10x5",
    "100x1",
    "100x5",
    "100x50",
    "1000x1",
    "1000x5",
    "1000x50",
    "10000x1",
    "10000x50/50",
    "10000x50/10",
    "10000x50",
];

fn main() {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.is_empty() {
        wanted = ALL.map(str::to_owned).to_vec();
    }
    let seed = std::env::var("HOTSPARE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("{}", table::HEAD);
    for layout in wanted {
        let numbers: Vec<usize> = layout.split(['x', '/']).map(|number| number.parse().expect("a number")).collect();
        let [hosts, engines] = numbers[..2] else { panic!("{layout}: hosts x engines / sites") };
        let layout = Layout { hosts, engines, sites: numbers.get(2).copied().unwrap_or(1) };
        let outcome = story::play(&table::story(seed, layout));
        print!("{}", table::rows(layout, &outcome));
        assert!(outcome.broken.is_empty(), "{}", outcome.broken.join("\n"));
        eprintln!(
            "{layout:?}: {} takeovers, {} givebacks, {} interrupted, {} owners, held again after {:?}, waited at most {:?}; {} kB",
            outcome.takeovers,
            outcome.givebacks,
            outcome.interrupted,
            outcome.owners,
            outcome.held_again.iter().max(),
            outcome.longest,
            memory(),
        );
    }
}

/// The most kilobytes that this process took.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}
