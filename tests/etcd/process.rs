//! Engines as processes of their own, which can be frozen and killed like real ones.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hotspare::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};

use crate::board::Board;
use crate::cluster::Cluster;
use crate::engine::{settings, start, until};
use crate::witness::{Log, Span, overlaps};

const TTL: Duration = Duration::from_secs(2);

/// The clock that all processes of a machine share.
fn common_time() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap())
}

/// Not a test: the process that the tests below start. It says, a thousand times a second, since when and until when it
/// may act.
#[tokio::test(flavor = "multi_thread")]
async fn engine() {
    let Ok(endpoints) = std::env::var("HOTSPARE_TEST_ENDPOINTS") else { return };
    let endpoints = endpoints.split(',').map(str::to_owned).collect();
    let name = format!("engine-{}", std::process::id());
    let lease = start(&settings(endpoints, "/hotspare", TTL), &name, &Clock::real(), &Board::default());
    let mut out = std::io::stdout().lock();
    loop {
        let before = common_time();
        let right = lease.may_act().ok().map(|right| right.generation);
        let after = common_time();
        writeln!(out, "look {} {} {}", before.as_nanos(), after.as_nanos(), right.unwrap_or(0)).expect("heard");
        out.flush().expect("heard");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Before and after a look, and what it saw.
type Look = (Duration, Duration, Option<u64>);

/// Such a process, and what it said.
struct Process {
    child: Child,
    looks: Arc<Mutex<Vec<Look>>>,
}

impl Process {
    fn start(cluster: &Cluster) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "process::engine", "--nocapture"])
            .env("HOTSPARE_TEST_ENDPOINTS", cluster.urls().join(","))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let looks = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&looks);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let Some(look) = line.split_once("look ").map(|(_, look)| look) else { continue };
                let numbers: Vec<u64> = look.split(' ').filter_map(|word| word.parse().ok()).collect();
                let [before, after, generation] = numbers[..] else { continue };
                let time = Duration::from_nanos;
                heard.lock().unwrap().push((time(before), time(after), (generation > 0).then_some(generation)));
            }
        });
        Self { child, looks }
    }

    /// Whether the last look said that it may act.
    fn may_act(&self) -> bool {
        self.looks.lock().unwrap().last().is_some_and(|look| look.2.is_some())
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("signalled");
    }

    fn spans(&self, engine: usize) -> Vec<Span> {
        let mut log = Log::default();
        for (before, after, generation) in self.looks.lock().unwrap().iter() {
            log.look(engine, *before, *after, *generation);
        }
        log.end()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_frozen_may_not_act_when_it_wakes_and_one_that_was_killed_is_followed() {
    let cluster = Cluster::start(3).await;
    let mut engines = [Process::start(&cluster), Process::start(&cluster)];
    let within = Duration::from_secs(15);
    until("one holds", within, || engines.iter().any(Process::may_act)).await;
    for round in 0..4 {
        let holder = engines.iter().position(Process::may_act).expect("one holds");
        let other = 1 - holder;
        engines[holder].signal(Signal::STOP);
        let frozen = common_time();
        // Nothing it says from here on was said before.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let said = engines[holder].looks.lock().unwrap().len();
        until("the other follows", within, || engines[other].may_act()).await;
        println!("round {round}: the other may act {:?} after the freeze", common_time() - frozen);
        engines[holder].signal(Signal::CONT);
        until("it is awake", within, || engines[holder].looks.lock().unwrap().len() > said + 50).await;
        let woke = engines[holder].looks.lock().unwrap()[said..].to_vec();
        // The look that the freeze may have cut in two aside.
        let wrong = woke.iter().skip(1).filter(|look| look.2.is_some()).count();
        assert_eq!(wrong, 0, "it acted after it woke");
    }
    let holder = engines.iter().position(Process::may_act).expect("one holds");
    let killed = common_time();
    engines[holder].child.kill().expect("killed");
    until("the other follows", within, || engines[1 - holder].may_act()).await;
    println!("the other may act {:?} after the kill", common_time() - killed);
    let spans = [engines[0].spans(0), engines[1].spans(1)].concat();
    assert!(spans.len() >= 5, "{spans:?}");
    assert_eq!(overlaps(&spans), [], "two at one time");
}
