//! Makes a replica of `MySQL` or `MariaDB` writable, where it has applied everything that it received.
//!
//! A source that is gone cannot be asked how far it was, so what counts is that the thread that applies runs without an error and
//! stands where the thread that receives stands. `Seconds_Behind` is no measure: it is NULL when the source is gone.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::Said;
use crate::fleet::secret::DatabaseUrl;
use crate::reach::mysql::{MysqlErrorKind, connect, words};
use crate::runbook::deed::{Bit, Found, Look, Trouble};
use crate::runbook::tools::Tools;

/// Between two looks at a replica that is catching up.
const AGAIN: Duration = Duration::from_millis(200);
/// A syntax error: the server is too old for the word.
const SYNTAX: u16 = 1064;
/// No such variable.
const NO_VARIABLE: u16 = 1193;

/// How a replica stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// It replicates nothing.
    NoReplica,
    /// Everything received is applied.
    CaughtUp,
    /// Everything received is applied, and nothing runs any more.
    Stopped,
    /// It applies what it received.
    Behind(String),
    /// It applies no more.
    Broken(String),
}

pub(super) async fn check(tools: &Tools, bit: Bit<'_>, url: &DatabaseUrl) -> Result<Found, Trouble> {
    let mut server = open(tools, bit, url).await?;
    let began = tools.clock.tick();
    // Half of the time for catching up, so that enough is left for the change itself.
    let patience = if bit.look == Look::Dry { Duration::ZERO } else { bit.patience / 2 };
    let found = loop {
        match standing(&mut server).await? {
            Standing::Broken(why) => {
                break Err(Trouble::Refused(format!(
                    "{}: the replica is broken: {why}; mend it, or promote another",
                    url.url
                )));
            }
            Standing::Behind(why) if tools.clock.tick().since(began) >= patience => {
                break Err(Trouble::Refused(format!(
                    "{}: the replica is behind: {why}; wait until it has caught up",
                    url.url
                )));
            }
            Standing::Behind(_) => tokio::time::sleep(AGAIN).await,
            Standing::Stopped if bit.look != Look::Again => {
                break Err(Trouble::Refused(format!(
                    "{}: replication is stopped, so nobody knows what it lacks: START REPLICA first",
                    url.url
                )));
            }
            Standing::NoReplica if writable(&mut server).await? => {
                break Ok(Found::There(format!("{} is writable and replicates nothing", url.url)));
            }
            Standing::NoReplica => {
                break Ok(Found::ToDo { note: Some("it replicates nothing and is read-only".into()), keep: None });
            }
            Standing::CaughtUp | Standing::Stopped => {
                break Ok(Found::ToDo {
                    note: Some("the replica has applied everything that it received".into()),
                    keep: None,
                });
            }
        }
    };
    let _ended = server.disconnect().await;
    found
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>, url: &DatabaseUrl) -> Said {
    let mut server = open(tools, bit, url).await?;
    if standing(&mut server).await? != Standing::NoReplica {
        first_of(&mut server, &["STOP REPLICA", "STOP SLAVE"]).await?;
        // What came in between the look and the stop is asked for once more, while nothing runs.
        match standing(&mut server).await? {
            Standing::Behind(why) | Standing::Broken(why) => {
                first_of(&mut server, &["START REPLICA", "START SLAVE"]).await?;
                return Err(Trouble::Failed(format!("{}: {why}; it replicates again", url.url)));
            }
            Standing::NoReplica | Standing::CaughtUp | Standing::Stopped => {}
        }
        first_of(&mut server, &["RESET REPLICA ALL", "RESET SLAVE ALL"]).await?;
    }
    match server.query_drop("SET GLOBAL super_read_only = 0").await {
        Ok(()) => {}
        Err(mysql_async::Error::Server(error)) if error.code == NO_VARIABLE => {}
        Err(error) => return Err(changing(&error)),
    }
    server.query_drop("SET GLOBAL read_only = 0").await.map_err(|error| changing(&error))?;
    let _ended = server.disconnect().await;
    Ok(None)
}

pub(super) async fn verify(tools: &Tools, bit: Bit<'_>, url: &DatabaseUrl) -> Said {
    let unsure = |trouble: Trouble| Trouble::Unknown(trouble.words().to_owned());
    let mut server = open(tools, bit, url).await.map_err(unsure)?;
    let replica = standing(&mut server).await.map_err(unsure)? != Standing::NoReplica;
    let writable = writable(&mut server).await.map_err(unsure)?;
    let _ended = server.disconnect().await;
    match (replica, writable) {
        (false, true) => Ok(Some("it is writable and replicates nothing".into())),
        (true, _) => Err(Trouble::Failed(format!("{}: it is still a replica", url.url))),
        (false, false) => Err(Trouble::Failed(format!("{}: it is still read-only", url.url))),
    }
}

