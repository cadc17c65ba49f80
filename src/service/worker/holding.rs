//! Holds: who may take one, and how it is taken.

mod back;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Ending, Services, lock};
use crate::clock::{Tick, Timestamp};
use crate::fleet::data::Service;
use crate::service::hold::{Line, MOST, NotTaken};
use crate::service::look::{Seen, missing};
use crate::service::trouble::Trouble;
use crate::service::view::{Held, HoldState, HoldView, HolderView, Left, LockView, Mark, Released};

/// What somebody wants to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The service.
    pub service: String,
    /// Who asks.
    pub owner: String,
    /// Why.
    pub why: String,
    /// When the host itself ends it.
    pub until: Timestamp,
    /// Its number.
    pub generation: u64,
    /// How long it is tried while somebody else holds one of the locks.
    pub patience: Duration,
}

/// A hold, from the moment it is asked for.
pub(super) struct Hold {
    pub(super) service: Service,
    pub(super) destination: String,
    token: String,
    view: Mutex<HoldView>,
    heard: Mutex<Tick>,
    release: CancellationToken,
    /// Its face gives it back, and so has nothing under way any more.
    work_is_over: AtomicBool,
    ended: watch::Sender<Option<Released>>,
}

/// The right to take a service, which nobody else has meanwhile.
pub struct Ticket {
    services: Services,
    hold: Arc<Hold>,
    patience: Duration,
    used: bool,
}

impl Ticket {
    /// The hold as it will be.
    pub fn view(&self) -> HoldView {
        self.hold.view()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.used {
            self.services.leave(&self.hold, Ending::NotTaken, None, Left::Nothing);
            // Whoever gave it back waits; from now on nobody finds it.
            if self.hold.ended.receiver_count() > 0 {
                let (services, hold) = (self.services.clone(), Arc::clone(&self.hold));
                self.services.0.tasks.spawn(async move {
                    let released = services.read_back(&hold, Left::Nothing).await;
                    hold.ended.send_replace(Some(released));
                });
            }
        }
    }
}

impl Hold {
    pub(super) fn view(&self) -> HoldView {
        lock(&self.view).clone()
    }

    fn becomes(&self, state: HoldState) {
        lock(&self.view).state = state;
    }
}

impl Services {
    /// Notes that somebody takes a service, before anything is done. Dropping the ticket ends it again.
    pub fn reserve(&self, order: &Order) -> Result<Ticket, Trouble> {
        let hold = self.enter(order)?;
        Ok(Ticket { services: self.clone(), hold, patience: order.patience, used: false })
    }

