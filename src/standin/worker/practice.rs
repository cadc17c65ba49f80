//! Practising: begins the drills that are due, and breaks one off when the spare is needed.

use std::sync::Arc;
use std::time::Duration;

use super::super::arbiter::{Act, Decision, Wish};
use super::super::desk::Desk;
use super::super::drill;
use super::{News, Pools};
use crate::journal::entry::Weight;
use crate::runbook::cast::Purpose;
use crate::runbook::run::Wish as Say;

/// Between two looks whether a drill is due.
const ROUND: Duration = Duration::from_secs(5);
/// The least time between two looks; while one is under way, the hosts are looked at as often.
const ALERT: Duration = Duration::from_millis(250);

impl Pools {
    pub(super) async fn practise(&self, desk: &Arc<Desk>) {
        let mut views = self.seen();
        loop {
            views.mark_unchanged();
            let under_way = drills(desk);
            if under_way {
                self.break_off(desk).await;
            } else if let Some(decision) = self.due(desk) {
                let begins = {
                    let mut kept = desk.kept();
                    let begins = !kept.handed && kept.hand.is_none();
                    kept.handed |= begins;
                    begins
                };
                if begins {
                    self.tell(News::Decided { pool: desk.pool().name.clone(), decision });
                }
            }
            let pause = if under_way { ALERT } else { ROUND };
            // A drill that begins shows at once.
            let _either = tokio::time::timeout(pause, views.changed()).await;
            tokio::time::sleep(ALERT).await;
        }
    }

    /// Whether the decision to practise still holds.
    pub(super) fn drill_is_due(&self, desk: &Desk, decision: &Decision) -> bool {
        self.due(desk).is_some_and(|due| super::mind::alike(&due, decision))
    }

    /// The drill that is to begin by itself now. Says as well whether one is overdue.
    fn due(&self, desk: &Desk) -> Option<Decision> {
        let (now, view) = (self.now(), desk.view());
        let (turn, shown) = {
            let mut kept = desk.kept();
            // What was not read is not what never was.
            kept.version?;
            kept.overdue = drill::overdue(desk.pool(), &kept.book.past, now);
            let shown = desk.show(&mut kept);
            (drill::turn(desk.pool(), &view, &kept.book.past, now), shown)
        };
        if shown {
            self.bump();
        }
        let (host, spare) = turn?;
        let wish = Wish { act: Act::Drill, host, spare: Some(spare), insists: false };
        self.choose(&desk.pool().name, &wish).ok()
    }

    /// Practice yields to the real thing: what it began is undone, and the arbiter goes on from there.
    async fn break_off(&self, desk: &Arc<Desk>) {
        let Some(why) = drill::broken_off(&desk.view()) else { return };
        let hand = desk.kept().hand.take();
        let Some(hand) = hand else { return };
        self.write(desk, "the drill is broken off".into(), why.clone(), Weight::Warning);
        let _ended_already = hand.send(Say::Stop { undo: true, who: format!("the engine ({why})") }).await;
    }
}

/// Whether a drill is under way.
fn drills(desk: &Desk) -> bool {
    let kept = desk.kept();
    kept.hand.is_some() && kept.run.as_ref().is_some_and(|run| run.purpose == Purpose::Drill && !run.state.ended())
}
