//! The worker: looks at the services of the fleet every now and then, and keeps the holds that people have.

mod forcing;
mod holding;
mod stopping;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::holding::Hold;
pub use self::holding::{Order, Ticket};
use super::look::{self, Seen};
use super::trouble::Trouble;
use super::view::{HoldView, Left, LockView, ModuleState, ModuleView, ServiceView};
use crate::clock::{Clock, Timestamp};
use crate::fleet::Fleet;
use crate::fleet::data::Service;
use crate::reach::ssh::SshPool;

/// Between two looks at a service.
const EVERY: Duration = Duration::from_secs(30);
/// Longest wait for holds to be given back at the end.
const CLOSING: Duration = Duration::from_secs(4);

/// What nobody waits for and the engine is to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The service.
    pub service: String,
    /// Its host.
    pub host: String,
    /// The hold that is over.
    pub hold: HoldView,
    /// How it came to its end.
    pub how: Ending,
    /// Whether it was read back that its locks are free; `None`: the host could not be asked.
    pub free: Option<bool>,
    /// What became of a command that was still there.
    pub left: Left,
}

/// How a hold came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The locks were never given.
    NotTaken,
    /// Somebody gave it back.
    Released,
    /// Its time was over.
    TimeOver,
    /// The face that has it was not heard of for too long.
    FaceGone,
    /// The connection to the host ended, or the process that had the locks was ended there.
    Lost,
    /// The engine stops.
    EngineStops,
}

/// All services of the fleet. Cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    ssh: SshPool,
    clock: Clock,
    fleet: Mutex<Arc<Fleet>>,
    looked: Mutex<BTreeMap<String, Looked>>,
    holds: Mutex<BTreeMap<String, Arc<Hold>>>,
    seen: watch::Sender<u64>,
    news: mpsc::UnboundedSender<News>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What is known of a service.
#[derive(Debug, Clone, Default)]
struct Looked {
    seen: Option<Seen>,
    trouble: Option<String>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

impl Services {
    /// Begins to look; without `always` only where somebody asks. The receiver hears of holds that came to their end.
    pub fn start(
        fleet: &Arc<Fleet>,
        ssh: SshPool,
        clock: Clock,
        always: bool,
    ) -> (Self, mpsc::UnboundedReceiver<News>) {
        let (news, told) = mpsc::unbounded_channel();
        let services = Self(Arc::new(Inner {
            ssh,
            clock,
            fleet: Mutex::new(Arc::clone(fleet)),
            looked: Mutex::default(),
            holds: Mutex::default(),
            seen: watch::channel(0).0,
            news,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }));
        if always {
            let looking = services.clone();
            services.0.tasks.spawn(async move {
                let stop = looking.0.stop.clone();
                while stop.run_until_cancelled(looking.look_at_all()).await.is_some() {
                    if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                        break;
                    }
                }
            });
        }
        (services, told)
    }

    /// Goes on with another fleet. Holds stay, also those of services that it does not name any more.
    pub fn reload(&self, fleet: &Arc<Fleet>) {
        *lock(&self.0.fleet) = Arc::clone(fleet);
        let known = |name: &String| fleet.services.iter().any(|service| service.name == *name);
        lock(&self.0.looked).retain(|name, _| known(name));
        self.changed();
    }

    /// Each service, in the order of the fleet file.
    pub fn views(&self) -> Vec<ServiceView> {
        let fleet = Arc::clone(&lock(&self.0.fleet));
        fleet.services.iter().map(|service| self.view(service)).collect()
    }

    /// Wakes when a view has changed.
    pub fn seen(&self) -> watch::Receiver<u64> {
        self.0.seen.subscribe()
    }

    /// The holds that stand: service, host, hold.
    pub fn holds(&self) -> Vec<(String, String, HoldView)> {
        let holds = lock(&self.0.holds);
        holds.iter().map(|(name, hold)| (name.clone(), hold.service.host.clone(), hold.view())).collect()
    }

    /// The service of this name, or what is wrong with the name.
    pub fn known(&self, name: &str) -> Result<Service, String> {
        let fleet = Arc::clone(&lock(&self.0.fleet));
        if let Some(service) = fleet.services.iter().find(|service| service.name == name) {
            return Ok(service.clone());
        }
        let near = fleet.services.iter().map(|known| (strsim::jaro(&known.name, name), &known.name));
        let near = near.filter(|(alike, _)| *alike > 0.7).max_by(|one, other| one.0.total_cmp(&other.0));
        let meant = near.map(|(_, near)| format!("; did you mean {near}?")).unwrap_or_default();
        Err(format!("there is no service {name}{meant}"))
    }

    /// Looks at every service, several at once.
    pub async fn look_at_all(&self) {
        let fleet = Arc::clone(&lock(&self.0.fleet));
        let looks = fleet.services.iter().map(|service| async move {
            let _kept = self.look_at(service).await;
        });
        futures_util::future::join_all(looks).await;
    }

    /// Gives all holds back. Ends within 4 s.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        let _left_behind = tokio::time::timeout(CLOSING, self.0.tasks.wait()).await;
    }

    /// Looks at a service now, and keeps what was seen for all to see.
    async fn look_at(&self, service: &Service) -> Result<Seen, Trouble> {
        let destination = self.destination(service)?;
        let seen = look::look(&self.0.ssh, &destination, service, self.0.clock.now()).await;
        {
            let mut looked = lock(&self.0.looked);
            let known = looked.entry(service.name.clone()).or_default();
            match &seen {
                Ok(seen) => *known = Looked { seen: Some(seen.clone()), trouble: None },
                Err(trouble) => known.trouble = Some(trouble.to_string()),
            }
        }
        self.changed();
        seen
    }

    /// How its host is reached.
    fn destination(&self, service: &Service) -> Result<String, Trouble> {
        let fleet = Arc::clone(&lock(&self.0.fleet));
        let host = fleet.host(&service.host).map(|host| host.ssh.clone());
        host.ok_or_else(|| Trouble::Failed(format!("the fleet file has no host {} any more", service.host)))
    }

    fn view(&self, service: &Service) -> ServiceView {
        let looked = lock(&self.0.looked).get(&service.name).cloned().unwrap_or_default();
        let at = looked.seen.as_ref().map(|seen| seen.at);
        // Pid files that were declared since then are not known yet.
        let seen = looked
            .seen
            .map(|seen| seen.modules)
            .filter(|modules| modules.iter().map(|module| &module.pid_file).eq(service.pid_files.iter()));
        ServiceView {
            name: service.name.clone(),
            host: service.host.clone(),
            hold: lock(&self.0.holds).get(&service.name).map(|hold| hold.view()),
            modules: seen.unwrap_or_else(|| service.pid_files.iter().map(|file| unknown(file)).collect()),
            looked: at,
            trouble: looked.trouble,
        }
    }

    fn changed(&self) {
        self.0.seen.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

/// What the modules of a service are called, in the order of its pid files.
pub fn module_names(service: &Service) -> Vec<String> {
    service.pid_files.iter().map(|file| look::name(file)).collect()
}

fn unknown(file: &str) -> ModuleView {
    ModuleView {
        name: look::name(file),
        pid_file: file.to_owned(),
        pid: None,
        state: ModuleState::Unknown,
        command: String::new(),
        lock: LockView::Unknown,
    }
}

/// What lies behind these locks is whole at any time.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
