//! How well a cluster stands, in words: who leads, who is missing, how many it can still lose. Pure.

use super::{Answer, QUOTED};
use crate::reach::plain;

/// Longest name of a member within a sentence, characters.
const NAMED: usize = 40;

/// Who of a cluster is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roll {
    /// How many there should be.
    pub(super) members: usize,
    /// How many are there and well.
    pub(super) alive: usize,
    /// How many it takes for the cluster to work.
    pub(super) needed: usize,
    /// Who leads, in words: "kv-1 leads". `None`: not asked, or not a matter of this cluster.
    pub(super) lead: Option<String>,
    /// Those that are missing, each with what is wrong: "kv-3 does not answer".
    pub(super) missing: Vec<String>,
}

/// More than half of so many.
pub(super) const fn majority(members: usize) -> usize {
    members / 2 + 1
}

impl Roll {
    /// How many more can fail before the cluster does; `None`: it has failed.
    const fn margin(&self) -> Option<usize> {
        self.alive.checked_sub(self.needed)
    }

    /// Passes while so many more can fail, or as many as the whole cluster could bear where that is fewer.
    pub(super) fn judge(&self, wanted: u32) -> Answer {
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(self.members.saturating_sub(self.needed));
        match self.margin() {
            Some(margin) if margin >= wanted => Answer::pass().found(self.words()),
            _ => Answer::wrong(self.words()),
        }
    }

    /// "can lose none more: 2 of 3 members, kv-1 leads; kv-3 does not answer". What matters most comes first, where room is
    /// short.
    pub(super) fn words(&self) -> String {
        // A cluster that does not work has no leader, whatever a member remembers.
        let (verdict, lead) = match (self.margin(), &self.lead) {
            (None, _) => ("does not work".to_owned(), Some(format!("{} needed", self.needed))),
            (Some(0), lead) => ("can lose none more".to_owned(), lead.clone()),
            (Some(margin), lead) => (format!("can lose {margin} more"), lead.clone()),
        };
        let lead = lead.map(|lead| format!(", {}", plain::line(&lead, NAMED))).unwrap_or_default();
        let missing = if self.missing.is_empty() { String::new() } else { format!("; {}", self.missing.join(", ")) };
        plain::line(&format!("{verdict}: {} of {} members{lead}{missing}", self.alive, self.members), 2 * QUOTED)
    }
}

/// A name as it may stand in a sentence.
pub(super) fn named(name: &str) -> String {
    plain::line(name, NAMED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::health::observation::Outcome::{Fail, Pass};

    fn roll(members: usize, alive: usize) -> Roll {
        let missing = (alive..members).map(|number| format!("kv-{} does not answer", number + 1)).collect();
        Roll { members, alive, needed: majority(members), lead: Some("kv-1 leads".into()), missing }
    }

    #[test]
    fn what_can_still_be_lost_is_said_in_words() {
        let told = |members, alive| roll(members, alive).words();
        assert_eq!(told(3, 3), "can lose 1 more: 3 of 3 members, kv-1 leads");
        assert_eq!(told(3, 2), "can lose none more: 2 of 3 members, kv-1 leads; kv-3 does not answer");
        assert_eq!(told(3, 1), "does not work: 1 of 3 members, 2 needed; kv-2 does not answer, kv-3 does not answer");
        assert_eq!(told(5, 5), "can lose 2 more: 5 of 5 members, kv-1 leads");
        assert_eq!(told(1, 1), "can lose none more: 1 of 1 members, kv-1 leads");
    }

    #[test]
    fn it_passes_while_enough_more_can_fail() {
        let outcome = |members, alive, wanted| roll(members, alive).judge(wanted).outcome;
        assert_eq!((outcome(3, 3, 1), outcome(3, 2, 1), outcome(3, 2, 0), outcome(3, 1, 0)), (Pass, Fail, Pass, Fail));
        assert_eq!((outcome(5, 4, 1), outcome(5, 3, 1), outcome(5, 4, 2)), (Pass, Fail, Fail));
        // One that stands alone, or two, could never lose any: that is how they were built.
        assert_eq!((outcome(1, 1, 1), outcome(2, 2, 5), outcome(2, 1, 0)), (Pass, Pass, Fail));
    }

    proptest! {
        #[test]
        fn less_than_what_is_needed_never_passes(members in 0_usize..20, alive in 0_usize..20, wanted: u32) {
            let alive = alive.min(members);
            let roll = roll(members, alive);
            let passed = roll.judge(wanted).outcome == Pass;
            prop_assert!(!passed || alive >= majority(members));
            prop_assert!(!(members > 0 && alive == members) || passed);
        }
    }
}
