//! Floor 0, words: the fleet file as typed values.
//!
//! What an operator writes in `hotspare.toml` becomes a [`Fleet`]; everything above this floor takes the values from
//! here and never looks at TOML. This room opens no connection and knows nothing of the engine or of the faces;
//! what it asks of a disk or of the name service, either of which may hang, it asks with a deadline.

pub mod accounts;
pub mod bucket;
pub mod check;
pub mod data;
pub mod diagnostic;
pub mod disk;
mod file;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod form;
pub mod glob;
pub mod host;
mod load;
pub mod mounted;
mod near;
pub mod pool;
mod report;
mod rules;
pub mod runbook;
mod sample;
mod schema;
pub mod secret;
mod secrets;
pub mod settings;
mod shape;
pub mod share;
mod source;
mod syntax;
pub mod template;
mod typed;
pub mod units;
mod value;

pub use file::{NotFound, find, open, read};
pub use load::{Loaded, load};
pub(crate) use near::{absent, instead, nearest, some};
pub use schema::schema;

#[cfg(test)]
mod tests;

use check::Check;
use data::{Config, Dump, Feed, Service, Store};
use host::Host;
use pool::Pool;
use runbook::Runbook;
use settings::{ConsoleSettings, EngineSettings, LeaseSettings, Notify};

/// All that one fleet file declares, with every default filled in and every reference known to exist.
///
/// The order of hosts, pools and the rest is the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// Shown in the title bar; names the state folder.
    pub name: String,
    /// `[console]`.
    pub console: ConsoleSettings,
    /// `[engine]`.
    pub engine: EngineSettings,
    /// `[lease]`.
    pub lease: LeaseSettings,
    /// `[[notify]]`.
    pub notify: Vec<Notify>,
    /// `[hosts.*]`.
    pub hosts: Vec<Host>,
    /// `[pools.*]`.
    pub pools: Vec<Pool>,
    /// `[runbooks.*]`.
    pub runbooks: Vec<Runbook>,
    /// `[feeds.*]`.
    pub feeds: Vec<Feed>,
    /// `[dumps.*]`.
    pub dumps: Vec<Dump>,
    /// `[sessions.*]`: the stores.
    pub sessions: Vec<Store>,
    /// `[services.*]`.
    pub services: Vec<Service>,
    /// `[configs.*]`: config backups.
    pub configs: Vec<Config>,
}

impl Fleet {
    /// A fleet with this name, nothing declared and every setting at its default.
    pub fn empty(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            console: ConsoleSettings::default(),
            engine: EngineSettings::default(),
            lease: LeaseSettings::default(),
            notify: Vec::new(),
            hosts: Vec::new(),
            pools: Vec::new(),
            runbooks: Vec::new(),
            feeds: Vec::new(),
            dumps: Vec::new(),
            sessions: Vec::new(),
            services: Vec::new(),
            configs: Vec::new(),
        }
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// The pools in which this host is protected or a spare.
    pub fn pools_of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Pool> {
        self.pools.iter().filter(move |pool| pool.protects.iter().chain(&pool.spares).any(|name| name == host))
    }

    /// Every check of the fleet with the host it belongs to, in the order of the file.
    pub fn checks(&self) -> impl Iterator<Item = (&Host, &Check)> {
        self.hosts.iter().flat_map(|host| host.checks.iter().map(move |check| (host, check)))
    }
}

/// Whether the fleet file accepts this layout: for tests that try all of them.
#[cfg(any(test, fuzzing))]
pub(crate) fn accepts_layout(text: &str) -> bool {
    value::layout(text).is_ok()
}
