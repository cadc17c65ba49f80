//! mysql: a login and a query; mysql-replica: both replication threads run and the lag is known and small.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row, Value};

use super::{Answer, QUOTED};
use crate::fleet::secret::DatabaseUrl;
use crate::reach::mysql::{self, MysqlError, MysqlErrorKind};
use crate::reach::plain;
use crate::reach::secret::Secrets;

/// `MariaDB`'s, with all its connections; `MySQL`'s since 8.0.22; everybody's before.
const STATUS: [&str; 3] = ["SHOW ALL SLAVES STATUS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS"];
/// `ER_PARSE_ERROR`: the server does not know the statement.
const NOT_KNOWN: u16 = 1064;

pub(super) async fn ask(secrets: &Secrets, url: &DatabaseUrl, query: &str, timeout: Duration) -> Answer {
    let mut connection = match connect(secrets, url, timeout).await {
        Ok(connection) => connection,
        Err(answer) => return answer,
    };
    match connection.query_drop(query).await {
        Ok(()) => {
            goodbye(connection).await;
            Answer::pass()
        }
        Err(error) => words(&mysql::words(&error)),
    }
}

pub(super) async fn ask_replica(secrets: &Secrets, url: &DatabaseUrl, max_lag: Duration, timeout: Duration) -> Answer {
    let mut connection = match connect(secrets, url, timeout).await {
        Ok(connection) => connection,
        Err(answer) => return answer,
    };
    for statement in STATUS {
        match connection.query::<Row, _>(statement).await {
            Ok(rows) => {
                goodbye(connection).await;
                return judge(&rows.iter().map(Channel::read).collect::<Vec<_>>(), max_lag);
            }
            Err(Error::Server(error)) if error.code == NOT_KNOWN => {}
            Err(error) => return words(&mysql::words(&error)),
        }
    }
    Answer::unknown("the server knows no statement for the state of a replica")
}

async fn connect(secrets: &Secrets, url: &DatabaseUrl, timeout: Duration) -> Result<Conn, Answer> {
    let password = secrets.resolve(&url.password).await.map_err(|error| Answer::unknown(error.what))?;
    mysql::connect(url, password.as_ref(), timeout).await.map_err(|error| {
        if error.kind == MysqlErrorKind::Denied {
            secrets.doubt(&url.password);
        }
        words(&error)
    })
}

/// Says goodbye, which spares the server a line about an aborted connection. The answer is known already.
async fn goodbye(connection: Conn) {
    let _ended = connection.disconnect().await;
}

/// Who is not let in has not asked: a wrong password of ours must never look like a dead server.
fn words(error: &MysqlError) -> Answer {
    match error.kind {
        MysqlErrorKind::Url | MysqlErrorKind::Denied => Answer::unknown(error.what.clone()),
        MysqlErrorKind::Server => Answer::wrong(error.what.clone()),
        MysqlErrorKind::Unreachable | MysqlErrorKind::Late => Answer::silent(error.what.clone()),
    }
}

/// One replication channel as the server describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Channel {
    name: String,
    io: String,
    sql: String,
    /// Seconds; `None` is the server's NULL: it does not know, because replication is broken.
    lag: Option<u64>,
    error: String,
}

impl Channel {
    fn read(row: &Row) -> Self {
        let text = |names: &[&str]| column(row, names).filter(|text| !text.is_empty()).unwrap_or_default();
        Self {
            name: text(&["Connection_name", "Channel_Name"]),
            io: text(&["Replica_IO_Running", "Slave_IO_Running"]),
            sql: text(&["Replica_SQL_Running", "Slave_SQL_Running"]),
            lag: column(row, &["Seconds_Behind_Source", "Seconds_Behind_Master"]).and_then(|text| text.parse().ok()),
            error: [text(&["Last_SQL_Error"]), text(&["Last_IO_Error"])]
                .into_iter()
                .find(|e| !e.is_empty())
                .unwrap_or_default(),
        }
    }

    fn fault(&self, max_lag: Duration) -> Option<String> {
        let stopped = match (self.io == "Yes", self.sql == "Yes") {
            (true, true) => None,
            (false, true) => Some("the replica does not receive"),
            (true, false) => Some("the replica does not apply"),
            (false, false) => Some("replication is stopped"),
        };
        let error = plain::line(&self.error, QUOTED);
        match (stopped, self.lag) {
            (Some(stopped), _) if error.is_empty() => Some(stopped.into()),
            (Some(stopped), _) => Some(format!("{stopped}: {error}")),
            (None, None) => Some("replication is broken: the lag is not known".into()),
            (None, Some(lag)) if Duration::from_secs(lag) > max_lag => {
                Some(format!("{lag} s behind, at most {} wanted", plain::time(max_lag)))
            }
            (None, Some(_)) => None,
        }
    }
}

fn column(row: &Row, names: &[&str]) -> Option<String> {
    let at = row
        .columns_ref()
        .iter()
        .position(|column| names.iter().any(|name| column.name_str().eq_ignore_ascii_case(name)))?;
    match row.as_ref(at)? {
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        _ => None,
    }
}

