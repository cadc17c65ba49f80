//! The demo's race office: a private database server with a few races that keep changing, a folder that plays the stick on
//! which they are dumped, somebody who pulls it out for a moment, and one restore for practice.
//!
//! Who dumps, and who restores, is the engine. The server takes a few seconds to start, so that the fleet file names the dump
//! only when it answers: the rest of the demo waits for nothing. Where it cannot be started the rest goes on without it.

mod meos;
mod told;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use self::meos::Meos;
pub use self::told::{Event, Summary};
use super::pace::Pace;
use super::script::{ANNOUNCE, STICK_PULLED, every_day};
use crate::clock::{Clock, Tick};
use crate::dump::scratch::{Scratch, Size};
use crate::dump::tools::Tools;
use crate::dump::view::{DumpState, DumpView};
use crate::engine::client::Client;
use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::reach::secret::Secrets;

/// Name of the dump in the demo's fleet file.
const DUMP: &str = "meos";
/// Programs that all have to be there, each by one of its names.
const PROGRAMS: [&[&str]; 3] = [&["mariadbd", "mysqld"], &["mariadb-dump", "mysqldump"], &["mariadb", "mysql"]];
/// Between two rounds…
const EVERY: Duration = Duration::from_secs(5);
/// …never sooner than this, which is what a minute is at twenty times the pace: each round starts programs.
const SOONEST: Duration = Duration::from_secs(3);
/// The first kit has to be on the stick so soon after the fleet file names the dump.
const FIRST_KIT: Duration = Duration::from_secs(15);
/// The stick is pulled out for so long.
const PULLED_FOR: Duration = Duration::from_secs(8);
/// A stick that is plugged in again has a new kit so soon.
const GOOD_WITHIN: Duration = Duration::from_secs(8);
/// A restore for practice ends within this.
const DRILLED_WITHIN: Duration = Duration::from_secs(60);

/// The server's folder, and the stick.
#[derive(Debug)]
pub struct Races {
    tools: Tools,
    fleet: PathBuf,
    stick: PathBuf,
    pocket: PathBuf,
    stop: CancellationToken,
    server: Mutex<Option<Scratch>>,
    /// Good rounds that were seen.
    rounds: AtomicU32,
    pace: Pace,
}

impl Races {
    /// Makes the stick in `dir`, and starts nothing yet. `None`: this system has no database server, or not its tools.
    pub fn set_up(dir: &Path, fleet: &Path, clock: &Clock) -> io::Result<Option<Self>> {
        let tools = Tools::new(clock.clone(), Secrets::new(clock.clone()), dir.join("server"));
        if PROGRAMS.iter().any(|names| tools.program(names).is_none()) {
            return Ok(None);
        }
        // What a demo left here that was killed.
        tools.sweep();
        let (stick, pocket) = (dir.join("stick"), dir.join("stick in a pocket"));
        if pocket.exists() && !stick.exists() {
            std::fs::rename(&pocket, &stick)?;
        }
        std::fs::create_dir_all(&stick)?;
        Ok(Some(Self {
            tools,
            fleet: fleet.to_owned(),
            stick,
            pocket,
            stop: CancellationToken::new(),
            server: Mutex::default(),
            rounds: AtomicU32::new(0),
            pace: Pace::WATCHED,
        }))
    }

    /// The same at another pace.
    #[must_use]
    pub fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Starts the server, has the engine dump it, and plays until it is dropped. Tells what came of what. Ends never: what
    /// fails here is told, and the rest of the demo goes on.
    pub async fn work(&self, client: &Arc<dyn Client>, clock: &Clock, tell: impl FnMut(Event)) {
        if let Err(why) = self.play(client, clock, tell).await {
            note(client, format!("the demo shows no dump: {why}")).await;
        }
        std::future::pending::<()>().await;
    }

    /// Ends the server, and removes what it left.
    pub async fn end(&self) {
        self.stop.cancel();
        if let Some(server) = self.server.lock().await.take() {
            server.end().await;
        }
    }

    /// What has come of it so far; `None`: the dump has not begun.
    pub fn summary(&self, client: &Arc<dyn Client>) -> Option<Summary> {
        let snapshot = Arc::clone(&client.snapshots().borrow());
        let dump = snapshot.dump(DUMP)?;
        let rounds = self.rounds.load(Ordering::Relaxed);
        Some(Summary { dump: DUMP, rounds, kits: dump.kits, drill: dump.drill.clone() })
    }

    async fn play(&self, client: &Arc<dyn Client>, clock: &Clock, mut tell: impl FnMut(Event)) -> Result<(), String> {
        let began = clock.tick();
        let meos = self.server(clock).await.map_err(|trouble| trouble.to_string())?;
        self.name_it().map_err(|error| format!("{}: {error}", self.fleet.display()))?;
        tokio::select! {
            ended = meos.races(self.pace) => ended.map_err(|trouble| trouble.to_string()),
            () = self.count(client) => Ok(()),
            ended = self.story(client, clock, began, &mut tell) => ended.map_err(|error| format!("the stick: {error}")),
        }
    }

    /// The server, with the races in it.
    async fn server(&self, clock: &Clock) -> Result<Meos, crate::dump::trouble::Trouble> {
        // Whoever ends this waits for the lock, and then finds what there is to end.
        let mut server = self.server.lock().await;
        let started = Scratch::start("MariaDB", Size::Small, &self.tools, &self.stop).await?;
        let line = started.server.line(&self.tools).await;
        *server = Some(started);
        Meos::fill(line?, clock.clone()).await
    }

