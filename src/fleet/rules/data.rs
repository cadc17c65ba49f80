//! Feeds, dumps, stores of sessions and config backups.

use std::ops::Range;
use std::path::Path;

use super::{Places, repeated, way};
use crate::fleet::Fleet;
use crate::fleet::bucket::{self, Bucket};
use crate::fleet::data::{Config, Destination, Dump, DumpDatabases, Feed, FeedSink, FeedSource, Hosts, Scratch, Store};
use crate::fleet::mounted::customary;
use crate::fleet::report::Report;
use crate::fleet::secret::SecretSource;

/// Keys of a destination that is an object store's.
const ACCESS: [&str; 8] =
    ["endpoint", "region", "key_id", "secret", "secret_file", "secret_env", "secret_command", "secret_credential"];

pub(super) fn check(fleet: &Fleet, places: &Places<'_>, report: &mut Report) {
    for feed in &fleet.feeds {
        self::feed(fleet, feed, places, report);
    }
    for dump in &fleet.dumps {
        self::dump(dump, places, report);
    }
    for store in &fleet.sessions {
        self::store(store, places, report);
    }
    for config in &fleet.configs {
        self::config(fleet, config, places, report);
    }
    let sources: Vec<String> = fleet.sessions.iter().map(|store| store.source.display().to_string()).collect();
    for (at, source) in repeated(sources.iter().map(String::as_str)) {
        if let Some(store) = fleet.sessions.get(at) {
            let message = format!("two stores have the same source: {source}");
            let finding = report.error(places.of(way!["sessions", &store.name, "source"]), message);
            finding.hint("each would copy and delete the sessions of the other");
        }
    }
}

fn feed(fleet: &Fleet, feed: &Feed, places: &Places<'_>, report: &mut Report) {
    let place = |key: &str| places.of(way!["feeds", &feed.name, key]);
    for (at, name) in repeated(feed.tables.iter().map(|table| table.name.as_str())) {
        let place = places.of(way!["feeds", &feed.name, "tables", at, "name"]);
        report.error(place, format!("the feed `{}` has the table `{name}` twice", feed.name));
    }
    for (at, table) in feed.tables.iter().enumerate().filter(|(_, table)| !table.columns.is_empty()) {
        let wanted = table.key.iter().map(|column| ("key", column));
        let wanted = wanted.chain(table.changes.iter().map(|column| ("changes", column)));
        for (key, column) in wanted.filter(|(_, column)| !column.is_empty() && !table.columns.contains(column)) {
            let place = places.of(way!["feeds", &feed.name, "tables", at, key]);
            let finding = report.error(place, format!("`{key}` has the column `{column}`, which `columns` leaves out"));
            finding.suggest(column, table.columns.iter().map(String::as_str));
        }
    }
    if feed.max_lag < feed.every {
        let message = format!("with a round every {:?}, a lag above {:?} is the rule", feed.every, feed.max_lag);
        report.warning(place("max_lag"), message).hint("`max_lag` should be a few times `every`");
    }
    if let (FeedSource::Sqlite { path: from, host: None }, FeedSink::Sqlite(to)) = (&feed.from, &feed.to)
        && from == to
        && feed.follow.is_none()
        && !from.as_os_str().is_empty()
    {
        report.error(place("to"), "the feed would write into the file it reads");
    }
    followed(fleet, feed, places, report);
}

/// A feed that follows a pool reads from one of its hosts.
fn followed(fleet: &Fleet, feed: &Feed, places: &Places<'_>, report: &mut Report) {
    let (FeedSource::Sqlite { host: Some(host), .. } | FeedSource::Http { host, .. }) = &feed.from else { return };
    let pool = fleet.pools.iter().find(|pool| Some(&pool.name) == feed.follow.as_ref());
    let Some(pool) = pool else { return };
    if !host.is_empty() && !pool.protects.iter().chain(&pool.spares).any(|member| member == host) {
        let message = format!("`{host}` is not a host of the pool `{}`, which the feed follows", pool.name);
        let finding = report.error(places.of(way!["feeds", &feed.name, "from", "host"]), message);
        finding.suggest(host, pool.protects.iter().chain(&pool.spares).map(String::as_str));
    }
}

