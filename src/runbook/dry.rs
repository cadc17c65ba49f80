//! Dry run: the same plan and the same looks, without the writes.

use std::time::Duration;

use futures_util::future::join_all;

use super::cast::Purpose;
use super::deed::{Bit, Deeds, Found, Live, Look, Trouble};
use super::fence::{self, Strength};
use super::guard::Guard;
use super::plan::words::host_part;
use super::plan::{Act, Plan};
use super::record::RunRecord;
use super::view::{RunReport, StepState};

/// The longest that one look may take.
const LONGEST: Duration = Duration::from_secs(15);

/// Does every look that changes nothing, on the real hosts, all at once and each within its step's time-out. The report has
/// the steps with their exact commands, what was found in their notes, and every reason for which the run would be
/// refused now. An address that somebody holds is no reason where an earlier step fences that machine or drops it.
pub async fn rehearse(record: RunRecord, deeds: &dyn Deeds) -> RunReport {
    let RunRecord { plan, orders, mut view, .. } = record;
    let guard = Guard { scope: plan.cast.pool.clone(), generation: orders.generation, token: plan.cast.token.clone() };
    let (live, _nobody) = Live::new();
    let looks = plan.steps.iter().map(|step| {
        let patience = step.timeout.min(LONGEST);
        let bit =
            Bit { plan: &plan, step, guard: &guard, kept: None, look: Look::Dry, lost: false, patience, live: &live };
        async move {
            let fences = step.fence && plan_fences(bit.plan);
            let found = tokio::time::timeout(patience, async {
                if fences { Err(deeds.silent(bit).await) } else { Ok(deeds.check(bit).await) }
            });
            found.await.unwrap_or_else(|_late| {
                Ok(Err(Trouble::Failed(format!("no answer within {}", crate::reach::plain::time(patience)))))
            })
        }
    });
    let found = join_all(looks).await;
    let mut refused = Vec::new();
    let mut sure = if orders.oath.is_some() { Strength::Sworn } else { Strength::None };
    let mut fenced_by_step = false;
    for (index, (found, step)) in found.into_iter().zip(&plan.steps).enumerate() {
        let note = match found {
            Err(Ok(silent)) => {
                sure = Strength::Verified;
                Some(format!("{silent}: the fence would be verified"))
            }
            Err(Err(words)) => {
                fenced_by_step = true;
                Some(format!("{words}: the step would be done, and the wire asked again"))
            }
            Ok(Ok(Found::There(note))) => Some(note),
            Ok(Ok(Found::ToDo { note, .. })) => note,
            Ok(Err(Trouble::Refused(words))) if freed_before(&plan, index) => {
                Some(format!("{words}, which an earlier step is to change"))
            }
            Ok(Err(trouble)) => {
                refused.push(format!("step {}: {}", step.name, trouble.words()));
                Some(trouble.words().to_owned())
            }
        };
        if step.act.claims()
            && !fenced_by_step
            && let Err(why) = fence::may_take(orders.fence, plan.purpose, sure)
        {
            refused.push(format!("step {}: {why}", step.name));
        }
        if let Some(seen) = view.steps.get_mut(index) {
            seen.state = StepState::Waiting;
            seen.note = note;
        }
    }
    RunReport { run: view, dry_run: true, refused }
}

fn plan_fences(plan: &Plan) -> bool {
    plan.purpose == Purpose::Takeover
}

/// Whether a step before this one frees the address that it takes.
fn freed_before(plan: &Plan, index: usize) -> bool {
    let Some(Act::Address { take: Some(take), .. }) = plan.steps.get(index).map(|step| &step.act) else { return false };
    plan.steps.iter().take(index).any(|step| {
        let drops = matches!(&step.act, Act::Address { drop: Some(drop), .. } if host_part(drop) == host_part(take));
        step.fence || drops
    })
}
