//! What several places of a fleet file must agree on.

use toml::de::DeTable;

use super::Fleet;
use super::report::Report;

/// Says everything that is wrong between the parts of the file.
pub(super) fn check(_fleet: &Fleet, _root: &DeTable<'_>, _report: &mut Report) {}