    /// Takes all locks of a service, or none. The hold stands until it is released or comes to its end by itself.
    pub async fn hold(&self, mut ticket: Ticket, cancel: &CancellationToken) -> Result<Held, Trouble> {
        let hold = Arc::clone(&ticket.hold);
        let taking = self.take(&hold, ticket.patience);
        let taken = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Trouble::Stopped),
            () = self.0.stop.cancelled() => Err(Trouble::Stopped),
            () = hold.release.cancelled() => Err(Trouble::Refused(format!(
                "{} was given back by somebody while its locks were being taken; nothing is locked",
                hold.service.name
            ))),
            taken = taking => taken,
        };
        let (line, seen) = taken?;
        ticket.used = true;
        hold.becomes(HoldState::Held);
        *lock(&hold.heard) = self.0.clock.tick();
        self.changed();
        let answer = Held {
            service: hold.service.name.clone(),
            host: hold.service.host.clone(),
            ssh: hold.destination.clone(),
            hold: hold.view(),
            modules: seen.modules,
        };
        let keeping = self.clone();
        self.0.tasks.spawn(async move { keeping.keep(&hold, line).await });
        Ok(answer)
    }

    /// Whether this hold stands, as far as a face is concerned, which is heard of by this.
    pub fn stands(&self, service: &str, generation: u64) -> Option<HoldView> {
        let hold = lock(&self.0.holds).get(service).cloned()?;
        let view = hold.view();
        if view.generation != generation {
            return None;
        }
        *lock(&hold.heard) = self.0.clock.tick();
        (view.state != HoldState::Releasing).then_some(view)
    }

    /// Whether this engine holds all locks of a service now.
    pub(super) fn standing(&self, service: &str) -> Option<Arc<Hold>> {
        lock(&self.0.holds).get(service).filter(|hold| hold.view().state == HoldState::Held).cloned()
    }

    /// Notes that somebody takes it.
    fn enter(&self, order: &Order) -> Result<Arc<Hold>, Trouble> {
        let service = self.known(&order.service).map_err(Trouble::Refused)?;
        let count = service.pid_files.len();
        if count == 0 {
            return Err(Trouble::Refused(format!(
                "service {} has no pid files: write pid_files into [services.{}]",
                service.name, service.name
            )));
        }
        if count > MOST {
            return Err(Trouble::Refused(format!(
                "service {} has {count} pid files, and at most {MOST} can be locked together: make two services of it",
                service.name
            )));
        }
        let now = self.now();
        let view = HoldView {
            generation: order.generation,
            state: HoldState::Taking,
            owner: order.owner.clone(),
            why: order.why.clone(),
            since: now,
            until: order.until,
        };
        let hold = Arc::new(Hold {
            destination: self.destination(&service)?,
            service: service.clone(),
            token: format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)),
            view: Mutex::new(view),
            heard: Mutex::new(self.0.clock.tick()),
            release: CancellationToken::new(),
            work_is_over: AtomicBool::new(false),
            ended: watch::channel(None).0,
        });
        let mut holds = lock(&self.0.holds);
        if let Some(other) = holds.get(&service.name) {
            let HoldView { owner, why, since, until, .. } = other.view();
            return Err(Trouble::Refused(format!(
                "{} is held by {owner} since {since:.0} until {until:.0}: {why}",
                service.name
            )));
        }
        holds.insert(service.name.clone(), Arc::clone(&hold));
        drop(holds);
        self.changed();
        Ok(hold)
    }

    /// Looks that every pid file is there, takes the locks, and looks that they are ours.
    async fn take(&self, hold: &Hold, patience: Duration) -> Result<(Line, Seen), Trouble> {
        let (service, view) = (&hold.service, hold.view());
        let seen = self.look_at(service).await?;
        if let Some(missing) = missing(service, &seen) {
            return Err(Trouble::Refused(missing));
        }
        let mark = Mark {
            service: service.name.clone(),
            by: view.owner,
            why: view.why,
            since: view.since,
            until: view.until,
            token: hold.token.clone(),
        };
        let span = Duration::try_from(view.until.duration_since(self.now())).unwrap_or_default();
        let line = match Line::take(&self.0.ssh, &hold.destination, service, &mark, (patience, span)).await {
            Ok(line) => line,
            Err(NotTaken::Other(trouble)) => return Err(trouble),
            Err(NotTaken::Busy(number)) => {
                let seen = self.look_at(service).await?;
                let module = seen.modules.get(number);
                let file = module.map_or("a pid file", |module| module.pid_file.as_str());
                let holder = module.and_then(|module| module.lock.holder()).map_or_else(
                    || "somebody who has let go meanwhile".to_owned(),
                    |holder| {
                        let since = holder.began.map(|began| format!(", which began {began:.0}")).unwrap_or_default();
                        format!("{}{since}", holder.said())
                    },
                );
                return Err(Trouble::Refused(format!(
                    "{file}.lock on {} was held for {} s by {holder}; nothing is locked",
                    service.host,
                    patience.as_secs()
                )));
            }
        };
        let seen = self.look_at(service).await?;
        let ours = |lock: &LockView| match lock.holder() {
            Some(holder) => holder.mark.as_ref().is_some_and(|mark| mark.token == hold.token),
            // A host without /proc/locks and lsof shows no holder at all: what its shell said must do.
            None => !seen.proves,
        };
        if let Some(module) = seen.modules.iter().find(|module| !ours(&module.lock)) {
            let who = module.lock.holder().map_or_else(|| "nobody".into(), HolderView::said);
            line.release().await;
            return Err(Trouble::Failed(format!(
                "{}.lock on {} was taken, but is seen in the hands of {who}; everything was let go",
                module.pid_file, service.host
            )));
        }
        Ok((line, seen))
    }
}
