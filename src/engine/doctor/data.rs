//! Data: mounts, folders, databases, the lease's servers.
//!
//! A dead mount holds whoever touches it, even against a kill. So mounts are looked up with the kernel first, and a mount
//! itself is touched from a thread that can be left behind.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Bag, Examination, bad, gibibytes, good, risk};
use crate::dump::mongo;
use crate::dump::tools::Tools;
use crate::engine::command::Finding;
use crate::fleet::Fleet;
use crate::fleet::data::{Dump, DumpDatabases, FeedSink, FeedSource, Imported, Scratch};
use crate::fleet::secret::DatabaseUrl;
use crate::reach::http::{HttpClient, Request};
use crate::reach::mounts::Mounts;
use crate::reach::mysql::MysqlErrorKind;
use crate::reach::{mysql, plain, secret};

/// How long a mount may take to answer.
const MOUNT: Duration = Duration::from_secs(3);
/// How long a server may take to answer.
const SERVER: Duration = Duration::from_secs(5);

pub(super) fn examinations(bag: &Bag) -> Vec<Examination> {
    let mut list = Vec::new();
    for (path, must_be_mounted) in places(&bag.fleet) {
        let subject = if must_be_mounted { format!("mount {}", path.display()) } else { path.display().to_string() };
        list.push(Examination::new(subject.clone(), async move { vec![place(&subject, path, must_be_mounted).await] }));
    }
    for url in databases(&bag.fleet) {
        let subject = format!("database {}", url.url);
        list.push(Examination::new(subject.clone(), async move { vec![database(&subject, &url).await] }));
    }
    for dump in bag.fleet.dumps.iter().filter(|dump| mongo::is(&dump.server)) {
        let (subject, bag, dump) = (format!("database {}", dump.server.url), bag.clone(), dump.clone());
        list.push(Examination::new(subject.clone(), async move { vec![of_mongo(&subject, &bag, &dump).await] }));
    }
    for endpoint in &bag.fleet.lease.endpoints {
        let (subject, url) = (format!("etcd {endpoint}"), format!("{}/version", endpoint.trim_end_matches('/')));
        list.push(Examination::new(subject.clone(), async move {
            vec![match HttpClient::new().send(&Request::get(url, SERVER)).await {
                Ok(answer) if answer.status.is_success() => {
                    good(&subject, plain::line(&String::from_utf8_lossy(&answer.body), 80))
                }
                Ok(answer) => bad(&subject, format!("status {}", answer.status.as_u16()), "is it etcd 3.4 or newer?"),
                Err(error) => bad(&subject, error.to_string(), "is etcd running there?"),
            }]
        }));
    }
    list
}

