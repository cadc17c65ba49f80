//! Notifications: an event as JSON, on the standard input of a program run without a shell, or by POST.
//!
//! Whoever cannot be told is tried again after each of [`AGAIN`], then the journal says that nobody was told. Nothing waits on
//! disk: an engine that stops tells what it can within [`LAST`] and journals the rest. docs/notify.md is the receiver's side.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Timestamp};
use crate::fleet::settings::{Event, Notify};
use crate::journal::entry::Weight;
use crate::journal::store::Draft;
use crate::journal::writer::Journal;
use crate::reach::http::HttpClient;
use crate::reach::secret::Secrets;

mod sign;
mod way;

use way::{Failed, Way};

/// Pauses after the first attempt, the second, and so on; after the last one nobody was told.
const AGAIN: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20), Duration::from_secs(60)];
/// Attempts at once.
const AT_ONCE: usize = 4;
/// Events that are being told or wait for their turn; those beyond are lost, with a word in the journal.
const WAITING: usize = 64;
/// When the engine stops, an attempt that is under way gets so long.
const LAST: Duration = Duration::from_secs(2);

/// One event, as the program gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Which.
    pub event: Event,
    /// Fleet.
    pub fleet: String,
    /// When.
    pub time: Timestamp,
    /// Host or job.
    pub subject: String,
    /// What happened.
    pub what: String,
    /// Why, or the evidence.
    pub why: String,
}

/// A notice under the name by which a receiver knows it again, however often it comes.
#[derive(Debug, Serialize)]
struct Named<'a> {
    id: &'a str,
    #[serde(flatten)]
    notice: &'a Notice,
}

/// Tells. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Herald {
    clock: Clock,
    http: HttpClient,
    secrets: Secrets,
    again: &'static [Duration],
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    telling: TaskTracker,
    stop: CancellationToken,
}

impl Herald {
    /// Nothing is told yet.
    pub fn new(clock: &Clock, http: HttpClient, secrets: Secrets) -> Self {
        Self {
            clock: clock.clone(),
            http,
            secrets,
            again: &AGAIN,
            running: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING)),
            telling: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Tells everybody whom the fleet file names for this event; never waits. What fails is journalled.
    pub fn tell(&self, rules: &[Notify], notice: &Notice, journal: &Journal) {
        for rule in rules.iter().filter(|rule| rule.on.contains(&notice.event)) {
            for way in Way::all(rule) {
                let (herald, notice, journal) = (self.clone(), notice.clone(), journal.clone());
                self.telling.spawn(async move {
                    if let Err(why) = herald.deliver(&way, &notice).await {
                        herald.lost(&way, &notice, why, &journal);
                    }
                });
            }
        }
    }

    /// The engine stops: nothing is tried again, and what was not told is journalled. Ends soon after [`LAST`].
    pub async fn close(&self) {
        self.stop.cancel();
        self.telling.close();
        let _stuck = tokio::time::timeout(LAST * 2, self.telling.wait()).await;
    }

    /// Tries until it is told; otherwise why not.
    async fn deliver(&self, way: &Way, notice: &Notice) -> Result<(), String> {
        let _place = self.waiting.try_acquire().map_err(|_full| format!("{WAITING} notifications wait already"))?;
        let id = format!("{:x}-{:016x}", notice.time.as_millisecond(), fastrand::u64(..));
        let text = serde_json::to_vec(&Named { id: &id, notice }).map_err(|error| error.to_string())?;
        let mut pauses = self.again.iter();
        for attempt in 1.. {
            let Err(failed) = self.attempt(way, &id, &text).await else { break };
            let Some(pause) = pauses.next().filter(|_pause| failed.again) else {
                let times = if attempt == 1 { String::new() } else { format!(" (tried {attempt} times)") };
                return Err(failed.why + &times);
            };
            tracing::warn!(event = notice.event.word(), by = way.name(), why = failed.why, "nobody was told yet");
            tokio::select! {
                () = tokio::time::sleep(*pause) => {}
                () = self.stop.cancelled() => {
                    return Err(format!("{}; the engine stopped before it could be tried again", failed.why));
                }
            }
        }
        Ok(())
    }

    async fn attempt(&self, way: &Way, id: &str, text: &[u8]) -> Result<(), Failed> {
        let once = async {
            let _turn = self.running.acquire().await.map_err(|closed| Failed::for_good(closed.to_string()))?;
            way.send(id, text, &self.http, &self.secrets, self.clock.now()).await
        };
        let stopped = async {
            self.stop.cancelled().await;
            tokio::time::sleep(LAST).await;
        };
        tokio::select! {
            told = once => told,
            () = stopped => Err(Failed::for_good("the engine stopped before it was told".into())),
        }
    }

    fn lost(&self, way: &Way, notice: &Notice, why: String, journal: &Journal) {
        let draft = Draft {
            time: self.clock.now(),
            who: "engine".into(),
            what: format!("nobody was told of {} of {} by {}", notice.event.word(), notice.subject, way.name()),
            why,
            about: serde_json::json!({ "notify": notice.event, "subject": notice.subject }),
            weight: Weight::Warning,
        };
        if let Err(error) = journal.append(draft) {
            tracing::error!(%error, "an entry of the journal is lost");
        }
    }
}

#[cfg(test)]
mod tests;
