//! Steps that are the fence: what they achieve is a strength, not a success.

use std::time::Duration;

use super::runner::{End, Runner};
use crate::fleet::pool::Fence;
use crate::journal::entry::Weight;
use crate::runbook::cast::Purpose;
use crate::runbook::deed::{Bit, Live, Look};
use crate::runbook::fence::{self, Strength};
use crate::runbook::plan::Act;
use crate::runbook::view::StepState;

/// How long the first look at the wire may take: two questions of 100 ms from the spare, over ssh.
const GLANCE: Duration = Duration::from_secs(2);
/// How long a look at the wire counts that began before the run did. The claim asks the wire itself besides, right before it
/// takes the address.
const COUNTS: Duration = Duration::from_secs(1);
/// Between two looks at a host that is going down.
const AGAIN: Duration = Duration::from_millis(300);

impl Runner<'_> {
    /// Whether an address may be taken.
    pub(super) fn fence_holds(&self) -> Result<(), String> {
        let sworn = if self.record.orders.oath.is_some() { Strength::Sworn } else { Strength::None };
        let strength = self.record.memory.iter().filter_map(|memory| memory.strength).max().unwrap_or_default();
        fence::may_take(self.record.orders.fence, self.record.plan.purpose, strength.max(sworn))
    }

    /// A fence step of a takeover: a look at the wire first, which a host that is off answers fastest; then the step; then
    /// the wire again until the step's time is over.
    pub(super) async fn fence_step(&mut self, index: usize, look: Look, seen: bool) -> End {
        if self.record.orders.fence == Fence::None {
            return self.leave_out(index, "the pool asks for no fence".into(), None).await;
        }
        if let Some(oath) = &self.record.orders.oath {
            let words = format!("{} swore that the machine is off", oath.by);
            return self.leave_out(index, words, Some(Strength::Sworn)).await;
        }
        self.begin_phase(index);
        let glanced = self.glanced();
        let silent = match glanced {
            Some(words) => Ok(words),
            None => self.silent(index, GLANCE).await,
        };
        if let Ok(words) = silent {
            return self.leave_out(index, format!("fence verified: {words}"), Some(Strength::Verified)).await;
        }
        let began = self.clock.tick();
        let ended = self.plain_step(index, look, seen).await;
        let (mut strength, mut said) = match &ended {
            End::Done => (self.by_kind(index), String::new()),
            End::Unknown(why) => (Strength::Sent, why.clone()),
            End::Failed(why) => (Strength::None, why.clone()),
            End::Refused(_) | End::NotBegun(_) | End::Stopped => return ended,
        };
        if !strength.holds() {
            let timeout = self.record.plan.steps.get(index).map_or(GLANCE, |step| step.timeout);
            loop {
                let left = timeout.saturating_sub(self.clock.tick().since(began));
                match self.silent(index, left.max(GLANCE)).await {
                    Ok(words) => {
                        (strength, said) = (Strength::Verified, words);
                        break;
                    }
                    Err(words) if left <= AGAIN => {
                        said = if said.is_empty() { words } else { format!("{said}; {words}") };
                        break;
                    }
                    Err(_still_there) => tokio::time::sleep(AGAIN).await,
                }
            }
        }
        self.judge(index, strength, &said).await
    }

    /// What was found silent a moment ago, while the host was only suspect.
    fn glanced(&mut self) -> Option<String> {
        let glance = self.record.glance.take()?;
        let ago = self.clock.tick().since(glance.asked);
        (ago <= COUNTS).then(|| format!("{}, asked {} ms before", glance.words, ago.as_millis()))
    }

    async fn judge(&mut self, index: usize, strength: Strength, said: &str) -> End {
        if let Some(memory) = self.record.memory.get_mut(index) {
            memory.strength = Some(strength);
        }
        let words = if said.is_empty() { String::new() } else { format!(": {said}") };
        let words = format!("fence {}{words}", strength.word());
        let enough = strength.holds() || self.record.orders.fence != Fence::Required;
        self.finish(index, if enough { StepState::Done } else { StepState::Failed }, Some(words.clone()));
        let weight = if strength.holds() { Weight::Good } else { Weight::Alarm };
        let _told_by_the_next_intent =
            self.keep(Some((weight, format!("{}: {words}", self.title()), said.into(), Some(index)))).await;
        if enough { End::Done } else { End::Failed(self.fence_holds().err().unwrap_or(words)) }
    }

    /// What a fence of this kind achieves when it succeeds.
    fn by_kind(&self, index: usize) -> Strength {
        match self.record.plan.steps.get(index).map(|step| &step.act) {
            // The host itself answered that it has the address no more; or what was read back passed its check.
            Some(Act::Address { drop: Some(_), take: None, .. } | Act::Wait { .. }) => Strength::Verified,
            Some(Act::Ask { .. }) => Strength::Sworn,
            _ => Strength::Sent,
        }
    }

    async fn silent(&mut self, index: usize, patience: Duration) -> Result<String, String> {
        let Some(step) = self.record.plan.steps.get(index) else { return Err("no such step".into()) };
        let (live, _nobody) = Live::new();
        let bit = Bit {
            plan: &self.record.plan,
            step,
            guard: &self.guard,
            kept: None,
            look: Look::First,
            lost: false,
            patience,
            live: &live,
        };
        match tokio::time::timeout(patience, self.deeds.silent(bit)).await {
            Ok(ended) => ended,
            Err(_late) => Err("the spare did not say in time who answers on the wire".into()),
        }
    }

    /// A step that is not needed.
    async fn leave_out(&mut self, index: usize, words: String, strength: Option<Strength>) -> End {
        if let Some(memory) = self.record.memory.get_mut(index) {
            memory.strength = strength;
        }
        self.finish(index, StepState::Skipped, Some(words.clone()));
        let what = format!("{}: {words}", self.title());
        match self.keep(Some((Weight::Note, what, words, Some(index)))).await {
            Ok(()) => End::Done,
            Err(why) => End::NotBegun(format!("the state folder cannot be written ({why})")),
        }
    }

    /// Whether the step is a fence that the run's purpose asks for.
    pub(super) fn is_fence(&self, index: usize) -> bool {
        self.record.plan.purpose == Purpose::Takeover
            && self.record.plan.steps.get(index).is_some_and(|step| step.fence)
    }
}
