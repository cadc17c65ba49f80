//! One connection to the pipeline's server: reads only, row by row, each wait with an end.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};

use super::Trouble;
use crate::fleet::secret::DatabaseUrl;
use crate::reach::mysql::{self, MysqlError, MysqlErrorKind};
use crate::reach::plain;
use crate::reach::secret::Secrets;

/// A connection on which nothing can be written.
pub(super) struct Server<'a> {
    url: &'a DatabaseUrl,
    secrets: &'a Secrets,
    connection: Conn,
    patience: Duration,
}

impl<'a> Server<'a> {
    pub(super) async fn connect(
        url: &'a DatabaseUrl,
        secrets: &'a Secrets,
        patience: Duration,
    ) -> Result<Self, Trouble> {
        let password = secrets
            .resolve(&url.password)
            .await
            .map_err(|error| Trouble::new("no password", format!("{}: {}", url.url, error.what), error.remedy))?;
        let connection = mysql::connect(url, password.as_ref(), patience)
            .await
            .map_err(|error| trouble(url, secrets, "", &error))?;
        let mut server = Self { url, secrets, connection, patience };
        // Queries may come from the fleet file: whatever they say, they change nothing.
        server.rows("", "SET SESSION TRANSACTION READ ONLY", drop).await?;
        Ok(server)
    }

    /// Runs a statement and hands over its rows one by one; returns the names of its columns. `what`: what is asked, for
    /// errors; empty where it says nothing.
    pub(super) async fn rows(
        &mut self,
        what: &str,
        statement: &str,
        mut each: impl FnMut(Row),
    ) -> Result<Vec<String>, Trouble> {
        let (url, secrets, patience) = (self.url, self.secrets, self.patience);
        let failed = |error: &mysql_async::Error| trouble(url, secrets, what, &mysql::words(error));
        let late = |_late| {
            let what = format!("no answer in {}", plain::time(patience));
            trouble(url, secrets, "", &MysqlError { kind: MysqlErrorKind::Late, what })
        };
        let asking = self.connection.query_iter(statement);
        let mut result = tokio::time::timeout(patience, asking).await.map_err(late)?.map_err(|error| failed(&error))?;
        let columns: Vec<String> = result.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
        while let Some(row) =
            tokio::time::timeout(patience, result.next()).await.map_err(late)?.map_err(|error| failed(&error))?
        {
            each(row);
        }
        let rest = tokio::time::timeout(patience, result.drop_result()).await.map_err(late)?;
        rest.map_err(|error| failed(&error))?;
        Ok(columns)
    }

    /// Says goodbye, which spares the server a line about an aborted connection. The answer is known already.
    pub(super) async fn end(self) {
        let _ended = tokio::time::timeout(self.patience, self.connection.disconnect()).await;
    }
}

fn trouble(url: &DatabaseUrl, secrets: &Secrets, what: &str, error: &MysqlError) -> Trouble {
    let at = if what.is_empty() { url.url.clone() } else { format!("{}, {what}", url.url) };
    let why = format!("{at}: {}", error.what);
    match error.kind {
        MysqlErrorKind::Denied => {
            secrets.doubt(&url.password);
            Trouble::new("login refused", why, "check user, password and rights: SELECT is all that is needed")
        }
        MysqlErrorKind::Url => Trouble::new("error", why, "correct `mysql` in the fleet file"),
        MysqlErrorKind::Unreachable => Trouble::new("unreachable", why, "is the server running, and its port open?"),
        MysqlErrorKind::Late => Trouble::new("no answer", why, "is the server overloaded, or its host frozen?"),
        MysqlErrorKind::Server => Trouble::new("error", why, "ask the same by hand with the mysql client"),
    }
}
