//! Floor 3, configs: configuration files of hosts, kept version by version.
//!
//! Each host is looked at on a schedule: its files are fetched over the warm connection, and what changed since the last look
//! is kept in the state folder, in a git repository where git is installed, else as dated copies. Nothing is ever written to
//! a host, and nothing of a file's content leaves this room but by a question for it: not into the journal, not into a log.

mod answers;
mod compare;
mod fetch;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod shelf;
mod store;
pub mod view;

pub use compare::counts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Timestamp};
use crate::durable;
use crate::fleet::Fleet;
use crate::fleet::data::Config;
use crate::reach::ssh::SshPool;
use store::Store;

/// In the state folder.
const FOLDER: &str = "configs";
/// Between two looks at what is due.
const PULSE: Duration = Duration::from_secs(5);
/// A host that could not be looked at is tried again after so long, or after its own time where that is shorter.
const AGAIN: Duration = Duration::from_secs(600);
/// At the end what is under way gets so long.
const ENDING: Duration = Duration::from_secs(2);

/// Every config backup. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Configs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ssh: SshPool,
    clock: Clock,
    folder: PathBuf,
    git: bool,
    fleet: Mutex<Arc<Fleet>>,
    /// By the name of the config backup. Who holds one keeps its versions.
    stores: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Option<Store>>>>>,
    /// Why a host could not be looked at, or what was left out; and when that was.
    troubles: Mutex<Troubles>,
    news: mpsc::UnboundedSender<News>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// In that folder: what was wrong at the last look at each host, for an engine that comes after this one.
const TROUBLES: &str = "troubles.json";

/// By config backup and host: when it was tried, and what was wrong.
type Troubles = BTreeMap<(String, String), (Timestamp, Vec<String>)>;

/// Something that the journal is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Config backup.
    pub config: String,
    /// Host.
    pub host: String,
    /// What changed, or what is wrong; empty: nothing is any more.
    pub said: String,
    /// Whether something is wrong.
    pub trouble: bool,
}

/// What came of a look at one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Host.
    pub host: String,
    /// Files that changed.
    pub changed: usize,
    /// Why it could not be looked at, or what was left out.
    pub trouble: Vec<String>,
}

impl Configs {
    /// Begins to look at what is due, unless only what somebody asks for is to be done; and what it has to say.
    pub fn start(
        fleet: &Arc<Fleet>,
        ssh: SshPool,
        clock: Clock,
        state: &Path,
        always: bool,
    ) -> (Self, mpsc::UnboundedReceiver<News>) {
        let (news, told) = mpsc::unbounded_channel();
        let configs = Self(Arc::new(Shared {
            ssh,
            clock,
            folder: state.join(FOLDER),
            git: true,
            fleet: Mutex::new(Arc::clone(fleet)),
            stores: Mutex::default(),
            troubles: Mutex::new(troubles_before(&state.join(FOLDER).join(TROUBLES))),
            news,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }));
        configs.reload(fleet);
        if always {
            let looking = configs.clone();
            let stop = looking.0.stop.clone();
            configs.0.tasks.spawn(stop.run_until_cancelled_owned(async move {
                loop {
                    looking.look_at_what_is_due().await;
                    tokio::time::sleep(PULSE).await;
                }
            }));
        }
        (configs, told)
    }

    /// Another fleet file is in force.
    pub fn reload(&self, fleet: &Arc<Fleet>) {
        *lock(&self.0.fleet) = Arc::clone(fleet);
        let there = |config: &str, host: &str| {
            let config = fleet.configs.iter().find(|known| known.name == config);
            config.is_some_and(|config| fleet.host(host).is_some_and(|host| config.hosts.holds(host)))
        };
        lock(&self.0.troubles).retain(|(config, host), _| there(config, host));
    }

