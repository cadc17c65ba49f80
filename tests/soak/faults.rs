//! What breaks: the demo's own script at its pace, and beside it whatever the seed says.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use hotspare::demo::machine::PLANS;
use hotspare::demo::script::{DAY, Deed, SCENES};

use crate::house::House;
use crate::{Plan, TIMES};

/// Between two faults of the seed, milliseconds.
const PAUSE: std::ops::Range<u64> = 150..2_000;
/// A fault lasts so long, milliseconds.
const LASTS: std::ops::Range<u64> = 200..4_000;
/// Before this nobody touches the fleet file: the races have to be named in it.
const FILE_RESTS: Duration = Duration::from_secs(12);

pub(crate) struct Faults {
    house: Arc<House>,
    rng: Rng,
    rough: Duration,
    kills: u32,
}

impl Faults {
    pub(crate) fn new(house: &Arc<House>, plan: &Plan) -> Self {
        Self { house: Arc::clone(house), rng: Rng::with_seed(plan.seed), rough: plan.rough(), kills: 0 }
    }

    /// Breaks and mends. Ends never.
    pub(crate) async fn play(&mut self) {
        let house = Arc::clone(&self.house);
        tokio::join!(script(&house), self.at_random());
    }

    async fn at_random(&mut self) {
        let clock = self.house.clock.clone();
        let start = clock.tick();
        loop {
            tokio::time::sleep(Duration::from_millis(self.rng.u64(PAUSE))).await;
            let passed = clock.tick().since(start);
            // Two engines at the least die, however short the play is.
            let due = self.rough * (self.kills + 1) / 4;
            if passed < self.rough && passed >= due {
                self.kills += 1;
                self.house.kill_engine().await;
                continue;
            }
            assert_eq!(self.house.engine_ended().await, None);
            if self.rng.u8(..8) == 0 {
                if passed > FILE_RESTS {
                    self.file().await;
                }
                continue;
            }
            let machine = PLANS[self.rng.usize(..PLANS.len())].name;
            let (breaks, mends) = match self.rng.u8(..4) {
                0 => (Deed::PowerOff, Deed::PowerOn),
                1 => (Deed::HangWeb, Deed::WakeWeb),
                2 => (Deed::KillSsh, Deed::StartSsh),
                _ => (Deed::Raid("degraded"), Deed::Raid("clean")),
            };
            act(&self.house, machine, breaks).await;
            tokio::time::sleep(Duration::from_millis(self.rng.u64(LASTS))).await;
            act(&self.house, machine, mends).await;
        }
    }

    /// Somebody edits the fleet file: with a mistake that is put right, or with a host that comes and goes.
    async fn file(&mut self) {
        let path = self.house.file();
        let whole = std::fs::read_to_string(&path).unwrap();
        let more = if self.rng.bool() {
            "\n[hosts.broken\n"
        } else {
            "\n[hosts.passing-by]\naddress = \"127.0.0.1\"\nchecks = [{ kind = \"tcp\", port = 9 }]\n"
        };
        save(&path, &(whole.clone() + more));
        tokio::time::sleep(Duration::from_millis(self.rng.u64(LASTS))).await;
        save(&path, &whole);
    }

    /// Everything has power, answers and is whole.
    pub(crate) async fn mend_all(&self) {
        for plan in &PLANS {
            for deed in [Deed::PowerOn, Deed::WakeWeb, Deed::StartSsh, Deed::Raid("clean")] {
                act(&self.house, plan.name, deed).await;
            }
        }
        let text = std::fs::read_to_string(self.house.file()).unwrap();
        let whole = text.split("\n[hosts.broken").next().unwrap().split("\n[hosts.passing-by").next().unwrap();
        save(&self.house.file(), whole);
    }
}

/// At once or not at all, as editors save.
fn save(path: &std::path::Path, text: &str) {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text).unwrap();
    std::fs::rename(fresh, path).unwrap();
}

async fn act(house: &House, machine: &str, deed: Deed) {
    let done = house.stage.lock().await.act(machine, deed).await;
    // On a machine with much to do an sshd may be late; the next mending starts it.
    if let Err(error) = done {
        println!("soak: {machine}: {deed:?}: {error}");
    }
}

/// The demo's script, day after day.
async fn script(house: &House) {
    let start = house.clock.tick();
    for day in 0.. {
        for scene in SCENES {
            let at = start + (DAY * day + scene.at) / TIMES;
            tokio::time::sleep(at.since(house.clock.tick())).await;
            act(house, scene.machine, scene.deed).await;
        }
    }
}