    /// Adds the dump to the fleet file, which the engine then reads again.
    fn name_it(&self) -> io::Result<()> {
        let Some(server) = self.server.try_lock().ok().and_then(|server| Some(server.as_ref()?.socket())) else {
            return Err(io::Error::other("the server is gone"));
        };
        let socket = server.display().to_string();
        let url =
            url::Url::parse_with_params("mysql://root@localhost/", [("socket", socket)]).map_err(io::Error::other)?;
        let stick = self.stick.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
        let part = format!(
            r#"
[dumps.{DUMP}]
server    = "{url}"
databases = ["MeOSMain", {{ query = "{QUERY}", label = "Name" }}]
every     = "{every}"
to        = "{stick}"
mount     = false                     # a folder plays the stick
keep      = {{ last = 20, hourly = 2, daily = 1 }}
"#,
            QUERY = meos::QUERY,
            every = self.pace.written(EVERY, SOONEST),
        );
        // At once or not at all: it is read as soon as it changes.
        let mut text = std::fs::read(&self.fleet)?;
        text.extend_from_slice(part.as_bytes());
        let folder = self.fleet.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut file, &text)?;
        file.persist(&self.fleet).map(drop).map_err(|error| error.error)
    }

    /// Counts good rounds.
    async fn count(&self, client: &Arc<dyn Client>) {
        let mut snapshots = client.snapshots();
        let mut last = None;
        loop {
            let good = snapshots.borrow_and_update().dump(DUMP).and_then(|dump| dump.good);
            if good > last {
                last = good;
                self.rounds.fetch_add(1, Ordering::Relaxed);
            }
            if snapshots.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// The first kit, a restore for practice, and then somebody who pulls the stick, at its times.
    async fn story(
        &self,
        client: &Arc<dyn Client>,
        clock: &Clock,
        began: Tick,
        tell: &mut impl FnMut(Event),
    ) -> io::Result<()> {
        let first = self.seen(client, clock, FIRST_KIT, |dump| dump.state == DumpState::Good).await;
        tell(Event::of("the first kit is on the stick", first, FIRST_KIT));
        if first.is_some() {
            self.drill(client, clock, tell).await;
        }
        for at in every_day(STICK_PULLED) {
            let at = began + self.pace.of(at);
            if clock.tick() > at {
                continue;
            }
            tokio::time::sleep((at.since(clock.tick())).saturating_sub(self.pace.of(ANNOUNCE))).await;
            let (soon, seconds) = (self.pace.of(ANNOUNCE).as_secs_f64(), self.pulled_for().as_secs_f64());
            note(client, format!("in {soon} s somebody pulls out the stick of the dump for {seconds} s")).await;
            tokio::time::sleep(at.since(clock.tick())).await;
            let event = self.pull(client, clock).await?;
            note(client, event.what.clone()).await;
            tell(event);
        }
        Ok(())
    }

    async fn drill(&self, client: &Arc<dyn Client>, clock: &Clock, tell: &mut impl FnMut(Event)) {
        let command = Command::DumpDrill { dump: DUMP.into(), pick: crate::dump::worker::hands::Pick::Newest };
        let event = match client.command(command).await {
            Err(refusal) => Event { what: format!("{DUMP}: {}", refusal.what), ok: false },
            Ok(_job) => {
                let ok = |dump: &DumpView| dump.drill.as_ref().is_some_and(|drill| drill.ok);
                let took = self.seen(client, clock, DRILLED_WITHIN, ok).await;
                Event::of("its newest kit was restored for practice and compared", took, DRILLED_WITHIN)
            }
        };
        tell(event);
    }

    /// Somebody pulls the stick out, and plugs it in again.
    async fn pull(&self, client: &Arc<dyn Client>, clock: &Clock) -> io::Result<Event> {
        std::fs::rename(&self.stick, &self.pocket)?;
        let pulled = clock.tick();
        let away = self.seen(client, clock, self.pulled_for(), |dump| dump.state == DumpState::MediumAway).await;
        tokio::time::sleep((pulled + self.pulled_for()).since(clock.tick())).await;
        std::fs::rename(&self.pocket, &self.stick)?;
        let back = clock.now();
        let again = |dump: &DumpView| dump.state == DumpState::Good && dump.good.is_some_and(|good| good >= back);
        let good = self.seen(client, clock, GOOD_WITHIN, again).await;
        let seconds = |span: Duration| format!("{:.1} s", span.as_secs_f64());
        let missed =
            away.map_or("was not seen to be away".into(), |away| format!("was missed after {}", seconds(away)));
        let round = match good {
            Some(good) => format!("a good round was made {} after it was back", seconds(good)),
            None => format!("no good round was made {} after it was back", seconds(GOOD_WITHIN)),
        };
        let what = format!("{DUMP}: a stick pulled out for {} {missed}, {round}", seconds(self.pulled_for()));
        Ok(Event { what, ok: away.is_some() && good.is_some() })
    }

    /// For so long the stick is out: long enough for a round to miss it.
    fn pulled_for(&self) -> Duration {
        self.pace.not_below(PULLED_FOR, SOONEST * 2)
    }

    /// How long it took until the dump was seen to be so; `None`: it was not in time.
    async fn seen(
        &self,
        client: &Arc<dyn Client>,
        clock: &Clock,
        within: Duration,
        is: impl Fn(&DumpView) -> bool,
    ) -> Option<Duration> {
        let began = clock.tick();
        let mut snapshots = client.snapshots();
        let seen = snapshots.wait_for(|snapshot: &Arc<Snapshot>| snapshot.dump(DUMP).is_some_and(|dump| is(dump)));
        let seen = tokio::time::timeout(within, seen).await.is_ok_and(|seen| seen.is_ok());
        seen.then(|| clock.tick().since(began))
    }
}

/// A remark in the journal. One that cannot be written is an alarm in the snapshot already.
async fn note(client: &Arc<dyn Client>, text: String) {
    let _told = client.command(Command::Note { text }).await;
}