    /// Stops.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        let _left_behind = tokio::time::timeout(ENDING, self.0.tasks.wait()).await;
    }

    /// What is wrong, a line each: for the title bar.
    pub fn alarms(&self) -> Vec<String> {
        let troubles = lock(&self.0.troubles);
        let line = |((config, host), (_, why)): (&(String, String), &(Timestamp, Vec<String>))| {
            format!("config backup {config} of {host}: {}", why.join("; "))
        };
        troubles.iter().filter(|(_, (_, why))| !why.is_empty()).map(line).collect()
    }

    /// Whether there is such a config backup; what to do if not.
    pub fn known(&self, name: &str) -> Result<(), String> {
        let fleet = self.fleet();
        if fleet.configs.iter().any(|config| config.name == name) {
            return Ok(());
        }
        Err(format!("there is no config backup {name} in {}", fleet.name))
    }

    /// Looks at every host of a config backup now, or of all of them; `told` hears how many of how many were looked at.
    pub async fn now(&self, name: Option<&str>, told: &(dyn Fn(usize, usize, &str) + Send + Sync)) -> Vec<Looked> {
        let fleet = self.fleet();
        let wanted: Vec<(&Config, &str)> = fleet
            .configs
            .iter()
            .filter(|config| name.is_none_or(|name| config.name == name))
            .flat_map(|config| hosts(&fleet, config).map(move |host| (config, host)))
            .collect();
        let mut all = Vec::new();
        for (done, (config, host)) in wanted.iter().enumerate() {
            told(done, wanted.len(), host);
            all.push(self.look(config, host).await);
        }
        told(wanted.len(), wanted.len(), "");
        all
    }

    async fn look_at_what_is_due(&self) {
        let fleet = self.fleet();
        for config in &fleet.configs {
            for host in hosts(&fleet, config) {
                if self.due(config, host).await {
                    self.look(config, host).await;
                }
            }
        }
    }

    async fn due(&self, config: &Config, host: &str) -> bool {
        let now = self.0.clock.now();
        let long = |then: Timestamp, every: Duration| {
            // A clock that was set back makes nothing wait.
            let passed = now.duration_since(then);
            passed.is_negative() || passed.unsigned_abs() >= every
        };
        let tried = lock(&self.0.troubles).get(&(config.name.clone(), host.to_owned())).map(|(at, _)| *at);
        if tried.is_some_and(|at| !long(at, config.every.min(AGAIN))) {
            return false;
        }
        let store = self.store(&config.name);
        let mut store = store.lock().await;
        match self.opened(&config.name, &mut store).await {
            Ok(store) => store.looked(host).is_none_or(|at| long(at, config.every)),
            Err(_) => true,
        }
    }

    async fn look(&self, config: &Config, host: &str) -> Looked {
        let looked = self.fetch(config, host).await;
        let (changed, trouble, said) = match looked {
            Ok((changed, left, said)) => (changed, left, said),
            Err(why) => (0, vec![why], String::new()),
        };
        let key = (config.name.clone(), host.to_owned());
        let tell = |said: String, trouble| {
            let _engine_ends = self.0.news.send(News { config: key.0.clone(), host: key.1.clone(), said, trouble });
        };
        if !said.is_empty() {
            tell(said, false);
        }
        // The look began before the fleet file was read again, perhaps: then whoever asked is told, and nobody else.
        let fleet = self.fleet();
        let declared = fleet.host(host).is_some() && fleet.configs.iter().any(|known| known.name == config.name);
        let before = {
            let mut troubles = lock(&self.0.troubles);
            let before = troubles.remove(&key).map(|(_, why)| why).unwrap_or_default();
            if !trouble.is_empty() && declared {
                troubles.insert(key.clone(), (self.0.clock.now(), trouble.clone()));
            }
            before
        };
        if before != trouble && declared {
            self.keep_troubles();
            tell(trouble.join("; "), true);
        }
        Looked { host: host.to_owned(), changed, trouble }
    }

    async fn fetch(&self, config: &Config, host: &str) -> Result<(usize, Vec<String>, String), String> {
        let destination = self.fleet().host(host).map_or_else(|| host.to_owned(), |host| host.ssh.clone());
        let output = self.0.ssh.run(&destination, &fetch::command(&config.files)).await;
        let fetched = fetch::read(&output.map_err(|error| error.to_string())?)?;
        let store = self.store(&config.name);
        let mut store = store.lock().await;
        let store = self.opened(&config.name, &mut store).await?;
        let changed = store.keep(host, &fetched, self.0.clock.now()).await?;
        // A pattern may fit nothing; a file that is named should be there.
        let missing = fetched.missing.iter().filter(|path| !path.contains(['*', '?', '[']));
        let missing = missing.map(|path| format!("{path} is not there"));
        let left = fetched.left.iter().map(|(path, why)| format!("{path} {why}"));
        Ok((changed.len(), missing.chain(left).collect(), store::words(&changed)))
    }

    /// Keeps what is wrong. Where that fails, an engine that comes after this one looks again before it knows.
    fn keep_troubles(&self) {
        let all: Vec<(String, String, Vec<String>)> = {
            let troubles = lock(&self.0.troubles);
            troubles.iter().map(|((config, host), (_, why))| (config.clone(), host.clone(), why.clone())).collect()
        };
        let written = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.0.folder)?;
            durable::put(&self.0.folder.join(TROUBLES), &serde_json::to_vec(&all)?, 0o600)
        };
        if let Err(error) = written() {
            tracing::warn!(%error, "what is wrong with config backups is not kept");
        }
    }

    fn store(&self, name: &str) -> Arc<tokio::sync::Mutex<Option<Store>>> {
        Arc::clone(lock(&self.0.stores).entry(name.to_owned()).or_default())
    }

    async fn opened<'a>(&self, name: &str, store: &'a mut Option<Store>) -> Result<&'a mut Store, String> {
        if store.is_none() {
            *store = Some(Store::open(self.0.folder.join(name), self.0.git).await?);
        }
        store.as_mut().ok_or_else(|| "the store is not open".into())
    }

    fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&lock(&self.0.fleet))
    }
}

/// What was wrong when the engine before this one looked. It is looked at again at once: that was long ago.
fn troubles_before(file: &Path) -> Troubles {
    let kept = std::fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let kept: Vec<(String, String, Vec<String>)> = kept.unwrap_or_default();
    kept.into_iter().map(|(config, host, why)| ((config, host), (Timestamp::UNIX_EPOCH, why))).collect()
}

fn hosts<'a>(fleet: &'a Fleet, config: &'a Config) -> impl Iterator<Item = &'a str> {
    fleet.hosts.iter().filter(|host| config.hosts.holds(host)).map(|host| host.name.as_str())
}

/// What lies behind these locks is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
