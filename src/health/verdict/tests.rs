//! The rules of the verdict, one by one and under any sequence of observations.

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;

const EVERY: Duration = Duration::from_millis(500);

fn policy(vital: usize, others: usize) -> HostPolicy {
    let pace = |vital| CheckPolicy { every: EVERY, timeout: EVERY, vital };
    let checks = (0..vital).map(|_check| pace(true)).chain((0..others).map(|_check| pace(false))).collect();
    HostPolicy { checks, failures: 5, down_after: None, up_after: Duration::from_secs(10) }
}

/// A host that is observed in rounds of one result a check, a period apart.
struct Story {
    policy: HostPolicy,
    memory: Memory,
    now: Tick,
}

impl Story {
    fn new(policy: HostPolicy) -> Self {
        Self { memory: Memory::new(policy.checks.len()), policy, now: Tick::at(Duration::from_secs(100)) }
    }

    fn see(&mut self, check: usize, outcome: Outcome) -> Verdict {
        let reason = (outcome != Outcome::Pass).then(|| "no answer".to_owned());
        let seen = Observation {
            outcome,
            latency: None,
            reason,
            behind: None,
            found: None,
            at: self.now,
            wall: Timestamp::UNIX_EPOCH,
        };
        self.memory.observe(&self.policy, check, &seen);
        self.judge()
    }

    fn judge(&mut self) -> Verdict {
        let verdict = self.memory.judge(&self.policy, self.now);
        self.memory.accept(&verdict);
        verdict
    }

    /// One round: P, F, or U for each check.
    fn round(&mut self, results: &str) -> Verdict {
        self.now = self.now + EVERY;
        let mut verdict = self.judge();
        for (check, letter) in results.chars().enumerate() {
            verdict = self.see(
                check,
                match letter {
                    'P' => Outcome::Pass,
                    'F' => Outcome::Fail,
                    _ => Outcome::Unknown,
                },
            );
        }
        verdict
    }

    fn rounds(&mut self, results: &str, count: usize) -> Verdict {
        let mut verdict = self.judge();
        for _round in 0..count {
            verdict = self.round(results);
        }
        verdict
    }
}

#[test]
fn the_first_pass_is_up_at_once_and_before_it_nothing_is_known() {
    let mut story = Story::new(policy(2, 1));
    assert_eq!(story.judge().health, Health::Unknown);
    assert_eq!(story.see(0, Outcome::Pass).health, Health::Up);
    assert_eq!(story.round("PPP"), Verdict { health: Health::Up, why: None, next: None });
}

#[test]
fn one_failure_changes_nothing_two_are_suspect_five_are_down() {
    let mut story = Story::new(policy(2, 0));
    story.round("PP");
    assert_eq!(story.round("FF").health, Health::Up);
    let suspect = story.round("FF");
    assert_eq!((suspect.health, suspect.next.as_deref()), (Health::Suspect, Some("down after 3 more failures")));
    assert_eq!(suspect.why.as_deref(), Some("no answer (and 1 more)"));
    assert_eq!(story.rounds("FF", 2).next.as_deref(), Some("down after 1 more failure"));
    assert_eq!(story.round("FF").health, Health::Down);
}

#[test]
fn a_success_of_one_vital_check_starts_the_count_of_all_again() {
    let mut story = Story::new(policy(2, 0));
    story.round("PP");
    story.rounds("FF", 4);
    assert_eq!(story.round("FP").health, Health::Suspect);
    assert_eq!(story.rounds("FF", 4).health, Health::Suspect);
    assert_eq!(story.round("FF").health, Health::Down);
}

#[test]
fn a_vital_check_that_cannot_be_asked_holds_down_back() {
    let mut story = Story::new(policy(2, 0));
    story.round("PP");
    assert_eq!(story.rounds("FU", 50).health, Health::Suspect);
    assert_eq!(story.rounds("UU", 1).health, Health::Unknown);
}

#[test]
fn the_way_back_up_takes_its_time_and_a_failure_starts_it_again() {
    let mut story = Story::new(policy(1, 0));
    story.round("P");
    assert_eq!(story.rounds("F", 5).health, Health::Down);
    let back = story.round("P");
    assert_eq!((back.health, back.next.as_deref()), (Health::Down, Some("up in 10 s")));
    assert_eq!(story.rounds("P", 5).next.as_deref(), Some("up in 8 s"));
    assert_eq!(story.round("F").health, Health::Down);
    assert_eq!(story.round("P").next.as_deref(), Some("up in 10 s"));
    assert_eq!(story.rounds("P", 19).health, Health::Down);
    assert_eq!(story.round("P").health, Health::Up);
    assert_eq!(story.rounds("F", 1).health, Health::Up, "what was before counts no more");
}

