//! A server whose databases are dumped, or that they are restored to: reached, and asked what it is.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Opts, OptsBuilder, Row, SslOpts, TxOpts};

use super::tools::Tools;
use super::trouble::Trouble;
use crate::fleet::secret::{DatabaseUrl, Secret, SecretSource};
use crate::reach::mysql::{self, MysqlError, MysqlErrorKind};
use crate::reach::plain;

/// Databases that belong to the server itself.
const ITS_OWN: [&str; 5] = ["mysql", "information_schema", "performance_schema", "sys", "ndbinfo"];

/// Where a server is, and how one logs in.
#[derive(Clone)]
pub struct Server {
    opts: Opts,
    password: Option<Secret>,
    source: SecretSource,
    /// For people, without secrets.
    pub name: String,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Server").field(&self.name).finish()
    }
}

/// What a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nature {
    /// Its version as it names itself: `10.11.14-MariaDB`.
    pub version: String,
    /// `MariaDB`, not `MySQL`.
    pub maria: bool,
    /// What tells it from another server at the same address.
    pub identity: String,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
}

/// A connection, and what it leads to.
pub struct Line {
    /// The connection.
    pub conn: Conn,
    /// What is at its other end.
    pub nature: Nature,
    patience: Duration,
    name: String,
}

impl Server {
    /// The server of this url.
    pub async fn of(url: &DatabaseUrl, tools: &Tools) -> Result<Self, Trouble> {
        let password = tools.secrets.resolve(&url.password).await;
        let password = password.map_err(|error| Trouble::Failed(format!("{}: {error}; {}", url.url, error.remedy)))?;
        let opts = mysql::options(url, password.as_ref()).map_err(|error| Trouble::Failed(error.to_string()))?;
        Ok(Self { opts, password, source: url.password.clone(), name: url.url.clone() })
    }

    /// A server of our own, behind a socket.
    pub(super) fn behind(socket: &std::path::Path) -> Self {
        let opts = OptsBuilder::default().socket(Some(socket.display().to_string())).user(Some("root"));
        Self {
            opts: opts.stmt_cache_size(0).into(),
            password: None,
            source: SecretSource::None,
            name: "the throw-away server".into(),
        }
    }

    /// Logs in, and asks what it is.
    pub async fn line(&self, tools: &Tools) -> Result<Line, Trouble> {
        let patience = tools.patience.answer;
        let conn = self.connect(patience).await.map_err(|error| {
            if error.kind == MysqlErrorKind::Denied {
                tools.secrets.doubt(&self.source);
            }
            self.away(&error)
        })?;
        let nature = Nature { version: String::new(), maria: false, identity: String::new(), encrypted: false };
        let mut line = Line { conn, nature, patience, name: self.name.clone() };
        // No question waits for long behind somebody who changes a table.
        let wait = tools.patience.lock.as_secs().max(1);
        // An old server has no such setting; then the answer's own time-out is left.
        let _old = line.order(&format!("SET SESSION lock_wait_timeout = {wait}")).await;
        let asked = "SELECT @@version, @@version_comment, CONCAT_WS('|', @@hostname, @@port, @@server_id, @@datadir)";
        let known: Vec<(String, String, String)> = line.ask(asked).await?;
        let encrypted: Vec<(String, String)> = line.ask("SHOW SESSION STATUS LIKE 'Ssl_cipher'").await?;
        if let Some((version, comment, identity)) = known.into_iter().next() {
            let maria = version.contains("MariaDB") || comment.contains("MariaDB");
            line.nature = Nature {
                version,
                maria,
                identity,
                encrypted: encrypted.first().is_some_and(|(_name, cipher)| !cipher.is_empty()),
            };
        }
        if !line.nature.maria {
            // MySQL 8 answers with what it knew a day ago otherwise.
            let _older = line.order("SET SESSION information_schema_stats_expiry = 0").await;
        }
        Ok(line)
    }

    /// In clear on this machine, where the server allows that: nobody listens there, and a dump is a lot to encrypt.
    async fn connect(&self, patience: Duration) -> Result<Conn, MysqlError> {
        let connecting = async {
            let here = self.opts.socket().is_none() && is_here(self.opts.ip_or_hostname());
            let asked = self.opts.ssl_opts().is_some_and(|tls| !tls.accept_invalid_certs());
            let clear: Opts = OptsBuilder::from_opts(self.opts.clone()).ssl_opts(None::<SslOpts>).into();
            if here
                && !asked
                && let Ok(conn) = Conn::new(clear.clone()).await
            {
                return Ok(conn);
            }
            match Conn::new(self.opts.clone()).await {
                Err(mysql_async::Error::Driver(mysql_async::DriverError::NoClientSslFlagFromServer)) if !asked => {
                    Conn::new(clear).await
                }
                ended => ended,
            }
        };
        match tokio::time::timeout(patience, connecting).await {
            Ok(ended) => ended.map_err(|error| mysql::words(&error)),
            Err(_late) => {
                Err(MysqlError { kind: MysqlErrorKind::Late, what: format!("no answer in {}", plain::time(patience)) })
            }
        }
    }

