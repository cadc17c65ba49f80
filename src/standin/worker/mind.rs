//! Judging: at the pool's pace, and whenever a belief changes.

use std::sync::Arc;
use std::time::Duration;

use super::super::arbiter::{Decision, Refusal, decide};
use super::super::book::Note;
use super::super::desk::Desk;
use super::super::steady::since;
use super::super::view::Stand;
use super::{News, Pools};
use crate::fleet::pool::Mode;
use crate::journal::entry::Weight;
use crate::journal::store::Draft;

/// Judged at least this often.
const SLOWEST: Duration = Duration::from_millis(250);
/// Before what could not be written down is tried again.
const UNKEPT: Duration = Duration::from_secs(2);
/// Judged at most this often.
const FASTEST: Duration = Duration::from_millis(50);

impl Pools {
    /// Everything that is done for one pool as long as it is declared so.
    pub(super) async fn look_after(&self, desk: &Arc<Desk>) {
        tokio::join!(
            self.know_itself(desk),
            self.mind(desk),
            self.ask_anchors(desk),
            self.ask_witnesses(desk),
            self.look_at_spares(desk),
            self.look_at_owners(desk),
            self.practise(desk),
            self.write_cards(desk),
            self.glance_at_wire(desk),
            self.hold_addresses(desk),
        );
    }

    async fn mind(&self, desk: &Arc<Desk>) {
        let pace = (desk.pool().probe.every / 2).clamp(FASTEST, SLOWEST);
        let mut ears = self.ears(desk);
        let mut lease = self.0.parts.lease.state();
        loop {
            self.take_up(desk).await;
            if let Some(decision) = self.judge(desk).await {
                self.tell(News::Decided { pool: desk.pool().name.clone(), decision });
            }
            tokio::select! {
                () = tokio::time::sleep(pace) => {}
                // What changes in the same moment is judged together.
                () = ears.changed() => tokio::time::sleep(Duration::from_millis(1)).await,
                Ok(()) = lease.changed() => {}
                () = desk.heard.notified() => {}
            }
        }
    }

    /// Shows how it stands now: whoever waited for a run looks at once.
    pub(super) fn look_now(&self, desk: &Desk) {
        let sight = self.sight(desk);
        let mut kept = desk.kept();
        kept.judged = decide(desk.pool(), &kept.book, &desk.scene(&kept, &sight.seen()));
        desk.show(&mut kept);
    }

    /// Judges once; returns what is to begin now.
    async fn judge(&self, desk: &Arc<Desk>) -> Option<Decision> {
        let sight = self.sight(desk);
        let now = self.now();
        let (fresh, notes, decision, shown) = {
            let mut kept = desk.kept();
            kept.version?;
            let judged = decide(desk.pool(), &kept.book, &desk.scene(&kept, &sight.seen()));
            // What is not done about a host that only looks bad is told on screen; the journal gets what is serious.
            let serious = |refusal: &Refusal| {
                let about = judged.hosts.iter().find(|host| refusal.what.ends_with(&format!(" of {}", host.name)));
                about.is_none_or(|host| !matches!(host.stand, Stand::Serving | Stand::Suspect))
            };
            let mut fresh = kept.refuse(&judged.refusals, now);
            fresh.retain(serious);
            let would =
                judged.would.clone().filter(|would| !kept.judged.would.as_ref().is_some_and(|old| alike(old, would)));
            let (notes, decision) = (judged.notes.clone(), judged.decision.clone());
            kept.judged = judged;
            let shown = desk.show(&mut kept);
            if decision.is_none() {
                kept.unkept = None;
            }
            // What cannot be written down is not tried at every look.
            let rests = kept.unkept.as_ref().is_some_and(|(_why, at)| since(now, *at) < UNKEPT);
            let begins = notes.is_empty() && !kept.handed && kept.hand.is_none() && !rests;
            let decision = decision.filter(|_| begins);
            kept.handed |= decision.is_some();
            (
                fresh.into_iter().map(Said::Refused).chain(would.map(Said::Would)).collect::<Vec<_>>(),
                notes,
                decision,
                shown,
            )
        };
        if shown {
            self.bump();
        }
        for said in fresh {
            self.put_down(desk, &said);
        }
        if !notes.is_empty() {
            self.remember(desk, &notes).await;
        }
        decision
    }

    /// Writes into the book what the arbiter found out; it counts when it is written.
    async fn remember(&self, desk: &Arc<Desk>, notes: &[Note]) {
        let now = self.now();
        let written = self.change(desk, |book| {
            for note in notes {
                book.note(note, now);
            }
            Ok(())
        });
        if written.await.is_ok() {
            for note in notes {
                let (what, why) = words(&desk.pool().name, note);
                self.write(desk, what, why, Weight::Alarm);
            }
        }
    }

    fn put_down(&self, desk: &Desk, said: &Said) {
        match said {
            Said::Refused(refusal) => {
                let why = format!("{}; needs: {}", refusal.why, refusal.needs);
                self.write(desk, format!("not done: {}", refusal.what), why, Weight::Refusal);
            }
            Said::Would(would) => {
                let what = format!("would have been done: {} of {} by {}", would.act.word(), would.host, would.spare);
                let why = if desk.pool().mode == Mode::Observe { "mode observe" } else { "mode manual" };
                self.write(desk, what, format!("{why}; {}", would.evidence), Weight::Warning);
            }
        }
    }

    /// Writes an entry about a pool; what cannot even be queued is in the log.
    pub(super) fn write(&self, desk: &Desk, what: String, why: String, weight: Weight) {
        let about = serde_json::json!({ "pool": desk.pool().name });
        let draft = Draft { time: self.0.parts.clock.now(), who: "engine".into(), what, why, about, weight };
        tracing::info!(pool = desk.pool().name, why = draft.why, "{}", draft.what);
        if let Err(error) = self.0.parts.journal.append(draft) {
            tracing::error!(%error, "an entry of the journal is lost");
        }
    }
}

/// Something that is written once.
enum Said {
    Refused(Refusal),
    Would(Decision),
}

/// Whether two decisions do the same, whatever they rest on.
pub(super) fn alike(one: &Decision, other: &Decision) -> bool {
    one.act == other.act && one.host == other.host && one.spare == other.spare
}

/// What was found out, and why, for the journal.
pub(super) fn words(pool: &str, note: &Note) -> (String, String) {
    match note {
        Note::Brake { why } => (format!("the brake of {pool} is tripped: nothing is done by itself"), why.clone()),
        Note::Lost { spare, why } => (format!("{spare} is lost while it stands in"), why.clone()),
        Note::Recovered { host } => (format!("the outage of {host} is over"), String::new()),
        Note::Forsworn { host, why } => (format!("{host} was sworn off and answers"), why.clone()),
    }
}
