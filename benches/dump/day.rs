//! What a day of races leaves on the medium: a round a minute, people who come to the finish, and the retention that is usual.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::dump::change::Memory;
use hotspare::dump::medium::Medium;
use hotspare::dump::round::round;
use hotspare::dump::tools::Tools;
use hotspare::work::steer::Alone;
use tokio_util::sync::CancellationToken;

use super::{Site, size};

/// Minutes of a race day.
const MINUTES: u64 = 600;
/// Runners who come to the finish in a minute, in one race after the other.
const FINISHES: u64 = 10;
/// How often the way of a script is weighed: between two of them its dumps have about one size.
const WEIGHED: u64 = 60;

impl Site {
    /// Ten hours with a wall clock of their own, so that the retention of hours and days does what it would.
    pub(crate) async fn day(&self, races: &[String]) {
        let folder = self.fresh("day");
        let clock = Clock::held(Clock::real().now());
        let tools = Tools { clock: clock.clone(), ..self.tools.clone() };
        let mut dump = self.ours(races).dump;
        dump.to.clone_from(&folder);
        let (memory, stop) = (Memory::default(), CancellationToken::new());
        let (mut script, mut plain, mut most, mut kits) = (0, 0, 0, 0);
        for minute in 0..MINUTES {
            let race = &races[usize::try_from(minute * races.len() as u64 / MINUTES).unwrap()];
            self.server.sql(&format!(
                "USE {race}; UPDATE {race}.oRunner SET Finish = Finish + 1, Counter = Counter + 1 WHERE Id % 100 = {}; \
                 INSERT INTO {race}.oCard SELECT 10000 + {minute} * {FINISHES} + seq, REPEAT(CONCAT(seq * 37 % 1000, '-36000;'), 20), \
                 NOW() FROM seq_1_to_{FINISHES}",
                minute % 100
            ));
            if minute % WEIGHED == 0 {
                plain = self.weighed(races);
            }
            script += plain;
            let medium = Arc::new(Medium::open(&dump, &[], clock.now()).unwrap());
            let last = medium.kits().unwrap().into_iter().next();
            let keeper = Arc::clone(&medium);
            round(&dump, &tools, keeper, last.as_ref(), &memory, Arc::new(Alone), &stop).await.unwrap();
            medium.retain(dump.keep, 0).unwrap();
            kits = medium.kits().unwrap().len();
            most = most.max(size(&folder));
            clock.advance(Duration::from_secs(60));
        }
        println!(
            "| a day of {} races, {MINUTES} rounds: a script that keeps all, plain | | {script} | |\n\
             | a day of {} races, {MINUTES} rounds: hotspare, {kits} kits at the end, at most | | {most} | |",
            races.len(),
            races.len()
        );
    }

    /// Bytes of plain dumps of all of them now.
    fn weighed(&self, races: &[String]) -> u64 {
        let target = self.fresh("peer");
        let plain = "mariadb-dump --no-defaults -uroot -h127.0.0.1 -P$PORT --databases $D > $T/$D.sql";
        self.shell(&format!("for D in {}; do {plain}; done", races.join(" ")), &target);
        size(Path::new(&target))
    }
}
