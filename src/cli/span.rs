//! Spans of time on the command line: `--for 30m`.

use std::time::Duration;

use super::exit::Failure;
use crate::clock::{Clock, Timestamp};
use crate::fleet::units;

/// Reads one as the fleet file writes it.
pub(super) fn read(text: &str) -> Result<Duration, String> {
    units::duration(text).map_err(|error| error.to_string())
}

/// When it is over that begins now.
pub(super) fn until(clock: &Clock, span: Duration) -> Result<Timestamp, Failure> {
    let until = clock.now().checked_add(span);
    until.map_err(|_overflow| Failure::usage("this is longer than a calendar goes"))
}