#[test]
fn down_that_became_unknown_still_owes_its_recovery() {
    let mut story = Story::new(policy(1, 0));
    story.round("P");
    story.rounds("F", 5);
    assert_eq!(story.rounds("U", 3).health, Health::Unknown);
    assert_eq!(story.round("P").health, Health::Down);
    assert_eq!(story.rounds("P", 20).health, Health::Up);
}

#[test]
fn the_others_only_degrade() {
    let mut story = Story::new(policy(1, 2));
    story.round("PPP");
    assert_eq!(story.round("PFP").health, Health::Up);
    let degraded = story.round("PFP");
    assert_eq!((degraded.health, degraded.why.as_deref()), (Health::Degraded, Some("no answer")));
    assert_eq!(story.rounds("PUU", 20).health, Health::Degraded);
    assert_eq!(story.round("PPP").health, Health::Up);
    let mut none_vital = Story::new(policy(0, 2));
    assert_eq!(none_vital.rounds("FF", 50).health, Health::Degraded);
    assert_eq!(none_vital.rounds("UU", 2).health, Health::Unknown);
}

#[test]
fn old_results_say_nothing() {
    let mut story = Story::new(policy(1, 0));
    story.round("P");
    story.now = story.now + EVERY * 4;
    assert_eq!(story.judge().health, Health::Up);
    story.now = story.now + Duration::from_millis(1);
    let stale = story.judge();
    assert_eq!((stale.health, stale.why.as_deref()), (Health::Unknown, Some("no result for more than 2 s")));
}

#[test]
fn an_hour_of_sleep_is_not_an_hour_of_failing() {
    let mut story = Story::new(HostPolicy { down_after: Some(Duration::from_secs(15)), ..policy(1, 0) });
    story.round("P");
    story.rounds("F", 2);
    story.now = story.now + Duration::from_secs(3600);
    assert_eq!(story.judge().health, Health::Unknown);
    assert_ne!(story.round("F").health, Health::Down);
    let waiting = story.rounds("F", 20);
    assert_eq!(
        (waiting.health, waiting.next.as_deref()),
        (Health::Suspect, Some("down in 5 s unless a vital check passes"))
    );
    assert_eq!(story.rounds("F", 10).health, Health::Down);
}

#[test]
fn the_first_failure_of_what_could_not_be_asked_makes_nothing_better() {
    let mut story = Story::new(policy(2, 0));
    story.round("PP");
    assert_eq!(story.rounds("PU", 3).health, Health::Degraded);
    assert_eq!(story.round("PF").health, Health::Degraded);
    let evidence = story.memory.evidence(["port", "ping"]);
    assert_eq!(evidence.as_deref(), Some("ping failed 1 × (no answer), 4 × without a pass"));
    assert_eq!(story.round("PF").health, Health::Suspect);
    assert_eq!(story.round("PP").health, Health::Up);
}

#[test]
fn the_evidence_names_checks_counts_and_reasons() {
    let mut story = Story::new(policy(1, 1));
    story.rounds("FU", 3);
    let evidence = story.memory.evidence(["ping", "disk"]);
    assert_eq!(evidence.as_deref(), Some("ping failed 3 × (no answer), disk could not be asked 3 × (no answer)"));
    assert_eq!(Memory::new(1).evidence(["ping"]), None);
}

/// One step: how much time passes, which check, and how it ends.
fn steps() -> impl Strategy<Value = Vec<(u64, usize, Outcome)>> {
    let outcome = prop_oneof![3 => Just(Outcome::Fail), 3 => Just(Outcome::Pass), 1 => Just(Outcome::Unknown)];
    let passes = prop_oneof![20 => 0_u64..700, 1 => 0_u64..100_000];
    prop::collection::vec((passes, 0_usize..3, outcome), 0..120)
}

