//! What people ask of a dump: a round now, a check, a drill, a restore, to let go of the medium.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::hands::{Pick, Restoring, Trouble};
use super::running::Running;
use super::{Dumps, LEASE};
use crate::dump::report::{Drilled, Made, Restored, Verified};
use crate::dump::view::KitView;
use crate::fleet::absent;
use crate::work::steer::Steer;

impl Dumps {
    /// Makes a round now.
    pub async fn make(&self, dump: &str, steer: Arc<dyn Steer>, stop: CancellationToken) -> Result<Made, Trouble> {
        let running = self.named(dump).map_err(Trouble::Failed)?;
        let mut elsewhere = running.elsewhere.subscribe();
        let may = elsewhere.wait_for(Option::is_none);
        let _told_below = tokio::time::timeout(LEASE, may).await.is_ok();
        let why_not = running.elsewhere.borrow().clone();
        if let Some(why) = why_not {
            return Err(Trouble::Refused(format!("nothing is dumped here: {why}")));
        }
        running.round_now(self, steer, stop).await
    }

    /// Checks one kit, or all of them.
    pub async fn verify(
        &self,
        dump: &str,
        pick: Option<Pick>,
        steer: Arc<dyn Steer>,
        stop: CancellationToken,
    ) -> Result<Verified, Trouble> {
        let running = self.named(dump).map_err(Trouble::Failed)?;
        let _reads = running.reading(&stop).await?;
        self.0.hands.verify(running.job(self, steer, stop), pick).await
    }

    /// Restores a kit for practice.
    pub async fn drill(
        &self,
        dump: &str,
        pick: Pick,
        steer: Arc<dyn Steer>,
        stop: CancellationToken,
    ) -> Result<Drilled, Trouble> {
        let running = self.named(dump).map_err(Trouble::Failed)?;
        let _reads = running.reading(&stop).await?;
        let drilled = self.0.hands.drill(running.job(self, steer, stop), pick).await?;
        running.desk.drilled(&drilled);
        Ok(drilled)
    }

    /// Restores a kit for real.
    pub async fn restore(
        &self,
        dump: &str,
        restoring: Restoring,
        steer: Arc<dyn Steer>,
        stop: CancellationToken,
    ) -> Result<Restored, Trouble> {
        let running = self.named(dump).map_err(Trouble::Failed)?;
        let _reads = running.reading(&stop).await?;
        self.0.hands.restore(running.job(self, steer, stop), restoring).await
    }

    /// Lets go of the medium: what a person is told.
    pub async fn eject(&self, dump: &str, steer: Arc<dyn Steer>, stop: CancellationToken) -> Result<String, Trouble> {
        let running = self.named(dump).map_err(Trouble::Failed)?;
        running.eject(self, steer, stop).await
    }

    /// The kits that were on the medium when it was last looked at, newest first.
    pub fn kits(&self, dump: &str) -> Result<Vec<KitView>, String> {
        self.named(dump).map(|running| running.desk.kits())
    }

    /// The name of the dump, where there is one of this name. The error says which there are.
    pub fn known(&self, dump: &str) -> Result<String, String> {
        self.named(dump).map(|running| running.dump.name.clone())
    }

    fn named(&self, dump: &str) -> Result<Arc<Running>, String> {
        let all = self.running();
        if let Some(running) = all.iter().find(|running| running.dump.name == dump) {
            return Ok(Arc::clone(running));
        }
        let names: Vec<&str> = all.iter().map(|running| running.dump.name.as_str()).collect();
        Err(absent("dump", dump, &names, "[dumps.*]"))
    }
}