async fn open(tools: &Tools, bit: Bit<'_>, url: &DatabaseUrl) -> Result<Conn, Trouble> {
    let source = bit.plan.password(bit.step).map_err(Trouble::Refused)?;
    let password = tools.secrets.resolve(&source).await;
    let password = password.map_err(|error| Trouble::Refused(format!("{error}; {}", error.remedy)))?;
    connect(url, password.as_ref(), bit.patience).await.map_err(|error| {
        if error.kind == MysqlErrorKind::Denied {
            tools.secrets.doubt(&source);
        }
        Trouble::Failed(format!("{}: {error}", url.url))
    })
}

async fn writable(server: &mut Conn) -> Result<bool, Trouble> {
    let read_only: Option<i64> =
        server.query_first("SELECT @@global.read_only + 0").await.map_err(|error| asking(&error))?;
    Ok(read_only == Some(0))
}

/// Does the first statement whose words the server knows.
async fn first_of(server: &mut Conn, statements: &[&str]) -> Result<(), Trouble> {
    for statement in statements {
        match server.query_drop(*statement).await {
            Err(mysql_async::Error::Server(error)) if error.code == SYNTAX => {}
            ended => return ended.map_err(|error| changing(&error)),
        }
    }
    Err(Trouble::Failed(format!("the server knows none of {}", statements.join(", "))))
}

/// The worst of all the sources of a server.
async fn standing(server: &mut Conn) -> Result<Standing, Trouble> {
    // MariaDB's word for several sources first; MySQL does not know it.
    for statement in ["SHOW ALL SLAVES STATUS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS"] {
        let rows: Result<Vec<Row>, _> = server.query(statement).await;
        match rows {
            Err(mysql_async::Error::Server(error)) if error.code == SYNTAX => {}
            Err(error) => return Err(asking(&error)),
            Ok(rows) => {
                let all = rows.iter().map(one).collect::<Vec<_>>();
                let worst = all.into_iter().max_by_key(|standing| match standing {
                    Standing::NoReplica => 0,
                    Standing::CaughtUp => 1,
                    Standing::Stopped => 2,
                    Standing::Behind(_) => 3,
                    Standing::Broken(_) => 4,
                });
                return Ok(worst.unwrap_or(Standing::NoReplica));
            }
        }
    }
    Ok(Standing::NoReplica)
}

fn one(row: &Row) -> Standing {
    let column = |names: &[&str]| {
        let found = row.columns_ref().iter().position(|column| names.iter().any(|name| column.name_str() == *name))?;
        match row.as_ref(found)? {
            Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Value::Int(number) => Some(number.to_string()),
            Value::UInt(number) => Some(number.to_string()),
            _ => None,
        }
    };
    let either = |name: &str| column(&[&format!("Slave_{name}"), &format!("Replica_{name}")]).unwrap_or_default();
    let source = |names: [&str; 2]| column(&names).unwrap_or_default();
    let error = column(&["Last_SQL_Error"]).unwrap_or_default();
    let received =
        (source(["Master_Log_File", "Source_Log_File"]), source(["Read_Master_Log_Pos", "Read_Source_Log_Pos"]));
    let applied = (
        source(["Relay_Master_Log_File", "Relay_Source_Log_File"]),
        source(["Exec_Master_Log_Pos", "Exec_Source_Log_Pos"]),
    );
    if !error.is_empty() {
        Standing::Broken(crate::reach::plain::line(&error, 160))
    } else if received != applied {
        Standing::Behind(format!("it received {} {} and applied {} {}", received.0, received.1, applied.0, applied.1))
    } else if either("SQL_Running") == "No" {
        Standing::Stopped
    } else if either("IO_Running") == "No" {
        // A source that is gone leaves it at `Connecting`.
        let error = column(&["Last_IO_Error"]).unwrap_or_default();
        Standing::Broken(
            format!("it receives nothing {}", crate::reach::plain::line(&error, 160)).trim_end().to_owned(),
        )
    } else {
        Standing::CaughtUp
    }
}

fn asking(error: &mysql_async::Error) -> Trouble {
    Trouble::Failed(words(error).to_string())
}

/// Of a statement that changes something: an answer of the server is an answer, anything else leaves it open.
fn changing(error: &mysql_async::Error) -> Trouble {
    match words(error) {
        known if matches!(known.kind, MysqlErrorKind::Server | MysqlErrorKind::Denied) => {
            Trouble::Failed(known.to_string())
        }
        lost => Trouble::Unknown(lost.to_string()),
    }
}