fn judge(channels: &[Channel], max_lag: Duration) -> Answer {
    if channels.is_empty() {
        return Answer::wrong("the server is no replica");
    }
    // One that does not know how far it is behind hides how far the whole is.
    let lags: Option<Vec<u64>> = channels.iter().map(|channel| channel.lag).collect();
    let behind = lags.and_then(|lags| lags.into_iter().max()).map(Duration::from_secs);
    for channel in channels {
        if let Some(fault) = channel.fault(max_lag) {
            let name = plain::line(&channel.name, 40);
            return Answer::wrong(if name.is_empty() { fault } else { format!("{name}: {fault}") }).behind(behind);
        }
    }
    Answer::pass().behind(behind)
}

#[cfg(test)]
mod tests {
    use mysql_async::consts::ColumnType;

    use super::*;

    fn channel(io: &str, sql: &str, lag: Option<u64>) -> Channel {
        Channel { io: io.into(), sql: sql.into(), lag, ..Channel::default() }
    }

    fn judged(channels: &[Channel]) -> Option<String> {
        judge(channels, Duration::from_secs(30)).reason
    }

    #[test]
    fn a_lag_that_is_not_known_is_a_fault_and_not_zero() {
        assert_eq!(judged(&[channel("Yes", "Yes", Some(0))]), None);
        assert_eq!(judged(&[channel("Yes", "Yes", Some(30))]), None);
        assert_eq!(judged(&[channel("Yes", "Yes", Some(31))]).as_deref(), Some("31 s behind, at most 30 s wanted"));
        assert_eq!(
            judged(&[channel("Yes", "Yes", None)]).as_deref(),
            Some("replication is broken: the lag is not known")
        );
        assert_eq!(judged(&[channel("Connecting", "Yes", None)]).as_deref(), Some("the replica does not receive"));
        assert_eq!(judged(&[channel("No", "No", None)]).as_deref(), Some("replication is stopped"));
        assert_eq!(judged(&[]).as_deref(), Some("the server is no replica"));
    }

    #[test]
    fn the_slowest_channel_is_how_far_the_replica_is_behind() {
        let behind = |lags: &[Option<u64>]| {
            let channels: Vec<Channel> = lags.iter().map(|lag| channel("Yes", "Yes", *lag)).collect();
            judge(&channels, Duration::from_secs(30)).behind
        };
        assert_eq!(behind(&[Some(0)]), Some(Duration::ZERO));
        assert_eq!(behind(&[Some(2), Some(31), Some(7)]), Some(Duration::from_secs(31)));
        assert_eq!(behind(&[Some(2), None]), None);
        assert_eq!(behind(&[]), None);
    }

    /// A row as a server would send it: a column each, texts as bytes.
    fn row(columns: &[(&str, Option<&str>)]) -> Row {
        let named = |(name, _): &(&str, Option<&str>)| {
            mysql_async::Column::new(ColumnType::MYSQL_TYPE_VAR_STRING).with_name(name.as_bytes())
        };
        let value = |(_, text): &(&str, Option<&str>)| text.map_or(Value::NULL, |text| Value::Bytes(text.into()));
        mysql_common::row::new_row(columns.iter().map(value).collect(), columns.iter().map(named).collect())
    }

    #[test]
    fn the_columns_of_each_server_are_read_by_their_names() {
        // `SHOW REPLICA STATUS` of MySQL 8.4, among columns that say nothing here.
        let mysql = |running: &str, lag: Option<&str>, error: &str| {
            Channel::read(&row(&[
                ("Replica_IO_State", Some("Waiting for source to send event")),
                ("Source_Host", Some("10.0.0.5")),
                ("Replica_IO_Running", Some("Yes")),
                ("Replica_SQL_Running", Some(running)),
                ("Seconds_Behind_Source", lag),
                ("Last_IO_Error", Some("")),
                ("Last_SQL_Error", Some(error)),
                ("Channel_Name", Some("east")),
            ]))
        };
        let named = |channel: Channel| Channel { name: "east".into(), ..channel };
        assert_eq!(mysql("Yes", Some("7"), ""), named(channel("Yes", "Yes", Some(7))));
        let stopped = mysql("No", None, "Duplicate entry '7'");
        assert_eq!(stopped, Channel { error: "Duplicate entry '7'".into(), ..named(channel("Yes", "No", None)) });
        // `SHOW ALL SLAVES STATUS` of MariaDB 10.11, and `SHOW SLAVE STATUS` of everything older.
        let older = [
            ("Slave_IO_Running", Some("Connecting")),
            ("Slave_SQL_Running", Some("Yes")),
            ("Seconds_Behind_Master", None),
            ("Last_IO_Error", Some("error connecting to master")),
        ];
        let broken = Channel { error: "error connecting to master".into(), ..channel("Connecting", "Yes", None) };
        assert_eq!(Channel::read(&row(&older)), broken);
        let mariadb = [&[("Connection_name", Some("east"))], older.as_slice()].concat();
        assert_eq!(Channel::read(&row(&mariadb)), named(broken));
    }

    #[test]
    fn every_channel_counts_and_the_server_says_why() {
        let broken =
            Channel { name: "east".into(), error: "Duplicate entry '7'\n".into(), ..channel("Yes", "No", None) };
        assert_eq!(
            judged(&[channel("Yes", "Yes", Some(0)), broken]).as_deref(),
            Some("east: the replica does not apply: Duplicate entry '7'")
        );
    }
}