/// Two vital checks and one other.
fn any_policy() -> impl Strategy<Value = HostPolicy> {
    (1_u32..6, prop::option::of(1_u64..5000), 0_u64..5000).prop_map(|(failures, down_after, up_after)| HostPolicy {
        failures,
        down_after: down_after.map(Duration::from_millis),
        up_after: Duration::from_millis(up_after),
        ..policy(2, 1)
    })
}

const fn badness(health: Health) -> u8 {
    match health {
        Health::Up => 0,
        Health::Degraded => 1,
        Health::Unknown | Health::Maintenance => 2,
        Health::Suspect => 3,
        Health::Down => 4,
    }
}

proptest! {
    #[test]
    fn down_is_never_without_every_vital_check_failing_since_the_last_success(policy in any_policy(), steps in steps()) {
        let mut story = Story::new(policy);
        // Failures of each vital check since any of them passed, or could not be asked itself.
        let mut failed = [0_u32; 2];
        let mut was = Health::Unknown;
        let mut owed = false;
        for (millis, check, outcome) in steps {
            story.now = story.now + Duration::from_millis(millis);
            let verdict = story.see(check, outcome);
            match outcome {
                Outcome::Pass if check < 2 => failed = [0, 0],
                Outcome::Fail if check < 2 => failed[check] += 1,
                Outcome::Unknown if check < 2 => failed[check] = 0,
                _ => {}
            }
            if verdict.health == Health::Down && was != Health::Down && !owed {
                let least = if story.policy.down_after.is_some() { 2 } else { story.policy.failures };
                prop_assert!(failed.iter().all(|count| *count >= least), "{failed:?} of {least}");
            }
            owed = (owed || verdict.health == Health::Down) && matches!(verdict.health, Health::Down | Health::Unknown);
            was = verdict.health;
        }
    }

    #[test]
    fn up_never_follows_down_faster_than_it_may(policy in any_policy(), steps in steps()) {
        let mut story = Story::new(policy);
        let mut unwell_until = None;
        let mut owed = false;
        for (millis, check, outcome) in steps {
            story.now = story.now + Duration::from_millis(millis);
            let verdict = story.see(check, outcome);
            owed |= verdict.health == Health::Down;
            if owed && check < 2 && outcome == Outcome::Fail {
                unwell_until = Some(story.now);
            }
            if owed && matches!(verdict.health, Health::Up | Health::Degraded | Health::Suspect) {
                let since = unwell_until.map_or(Duration::MAX, |until| story.now.since(until));
                prop_assert!(since >= story.policy.up_after, "{since:?} after the last failure");
                owed = false;
            }
        }
    }

    #[test]
    fn better_evidence_never_makes_it_worse(policy in any_policy(), steps in steps(), last in 0_usize..3) {
        let mut story = Story::new(policy);
        for (millis, check, outcome) in steps {
            story.now = story.now + Duration::from_millis(millis);
            story.see(check, outcome);
        }
        story.now = story.now + EVERY;
        let mut ended = [Outcome::Pass, Outcome::Fail].map(|outcome| {
            let mut fork = Story { policy: story.policy.clone(), memory: story.memory.clone(), now: story.now };
            badness(fork.see(last, outcome).health)
        });
        // A host that owes its recovery is down while it passes, and may be unknown while nothing can be asked.
        if story.memory.owes_recovery {
            ended[1] = ended[1].max(badness(Health::Down));
        }
        prop_assert!(ended[0] <= ended[1], "a pass {} and a failure {}", ended[0], ended[1]);
    }

    #[test]
    fn the_same_evidence_gives_the_same_verdict_wherever_the_clock_goes(
        policy in any_policy(),
        seen in prop::collection::vec((any::<u64>(), any::<u64>(), 0_usize..5), 0..60),
    ) {
        let run = || {
            let mut memory = Memory::new(3);
            let mut verdicts = Vec::new();
            for (at, judged, check) in &seen {
                let outcome = [Outcome::Pass, Outcome::Fail, Outcome::Unknown][check % 3];
                let at = Tick::at(Duration::from_millis(*at));
                let seen = Observation { outcome, latency: None, reason: None, behind: None, found: None, at, wall: Timestamp::UNIX_EPOCH };
                memory.observe(&policy, *check, &seen);
                let verdict = memory.judge(&policy, Tick::at(Duration::from_nanos(*judged)));
                memory.accept(&verdict);
                verdicts.push(verdict);
            }
            verdicts
        };
        prop_assert_eq!(run(), run());
    }
}