fn dump(dump: &Dump, places: &Places<'_>, report: &mut Report) {
    let names = dump.databases.iter().map(|database| match database {
        DumpDatabases::Named(name) => name.as_str(),
        DumpDatabases::Query { query, .. } => query.as_str(),
    });
    for (at, name) in repeated(names) {
        let place = places.of(way!["dumps", &dump.name, "databases", at]);
        report.error(place, format!("the dump `{}` has `{name}` twice", dump.name));
    }
    if dump.server.url.starts_with("mongodb") {
        mongo(dump, places, report);
    }
    if dump.mount && dump.to == Path::new("/") {
        let message = "the root of this machine is not a removable medium";
        report.error(places.of(way!["dumps", &dump.name, "to"]), message).hint("such as /media/usb");
    }
}

/// Its tools dump what they are told by name, and nothing here asks the server anything.
fn mongo(dump: &Dump, places: &Places<'_>, report: &mut Report) {
    let place = |key: &str| places.of(way!["dumps", &dump.name, key]);
    if dump.databases.is_empty() {
        let message = format!("the dump `{}` of a MongoDB server does not say which databases", dump.name);
        report.error(place("databases"), message).hint("name them: `databases = [\"cupola\"]`");
    }
    for (at, database) in dump.databases.iter().enumerate() {
        if let DumpDatabases::Query { .. } = database {
            let place = places.of(way!["dumps", &dump.name, "databases", at]);
            let message = "databases of a MongoDB server are named, not asked for by a query";
            report.error(place, message).hint("write the name of each");
        }
    }
    if dump.scratch != Scratch::Auto {
        let message = "a drill of MongoDB restores into a server of its own only";
        report.error(place("scratch"), message).hint("leave it out, and install mongod where the engine runs");
    }
    let rest = dump.server.url.split_once("://").map_or("", |(_scheme, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_hosts, path)| path).split('?').next().unwrap_or_default();
    if !path.is_empty() {
        let message = format!("the url of a dump names no database, this one names `{path}`");
        let finding = report.error(place("server"), message);
        finding.hint("which are dumped is what `databases` says; where the user is known says `?authSource=…`");
    }
}

fn store(store: &Store, places: &Places<'_>, report: &mut Report) {
    if store.destinations.is_empty() {
        let message = format!("the store `{}` has no destination, so nothing of it is ever safe to delete", store.name);
        report.warning(places.of(way!["sessions", &store.name, "destinations"]), message);
    }
    if store.imported.is_none() {
        let message = format!("the store `{}` has no `imported`, so nothing of it is ever safe to delete", store.name);
        let finding = report.warning(places.of(way!["sessions", &store.name]), message);
        finding.hint("nothing is deleted here that is not known to be imported; declare how that is known");
    }
    for (at, name) in repeated(store.destinations.iter().map(|destination| destination.name.as_str())) {
        let place = places.of(way!["sessions", &store.name, "destinations", at, "name"]);
        report.error(place, format!("`{}` has two destinations named `{name}`", store.name));
    }
    for (at, destination) in store.destinations.iter().enumerate() {
        let place = places.of(way!["sessions", &store.name, "destinations", at, "path"]);
        let (path, source) = (&destination.path, &store.source);
        if path.as_os_str().is_empty() || source.as_os_str().is_empty() {
            continue;
        }
        let key = |key: &str| places.of(way!["sessions", &store.name, "destinations", at, key]);
        if let Some(bucket) = destination.bucket() {
            self::bucket(destination, &bucket, &key, report);
            continue;
        }
        if path.to_str().is_some_and(|path| path.starts_with("s3://")) {
            // What is wrong with it was said.
            continue;
        }
        let stray = |name: &&str| places.has(way!["sessions", &store.name, "destinations", at, *name]);
        for name in ACCESS.into_iter().filter(stray) {
            let finding = report.error(key(name), format!("`{name}` is of use only where `path` is an object store's"));
            finding.hint("such as `path = \"s3://bucket/prefix\"`");
        }
        if destination.ssh(&[]).is_some() {
            if destination.mount.is_some() {
                let place = places.of(way!["sessions", &store.name, "destinations", at, "mount"]);
                report.error(place, "a folder on another machine has no `mount` on this one");
            }
            continue;
        }
        if let (None, Some((mount, _all))) = (&destination.mount, customary(path)) {
            let message = "`path` lies where disks and shares are mounted, and no `mount` is declared";
            report.warning(place.clone(), message).hint(format!(
                "while nothing is mounted there, copies would fill this machine's disk; write `mount = \"{}\"`",
                mount.display()
            ));
        }
        if let Some(mount) = destination.mount.as_ref().filter(|mount| !path.starts_with(mount)) {
            let message = format!("`path` does not lie below `mount`, {}", mount.display());
            let finding = report.error(place.clone(), message);
            finding.hint("copies would go to another disk than the one whose mount is watched");
        }
        if path.starts_with(source) || source.starts_with(path) {
            let finding = report.error(place, format!("copies would lie inside the store, {}", source.display()));
            finding.hint("source and destination must be folders side by side, better on two disks");
        }
    }
}

