//! What becomes of holds that are over: what is said, and how long the host of one stays in maintenance.

use crate::clock::Timestamp;
use crate::engine::core::Core;
use crate::engine::guards::After;
use crate::engine::services::{HOLDS, Kept};
use crate::journal::entry::Weight;
use crate::service::view::{HoldView, Left};
use crate::service::worker::{Ending, News};

impl Core {
    /// A hold is over.
    pub(in crate::engine::core) fn service_news(&mut self, news: &News) {
        self.keep_holds();
        let News { service, host, hold, how, free, left } = news;
        let about = serde_json::json!({ "service": service, "host": host, "hold": false, "free": free, "left": left });
        let began_by = format!("held by {} since {:.0}: {}", hold.owner, hold.since, hold.why);
        let person = matches!(how, Ending::Released | Ending::NotTaken);
        let stays = self.after_hold(host, hold, person);
        let ended = match how {
            Ending::NotTaken => return,
            Ending::Released => "its locks were given back",
            Ending::TimeOver => "its time is over, and the host has released its locks",
            Ending::FaceGone => "whoever held it is not there any more, and its locks were given back",
            Ending::Lost => "its locks were lost: the connection ended, or the process that had them was ended",
            Ending::EngineStops => "the engine stops, and its locks were given back",
        };
        let read_back = match free {
            Some(true) => "they are free, read back",
            Some(false) => "a lock is still seen held",
            None => "the host could not be asked; it lets go by itself within 30 s",
        };
        let asks = match stays {
            Some(until) => format!(
                "; {host} stays in maintenance until {until:.0}: look at it, then `hotspare host end-maintenance {host}`"
            ),
            None => String::new(),
        };
        let weight = match (person, free, left) {
            (true, Some(true), Left::Nothing | Left::Ended) => Weight::Good,
            (_, _, Left::Alive) => Weight::Alarm,
            _ => Weight::Warning,
        };
        let work = left.words().map(|words| format!("; {words}")).unwrap_or_default();
        self.note("engine", format!("{service} on {host}: {ended}; {read_back}{work}{asks}"), began_by, about, weight);
    }

    /// What becomes of the maintenance of a host whose hold is over. Where its person has ended it and no other hold is left, so
    /// does the maintenance; otherwise it stays a while, and until when is returned: somebody is asked before anything is done
    /// by itself.
    fn after_hold(&mut self, host: &str, hold: &HoldView, person: bool) -> Option<Timestamp> {
        let (now, current) = (self.now(), self.maintenance.all().get(host).cloned());
        let until = match self.guards.end(host, hold, person, current.as_ref(), now) {
            After::Unchanged => return None,
            After::Over => {
                self.maintenance.end(host);
                self.counts_again(host);
                None
            }
            After::Becomes(view) => {
                let until = view.until;
                self.maintenance.begin(host, view);
                self.parts.hosts.maintain(host, self.maintenance.all().get(host));
                (!person).then_some(until)
            }
        };
        self.keep_maintenance();
        until
    }

    /// Keeps the holds that stand, for an engine that comes after this one.
    pub(in crate::engine::core) fn keep_holds(&mut self) {
        let holds = self.parts.services.holds().into_iter().map(|(service, host, hold)| Kept {
            service,
            host,
            owner: hold.owner,
            why: hold.why,
            until: hold.until,
        });
        let holds: Vec<Kept> = holds.collect();
        let kept = serde_json::to_string(&holds).unwrap_or_default();
        if kept != self.holds_kept && self.keep(HOLDS, kept.clone()) {
            self.holds_kept = kept;
        }
    }

    /// Says what became of holds of an engine that ended without a word: they ended with its connections.
    pub(in crate::engine::core) fn holds_before(&mut self, kept: Option<&str>) {
        let holds: Vec<Kept> = kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        for hold in &holds {
            let what = format!(
                "{} on {}: its locks were given back when the engine before this one ended without a word",
                hold.service, hold.host
            );
            let stays = self.maintenance.all().get(&hold.host);
            let asks = stays.map(|view| {
                format!(
                    "; {0} stays in maintenance until {1:.0}: look at it, then `hotspare host end-maintenance {0}`",
                    hold.host, view.until
                )
            });
            let about = serde_json::json!({ "service": hold.service, "host": hold.host, "hold": false });
            let why = format!("held by {} until {:.0}: {}", hold.owner, hold.until, hold.why);
            self.note("engine", what + &asks.unwrap_or_default(), why, about, Weight::Warning);
        }
        self.keep_holds();
    }
}
