//! Where all the secrets of a fleet come from.

use std::path::PathBuf;

use super::Fleet;
use super::check::CheckKind;
use super::data::{FeedSink, FeedSource, Imported, Scratch};
use super::runbook::StepKind;
use super::secret::{DatabaseUrl, SecretSource};

impl Fleet {
    /// The source of every secret that the fleet declares, those that are none and those that come twice included.
    pub fn secrets(&self) -> Vec<SecretSource> {
        let checks = self.checks().filter_map(|(_host, check)| match &check.kind {
            CheckKind::Mysql { url, .. }
            | CheckKind::MysqlReplica { url, .. }
            | CheckKind::MongoReplica { url, .. } => Some(url),
            _ => None,
        });
        let feeds = self.feeds.iter().filter_map(|feed| match &feed.to {
            FeedSink::Mysql(url) => Some(url),
            FeedSink::Sqlite(_) => None,
        });
        let dumps = self.dumps.iter().map(|dump| &dump.server);
        let drills = self.dumps.iter().filter_map(|dump| match &dump.scratch {
            Scratch::Server(url) => Some(url),
            Scratch::Auto => None,
        });
        let stores = self.sessions.iter().filter_map(|store| match &store.imported {
            Some(Imported::Datajoint { mysql, .. }) => Some(mysql),
            Some(Imported::Query { mysql, .. }) => mysql.as_ref(),
            None => None,
        });
        let steps = || self.runbooks.iter().flat_map(|runbook| &runbook.steps);
        let promotions = steps().filter_map(|step| match &step.kind {
            StepKind::MysqlPromote { url } => Some(url),
            _ => None,
        });
        let databases = checks.chain(feeds).chain(dumps).chain(drills).chain(stores).chain(promotions);
        let tokens = self.feeds.iter().filter_map(|feed| match &feed.from {
            FeedSource::Http { token, .. } => Some(token.clone()),
            FeedSource::Sqlite { .. } => None,
        });
        let keys = steps().filter_map(|step| match &step.kind {
            StepKind::Dns { tsig: Some(tsig), .. } => Some(SecretSource::File(PathBuf::from(&tsig.secret_file))),
            _ => None,
        });
        let buckets = self
            .sessions
            .iter()
            .flat_map(|store| &store.destinations)
            .map(|destination| destination.access.secret.clone());
        databases
            .map(|url: &DatabaseUrl| url.password.clone())
            .chain(tokens)
            .chain(keys)
            .chain(buckets)
            .chain(self.notify.iter().map(|notify| notify.secret.clone()))
            .chain([self.lease.password.clone(), self.lease.signing_key.clone()])
            .collect()
    }
}
