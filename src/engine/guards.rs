//! Hosts that are in maintenance because services on them are held: a reason for each hold, and one picture of all of them.
//! Pure; time is passed in.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::health::view::MaintenanceView;
use crate::service::view::HoldView;

/// A host whose hold ended without its person stays in maintenance at least so long, so that somebody can look.
pub const LOOK: Duration = Duration::from_mins(30);

/// Host name to what keeps it in maintenance.
#[derive(Debug, Default)]
pub struct Guards(BTreeMap<String, Guarded>);

#[derive(Debug)]
struct Guarded {
    /// In the order in which they began.
    reasons: Vec<Reason>,
    /// What was shown last: where the host's maintenance says something else, it is somebody else's.
    shown: MaintenanceView,
}

/// One hold.
#[derive(Debug, Clone)]
struct Reason {
    generation: u64,
    text: String,
    owner: String,
    since: Timestamp,
    until: Timestamp,
    /// It came to its end without its person.
    left: bool,
}

/// What becomes of the maintenance of a host whose hold is over.
#[derive(Debug, PartialEq, Eq)]
pub enum After {
    /// It is not for a hold, and stays as it is.
    Unchanged,
    /// It goes on, and says this.
    Becomes(MaintenanceView),
    /// It is over.
    Over,
}

impl Guards {
    /// A service on a host is held. What its maintenance says from now on; `None`: somebody has it there for another reason.
    pub fn begin(
        &mut self,
        host: &str,
        service: &str,
        hold: &HoldView,
        now: Option<&MaintenanceView>,
    ) -> Option<MaintenanceView> {
        if now.is_some() && !self.ours(host, now) {
            return None;
        }
        let reason = Reason {
            generation: hold.generation,
            text: format!("service {service}: {}", hold.why),
            owner: hold.owner.clone(),
            since: hold.since,
            until: hold.until,
            left: false,
        };
        let mut reasons = self.0.remove(host).map(|guarded| guarded.reasons).unwrap_or_default();
        // Whoever ended the maintenance by hand has looked.
        reasons.retain(|known| now.is_some() || !known.left);
        reasons.push(reason);
        self.keep(host, reasons)
    }

    /// A hold is over: its person has ended it, or it came to its end without them.
    pub fn end(
        &mut self,
        host: &str,
        hold: &HoldView,
        person: bool,
        current: Option<&MaintenanceView>,
        now: Timestamp,
    ) -> After {
        let ours = self.ours(host, current);
        let Some(Guarded { mut reasons, shown }) = self.0.remove(host) else { return After::Unchanged };
        if person || !ours {
            reasons.retain(|reason| reason.generation != hold.generation);
        }
        for reason in reasons.iter_mut().filter(|reason| reason.generation == hold.generation) {
            reason.left = true;
            reason.until = reason.until.max(look_until(now));
        }
        reasons.retain(|reason| !reason.left || reason.until > now);
        if !ours {
            if !reasons.is_empty() {
                self.0.insert(host.to_owned(), Guarded { reasons, shown });
            }
            return After::Unchanged;
        }
        self.keep(host, reasons).map_or(After::Over, After::Becomes)
    }

    /// Maintenances whose time is over before it was heard how the holds ended that they are for: they go on until somebody
    /// could look.
    pub fn overdue(
        &mut self,
        all: &BTreeMap<String, MaintenanceView>,
        now: Timestamp,
    ) -> Vec<(String, MaintenanceView)> {
        let over =
            |host: &String| all.get(host).is_some_and(|view| view.until <= now) && self.ours(host, all.get(host));
        let hosts: Vec<String> = self.0.keys().filter(|host| over(host)).cloned().collect();
        let mut prolonged = Vec::new();
        for host in hosts {
            let Some(Guarded { mut reasons, .. }) = self.0.remove(&host) else { continue };
            reasons.retain(|reason| !reason.left);
            for reason in &mut reasons {
                reason.until = reason.until.max(look_until(now));
            }
            prolonged.extend(self.keep(&host, reasons).map(|view| (host, view)));
        }
        prolonged
    }

    /// Whether what a host's maintenance says is what was said here.
    fn ours(&self, host: &str, now: Option<&MaintenanceView>) -> bool {
        let said = |view: &MaintenanceView| (view.owner.clone(), view.why.clone(), view.until);
        let shown = self.0.get(host).map(|guarded| said(&guarded.shown));
        shown.is_some() && shown == now.map(said)
    }

    /// Keeps what is left; `None`: nothing.
    fn keep(&mut self, host: &str, reasons: Vec<Reason>) -> Option<MaintenanceView> {
        let shown = picture(&reasons)?;
        self.0.insert(host.to_owned(), Guarded { reasons, shown: shown.clone() });
        Some(shown)
    }
}

