//! What a takeover has claimed, read from what is kept of it. Pure.

use crate::clock::{Tick, Timestamp};
use crate::runbook::plan::{Act, Spot};
use crate::runbook::record::RunRecord;
use crate::runbook::view::{StepState, StepView};
use crate::standin::steady::since;

/// An address that a spare took in a takeover and did not drop again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// With prefix length.
    pub address: String,
    /// Network device.
    pub device: String,
    /// When it was claimed.
    pub since: Tick,
}

/// What a spare claimed in a takeover. `wall` and `now`: the same moment on both clocks.
pub(super) fn claims(record: &RunRecord, spare: &str, wall: Timestamp, now: Tick) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for (step, seen) in record.plan.steps.iter().zip(&record.view.steps) {
        let done = matches!(seen.state, StepState::Done | StepState::Skipped);
        let there = matches!(&step.on, Some(Spot::Machine(machine)) if machine.name == spare);
        let Act::Address { take, drop, device } = &step.act else { continue };
        if !(done && there) {
            continue;
        }
        if let Some(drop) = drop {
            claims.retain(|claim| claim.address != *drop);
        }
        if let Some(take) = take {
            claims.retain(|claim| claim.address != *take);
            let since = now - since(wall, ended(seen).unwrap_or(wall));
            claims.push(Claim { address: take.clone(), device: device.clone(), since });
        }
    }
    claims
}

/// When a step ended, by the wall clock.
fn ended(step: &StepView) -> Option<Timestamp> {
    let took = std::time::Duration::try_from_secs_f64(step.seconds?).ok()?;
    step.started?.checked_add(took).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::fleet::pool::Fence;
    use crate::fleet::runbook::{OnError, Place, Runbook, Step, StepKind};
    use crate::runbook::cast::{Cast, Machine, Purpose};
    use crate::runbook::plan::plan;
    use crate::runbook::record::Orders;
    use crate::runbook::view::RunId;

    fn address(name: &str, on: Place, take: Option<&str>, drop: Option<&str>) -> Step {
        let kind =
            StepKind::Address { take: take.map(str::to_owned), drop: drop.map(str::to_owned), device: "eth0".into() };
        Step {
            name: name.into(),
            kind,
            on: Some(on),
            fence: false,
            timeout: Duration::from_secs(1),
            retries: 0,
            on_error: OnError::Stop,
            drill: true,
            cleanup: false,
            each: None,
            undo: None,
        }
    }

    #[test]
    fn only_what_the_spare_took_and_kept_is_claimed() {
        let clock = Clock::held(Timestamp::from_second(1000).unwrap());
        clock.advance(Duration::from_secs(100));
        let machine = |name: &str| Machine {
            name: name.into(),
            address: "192.0.2.1".into(),
            ssh: name.into(),
            service: Some("192.0.2.100/24".into()),
        };
        let cast = Cast { failed: Some(machine("a")), spare: Some(machine("s")), ..Cast::default() };
        let steps = vec![
            address("fence", Place::Failed, None, Some("{failed.service}")),
            address("take", Place::Spare, Some("{failed.service}"), None),
            address("passing", Place::Spare, Some("192.0.2.7/24"), None),
            address("gone", Place::Spare, None, Some("192.0.2.7/24")),
            address("failed", Place::Spare, Some("192.0.2.8/24"), None),
        ];
        let plan = plan(&Runbook::plain("r", steps), Purpose::Takeover, &cast).unwrap();
        let orders = Orders {
            who: "ana".into(),
            why: String::new(),
            generation: 1,
            fence: Fence::None,
            oath: None,
            before: Vec::new(),
            since: None,
        };
        let mut record = RunRecord::new(RunId(1), plan, orders, &clock);
        for step in &mut record.view.steps {
            (step.state, step.started, step.seconds) = (StepState::Done, Some(clock.now()), Some(0.5));
        }
        record.view.steps[4].state = StepState::Failed;
        clock.advance(Duration::from_millis(20_500));
        let found = claims(&record, "s", clock.now(), clock.tick());
        let since = clock.tick() - Duration::from_secs(20);
        assert_eq!(found, [Claim { address: "192.0.2.100/24".into(), device: "eth0".into(), since }]);
        // An engine that began after the claim: its own clock cannot go back so far, and announces at once.
        let found = claims(&record, "s", clock.now(), Tick::default());
        assert_eq!(found[0].since, Tick::default());
        assert_eq!(claims(&record, "other", clock.now(), clock.tick()), []);
    }
}
