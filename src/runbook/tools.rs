//! Tools: what real steps are done with.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::cast::Machine;
use super::deed::{Bit, Deeds, Found, Trouble};
use super::kind;
use crate::clock::Clock;
use crate::fleet::check::Check;
use crate::reach::http::HttpClient;
use crate::reach::secret::Secrets;
use crate::reach::ssh::SshPool;

/// Asks one check of a machine once, within the time; `{address}` and `{name}` in it are the machine's. The error says why
/// it does not pass. The room of checks lies above this one, so that whoever starts a run brings it.
pub type Asker = Arc<dyn Fn(Check, Machine, Duration) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Asks every vital check of a host once, within the time; the error says which do not pass, and why.
pub type Vitals = Arc<dyn Fn(Machine, Duration) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What real steps are done with. Cheap to clone.
#[derive(Clone)]
pub struct Tools {
    /// The time.
    pub clock: Clock,
    /// Warm connections.
    pub ssh: SshPool,
    /// Requests.
    pub http: HttpClient,
    /// Passwords and keys.
    pub secrets: Secrets,
    /// Checks, for steps that wait.
    pub ask: Asker,
    /// The vital checks of a host, for gates.
    pub vitals: Vitals,
    /// Machines that may be asked who answers for an address that was taken, best first. Chosen for each run.
    pub witnesses: Vec<Machine>,
}

impl Deeds for Tools {
    fn check<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Found, Trouble>> {
        Box::pin(kind::check(self, bit))
    }

    fn act<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
        Box::pin(kind::act(self, bit))
    }

    fn verify<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
        Box::pin(kind::verify(self, bit))
    }

    fn undo<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<Option<String>, Trouble>> {
        Box::pin(kind::undo(self, bit))
    }

    fn silent<'a>(&'a self, bit: Bit<'a>) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(kind::silence::silent(self, bit))
    }
}