    fn away(&self, error: &MysqlError) -> Trouble {
        away(&self.name, error)
    }

    /// What `--defaults-file` of the server's own tools is to hold.
    pub(super) fn option_file(&self, nature: &Nature) -> String {
        let mut text = String::from("[client]\n");
        let mut add = |name: &str, value: &str| {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t");
            let _into_memory = writeln!(text, "{name}=\"{escaped}\"");
        };
        if let Some(socket) = self.opts.socket() {
            add("protocol", "socket");
            add("socket", socket);
        } else {
            add("protocol", "tcp");
            add("host", self.opts.ip_or_hostname());
            add("port", &self.opts.tcp_port().to_string());
        }
        if let Some(user) = self.opts.user() {
            add("user", user);
        }
        if let Some(password) = self.opts.pass().or(self.password.as_ref().map(Secret::expose)) {
            add("password", password);
        }
        let verified = self.opts.ssl_opts().is_some_and(|tls| !tls.accept_invalid_certs());
        // Each family has words of its own; `loose` makes the other one pass over them.
        match (nature.encrypted, verified) {
            (true, true) => text.push_str("loose-ssl\nloose-ssl-verify-server-cert\nloose-ssl-mode=VERIFY_IDENTITY\n"),
            (true, false) => {
                text.push_str("loose-ssl\nloose-skip-ssl-verify-server-cert\nloose-ssl-mode=REQUIRED\n");
            }
            (false, _) => text.push_str("loose-skip-ssl\nloose-ssl-mode=DISABLED\nloose-get-server-public-key\n"),
        }
        text
    }
}

impl Line {
    /// The server, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All rows of an answer.
    pub async fn ask<T: FromRow + Send + 'static>(&mut self, query: &str) -> Result<Vec<T>, Trouble> {
        let answer = tokio::time::timeout(self.patience, self.conn.query::<T, _>(query)).await;
        self.told(answer)
    }

    /// All rows of an answer, as they come.
    pub async fn rows(&mut self, query: &str) -> Result<Vec<Row>, Trouble> {
        self.ask(query).await
    }

    /// Has something done that has no answer.
    pub async fn order(&mut self, statement: &str) -> Result<(), Trouble> {
        let answer = tokio::time::timeout(self.patience, self.conn.query_drop(statement)).await;
        self.told(answer)
    }

    /// Rows that only may be read, whatever the question says.
    pub async fn read_only(&mut self, query: &str) -> Result<Vec<Row>, Trouble> {
        let reading = async {
            let mut opts = TxOpts::default();
            opts.with_readonly(true);
            let mut transaction = self.conn.start_transaction(opts).await?;
            let rows: Vec<Row> = transaction.query(query).await?;
            transaction.rollback().await?;
            Ok(rows)
        };
        let answer = tokio::time::timeout(self.patience, reading).await;
        self.told(answer)
    }

    /// Ends it.
    pub async fn end(self) {
        let _gone = tokio::time::timeout(Duration::from_secs(1), self.conn.disconnect()).await;
    }

    fn told<T>(
        &self,
        answer: Result<Result<T, mysql_async::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, Trouble> {
        match answer {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(error)) => Err(away(&self.name, &mysql::words(&error))),
            Err(_late) => {
                Err(Trouble::Server(late(format!("{}: no answer in {}", self.name, plain::time(self.patience)))))
            }
        }
    }
}

fn away(name: &str, error: &MysqlError) -> Trouble {
    let text = format!("{name}: {error}");
    match error.kind {
        MysqlErrorKind::Unreachable => {
            Trouble::Server(format!("{text}; is the server running, and does it listen at this address?"))
        }
        MysqlErrorKind::Late => Trouble::Server(late(text)),
        MysqlErrorKind::Denied => Trouble::Server(format!("{text}; check its user, password and rights")),
        MysqlErrorKind::Url | MysqlErrorKind::Server => Trouble::Failed(text),
    }
}

fn late(text: String) -> String {
    text + "; look whether the server is overloaded, a table locked, or the way to it cut"
}

/// Whether a database is one of the server's own, which no dump can restore.
pub fn is_its_own(name: &str) -> bool {
    ITS_OWN.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// A text as a literal of SQL, also where backslashes mean nothing.
pub(super) fn literal(text: &str) -> String {
    let hex = text.bytes().fold(String::new(), |mut hex, byte| {
        let _into_memory = write!(hex, "{byte:02x}");
        hex
    });
    if hex.is_empty() { "''".into() } else { format!("CONVERT(0x{hex} USING utf8mb4)") }
}

/// A name as an identifier of SQL.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A file of options for the server's tools, which only we may read, and which goes with what it is for.
pub(super) fn option_file(
    server: &Server,
    nature: &Nature,
    tools: &Tools,
) -> std::io::Result<(tempfile::TempDir, PathBuf)> {
    let folder = tools.room()?;
    let path = folder.path().join("options.cnf");
    // Made with 0600 by the library, in a folder with 0700.
    let mut file = tempfile::NamedTempFile::new_in(folder.path())?;
    std::io::Write::write_all(&mut file, server.option_file(nature).as_bytes())?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok((folder, path))
}
