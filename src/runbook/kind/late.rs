//! What an engine that has gone, or a connection that was lost, has left at work on a host: it must have ended before it is
//! undone, or it goes on afterwards and nobody knows of it.

use super::{command, shell};
use crate::runbook::deed::{Bit, Trouble};
use crate::runbook::guard::Remembered;
use crate::runbook::tools::Tools;

/// Waits until the step that is to be undone has ended on its host. Once the host has seen this generation, nothing older
/// begins there.
pub(super) async fn at_rest(tools: &Tools, bit: Bit<'_>) -> Result<(), Trouble> {
    let name = &bit.step.name;
    shell::act(tools, bit, &format!("{name} look"), ":").await?;
    match command::ended(tools, bit, name).await? {
        Remembered::Running => {
            let spot = shell::place(bit)?.name();
            Err(Trouble::Unknown(format!("{spot}: {name} is still at work there; end it, then abandon the run again")))
        }
        Remembered::Never | Remembered::Ended(_) | Remembered::Gone => Ok(()),
    }
}
