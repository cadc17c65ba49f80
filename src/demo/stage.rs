//! Plays the script: tells the story, does the deed, and looks whether the engine saw it in time.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::machine::{Addressing, Machine, PLANS};
use super::pace::Pace;
use super::script::{ANNOUNCE, DAY, Deed, SCENES, Scene};
use super::share::Share;
use super::sshd::Kit;
use crate::clock::{Clock, Tick};
use crate::engine::client::Client;
use crate::engine::command::Command;

/// How often other addresses are tried.
const ATTEMPTS: u32 = 10;

/// All machines of the demo, with power.
#[derive(Debug)]
pub struct Stage {
    machines: Vec<Machine>,
    /// How their addresses and ports were chosen.
    pub addressing: Addressing,
    /// Their sshd, where this system has one.
    pub ssh: Option<Kit>,
}

/// What came of one scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The scene.
    pub scene: Scene,
    /// How long the engine took; `None`: it did not see it in time.
    pub took: Option<Duration>,
}

impl Outcome {
    /// Whether what was announced is what happened.
    pub fn as_announced(&self) -> bool {
        self.took.is_some_and(|took| took >= self.scene.earliest && took <= self.scene.latest)
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let Scene { machine, expect, earliest, latest, .. } = self.scene;
        let announced = if earliest.is_zero() {
            format!("announced: within {:.1} s", latest.as_secs_f64())
        } else {
            format!("announced: {:.1} to {:.1} s", earliest.as_secs_f64(), latest.as_secs_f64())
        };
        match self.took {
            Some(took) => format!("{machine} is {} after {:.2} s ({announced})", expect.word(), took.as_secs_f64()),
            None => format!("{machine} is not {} in time ({announced})", expect.word()),
        }
    }
}

impl Stage {
    /// Builds the machines in `dir` and gives them power. Where another demo takes the same addresses at this moment, the
    /// next ones are taken.
    pub async fn set_up(dir: &Path) -> io::Result<Self> {
        let ssh = Kit::prepare(dir).await?;
        let mut attempts = 0;
        loop {
            let addressing = Addressing::find();
            let mut stage = Self { machines: Vec::with_capacity(PLANS.len()), addressing, ssh: ssh.clone() };
            match stage.power_on(dir).await {
                Ok(()) => return Ok(stage),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts < ATTEMPTS => {
                    stage.tear_down().await;
                    attempts += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn power_on(&mut self, dir: &Path) -> io::Result<()> {
        for plan in &PLANS {
            let mut machine = Machine::new(plan, self.addressing, dir)?;
            machine.power_on(self.ssh.as_ref()).await?;
            self.machines.push(machine);
        }
        Ok(())
    }

    /// The fleet file over these machines, with intervals of this pace.
    pub fn fleet_file(&self, pace: Pace) -> String {
        super::fleet::file(&self.machines, self.addressing, self.ssh.is_some(), pace)
    }

    /// Does something to a machine; one that is not there is not touched.
    pub async fn act(&mut self, machine: &str, deed: Deed) -> io::Result<()> {
        let Some(machine) = self.machines.iter_mut().find(|known| known.plan.name == machine) else { return Ok(()) };
        match deed {
            Deed::PowerOff => machine.power_off().await,
            Deed::PowerOn => machine.power_on(self.ssh.as_ref()).await?,
            Deed::HangWeb => machine.hang_web(true),
            Deed::WakeWeb => machine.hang_web(false),
            Deed::Raid(state) => machine.set_raid(state)?,
            Deed::KillSsh => machine.kill_ssh().await,
            Deed::StartSsh => machine.start_ssh(self.ssh.as_ref()).await?,
        }
        Ok(())
    }

    /// Plays the script day after day, until it is dropped or `until` has passed (then it ends after the scene at
    /// hand). Tells of each outcome.
    pub async fn play(
        &mut self,
        client: &Arc<dyn Client>,
        clock: &Clock,
        until: Option<Duration>,
        mut tell: impl FnMut(&Outcome),
    ) -> io::Result<()> {
        let with_ssh = self.ssh.is_some();
        let start = clock.tick();
        let over = |tick: Tick| until.is_some_and(|until| tick.since(start) >= until);
        for day in 0.. {
            let begins = start + DAY * day;
            for scene in SCENES.iter().filter(|scene| with_ssh || !scene.needs_ssh) {
                let begins_at = begins + scene.at;
                if until.is_some_and(|until| begins_at.since(start) + scene.latest > until) {
                    sleep_until(clock, start + until.unwrap_or_default()).await;
                    return Ok(());
                }
                sleep_until(clock, begins_at - ANNOUNCE).await;
                note(client, format!("in {} s {}", ANNOUNCE.as_secs(), scene.story)).await;
                sleep_until(clock, begins_at).await;
                let outcome = self.perform(scene, client, clock).await?;
                note(client, outcome.line()).await;
                tell(&outcome);
                if over(clock.tick()) {
                    return Ok(());
                }
            }
            sleep_until(clock, begins + DAY).await;
        }
        Ok(())
    }

    /// Does the deed of one scene and waits until the engine has seen it, or should have.
    async fn perform(&mut self, scene: &Scene, client: &Arc<dyn Client>, clock: &Clock) -> io::Result<Outcome> {
        let begun = clock.tick();
        self.act(scene.machine, scene.deed).await?;
        let mut snapshots = client.snapshots();
        let seen =
            snapshots.wait_for(|snapshot| snapshot.host(scene.machine).is_some_and(|host| host.health == scene.expect));
        // The engine publishes ten times a second: what it saw in time is here at most so much later.
        let patience = scene.latest + Duration::from_millis(100);
        let took = match tokio::time::timeout(patience, seen).await {
            Ok(Ok(_snapshot)) => Some(clock.tick().since(begun)),
            Ok(Err(_)) | Err(_) => None,
        };
        Ok(Outcome { scene: *scene, took })
    }

    /// Mounts this folder of nas at `at`, over its own sshd. `None`: this system cannot.
    pub async fn share(&self, folder: &Path, at: &Path) -> io::Result<Option<Share>> {
        let nas = self.machines.iter().find(|machine| machine.plan.name == "nas");
        match (&self.ssh, nas.and_then(|nas| Some((nas.ssh_door(), nas.ssh_process()?)))) {
            (Some(kit), Some((door, server))) => Share::mount(kit, door, server, folder, at).await,
            _ => Ok(None),
        }
    }

    /// Takes the power of every machine.
    pub async fn tear_down(mut self) {
        for machine in &mut self.machines {
            machine.power_off().await;
        }
    }
}

async fn sleep_until(clock: &Clock, at: Tick) {
    tokio::time::sleep(at.since(clock.tick())).await;
}

/// A remark in the journal. One that cannot be written is an alarm in the snapshot already.
async fn note(client: &Arc<dyn Client>, text: String) {
    let _told = client.command(Command::Note { text }).await;
}
