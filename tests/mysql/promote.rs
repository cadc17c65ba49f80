//! The step `mysql-promote`: a replica that has caught up becomes writable, one that is behind or broken is refused.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hotspare::clock::Clock;
use hotspare::fleet::pool::Fence;
use hotspare::fleet::runbook::{OnError, Runbook, Step, StepKind};
use hotspare::reach::http::HttpClient;
use hotspare::reach::secret::Secrets;
use hotspare::reach::ssh::{SshOptions, SshPool};
use hotspare::runbook::cast::{Cast, Purpose};
use hotspare::runbook::dry::rehearse;
use hotspare::runbook::plan::plan;
use hotspare::runbook::record::{Orders, RunRecord};
use hotspare::runbook::run::{Hand, Ledger, Note, Right, Way, execute};
use hotspare::runbook::tools::Tools;
use hotspare::runbook::view::{RunId, RunState, StepState};

use crate::server::Server;
use crate::url;

struct Book;

impl Right for Book {
    fn may(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Ledger for Book {
    fn keep<'a>(&'a self, _: &'a RunRecord, _: Option<Note>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

fn tools() -> Tools {
    let clock = Clock::real();
    Tools {
        clock: clock.clone(),
        ssh: SshPool::new(SshOptions::default(), clock.clone()),
        http: HttpClient::new(),
        secrets: Secrets::new(clock),
        ask: Arc::new(|_, _, _| Box::pin(async { Ok(()) })),
        vitals: Arc::new(|_, _| Box::pin(async { Ok(()) })),
        witnesses: Vec::new(),
    }
}

fn record(server: &Server) -> RunRecord {
    let step = Step {
        name: "promote".into(),
        kind: StepKind::MysqlPromote { url: url(server, "ops", "pw") },
        on: None,
        fence: false,
        timeout: Duration::from_secs(4),
        retries: 0,
        on_error: OnError::Stop,
        drill: true,
        cleanup: false,
        each: None,
        undo: None,
    };
    let book = Runbook::plain("r", vec![step]);
    let plan = plan(&book, Purpose::Takeover, &Cast { token: "1".into(), ..Cast::default() }).expect("a plan");
    let orders = Orders {
        who: "ana".into(),
        why: "test".into(),
        generation: 1,
        fence: Fence::None,
        oath: None,
        before: Vec::new(),
        since: None,
    };
    RunRecord::new(RunId(1), plan, orders, &Clock::real())
}

async fn promote(server: &Server) -> RunRecord {
    let record = record(server);
    let (view, _watching) = tokio::sync::watch::channel(Arc::new(record.view.clone()));
    let (_wish, wishes) = tokio::sync::mpsc::channel(1);
    let tools = tools();
    execute(record, Way::Begin, &tools, &tools.clock, &Book, &Book, Hand { view, wishes }).await
}

const USER: &str = "CREATE USER ops@'%' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO ops@'%' WITH GRANT OPTION;";

/// A source and its replica, which has everything.
async fn pair() -> (Server, Server) {
    let (source, replica) = tokio::join!(Server::start(1, false), Server::start(2, false));
    source.sql(&format!("{USER} CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY);"));
    replica.sql(&format!(
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='ops', MASTER_PASSWORD='pw', \
         MASTER_USE_GTID=slave_pos; SET GLOBAL read_only=1; START SLAVE;",
        source.port
    ));
    for _try in 0..200 {
        if replica.sql("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema='d'").trim() == "1" {
            source.sql("INSERT INTO d.t VALUES (0)");
            comes_to(&replica, "0").await;
            return (source, replica);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the replica never caught up: {}", replica.sql("SHOW SLAVE STATUS"));
}

/// Waits until the last row of the table is this one.
async fn comes_to(replica: &Server, last: &str) {
    for _try in 0..200 {
        if replica.sql("SELECT MAX(id) FROM d.t").trim() == last {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("row {last} never came: {}", replica.sql("SHOW SLAVE STATUS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_has_everything_becomes_writable() {
    let (source, replica) = pair().await;
    source.sql("INSERT INTO d.t VALUES (1)");
    comes_to(&replica, "1").await;
    let report = rehearse(record(&replica), &tools()).await;
    assert_eq!(report.refused, Vec::<String>::new());
    assert_eq!(replica.sql("SELECT @@read_only").trim(), "1", "a dry run changes nothing");
    drop(source);
    let ended = promote(&replica).await;
    assert_eq!(ended.view.state, RunState::Done, "{:?}", ended.view);
    assert_eq!((replica.sql("SELECT @@read_only").trim(), replica.sql("SHOW SLAVE STATUS").trim()), ("0", ""));
    assert_eq!(replica.sql("SELECT MAX(id) FROM d.t").trim(), "1");
    assert_eq!(promote(&replica).await.view.steps[0].state, StepState::Skipped);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_behind_or_broken_is_refused() {
    let (source, replica) = pair().await;
    // It receives and does not apply.
    replica.sql("STOP SLAVE SQL_THREAD");
    source.sql("INSERT INTO d.t VALUES (1)");
    let mut note = String::new();
    for _try in 0..5 {
        let behind = promote(&replica).await;
        assert_eq!(
            (behind.view.state, behind.view.steps[0].state),
            (RunState::Failed, StepState::Refused),
            "{:?}",
            behind.view
        );
        note = behind.view.steps[0].note.clone().unwrap_or_default();
        if note.contains("the replica is behind") {
            break;
        }
    }
    assert!(note.contains("the replica is behind: it received"), "{note}");
    // What comes from the source is there already.
    replica.sql("SET GLOBAL read_only=0; SET sql_log_bin=0; INSERT INTO d.t VALUES (1); SET GLOBAL read_only=1; START SLAVE SQL_THREAD");
    let broken = promote(&replica).await;
    let note = broken.view.steps[0].note.clone().unwrap_or_default();
    assert_eq!(broken.view.steps[0].state, StepState::Refused, "{note}");
    assert!(note.contains("the replica is broken") || note.contains("behind"), "{note}");
    assert_eq!(replica.sql("SELECT @@read_only").trim(), "1");
    assert!(!replica.sql("SHOW SLAVE STATUS").trim().is_empty(), "it is still a replica");
}