/// A folder of an object store.
fn bucket(destination: &Destination, bucket: &Bucket, key: &dyn Fn(&str) -> Range<usize>, report: &mut Report) {
    if destination.mount.is_some() {
        report.error(key("mount"), "a folder of an object store has no `mount` on this machine");
    }
    if bucket.key_id.is_empty() {
        let finding = report.error(key("path"), "an object store lets nobody in without a key: `key_id` is not there");
        finding.hint(
            "`key_id = \"…\"`, and its secret by `secret_file`, `secret_env`, `secret_command` or `secret_credential`",
        );
    }
    if bucket.secret == SecretSource::None {
        let place = key(if bucket.key_id.is_empty() { "path" } else { "key_id" });
        let finding = report.error(place, "the key of the object store has no secret");
        finding.hint("write `secret_file = \"…\"`, `secret_env`, `secret_command` or `secret_credential` beside it");
    }
    if bucket::exposed(&bucket.endpoint) {
        let message = "`endpoint` is not encrypted: whoever is on the way reads and changes what is copied";
        report.warning(key("endpoint"), message).hint("write https://; http:// is for networks of one's own");
    }
}

fn config(fleet: &Fleet, config: &Config, places: &Places<'_>, report: &mut Report) {
    for (at, file) in repeated(config.files.iter().map(String::as_str)) {
        let place = places.of(way!["configs", &config.name, "files", at]);
        report.error(place, format!("the config backup `{}` has `{file}` twice", config.name));
    }
    for (at, file) in config.files.iter().enumerate().filter(|(_, file)| !file.is_empty()) {
        let place = places.of(way!["configs", &config.name, "files", at]);
        if file.contains('\n') {
            report.error(place, "a path in one line is needed");
        } else if !file.starts_with('/') && !file.starts_with("~/") {
            let bare = file.trim_start_matches("./");
            let whole = if bare.contains('/') { format!("/{bare}") } else { format!("/etc/{bare}") };
            let finding = report.error(place, format!("`{file}` is not a whole path"));
            finding.hint(format!("such as `{whole}`, or `~/{bare}` for the folder of the user that logs in"));
        }
    }
    if let Hosts::Labelled(labels) = &config.hosts
        && !fleet.hosts.iter().any(|host| config.hosts.holds(host))
    {
        let place = places.of(way!["configs", &config.name, "hosts"]);
        let wanted: Vec<String> = labels.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let finding = report.error(place, format!("no host has the label {}", wanted.join(" and ")));
        finding.hint("write it into `labels` of a host, or name the hosts");
    }
}