fn look_until(now: Timestamp) -> Timestamp {
    now.saturating_add(LOOK).unwrap_or(now)
}

/// All reasons as one: everybody who has one, each why, from the first beginning to the last end.
fn picture(reasons: &[Reason]) -> Option<MaintenanceView> {
    let mut owners: Vec<&str> = Vec::new();
    for reason in reasons {
        if !owners.contains(&reason.owner.as_str()) {
            owners.push(&reason.owner);
        }
    }
    let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    Some(MaintenanceView {
        owner: owners.join(", "),
        why: texts.join("; "),
        since: reasons.iter().map(|reason| reason.since).min()?,
        until: reasons.iter().map(|reason| reason.until).max()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::view::HoldState;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn hold(generation: u64, owner: &str, why: &str, until: i64) -> HoldView {
        let since = at(i64::try_from(generation).unwrap());
        HoldView { generation, state: HoldState::Held, owner: owner.into(), why: why.into(), since, until: at(until) }
    }

    /// Two holds on one host, and what its maintenance says.
    fn two() -> (Guards, HoldView, HoldView, MaintenanceView) {
        let mut guards = Guards::default();
        let (one, other) = (hold(1, "ana", "new disk", 100), hold(2, "bob", "update", 60));
        let first = guards.begin("kv", "judicator", &one, None).unwrap();
        assert_eq!((first.owner.as_str(), first.why.as_str()), ("ana", "service judicator: new disk"));
        let both = guards.begin("kv", "gateway", &other, Some(&first)).unwrap();
        (guards, one, other, both)
    }

    fn becomes(after: After) -> MaintenanceView {
        let After::Becomes(view) = after else { panic!("{after:?}") };
        view
    }

    #[test]
    fn both_reasons_are_shown_then_the_one_that_is_left_and_the_last_ends_it() {
        for first_leaves in [true, false] {
            let (mut guards, one, other, both) = two();
            assert_eq!(both.why, "service judicator: new disk; service gateway: update");
            assert_eq!((both.owner.as_str(), both.since, both.until), ("ana, bob", at(1), at(100)));
            let (leaves, stays, why, until) = if first_leaves {
                (&one, &other, "service gateway: update", 60)
            } else {
                (&other, &one, "service judicator: new disk", 100)
            };
            let left = becomes(guards.end("kv", leaves, true, Some(&both), at(10)));
            assert_eq!((left.why.as_str(), left.until, left.owner.clone()), (why, at(until), stays.owner.clone()));
            assert_eq!(guards.end("kv", stays, true, Some(&left), at(20)), After::Over);
        }
    }

    #[test]
    fn a_hold_that_was_lost_keeps_the_host_still_though_the_other_is_given_back() {
        let (mut guards, one, other, both) = two();
        let lost = becomes(guards.end("kv", &one, false, Some(&both), at(10)));
        assert_eq!(lost.until, at(10 + 30 * 60));
        let left = becomes(guards.end("kv", &other, true, Some(&lost), at(20)));
        assert_eq!((left.why.as_str(), left.until), ("service judicator: new disk", at(10 + 30 * 60)));
        // Somebody looked, ended it, and begins again.
        let again = guards.begin("kv", "gateway", &hold(3, "bob", "again", 99), None).unwrap();
        assert_eq!(again.why, "service gateway: again");
    }

    #[test]
    fn what_somebody_else_says_stays() {
        let (mut guards, one, other, both) = two();
        let by_hand = MaintenanceView { why: "rack is moved".into(), ..both };
        assert_eq!(guards.end("kv", &one, true, Some(&by_hand), at(10)), After::Unchanged);
        assert_eq!(guards.end("kv", &other, false, Some(&by_hand), at(10)), After::Unchanged);
        assert_eq!(guards.begin("kv", "gateway", &hold(3, "bob", "again", 99), Some(&by_hand)), None);
    }

    #[test]
    fn an_end_that_was_not_heard_of_yet_does_not_let_the_host_count() {
        let (mut guards, _, other, both) = two();
        let all = |view: &MaintenanceView| BTreeMap::from([("kv".to_owned(), view.clone())]);
        assert_eq!(guards.overdue(&all(&both), at(99)), []);
        let prolonged = guards.overdue(&all(&both), at(100));
        assert_eq!(prolonged.first().map(|(_, view)| view.until), Some(at(100 + 30 * 60)));
        let left = becomes(guards.end("kv", &other, false, prolonged.first().map(|(_, view)| view), at(101)));
        assert_eq!(left.until, at(101 + 30 * 60));
    }
}