/// Paths of the fleet on this machine, and whether each must be a mount point.
fn places(fleet: &Fleet) -> Vec<(PathBuf, bool)> {
    let dumps = fleet.dumps.iter().map(|dump| (dump.to.clone(), dump.mount));
    let feeds = fleet.feeds.iter().filter_map(|feed| match &feed.from {
        FeedSource::Sqlite { path, host: None } => Some((path.clone(), false)),
        _ => None,
    });
    let sources = fleet.sessions.iter().map(|store| (store.source.clone(), false));
    let imported = fleet.sessions.iter().filter_map(|store| match store.imported.as_ref()? {
        Imported::Datajoint { sqlite, .. } | Imported::Query { sqlite, .. } => Some((sqlite.clone(), false)),
    });
    let destinations = fleet.sessions.iter().flat_map(|store| &store.destinations);
    let destinations = destinations.filter(|to| to.ssh(&fleet.hosts).is_none() && to.bucket().is_none());
    let destinations = destinations.map(|to| to.mount.clone().map_or((to.path.clone(), false), |mount| (mount, true)));
    let mut places = Vec::new();
    for place in dumps.chain(feeds).chain(sources).chain(imported).chain(destinations) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

async fn place(subject: &str, path: PathBuf, must_be_mounted: bool) -> Finding {
    let mut kind = String::new();
    if must_be_mounted {
        match Mounts::read() {
            Ok(mounts) => match mounts.at(&path) {
                Some(mount) => kind = mount.words(),
                None => return bad(subject, "nothing is mounted there", format!("mount {}", path.display())),
            },
            Err(elsewhere) => return risk(subject, elsewhere.to_string(), "look by hand: mount"),
        }
    }
    let (tell, told) = oneshot::channel();
    let shown = path.display().to_string();
    let spawned = std::thread::Builder::new().name("doctor".into()).spawn(move || {
        // Nobody waits any more: the mount answered too late.
        let _left_behind = tell.send(std::fs::metadata(&path).and_then(|found| {
            let free = rustix::fs::statvfs(&path)?;
            Ok((found.is_dir(), free.f_bavail.saturating_mul(free.f_frsize)))
        }));
    });
    if let Err(error) = spawned {
        return risk(subject, format!("cannot be tried: {error}"), "try again when the machine has room for a thread");
    }
    match tokio::time::timeout(MOUNT, told).await {
        Ok(Ok(Ok((_folder, free)))) => {
            let place = if kind.is_empty() { "is there".into() } else { format!("is mounted ({kind})") };
            good(subject, format!("{place}, {:.1} GiB free", gibibytes(free)))
        }
        Ok(Ok(Err(error))) => bad(subject, error.to_string(), format!("ls -ld {shown}")),
        _ => bad(
            subject,
            format!("no answer in {}", plain::time(MOUNT)),
            format!("umount -l {shown}, then mount it again"),
        ),
    }
}

/// Every MySQL server that data flows to or from, once. Those of checks are asked by their checks.
fn databases(fleet: &Fleet) -> Vec<DatabaseUrl> {
    let dumps = fleet.dumps.iter().map(|dump| dump.server.clone()).filter(|url| !mongo::is(url));
    let drills = fleet.dumps.iter().filter_map(|dump| match &dump.scratch {
        Scratch::Server(url) => Some(url.clone()),
        Scratch::Auto => None,
    });
    let feeds = fleet.feeds.iter().filter_map(|feed| match &feed.to {
        FeedSink::Mysql(url) => Some(url.clone()),
        FeedSink::Sqlite(_) => None,
    });
    let stores = fleet.sessions.iter().filter_map(|store| match store.imported.as_ref()? {
        Imported::Datajoint { mysql, .. } => Some(mysql.clone()),
        Imported::Query { mysql, .. } => mysql.clone(),
    });
    let mut urls: Vec<DatabaseUrl> = Vec::new();
    for url in dumps.chain(drills).chain(feeds).chain(stores) {
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

async fn database(subject: &str, url: &DatabaseUrl) -> Finding {
    let password = match secret::resolve(&url.password).await {
        Ok(password) => password,
        Err(error) => return bad(subject, error.what, error.remedy),
    };
    match mysql::connect(url, password.as_ref(), SERVER).await {
        Ok(connection) => {
            let (major, minor, patch) = connection.server_version();
            // The answer is known already.
            let _ended = tokio::time::timeout(SERVER, connection.disconnect()).await;
            good(subject, format!("logged in, server {major}.{minor}.{patch}"))
        }
        Err(error) => {
            let remedy = match error.kind {
                MysqlErrorKind::Url => "a url reads mysql://user@host:3306/database",
                MysqlErrorKind::Unreachable | MysqlErrorKind::Late => {
                    "is the server running, and does it listen there?"
                }
                MysqlErrorKind::Denied => "check user, password and from where the user may log in",
                MysqlErrorKind::Server => "see the server's error log",
            };
            bad(subject, error.what, remedy)
        }
    }
}

/// Logs in at a MongoDB server as the dump does: with its tool, which is ended when it has listed the first database.
async fn of_mongo(subject: &str, bag: &Bag, dump: &Dump) -> Finding {
    let first = dump.databases.iter().find_map(|database| match database {
        DumpDatabases::Named(name) => Some(name.as_str()),
        DumpDatabases::Query { .. } => None,
    });
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return risk(subject, format!("cannot be tried: {error}"), "make room for temporary files"),
    };
    let tools = Tools::new(bag.clock.clone(), bag.prober.secrets().clone(), folder.path().join("login"));
    let login = async {
        let mongo = mongo::program::Mongo::of(&dump.server, &tools).await?;
        mongo.login(first.unwrap_or("admin"), &tools).await
    };
    match login.await {
        Ok(version) => good(subject, format!("logged in, server {}", plain::line(&version, 40))),
        Err(trouble) => bad(
            subject,
            without(&trouble.to_string(), &dump.server.url),
            "see docs/dumps.md for what a dump of MongoDB needs",
        ),
    }
}

/// What is said of a server, where its name stands before it already.
fn without(said: &str, name: &str) -> String {
    said.strip_prefix(name).and_then(|said| said.strip_prefix(": ")).unwrap_or(said).to_owned()
}
