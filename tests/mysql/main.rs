//! Checks of servers, and questions whether sessions were imported, against real `MariaDB` servers: private ones on free
//! ports in temporary folders.
//!
//! `MariaDB` stands for `MySQL`, whose own server Debian does not have: the names of a replica's columns differ, and both
//! are covered by unit tests of the probe.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    reason = "a helper of a test may fail like a test"
)]

mod dumps;
mod feeds;
mod feeds_bad_days;
mod feeds_check;
mod imported;
mod lab;
#[path = "../support/program.rs"]
mod program;
mod promote;
mod queries;
mod server;
mod silence;

use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::check::CheckKind;
use hotspare::fleet::secret::{DatabaseUrl, Secret, SecretSource};
use hotspare::health::ask::Ask;
use hotspare::health::observation::Outcome;
use hotspare::health::probe::Prober;
use hotspare::reach::http::HttpClient;
use hotspare::reach::mysql;
use hotspare::reach::ssh::{SshOptions, SshPool};
use mysql_async::prelude::Queryable;

use server::Server;

fn prober() -> Prober {
    let clock = Clock::real();
    Prober::new(clock.clone(), SshPool::new(SshOptions::default(), clock), HttpClient::new())
}

fn url(server: &Server, user: &str, password: &str) -> DatabaseUrl {
    DatabaseUrl {
        url: format!("mysql://{user}@127.0.0.1:{}/", server.port),
        password: SecretSource::Inline(Secret::new(password)),
    }
}

/// How a check of this kind ends, and why.
async fn probe(kind: CheckKind) -> (Outcome, String) {
    let ask = Ask { kind, address: "127.0.0.1".into(), ssh: String::new(), vital: false };
    let seen = prober().run(&ask, Duration::from_secs(5)).await;
    assert!(seen.outcome != Outcome::Pass || seen.latency.is_some(), "what passes has a latency");
    (seen.outcome, seen.reason.unwrap_or_default())
}

fn query(url: DatabaseUrl, query: &str) -> CheckKind {
    CheckKind::Mysql { url, query: query.into() }
}

fn replica(url: DatabaseUrl) -> CheckKind {
    CheckKind::MysqlReplica { url, max_lag: Duration::from_secs(3) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_and_a_query() {
    let server = Server::start(1, true).await;
    server.sql("CREATE USER probe@'%' IDENTIFIED BY 'pw'");
    assert_eq!(probe(query(url(&server, "probe", "pw"), "SELECT 1")).await, (Outcome::Pass, String::new()));
    let (outcome, reason) = probe(query(url(&server, "probe", "pw"), "SELECT * FROM no.such")).await;
    assert_eq!(outcome, Outcome::Unknown, "a right that is missing is no dead server: {reason}");
    let (outcome, reason) = probe(query(url(&server, "probe", "pw"), "SELEKT 1")).await;
    assert!(outcome == Outcome::Fail && reason.starts_with("server error 1064"), "{reason}");
    let (outcome, reason) = probe(query(url(&server, "probe", "wrong"), "SELECT 1")).await;
    assert!(outcome == Outcome::Unknown && reason.contains("Access denied"), "{reason}");
    assert!(!reason.contains("wrong"), "the password is not told: {reason}");
    let (outcome, reason) = probe(query(url(&server, "probe", "pw"), "SELECT SLEEP(60)")).await;
    assert_eq!((outcome, reason.as_str()), (Outcome::Fail, "no answer in 5 s"));
    assert_eq!(server.aborted(), 0, "the server saw no login break off");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_where_the_server_offers_it() {
    let tls = Server::start(1, true).await;
    let clear = Server::start(1, false).await;
    for (server, encrypted) in [(&tls, true), (&clear, false)] {
        server.sql("CREATE USER probe@'%' IDENTIFIED BY 'pw'");
        let password = Secret::new("pw");
        let time = Duration::from_secs(5);
        let mut connection =
            mysql::connect(&url(server, "probe", "pw"), Some(&password), time).await.expect("a connection");
        let cipher: Option<(String, String)> =
            connection.query_first("SHOW SESSION STATUS LIKE 'Ssl_cipher'").await.expect("a row");
        assert_eq!(cipher.is_some_and(|(_name, cipher)| !cipher.is_empty()), encrypted);
        connection.disconnect().await.expect("it ends");
        let mut required = url(server, "probe", "pw");
        required.url.push_str("?require_ssl=true&verify_ca=false&verify_identity=false");
        assert_eq!(mysql::connect(&required, Some(&password), time).await.is_ok(), encrypted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_follows_stops_lags_and_breaks() {
    let primary = Server::start(1, false).await;
    let second = Server::start(2, false).await;
    primary.sql("CREATE USER repl@'%' IDENTIFIED BY 'pw'; GRANT REPLICATION SLAVE ON *.* TO repl@'%'");
    for server in [&primary, &second] {
        server.sql(
            "SET sql_log_bin=0; CREATE USER probe@'%' IDENTIFIED BY 'pw'; GRANT SLAVE MONITOR ON *.* TO probe@'%'",
        );
    }
    let check = || probe(replica(url(&second, "probe", "pw")));
    assert_eq!(check().await, (Outcome::Fail, "the server is no replica".into()));
    second.sql(&format!(
        "CHANGE MASTER TO master_host='127.0.0.1', master_port={}, master_user='repl', master_password='pw', \
         master_use_gtid=slave_pos, master_connect_retry=1; START SLAVE",
        primary.port
    ));
    let becomes = async |wanted: (Outcome, &str)| {
        let mut seen = (Outcome::Unknown, String::new());
        for _try in 0..150 {
            seen = check().await;
            if seen.0 == wanted.0 && seen.1.starts_with(wanted.1) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{wanted:?} expected, {seen:?} seen");
    };
    becomes((Outcome::Pass, "")).await;
    primary.sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)");
    becomes((Outcome::Pass, "")).await;

    second.sql("STOP SLAVE SQL_THREAD");
    becomes((Outcome::Fail, "the replica does not apply")).await;
    second.sql("START SLAVE; STOP SLAVE IO_THREAD");
    becomes((Outcome::Fail, "the replica does not receive")).await;
    second.sql("STOP SLAVE");
    becomes((Outcome::Fail, "replication is stopped")).await;

    // A lock on the replica holds the change of the primary back.
    second.sql("START SLAVE");
    becomes((Outcome::Pass, "")).await;
    let time = Duration::from_secs(5);
    let root = DatabaseUrl { password: SecretSource::None, ..url(&second, "root", "") };
    let mut holder = mysql::connect(&root, None, time).await.expect("root logs in");
    holder.query_drop("LOCK TABLES d.t READ").await.expect("locked");
    primary.sql("INSERT INTO d.t VALUES (1)");
    let mut late = (Outcome::Pass, String::new());
    for _try in 0..150 {
        late = check().await;
        if late.0 == Outcome::Fail {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(late.1.ends_with(" s behind, at most 3 s wanted"), "{late:?}");
    holder.query_drop("UNLOCK TABLES").await.expect("unlocked");
    holder.disconnect().await.expect("it ends");
    becomes((Outcome::Pass, "")).await;

    // The same row at both ends: replication breaks, and the server says why.
    second.sql("SET sql_log_bin=0; INSERT INTO d.t VALUES (2)");
    primary.sql("INSERT INTO d.t VALUES (2)");
    becomes((Outcome::Fail, "the replica does not apply: ")).await;
    assert!(check().await.1.contains("Duplicate entry"), "{:?}", check().await);
}
