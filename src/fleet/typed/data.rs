//! Feeds, dumps, stores of sessions, services, config backups.

use std::path::PathBuf;

use toml::de::DeValue;

use super::{View, no_database};
use crate::fleet::bucket::Access;
use crate::fleet::data::{
    Config, Destination, Dump, DumpDatabases, Feed, FeedSink, FeedSource, FeedTable, Hosts, Imported, Keep, Logs,
    Scratch, Service, Store, Zone,
};
use crate::fleet::units;

pub(super) fn feed(name: String, feed: View<'_>) -> Feed {
    let follow = feed.maybe_text("follow");
    let lag_by = feed.maybe_text("lag_by");
    Feed {
        name,
        from: feed.table("from").map_or_else(nowhere, |from| source(&from, follow.is_some())),
        to: feed.table("to").map_or_else(|| FeedSink::Sqlite(PathBuf::new()), |to| sink(&to)),
        tables: feed.tables("tables").iter().map(|of| table(of, lag_by.as_ref())).collect(),
        zone: Zone::of(&feed.text("zone")),
        every: feed.duration("every"),
        batch: feed.count("batch"),
        window: feed.duration("window"),
        max_lag: feed.duration("max_lag"),
        follow,
    }
}

fn nowhere() -> FeedSource {
    FeedSource::Sqlite { path: PathBuf::new(), host: None }
}

/// A path is one of this machine only where no host has the file.
fn source(from: &View<'_>, follows: bool) -> FeedSource {
    let host = from.maybe_text("host");
    if let Some(url) = from.maybe_text("http") {
        return FeedSource::Http { url, host: host.unwrap_or_default(), token: from.secret("token") };
    }
    let path = if host.is_some() || follows { from.text("sqlite").into() } else { from.path("sqlite") };
    FeedSource::Sqlite { path, host }
}

fn sink(to: &View<'_>) -> FeedSink {
    to.database("mysql").map_or_else(|| FeedSink::Sqlite(to.path("sqlite")), FeedSink::Mysql)
}

fn table(table: &View<'_>, lag_by: Option<&String>) -> FeedTable {
    FeedTable {
        name: table.text("name"),
        key: table.texts("key"),
        cursor: table.maybe_text("cursor"),
        columns: table.texts("columns"),
        into: table.maybe_text("into"),
        changes: table.maybe_text("changes"),
        lag_by: table.maybe_text("lag_by").or_else(|| lag_by.cloned()),
    }
}

pub(super) fn dump(name: String, dump: View<'_>) -> Dump {
    Dump {
        name,
        server: dump.database("server").unwrap_or_else(no_database),
        databases: databases(&dump),
        every: dump.duration("every"),
        to: dump.path("to"),
        mount: dump.flag("mount"),
        keep: dump.table("keep").map_or_else(Keep::default, |keep| Keep {
            last: keep.count("last"),
            hourly: keep.count("hourly"),
            daily: keep.count("daily"),
        }),
        scratch: match dump.table("scratch") {
            Some(server) => Scratch::Server(server.database("mysql").unwrap_or_else(no_database)),
            None if dump.text("scratch") == "auto" => Scratch::Auto,
            None => {
                let (url, inline) = crate::fleet::secret::split_password(&dump.text("scratch"));
                let password = inline.map_or_else(Default::default, crate::fleet::secret::SecretSource::Inline);
                Scratch::Server(crate::fleet::secret::DatabaseUrl { url, password })
            }
        },
    }
}

fn databases(dump: &View<'_>) -> Vec<DumpDatabases> {
    let read = |item: Result<View<'_>, &DeValue<'_>>| match item {
        Ok(query) => DumpDatabases::Query { query: query.text("query"), label: query.maybe_text("label") },
        Err(value) => DumpDatabases::Named(value.as_str().unwrap_or_default().to_owned()),
    };
    dump.items("databases").into_iter().map(read).collect()
}

pub(super) fn store(name: String, store: View<'_>) -> Store {
    let layout = store.text("layout");
    let destination = |view: &View<'_>| Destination {
        name: view.text("name"),
        mount: view.maybe_path("mount"),
        // A url is no path of this machine: nothing is put before it.
        path: match view.text("path") {
            url if url.contains("://") => PathBuf::from(url),
            _ => view.path("path"),
        },
        layout: view.maybe_text("layout").unwrap_or_else(|| layout.clone()),
        access: Access {
            endpoint: view.maybe_text("endpoint"),
            region: view.maybe_text("region"),
            key_id: view.maybe_text("key_id"),
            secret: view.secret("secret"),
        },
    };
    Store {
        name,
        source: store.path("source"),
        participants: store.texts("participants"),
        exclude: store.texts("exclude"),
        count: store.text("count"),
        settle: store.duration("settle"),
        destinations: store.tables("destinations").iter().map(destination).collect(),
        parallel: store.count("parallel"),
        limit: store.maybe_text("limit").and_then(|text| units::rate(&text).ok()),
        imported: store.table("imported").map(|view| imported(&view)),
        layout,
    }
}

fn imported(view: &View<'_>) -> Imported {
    let sqlite = view.path("sqlite");
    if view.maybe_text("preset").is_some() {
        return Imported::Datajoint { sqlite, mysql: view.database("mysql").unwrap_or_else(no_database) };
    }
    Imported::Query { sqlite, query: view.text("query"), mysql: view.database("mysql"), queries: view.map("queries") }
}

pub(super) fn service(name: String, service: View<'_>) -> Service {
    Service {
        name,
        host: service.text("host"),
        pid_files: service.texts("pid_files"),
        logs: match service.value("logs") {
            Some(DeValue::Array(_)) => Some(Logs::Files(service.texts("logs"))),
            Some(_) => service.table("logs").map(|docker| Logs::Docker(docker.text("docker"))),
            None => None,
        },
        docker: service.maybe_text("docker"),
        quorum: Some(service.count("quorum")).filter(|quorum| *quorum > 0),
        shrink_interval: service.duration("shrink_interval"),
    }
}

pub(super) fn config(name: String, config: View<'_>) -> Config {
    let hosts = match config.value("hosts") {
        Some(DeValue::Table(_)) => Hosts::Labelled(config.map("hosts")),
        Some(DeValue::String(_)) => Hosts::All,
        _ => Hosts::Named(config.texts("hosts")),
    };
    Config { name, hosts, files: config.texts("files"), every: config.duration("every") }
}
