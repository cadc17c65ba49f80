//! Words: what a person says that is to be remembered.

use super::{Begun, Book, Brake, Conflict, Oath, Phase};
use crate::clock::Timestamp;
use crate::standin::view::Pause;

impl Book {
    /// A person has seen what happened: the cool-down ends, and for every host one more attempt may be made.
    pub fn acknowledge(&mut self) {
        self.rest = None;
        for outage in self.outages.values_mut() {
            outage.tried = None;
        }
        self.forget_empty();
    }

    /// A person swears that the machine is off. Whether it may be believed is asked of the scene before: a host that
    /// answers is not off.
    pub fn swear(&mut self, host: &str, by: &str, now: Timestamp) {
        self.outages.entry(host.to_owned()).or_default().oath = Some(Oath { by: by.to_owned(), at: now });
    }

    /// No automatic decisions meanwhile.
    pub fn pause(&mut self, pause: Pause) {
        self.paused = Some(pause);
    }

    /// Automatic decisions again. The pause that was.
    pub fn unpause(&mut self) -> Option<Pause> {
        self.paused.take()
    }

    /// The brake is released, and counts only what fails from now on.
    ///
    /// # Errors
    /// When it is not tripped.
    pub fn rearm(&mut self, now: Timestamp) -> Result<(), Conflict> {
        self.brake.take().ok_or(Conflict::NotTripped)?;
        self.armed = Some(now);
        Ok(())
    }

    /// Facts may be missing from it: nothing is done by itself until a person has looked who serves. Hosts may have seen
    /// higher generations than it knows of; it goes on with one that they have not, the seconds since 1970.
    pub fn doubt(&mut self, why: &str, now: Timestamp) {
        self.brake = Some(Brake { at: now, why: why.to_owned() });
        self.generation = self.generation.max(u64::try_from(now.as_second()).unwrap_or_default());
    }

    /// A person has looked at a failed spare and says that it is clean: it serves nobody and holds no address of another.
    /// The generation that comes back is to be shown to the spare before it is used again: otherwise a command of the run
    /// that failed, late on its way, is still obeyed there.
    ///
    /// # Errors
    /// When it is not marked as failed.
    pub fn clear(&mut self, spare: &str) -> Result<Begun, Conflict> {
        if let Some(run) = &self.run {
            return Err(Conflict::Underway(run.id));
        }
        let Some(of) = self.spares.get(spare).filter(|of| of.phase == Phase::Failed) else {
            return Err(Conflict::NotFailed(spare.to_owned()));
        };
        let host = of.host.clone();
        self.spares.remove(spare);
        Ok(Begun { generation: self.grow(spare, &host) })
    }
}
